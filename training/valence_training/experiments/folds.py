"""Folds over groups: no video is on two sides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from valence_training.data.sequences import Rows


class Fold(NamedTuple):
    """Indices of the clips to train on, to choose the checkpoint by, and to test on."""

    train: Rows
    valid: Rows
    test: Rows


def folds(groups: Sequence[str], count: int, repetition: int) -> list[Fold]:
    """Part the groups at random into `count` folds; fold k is tested with the next one as inner validation.

    Another `repetition` parts them anew. Each clip is tested once a repetition.
    """
    names = sorted(set(groups))
    if len(names) < 3 or count < 3 or count > len(names):
        raise ValueError(f"{len(names)} groups cannot be parted into {count} folds (three at least)")
    fold_of = np.empty(len(names), np.int64)
    fold_of[np.random.default_rng([20241118, repetition]).permutation(len(names))] = np.arange(len(names)) % count
    where = dict(zip(names, fold_of, strict=True))
    of_clip = np.array([where[group] for group in groups])
    found = []
    for k in range(count):
        test, valid = of_clip == k, of_clip == (k + 1) % count
        found.append(Fold(np.flatnonzero(~test & ~valid), np.flatnonzero(valid), np.flatnonzero(test)))
    return found
