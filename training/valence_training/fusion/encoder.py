"""The encoder of one stream: raw feature vectors become a short sequence of hidden steps."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from valence_training.fusion.layers import DynamicWeight, TransformerLayer, mask_bias

CLIP = 5.0
"""Standardised features are clipped to +-CLIP, so that one broken value cannot dominate a window."""

Weighting = Literal["vector", "scalar", "none"]
"""Dynamic weights: one for each dimension and step, one for each step, or none; the last two are ablations."""


@dataclass(frozen=True)
class StreamShape:
    """Sizes of one stream: feature width, longest window in steps, convolution width and shortening.

    In training whole features are dropped at the rate `feature_dropout`, so that none is relied on alone.
    """

    width: int
    max_steps: int
    kernel: int
    stride: int
    feature_dropout: float = 0.0


class StreamEncoder(nn.Module):
    """Standardise, convolve, shorten, add a sink token, two transformer layers, dynamic weights.

    Feature mean and deviation are buffers, fitted on the training set (`fit`), so the caller sends raw features.
    Masked steps are set to zero by selection and not by a product: whatever stands there, NaN included, is gone. A
    convolution pads with the same zeros, so neither a masked step's content nor the padded length changes an output.
    The sink token in front keeps every attention row valid; it is no step of the stream.
    """

    mean: Tensor
    deviation: Tensor
    positions: Tensor

    def __init__(
        self,
        shape: StreamShape,
        d: int,
        heads: int,
        layers: int,
        dropout: float,
        weighting: Weighting = "vector",
    ) -> None:
        super().__init__()
        self.stride = shape.stride
        self.register_buffer("mean", torch.zeros(shape.width))
        self.register_buffer("deviation", torch.ones(shape.width))
        self.register_buffer("positions", sinusoids(shape.max_steps, d), persistent=False)
        self.position_scale = nn.Parameter(torch.tensor(0.1))
        self.feature_dropout = nn.Dropout1d(shape.feature_dropout)
        self.convolve = nn.Conv1d(shape.width, d, shape.kernel, padding=shape.kernel // 2)
        self.norm_convolved = nn.LayerNorm(d)
        self.shorten = nn.Conv1d(d, d, shape.stride, stride=shape.stride) if shape.stride > 1 else None
        self.sink = nn.Parameter(torch.randn(1, 1, d) * 0.02)
        self.layers = nn.ModuleList(TransformerLayer(d, heads, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(d)
        self.dynamic_weight = None if weighting == "none" else DynamicWeight(d, 1 if weighting == "scalar" else d)
        self.dropout = nn.Dropout(dropout)

    def fit(self, features: Tensor) -> None:
        """Set mean and deviation from valid feature rows f32 [N, width]."""
        self.mean.copy_(features.mean(dim=0))
        self.deviation.copy_(features.std(dim=0).clamp(min=1e-4))

    def forward(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Features [B, L, D], mask [B, L] -> hidden [B, 1 + S, d] (sink first), mask [B, S = ceil(L / stride)]."""
        valid = mask.unsqueeze(2) > 0.5
        x = torch.where(valid, (x - self.mean) / self.deviation, torch.zeros_like(x)).clamp(-CLIP, CLIP)
        x = self.convolve(self.feature_dropout(x.transpose(1, 2))).transpose(1, 2)
        x = nn.functional.gelu(self.norm_convolved(x)) + self.position_scale * self.positions[: x.shape[1]]
        x = torch.where(valid, x, torch.zeros_like(x))
        if self.shorten is not None:
            x = self.shorten(nn.functional.pad(x.transpose(1, 2), (0, self.stride - 1))).transpose(1, 2)
            mask = shorten_mask(mask, self.stride)
            x = torch.where(mask.unsqueeze(2) > 0.5, x, torch.zeros_like(x))
        h = torch.cat([self.sink.expand(x.shape[0], -1, -1), self.dropout(x)], dim=1)
        seen = with_sink(mask)
        bias = mask_bias(seen)
        for layer in self.layers:
            h = layer(h, bias)
        h = self.norm(h)
        return h if self.dynamic_weight is None else self.dynamic_weight(h, seen), mask


def with_sink(mask: Tensor) -> Tensor:
    """Mask of the steps [B, L] -> mask of sink and steps [B, 1 + L]."""
    return torch.cat([torch.ones_like(mask[:, :1]), mask], dim=1)


def shorten_mask(mask: Tensor, stride: int) -> Tensor:
    """Mask [B, L] -> [B, ceil(L / stride)]: a shortened step is valid where any of its steps is."""
    padded = nn.functional.pad(mask, (0, stride - 1)).unsqueeze(1)
    return nn.functional.max_pool1d(padded, stride, stride).squeeze(1)


def sinusoids(steps: int, d: int) -> Tensor:
    """Fixed positions [steps, d] (Vaswani et al. 2017), which exist for lengths rarely seen in training too."""
    angle = torch.arange(steps).unsqueeze(1) * torch.exp(torch.arange(0, d, 2) * (-math.log(1e4) / d))
    table = torch.zeros(steps, d)
    table[:, 0::2] = torch.sin(angle)
    table[:, 1::2] = torch.cos(angle)
    return table
