"""CMU-MOSI (Zadeh et al. 2016): 2,199 opinion segments of 93 videos with a sentiment in [-3, 3]."""

import csv
import gzip
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from valence_training.paths import data_dir

Split = Literal["train", "valid", "test"]

PAUSE = "sp"
"""What stands among the words where nothing is said."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One labelled segment; `text` is in capitals without punctuation or apostrophes, times in seconds of its video."""

    id: str
    video: str
    segment: int
    start: float
    end: float
    score: float
    split: Split
    text: str


@dataclass(frozen=True, slots=True)
class Word:
    """One word, or PAUSE, with its time in seconds of its video."""

    video: str
    start: float
    end: float
    word: str


def segments(split: Split | None = None, root: Path | None = None) -> list[Segment]:
    """Return the segments of the official split (all of them without one) in the order of the file."""
    with ((root or data_dir()) / "mosi" / "segments.csv").open(encoding="utf-8", newline="") as file:
        rows = [
            Segment(
                id=row["id"],
                video=row["video"],
                segment=int(row["segment"]),
                start=float(row["start_s"]),
                end=float(row["end_s"]),
                score=float(row["score"]),
                split=cast("Split", row["split"]),
                text=row["text"],
            )
            for row in csv.DictReader(file)
        ]
    return [row for row in rows if split in (None, row.split)]


def beginning(text: str, share: float) -> str:
    """Return the first `share` of the words of a text, at least one: what a live window has heard of it by then."""
    spoken = text.split()
    return " ".join(spoken[: max(1, round(share * len(spoken)))])


def words(root: Path | None = None) -> list[Word]:
    """Return the word timings of all videos in the order of the file."""
    with gzip.open((root or data_dir()) / "mosi" / "words.csv.gz", "rt", encoding="utf-8", newline="") as file:
        return [
            Word(row["video"], float(row["start_s"]), float(row["end_s"]), row["word"]) for row in csv.DictReader(file)
        ]


def folds(videos: Sequence[str], count: int) -> list[frozenset[str]]:
    """Return the videos in groups of like size, always the same ones."""
    order = sorted(set(videos))
    random.Random(0).shuffle(order)  # noqa: S311
    return [frozenset(order[i::count]) for i in range(count)]
