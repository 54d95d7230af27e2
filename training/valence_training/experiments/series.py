"""Scores of a video over time against its labelled segments.

A window's label is the mean of the labels under it, weighted by their overlap. MOSI labels a part of what is said, so a
window may hold words that no label speaks of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

LAGS = np.arange(-4.0, 12.5, 0.5)
"""Seconds by which a score may follow a label."""


@dataclass(frozen=True)
class Spans:
    """Stretches of a video with a score each: times [S, 2] in seconds, scores [S] on the MOSI scale."""

    times: Array
    scores: Array

    def over(self, ends: Array, length: float) -> Array:
        """Overlap-weighted mean over each window [end - length, end); NaN where no stretch is under it."""
        overlap = np.minimum(self.times[:, 1], ends[:, None]) - np.maximum(self.times[:, 0], ends[:, None] - length)
        return weighted(self.scores, np.clip(overlap, 0, None))

    def at(self, moments: Array) -> Array:
        """Score of each instant (the mean where stretches overlap); NaN between them."""
        inside = (self.times[:, 0] <= moments[:, None]) & (moments[:, None] < self.times[:, 1])
        return weighted(self.scores, inside)


@dataclass(frozen=True)
class Spoken:
    """Words of a video: their middles [W] in seconds, and a score for each, NaN where nobody knows one."""

    middles: Array
    scores: Array

    def over(self, ends: Array, length: float) -> Array:
        """Mean over the words of each window whose score is known; NaN where there is none."""
        known = np.isfinite(self.scores)
        return weighted(np.where(known, self.scores, 0.0), self._inside(ends, length) * known)

    def known(self, ends: Array, length: float) -> Array:
        """Share of the words of each window whose score is known; NaN without words."""
        return weighted(np.isfinite(self.scores).astype(float), self._inside(ends, length))

    def _inside(self, ends: Array, length: float) -> NDArray[np.bool_]:
        return (self.middles < ends[:, None]) & (self.middles >= ends[:, None] - length)


def weighted(values: Array, weights: Array | NDArray[np.bool_]) -> Array:
    """Mean of values [S] under each row of weights [N, S]; NaN where a row is 0."""
    weights = weights.astype(np.float64)
    total = weights.sum(axis=1)
    return np.where(total > 0, weights @ values / np.where(total > 0, total, 1.0), np.nan)


def delay(series: Iterable[tuple[Array, Array, Callable[[Array], Array]]]) -> tuple[float, float]:
    """The lag of the best correlation between scores and labels, in seconds, and that correlation.

    A series is (ends, scores, label of a moment) of one video. The score at t is set against the label at t - lag; both
    are centred within their video, so that only what changes in it counts. A lag at which less than half of what is
    known at the best known one is left is not considered.
    """
    series = list(series)
    r: dict[float, float] = {}
    count: dict[float, int] = {}
    for lag in LAGS.tolist():
        pairs = [(np.empty(0), np.empty(0))]
        for ends, scores, label in series:
            then = label(ends - lag)
            known = np.isfinite(then) & np.isfinite(scores)
            if known.any():
                pairs.append((scores[known] - scores[known].mean(), then[known] - then[known].mean()))
        p, y = (np.concatenate(side) for side in zip(*pairs, strict=True))
        spread = np.sqrt((p**2).sum() * (y**2).sum())
        r[lag], count[lag] = float((p * y).sum() / spread) if spread > 0 else 0.0, len(p)
    best = max((lag for lag in r if 2 * count[lag] >= max(count.values())), key=lambda lag: (r[lag], -abs(lag)))
    return best, r[best]
