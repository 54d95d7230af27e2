"""The paper's network on sequences of any width and length, trained with momentum distillation.

Every stream of a clip belongs to one person, so a clip has an identity: the teacher sees it complete, the student with
streams missing, and the contrastive targets know that the streams of a clip belong together. Validated and used is the
teacher, a running average of the student (fusion/momentum.py).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn

from valence_training.data.sequences import Sequences
from valence_training.fusion.encoder import StreamShape
from valence_training.fusion.loss import polarities
from valence_training.fusion.model import STREAMS, FusionConfig, FusionNet, Inputs
from valence_training.fusion.pairing import Batch, Views, draw_pattern
from valence_training.fusion.queues import Queue
from valence_training.fusion.teaching import PolarityUses, Teaching, alpha_after
from valence_training.sequences.batches import Clips
from valence_training.sequences.loop import Learner

KERNELS = (1, 5, 3)
LONGEST = 64
"""A stream with more steps is shortened inside the net: attention costs the square of them."""
PAPER: dict[str, Any] = {"anchor": False}
"""What differs from the shipped net: that reads the words along a line, as its own fine-tuned text encoder puts
sentiment on one. The vectors of any other encoder need the whole path, which is the paper's network."""
MANY, LONG_QUEUE = 4096, 4096
"""With so many training clips (MOSEI has 16,326, MOSI 1,284) the teacher's queues are longer than usual."""


@dataclass(frozen=True)
class Settings:
    """How to train the net; `net` holds changes of the paper's network but for the shapes, which the data give.

    Without `momentum` the labels alone teach; `polarity` is whether polarity enters the distillation.
    """

    net: dict[str, Any] = field(default_factory=dict)
    rate: float = 1e-3
    decay: float = 0.01
    drop_streams: bool = True
    momentum: bool = True
    polarity: bool = True

    def config(self, shapes: tuple[StreamShape, ...]) -> FusionConfig:
        """The net for streams of these shapes."""
        return FusionConfig(shapes=shapes, **(PAPER | self.net))


def shapes(data: Sequences) -> tuple[StreamShape, ...]:
    """Width, length, convolution and shortening of each stream."""
    found = []
    for (values, _), kernel in zip(data.streams, KERNELS, strict=True):
        steps, width = values.shape[1:]
        found.append(StreamShape(width=width, max_steps=steps, kernel=kernel, stride=-(-steps // LONGEST)))
    return tuple(found)


class FusionLearner(Learner):
    """FusionNet with its losses; feature means, class weights and shapes come from the training clips."""

    class_weight: Tensor
    steps: Tensor

    def __init__(self, settings: Settings, train: Sequences, seed: int) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.settings = settings
        net = FusionNet(settings.config(shapes(train)))
        for encoder, (values, mask) in zip(net.encoders, train.streams, strict=True):
            if mask.any():
                encoder.fit(torch.from_numpy(values[mask]))  # type: ignore[operator]
        self.teaching = Teaching(net, uses=PolarityUses(*(settings.polarity,) * 3))
        if len(train) >= MANY:
            self.teaching.queues = [Queue(LONG_QUEUE) for _ in STREAMS]
        # Named as modules too, so that state_dict has all of it.
        self.student, self.teacher = self.teaching.student, self.teaching.teacher.net
        self.queues = nn.ModuleList(self.teaching.queues)
        self.register_buffer("class_weight", class_weight(torch.from_numpy(train.target)))
        self.register_buffer("steps", torch.zeros((), dtype=torch.long))

    @property
    def net(self) -> FusionNet:
        """The net to use: the teacher's."""
        return self.teacher.net

    def train(self, mode: bool = True) -> Self:
        """Training mode is the student's alone."""
        super().train(mode)
        self.teacher.eval()
        return self

    def optimiser(self) -> torch.optim.Optimizer:
        """AdamW over the student."""
        return torch.optim.AdamW(self.student.parameters(), lr=self.settings.rate, weight_decay=self.settings.decay)

    def rate(self, done: float) -> float:
        """Up over the first twentieth, then down as half a cosine."""
        return min(1.0, (done + 0.002) * 20) * 0.5 * (1 + float(np.cos(np.pi * done)))

    def clip(self) -> None:
        """Limit the norm to 1."""
        torch.nn.utils.clip_grad_norm_(self.student.parameters(), 1.0)

    def loss(self, batch: Clips, epoch: int) -> Tensor:
        """Loss of the clips with some streams dropped, and of the distillation from the complete clips."""
        seen = batch.inputs._replace(present=self.drop(batch.inputs.present))
        alpha = alpha_after(epoch) if self.settings.momentum else None
        return self.teaching.loss(Views(labelled(seen, batch), labelled(batch.inputs, batch)), self.class_weight, alpha)

    def stepped(self) -> None:
        """The teacher follows."""
        self.steps += 1
        self.teaching.teacher.follow(self.student, int(self.steps))

    def drop(self, present: Tensor) -> Tensor:
        """Presence [B, 3] after the protocol of missing streams; a clip keeps at least one of the streams it has.

        Of the protocol the loss of random steps is left out: gaps are in the data.
        """
        if not self.settings.drop_streams:
            return present
        kept = torch.zeros_like(present)
        for i, pattern in enumerate(self._patterns(len(present))):
            kept[i, list(pattern)] = 1.0
        kept = kept * present
        return torch.where(kept.any(dim=1, keepdim=True), kept, present)

    def scores(self, batch: Clips) -> Tensor:
        """The fused score."""
        score: Tensor = self.net(batch.inputs).score
        return score

    def _patterns(self, count: int) -> Iterable[tuple[int, ...]]:
        """Drawn from torch's generator, which the loop seeds anew for each epoch."""
        random = np.random.default_rng(int(torch.randint(2**31, (1,))))
        return (draw_pattern(random)[0] for _ in range(count))


def labelled(inputs: Inputs, clips: Clips) -> Batch:
    """The inputs with the labels of their clips: each stream that is there has the clip's own."""
    own = torch.where(inputs.present > 0, clips.target.unsqueeze(1), torch.nan)
    return Batch(inputs, clips.target, own, clips.number)


def class_weight(target: Tensor) -> Tensor:
    """Inverse share of each polarity among the targets [N], with mean 1 -> [3]."""
    counts = torch.bincount(polarities(target), minlength=3).clamp(min=1).float()
    weight = counts.sum() / counts
    return weight / weight.mean()
