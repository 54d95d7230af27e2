"""Stanford Sentiment Treebank (Socher et al. 2013): film reviews with a label in 0-4, 2 being neutral."""

import csv
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from valence_training.paths import data_dir

Split = Literal["train", "dev", "test"]

# The treebank writes clitics as words of their own and brackets, slashes and quotes in the way of the Penn Treebank.
_CLITIC = re.compile(r" (n't|'s|'re|'ve|'ll|'d|'m)\b", re.IGNORECASE)
_ESCAPES = (("-LRB-", "("), ("-RRB-", ")"), ("-lrb-", "("), ("-rrb-", ")"), ("\\/", "/"), ("\\*", "*"))
_QUOTES = (("``", '"'), ("''", '"'), ("`", "'"))
_SPACE_BEFORE = re.compile(r" ([.,;:?!)]|\.\.\.)")


@dataclass(frozen=True, slots=True)
class Row:
    """One sentence or phrase as a person would write it, and its label in 0-4."""

    label: int
    text: str


def sentences(split: Split, root: Path | None = None) -> list[Row]:
    """Return the sentences of a split in the order of the file."""
    return _read((root or data_dir()) / "text" / f"sst5_{split}.csv")


def phrases(root: Path | None = None) -> list[Row]:
    """Return the phrases (constituents) of the training sentences in the order of the file."""
    return _read((root or data_dir()) / "text" / "sst5_train_phrases.csv")


def written(tokens: str) -> str:
    """Return the treebank's tokens as ordinary written text: "It 's n't bad ." becomes "It'sn't bad."."""
    text = _CLITIC.sub(r"\1", tokens)
    for old, new in (*_ESCAPES, *_QUOTES):
        text = text.replace(old, new)
    return _SPACE_BEFORE.sub(r"\1", text).replace("( ", "(").replace("$ ", "$").strip()


def _read(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as file:
        return [Row(int(row["label"]), written(row["text"])) for row in csv.DictReader(file)]
