"""Smooth shapes with soft edges, painted on top of one another."""

from __future__ import annotations

import math

from PIL import Image, ImageChops, ImageDraw, ImageFilter

WIDTH, HEIGHT = 320, 240
SCALE = 2  # drawing size over final size

Point = tuple[float, float]
Colour = tuple[int, int, int]


def curve(*points: Point, steps: int = 24) -> list[Point]:
    """A smooth line through the points (Catmull-Rom)."""
    padded = [points[0], *points, points[-1]]
    line: list[Point] = []
    for a, b, c, d in zip(padded, padded[1:], padded[2:], padded[3:], strict=False):
        for i in range(steps):
            t = i / steps
            line.append(
                (
                    _spline(a[0], b[0], c[0], d[0], t),
                    _spline(a[1], b[1], c[1], d[1], t),
                )
            )
    return [*line, points[-1]]


def _spline(a: float, b: float, c: float, d: float, t: float) -> float:
    return 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)


class Canvas:
    """Draws in a space whose origin is the middle of the face, y downwards."""

    def __init__(self) -> None:
        self.image = Image.new("RGBA", (WIDTH * SCALE, HEIGHT * SCALE), (0, 0, 0, 0))

    def _place(self, points: list[Point]) -> list[Point]:
        return [((WIDTH / 2 + x) * SCALE, (HEIGHT / 2 + y) * SCALE) for x, y in points]

    def fill(
        self,
        points: list[Point],
        colour: Colour,
        opacity: float = 1.0,
        soft: float = 0.0,
        within: Image.Image | None = None,
    ) -> Image.Image:
        """Fills a shape, soft at its edge by so many pixels; returns its mask."""
        placed = self._place(points)
        margin = int(3 * soft * SCALE) + 2
        left = max(int(min(x for x, _ in placed)) - margin, 0)
        top = max(int(min(y for _, y in placed)) - margin, 0)
        right = min(int(max(x for x, _ in placed)) + margin, self.image.width)
        bottom = min(int(max(y for _, y in placed)) + margin, self.image.height)
        shape = Image.new("L", self.image.size, 0)
        if right <= left or bottom <= top:
            return shape
        box = (left, top, right, bottom)
        mask = Image.new("L", (right - left, bottom - top), 0)
        ImageDraw.Draw(mask).polygon([(x - left, y - top) for x, y in placed], fill=255)
        shape.paste(mask, box)
        if soft:
            mask = mask.filter(ImageFilter.GaussianBlur(soft * SCALE))
        if within is not None:
            mask = ImageChops.darker(mask, within.crop(box))
        if opacity < 1:
            mask = mask.point([int(v * opacity) for v in range(256)])
        layer = Image.new("RGBA", mask.size, (*colour, 255))
        layer.putalpha(mask)
        self.image.alpha_composite(layer, (left, top))
        return shape

    def stroke(
        self, points: list[Point], colour: Colour, width: float, opacity: float = 1.0, soft: float = 0.0
    ) -> None:
        """Draws a line that tapers towards both ends."""
        last = len(points) - 1
        upper: list[Point] = []
        lower: list[Point] = []
        for i, (x, y) in enumerate(points):
            (x0, y0), (x1, y1) = points[max(i - 1, 0)], points[min(i + 1, last)]
            length = math.hypot(x1 - x0, y1 - y0) or 1.0
            half = width / 2 * (0.25 + 0.75 * math.sin(math.pi * (i + 0.5) / (last + 1)))
            nx, ny = -(y1 - y0) / length * half, (x1 - x0) / length * half
            upper.append((x + nx, y + ny))
            lower.append((x - nx, y - ny))
        self.fill(upper + lower[::-1], colour, opacity, soft)


def ellipse(cx: float, cy: float, rx: float, ry: float) -> list[Point]:
    """The outline of an ellipse."""
    return [(cx + rx * math.cos(t * math.tau / 60), cy + ry * math.sin(t * math.tau / 60)) for t in range(60)]
