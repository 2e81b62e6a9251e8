"""The N-ary Tree-LSTM in C++: what ``nary.cpp`` computes, as a function of tensors."""

from __future__ import annotations

from ctypes import c_int64
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
from structnn.notes import note, notes_wanted
from structnn.ops.cells import Cell
from structnn.ops.tree_scan import reorder, words_by_rank
from structnn.ops.weights import weight_of

__all__ = ["nary"]

_LEARNT = ("x", "w", "b", "u")


class _Nary(Arguments):
    """``struct Nary`` of the source."""

    _fields_ = (("arity", c_int64), *pointers("sibling u d_u"))


def nary(cell: Cell, x: Tensor, weight: Tensor, bias: Tensor, batch: Batch) -> Tensor | None:
    """The states by :class:`~structnn.encoders.tree.nary.NaryCell`, or None if it cannot compute."""
    hidden, u = cell.hidden_dim, weight_of(cell, "child_gates.weight")
    arity = u.shape[-1] // hidden
    if u.shape != ((3 + arity) * hidden, arity * hidden):
        return None
    if not can_compute_words("nary", hidden, x, weight, bias, u):
        return None
    schedule = batch.schedule
    words = words_by_rank(x, batch)
    states = apply(FusedNary, words, weight, bias, of_states(u, schedule), schedule)
    return reorder(states, schedule.rank, schedule.order)


class FusedNary(torch.autograd.Function):
    """States in the order of the schedule, of words as :func:`words_by_rank` gives them."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, w: Tensor, b: Tensor, u: Tensor, schedule: Schedule) -> Tensor:
        library = load("nary", x.dtype)
        assert library is not None
        nodes, inner = schedule.num_nodes, schedule.num_nodes - schedule.num_leaves
        hidden, slots = len(b) // 4, u.shape[1]
        if len(x) > nodes:
            raise ValueError(f"there are words for {len(x)} nodes, but {nodes} nodes")
        kept = empty_kept(library, schedule, any(ctx.needs_input_grad), hidden, x)
        forgets = empty_vectors(library, inner, slots, x)  # of each inner node for its children
        h = x.new_empty(nodes, hidden)
        tensors = {"x": x, "w": w, "b": b, "u": u, "sibling": schedule.sibling}
        tensors |= {"kept": kept, "forgets": forgets, "h": h}
        rows = torch.arange(nodes)
        call_forward(ctx, library, _Nary, schedule, rows, tensors, arity=slots // hidden)
        if notes_wanted():  # of each node as a child, zeros at the roots
            of_places = forgets[:, :slots].unflatten(1, (-1, hidden))  # (inner, arity, hidden)
            parent = schedule.parent[schedule.child] - schedule.num_leaves
            noted = h.new_zeros(nodes, hidden)
            noted[schedule.child] = of_places[parent, schedule.sibling]
            note("forget gates", noted[schedule.rank])
        return h

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_h: Tensor) -> tuple[Tensor | None, ...]:
        return *call_backward(ctx, _LEARNT, d_h), None
