"""What is behind the people, out of focus."""

from __future__ import annotations

from PIL import Image, ImageFilter

from canvas import HEIGHT, SCALE, Canvas, curve, ellipse


def office() -> Image.Image:
    """A blurred office: a dark wall, a lamp and a picture."""
    c = Canvas()
    c.fill([(-160, -120), (160, -120), (160, 120), (-160, 120)], (92, 108, 120))
    c.fill([(-160, 40), (160, 40), (160, 120), (-160, 120)], (74, 86, 96))
    c.fill(ellipse(112, -64, 60, 50), (230, 214, 170), 0.8, 16)
    c.fill([(96, -70), (128, -70), (138, -36), (86, -36)], (250, 238, 204))
    c.fill([(-142, -96), (-88, -96), (-88, -44), (-142, -44)], (206, 196, 170))
    c.fill([(-136, -90), (-94, -90), (-94, -50), (-136, -50)], (96, 130, 120))
    return c.image.convert("RGB").filter(ImageFilter.GaussianBlur(3 * SCALE))


def room() -> Image.Image:
    """A blurred room: a wall, a window, a shelf and a plant."""
    c = Canvas()
    for i in range(HEIGHT):
        shade = 214 - i // 4
        c.fill([(-160, i - 120), (160, i - 120), (160, i - 118), (-160, i - 118)], (shade, shade - 8, shade - 26))
    c.fill([(-160, -110), (-92, -110), (-92, -6), (-160, -6)], (236, 244, 250))
    c.stroke([(-126, -110), (-126, -6)], (180, 176, 168), 8)
    c.fill([(84, -60), (160, -60), (160, -52), (84, -52)], (120, 84, 58))
    for i, colour in enumerate(((150, 60, 52), (64, 96, 120), (196, 160, 80), (84, 110, 76), (110, 72, 110))):
        c.fill(
            [
                (90 + 13 * i, -60),
                (101 + 13 * i, -60),
                (101 + 13 * i, -98 + 5 * (i % 3)),
                (90 + 13 * i, -98 + 5 * (i % 3)),
            ],
            colour,
        )
    c.fill(curve((112, 60), (128, 4), (160, -6), (152, 60)), (74, 112, 66), 0.9, 3)
    return c.image.convert("RGB").filter(ImageFilter.GaussianBlur(3 * SCALE))
