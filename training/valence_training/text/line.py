"""The line on which a text encoder puts sentiment in its vectors: the head that it was tuned with.

It belongs to one text.onnx. The export keeps it in the cache under the digest of that file; of the bundle that ships,
the fusion net holds it, so that a net can be trained on the shipped encoder where no encoder was ever tuned.
"""

from __future__ import annotations

import json
from pathlib import Path

import onnx
import torch

from valence_training.data.features import Floats
from valence_training.extract import sha256
from valence_training.fusion.reading import LIMIT, Line
from valence_training.paths import BUNDLE, cache_dir

DIRECTION, OFFSET = "net.reading.direction", "net.reading.offset"
"""Where a fusion.onnx holds its line."""


def keep(graph: Path, line: Line) -> None:
    """Note the line of an exported encoder."""
    torch.save(line._asdict(), _place(graph))


def line(bundle: Path = BUNDLE) -> Line:
    """The line of the bundle's text.onnx.

    Raises ValueError where nobody knows it: neither was the file exported here, nor is it the one that the bundle's
    fusion net was trained on.
    """
    graph = bundle / "text.onnx"
    if _place(graph).exists():
        return Line(**torch.load(_place(graph), weights_only=True))
    files = json.loads((bundle / "manifest.json").read_text(encoding="utf-8"))["files"]
    if files["text.onnx"]["sha256"] != sha256(graph):
        raise ValueError(
            f"{graph}: no head is known of this text encoder: the bundle's fusion net belongs to another, and it was"
            " not exported here; run `python -m valence_training.text.export`"
        )
    held = {t.name: t for t in onnx.load(str(bundle / "fusion.onnx")).graph.initializer}
    weight, bias = (torch.from_numpy(onnx.numpy_helper.to_array(held[name]).copy()) for name in (DIRECTION, OFFSET))
    return Line(weight.squeeze(1), bias)


def read(line: Line, vectors: Floats) -> float:
    """What the words of a text say, from its vectors [L, 384] with [CLS] and [SEP]: as serving reads a segment."""
    words = torch.from_numpy(vectors[1:-1])
    return float((words.mean(dim=0) @ line.weight + line.bias).clamp(-LIMIT, LIMIT))


def _place(graph: Path) -> Path:
    return cache_dir("text", "lines") / f"{sha256(graph)[:16]}.pt"
