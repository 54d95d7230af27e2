"""Writes what ONNX Runtime in Python makes of a few texts with the bundle's text.onnx: the serving side must agree.

    python -m valence_training.text.golden

`inference/onnx/testdata/text_golden.json` names the file by its hash, so that a test can tell vectors of another model
from wrong ones. For each text: `ids` (with [CLS] and [SEP]) and, for every position, the norm of its vector and its
first eight numbers; for the shortest two the whole vectors besides.
"""

import argparse
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from valence_training.paths import BUNDLE, REPO
from valence_training.text.export import Encoder, Floats
from valence_training.text.start import pretrained
from valence_training.text.wordpiece import WordPiece

OUTPUT = REPO / "inference" / "onnx" / "testdata" / "text_golden.json"
TEXTS = (
    "So good!",
    "i didn't like it",
    "Honestly, it's not the best film of the year, but the café scene made me laugh.",
    "THE ACTING WAS TERRIBLE AND I WANTED TO LEAVE AFTER TEN MINUTES",
    "um you know it was kind of okay i guess the first half is slow then it picks up and the ending with the two "
    "sisters at the lake is one of the most touching things i have seen in years so yes go and watch it",
)


def rounded(values: Floats) -> list[Any]:
    """Return numbers with six decimals, far below what two builds of ONNX Runtime differ by."""
    nested: list[Any] = np.round(values.astype(np.float64), 6).tolist()
    return nested


def golden(graph: Path, wordpiece: WordPiece) -> dict[str, Any]:
    """Return the record of all texts."""
    encoder = Encoder(graph)
    cases = []
    for i, text in enumerate(TEXTS):
        ids = wordpiece.ids(text)
        vectors = encoder(ids)
        case = {
            "text": text,
            "ids": ids,
            "norms": rounded(np.linalg.norm(vectors, axis=1)),
            "first": rounded(vectors[:, :8]),
        }
        cases.append(case | ({"vectors": rounded(vectors)} if i < 2 else {}))
    return {"sha256": hashlib.sha256(graph.read_bytes()).hexdigest(), "cases": cases}


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=OUTPUT)
    args = parser.parse_args()
    record = golden(BUNDLE / "text.onnx", WordPiece(pretrained() / "tokenizer.json"))
    args.output.parent.mkdir(parents=True, exist_ok=True)
    head = json.dumps({"sha256": record["sha256"]})[:-1]
    cases = ",\n".join(json.dumps(case, separators=(",", ":")) for case in record["cases"])
    args.output.write_text(f'{head}, "cases": [\n{cases}\n]}}\n', encoding="utf-8")


if __name__ == "__main__":
    main()
