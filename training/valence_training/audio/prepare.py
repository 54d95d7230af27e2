"""Make clips of acted corpora sound like stretches of a call.

The corpora can be told apart by what is not speech: RAVDESS has about a second of silence in front, EMO-DB is cut
hard, and each has its own noise floor. A net learns that before it learns emotion. So every clip is trimmed to its
speech and gets random silence, a random level and a common kind of noise. Training clips are also varied: speed,
spectral tilt, telephone band, more noise. Everything is drawn from a generator seeded by the clip's name.
"""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy import signal

from valence_training.data.clips import Clip

RATE = 16000
VARIANTS = 4
"""Variant 0 is the clip as it is, but for trimming, silence and a faint noise; the others are varied."""

_FRAME = RATE // 50
_KEEP = int(0.05 * RATE)
_TRIM_DB = 35.0
_SPEEDS = ((10, 9), (20, 19), (1, 1), (20, 21), (10, 11))

Wave = NDArray[np.float32]


def write(clip: Clip, variant: int, path: Path) -> None:
    """Write the prepared clip as 16-bit WAV; the same clip and variant give the same file."""
    wave, rate = soundfile.read(clip.path, dtype="float32")
    if rate != RATE or wave.ndim != 1:
        raise ValueError(f"{clip.path}: {rate} Hz, {wave.ndim} axes; expected {RATE} Hz mono")
    random = np.random.default_rng([zlib.crc32(clip.id.encode()), variant])
    soundfile.write(path, prepare(wave, variant, random), RATE, subtype="PCM_16")


def prepare(wave: Wave, variant: int, random: np.random.Generator) -> Wave:
    """Trim f32 [N], vary it, and set it into silence and noise."""
    speech = trim(wave)
    snr = random.uniform(36.0, 44.0)
    if variant > 0:
        up, down = _SPEEDS[random.integers(len(_SPEEDS))]
        if up != down:
            speech = signal.resample_poly(speech, up, down).astype(np.float32)
        speech = _tilt(speech, random.uniform(-0.3, 0.3))
        if random.random() < 0.2:
            speech = signal.sosfilt(_TELEPHONE, speech).astype(np.float32)
        snr = random.uniform(12.0, 36.0)
    speech = speech / max(float(np.sqrt(np.mean(speech**2))), 1e-6)
    before, after = (int(RATE * random.uniform(0.1, 0.6)) for _ in range(2))
    whole = np.pad(speech, (before, after)) + 10 ** (-snr / 20) * _noise(before + len(speech) + after, random)
    level = 10 ** (random.uniform(-30.0, -18.0) / 20)
    return np.clip(whole * level, -1.0, 1.0).astype(np.float32)


def trim(wave: Wave) -> Wave:
    """Cut what is more than 35 dB below the loudest 20 ms at both ends, and keep 50 ms around the rest."""
    frames = wave[: len(wave) // _FRAME * _FRAME].reshape(-1, _FRAME)
    power = np.mean(frames**2, axis=1)
    loud = np.flatnonzero(power > power.max() * 10 ** (-_TRIM_DB / 10))
    if len(loud) == 0:
        return wave
    return wave[max(loud[0] * _FRAME - _KEEP, 0) : (loud[-1] + 1) * _FRAME + _KEEP]


_TELEPHONE = signal.butter(4, [300, 3400], "bandpass", fs=RATE, output="sos")


def _tilt(wave: Wave, slope: float) -> Wave:
    """Raise (slope < 0) or lower (slope > 0) the high frequencies by a first-order filter."""
    return signal.lfilter([1.0 - abs(slope)], [1.0, -slope], wave).astype(np.float32)


def _noise(samples: int, random: np.random.Generator) -> Wave:
    """Noise of unit power between white and pink."""
    white = random.standard_normal(samples)
    pole = random.uniform(0.0, 0.95)
    coloured = signal.lfilter([1.0], [1.0, -pole], white)
    scaled: Wave = (coloured / max(float(np.sqrt(np.mean(coloured**2))), 1e-9)).astype(np.float32)
    return scaled
