"""Training texts of both corpora on one scale, and their batches."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from valence_training.data import mosi, sst
from valence_training.text.wordpiece import as_recognised

SST_SCALE = 1.4  # of a label's distance from neutral: SST's -2..2 become -2.8..2.8 of MOSI's -3..3


@dataclass(frozen=True, slots=True)
class Sample:
    """A text in each form in which it may come (one is drawn per epoch) and its score on the MOSI scale."""

    forms: tuple[str, ...]
    score: float


def sst_samples(seed: int, phrases: int, max_words: int) -> list[Sample]:
    """Return short sentences, and phrases drawn evenly from the five labels (half of all phrases are neutral).

    Each comes as written and as bare speech recognition would have it: live transcripts come in both forms.
    """

    def fits(row: sst.Row) -> bool:
        return 3 <= len(as_recognised(row.text).split()) <= max_words

    sentences = [row for row in sst.sentences("train") if fits(row)]
    known = {row.text for row in sentences}
    by_label: dict[int, list[sst.Row]] = {label: [] for label in range(5)}
    for row in sst.phrases():
        if fits(row) and row.text not in known:
            by_label[row.label].append(row)
    rng = random.Random(seed)  # noqa: S311
    drawn = [row for rows in by_label.values() for row in rng.sample(rows, min(len(rows), phrases // 5))]
    return [Sample((row.text, as_recognised(row.text)), (row.label - 2) * SST_SCALE) for row in [*sentences, *drawn]]


def mosi_samples(split: mosi.Split) -> list[Sample]:
    """Return MOSI's segments as they are: capitals become lower case in the tokenizer, punctuation they have none."""
    return [Sample((row.text,), row.score) for row in mosi.segments(split)]


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
