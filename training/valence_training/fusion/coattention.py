"""Text-guided co-attention: the text asks, audio and video answer, and then look back at the text."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from valence_training.fusion.layers import Attention, FeedForward, mask_bias

PROXIES = 4


@dataclass
class Sides:
    """Audio and video for the co-attention: hidden steps with sink, their attention bias, presence [B, 1, 1]."""

    hidden: list[Tensor]
    bias: list[Tensor]
    present: list[Tensor]


class Proxies(nn.Module):
    """Learned tokens that take the place of the text query when there is no text.

    They first attend to the audio and video steps, so that they ask about this window and not about the average one.
    """

    def __init__(self, d: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.tokens = nn.Parameter(torch.randn(1, PROXIES, d) * 0.5)
        self.attention = Attention(d, heads, dropout)

    def forward(self, sides: Sides, masks: list[Tensor]) -> Tensor:
        """Return [B, PROXIES, d]; `masks` are those of the hidden steps with sink, zero for an absent stream."""
        tokens = self.tokens.expand(masks[0].shape[0], -1, -1)
        keys = torch.cat(sides.hidden, dim=1)
        return tokens + self.attention(tokens, keys, mask_bias(torch.cat(masks, dim=1)))


class CoAttentionLayer(nn.Module):
    """One layer: the query takes from audio and video through gates, then audio and video take from the query.

    C^m = MHA(LN(Q), H^m); g^m = present_m * sigmoid(W [Q; C^m]) per dimension; Q += sum_m g^m C^m; Q += FFN(LN(Q));
    H^m += MHA(LN(H^m), Q).
    """

    def __init__(self, d: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.norm_query = nn.LayerNorm(d)
        self.ask = nn.ModuleList(Attention(d, heads, dropout) for _ in range(2))
        self.gate = nn.ModuleList(nn.Linear(2 * d, d) for _ in range(2))
        self.norm_forward = nn.LayerNorm(d)
        self.forward_layer = FeedForward(d, dropout)
        self.norm_back = nn.ModuleList(nn.LayerNorm(d) for _ in range(2))
        self.back = nn.ModuleList(Attention(d, heads, dropout) for _ in range(2))
        self.dropout = nn.Dropout(dropout)

    def forward(self, query: Tensor, query_bias: Tensor, sides: Sides) -> tuple[Tensor, list[Tensor], list[Tensor]]:
        """Return the new query [B, Q, d], the new hidden steps, and what audio and video each added [B, Q, d]."""
        asked = self.norm_query(query)
        added = []
        for m in range(2):
            answer = self.ask[m](asked, sides.hidden[m], sides.bias[m])
            gate = torch.sigmoid(self.gate[m](torch.cat([query, answer], dim=2)))
            added.append(sides.present[m] * gate * self.dropout(answer))
        query = query + added[0] + added[1]
        query = query + self.forward_layer(self.norm_forward(query))
        hidden = [
            h + self.dropout(self.back[m](self.norm_back[m](h), query, query_bias)) for m, h in enumerate(sides.hidden)
        ]
        return query, hidden, added
