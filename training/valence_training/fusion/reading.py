"""What the words say by themselves, read along one line.

The text encoder was fine-tuned to put sentiment on a line in its vectors, and its own head is linear. Here that line is
found again, without gradient and without much to overfit: the first component of partial least squares (Wold 1966),
which is the direction of the covariance of vectors and scores. Being linear in the mean of the words, the reading of a
window is the mean of the readings of its segments, each by its share of the words (model.md: a window combines its
segments by overlap).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from valence_training.fusion.layers import masked_mean

LIMIT = 3.0


class Reading(nn.Module):
    """score = offset + direction . mean of the valid word vectors, within +-3; 0 until it is fitted."""

    direction: Tensor
    offset: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("direction", torch.zeros(width, 1))
        self.register_buffer("offset", torch.zeros(()))

    def fit(self, rows: Tensor, scores: Tensor) -> None:
        """Set the line from mean word vectors [N, width] and their scores [N]."""
        centre, usual = rows.mean(dim=0), scores.mean()
        direction = (scores - usual) @ (rows - centre)
        along = (rows - centre) @ direction
        direction = direction * (along @ (scores - usual)) / (along @ along).clamp(min=1e-12)
        self.direction.copy_(direction.unsqueeze(1))
        self.offset.copy_(usual - centre @ direction)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Word vectors [B, L, width], mask [B, L] -> score [B, 1]; what masked steps hold does not matter."""
        x = torch.where(mask.unsqueeze(2) > 0.5, x, torch.zeros_like(x))
        return (masked_mean(x, mask) @ self.direction + self.offset).clamp(-LIMIT, LIMIT)
