"""Figures of the patterns: what a missing stream costs, and what is pooled."""

from __future__ import annotations

import numpy as np
import pytest

from valence_training import evaluate
from valence_training.calibrate import LEVELS, calibration_error
from valence_training.fusion.material import Piece
from valence_training.fusion.pairing import AUDIO, TEXT, Example
from valence_training.fusion.scoring import Scored


def grouped(streams: tuple[int, ...], count: int) -> evaluate.Grouped:
    piece = Piece(np.zeros((1, 1), np.float32), np.ones(1, bool), 0.0)
    pieces = tuple(piece if m in streams else None for m in range(3))
    return evaluate.Grouped([Example(pieces, streams[0])] * count, [str(i % 20) for i in range(count)])  # type: ignore[arg-type]


def scored(fused: float, text: float, audio: float, count: int = 200) -> Scored:
    """Targets of 0 in the mean; the errors of the fused score and of two heads are given."""
    random = np.random.default_rng(1)
    target = random.choice([-2.0, 0.0, 2.0], count).astype(np.float32)
    sign = random.choice([-1, 1], count)
    sure = np.eye(3, dtype=np.float32)[np.digitize(target, [-0.5, 0.5])] * 0.6 + 0.4 / 3
    return Scored(
        score=(target + sign * fused).astype(np.float32),
        polarity_probs=sure,
        unimodal_scores=np.stack([target + sign * text, target + sign * audio, 9 + target], axis=1).astype(np.float32),
        modality_gate=np.full((count, 3), 1 / 3, np.float32),
        log_b=random.normal(0, 0.2, count).astype(np.float32),
        target=target,
    )


def test_the_excess_compares_with_the_best_head_of_the_streams_that_are_present() -> None:
    both = evaluate.pattern_quality(scored(0.5, 0.4, 0.2), grouped((TEXT, AUDIO), 200))
    assert both["alone"] == {"text": pytest.approx(0.4), "audio": pytest.approx(0.2)}
    assert both["excess"] == pytest.approx(0.3)
    alone = evaluate.pattern_quality(scored(0.5, 0.4, 0.2), grouped((TEXT,), 200))
    assert alone["excess"] == pytest.approx(0.1)


def test_calibration_is_told_without_the_temperature_too() -> None:
    made = scored(0.1, 0.1, 0.1)
    quality = evaluate.pattern_quality(made, grouped((TEXT,), 200), temperature=2.0)
    assert quality["calibration_error"] == pytest.approx(calibration_error(made.polarity_probs, made.truth))
    sharp = made.polarity_probs**2
    sharp /= sharp.sum(axis=1, keepdims=True)
    assert quality["calibration_error_before"] == pytest.approx(calibration_error(sharp, made.truth), abs=1e-4)
    assert quality["calibration_error_before"] < quality["calibration_error"]


def test_every_pattern_has_the_same_weight_in_what_is_pooled() -> None:
    large = evaluate.pattern_quality(scored(0.5, 1, 1, 2000), grouped((TEXT,), 2000))
    small = evaluate.pattern_quality(scored(2.0, 1, 1, 40), grouped((AUDIO,), 40))
    found = evaluate.pooled({"text": large, "audio": small})
    assert [one["level"] for one in found["intervals"]] == list(LEVELS)
    for i in range(len(LEVELS)):
        for figure in ("coverage", "width"):
            wanted = (large["intervals"][i][figure] + small["intervals"][i][figure]) / 2
            assert found["intervals"][i][figure] == pytest.approx(wanted)


def test_the_voice_is_told_by_sex_in_both_corpora_and_in_each() -> None:
    speakers = ["ravdess-19", "ravdess-20", "emodb-15", "emodb-16"] * 50
    found = evaluate.sexes(scored(0.1, 0.1, 0.1), speakers)
    assert set(found) == {"all", "ravdess", "emodb"}
    assert found["all"]["female"]["clips"] == 100
    assert found["emodb"]["male"]["clips"] == 50


def test_drop_rates_hold_those_that_the_protocol_asks_for() -> None:
    assert {0.0, 0.3, 0.6, 0.9} <= set(evaluate.DROP_RATES)
