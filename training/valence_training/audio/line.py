"""What lies between a mouth and the far end of a call: voice, room, noise, codec, lost packets.

A call has one room, one microphone and one codec, and the running normalisation of a track takes much of them away
again. So a line is drawn once for a track, and all of its clips go over it. Speed and tilt are part of the line too:
they make another speaker of the speaker (Ko et al. 2015, speed perturbation).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import signal

RATE = 16000
PACKET = RATE // 50

SPEEDS = ((10, 9), (20, 19), (1, 1), (20, 21), (10, 11))
CLEAN_SNR, NOISY_SNR = (36.0, 44.0), (12.0, 36.0)
LEVEL = (-28.0, -20.0)

Wave = NDArray[np.float32]


@dataclass(frozen=True)
class Line:
    """One line. Levels in dB of full scale, ratios in dB to speech of the line's level.

    `speed` is (up, down) of the resampling, `tilt` the pole that raises (< 0) or lowers high frequencies, `pole` the
    colour of the noise, `wander` the deviation of the level from clip to clip, `band` the edges of the codec in Hz,
    `bits` of a logarithmic quantiser (0: none), `lost` the share of packets in front of which 20 to 60 ms are lost.
    """

    level: float
    snr: float
    pole: float
    wander: float = 0.0
    speed: tuple[int, int] = (1, 1)
    tilt: float = 0.0
    room: Wave | None = None
    band: tuple[float, float] | None = None
    bits: int = 0
    lost: float = 0.0

    def spoken(self, speech: Wave) -> Wave:
        """The speech f32 [N] as the line's speaker says it."""
        if self.speed != (1, 1):
            speech = signal.resample_poly(speech, *self.speed)
        if self.tilt:
            speech = signal.lfilter([1.0 - abs(self.tilt)], [1.0, -self.tilt], speech)
        return _unit(speech)

    def send(self, wave: Wave, random: np.random.Generator) -> Wave:
        """What arrives of speech with silence around it, f32 [N] of which speech has power 1, clipped to +-1."""
        gain = _ratio(self.wander * random.standard_normal())
        if self.room is not None:
            wave = signal.fftconvolve(wave, self.room)[: len(wave)]
        wave = gain * wave + _ratio(-self.snr) * _noise(len(wave), self.pole, random)
        if self.band is not None:
            wave = _filtered(wave, self.band)
        wave = np.clip(wave * _ratio(self.level), -1.0, 1.0)
        if self.bits:
            wave = quantised(wave, self.bits)
        if self.lost:
            wave = dropped(wave, self.lost, random)
        return np.asarray(wave, np.float32)


def draw(random: np.random.Generator, clean: bool) -> Line:
    """A line of a call, or a clean one."""
    level, pole = random.uniform(*LEVEL), random.uniform(0.0, 0.95)
    if clean:
        return Line(level, random.uniform(*CLEAN_SNR), pole)
    return Line(
        level,
        random.uniform(*NOISY_SNR),
        pole,
        wander=random.uniform(0.0, 4.0),
        speed=SPEEDS[random.integers(len(SPEEDS))],
        tilt=random.uniform(-0.3, 0.3),
        room=_room(random) if random.random() < 0.5 else None,
        band=_band(random) if random.random() < 0.5 else None,
        bits=int(random.integers(6, 9)) if random.random() < 0.2 else 0,
        lost=random.uniform(0.005, 0.04) if random.random() < 0.3 else 0.0,
    )


def _room(random: np.random.Generator) -> Wave:
    """An impulse response of energy 1: the direct sound, then noise that decays by 60 dB in 0.15 to 0.6 s.

    The direct sound has 0 to 12 dB more energy than the rest.
    """
    decay = random.uniform(0.15, 0.6)
    time = np.arange(int(0.6 * decay * RATE)) / RATE
    echo = random.standard_normal(len(time)) * 10 ** (-3 * time / decay)
    echo[: int(random.uniform(0.002, 0.01) * RATE)] = 0.0
    room = echo / np.sqrt(np.sum(echo**2)) * _ratio(-random.uniform(0.0, 12.0))
    room[0] = 1.0
    return np.asarray(room / np.sqrt(np.sum(room**2)), np.float32)


def _band(random: np.random.Generator) -> tuple[float, float]:
    """A telephone's band one time in three, else a codec that leaves out the highest frequencies."""
    return (300.0, 3400.0) if random.random() < 1 / 3 else (60.0, random.uniform(3500.0, 7000.0))


def quantised(wave: Wave, bits: int) -> Wave:
    """Quantise as G.711 does (mu-law), with any number of bits."""
    steps, mu = 2 ** (bits - 1) - 1, 255.0
    small = np.round(steps * np.log1p(mu * np.abs(wave)) / np.log1p(mu)) / steps
    return np.asarray(np.sign(wave) * np.expm1(small * np.log1p(mu)) / mu, np.float32)


def dropped(wave: Wave, rate: float, random: np.random.Generator) -> Wave:
    """Lose one to three packets at the given rate; half are concealed by fading repetitions of the one before."""
    wave = wave.copy()
    for packet in np.flatnonzero(random.random(len(wave) // PACKET) < rate):
        begin = int(packet) * PACKET
        end = min(begin + int(random.integers(1, 4)) * PACKET, len(wave))
        last = wave[max(begin - PACKET, 0) : begin]
        if random.random() < 0.5 and len(last) == PACKET:
            wave[begin:end] = np.resize(last, end - begin) * np.linspace(1.0, 0.2, end - begin)
        else:
            wave[begin:end] = 0.0
    return wave


def _filtered(wave: Wave, band: tuple[float, float]) -> Wave:
    return np.asarray(signal.sosfilt(signal.butter(4, band, "bandpass", fs=RATE, output="sos"), wave), np.float32)


def _noise(samples: int, pole: float, random: np.random.Generator) -> Wave:
    """Noise of unit power between white (pole 0) and pink."""
    return _unit(signal.lfilter([1.0], [1.0, -pole], random.standard_normal(samples)))


def _unit(wave: NDArray[np.floating]) -> Wave:
    return np.asarray(wave / max(float(np.sqrt(np.mean(np.square(wave)))), 1e-9), np.float32)


def _ratio(decibel: float) -> float:
    return float(10 ** (decibel / 20))
