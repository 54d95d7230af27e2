"""Feature files of `valence extract`: the very vectors that the serving side makes.

One .npz holds the items of one manifest and one modality (format `valence-features/1`). Rows of item i are
values[offset[i]:offset[i + 1]]; a masked row keeps its place, so that row k is the step at k / rate seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

FORMAT = "valence-features/1"

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Item:
    """The steps of one item: values f32 [L, D], usable bool [L], times in seconds, word index of text tokens."""

    id: str
    track: str
    values: Floats
    usable: NDArray[np.bool_]
    start: NDArray[np.float64]
    end: NDArray[np.float64]
    word: NDArray[np.int32] | None

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True)
class Features:
    """All items of one file by id, in the order of the file, with the contract that they were made under."""

    modality: str
    contract: str
    contract_text: str
    items: dict[str, Item]
    errors: dict[str, str]

    @property
    def width(self) -> int:
        """Length of one vector."""
        return next(iter(self.items.values())).values.shape[1]

    def rows(self, ids: list[str]) -> Floats:
        """All usable rows of the given items, f32 [N, D]."""
        return np.concatenate([self.items[i].values[self.items[i].usable] for i in ids])


def load(path: Path) -> Features:
    """Read a feature file; items without rows are in `errors` only.

    Raises ValueError where the file is of another format or broken.
    """
    with np.load(path, allow_pickle=False) as archive:
        data: dict[str, NDArray[Any]] = {name: archive[name] for name in archive.files}
    if _text(data["format"]) != FORMAT:
        raise ValueError(f"{path}: format {_text(data['format'])!r}, expected {FORMAT!r}")
    values = np.ascontiguousarray(data["values"], dtype=np.float32)
    offset = data["offset"]
    if offset[-1] != len(values) or np.any(np.diff(offset) < 0):
        raise ValueError(f"{path}: offsets do not cover its {len(values)} rows")
    if not np.all(np.isfinite(values)):
        raise ValueError(f"{path}: a value is not finite")
    word = data.get("word")
    items: dict[str, Item] = {}
    errors: dict[str, str] = {}
    for i, (name, track, error) in enumerate(zip(data["id"], data["track"], data["error"], strict=True)):
        rows = slice(int(offset[i]), int(offset[i + 1]))
        if rows.start == rows.stop:
            errors[_text(name)] = _text(error)
            continue
        items[_text(name)] = Item(
            id=_text(name),
            track=_text(track),
            values=values[rows],
            usable=data["mask"][rows] > 0,
            start=data["start"][rows],
            end=data["end"][rows],
            word=None if word is None else word[rows],
        )
    return Features(
        modality=_text(data["modality"]),
        contract=_text(data["contract"]),
        contract_text=_text(data["contract_text"]),
        items=items,
        errors=errors,
    )


def save(path: Path, features: Features, rate: float) -> None:
    """Write features in the same format (for tests, and for trials without the extractor)."""
    items = list(features.items.values())
    arrays: dict[str, NDArray[Any]] = {
        "format": np.array(FORMAT),
        "modality": np.array(features.modality),
        "contract": np.array(features.contract),
        "contract_text": np.array(features.contract_text),
        "rate": np.array(rate, dtype=np.float64),
        "id": np.array([item.id for item in items]),
        "track": np.array([item.track for item in items]),
        "error": np.array(["" for _ in items]),
        "offset": np.cumsum([0, *(len(item) for item in items)], dtype=np.int64),
        "values": np.concatenate([item.values for item in items]),
        "mask": np.concatenate([item.usable for item in items]).astype(np.uint8),
        "start": np.concatenate([item.start for item in items]),
        "end": np.concatenate([item.end for item in items]),
    }
    words = [item.word for item in items if item.word is not None]
    if words:
        arrays["word"] = np.concatenate(words)
    np.savez(path, **arrays)  # type: ignore[arg-type]


def _text(value: Any) -> str:  # noqa: ANN401
    value = value.item() if isinstance(value, np.ndarray | np.generic) else value
    return value.decode() if isinstance(value, bytes) else str(value)
