"""An LSTM down every path of a tree in C++: what ``downward.cpp`` computes, as a function of tensors."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from structnn.data.schedule import Schedule
from structnn.fused.build import load
from structnn.fused.tree_lstm import (
    Arguments,
    call_backward,
    call_forward,
    can_compute_words,
    empty_kept,
    empty_vectors,
    pointers,
)

__all__ = ["FusedDownward", "can_compute"]

_LEARNT = ("x", "w", "b", "u")


class _Downward(Arguments):
    """``struct Downward`` of the source."""

    _fields_ = tuple(pointers("u d_u"))


def can_compute(x: Tensor, w: Tensor, b: Tensor, u: Tensor) -> bool:
    """Whether these are plain tensors of fitting shapes, and there is an operator for them.

    Tensors that do not fit each other are left to PyTorch, which says so best.
    """
    hidden = u.shape[-1]
    fitting = u.shape == (4 * hidden, hidden)
    return fitting and can_compute_words("downward", hidden, x, w, b, u)


class FusedDownward(torch.autograd.Function):
    """See :func:`structnn.encoders.tree.bidirectional.downward_lstm`."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, w: Tensor, b: Tensor, u: Tensor, schedule: Schedule) -> Tensor:
        library = load("downward", x.dtype)
        assert library is not None
        nodes, hidden = schedule.num_nodes, u.shape[1]
        if len(x) != nodes:
            raise ValueError(f"there are words for {len(x)} nodes, but {nodes} nodes")
        kept = empty_kept(library, schedule, any(ctx.needs_input_grad), hidden, x)
        forgets = empty_vectors(library, nodes, hidden, x)
        h = x.new_empty(nodes, hidden)
        tensors = {"x": x, "w": w, "b": b, "u": u, "kept": kept, "forgets": forgets, "h": h}
        call_forward(ctx, library, _Downward, schedule, schedule.order, tensors)
        return h

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_h: Tensor) -> tuple[Tensor | None, ...]:
        return *call_backward(ctx, _LEARNT, d_h), None
