"""EmoBank (Buechel & Hahn 2017, CC BY-SA 4.0): news, letters, fiction, blogs and talk, with a valence in 1-5.

Some sentences occur twice, also once in train and once in test, and some are film reviews that the Stanford Sentiment
Treebank holds too. `sentences("train")` leaves out what dev, test or the treebank hold, so that no figure on them is of
texts that were learnt; dev and test stay whole.
"""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from valence_training.data import sst
from valence_training.paths import data_dir

Split = Literal["train", "dev", "test"]

NEUTRAL = 3.0


@dataclass(frozen=True, slots=True)
class Row:
    """One sentence as it was written and the mean valence that its readers and writers gave it, 1 (bad) to 5 (good)."""

    id: str
    valence: float
    text: str


def sentences(split: Split, root: Path | None = None) -> list[Row]:
    """Return the sentences of the official split in the order of the file; train without the texts of any other set."""
    with ((root or data_dir()) / "text" / "emobank.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    unknown = {row["split"] for row in rows} - set(get_args(Split))
    if unknown:
        raise ValueError(f"emobank.csv: split is {', '.join(sorted(unknown))}; expected train, dev or test")
    held_out = {key(row["text"]) for row in rows if row["split"] != "train"}
    if split == "train":
        reviews = [row for part in get_args(sst.Split) for row in sst.sentences(part, root)]
        held_out |= {key(row.text) for row in (*reviews, *sst.phrases(root))}
    return [
        Row(row["id"], float(row["V"]), row["text"])
        for row in rows
        if row["split"] == split and (split != "train" or key(row["text"]) not in held_out)
    ]


def key(text: str) -> str:
    """Return what two texts share that differ in case, white space and punctuation only."""
    return "".join(c for c in text.casefold() if c.isalnum())
