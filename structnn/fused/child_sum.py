"""The child-sum Tree-LSTM in C++: what ``child_sum.cpp`` computes, as a function of tensors."""

from __future__ import annotations

from ctypes import c_int64
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
    saved_tensors,
)
from structnn.notes import note, notes_wanted

__all__ = ["FusedChildSum", "can_compute"]

_LEARNT = ("x", "w", "b", "u_iou", "u_f")


class _ChildSum(Arguments):
    """``struct ChildSum`` of the source."""

    _fields_ = (
        ("gated", c_int64),
        *pointers("u_iou u_f d_u_iou d_u_f relation message d_relation"),
    )


def can_compute(x: Tensor, w: Tensor, b: Tensor, u_iou: Tensor, u_f: Tensor) -> bool:
    """Whether these are plain tensors of fitting shapes, and there is an operator for them.

    Tensors that do not fit each other are left to PyTorch, which says so best.
    """
    hidden = u_f.shape[0]
    shapes = (u_iou.shape, u_f.shape)
    fitting = shapes == ((3 * hidden, hidden), (hidden, hidden))
    return fitting and can_compute_words("child_sum", hidden, x, w, b, u_iou, u_f)


class FusedChildSum(torch.autograd.Function):
    """See :func:`structnn.encoders.tree.child_sum.child_sum_tree_lstm`; nodes may be in any order.

    ``rows`` says in which: ``(nodes,)``, the row of ``x``, and of the result, that belongs to each
    rank of the schedule. With ``relations`` ``(nodes, hidden)``, in the schedule's order, it is
    :func:`structnn.encoders.tree.relational.relational_tree_lstm`.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        w: Tensor,
        b: Tensor,
        u_iou: Tensor,
        u_f: Tensor,
        schedule: Schedule,
        rows: Tensor,
        relations: Tensor | None = None,
        gated: bool = False,
    ) -> Tensor:
        library = load("child_sum", x.dtype)
        assert library is not None
        nodes, hidden = schedule.num_nodes, u_f.shape[0]
        if len(x) != nodes:
            raise ValueError(f"there are words for {len(x)} nodes, but {nodes} nodes")
        kept = empty_kept(library, schedule, any(ctx.needs_input_grad), hidden, x)
        forgets = empty_vectors(library, nodes, hidden, x)
        h = x.new_empty(nodes, hidden)
        message = None if relations is None else torch.empty_like(relations)
        tensors = {"x": x, "w": w, "b": b, "u_iou": u_iou, "u_f": u_f, "relation": relations}
        tensors |= {"message": message, "kept": kept, "forgets": forgets, "h": h}
        call_forward(ctx, library, _ChildSum, schedule, rows, tensors, gated=gated)
        if notes_wanted():
            note("forget gates", forgets[:, :hidden].index_select(0, schedule.rank))
        return h

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_h: Tensor) -> tuple[Tensor | None, ...]:
        relations, d_relations = saved_tensors(ctx)["relation"], None
        if relations is not None:
            d_relations = torch.zeros_like(relations)  # those of roots stay zeros
        gradients = call_backward(ctx, _LEARNT, d_h, d_relation=d_relations)
        return *gradients, None, None, d_relations, None
