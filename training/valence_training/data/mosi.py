"""CMU-MOSI (Zadeh et al. 2016): 2,199 opinion segments of 93 videos with a sentiment in [-3, 3]."""

import csv
import gzip
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from valence_training.paths import data_dir

Split = Literal["train", "valid", "test"]


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
    """One word with its time in seconds of its video; `sp` is a pause."""

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
