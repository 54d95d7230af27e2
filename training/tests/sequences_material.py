"""Tiny clips of three streams that follow a label, and files in the layout of MMSA."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np

SIZES = {"train": 24, "valid": 8, "test": 8}
TOKENS, FRAMES, FACES = 6, 14, 9


def part(split: str, aligned: bool) -> dict[str, Any]:
    """Clips of one split, four to a video; lengths differ, padding is zero, as in MMSA's files."""
    random = np.random.default_rng(sorted(SIZES).index(split))
    size = SIZES[split]
    score = np.linspace(-3, 3, size).astype(np.float32)
    random.shuffle(score)
    steps = (TOKENS, TOKENS, TOKENS) if aligned else (TOKENS, FRAMES, FACES)
    tokens = random.integers(3, TOKENS + 1, size)
    lengths = [tokens, tokens, tokens] if aligned else [tokens, *(random.integers(3, s + 1, size) for s in steps[1:])]
    arrays = []
    for length, longest, width in zip(lengths, steps, (12, 5, 7), strict=True):
        values = random.standard_normal((size, longest, width)) * 0.5 + score[:, None, None]
        arrays.append(np.where(np.arange(longest)[None, :, None] < length[:, None, None], values, 0.0))
    text, audio, vision = arrays
    audio[0, 0, 0] = -np.inf
    found: dict[str, Any] = {
        "raw_text": np.array([f"clip {i}" for i in range(size)], dtype=object),
        "text": text.astype(np.float32),
        "text_bert": np.stack([np.stack([np.arange(TOKENS), np.arange(TOKENS) < n, np.zeros(TOKENS)]) for n in tokens]),
        "audio": audio,
        "vision": vision,
        "id": [f"{split}{i // 4}$_${i % 4}" for i in range(size)],
        "annotations": ["Positive"] * size,
        "regression_labels": score,
    }
    if not aligned:
        found |= {"audio_lengths": [int(n) for n in lengths[1]], "vision_lengths": list(lengths[2])}
    return found


def write(path: Path, aligned: bool, protocol: int = 4, **changed: Any) -> Path:  # noqa: ANN401
    """A file as MMSA has it; `changed` replaces keys of train, None removes them."""
    data = {split: part(split, aligned) for split in SIZES}
    for key, value in changed.items():
        if value is None:
            del data["train"][key]
        else:
            data["train"][key] = value
    path.write_bytes(pickle.dumps(data, protocol=protocol))
    return path
