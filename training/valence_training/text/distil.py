"""What a student learns from: labels mixed with what its teachers say, and texts that teachers alone have scored.

A mean of several models reads better than each of them; one model that learns from the mean keeps part of the gain
(Hinton et al. 2015) at the cost of one. The teachers also score what has no label on MOSI's scale: film reviews, and
texts cut anywhere from what the same people said, since a live window begins and ends anywhere; a third of those words
nobody labelled.
"""

import random
from collections.abc import Collection
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
    untuned: float = 0.3  # share of the reader of the untuned encoders (frozen.py) in what the teachers say
    trust: float = 0.5  # the teachers' share of a target; the label has the rest
    windows: int = 1_000
    sentences: int = 400
    phrases: int = 400
    emobank: int = 800
    max_words: int = 30  # of a written text
    drawn: float = 0.6  # of all these, anew for each epoch


@dataclass(frozen=True, slots=True)
class Said:
    """A text, and the video in which it was said; a written text has none."""

    sample: Sample
    video: str = ""


@dataclass(frozen=True, slots=True)
class Material:
    """The texts of a run: its labelled segments; talk with a label on the same scale; and what teachers alone score."""

    segments: list[Said]
    talk: list[Said]
    unlabelled: list[Said]

    @property
    def texts(self) -> list[Said]:
        """All of them, in the order in which teachers score them."""
        return [*self.segments, *self.talk, *self.unlabelled]

    @classmethod
    def gather(
        cls, distil: Distil, corpora: Corpora, rows: list[mosi.Segment], words: list[mosi.Word], seed: int
    ) -> "Material":
        """Draw the texts; segments come from `rows`, and windows from the words of the same videos alone."""
        rng = random.Random(seed)  # noqa: S311

        def some(samples: list[Sample], count: int) -> list[Said]:
            short = [sample for sample in samples if len(sample.forms[-1].split()) <= distil.max_words]
            return [Said(sample) for sample in rng.sample(short, min(count, len(short)))]

        phrases = [text for label in corpora.phrases for text in some(label, distil.phrases // 5)]
        reviews = some(corpora.sentences, distil.sentences)
        talk = some(corpora.emobank, distil.emobank)
        segments = [Said(sample, row.video) for sample, row in zip(mosi_samples(rows), rows, strict=True)]
        cut = windows(words, {row.video for row in rows}, distil.windows, rng)
        return cls(segments, talk, [*cut, *reviews, *phrases])

    def taught(self, distil: Distil, scores: NDArray[np.float32]) -> Draw:
        """Return the maker of epochs with the teachers' scores [N], which are in the order of `texts`.

        A review's label is left out: it says how good the film is in five steps, not how a segment would be scored.
        """
        known = len(self.segments) + len(self.talk)
        samples = [text.sample for text in self.texts]
        heard = [replace(s, score=float(t)) for s, t in zip(samples, scores, strict=True)]
        for i, sample in enumerate(samples[:known]):
            heard[i] = replace(sample, score=(1 - distil.trust) * sample.score + distil.trust * heard[i].score)
        own, rest = heard[: len(self.segments)], heard[len(self.segments) :]
        return lambda rng: [*own, *rng.sample(rest, round(distil.drawn * len(rest)))]


def windows(words: list[mosi.Word], videos: Collection[str], count: int, rng: random.Random) -> list[Said]:
    """Return texts of 3 to 40 words that begin and end anywhere in what is said in the videos."""
    spoken: dict[str, list[str]] = {video: [] for video in sorted(videos)}
    for word in words:
        if word.video in spoken and word.word != mosi.PAUSE:
            spoken[word.video].append(word.word)
    out = []
    for video in rng.choices(list(spoken), [len(said) for said in spoken.values()], k=count):
        said = spoken[video]
        length = min(rng.randint(LEAST, MOST), len(said))
        first = rng.randint(0, len(said) - length)
        out.append(Said(Sample((" ".join(said[first : first + length]),), float("nan")), video))
    return out
