"""What the two people do in the picture at each instant of the call."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from PIL import Image

from canvas import HEIGHT, WIDTH
from face import draw
from people import CALLER, GUEST, Look
from rooms import office, room
from script import Spoken

FPS = 15

HAPPY = Look(smile=1.0, lids=0.8)
FRIENDLY = Look(smile=0.65, lids=0.9)
CALM = Look()
PLEASED = Look(smile=0.8, lids=0.85)
CONCERNED = Look(smile=-0.3, worry=0.8)
UPSET = Look(smile=-0.7, frown=1.0, lids=0.75)
SURPRISED = Look(smile=0.2, worry=0.3, lids=1.15)

OPEN = {
    "a": 0.9,
    "A": 1.0,
    "O": 0.9,
    "0": 0.9,
    "V": 0.7,
    "E": 0.7,
    "e": 0.6,
    "o": 0.7,
    "3": 0.5,
    "@": 0.45,
    "i": 0.35,
    "I": 0.4,
    "u": 0.35,
    "U": 0.4,
}
SHUT = {"m": 0.0, "b": 0.0, "p": 0.0, "f": 0.08, "v": 0.08, "_": 0.0}
CONSONANT = 0.22


@dataclass(frozen=True)
class Cues:
    """The instants, in seconds, at which the acting changes."""

    asked: float  # the guest asks
    complains: float
    leaves: float  # the caller, out of the picture
    returns: float
    relieved: float  # the caller hears the good news
    thanks: float
    dark_from: float  # the guest's camera is off
    dark_to: float


def cues(spoken: list[Spoken]) -> Cues:
    """Reads the instants off the script."""
    at = {s.line.cue: s for s in spoken}
    leaves = at["trouble-6"].end - 0.4
    return Cues(
        asked=at["greeting-2"].start,
        complains=at["trouble-1"].start,
        leaves=leaves,
        returns=leaves + 4.2,
        relieved=at["apology-2"].end - 0.8,
        thanks=at["thanks-2"].start,
        dark_from=at["hello-2"].start,
        dark_to=at["hello-5"].start + 0.9,
    )


def mix(a: Look, b: Look, share: float) -> Look:
    """Between two expressions."""
    s = share * share * (3 - 2 * share)
    return replace(
        a,
        smile=a.smile + s * (b.smile - a.smile),
        frown=a.frown + s * (b.frown - a.frown),
        worry=a.worry + s * (b.worry - a.worry),
        lids=a.lids + s * (b.lids - a.lids),
    )


Scenes = tuple[tuple[float, Look], ...]


def caller_scenes(c: Cues) -> Scenes:
    """From when on the caller looks how."""
    return (
        (0.0, HAPPY),
        (c.asked + 0.6, CALM),
        (c.complains - 0.3, UPSET),
        (c.relieved, SURPRISED),
        (c.thanks - 0.4, HAPPY),
    )


def guest_scenes(c: Cues) -> Scenes:
    """From when on the guest looks how."""
    return ((0.0, FRIENDLY), (c.complains + 2.0, CONCERNED), (c.relieved, FRIENDLY), (c.thanks + 1.0, PLEASED))


def expression(scenes: Scenes, t: float) -> Look:
    """The mood at an instant; a change takes most of a second."""
    look = scenes[0][1]
    for start, following in scenes[1:]:
        look = mix(look, following, min(max((t - start) / 0.8, 0.0), 1.0))
    return look


def mouth(spoken: list[Spoken], speaker: str, length: float) -> npt.NDArray[np.float64]:
    """How far the mouth is open in each frame, from the phonemes."""
    fine = np.zeros(int(length * 100) + 100)
    for said in spoken:
        if said.line.speaker != speaker:
            continue
        sounds = [*said.utterance.sounds, (said.utterance.words[-1].end, "_")]
        for (begin, sound), (end, _) in pairwise(sounds):
            first = sound[:1]
            fine[int((said.start + begin) * 100) : int((said.start + end) * 100)] = OPEN.get(
                first, SHUT.get(first, CONSONANT)
            )
    smooth = np.convolve(fine, np.hanning(11) / np.hanning(11).sum(), "same")
    frames: npt.NDArray[np.float64] = smooth[(np.arange(int(length * FPS)) * 100 / FPS).astype(int)]
    return frames


def idle(look: Look, t: float, talking: float, blink: bool, liveliness: float) -> Look:
    """Adds what a living person does besides: sways, looks around, blinks and talks."""
    return replace(
        look,
        mouth=0.75 * talking,
        lids=look.lids * (0.1 if blink else 1.0),
        gaze=(1.2 * math.sin(0.9 * t), 0.5 * math.sin(1.7 * t)),
        shift=(
            liveliness * (4 * math.sin(0.7 * t) + 2 * math.sin(1.9 * t + 1)),
            liveliness * 1.5 * math.sin(1.1 * t) + 2 * talking,
        ),
        tilt=liveliness * (2.5 * math.sin(0.53 * t + 0.5) + 1.0 * math.sin(1.7 * t)),
        size=1.06 + 0.05 * math.sin(0.2 * t),
    )


def blinks(seed: int, frames: int) -> set[int]:
    """The frames in which the eyes are shut."""
    chance, shut, t = np.random.default_rng(seed), set[int](), 1.0
    while t * FPS < frames:
        shut.update((int(t * FPS), int(t * FPS) + 1))
        t += chance.uniform(1.8, 4.5)
    return shut


def caller(spoken: list[Spoken], length: float) -> Iterator[Image.Image]:
    """The caller's picture, frame by frame."""
    c, background = cues(spoken), room()
    scenes, talking = caller_scenes(c), mouth(spoken, "call", length)
    shut = blinks(7, len(talking))
    for i, open_ in enumerate(talking):
        t = i / FPS
        gone = min(max((t - c.leaves) / 0.9, 0.0), 1.0) * (1 - min(max((t - c.returns + 0.9) / 0.9, 0.0), 1.0))
        look = idle(expression(scenes, t), t, open_, i in shut, 1.0)
        yield draw(CALLER, replace(look, away=300 * gone**1.5), background)


def guest(spoken: list[Spoken], length: float) -> Iterator[Image.Image]:
    """The guest's picture, frame by frame: black while the camera is off."""
    c, background = cues(spoken), office()
    scenes, talking = guest_scenes(c), mouth(spoken, "guest", length)
    shut = blinks(5, len(talking))
    black = Image.new("RGB", (WIDTH, HEIGHT))
    for i, open_ in enumerate(talking):
        t = i / FPS
        if c.dark_from <= t < c.dark_to:
            yield black
        else:
            yield draw(GUEST, idle(expression(scenes, t), t + 40, open_, i in shut, 0.6), background)
