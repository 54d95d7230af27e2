"""Paired bootstrap over groups: what another draw of videos would have changed.

Resampling clips would take the clips of one video for independent; resampling two systems apart would lose that they
met the same clips.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

ROUNDS = 2000
SEED = 20241118

Figure = Callable[[NDArray[np.int64]], float]


class Difference(NamedTuple):
    """Mean difference of two systems and its standard error."""

    mean: float
    error: float


def draws(groups: Sequence[str], rounds: int = ROUNDS) -> list[NDArray[np.int64]]:
    """Rows of each resampled set of groups; the same for the same groups."""
    random = np.random.default_rng(SEED)
    names = np.asarray(groups)
    members = [np.flatnonzero(names == g) for g in np.unique(names)]
    return [
        np.concatenate([members[i] for i in random.integers(len(members), size=len(members))]) for _ in range(rounds)
    ]


def standard_error(groups: Sequence[str], figure: Figure, rounds: int = ROUNDS) -> float:
    """Standard deviation of a figure, which takes rows, over the draws."""
    return float(np.std([figure(rows) for rows in draws(groups, rounds)]))


def paired(first: NDArray[Any], second: NDArray[Any], groups: Sequence[str], rounds: int = ROUNDS) -> Difference:
    """Compare the losses of two systems on the same clips, each [N]: first minus second."""
    gap = np.asarray(first, np.float64) - np.asarray(second, np.float64)
    if gap.shape != (len(groups),):
        raise ValueError(f"{gap.shape} losses for {len(groups)} clips")
    return Difference(float(gap.mean()), standard_error(groups, lambda rows: float(gap[rows].mean()), rounds))
