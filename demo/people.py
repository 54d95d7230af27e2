"""Who is seen, and what a face can do."""

from __future__ import annotations

from dataclasses import dataclass

from canvas import Colour, Point


@dataclass(frozen=True)
class Person:
    """What makes a face someone's."""

    skin: Colour
    shade: Colour  # skin in shadow
    light: Colour  # skin in light
    hair: Colour
    lips: Colour
    iris: Colour
    shirt: Colour
    collar: Colour
    bob: bool  # hair down to the chin, else short


CALLER = Person(
    (226, 178, 150),
    (176, 120, 96),
    (246, 208, 184),
    (66, 42, 32),
    (178, 84, 84),
    (70, 88, 62),
    (52, 92, 122),
    (36, 68, 94),
    bob=True,
)
GUEST = Person(
    (206, 158, 124),
    (150, 104, 76),
    (232, 192, 160),
    (34, 30, 30),
    (164, 92, 80),
    (78, 58, 40),
    (120, 66, 60),
    (88, 46, 44),
    bob=False,
)


@dataclass(frozen=True)
class Look:
    """What a face does at an instant. Lengths are pixels of the final picture."""

    smile: float = 0.0  # -1 mouth corners down .. 1 a broad smile
    frown: float = 0.0  # 0 .. 1 brows drawn together and down
    worry: float = 0.0  # 0 .. 1 inner ends of the brows raised
    lids: float = 1.0  # 0 eyes shut .. 1 open
    mouth: float = 0.0  # 0 lips closed .. 1 jaw down
    gaze: Point = (0.0, 0.0)
    shift: Point = (0.0, 0.0)
    tilt: float = 0.0  # degrees
    size: float = 1.0
    away: float = 0.0  # how far the whole person has moved to the right
