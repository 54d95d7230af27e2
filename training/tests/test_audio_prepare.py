"""Prepared clips say nothing of their corpus, are the same every time, and vary as calls do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from valence_training.audio import prepare
from valence_training.audio.line import PACKET, RATE, Line, Wave, draw, dropped, quantised

QUIET = Line(level=-24.0, snr=120.0, pole=0.0)


def tone(seconds: float = 1.0, loud: float = 0.3) -> Wave:
    return (loud * np.sin(2 * np.pi * 220 * np.arange(int(seconds * RATE)) / RATE)).astype(np.float32)


def rms(wave: Wave) -> float:
    return float(np.sqrt(np.mean(wave**2)))


def test_the_silence_of_a_corpus_is_trimmed_and_its_level_forgotten() -> None:
    speech = tone()
    loud = prepare.prepare(np.pad(speech, (RATE, RATE // 2)), QUIET, np.random.default_rng(1))
    soft = prepare.prepare(0.01 * speech, QUIET, np.random.default_rng(1))
    assert abs(len(loud) - len(soft)) <= 0.2 * RATE
    assert rms(prepare.trim(loud)) == pytest.approx(rms(prepare.trim(soft)), rel=0.06)


def test_the_same_clip_and_variant_give_the_same_sound_and_others_another() -> None:
    sounds = [prepare.prepare(tone(), prepare.line("s", variant), np.random.default_rng(3)) for variant in (1, 1, 2)]
    assert np.array_equal(sounds[0], sounds[1])
    assert sounds[0].shape != sounds[2].shape or not np.allclose(sounds[0], sounds[2])


def test_a_track_has_one_line_and_variant_0_a_clean_one() -> None:
    again, other = prepare.line("s", 3), prepare.line("t", 3)
    assert (again.level, again.speed) == (prepare.line("s", 3).level, prepare.line("s", 3).speed)
    assert again.level != other.level
    clean = prepare.line("s", 0)
    assert replace(clean, level=0.0, snr=0.0, pole=0.0) == Line(0.0, 0.0, 0.0)
    assert clean.snr >= 36.0


def test_every_line_gives_finite_sound_within_full_scale() -> None:
    random = np.random.default_rng(5)
    for _ in range(40):
        got = prepare.prepare(tone(0.5), draw(random, clean=False), random)
        assert got.dtype == np.float32
        assert np.isfinite(got).all()
        assert 0.0 < np.abs(got).max() <= 1.0


def test_a_room_rings_after_the_speech() -> None:
    room = np.zeros(RATE // 4, np.float32)
    room[0], room[RATE // 5] = 0.9, 0.4
    got = replace(QUIET, room=room).send(np.pad(tone(0.5), (0, RATE // 2)), np.random.default_rng(0))
    assert rms(got[int(0.55 * RATE) : int(0.65 * RATE)]) > 0.3 * rms(got[: RATE // 2])


def test_the_direct_sound_of_a_drawn_room_leads() -> None:
    random = np.random.default_rng(2)
    rooms = [line.room for line in (draw(random, clean=False) for _ in range(60)) if line.room is not None]
    assert 15 < len(rooms) < 45
    for room in rooms:
        assert np.sum(room**2) == pytest.approx(1.0, rel=1e-4)
        assert 0.49 < room[0] ** 2 < 0.95


def test_a_telephone_passes_its_band_only() -> None:
    line = replace(QUIET, band=(300.0, 3400.0))
    low, middle = (
        rms(line.send(np.sin(2 * np.pi * f * np.arange(RATE) / RATE).astype(np.float32), np.random.default_rng(0)))
        for f in (80.0, 1000.0)
    )
    assert low < 0.05 * middle


def test_fewer_bits_are_coarser() -> None:
    errors = [rms(quantised(tone(), bits) - tone()) for bits in (8, 6, 4)]
    assert errors == sorted(errors)
    assert 0 < errors[0] < 0.02


def test_lost_packets_are_silence_or_a_fading_repetition() -> None:
    wave = np.ones(400 * PACKET, np.float32)
    got = dropped(wave, 0.05, np.random.default_rng(7)).reshape(-1, PACKET)
    silent = np.all(got == 0, axis=1)
    fading = np.any((got > 0) & (got < 1), axis=1)
    assert 5 < silent.sum() < 60
    assert 5 < fading.sum() < 60
    assert np.all(got[~silent & ~fading] == 1)
    assert np.all(wave == 1), "the sound that was given stays"


def test_noise_is_as_loud_as_the_line_says() -> None:
    got = Line(level=0.0, snr=20.0, pole=0.9).send(np.zeros(2 * RATE, np.float32), np.random.default_rng(1))
    assert rms(got) == pytest.approx(0.1, rel=0.02)
