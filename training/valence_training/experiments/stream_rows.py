"""The figures of MOSI as a stream, from the scores of its videos.

A row says which scores were compared (`scores`), with which transcript and state of it (`transcript`), and how much of
the words of a window must be labelled for it to count (`labelled`: any, half, all). The scores are

- `fused`: those of the sliding windows, what a user gets;
- `utterances`: those of the segments, each scored by itself and combined as the labels are, by overlap with the window;
- `limit: words`: the labels themselves, combined by the number of words, which is all that a net can see of duration;
- `limit: unlabelled`: the same, and where nobody labelled what is said, the score that the model gives that segment. A
  reader that agreed with every label and heard the rest as this model does would get no further.

`delay_s` is the lag of the best correlation with the labels of the windows, `behind_s` with those of the instants. A
window that weighs all that it holds alike is half a window behind.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from valence_training.data import mosi
from valence_training.evaluate import bootstrap
from valence_training.experiments import transcripts
from valence_training.experiments.series import Array, Spans, Spoken, delay
from valence_training.metrics import concordance, metrics

WINDOW = 8
"""Seconds; a window ends at every full second."""

COVER = {"any": 0.0, "half": 0.5, "all": 1.0}
"""Least share of a window's words that stand in labelled segments; more than none in any case."""

Cell = dict[str, Any]
"""The scores of one video: `windows` [end, score] of each transcript, `utterances` [start, end, score]."""

Series = dict[str, tuple[Array, Array]]
"""Ends and scores of the windows of each video."""


def material(split: mosi.Split) -> tuple[dict[str, list[mosi.Word]], dict[str, list[mosi.Segment]]]:
    """Words and labelled segments of each video, in order of time."""
    segments: dict[str, list[mosi.Segment]] = {}
    for segment in sorted(mosi.segments(split), key=lambda s: (s.video, s.start)):
        segments.setdefault(segment.video, []).append(segment)
    words: dict[str, list[mosi.Word]] = {video: [] for video in segments}
    for word in mosi.words():
        if word.video in words:
            words[word.video].append(word)
    return words, segments


def rows(
    cells: Mapping[str, Cell],
    words: Mapping[str, Sequence[mosi.Word]],
    segments: Mapping[str, Sequence[mosi.Segment]],
) -> list[dict[str, Any]]:
    """All figures over the videos of the cells."""
    labels = {v: Spans(np.array([[s.start, s.end] for s in segments[v]]), _scores(segments[v])) for v in cells}
    spoken = {v: _spoken(words[v], segments[v]) for v in cells}
    found = []
    for (scores, transcript), series in _series(cells, spoken).items():
        lags = {}
        if scores == "fused":
            at = [(*series[v], partial(labels[v].over, length=WINDOW)) for v in series]
            lags["delay_s"], lags["r_at_delay"] = delay(at)
            lags["behind_s"], lags["r_behind"] = delay([(*series[v], labels[v].at) for v in series])
        for labelled in COVER:
            figures = compare(series, labels, spoken, COVER[labelled])
            found.append({"scores": scores, "transcript": transcript, "labelled": labelled, **figures, **lags})
            lags = {}
    return found


def compare(series: Series, labels: Mapping[str, Spans], spoken: Mapping[str, Spoken], least: float) -> dict[str, Any]:
    """Figures of the windows of which at least this share of the words is labelled, with errors over videos."""
    scores, targets, groups = [], [], []
    for video, (ends, score) in series.items():
        target, share = labels[video].over(ends, WINDOW), spoken[video].known(ends, WINDOW)
        keep = np.isfinite(target) & np.isfinite(score) & (share > 0) & (share >= least)
        scores.append(score[keep])
        targets.append(target[keep])
        groups += [video] * int(keep.sum())
    p, y = np.concatenate(scores), np.concatenate(targets)
    return {
        "videos": len(set(groups)),
        "windows": len(y),
        **{k: v for k, v in metrics(p, y).as_dict().items() if k != "count"},
        "ccc": concordance(p, y),
        "standard_error": bootstrap(
            np.array(groups),
            {
                "mae": lambda at: float(np.abs(p[at] - y[at]).mean()),
                "r": lambda at: metrics(p[at], y[at]).r,
                "ccc": lambda at: concordance(p[at], y[at]),
            },
        ),
    }


def _series(cells: Mapping[str, Cell], spoken: Mapping[str, Spoken]) -> dict[tuple[str, str], Series]:
    """What is compared with the labels, by (scores, transcript)."""
    found: dict[tuple[str, str], Series] = {}
    for video, cell in cells.items():
        read = {name: _spans(utterances) for name, utterances in cell["utterances"].items()}
        windows = {name: np.array(made).reshape(-1, 2) for name, made in cell["windows"].items()}
        complete = {name: windows[f"{name}, complete"][:, 0] for name in read}
        for name, made in windows.items():
            found.setdefault(("fused", name), {})[video] = (made[:, 0], made[:, 1])
        for name, spans in read.items():
            combined = spans.over(complete[name], WINDOW)
            found.setdefault(("utterances", f"{name}, complete"), {})[video] = (complete[name], combined)
        ends, known = complete["segments"], spoken[video]
        guess = read["segments"].at(known.middles)
        filled = Spoken(known.middles, np.where(np.isfinite(known.scores), known.scores, guess))
        for limit, words in (("limit: words", known), ("limit: unlabelled", filled)):
            found.setdefault((limit, "segments, complete"), {})[video] = (ends, words.over(ends, WINDOW))
    return dict(sorted(found.items(), key=lambda item: _ORDER.index(item[0][0])))


_ORDER = ("fused", "utterances", "limit: words", "limit: unlabelled")


def _spans(utterances: Sequence[Sequence[float]]) -> Spans:
    table = np.array(utterances, np.float64).reshape(-1, 3)
    return Spans(table[:, :2], table[:, 2])


def _scores(segments: Sequence[mosi.Segment]) -> Array:
    return np.array([segment.score for segment in segments])


def _spoken(words: Sequence[mosi.Word], segments: Sequence[mosi.Segment]) -> Spoken:
    said = [word for word in words if word.word != mosi.PAUSE]
    scores = np.append(_scores(segments), np.nan)  # owner -1: no segment
    return Spoken(np.array([(w.start + w.end) / 2 for w in said]), scores[transcripts.owners(said, segments)])
