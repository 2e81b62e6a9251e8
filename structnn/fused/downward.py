"""An LSTM down every path of a tree in C++: what ``downward.cpp`` computes, as a function of tensors."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from structnn.data.batch import Batch
from structnn.data.schedule import Schedule
from structnn.fused.build import load
from structnn.fused.calls import apply, empty_vectors, pointers
from structnn.fused.tree_lstm import (
    Arguments,
    call_backward,
    call_forward,
    can_compute_words,
    empty_kept,
    of_states,
)
from structnn.ops.cells import Cell
from structnn.ops.weights import weight_of

__all__ = ["downward"]

_LEARNT = ("x", "w", "b", "u")


class _Downward(Arguments):
    """``struct Downward`` of the source."""

    _fields_ = tuple(pointers("u d_u"))


def downward(cell: Cell, x: Tensor, weight: Tensor, bias: Tensor, batch: Batch) -> Tensor | None:
    """The states by :class:`~structnn.encoders.tree.bidirectional.DownwardCell`, or None."""
    hidden, u = cell.hidden_dim, weight_of(cell, "parent_gates.weight")
    if u.shape != (4 * hidden, hidden):
        return None
    if not can_compute_words("downward", hidden, x, weight, bias, u):
        return None
    schedule = batch.schedule
    return apply(FusedDownward, x, weight, bias, of_states(u, schedule), schedule)


class FusedDownward(torch.autograd.Function):
    """States in the order of the nodes, of a vector for each node."""

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
