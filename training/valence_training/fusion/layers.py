"""The parts of the fusion net that every stream shares.

Everything here is written out by hand in operators that every ONNX runtime has, and nothing mixes the examples of a
batch, so a window's score never depends on what else is in its batch. Shapes: B batch, L steps, d width.

A mask is f32 [B, L], 1 where a step is valid. It enters attention as `mask_bias`: masked logits get -1e4 and not -inf,
so that a row without a valid step stays finite (Vaswani et al. 2017 write -inf; a fully masked row would be NaN).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from valence_training.fusion.shapes import join_last, split_last

MASKED = 1e4


def mask_bias(mask: Tensor) -> Tensor:
    """Mask f32 [B, L] -> what is added to attention logits [B, heads, queries, L]."""
    return ((mask - 1.0) * MASKED)[:, None, None, :]


def masked_mean(x: Tensor, mask: Tensor) -> Tensor:
    """Mean of [B, L, d] over the valid steps -> [B, d]; zero where there are none."""
    weight = mask / mask.sum(dim=1, keepdim=True).clamp(min=1.0)
    return torch.bmm(weight.unsqueeze(1), x).squeeze(1)


class Attention(nn.Module):
    """Multi-head attention (Vaswani et al. 2017) of queries [B, Lq, d] over keys [B, Lk, d]."""

    def __init__(self, d: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.width = heads, d // heads
        self.query = nn.Linear(d, d)
        self.key_value = nn.Linear(d, 2 * d)
        self.out = nn.Linear(d, d)
        self.dropout = nn.Dropout(dropout)

    def forward(self, queries: Tensor, keys: Tensor, bias: Tensor) -> Tensor:
        """Return [B, Lq, d]; `bias` is the `mask_bias` of the keys."""
        q = split_last(self.query(queries), self.heads, self.width).transpose(1, 2)
        k, v = split_last(self.key_value(keys), 2 * self.heads, self.width).transpose(1, 2).split(self.heads, dim=1)
        weight = torch.softmax(q @ k.transpose(2, 3) * self.width**-0.5 + bias, dim=-1)
        mixed = self.dropout(weight) @ v
        return self.out(join_last(mixed.transpose(1, 2)))


class FeedForward(nn.Module):
    """Two linear layers with a GELU between; the inner width is 2 d."""

    def __init__(self, d: int, dropout: float) -> None:
        super().__init__()
        self.inner = nn.Linear(d, 2 * d)
        self.out = nn.Linear(2 * d, d)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """[B, L, d] -> [B, L, d]."""
        return self.dropout(self.out(nn.functional.gelu(self.inner(x))))


class TransformerLayer(nn.Module):
    """A pre-LN layer (Xiong et al. 2020): self-attention and feed-forward, each added to its input."""

    def __init__(self, d: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.norm_attention = nn.LayerNorm(d)
        self.attention = Attention(d, heads, dropout)
        self.norm_forward = nn.LayerNorm(d)
        self.forward_layer = FeedForward(d, dropout)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        """[B, L, d] -> [B, L, d]; `bias` is the `mask_bias` of x."""
        normed = self.norm_attention(x)
        x = x + self.dropout(self.attention(normed, normed, bias))
        return x + self.forward_layer(self.norm_forward(x))


class DynamicWeight(nn.Module):
    """Dynamic weight adjustment: a weight in (0, 2) for each feature dimension at each time step.

    g_t = 2 sigmoid(W2 relu(W1 [h_t; c])), c the masked mean of h; returns g_t * h_t. W2 starts at zero, so the module
    starts as the identity. W1 [h; c] is computed as W1h h + W1c c, which is the same and needs no copy of c per step.
    With `weights` = 1 a step has one weight for all dimensions, which is an ablation.
    """

    def __init__(self, d: int, weights: int | None = None) -> None:
        super().__init__()
        self.step = nn.Linear(d, d)
        self.context = nn.Linear(d, d, bias=False)
        self.gain = nn.Linear(d, weights or d)
        nn.init.zeros_(self.gain.weight)
        nn.init.zeros_(self.gain.bias)

    def forward(self, h: Tensor, mask: Tensor) -> Tensor:
        """[B, L, d], mask [B, L] -> [B, L, d]."""
        context = self.context(masked_mean(h, mask)).unsqueeze(1)
        return 2.0 * torch.sigmoid(self.gain(torch.relu(self.step(h) + context))) * h


class KeyPooling(nn.Module):
    """Key-information pooling: attention weights over the steps, and their weighted sum.

    p = sum_t softmax(w^T tanh(W h_t)) h_t over the valid steps. w starts at zero, so it starts as the mean.
    """

    def __init__(self, d: int) -> None:
        super().__init__()
        self.inner = nn.Linear(d, d)
        self.score = nn.Linear(d, 1, bias=False)
        nn.init.zeros_(self.score.weight)

    def forward(self, h: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """[B, L, d], mask [B, L] -> pooled [B, d], weights [B, L] that sum to 1 over the valid steps."""
        logits = self.score(torch.tanh(self.inner(h))).squeeze(2)
        weights = torch.softmax(logits + (mask - 1.0) * MASKED, dim=1)
        return torch.bmm(weights.unsqueeze(1), h).squeeze(1), weights
