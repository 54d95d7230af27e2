"""Figures as the field computes them."""

import numpy as np
import pytest

from valence_training.metrics import metrics


def test_figures_of_a_small_table() -> None:
    target = np.array([-3.0, -1.0, 0.0, 0.4, 2.6])
    predicted = np.array([-3.4, 0.2, -0.1, 0.6, 2.4])
    out = metrics(predicted, target)
    assert out.mae == pytest.approx((0.4 + 1.2 + 0.1 + 0.2 + 0.2) / 5)
    assert out.r == pytest.approx(np.corrcoef(predicted, target)[0, 1])
    assert out.non0 == pytest.approx(75)  # zero is left out, -1 was taken for positive
    assert out.has0 == pytest.approx(60)  # and zero for negative
    assert out.acc7 == pytest.approx(40)  # -3.4 is clipped; 2.6 is 3, 2.4 is 2
    assert out.acc5 == pytest.approx(60)  # clipped to 2, these two are the same


def test_f1_is_weighted_by_the_size_of_the_classes() -> None:
    target, predicted = np.array([-3.0, -1.0, 0.0, 0.4, 2.6]), np.array([-3.4, 0.2, -0.1, 0.6, 2.4])
    out = metrics(predicted, target)
    negative, positive = 2 * 1 / (1 + 2), 2 * 2 / (3 + 2)  # non0: guesses -, +, +, + of -, -, +, +
    assert out.f1_non0 == pytest.approx(100 * (negative + positive) / 2)
    negative, positive = 2 * 1 / (2 + 2), 2 * 2 / (3 + 3)  # has0: -, +, -, +, + of -, -, +, +, +
    assert out.f1_has0 == pytest.approx(100 * (2 * negative + 3 * positive) / 5)


def test_a_constant_prediction_has_no_correlation() -> None:
    assert metrics(np.zeros(4), np.array([1.0, 2.0, -1.0, 0.0])).r == 0
