"""The child-sum Tree-LSTM in C++: what ``child_sum.cpp`` computes, as a function of tensors."""

from __future__ import annotations

from ctypes import c_int64
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from structnn.data.batch import Batch
from structnn.data.schedule import Schedule
from structnn.fused.build import load
from structnn.fused.calls import apply, empty_vectors, pointers, saved_tensors
from structnn.fused.lstm import read_layer
from structnn.fused.tree_lstm import (
    Arguments,
    call_backward,
    call_forward,
    can_compute_words,
    empty_kept,
    of_states,
)
from structnn.notes import note, notes_wanted
from structnn.ops.cells import Cell
from structnn.ops.weights import weight_of

__all__ = ["child_sum", "relational"]

_LEARNT = ("x", "w", "b", "u_iou", "u_f")


class _ChildSum(Arguments):
    """``struct ChildSum`` of the source."""

    _fields_ = (
        ("gated", c_int64),
        *pointers("u_iou u_f d_u_iou d_u_f relation message d_relation"),
    )


def child_sum(cell: Cell, x: Tensor, weight: Tensor, bias: Tensor, batch: Batch) -> Tensor | None:
    """The states by :class:`~structnn.encoders.tree.child_sum.ChildSumCell`, or None."""
    words = _words(cell, x, weight, bias, batch)
    if words is None:
        return None
    schedule = batch.schedule
    kept = torch.is_grad_enabled() or notes_wanted()
    if schedule.widest < 2 and not kept and load("lstm", x.dtype) is not None:
        return _as_lstm(schedule, *words)
    return apply(FusedChildSum, *words, schedule, schedule.order)


def _as_lstm(
    schedule: Schedule, x: Tensor, w: Tensor, b: Tensor, u_iou: Tensor, u_f: Tensor
) -> Tensor:
    """The states of trees that are chains, by an LSTM: the same, and faster where nothing is kept."""
    ranks, sizes = schedule.chains
    u = exchange_gates(torch.cat([u_iou, u_f]))
    return read_layer(x, exchange_gates(w), exchange_gates(b), u, sizes, schedule.order[ranks])


def exchange_gates(gates: Tensor) -> Tensor:
    """Gates i, f, g and o of ``torch.nn.LSTM`` in the order i, o, g, f of the Tree-LSTM, or back."""
    first, second, third, fourth = gates.chunk(4)
    return torch.cat([first, fourth, third, second])


def relational(cell: Cell, x: Tensor, weight: Tensor, bias: Tensor, batch: Batch) -> Tensor | None:
    """The states by :class:`~structnn.encoders.tree.relational.RelationalCell`, or None."""
    words = _words(cell, x, weight, bias, batch)
    if words is None:
        return None
    order = batch.schedule.order
    table = of_states(weight_of(cell, "relations.weight"), batch.schedule)
    if cell.gated:
        table = table.sigmoid()
    relations = F.embedding(batch.node_labels.index_select(0, order), table)
    return apply(FusedChildSum, *words, batch.schedule, order, relations, cell.gated)


def _words(
    cell: Cell, x: Tensor, weight: Tensor, bias: Tensor, batch: Batch
) -> tuple[Tensor, ...] | None:
    """The word of each node, and all weights; None if the operator cannot compute with them."""
    hidden = cell.hidden_dim
    u_iou, u_f = (weight_of(cell, f"{name}.weight") for name in ("child_gates", "forget_gate"))
    if (u_iou.shape, u_f.shape) != ((3 * hidden, hidden), (hidden, hidden)):
        return None
    if not can_compute_words("child_sum", hidden, x, weight, bias, u_iou, u_f):
        return None
    u_iou, u_f = (of_states(u, batch.schedule) for u in (u_iou, u_f))
    return batch.to_nodes(x), weight, bias, u_iou, u_f


class FusedChildSum(torch.autograd.Function):
    """Nodes may be in any order.

    ``rows`` says in which: ``(nodes,)``, the row of ``x``, and of the result, that belongs to each
    rank of the schedule. ``relations`` are ``(nodes, hidden)``, in the order of the schedule.
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
        if notes_wanted():  # of each node as a child, zeros at the roots
            noted = torch.zeros_like(h)
            noted[schedule.child] = forgets[schedule.child, :hidden]
            note("forget gates", noted[schedule.rank])
        return h

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_h: Tensor) -> tuple[Tensor | None, ...]:
        relations, d_relations = saved_tensors(ctx)["relation"], None
        if relations is not None:
            d_relations = torch.zeros_like(relations)  # those of roots stay zeros
        gradients = call_backward(ctx, _LEARNT, d_h, d_relation=d_relations)
        return *gradients, None, None, d_relations, None
