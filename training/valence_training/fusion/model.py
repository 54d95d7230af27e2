"""The fusion net: three streams of one window in, a sentiment with its uncertainty out.

It is this project's reading of Li & Wu 2024 (only the abstract is available): per-stream encoders with dynamic weight
adjustment and key-information pooling, then text-guided co-attention. Momentum distillation trains it from outside
(momentum.py, projection.py) and leaves nothing in it.

Streams are always in the order text, audio, video. A stream is present iff its `present` is 1 and any mask bit is set;
else it adds nothing and its input cannot change any output. With all streams absent the outputs mean nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from valence_training.fusion.coattention import PROXIES, CoAttentionLayer, Proxies, Sides
from valence_training.fusion.encoder import StreamEncoder, StreamShape, Weighting, with_sink
from valence_training.fusion.layers import KeyPooling, mask_bias
from valence_training.fusion.reading import Reading

STREAMS = ("text", "audio", "video")
POLARITIES = ("negative", "neutral", "positive")
SCORE_LIMIT = 3.0
LOG_B_RANGE = (-2.5, 1.5)
SHAPES = (
    StreamShape(width=384, max_steps=64, kernel=1, stride=1, feature_dropout=0.3),
    StreamShape(width=136, max_steps=128, kernel=5, stride=4, feature_dropout=0.15),
    StreamShape(width=64, max_steps=64, kernel=3, stride=2),
)
"""Text tokens; audio at 10 Hz (80 steps of an 8 s window become 20); faces at 5 Hz (40 become 20).

The text encoder was fine-tuned on the very texts that the net is trained on, so its vectors fit their labels better
there than anywhere else: without feature dropout the net learned to trust them too much within three epochs.
"""


@dataclass(frozen=True)
class FusionConfig:
    """Shape of the net; the defaults are the shipped ones.

    `shapes` are those of text, audio and video. Ablations: `dynamic_weight`, and `coattention` off, where the pooled
    streams are summed and normalised and none asks another. Without `anchor` score and polarity are read from the fused
    vector alone, and the text's own score from its encoder.
    """

    shapes: tuple[StreamShape, ...] = SHAPES
    d: int = 64
    heads: int = 4
    encoder_layers: int = 2
    fusion_layers: int = 2
    dropout: float = 0.15
    dynamic_weight: Weighting = "vector"
    coattention: bool = True
    anchor: bool = True


class Inputs(NamedTuple):
    """One batch of windows: features f32 [B, L, width], masks f32 [B, L] per stream, present f32 [B, 3].

    A mask is above 0 where a step is valid; that of the text is the seconds that a word stands for. `before` f32
    [B, width of text] is the mean word of what was said before the window and `before_seconds` f32 [B] the seconds of
    speech that it stands for, 0 where there was none; only an anchored net hears it.
    """

    text: Tensor
    text_mask: Tensor
    audio: Tensor
    audio_mask: Tensor
    video: Tensor
    video_mask: Tensor
    present: Tensor
    before: Tensor
    before_seconds: Tensor


class Outputs(NamedTuple):
    """What the net says of each window.

    score [B], polarity_logits [B, 3], unimodal_scores [B, 3], unimodal_logits [B, 3, 3] (stream, polarity),
    modality_gate [B, 3], log_b [B], text_attn [B, Lt], embedding [B, d], parts [B, 3, d + 1] (what each stream adds by
    the embedding, and its share of the anchor of the score), pooled [B, 3, d] (each stream alone). Scores are on the
    MOSI scale, not clipped.
    """

    score: Tensor
    polarity_logits: Tensor
    unimodal_scores: Tensor
    unimodal_logits: Tensor
    modality_gate: Tensor
    log_b: Tensor
    text_attn: Tensor
    embedding: Tensor
    parts: Tensor
    pooled: Tensor


class Fused(NamedTuple):
    """The fused vector [B, d], what each stream put into it [B, 3, d], and the attention over the text [B, Lt]."""

    vector: Tensor
    parts: Tensor
    text_attn: Tensor


class FusionNet(nn.Module):
    """Encoders, co-attention and heads."""

    usual_parts: Tensor
    usual_pull: Tensor
    usual_effect: Tensor

    def __init__(self, config: FusionConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or FusionConfig()
        d, heads, dropout = config.d, config.heads, config.dropout
        self.encoders = nn.ModuleList(
            StreamEncoder(shape, d, heads, config.encoder_layers, dropout, config.dynamic_weight)
            for shape in config.shapes
        )
        self.pools = nn.ModuleList(KeyPooling(d) for _ in STREAMS)
        self.unimodal_score = nn.ModuleList(nn.Linear(d, 1) for _ in STREAMS)
        self.unimodal_polarity = nn.ModuleList(nn.Linear(d, len(POLARITIES)) for _ in STREAMS)
        if config.coattention:
            self.proxies = Proxies(d, heads, dropout)
            self.coattention = nn.ModuleList(CoAttentionLayer(d, heads, dropout) for _ in range(config.fusion_layers))
        self.fused_pools = nn.ModuleList(KeyPooling(d) for _ in STREAMS)
        self.side_scale = nn.Parameter(torch.full((2,), 0.5))
        self.norm = nn.LayerNorm(d)
        self.reading = Reading(config.shapes[0].width) if config.anchor else None
        self.score = nn.Linear(d, 1)
        self.polarity = nn.Linear(d, len(POLARITIES))
        self.register_buffer("usual_parts", torch.zeros(2, len(STREAMS), d + 1), persistent=False)
        self.register_buffer("usual_pull", torch.ones(2, len(STREAMS)), persistent=False)
        self.register_buffer("usual_effect", torch.ones(2, len(STREAMS)), persistent=False)
        self.log_b = nn.Sequential(nn.Linear(d + 2 * len(STREAMS) + 1, d // 2), nn.GELU(), nn.Linear(d // 2, 1))

    def forward(self, inputs: Inputs) -> Outputs:
        """Score a batch of windows."""
        features = (inputs.text, inputs.audio, inputs.video)
        masks = [
            (mask > 0).float() * inputs.present[:, m : m + 1]
            for m, mask in enumerate((inputs.text_mask, inputs.audio_mask, inputs.video_mask))
        ]
        present = torch.stack([mask.amax(dim=1) for mask in masks], dim=1)

        hidden, pooled, alone = [], [], []
        for encode, pool, x, mask in zip(self.encoders, self.pools, features, masks, strict=True):
            h, kept = encode(x, mask)
            hidden.append(h)
            pooled.append(pool(h[:, 1:], kept)[0])
            alone.append(kept)
        unimodal_scores = torch.cat([head(p) for head, p in zip(self.unimodal_score, pooled, strict=True)], dim=1)
        unimodal_logits = torch.stack([head(p) for head, p in zip(self.unimodal_polarity, pooled, strict=True)], dim=1)

        fuse = self._fuse if self.config.coattention else self._sum
        fused, parts, text_attn = fuse(hidden, alone, present)
        if self.reading is not None:
            seconds, spoken = inputs.text_mask * inputs.present[:, :1], inputs.before_seconds * inputs.present[:, 0]
            read = self.reading(inputs.text, seconds, inputs.before, spoken)
            unimodal_scores = torch.cat([read, unimodal_scores[:, 1:]], dim=1)
        unimodal_scores = unimodal_scores * present
        if self.config.anchor:
            leads = leading(present)
            anchors, added = leads * unimodal_scores, parts * (present - leads).unsqueeze(2)
            score = anchors.sum(dim=1) + (added @ self._direction(self.score)).sum(dim=(1, 2))
            logits = (leads.unsqueeze(2) * unimodal_logits + added @ self._direction(self.polarity)).sum(dim=1)
        else:
            anchors, added = torch.zeros_like(present), parts
            score, logits = self.score(fused).squeeze(1), self.polarity(fused)
        anchored = torch.cat([added, anchors.unsqueeze(2)], dim=2)
        known = torch.cat([fused, present, score.unsqueeze(1), logits], dim=1).detach()
        return Outputs(
            score=score,
            polarity_logits=logits,
            unimodal_scores=unimodal_scores,
            unimodal_logits=unimodal_logits,
            modality_gate=self._shares(anchored, present),
            log_b=self.log_b(known).squeeze(1).clamp(*LOG_B_RANGE),
            text_attn=text_attn * present[:, :1],
            embedding=fused,
            parts=anchored,
            pooled=torch.stack(pooled, dim=1),
        )

    def _fuse(self, hidden: list[Tensor], masks: list[Tensor], present: Tensor) -> Fused:
        """Hidden steps with sink and masks without -> the fused vector and what it was made of."""
        here = [present[:, m : m + 1] for m in range(len(STREAMS))]
        side_masks = [with_sink(mask) * here[m] for m, mask in ((1, masks[1]), (2, masks[2]))]
        sides = Sides(
            hidden=hidden[1:],
            bias=[mask_bias(mask) for mask in side_masks],
            present=[here[1].unsqueeze(2), here[2].unsqueeze(2)],
        )
        # The query holds both the proxies and the text with its sink; the mask leaves one of the two.
        query = torch.cat([self.proxies(sides, side_masks), hidden[0]], dim=1)
        no_text = (1.0 - here[0]).expand(-1, PROXIES)
        query_bias = mask_bias(torch.cat([no_text, here[0], masks[0]], dim=1))
        pool_mask = torch.cat([no_text, torch.zeros_like(here[0]), masks[0]], dim=1)

        asked, taken = query, [torch.zeros_like(query), torch.zeros_like(query)]
        for layer in self.coattention:
            query, sides.hidden, added = layer(query, query_bias, sides)
            taken = [taken[m] + added[m] for m in range(2)]

        guided, weights = self.fused_pools[0](query, pool_mask)
        own = [
            self.side_scale[m] * here[m + 1] * self.fused_pools[m + 1](sides.hidden[m][:, 1:], masks[m + 1])[0]
            for m in range(2)
        ]
        total = guided + own[0] + own[1]
        mixed = torch.matmul(weights[:, None, None, :], torch.stack([asked, *taken], dim=1)).squeeze(2)
        parts = mixed + torch.stack([torch.zeros_like(guided), *own], dim=1)
        return Fused(*self._normalised(total, parts), weights[:, PROXIES + 1 :])

    def _sum(self, hidden: list[Tensor], masks: list[Tensor], present: Tensor) -> Fused:
        """Ablation: `_fuse` without co-attention, the weighted sum of the streams pooled each by itself."""
        pooled = [pool(h[:, 1:], mask) for pool, h, mask in zip(self.fused_pools, hidden, masks, strict=True)]
        scale = torch.cat([torch.ones(1), self.side_scale])
        parts = torch.stack([p for p, _ in pooled], dim=1) * (scale * present).unsqueeze(2)
        return Fused(*self._normalised(parts.sum(dim=1), parts), pooled[0][1])

    def _direction(self, head: nn.Linear) -> Tensor:
        """How a head on the fused vector follows its parts [d, outputs]: the LayerNorm takes the mean away."""
        direction = (self.norm.weight * head.weight).T
        return direction - direction.mean(dim=0)

    def _normalised(self, total: Tensor, parts: Tensor) -> tuple[Tensor, Tensor]:
        """The LayerNorm of what was fused, and its parts on the same scale."""
        spread = (total.var(dim=1, correction=0) + self.norm.eps).sqrt()
        return self.norm(total), parts / spread[:, None, None]

    def pulls(self, parts: Tensor, present: Tensor) -> Tensor:
        """How far each stream pulls the score from where it usually leaves it, on the MOSI scale [B, 3].

        The score is linear in the fused vector, and that, but for the feed-forward layers, a sum of the streams' parts.
        """
        direction = torch.cat([self._direction(self.score).squeeze(1), torch.ones(1)])
        return (parts - by_text(self.usual_parts, present[:, :1, None])) @ direction

    def _shares(self, parts: Tensor, present: Tensor) -> Tensor:
        """How much each stream entered, as shares [B, 3].

        A stream counts as much as the score usually changes without it, and more where its pull is larger than usual.
        """
        text = present[:, :1]
        relative = self.pulls(parts, present) / by_text(self.usual_pull, text)
        size = by_text(self.usual_effect, text) * (1.0 + relative.square()).sqrt() * present
        return size / size.sum(dim=1, keepdim=True).clamp(min=1e-6)


def by_text(usual: Tensor, text: Tensor) -> Tensor:
    """What is usual without text (usual[0]) or with it (usual[1]), by the presence of the text."""
    return usual[0] + text * (usual[1] - usual[0])


def leading(present: Tensor) -> Tensor:
    """The first of the present streams [B, 3], in the order text, audio, video: its label is the target."""
    return present * (present.cumsum(dim=1) == 1)
