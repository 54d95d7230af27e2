"""A drawn face: a portrait whose expression, gaze and mouth are parameters.

It is drawn at twice its size and scaled down, with soft shadows, so that
a face detector trained on photographs finds it and a camera-like blur remains.
"""

from __future__ import annotations

import math

from PIL import Image

from canvas import HEIGHT, SCALE, WIDTH, Canvas, Colour, Point, curve, ellipse
from people import Look, Person

DARK: Colour = (46, 22, 22)


def draw(who: Person, look: Look, background: Image.Image) -> Image.Image:
    """The person in front of the background: WIDTH x HEIGHT, RGB."""
    body, head = Canvas(), Canvas()
    _draw_body(body, who)
    _draw_head(head, who, look)
    scene = background.resize(head.image.size).convert("RGBA")
    x, y = look.shift
    scene.alpha_composite(_move(body.image, 0.4 * x + look.away, 0.4 * y, 0.2 * look.tilt, look.size))
    scene.alpha_composite(_move(head.image, x + look.away, y, look.tilt, look.size))
    return scene.convert("RGB").resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)


def _move(layer: Image.Image, x: float, y: float, tilt: float, size: float) -> Image.Image:
    width, height = layer.size
    cos, sin = math.cos(math.radians(tilt)) / size, math.sin(math.radians(tilt)) / size
    cx, cy = width / 2, height * 0.62  # the neck
    dx, dy = cx + x * SCALE, cy + y * SCALE
    matrix = (cos, sin, cx - cos * dx - sin * dy, -sin, cos, cy + sin * dx - cos * dy)
    return layer.transform(layer.size, Image.Transform.AFFINE, matrix, Image.Resampling.BICUBIC)


def _draw_body(c: Canvas, who: Person) -> None:
    c.fill(
        curve(
            (-130, 140),
            (-112, 96),
            (-60, 76),
            (-24, 70),
            (24, 70),
            (60, 76),
            (112, 96),
            (130, 140),
            (130, 170),
            (-130, 170),
        ),
        who.shirt,
    )
    c.fill(curve((-96, 140), (-88, 108), (-60, 150)), who.collar, 0.7, 4)
    c.fill(curve((96, 140), (88, 108), (60, 150)), who.collar, 0.7, 4)
    c.fill(curve((-22, 40), (-22, 72), (0, 92), (22, 72), (22, 40)), who.skin)
    c.fill(curve((-22, 48), (-20, 64), (0, 74), (20, 64), (22, 48)), who.shade, 0.75, 4)
    c.stroke(curve((-30, 70), (-18, 86), (0, 96)), who.collar, 6)
    c.stroke(curve((30, 70), (18, 86), (0, 96)), who.collar, 6)


def _draw_head(c: Canvas, who: Person, look: Look) -> None:
    jaw = 7 * look.mouth
    if who.bob:
        c.fill(
            curve(
                (0, 20),
                (-40, 58),
                (-58, 52),
                (-66, 0),
                (-58, -52),
                (-30, -82),
                (0, -90),
                (30, -82),
                (58, -52),
                (66, 0),
                (58, 52),
                (40, 58),
                (0, 20),
            ),
            who.hair,
        )
    else:
        for side in (-1, 1):
            c.fill(ellipse(side * 51, -2, 7, 13), who.shade)
            c.fill(ellipse(side * 52, -3, 5, 10), who.skin)
        c.fill(curve((-50, -6), (-56, -40), (-40, -78), (0, -88), (40, -78), (56, -40), (50, -6), (0, -30)), who.hair)
    outline = curve(
        (0, -68), (-34, -58), (-49, -24), (-48, 8), (-42, 34), (-24, 58 + 0.7 * jaw), (0, 66 + jaw),
        (24, 58 + 0.7 * jaw), (42, 34), (48, 8), (49, -24), (34, -58), (0, -68),
    )  # fmt: skip
    skin = c.fill(outline, who.skin)
    c.fill(
        curve((-49, -24), (-48, 8), (-42, 34), (-24, 60), (0, 68 + jaw), (-14, 50), (-34, 30), (-40, -10)),
        who.shade,
        0.45,
        5,
        skin,
    )
    c.fill(
        curve((49, -24), (48, 8), (42, 34), (24, 60), (0, 68 + jaw), (20, 52), (39, 30), (44, -10)),
        who.shade,
        0.65,
        4,
        skin,
    )
    c.fill(ellipse(-4, -40, 26, 12), who.light, 0.6, 7, skin)
    joy = max(look.smile, 0)
    for side in (-1, 1):
        c.fill(ellipse(side * 28, 18 - 3 * joy, 13, 9), (214, 120, 104), 0.25 + 0.3 * joy, 5, skin)
        c.fill(ellipse(side * 27, 10 - 3 * joy, 11, 5), who.light, 0.35 + 0.35 * joy, 4, skin)
        _draw_eye(c, who, look, side)
        _draw_brow(c, who, look, side)
        _draw_fold(c, who, look, side)
    if look.frown > 0.05:
        for x in (-4, 4):
            c.stroke(curve((x, -34), (0.8 * x, -28), (x, -21)), who.shade, 2.6, look.frown, 0.5)
    _draw_nose(c, who, look)
    _draw_mouth(c, who, look)
    if who.bob:
        c.fill(
            curve(
                (-52, -8),
                (-58, -46),
                (-34, -78),
                (0, -84),
                (34, -78),
                (58, -46),
                (52, -8),
                (48, -34),
                (34, -54),
                (10, -62),
                (-14, -58),
                (-36, -46),
                (-47, -30),
            ),
            who.hair,
        )
        c.stroke(curve((-40, -56), (-10, -74), (28, -70)), who.shade, 5, 0.3, 1.5)
    else:
        c.fill(
            curve(
                (-50, -14),
                (-54, -48),
                (-32, -80),
                (0, -87),
                (32, -80),
                (54, -48),
                (50, -14),
                (46, -38),
                (34, -56),
                (12, -52),
                (-12, -58),
                (-38, -50),
                (-47, -34),
            ),
            who.hair,
        )
        c.fill(
            curve((-40, 26), (-26, 50), (0, 58), (26, 50), (40, 26), (26, 60), (0, 70 + jaw), (-26, 60)),
            who.hair,
            0.35,
            3,
            skin,
        )


def _draw_eye(c: Canvas, who: Person, look: Look, side: int) -> None:
    joy = max(look.smile, 0)
    x, y = 20.0 * side, -12.0
    up, down = 7.6 * look.lids - 1.2 * look.frown, (4.8 - 2.2 * joy) * look.lids
    inner, outer = x - 12 * side, x + 12 * side
    sad = 2.0 * look.worry
    c.fill(ellipse(x, y - 1, 15, 10), who.shade, 0.5, 3)
    lid = curve((inner, y + 1), (x - 5 * side, y - up * 0.92), (x + 4 * side, y - up), (outer, y - 1 + sad))
    bottom = curve((outer, y - 1 + sad), (x + 4 * side, y + down), (x - 5 * side, y + down * 0.9), (inner, y + 1))
    white = c.fill(lid + bottom, (244, 240, 236))
    gx, gy = x + look.gaze[0], y - 1 + look.gaze[1]
    c.fill(ellipse(gx, gy, 6.2, 6.2), who.iris, 1, 0, white)
    c.fill(ellipse(gx, gy, 3.2, 3.2), (18, 14, 12), 1, 0, white)
    c.fill(ellipse(gx - 2, gy - 2.4, 1.4, 1.4), (255, 255, 255), 1, 0, white)
    c.fill(lid + [(px, py + 3.0) for px, py in reversed(lid)], DARK, 0.3, 0.8, white)
    c.stroke(lid, DARK, 3.0)
    c.stroke(bottom, who.shade, 1.6)
    c.stroke([(px, py - 4.5) for px, py in lid], who.shade, 1.5, 0.8)
    if joy > 0.2:
        c.stroke(curve((inner + 3 * side, y + 8), (x, y + 9.5), (outer, y + 6)), who.shade, 2, 0.7 * joy, 0.6)


def _draw_brow(c: Canvas, who: Person, look: Look, side: int) -> None:
    joy = max(look.smile, 0)
    lift = 2.5 * joy
    inner = (side * (8.0 - 3 * look.frown), -26.5 + 6 * look.frown - 6 * look.worry - lift)
    middle = (side * 21.0, -31.0 + 2.5 * look.frown + 0.5 * look.worry - lift)
    outer = (side * 35.0, -25.5 + 4 * look.worry - 1.5 * look.frown - lift)
    c.stroke(curve(inner, middle, outer), who.hair, 6.0 + look.frown)


def _draw_fold(c: Canvas, who: Person, look: Look, side: int) -> None:
    """From the nose to the corner of the mouth: deep in a smile and in grief."""
    joy, grief = max(look.smile, 0), max(-look.smile, 0)
    line = curve((side * 11, 13), (side * (20 + 6 * joy), 24 - joy), (side * (22 + 6 * joy), 36 + 4 * grief))
    c.stroke(line, who.shade, 3.2, 0.2 + 0.7 * max(joy, grief), 0.8)


def _draw_nose(c: Canvas, who: Person, look: Look) -> None:
    wide = 1 + 0.12 * max(look.smile, 0) + 0.1 * look.frown
    c.fill(curve((2, -18), (6, 0), (12 * wide, 13), (4, 17), (3, 2)), who.shade, 0.55, 2)
    c.stroke(curve((-10 * wide, 10), (-12 * wide, 14), (-7, 16)), who.shade, 2.6, 0.9)
    c.stroke(curve((10 * wide, 10), (12 * wide, 14), (7, 16)), who.shade, 2.6, 0.9)
    for side in (-1, 1):
        c.fill(ellipse(side * 5.2 * wide, 15.2, 2.8, 1.6), (96, 48, 40), 0.9, 0.4)
    c.fill(ellipse(-1, 6, 3, 6), who.light, 0.6, 2)


def _draw_mouth(c: Canvas, who: Person, look: Look) -> None:
    joy, grief = max(look.smile, 0), max(-look.smile, 0)
    half = 19 + 9 * joy - 2 * grief - 4 * look.mouth
    corner = 37 - 6 * joy + 7 * grief
    top = 36 + 1.5 * joy - 3.5 * grief
    open_ = 10 * look.mouth + 8 * joy**2
    seam = top + 2.5
    corners: tuple[Point, Point] = ((-half, corner), (half, corner))
    upper = curve(
        corners[0],
        (-half * 0.5, (corner + top) / 2 - 0.6 + 1.5 * joy),
        (0, seam),
        (half * 0.5, (corner + top) / 2 - 0.6 + 1.5 * joy),
        corners[1],
    )
    lower = curve(
        corners[1],
        (half * 0.5, (corner + seam) / 2 + open_ * 0.85),
        (0, seam + open_),
        (-half * 0.5, (corner + seam) / 2 + open_ * 0.85),
        corners[0],
    )
    rim = curve(
        corners[0],
        (-half * 0.45, (corner + top) / 2 - 3.2),
        (-4, top - 3.6),
        (0, top - 2.4),
        (4, top - 3.6),
        (half * 0.45, (corner + top) / 2 - 3.2),
        corners[1],
    )
    base = curve(
        corners[1],
        (half * 0.5, (corner + seam) / 2 + open_ + 4.4),
        (0, seam + open_ + 6.4),
        (-half * 0.5, (corner + seam) / 2 + open_ + 4.4),
        corners[0],
    )
    c.fill(ellipse(0, seam + open_ + 12, 14, 4), who.shade, 0.5, 2.5)
    c.fill(rim + base, who.lips)
    inside = c.fill(upper + lower, (70, 24, 26))
    if open_ > 1.5:
        bite = min(open_ * 0.62, 6.5)
        c.fill(upper + [(x * 0.98, y + bite) for x, y in reversed(upper)], (244, 240, 232), 1, 0, inside)
    c.stroke(upper, DARK, 2.0)
    c.fill(ellipse(-3, seam + open_ + 3.2, 6, 1.4), (226, 150, 146), 0.6, 0.8)
    for side in (-1, 1):
        c.fill(ellipse(side * half, corner, 2.6, 2.2), who.shade, 0.7, 1)
