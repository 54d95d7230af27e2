"""What was said before as context: which share of it the next words should get.

    python -m valence_training.experiments.context

score = own + share * t / (t + PRIOR) * before, where `before` is the mean of what was said in the CONTEXT seconds
before, by time, and t the seconds of speech in it (fusion/reading.py; there over words, here over whole segments). The
share is chosen by the held-out scores of the five folds of `text.folds --settings "no teachers"`: the one with the
least error, MAE - r over segments and MAE - CCC over windows of 8 s. They prefer .2 or .25 (two runs), the stream of
the validation videos, as the shipped encoder reads it, .3; served is .25. Then the scores that `text.seeds` left for
the test are read so. Writes results/context.json.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from valence_training.data import mosi
from valence_training.experiments.cells import saved, write
from valence_training.experiments.series import Spans
from valence_training.fusion.reading import CONTEXT, LIMIT, PRIOR, SHARE
from valence_training.fusion.windows import WINDOW
from valence_training.metrics import concordance, metrics
from valence_training.paths import cache_dir
from valence_training.text.folds import FOLDS, SETTINGS, cell_file
from valence_training.text.seeds import spread

SHARES = (0.0, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5)
SETTING = "no teachers"

Floats = NDArray[np.float64]


def by_video(rows: Sequence[mosi.Segment]) -> list[list[mosi.Segment]]:
    """The segments of each video in order of time."""
    found: dict[str, list[mosi.Segment]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: (row.video, row.start)):
        found[row.video].append(row)
    return list(found.values())


def read(rows: Sequence[mosi.Segment], scores: Mapping[str, float], start: float, end: float) -> tuple[float, float]:
    """The mean score of what was said in [start, end), by time, and how many seconds that is; (0, 0) if nothing was."""
    overlap = np.array([max(0.0, min(row.end, end) - max(row.start, start)) for row in rows])
    total = float(overlap.sum())
    return (float(overlap @ np.array([scores[row.id] for row in rows])) / total, total) if total else (0.0, 0.0)


def context(rows: Sequence[mosi.Segment], scores: Mapping[str, float], start: float) -> float:
    """What was said before `start`, drawn towards 0 the less it was."""
    before, seconds = read(rows, scores, start - CONTEXT, start)
    return before * seconds / (seconds + PRIOR)


def segments(rows: Sequence[mosi.Segment], scores: Mapping[str, float]) -> Floats:
    """Own score, context and label of every segment [N, 3], in the order of `by_video`."""
    return np.array(
        [(scores[row.id], context(video, scores, row.start), row.score) for video in by_video(rows) for row in video]
    )


def windows(rows: Sequence[mosi.Segment], scores: Mapping[str, float]) -> Floats:
    """The same of every window that holds labelled speech, one each second."""
    found = []
    for video in by_video(rows):
        ends = np.arange(2.0, np.ceil(max(row.end for row in video)) + 1)
        labels = Spans(np.array([[r.start, r.end] for r in video]), np.array([r.score for r in video]))
        for end, label in zip(ends, labels.over(ends, WINDOW), strict=True):
            if np.isfinite(label):
                own, _ = read(video, scores, end - WINDOW, end)
                found.append((own, context(video, scores, end - WINDOW), label))
    return np.array(found)


def scored(table: Floats, share: float) -> Floats:
    """The scores with a share of the context."""
    leaning: Floats = (table[:, 0] + share * table[:, 1]).clip(-LIMIT, LIMIT)
    return leaning


def over_folds(rows: Sequence[mosi.Segment], scores: Mapping[str, float]) -> list[dict[str, float]]:
    """Figures of held-out scores with each share: segments and windows."""
    tables = segments(rows, scores), windows(rows, scores)
    found = []
    for share in SHARES:
        alone, live = (scored(table, share) for table in tables)
        ours = metrics(alone, tables[0][:, 2])
        found.append(
            {
                "share": share,
                "mae": ours.mae,
                "r": ours.r,
                "acc7": ours.acc7,
                "windows_mae": float(np.abs(live - tables[1][:, 2]).mean()),
                "windows_ccc": concordance(live, tables[1][:, 2]),
            }
        )
    return found


def main() -> None:
    """Choose, measure, and write."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    known, test = [*mosi.segments("train"), *mosi.segments("valid")], mosi.segments("test")
    files = [cell_file(SETTINGS[SETTING], n) for n in range(FOLDS)]
    if not all(file.exists() for file in files):
        sys.exit(f'run `text.folds --settings "{SETTING}"` first: this goes on from its scores')
    own: dict[str, float] = {}
    for file in files:
        own |= json.loads(file.read_text(encoding="utf-8"))["score"]
    folds = over_folds(known, own)
    for row in folds:
        print("  ".join(f"{name} {value:.3f}" for name, value in row.items()), file=sys.stderr)
    best = min(folds, key=lambda row: row["mae"] - row["r"] + row["windows_mae"] - row["windows_ccc"])
    print(f"least error with {best['share']}; served is {SHARE}", file=sys.stderr)
    seeds = saved("text", "seeds.json")
    predicted = [leaning(test, cache_dir("text", "seeds") / name) for name in seeds["files"]] if seeds else []
    target = np.array([row.score for row in test])
    runs = [{"mosi_test": metrics(np.array(scores), target).as_dict()} for scores in predicted]
    rows = [{"model": "with what was said before", "predicted": predicted}] if predicted else []
    several = spread(runs)["mosi_test"] if runs else {}
    print("  ".join(f"test {k} {v['mean']:.3f} ± {v['sd']:.3f}" for k, v in several.items()), file=sys.stderr)
    write("context", rows, id=[row.id for row in test], folds=folds, best=best["share"], several=several)


def leaning(test: Sequence[mosi.Segment], file: Path) -> list[float]:
    """The scores of a seed with the served share of the context, in the order of the test."""
    with np.load(file, allow_pickle=False) as arrays:
        own = dict(zip(map(str, arrays["mosi_test_id"]), map(float, arrays["mosi_test_score"]), strict=True))
    order = [row.id for video in by_video(test) for row in video]
    found = dict(zip(order, scored(segments(test, own), SHARE).round(4).tolist(), strict=True))
    return [found[row.id] for row in test]


if __name__ == "__main__":
    main()
