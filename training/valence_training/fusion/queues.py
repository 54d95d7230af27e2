"""Queues of what the teacher has seen lately: keys for the contrastive loss beyond the batch (He et al. 2020)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from valence_training.fusion.loss import polarities
from valence_training.fusion.pairing import NO_IDENTITY
from valence_training.fusion.projection import WIDTH

SIZE = 512
"""Entries a stream; 512 fits MOSI (4096 would fit MOSEI)."""


class Samples(NamedTuple):
    """N projections of one stream with what is known of each.

    z [N, 32]; identity [N], the sample's number, NO_IDENTITY for one of an artificial pair; score [N], the stream's own
    label on the MOSI scale; here [N], 1 where there is such a sample and 0 where the row means nothing.
    """

    z: Tensor
    identity: Tensor
    score: Tensor
    here: Tensor

    @property
    def polarity(self) -> Tensor:
        """Polarity of each sample [N]."""
        return polarities(self.score)

    def joined(self, other: Samples) -> Samples:
        """These samples and then the others."""
        return Samples(*(torch.cat(both) for both in zip(self, other, strict=True)))


class Queue(nn.Module):
    """First in, first out: the latest `size` samples of one stream. A slot that was never filled has here = 0."""

    z: Tensor
    identity: Tensor
    score: Tensor
    here: Tensor
    next: Tensor

    def __init__(self, size: int = SIZE) -> None:
        super().__init__()
        self.register_buffer("z", torch.zeros(size, WIDTH))
        self.register_buffer("identity", torch.full((size,), NO_IDENTITY))
        self.register_buffer("score", torch.zeros(size))
        self.register_buffer("here", torch.zeros(size))
        self.register_buffer("next", torch.zeros((), dtype=torch.long))

    @property
    def samples(self) -> Samples:
        """Everything in the queue, in no order that means something; clones, which later pushes do not change."""
        return Samples(self.z.clone(), self.identity.clone(), self.score.clone(), self.here.clone())

    @torch.no_grad()
    def push(self, samples: Samples) -> None:
        """Put in the samples that are here; each takes the place of the oldest."""
        rows = torch.nonzero(samples.here).squeeze(1)[-len(self.here) :]
        slots = (self.next + torch.arange(len(rows))) % len(self.here)
        for mine, new in zip((self.z, self.identity, self.score, self.here), samples, strict=True):
            mine[slots] = new[rows]
        self.next.copy_((self.next + len(rows)) % len(self.here))
