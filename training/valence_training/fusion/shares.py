"""Fit what `modality_gate` calls usual, after training; nothing else depends on it."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from valence_training.fusion.model import STREAMS, FusionNet, Inputs

LEAST = 1e-3


@torch.no_grad()
def fit(net: FusionNet, windows: Iterable[Inputs]) -> None:
    """Set the usual part, pull and effect of each stream, without text and with it, from training windows.

    The effect is the mean change of the score when the stream is taken away, over windows that have another one.
    """
    net.eval()
    parts, present, effect = [], [], []
    for inputs in windows:
        out = net(inputs)
        parts.append(out.parts)
        present.append(inputs.present)
        effect.append(torch.stack([_without(net, inputs, m, out.score) for m in range(len(STREAMS))], dim=1))
    all_parts, here, effects = torch.cat(parts), torch.cat(present), torch.cat(effect)
    for text in range(2):
        rows = here[:, 0] == text
        shown = here[rows]
        net.usual_parts[text] = _mean(all_parts[rows], shown.unsqueeze(2))
        pulls = net.pulls(all_parts[rows], shown)
        net.usual_pull[text] = _mean(pulls.square(), shown).sqrt().clamp(min=LEAST)
        several = shown * (shown.sum(dim=1, keepdim=True) > 1)
        net.usual_effect[text] = _mean(effects[rows], several).clamp(min=LEAST)


def _without(net: FusionNet, inputs: Inputs, stream: int, score: Tensor) -> Tensor:
    present = inputs.present.clone()
    present[:, stream] = 0.0
    return (net(inputs._replace(present=present)).score - score).abs()


def _mean(values: Tensor, weight: Tensor) -> Tensor:
    return (values * weight).sum(dim=0) / weight.sum(dim=0).clamp(min=1.0)
