"""Make clips of acted corpora sound like stretches of a call.

The corpora can be told apart by what is not speech: RAVDESS has about a second of silence in front, EMO-DB is cut
hard, each has its own noise floor, and levels that follow the emotion in the one and the peak of the clip in the
other. A net learns that before it learns emotion. So every clip is trimmed to its speech, brought to one level and set
into random silence and a common kind of noise. Training clips are also varied, as calls vary (`line.py`).

Everything is drawn from generators seeded by names: a line by the track, what changes from clip to clip by the clip.
"""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import soundfile

from valence_training.audio.line import RATE, Line, Wave, draw
from valence_training.data.clips import Clip

VARIANTS = 6
"""Variant 0 is the clip as it is, but for trimming, level, silence and a faint noise; the others go over a line."""

VERSION = "line-2"
"""Changes whenever the same clip and variant give another sound: files of another version are not used."""

_FRAME = RATE // 50
_KEEP = int(0.05 * RATE)
_TRIM_DB = 35.0


def write(clip: Clip, variant: int, path: Path) -> None:
    """Write the prepared clip as 16-bit WAV; the same clip and variant give the same file."""
    wave, rate = soundfile.read(clip.path, dtype="float32")
    if rate != RATE or wave.ndim != 1:
        raise ValueError(f"{clip.path}: {rate} Hz, {wave.ndim} axes; expected {RATE} Hz mono")
    soundfile.write(path, prepare(wave, line(clip.speaker, variant), _random(clip.id, variant)), RATE, subtype="PCM_16")


def line(speaker: str, variant: int) -> Line:
    """The line that all clips of a speaker's variant come over: one track is one call."""
    return draw(_random(speaker, variant), clean=variant == 0)


def prepare(wave: Wave, line: Line, random: np.random.Generator) -> Wave:
    """Trim f32 [N] to its speech, bring it to the level of the line, and send it over the line with silence around."""
    speech = trim(wave)
    speech = speech / max(float(np.sqrt(np.mean(speech**2))), 1e-6)
    silence = [int(RATE * random.uniform(0.1, 0.6)) for _ in range(2)]
    return line.send(np.pad(line.spoken(speech), silence), random)


def trim(wave: Wave) -> Wave:
    """Cut what is more than 35 dB below the loudest 20 ms at both ends, and keep 50 ms around the rest."""
    frames = wave[: len(wave) // _FRAME * _FRAME].reshape(-1, _FRAME)
    power = np.mean(frames**2, axis=1)
    loud = np.flatnonzero(power > power.max() * 10 ** (-_TRIM_DB / 10))
    if len(loud) == 0:
        return wave
    return wave[max(loud[0] * _FRAME - _KEEP, 0) : (loud[-1] + 1) * _FRAME + _KEEP]


def _random(name: str, variant: int) -> np.random.Generator:
    return np.random.default_rng([zlib.crc32(name.encode()), variant])
