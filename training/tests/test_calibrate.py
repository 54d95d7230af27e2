"""Intervals cover people who were not seen; probabilities are softened as far as they were too sure."""

from __future__ import annotations

import numpy as np
import pytest

from valence_training import calibrate


def test_the_quantile_of_equal_groups_is_the_conformal_one() -> None:
    residual = np.arange(1.0, 10.0)
    assert calibrate.quantile(residual, [str(i) for i in range(9)], 0.8) == 8.0
    assert calibrate.quantile(residual, [str(i) for i in range(9)], 0.9) == 9.0


def test_a_group_counts_once_however_many_examples_it_has() -> None:
    residual = np.concatenate([np.full(900, 10.0), np.ones(9)])
    groups = ["long"] * 900 + [f"short {i}" for i in range(9)]
    assert calibrate.quantile(residual, groups, 0.8) == 1.0


@pytest.mark.parametrize("level", calibrate.LEVELS)
def test_groups_that_took_no_part_are_covered(level: float) -> None:
    random = np.random.default_rng(3)
    groups = [f"video {i // 25}" for i in range(1500)]
    difficulty = np.repeat(random.uniform(0.7, 1.3, 60), 25)
    log_b = random.uniform(-1.0, 0.0, 1500)
    score = random.uniform(-1.0, 1.0, 1500)
    target = score + random.laplace(0.0, np.exp(log_b) * difficulty)
    found = calibrate.coverage(score, log_b, target, groups, level)
    assert found.groups == 60
    assert found.coverage == pytest.approx(level, abs=0.03)


def test_a_wider_level_gives_a_wider_interval() -> None:
    random = np.random.default_rng(4)
    score, target = np.zeros(200), random.laplace(0.0, 0.5, 200)
    groups = [str(i) for i in range(200)]
    narrow, wide = (calibrate.coverage(score, np.zeros(200), target, groups, level) for level in (0.8, 0.9))
    assert wide.width > narrow.width
    assert wide.quantile > narrow.quantile


def test_the_temperature_undoes_overconfidence() -> None:
    random = np.random.default_rng(5)
    logits = random.normal(size=(20000, 3))
    honest = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    truth = np.array([random.choice(3, p=p) for p in honest])
    sure = honest**2 / (honest**2).sum(axis=1, keepdims=True)
    assert calibrate.temperature(sure, truth) == pytest.approx(2.0, rel=0.05)
    assert calibrate.calibration_error(honest, truth) < 1.5
    assert calibrate.calibration_error(sure, truth) > 5.0
