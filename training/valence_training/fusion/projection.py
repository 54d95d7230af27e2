"""What the fusion net carries in training only: projections of its streams into one space.

z_m = normalize(W_m p_m) in R^32, p_m the pooled vector of stream m: ALBEF (Li et al. 2021, section 3.2) aligns the
unimodal representations before it fuses them. None of it enters the served graph.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from valence_training.fusion.model import STREAMS, FusionNet, Inputs, Outputs

WIDTH = 32
TAU, TAU_RANGE = 0.07, (0.05, 0.5)


class Projected(NamedTuple):
    """Outputs of the net, and the unit vectors of its streams [B, 3, 32]."""

    out: Outputs
    z: Tensor


class ProjectedNet(nn.Module):
    """The net, its projections and the temperature of their similarities, which is learned."""

    def __init__(self, net: FusionNet) -> None:
        super().__init__()
        self.net = net
        self.project = nn.ModuleList(nn.Linear(net.config.d, WIDTH, bias=False) for _ in STREAMS)
        self.tau = nn.Parameter(torch.tensor(TAU))

    def forward(self, inputs: Inputs) -> Projected:
        """Score a batch and project its streams; the vector of an absent stream means nothing."""
        out: Outputs = self.net(inputs)
        z = torch.stack([project(out.pooled[:, m]) for m, project in enumerate(self.project)], dim=1)
        return Projected(out, nn.functional.normalize(z, dim=2))

    def clamped_tau(self) -> Tensor:
        """The temperature, kept within TAU_RANGE in place, so that it can always return from its limits."""
        with torch.no_grad():
            self.tau.clamp_(*TAU_RANGE)
        return self.tau
