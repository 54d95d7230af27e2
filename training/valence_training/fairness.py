"""Whether the voice path treats women and men alike, on speakers that it has not met.

The sex is the one that the corpora state of their actors. Errors are over resampled speakers; below three of them a
figure has none, since speakers differ more than clips do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from valence_training import calibrate
from valence_training.data import emodb, ravdess
from valence_training.fusion.scoring import Scored, uar

SEXES = ("female", "male")
LEVEL = 0.9
ROUNDS = 500
SEED = 20241118
ENOUGH = 3
"""Speakers below which no error is stated."""


def sex(speaker: str) -> str:
    """The sex of a speaker of RAVDESS (odd actors are men) or EMO-DB; KeyError for anybody else."""
    if speaker in ravdess.ACTORS:
        return SEXES[int(speaker.removeprefix("ravdess-")) % 2]
    return emodb.SEX[speaker]


def by_sex(scored: Scored, speakers: Sequence[str]) -> dict[str, Any]:
    """UAR (percent), MAE and coverage of the 90 % interval of each sex, and female minus male.

    The intervals of a speaker come from the quantile of others, as in `calibrate.coverage`.
    """
    inside = calibrate.held_out(scored.score, scored.log_b, scored.target, speakers, LEVEL)[0]
    of = np.array([sex(speaker) for speaker in speakers])
    names = np.asarray(speakers)
    found: dict[str, Any] = {}
    drawn: dict[str, NDArray[np.float64]] = {}
    for one in SEXES:
        rows = np.flatnonzero(of == one)
        if not len(rows):
            continue
        members = [rows[names[rows] == speaker] for speaker in np.unique(names[rows])]
        found[one] = {"speakers": len(members), "clips": len(rows), **_figures(scored, inside, rows)}
        if len(members) >= ENOUGH:
            random = np.random.default_rng(SEED)
            picks = random.integers(len(members), size=(ROUNDS, len(members)))
            draws = [_figures(scored, inside, np.concatenate([members[i] for i in pick])) for pick in picks]
            drawn[one] = np.array([list(figures.values()) for figures in draws])
            found[one]["standard_error"] = _named(drawn[one].std(axis=0))
    if len(found) == len(SEXES):
        first, second = (found[one] for one in SEXES)
        found["difference"] = {figure: first[figure] - second[figure] for figure in FIGURES}
        if len(drawn) == len(SEXES):
            found["difference"]["standard_error"] = _named(np.hypot(*(d.std(axis=0) for d in drawn.values())))
    return found


FIGURES = ("uar", "mae", "coverage")


def _figures(scored: Scored, inside: NDArray[np.bool_], rows: NDArray[np.int64]) -> dict[str, float]:
    return {
        "uar": uar(scored.polarity[rows], scored.truth[rows]),
        "mae": float(np.abs(scored.score[rows] - scored.target[rows]).mean()),
        "coverage": float(inside[rows].mean()),
    }


def _named(values: NDArray[np.float64]) -> dict[str, float]:
    return dict(zip(FIGURES, map(float, values), strict=True))
