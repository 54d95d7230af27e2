"""Sequences as tensors: what a net is given."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from valence_training.data.sequences import Rows, Sequences
from valence_training.fusion.model import Inputs


@dataclass(frozen=True)
class Clips:
    """N clips: inputs as the fusion net takes them, target f32 [N], and the number of each clip, i64 [N]."""

    inputs: Inputs
    target: Tensor
    number: Tensor

    def __len__(self) -> int:
        return len(self.target)

    def take(self, rows: Rows | Tensor) -> Clips:
        """Some of the clips; each stream is cut to the longest of them."""
        index = torch.as_tensor(rows)
        fields: list[Tensor] = []
        for m in range(3):
            mask = self.inputs[2 * m + 1][index]
            steps = max(1, int((mask * torch.arange(1, mask.shape[1] + 1)).max()))
            fields += [self.inputs[2 * m][index, :steps], mask[:, :steps]]
        rest = (whole[index] for whole in self.inputs[6:])
        return Clips(Inputs._make([*fields, *rest]), self.target[index], self.number[index])

    def parts(self, size: int) -> Iterator[Clips]:
        """The clips in their order, `size` at a time."""
        for start in range(0, len(self), size):
            yield self.take(torch.arange(start, min(start + size, len(self))))


def clips(data: Sequences) -> Clips:
    """All clips of the data, each by itself; a stream is present in a clip iff it has a valid step."""
    fields: list[Tensor] = []
    for values, mask in data.streams:
        fields += [torch.from_numpy(values), torch.from_numpy(mask.astype(np.float32))]
    present = torch.stack([mask.amax(dim=1) for mask in fields[1::2]], dim=1)
    before = (torch.zeros(len(data), fields[0].shape[2]), torch.zeros(len(data)))
    return Clips(Inputs._make([*fields, present, *before]), torch.from_numpy(data.target), torch.arange(len(data)))
