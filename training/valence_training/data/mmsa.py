"""CMU-MOSI and CMU-MOSEI as users of the field have them: the pickles of MMSA (Yu et al. 2021, thuiar/MMSA).

A file holds a dict of `train`, `valid` and `test`, and each of these a dict of

| key | what |
|---|---|
| `text` | f32 [N, Lt, Dt], vectors of tokens (GloVe 300 or a frozen BERT's 768) |
| `text_bert` | [N, 3, Lt]: token ids, mask and types for a BERT; the mask says which tokens are there |
| `audio`, `vision` | [N, La, Da], [N, Lv, Dv] |
| `audio_lengths`, `vision_lengths` | N numbers, in unaligned files only |
| `id` | N times `video$_$segment` |
| `regression_labels` | N scores in [-3, 3] |

and others (`raw_text`, `annotations`, `classification_labels`) that are not needed here. In an aligned file the three
streams have the same steps and the tokens' mask holds for all.
"""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from valence_training.data import pickles
from valence_training.data.sequences import Sequences, Split, Stream, stream

SPLITS: tuple[Split, ...] = ("train", "valid", "test")
VECTORS = ("text", "audio", "vision")
NEEDED = (*VECTORS, "id", "regression_labels")
SCORE_LIMIT = 3.0

_SEGMENT = re.compile(r"(\$_\$.*|\[\d+\])$")


def load(path: Path) -> Sequences:
    """Read an aligned or unaligned file; the splits are its own.

    Raises ValueError that names split and key where the file is of another layout.
    """
    data = pickles.load(path)
    if not isinstance(data, dict) or not all(isinstance(data.get(split), dict) for split in SPLITS):
        raise ValueError(f"{path}: expected a dict of train, valid and test (the layout of MMSA), found {_found(data)}")
    parts = [_part(f"{path}: {split}", data.pop(split), split) for split in SPLITS]  # MOSEI's arrays are large
    widths = {tuple(s.values.shape[1:] for s in part.streams) for part in parts}
    if len(widths) > 1:
        raise ValueError(f"{path}: train, valid and test differ in steps or widths: {sorted(widths)}")
    groups = [set(part.group) for part in parts]
    shared = (groups[0] & groups[2]) | (groups[1] & groups[2])
    if shared:
        warnings.warn(f"{path}: {len(shared)} videos, as {min(shared)}, are in test and in another split", stacklevel=2)
    return joined(parts)


def joined(parts: list[Sequences]) -> Sequences:
    """Clips of all parts, one after the other."""
    text, audio, video = (
        Stream(
            np.concatenate([part.streams[m].values for part in parts]),
            np.concatenate([part.streams[m].mask for part in parts]),
        )
        for m in range(3)
    )
    return Sequences(
        (text, audio, video),
        np.concatenate([part.target for part in parts]),
        tuple(name for part in parts for name in part.id),
        tuple(name for part in parts for name in part.group),
        tuple(split for part in parts for split in part.split),
    )


def group(name: str) -> str:
    """The video of a segment: `03bSnISJMiM$_$1` and `03bSnISJMiM[1]` are cut from `03bSnISJMiM`."""
    return _SEGMENT.sub("", name)


def _part(where: str, part: dict[str, Any], split: Split) -> Sequences:
    missing = [key for key in NEEDED if key not in part]
    if missing:
        raise ValueError(f"{where}: {', '.join(missing)} missing (the layout of MMSA has them); found {_found(part)}")
    target = np.asarray(part["regression_labels"], np.float32).reshape(-1)
    names = tuple(_name(name) for name in part["id"])
    if len(names) != len(target) or not len(target):
        raise ValueError(f"{where}: {len(names)} ids and {len(target)} regression_labels")
    if np.abs(target[np.isfinite(target)]).max(initial=0) > SCORE_LIMIT:
        raise ValueError(f"{where}: a label of {target[np.abs(target).argmax()]:g} is outside of [-3, 3]")
    arrays = [_vectors(where, key, part[key], len(target)) for key in VECTORS]
    tokens = _token_lengths(where, part, arrays[0])
    aligned = "audio_lengths" not in part and "vision_lengths" not in part
    lengths = [tokens, *(_lengths(where, f"{VECTORS[m]}_lengths", part, arrays[m]) for m in (1, 2))]
    if aligned and len({array.shape[1] for array in arrays}) == 1:
        lengths = [tokens, tokens, tokens]
    text, audio, video = (stream(array, length) for array, length in zip(arrays, lengths, strict=True))
    return Sequences((text, audio, video), target, names, tuple(map(group, names)), (split,) * len(target))


def _vectors(where: str, key: str, value: Any, size: int) -> NDArray[np.floating]:  # noqa: ANN401
    array = np.asarray(value)
    if array.ndim != 3 or len(array) != size or array.dtype.kind not in "fiu":
        raise ValueError(f"{where}: {key} is {array.dtype} {array.shape}, expected numbers of [{size}, steps, width]")
    return array


def _token_lengths(where: str, part: dict[str, Any], text: NDArray[np.floating]) -> NDArray[np.int64] | None:
    if "text_bert" not in part:
        return None
    tokens = np.asarray(part["text_bert"])
    if tokens.shape != (len(text), 3, text.shape[1]):
        raise ValueError(
            f"{where}: text_bert is {tokens.shape}, expected {(len(text), 3, text.shape[1])} as text has it"
        )
    return tokens[:, 1].sum(axis=1).astype(np.int64)


def _lengths(where: str, key: str, part: dict[str, Any], array: NDArray[np.floating]) -> NDArray[np.int64] | None:
    if key not in part:
        return None
    lengths = np.asarray(part[key]).reshape(-1).astype(np.int64)
    if len(lengths) != len(array):
        raise ValueError(f"{where}: {len(lengths)} {key} for {len(array)} clips")
    return lengths


def _name(value: Any) -> str:  # noqa: ANN401
    return value.decode() if isinstance(value, bytes) else str(value)


def _found(value: Any) -> str:  # noqa: ANN401
    return f"the keys {', '.join(map(str, value))}" if isinstance(value, dict) else type(value).__name__
