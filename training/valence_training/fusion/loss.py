"""What the fusion net is trained to minimise."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from valence_training.data.emotions import NEUTRAL_BAND
from valence_training.fusion.model import STREAMS, Outputs
from valence_training.fusion.pairing import Batch

UNIMODAL = (0.3, 0.1, 0.1)
POLARITY = 0.2
UNIMODAL_POLARITY = 0.1
LAPLACE = 0.1


def polarities(score: Tensor) -> Tensor:
    """Index of the polarity of each score: 0 negative, 1 neutral (|y| <= 0.5), 2 positive."""
    return (1 + torch.sign(score) * (score.abs() > NEUTRAL_BAND)).long()


def loss(out: Outputs, batch: Batch, class_weight: Tensor) -> Tensor:
    """L1 of the score + 0.3/0.1/0.1 L1 of each stream's own score + 0.2 CE of polarity + 0.1 Laplace NLL.

    A stream's own heads (score, and polarity with 0.1 CE) learn that stream's own label where it is present. The
    Laplace term trains log_b alone: score and fused vector enter it without gradient. `class_weight` is that of the
    polarities, [3], or [3, 3] with a row for each stream; the fused polarity has that of the leading stream.
    """
    class_weight = class_weight.expand(len(STREAMS), -1)
    wanted = polarities(batch.target)
    counts = class_weight[torch.isfinite(batch.own).int().argmax(dim=1), wanted]
    surprise = functional.cross_entropy(out.polarity_logits, wanted, reduction="none")
    error = (out.score - batch.target).abs()
    total = error.mean()
    total = total + POLARITY * (counts * surprise).sum() / counts.sum()
    total = total + LAPLACE * (out.log_b + error.detach() * torch.exp(-out.log_b)).mean()
    for m, weight in enumerate(UNIMODAL):
        here = torch.isfinite(batch.own[:, m])
        if not here.any():
            continue
        own = batch.own[here, m]
        total = total + weight * (out.unimodal_scores[here, m] - own).abs().mean()
        total = total + UNIMODAL_POLARITY * functional.cross_entropy(
            out.unimodal_logits[here, m], polarities(own), class_weight[m]
        )
    return total
