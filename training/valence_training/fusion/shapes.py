"""Reshapes that cost one node in ONNX.

Traced `view` calls ask the graph for its batch and length at run time (Shape, Gather, Concat for each), which made
half of the nodes of the exported net. ONNX's Reshape can copy an axis by 0 instead (ONNX operators, Reshape-14).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class _SplitLast(torch.autograd.Function):
    """[B, L, h * w] -> [B, L, h, w]."""

    @staticmethod
    def forward(_ctx: Any, x: Tensor, heads: int, width: int) -> Tensor:  # noqa: ANN401
        return x.view(x.shape[0], x.shape[1], heads, width)

    @staticmethod
    def backward(_ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:  # noqa: ANN401
        return grads[0].flatten(2), None, None

    @staticmethod
    def symbolic(g: Any, x: Any, heads: int, width: int) -> Any:  # noqa: ANN401
        return g.op("Reshape", x, g.op("Constant", value_t=torch.tensor([0, -1, heads, width])))


class _JoinLast(torch.autograd.Function):
    """[B, L, h, w] -> [B, L, h * w]."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:  # noqa: ANN401
        ctx.last = x.shape[2:]
        return x.flatten(2)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:  # noqa: ANN401
        return grads[0].unflatten(2, ctx.last)

    @staticmethod
    def symbolic(g: Any, x: Any) -> Any:  # noqa: ANN401
        return g.op("Reshape", x, g.op("Constant", value_t=torch.tensor([0, 0, -1])))


def split_last(x: Tensor, heads: int, width: int) -> Tensor:
    """[B, L, heads * width] -> [B, L, heads, width]; `x` must be contiguous."""
    result: Tensor = _SplitLast.apply(x, heads, width)  # type: ignore[no-untyped-call]
    return result


def join_last(x: Tensor) -> Tensor:
    """[B, L, h, w] -> [B, L, h * w]."""
    result: Tensor = _JoinLast.apply(x)  # type: ignore[no-untyped-call]
    return result
