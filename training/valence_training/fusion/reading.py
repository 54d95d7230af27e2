"""What the words say by themselves, read along one line.

The text encoder was fine-tuned to put sentiment on a line in its vectors: its own head is linear. That head is used
here as it is, over the mean of the words instead of its attention. Being linear in the mean, the reading of a window is
the mean of the readings of its segments, each by its share of the words (model.md: a window combines its segments by
overlap); attention would give the window to the words of one of them.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from valence_training.fusion.layers import masked_mean

LIMIT = 3.0


class Line(NamedTuple):
    """Where an encoder puts sentiment: score = weight [D] . vector + bias []."""

    weight: Tensor
    bias: Tensor


class Reading(nn.Module):
    """score = the line at the mean of the valid word vectors, within +-3; 0 until it has one."""

    direction: Tensor
    offset: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("direction", torch.zeros(width, 1))
        self.register_buffer("offset", torch.zeros(()))

    def follow(self, line: Line) -> None:
        """Read along this line from now on."""
        self.direction.copy_(line.weight.unsqueeze(1))
        self.offset.copy_(line.bias)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Word vectors [B, L, width], mask [B, L] -> score [B, 1]; what masked steps hold does not matter."""
        x = torch.where(mask.unsqueeze(2) > 0.5, x, torch.zeros_like(x))
        return (masked_mean(x, mask) @ self.direction + self.offset).clamp(-LIMIT, LIMIT)
