"""Make the net's uncertainty honest: intervals that cover, probabilities that mean what they say.

Intervals are split conformal (Vovk et al. 2005) on the normalised residual |y - score| / exp(log_b). Residuals of one
video or speaker hang together, so each such group counts as one, whatever the number of its examples, and coverage is
measured on groups that took no part in the quantile.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

LEVELS = (0.8, 0.9)
LIMIT = 3.0
"""Scores live in [-LIMIT, LIMIT]; an interval is clipped to it."""

Floats = NDArray[np.floating]


@dataclass(frozen=True)
class Coverage:
    """Shares in [0, 1] of held-out examples inside the interval, and its mean width on the MOSI scale."""

    level: float
    quantile: float
    coverage: float
    width: float
    groups: int
    count: int


def residuals(score: Floats, log_b: Floats, target: Floats) -> Floats:
    """Normalised residuals [N]."""
    return np.abs(np.asarray(target, np.float64) - score) / np.exp(np.asarray(log_b, np.float64))


def quantile(residual: Floats, groups: Sequence[str], level: float) -> float:
    """The smallest q that at least `level` of the residuals do not exceed, each group with the same weight.

    The finite sample is paid for as in split conformal prediction, level * (n + 1) / n.
    """
    _, index, size = np.unique(np.asarray(groups), return_inverse=True, return_counts=True)
    order = np.argsort(residual)
    weight = (1.0 / size)[index][order]
    reached = np.cumsum(weight) / weight.sum()
    wanted = min(level * (len(residual) + 1) / len(residual), 1.0)
    at = min(int(np.searchsorted(reached, wanted - 1e-12)), len(residual) - 1)
    return float(residual[order][at])


def held_out(
    score: Floats, log_b: Floats, target: Floats, groups: Sequence[str], level: float
) -> tuple[NDArray[np.bool_], Floats]:
    """Whether each example is inside its interval, and half of its width, by the quantile of other groups.

    Up to ten folds of groups, assigned in order of their names; one group alone has no others and is refused.
    """
    residual, names = residuals(score, log_b, target), np.asarray(groups)
    unique, index = np.unique(names, return_inverse=True)
    folds = min(10, len(unique))
    if folds < 2:
        raise ValueError(f"{folds} group: coverage needs two or more, to take the quantile from another")
    half = np.empty(len(residual))
    inside = np.empty(len(residual), bool)
    for fold in range(folds):
        out = index % folds == fold
        q = quantile(residual[~out], list(names[~out]), level)
        inside[out] = residual[out] <= q
        half[out] = q * np.exp(log_b[out])
    return inside, half


def coverage(score: Floats, log_b: Floats, target: Floats, groups: Sequence[str], level: float) -> Coverage:
    """Quantile from all groups; coverage and width with the quantile of each fold from the other folds' groups."""
    inside, half = held_out(score, log_b, target, groups, level)
    low, high = np.clip(score - half, -LIMIT, LIMIT), np.clip(score + half, -LIMIT, LIMIT)
    return Coverage(
        level=level,
        quantile=quantile(residuals(score, log_b, target), groups, level),
        coverage=float(inside.mean()),
        width=float((high - low).mean()),
        groups=len(set(groups)),
        count=len(inside),
    )


def temperature(probabilities: Floats, truth: NDArray[np.int64], weight: Floats | None = None) -> float:
    """The temperature that makes probabilities [N, C] most likely, between 0.25 and 4 (Guo et al. 2017).

    `probabilities` are those at temperature 1.
    """
    logits = np.log(np.clip(np.asarray(probabilities, np.float64), 1e-9, 1.0))
    weights = np.ones(len(truth)) if weight is None else np.asarray(weight, np.float64)

    def surprise(log_t: float) -> float:
        scaled = logits / np.exp(log_t)
        scaled = scaled - np.log(np.exp(scaled).sum(axis=1, keepdims=True))
        return -float(np.average(scaled[np.arange(len(truth)), truth], weights=weights))

    found = optimize.minimize_scalar(surprise, bounds=(np.log(0.25), np.log(4.0)), method="bounded")
    return float(np.exp(found.x))


def tempered(probabilities: Floats, temperature: float) -> Floats:
    """Probabilities [N, C] at a temperature, from those at 1; 1 / T takes them back."""
    logits = np.log(np.clip(np.asarray(probabilities, np.float64), 1e-9, 1.0)) / temperature
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float64)


def calibration_error(probabilities: Floats, truth: NDArray[np.int64], bins: int = 10) -> float:
    """Expected calibration error of the most probable class, in percent, over bins of equal width."""
    sure, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == truth
    which = np.minimum((sure * bins).astype(int), bins - 1)
    gaps = [abs(sure[which == b].mean() - right[which == b].mean()) * (which == b).mean() for b in np.unique(which)]
    return 100 * float(np.sum(gaps))
