"""The momentum teacher: a copy of the net that follows it slowly.

Momentum distillation (ALBEF, Li et al. 2021, section 3.4; He et al. 2020) learns from targets that a running average of
the net itself gives. The average is steadier than the net at any step, so its targets are better than labels that are
noisy or say too little. The same average is what is validated and shipped.
"""

from __future__ import annotations

import copy
from typing import Generic, TypeVar

import torch
from torch import nn

Net = TypeVar("Net", bound=nn.Module)


def momentum(step: int, most: float) -> float:
    """How much of the teacher stays at the given step (1, 2, ...): min(most, (1 + t) / (10 + t))."""
    return min(most, (1 + step) / (10 + step))


class Teacher(Generic[Net]):
    """A full copy of a net: in evaluation mode, without gradient, moved by `follow` alone."""

    def __init__(self, net: Net, most: float) -> None:
        self.net = copy.deepcopy(net).eval().requires_grad_(False)
        self.most = most

    @torch.no_grad()
    def follow(self, net: Net, step: int) -> None:
        """Move every weight towards the net's: w <- m w + (1 - m) w_net, m = `momentum(step)`."""
        keep = momentum(step, self.most)
        for mine, current in zip(self.net.parameters(), net.parameters(), strict=True):
            mine.lerp_(current, 1 - keep)
