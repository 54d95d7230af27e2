"""Golden vectors of the fusion graph: inputs by a formula, outputs by torch.

`inference/onnx/testdata/fusion_golden.json` = {"formula", "model_sha256", "tolerance", "cases"}; a case is {"pattern",
"lengths": [Lt, La, Lv], "batch", "present", and under "outputs" every output, flattened in C order}. Inputs are not
stored. Each is computed in float64 and rounded to float32, i the flat index in C order:

- values of stream m (0 text, 1 audio, 2 video): sin(0.37 i + m) * 2
- mask of stream m: 0 where i % 5 == 3, so the first step of the first window is always valid; else 1, and of the text
  the seconds 0.25 + 0.05 (i % 7)
- before: cos(0.21 i) * 1.5; before_seconds of window i: 4 (i + 1)
- present: as the case says, the same for each window of the batch

An absent stream is filled in the same way: what it holds must not matter.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from valence_training.extract import sha256
from valence_training.fusion.model import SHAPES, STREAMS, FusionNet, Inputs
from valence_training.fusion.pairing import PATTERNS, name
from valence_training.fusion.scoring import torch_run
from valence_training.fusion.serving import OUTPUTS

LENGTHS = ((1, 1, 1), (7, 7, 7), (32, 80, 40), (64, 128, 64))
TOLERANCE = 1e-4


def inputs(pattern: tuple[int, ...], lengths: tuple[int, int, int], batch: int) -> Inputs:
    """The inputs of a case."""
    parts = []
    for m, (shape, steps) in enumerate(zip(SHAPES, lengths, strict=True)):
        values = np.sin(0.37 * np.arange(batch * steps * shape.width) + m) * 2
        place = np.arange(batch * steps)
        mask = (place % 5 != 3) * (0.25 + 0.05 * (place % 7) if m == 0 else 1.0)
        parts.append(torch.from_numpy(values.astype(np.float32).reshape(batch, steps, shape.width)))
        parts.append(torch.from_numpy(mask.astype(np.float32).reshape(batch, steps)))
    present = torch.zeros(batch, len(STREAMS))
    present[:, list(pattern)] = 1.0
    width = SHAPES[0].width
    before = np.cos(0.21 * np.arange(batch * width)).reshape(batch, width) * 1.5
    seconds = 4.0 * np.arange(1, batch + 1)
    return Inputs(*(*parts, present, *(torch.from_numpy(x.astype(np.float32)) for x in (before, seconds))))


def write(net: FusionNet, temperature: float, graph: Path, path: Path) -> None:
    """Write the cases of a net that was exported to `graph`."""
    run = torch_run(net, temperature)
    cases: list[dict[str, Any]] = []
    for lengths in LENGTHS:
        for pattern in PATTERNS:
            batch = 2 if lengths == (7, 7, 7) else 1
            case = inputs(pattern, lengths, batch)
            out = run(case)
            cases.append(
                {
                    "pattern": name(pattern),
                    "lengths": list(lengths),
                    "batch": batch,
                    "present": case.present[0].int().tolist(),
                    "outputs": {
                        field: [float(f"{value:.7g}") for value in getattr(out, field).flatten().tolist()]
                        for field in OUTPUTS
                    },
                }
            )
    document = {
        "formula": "values sin(0.37 i + m) * 2; mask 0 where i % 5 == 3, else 1, of the text 0.25 + 0.05 (i % 7);"
        " before cos(0.21 i) * 1.5; before_seconds 4 (i + 1); i the flat index in C order, m the stream",
        "model_sha256": sha256(graph),
        "tolerance": TOLERANCE,
        "cases": cases,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, separators=(",", ":")) + "\n", encoding="utf-8")
