"""What was said before as context: what the mean of a speaker's earlier scores is worth to the next one.

    python -m valence_training.experiments.context

score' = a score + b before + c, where `before` is the sum of the speaker's earlier scores over their number plus
PRIOR, 0 at the start: what a stream has for free. The line is fitted to the held-out scores of the five folds of
`text.folds --settings "no teachers"` (L1, as the encoder is trained) and measured there on folds that did not fit it;
then it is put on the scores that `text.seeds` left for the test. Nothing of it is served. Writes results/context.json.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import QuantileRegressor

from valence_training.data import mosi
from valence_training.experiments.cells import saved, write
from valence_training.metrics import Metrics, metrics
from valence_training.paths import cache_dir
from valence_training.text.folds import FOLDS, SETTINGS, cell_file

PRIOR = 2.0
"""How many neutral segments stand before the first."""
SETTING = "no teachers"

Floats = NDArray[np.float64]


def with_before(rows: Sequence[mosi.Segment], scores: Mapping[str, float]) -> Floats:
    """Own score and what was said before it [N, 2], in the order of the rows."""
    earlier: dict[str, list[float]] = defaultdict(list)
    found = {}
    for row in sorted(rows, key=lambda row: (row.video, row.start)):
        said = earlier[row.video]
        found[row.id] = (scores[row.id], sum(said) / (len(said) + PRIOR))
        said.append(scores[row.id])
    return np.array([found[row.id] for row in rows])


def line(x: Floats, y: Floats) -> QuantileRegressor:
    """The line of least absolute error."""
    return QuantileRegressor(quantile=0.5, alpha=0.0).fit(x, y)


def over_folds(rows: Sequence[mosi.Segment], scores: Sequence[Mapping[str, float]]) -> dict[str, Metrics]:
    """Figures over all segments of the scores as they are, of a line through them alone, and of one with context."""
    own: dict[str, float] = {name: score for fold in scores for name, score in fold.items()}
    x, y = with_before(rows, own), np.array([row.score for row in rows])
    fold_of = np.array([next(n for n, fold in enumerate(scores) if row.id in fold) for row in rows])
    found = {"as they are": metrics(x[:, 0], y)}
    for name, columns in (("a line", [0]), ("with what was said before", [0, 1])):
        predicted = np.zeros(len(y))
        for n in range(len(scores)):
            known = fold_of != n
            predicted[~known] = line(x[known][:, columns], y[known]).predict(x[~known][:, columns])
        found[name] = metrics(predicted, y)
    return found


def main() -> None:
    """Fit, measure, and write."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    known, test = [*mosi.segments("train"), *mosi.segments("valid")], mosi.segments("test")
    files = [cell_file(SETTINGS[SETTING], n) for n in range(FOLDS)]
    seeds = saved("text", "seeds.json")
    if seeds is None or not all(file.exists() for file in files):
        sys.exit(f'run `text.folds --settings "{SETTING}"` and `text.seeds` first: this goes on from their scores')
    scores = [json.loads(file.read_text(encoding="utf-8"))["score"] for file in files]
    folded = over_folds(known, scores)
    for name, figures in folded.items():
        print(f"folds  {name:26} {figures}", file=sys.stderr)
    x = with_before(known, {name: score for fold in scores for name, score in fold.items()})
    fitted = line(x, np.array([row.score for row in known]))
    predicted = []
    for name in seeds["files"]:
        with np.load(cache_dir("text", "seeds") / name, allow_pickle=False) as arrays:
            own = dict(zip(map(str, arrays["mosi_test_id"]), map(float, arrays["mosi_test_score"]), strict=True))
        predicted.append(fitted.predict(with_before(test, own)).clip(-3, 3).round(4).tolist())
        print(f"test   {metrics(np.array(predicted[-1]), np.array([row.score for row in test]))}", file=sys.stderr)
    write(
        "context",
        [{"model": "with what was said before", "predicted": predicted}],
        id=[row.id for row in test],
        line=[*map(float, fitted.coef_), float(fitted.intercept_)],
        folds={name: figures.as_dict() for name, figures in folded.items()},
    )


if __name__ == "__main__":
    main()
