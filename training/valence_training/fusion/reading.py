"""What the words say by themselves, read along one line, and what was said before as context.

The text encoder was fine-tuned to put sentiment on a line in its vectors: its own head is linear. That head is used
here as it is, over the mean of the words instead of its attention. Being linear in the mean, the reading of a window is
the mean of the readings of its segments, each by its share of the time (model.md: a window combines its segments by
overlap); attention would give the window to the words of one of them.

A speaker who was content a moment ago is more likely to be so now than the words alone tell. So a share of the reading
of what was said before is added, less of it the less that was (a prior of PRIOR seconds that say nothing):

    score = line(now) + SHARE * t / (t + PRIOR) * line(before),    t the seconds of speech before

SHARE and PRIOR were chosen by the folds of `experiments.context` and the stream of the validation videos.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

LIMIT = 3.0
CONTEXT = 30.0
"""Seconds before a window that are heard as its context."""
SHARE, PRIOR = 0.25, 16.0


class Line(NamedTuple):
    """Where an encoder puts sentiment: score = weight [D] . vector + bias []."""

    weight: Tensor
    bias: Tensor


class Reading(nn.Module):
    """The line at the mean of the word vectors and at what was said before, within +-3; 0 until it has a line."""

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

    def forward(self, x: Tensor, seconds: Tensor, before: Tensor, before_seconds: Tensor) -> Tensor:
        """Words [B, L, width] with the seconds of each [B, L] (0: none), the mean word before [B, width] -> [B, 1].

        `before_seconds` [B] is what it stands for. What a word of 0 seconds holds does not matter, nor does `before`
        where nothing was said.
        """
        shares = seconds / seconds.sum(dim=1, keepdim=True).clamp(min=1e-6)
        x = torch.where(seconds.unsqueeze(2) > 0, x, torch.zeros_like(x))
        now = self._along(torch.bmm(shares.unsqueeze(1), x).squeeze(1))
        spoken = before_seconds.unsqueeze(1)
        earlier = self._along(torch.where(spoken > 0, before, torch.zeros_like(before)))
        return (now + SHARE * spoken / (spoken + PRIOR) * earlier).clamp(-LIMIT, LIMIT)

    def _along(self, x: Tensor) -> Tensor:
        return (x @ self.direction + self.offset).clamp(-LIMIT, LIMIT)
