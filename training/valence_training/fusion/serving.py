"""The served form of the fusion net: the tensors of its contract, and its export to ONNX."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from valence_training.fusion.encoder import StreamShape
from valence_training.fusion.model import SCORE_LIMIT, SHAPES, STREAMS, FusionNet, Inputs

OPSET = 17

OUTPUTS = ("score", "polarity_probs", "unimodal_scores", "modality_gate", "log_b", "text_attn", "embedding")


class Served(NamedTuple):
    """What the served graph returns; the fields are its output names."""

    score: Tensor
    polarity_probs: Tensor
    unimodal_scores: Tensor
    modality_gate: Tensor
    log_b: Tensor
    text_attn: Tensor
    embedding: Tensor


class ServedNet(nn.Module):
    """The net in evaluation mode with what serving adds: scores within their scale, calibrated probabilities."""

    def __init__(self, net: FusionNet, temperature: float = 1.0) -> None:
        super().__init__()
        self.net = net.eval()
        self.temperature = temperature

    def forward(
        self,
        text: Tensor,
        text_mask: Tensor,
        audio: Tensor,
        audio_mask: Tensor,
        video: Tensor,
        video_mask: Tensor,
        present: Tensor,
        before: Tensor,
        before_seconds: Tensor,
    ) -> Served:
        """Score a batch of windows; the arguments are those of `Inputs`."""
        out = self.net(Inputs(text, text_mask, audio, audio_mask, video, video_mask, present, before, before_seconds))
        return Served(
            score=out.score.clamp(-SCORE_LIMIT, SCORE_LIMIT),
            polarity_probs=torch.softmax(out.polarity_logits / self.temperature, dim=1),
            unimodal_scores=out.unimodal_scores.clamp(-SCORE_LIMIT, SCORE_LIMIT),
            modality_gate=out.modality_gate,
            log_b=out.log_b,
            text_attn=out.text_attn,
            embedding=out.embedding,
        )


def example(
    batch: int,
    lengths: tuple[int, int, int],
    generator: torch.Generator | None = None,
    shapes: Sequence[StreamShape] = SHAPES,
) -> Inputs:
    """A batch of random windows with every stream present, every step valid and a past, for tracing and tests."""
    parts: list[Tensor] = []
    for shape, steps in zip(shapes, lengths, strict=True):
        parts += [torch.randn(batch, steps, shape.width, generator=generator), torch.ones(batch, steps)]
    before = torch.randn(batch, shapes[0].width, generator=generator)
    return Inputs(*(*parts, torch.ones(batch, len(STREAMS)), before, torch.full((batch,), 10.0)))


def export(net: FusionNet, path: Path, temperature: float = 1.0) -> None:
    """Write the served graph with dynamic batch and lengths (axes B, Lt, La, Lv) to `path`."""
    axes: dict[str, dict[int, str]] = {name: {0: "B"} for name in ("present", "before", "before_seconds")}
    for stream, length in zip(STREAMS, ("Lt", "La", "Lv"), strict=True):
        axes[stream] = axes[f"{stream}_mask"] = {0: "B", 1: length}
    for name in OUTPUTS:
        axes[name] = {0: "B"}
    axes["text_attn"] = {0: "B", 1: "Lt"}
    torch.backends.mha.set_fastpath_enabled(False)
    torch.onnx.export(
        ServedNet(net, temperature),
        cast("tuple[Tensor, ...]", tuple(example(2, (8, 24, 12), shapes=net.config.shapes))),
        str(path),
        input_names=list(Inputs._fields),
        output_names=list(OUTPUTS),
        dynamic_axes=axes,
        opset_version=OPSET,
        do_constant_folding=True,
        dynamo=False,
    )
