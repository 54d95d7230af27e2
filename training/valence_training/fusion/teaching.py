"""Momentum distillation put together: a student, its teacher, their queues, and what is added to the loss.

    L = L_labels + 0.1 L_con + 0.5 alpha L_md

after ALBEF (Li et al. 2021, section 3.4) as model.md reads it. It knows batches alone, so it serves any material of
three streams.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from valence_training.fusion.contrast import contrast
from valence_training.fusion.distil import distil
from valence_training.fusion.loss import loss
from valence_training.fusion.model import STREAMS, FusionNet
from valence_training.fusion.momentum import Teacher
from valence_training.fusion.pairing import Batch, Views
from valence_training.fusion.projection import ProjectedNet
from valence_training.fusion.queues import Queue, Samples

CONTRAST, DISTIL = 0.1, 0.5
ALPHA, RAMP = 0.4, 5.0


class PolarityUses(NamedTuple):
    """Where polarity supervises the distillation; each switch is an ablation of its own.

    It reshapes the targets of the contrastive loss; it filters out teachers that are wrong; its head is distilled.
    """

    targets: bool = True
    filter: bool = True
    head: bool = True


class Teaching:
    """Student and teacher of one net; the teacher's copy of it is the one to validate and ship."""

    def __init__(self, net: FusionNet, average: float = 0.995, uses: PolarityUses | None = None) -> None:
        self.student = ProjectedNet(net)
        self.teacher = Teacher(self.student, average)
        self.queues = [Queue() for _ in STREAMS]
        self.uses = uses or PolarityUses()

    def loss(self, views: Views, class_weight: Tensor, alpha: float | None) -> Tensor:
        """The loss of a step; without `alpha` or a complete view that of the labels alone. Fills the queues."""
        out, z = self.student(views.shown.inputs)
        value = loss(out, views.shown, class_weight)
        if alpha is None or views.complete is None:
            return value
        with torch.no_grad():
            told, keys = self.teacher.net(views.complete.inputs)
        taught = samples(keys, views.complete)
        present = torch.isfinite(views.shown.own).float()
        value = value + CONTRAST * contrast(
            z, present, taught, self.queues, alpha, self.student.clamped_tau(), by_polarity=self.uses.targets
        )
        for queue, new in zip(self.queues, taught, strict=True):
            queue.push(new)
        return value + DISTIL * alpha * distil(
            out, told, views.shown.target, only_right=self.uses.filter, polarity=self.uses.head
        )

    def state_dict(self) -> dict[str, Any]:
        """All that a resumed run needs."""
        return {
            "student": self.student.state_dict(),
            "teacher": self.teacher.net.state_dict(),
            "queues": [queue.state_dict() for queue in self.queues],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what `state_dict` gave."""
        self.student.load_state_dict(state["student"])
        self.teacher.net.load_state_dict(state["teacher"])
        for queue, saved in zip(self.queues, state["queues"], strict=True):
            queue.load_state_dict(saved)


def alpha_after(epochs: float) -> float | None:
    """How far the teacher's word counts after so many joint epochs: None in the first, then 0 -> 0.4 over five."""
    return ALPHA * min(1.0, (epochs - 1) / RAMP) if epochs >= 1 else None


def samples(z: Tensor, batch: Batch) -> list[Samples]:
    """The samples of each stream: vectors [B, 3, 32] with the labels of their batch."""
    here = torch.isfinite(batch.own)
    own = torch.where(here, batch.own, torch.zeros_like(batch.own))
    return [Samples(z[:, m], batch.identity, own[:, m], here[:, m].float()) for m in range(len(STREAMS))]
