"""Sequences of three streams with a label, aligned or not: the one form that the loaders of the field's files give.

Streams are in the order text, audio, video. A clip belongs to a group, the video (or person) that it was cut from:
folds and bootstraps never part a group.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Rows = NDArray[np.int64]
Split = Literal["train", "valid", "test"]

STREAMS = ("text", "audio", "video")


class Stream(NamedTuple):
    """Vectors f32 [N, L, D] and which steps are valid, bool [N, L]; a clip without a valid step lacks the stream."""

    values: Floats
    mask: NDArray[np.bool_]


@dataclass(frozen=True)
class Sequences:
    """N clips: three streams, target f32 [N] on the MOSI scale [-3, 3], and id, group and split of each."""

    streams: tuple[Stream, Stream, Stream]
    target: Floats
    id: tuple[str, ...]
    group: tuple[str, ...]
    split: tuple[Split, ...]

    def __post_init__(self) -> None:
        size = len(self.target)
        if not len(self.id) == len(self.group) == len(self.split) == size:
            raise ValueError(
                f"{size} targets, but {len(self.id)} ids, {len(self.group)} groups, {len(self.split)} splits"
            )
        for name, (values, mask) in zip(STREAMS, self.streams, strict=True):
            if len(values) != size or mask.shape != values.shape[:2]:
                raise ValueError(f"{name}: values {values.shape} and mask {mask.shape} do not fit {size} targets")
        if not np.isfinite(self.target).all():
            raise ValueError(
                f"the label of {self.id[int(np.flatnonzero(~np.isfinite(self.target))[0])]} is not a number"
            )

    def __len__(self) -> int:
        return len(self.target)

    def rows(self, split: Split) -> Rows:
        """Indices of the clips of a split."""
        return np.flatnonzero(np.array(self.split) == split)

    def take(self, rows: Sequence[int] | Rows) -> Sequences:
        """Some of the clips, in the order of `rows`."""
        index = np.asarray(rows, np.int64)
        text, audio, video = (Stream(values[index], mask[index]) for values, mask in self.streams)
        return Sequences(
            (text, audio, video),
            self.target[index],
            tuple(self.id[i] for i in index),
            tuple(self.group[i] for i in index),
            tuple(self.split[i] for i in index),
        )


def stream(values: NDArray[np.floating], lengths: Sequence[int] | Rows | None = None) -> Stream:
    """Clean vectors [N, L, D] and say which steps are valid.

    What is not finite becomes 0. A step of zeros only is a gap (no face found, silence, padding) and not valid; nor is
    any step at or after the clip's length.
    """
    clean = np.array(values, np.float32)
    np.nan_to_num(clean, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
    mask = np.any(clean != 0, axis=2)
    if lengths is not None:
        mask &= np.arange(clean.shape[1])[None, :] < np.asarray(lengths)[:, None]
    return Stream(clean, mask)


def no_stream(size: int, width: int) -> Stream:
    """A stream that no clip has: one step of zeros, not valid."""
    return Stream(np.zeros((size, 1, width), np.float32), np.zeros((size, 1), np.bool_))
