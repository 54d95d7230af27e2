"""The contrastive part of momentum distillation, over three streams, with polarity as a supervisor.

ALBEF (Li et al. 2021, equations 1, 2 and 6) contrasts images with texts: a sample's own partner is the target, softened
by what the teacher finds similar. Here each ordered pair a -> b of the three streams is contrasted, and the sign and
the size of the sentiment say which strangers are alike (model.md, Momentum distillation). Queries are the student's
vectors of stream a, keys the teacher's of stream b: those of the batch and of the queue. Shapes: B queries, K keys.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations

import torch
from torch import Tensor

from valence_training.fusion.layers import MASKED
from valence_training.fusion.pairing import NO_IDENTITY
from valence_training.fusion.queues import Queue, Samples

DAMPING = 0.1


def hard_target(queries: Samples, keys: Samples, *, by_polarity: bool = True) -> Tensor:
    """P = 1/2 normalised(same id) + 1/2 normalised(same polarity * exp(-|y_i - y_j|)) [B, K].

    A query whose id no key has (artificial pairs have none) gets the second term alone, one without a like-minded key
    the first alone; the row of a query with neither is zero, every other sums to 1. Without `by_polarity` the second
    term is exp(-|y_i - y_j|) over all keys.
    """
    same = (queries.identity[:, None] == keys.identity) & (queries.identity[:, None] != NO_IDENTITY)
    alike = torch.exp(-(queries.score[:, None] - keys.score).abs())
    if by_polarity:
        alike = alike * (queries.polarity[:, None] == keys.polarity)
    terms = torch.stack([_normalised(same * keys.here), _normalised(alike * keys.here)])
    return _normalised(terms.sum(dim=0))


def soft_target(
    similarity: Tensor, queries: Samples, keys: Samples, tau: Tensor, *, by_polarity: bool = True
) -> Tensor:
    """Q = softmax(similarity / tau) over the keys that are here [B, K]; those of another polarity are damped by 0.1.

    `similarity` [B, K] is the teacher's; each row sums to 1.
    """
    target = torch.softmax(similarity / tau + (keys.here - 1.0) * MASKED, dim=1)
    if by_polarity:
        target = torch.where(queries.polarity[:, None] == keys.polarity, target, DAMPING * target)
    return _normalised(target)


def one_way(
    student: Tensor, teacher: Samples, keys: Samples, shown: Tensor, alpha: float, tau: Tensor, *, by_polarity: bool
) -> tuple[Tensor, Tensor]:
    """Cross-entropy [B] of the student's similarities against T = alpha Q + (1 - alpha) P, and which rows count [B].

    `student` [B, 32] are its vectors, `teacher` the same samples as the teacher sees them, `shown` [B] is 1 where the
    student sees the stream. Neither keys nor targets carry a gradient.
    """
    with torch.no_grad():
        hard = hard_target(teacher, keys, by_polarity=by_polarity)
        soft = soft_target(teacher.z @ keys.z.T, teacher, keys, tau, by_polarity=by_polarity)
        target = alpha * soft + (1 - alpha) * hard
        counts = shown * teacher.here * (hard.sum(dim=1) > 0)
    log_likely = torch.log_softmax(student @ keys.z.detach().T / tau + (keys.here - 1.0) * MASKED, dim=1)
    return -(target * log_likely).sum(dim=1), counts


def contrast(
    student: Tensor,
    shown: Tensor,
    teacher: Sequence[Samples],
    queues: Sequence[Queue],
    alpha: float,
    tau: Tensor,
    *,
    by_polarity: bool = True,
) -> Tensor:
    """L_con: the mean of `one_way` over the ordered pairs of streams.

    `student` [B, 3, 32], `shown` [B, 3], `teacher` the samples of each stream in the complete view of the same batch.
    """
    keys = [seen.joined(queue.samples) for seen, queue in zip(teacher, queues, strict=True)]
    total, pairs = student.new_zeros(()), 0
    for a, b in permutations(range(len(keys)), 2):
        entropy, counts = one_way(student[:, a], teacher[a], keys[b], shown[:, a], alpha, tau, by_polarity=by_polarity)
        if counts.any():
            total = total + (entropy * counts).sum() / counts.sum()
            pairs += 1
    return total / max(pairs, 1)


def _normalised(weights: Tensor) -> Tensor:
    """Rows that sum to 1; a row of zeros stays."""
    return weights / weights.sum(dim=1, keepdim=True).clamp(min=1e-12)
