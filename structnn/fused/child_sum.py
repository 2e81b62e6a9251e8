"""The child-sum Tree-LSTM in C++: what ``child_sum.cpp`` computes, as a function of tensors."""

from __future__ import annotations

import ctypes
from ctypes import c_int64, c_void_p
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from structnn.explain import note, notes_wanted
from structnn.fused.build import load
from structnn.schedule import Schedule

__all__ = ["FusedChildSum", "can_compute"]

_TYPES = {torch.float32: "float", torch.float64: "double"}


class _Arguments(ctypes.Structure):
    """``struct ChildSum`` of the source."""

    _fields_ = [
        *((name, c_int64) for name in "nodes leaves levels input hidden threads".split()),
        ("differentiable", c_int64),
        ("gated", c_int64),
        *((name, c_void_p) for name in "level_ptr parent child child_ptr row".split()),
        *(
            (name, c_void_p)
            for name in "x w b u_iou u_f kept h d_h d_x d_w d_b d_u_iou d_u_f".split()
        ),
        *((name, c_void_p) for name in "relation message d_relation".split()),
    ]


def can_compute(x: Tensor, w: Tensor, b: Tensor, u_iou: Tensor, u_f: Tensor) -> bool:
    """Whether these are plain tensors of fitting shapes, and there is an operator for them.

    Tensors that do not fit each other are left to PyTorch, which says so best.
    """
    hidden, width = u_f.shape[0], x.shape[-1]
    dtype = x.dtype
    return (
        dtype in _TYPES
        and all(t.dtype == dtype and t.is_cpu and t.is_contiguous() for t in (x, w, b, u_iou, u_f))
        and (x.dim(), w.shape, b.shape) == (2, (4 * hidden, width), (4 * hidden,))
        and (u_iou.shape, u_f.shape) == ((3 * hidden, hidden), (hidden, hidden))
        and load("child_sum") is not None
    )


class FusedChildSum(torch.autograd.Function):
    """See :func:`structnn.encoders.child_sum.child_sum_tree_lstm`; nodes may be in any order.

    ``rows`` says in which: ``(nodes,)``, the row of ``x``, and of the result, that belongs to each
    rank of the schedule. With ``relations`` ``(nodes, hidden)``, in the schedule's order, it is
    :func:`structnn.encoders.relational.relational_tree_lstm`.
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
        library = load("child_sum")
        assert library is not None
        nodes, hidden = len(x), u_f.shape[0]
        lanes = library.vector_bytes() // x.element_size()
        padded = -(-hidden // lanes) * lanes
        differentiable = any(ctx.needs_input_grad)
        kept_gates = nodes if differentiable else nodes - schedule.num_leaves
        kept = x.new_empty((2 * nodes + 3 * kept_gates, padded))  # see the source
        h = x.new_empty((nodes, hidden))
        arguments = _arguments(schedule, rows, x, w, b, u_iou, u_f, kept, h)
        arguments.differentiable = differentiable
        message = None
        if relations is not None:
            message = torch.empty_like(relations)
            arguments.gated = gated
            arguments.relation, arguments.message = relations.data_ptr(), message.data_ptr()
        _call(library, "forward", x.dtype, arguments)
        if notes_wanted():
            note("forget gates", kept[:nodes, :hidden].index_select(0, schedule.rank))
        if differentiable:
            ctx.save_for_backward(x, w, b, u_iou, u_f, kept, h, relations, message)
            ctx.schedule, ctx.rows, ctx.gated, ctx.library = schedule, rows, gated, library
        return h

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_h: Tensor) -> tuple[Tensor | None, ...]:
        *saved, relations, message = ctx.saved_tensors
        gradients = [
            torch.empty_like(tensor) if needed else None
            for tensor, needed in zip(saved[:5], ctx.needs_input_grad, strict=False)
        ]
        d_h = d_h.contiguous()
        arguments = _arguments(ctx.schedule, ctx.rows, *saved, d_h, *gradients)
        arguments.differentiable = True
        d_relations = None
        if relations is not None:
            d_relations = torch.zeros_like(relations)  # those of roots stay zeros
            arguments.gated = ctx.gated
            arguments.relation, arguments.message = relations.data_ptr(), message.data_ptr()
            arguments.d_relation = d_relations.data_ptr()
        _call(ctx.library, "backward", d_h.dtype, arguments)
        return *gradients, None, None, d_relations, None


def _arguments(schedule: Schedule, rows: Tensor, *tensors: Tensor | None) -> _Arguments:
    """All but whether it is to be differentiated; the tensors are in the order of the fields."""
    x, u_f = tensors[0], tensors[4]
    assert x is not None
    assert u_f is not None
    return _Arguments(
        schedule.num_nodes,
        schedule.num_leaves,
        len(schedule.levels),
        x.shape[1],
        u_f.shape[0],
        torch.get_num_threads(),
        True,
        False,
        schedule.level_ptr.data_ptr(),
        schedule.parent.data_ptr(),
        schedule.child.data_ptr(),
        schedule.child_ptr.data_ptr(),
        rows.data_ptr(),
        *(None if tensor is None else tensor.data_ptr() for tensor in tensors),
    )


def _call(library: ctypes.CDLL, name: str, dtype: torch.dtype, arguments: _Arguments) -> None:
    function = getattr(library, f"{name}_{_TYPES[dtype]}")
    if not function(ctypes.byref(arguments)):
        raise MemoryError(f"no memory for the Tree-LSTM over {arguments.nodes} nodes")
