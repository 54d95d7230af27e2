"""Training texts of all corpora on one scale, what an epoch is made of, and its batches."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from valence_training.data import emobank, mosi, sst
from valence_training.text.wordpiece import as_recognised

SST_SCALE = 1.4  # of a label's distance from neutral: SST's -2..2 become -2.8..2.8 of MOSI's -3..3
EMOBANK_SCALE = 2.0  # of a valence's distance from 3: its 1.5..4.5, all but two texts in a thousand, become -3..3


@dataclass(frozen=True, slots=True)
class Sample:
    """A text in each form in which it may come (one is drawn per epoch) and its score on the MOSI scale."""

    forms: tuple[str, ...]
    score: float


Draw = Callable[[random.Random], list[Sample]]
"""What one epoch trains on; its randomness is the generator's alone, its size always the same."""


@dataclass(frozen=True, slots=True)
class Mixture:
    """How many samples of each corpus an epoch draws anew; more than there are means all of them.

    Written texts of more than `max_words` words are left out.
    """

    sentences: int = 0
    phrases: int = 0
    emobank: int = 0
    joined: int = 0
    max_words: int = 20


class Corpora:
    """The written texts, each as written and as bare speech recognition would have it: live transcripts come in both.

    Phrases are drawn evenly from the five labels, since half of them are neutral.
    """

    def __init__(self) -> None:
        sentences = sst.sentences("train")
        known = {row.text for row in sentences}
        phrases = [row for row in sst.phrases() if row.text not in known]
        self.sentences = _of_words([_review(row) for row in sentences], 3)
        self.phrases = [_of_words([_review(r) for r in phrases if r.label == label], 3) for label in range(5)]
        self.emobank = _of_words([_talk(row) for row in emobank.sentences("train")], 1)

    def draw(self, mixture: Mixture, segments: list[mosi.Segment]) -> Draw:
        """Return the maker of epochs that hold all of the segments and a mixture of the rest."""
        own, pairs = mosi_samples(segments), joined(segments)
        sentences, emobank = (_of_words(samples, 1, mixture.max_words) for samples in (self.sentences, self.emobank))
        by_label = [_of_words(samples, 1, mixture.max_words) for samples in self.phrases]

        def some(samples: list[Sample], count: int, rng: random.Random) -> list[Sample]:
            return rng.sample(samples, min(count, len(samples)))

        def epoch(rng: random.Random) -> list[Sample]:
            phrases = [sample for samples in by_label for sample in some(samples, mixture.phrases // 5, rng)]
            reviews = some(sentences, mixture.sentences, rng)
            talk = some(emobank, mixture.emobank, rng)
            return [*own, *some(pairs, mixture.joined, rng), *reviews, *phrases, *talk]

        return epoch


def _of_words(samples: list[Sample], least: int, most: int = 1000) -> list[Sample]:
    return [sample for sample in samples if least <= len(sample.forms[-1].split()) <= most]


def _review(row: sst.Row) -> Sample:
    return Sample((row.text, as_recognised(row.text)), (row.label - 2) * SST_SCALE)


def _talk(row: emobank.Row) -> Sample:
    return Sample((row.text, as_recognised(row.text)), (row.valence - emobank.NEUTRAL) * EMOBANK_SCALE)


def mosi_samples(rows: list[mosi.Segment]) -> list[Sample]:
    """Return MOSI's segments as they are: capitals become lower case in the tokenizer, punctuation they have none."""
    return [Sample((row.text,), row.score) for row in rows]


def joined(rows: list[mosi.Segment]) -> list[Sample]:
    """Return each two segments that follow one another as one text, scored by their mean weighted with their length.

    A caption of a call holds what was said in some seconds, which may be parts of several opinions.
    """
    return [
        Sample(
            (f"{a.text} {b.text}",),
            ((a.end - a.start) * a.score + (b.end - b.start) * b.score) / (a.end - a.start + b.end - b.start),
        )
        for a, b in pairwise(sorted(rows, key=lambda row: (row.video, row.start)))
        if a.video == b.video and b.segment == a.segment + 1
    ]


def batches(lengths: list[int], size: int, rng: random.Random | None) -> Iterator[list[int]]:
    """Yield the indices of texts of like length; shuffled, or in order of length without a generator."""
    order = list(range(len(lengths)))
    if rng is not None:
        rng.shuffle(order)
    order.sort(key=lengths.__getitem__)
    groups = [order[i : i + size] for i in range(0, len(order), size)]
    if rng is not None:
        rng.shuffle(groups)
    yield from groups
