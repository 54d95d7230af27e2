"""What a student learns from: labels mixed with what its teachers say, and texts that teachers alone have scored.

A mean of several models reads better than each of them; one model that learns from the mean keeps part of the gain
(Hinton et al. 2015) at the cost of one. The teachers also score what has no label on MOSI's scale: film reviews, and
texts cut anywhere from the segments trained on, since a live window begins and ends anywhere in what somebody says.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from valence_training.data import mosi
from valence_training.text.samples import Corpora, Draw, Sample, mosi_samples

LEAST, MOST = 3, 40  # words of a window


@dataclass(frozen=True, slots=True)
class Distil:
    """Who teaches, how far they are believed, and how many texts of each kind they score."""

    encoders: tuple[str, ...] = ("bge-small-en-v1.5", "e5-small-v2")
    seeds: int = 1  # teachers of each encoder
    trust: float = 0.5  # the teachers' share of a target; the label has the rest
    windows: int = 1_000
    sentences: int = 400
    phrases: int = 400
    emobank: int = 800
    max_words: int = 30  # of a written text
    drawn: float = 0.6  # of all these, anew for each epoch


@dataclass(frozen=True, slots=True)
class Material:
    """The texts of a run: its labelled segments; talk with a label on the same scale; and what teachers alone score."""

    segments: list[Sample]
    talk: list[Sample]
    unlabelled: list[Sample]

    @property
    def samples(self) -> list[Sample]:
        """All of them, in the order in which teachers score them."""
        return [*self.segments, *self.talk, *self.unlabelled]

    @classmethod
    def gather(cls, distil: Distil, corpora: Corpora, rows: list[mosi.Segment], seed: int) -> "Material":
        """Draw the texts; segments, and the windows that are cut from them, come from `rows` alone."""
        rng = random.Random(seed)  # noqa: S311

        def some(samples: list[Sample], count: int) -> list[Sample]:
            short = [sample for sample in samples if len(sample.forms[-1].split()) <= distil.max_words]
            return rng.sample(short, min(count, len(short)))

        phrases = [sample for label in corpora.phrases for sample in some(label, distil.phrases // 5)]
        reviews = some(corpora.sentences, distil.sentences)
        talk = some(corpora.emobank, distil.emobank)
        cut = [Sample((text,), float("nan")) for text in windows(rows, distil.windows, rng)]
        return cls(mosi_samples(rows), talk, [*cut, *reviews, *phrases])

    def taught(self, distil: Distil, scores: NDArray[np.float32]) -> Draw:
        """Return the maker of epochs with the teachers' scores [N], which are in the order of `samples`.

        A review's label is left out: it says how good the film is in five steps, not how a segment would be scored.
        """
        known = len(self.segments) + len(self.talk)
        heard = [replace(s, score=float(t)) for s, t in zip(self.samples, scores, strict=True)]
        for i, sample in enumerate(self.samples[:known]):
            heard[i] = replace(sample, score=(1 - distil.trust) * sample.score + distil.trust * heard[i].score)
        own, rest = heard[: len(self.segments)], heard[len(self.segments) :]
        return lambda rng: [*own, *rng.sample(rest, round(distil.drawn * len(rest)))]


def windows(rows: Sequence[mosi.Segment], count: int, rng: random.Random) -> list[str]:
    """Return texts of 3 to 40 words that begin and end anywhere in segments that follow one another."""
    runs: list[list[str]] = []
    last: mosi.Segment | None = None
    for row in sorted(rows, key=lambda row: (row.video, row.segment)):
        if last is None or (row.video, row.segment) != (last.video, last.segment + 1):
            runs.append([])
        runs[-1] += row.text.split()
        last = row
    out = []
    for run in rng.choices(runs, [len(run) for run in runs], k=count):
        length = min(rng.randint(LEAST, MOST), len(run))
        first = rng.randint(0, len(run) - length)
        out.append(" ".join(run[first : first + length]))
    return out
