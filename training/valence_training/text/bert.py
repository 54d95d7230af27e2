"""BERT (Devlin et al. 2019) written out in PyTorch, its weights taken from the initialisers of an ONNX file.

Only what a trained encoder needs: no pooler, no token type but the first, no dropout but in the layers that are tuned.
Shapes: B batch, L word pieces with [CLS] and [SEP], D hidden width (384), H heads (12).
"""

import math
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn
from torch.nn import functional as F

WIDTH, HEADS, LAYERS, INNER = 384, 12, 12, 1536
VOCABULARY, POSITIONS, EPS = 30522, 512, 1e-12


class Embeddings(nn.Module):
    """Word, position and first token type, summed and normalised: ids [B, L] -> [B, L, D]."""

    def __init__(self, width: int = WIDTH, vocabulary: int = VOCABULARY, positions: int = POSITIONS) -> None:
        super().__init__()
        self.word = nn.Embedding(vocabulary, width)
        self.position = nn.Embedding(positions, width)
        self.token_type = nn.Embedding(2, width)
        self.norm = nn.LayerNorm(width, eps=EPS)

    def forward(self, ids: Tensor) -> Tensor:
        """Embed ids; positions are a slice of their table, so that the exported graph takes any length."""
        where = self.position.weight[: ids.shape[1]] + self.token_type.weight[0]
        out: Tensor = self.norm(self.word(ids) + where)
        return out


class Layer(nn.Module):
    """One post-norm transformer layer with attention by hand: [B, L, D] -> [B, L, D]."""

    def __init__(self, width: int = WIDTH, heads: int = HEADS, inner: int = INNER, dropout: float = 0.0) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.attended = nn.Linear(width, width)
        self.attended_norm = nn.LayerNorm(width, eps=EPS)
        self.inner = nn.Linear(width, inner)
        self.outer = nn.Linear(inner, width)
        self.outer_norm = nn.LayerNorm(width, eps=EPS)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, bias: Tensor | None = None) -> Tensor:
        """Apply the layer; `bias` [B, 1, 1, L] is added to the logits: 0 for a piece, -1e4 for padding."""
        size = x.shape[-1] // self.heads
        q = self.query(x).unflatten(-1, (self.heads, size)).transpose(1, 2)
        k = self.key(x).unflatten(-1, (self.heads, size)).permute(0, 2, 3, 1)
        v = self.value(x).unflatten(-1, (self.heads, size)).transpose(1, 2)
        logits = q @ k / math.sqrt(size)
        if bias is not None:
            logits = logits + bias
        mixed = (logits.softmax(-1) @ v).transpose(1, 2).flatten(2)
        x = self.attended_norm(x + self.dropout(self.attended(mixed)))
        out: Tensor = self.outer_norm(x + self.dropout(self.outer(F.gelu(self.inner(x)))))
        return out


class Bert(nn.Module):
    """Embeddings and layers: ids [B, L] (and mask [B, L], 1 = piece) -> last hidden state [B, L, D]."""

    def __init__(
        self,
        layers: int = LAYERS,
        tuned: int = 0,
        dropout: float = 0.0,
        width: int = WIDTH,
        heads: int = HEADS,
        inner: int = INNER,
        vocabulary: int = VOCABULARY,
        positions: int = POSITIONS,
    ) -> None:
        """Make the encoder; only its top `tuned` layers have gradients, and dropout while training.

        The lowest `held` of these can be held still for a while, like those below them.
        """
        super().__init__()
        self.held = 0
        self.embeddings = Embeddings(width, vocabulary, positions)
        frozen = layers - tuned
        self.frozen = nn.ModuleList(Layer(width, heads, inner) for _ in range(frozen))
        self.tuned = nn.ModuleList(Layer(width, heads, inner, dropout) for _ in range(tuned))
        for part in (self.embeddings, self.frozen):
            part.requires_grad_(False)

    def forward(self, ids: Tensor, mask: Tensor | None = None) -> Tensor:
        """Encode; without a mask every position counts."""
        return self.upper(self.lower(ids, mask), mask)

    @torch.no_grad()
    def lower(self, ids: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the hidden states [B, L, D] above the layers that are frozen or held still."""
        bias = _bias(mask)
        x: Tensor = self.embeddings(ids)
        for layer in (*self.frozen, *self.tuned[: self.held]):
            x = layer(x, bias)
        return x

    def upper(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Apply the layers that learn to what `lower` returned."""
        bias = _bias(mask)
        for layer in self.tuned[self.held :]:
            x = layer(x, bias)
        return x

    def train(self, mode: bool = True) -> "Bert":
        """Switch dropout on or off; layers that are held still never drop."""
        super().train(mode)
        self.tuned[: self.held].eval()
        return self

    @property
    def layers(self) -> list[Layer]:
        """All layers, the lowest first."""
        return [layer for layer in (*self.frozen, *self.tuned) if isinstance(layer, Layer)]


def _bias(mask: Tensor | None) -> Tensor | None:
    return None if mask is None else (mask[:, None, None, :].float() - 1) * 1e4


def load_onnx(bert: Bert, path: Path) -> None:
    """Copy the weights of an exported Hugging Face BERT into `bert`.

    The exporter leaves the weights of a linear layer anonymous (onnx::MatMul_1525) and transposed; each is known by the
    named bias of the Add that follows its MatMul. Raises KeyError where the file lacks a weight.
    """
    graph = onnx.load(path).graph
    tensors: dict[str, np.ndarray] = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
    product = {node.output[0]: node.input[1] for node in graph.node if node.op_type == "MatMul"}
    for node in graph.node:
        if node.op_type != "Add":
            continue
        for bias, factor in (node.input, reversed(node.input)):
            if bias.endswith(".bias") and product.get(factor) in tensors:
                tensors[bias.removesuffix("bias") + "weight"] = tensors[product[factor]].T

    def copy(module: nn.Module, name: str) -> None:
        for key, parameter in module.named_parameters():
            parameter.data.copy_(torch.from_numpy(tensors[f"{name}.{key}"].copy()))

    e = bert.embeddings
    copy(e.word, "embeddings.word_embeddings")
    copy(e.position, "embeddings.position_embeddings")
    copy(e.token_type, "embeddings.token_type_embeddings")
    copy(e.norm, "embeddings.LayerNorm")
    for i, layer in enumerate(bert.layers):
        name = f"encoder.layer.{i}"
        copy(layer.query, f"{name}.attention.self.query")
        copy(layer.key, f"{name}.attention.self.key")
        copy(layer.value, f"{name}.attention.self.value")
        copy(layer.attended, f"{name}.attention.output.dense")
        copy(layer.attended_norm, f"{name}.attention.output.LayerNorm")
        copy(layer.inner, f"{name}.intermediate.dense")
        copy(layer.outer, f"{name}.output.dense")
        copy(layer.outer_norm, f"{name}.output.LayerNorm")
