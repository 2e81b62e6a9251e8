"""The child-sum Tree-LSTM in C++: what ``child_sum.cpp`` computes, as a function of tensors."""

from __future__ import annotations

import ctypes
from ctypes import c_int64, c_void_p
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from structnn.explain import note
from structnn.fused.build import load
from structnn.schedule import Schedule

__all__ = ["FusedChildSum", "can_compute"]

_TYPES = {torch.float32: "float", torch.float64: "double"}


class _Arguments(ctypes.Structure):
    """``struct ChildSum`` of the source."""

    _fields_ = [
        *((name, c_int64) for name in "nodes leaves levels input hidden threads".split()),
        *((name, c_void_p) for name in "level_ptr parent child child_ptr row".split()),
        *((name, c_void_p) for name in "x w b u_iou u_f gates forgets cells h".split()),
        *((name, c_void_p) for name in "d_h d_x d_w d_b d_u_iou d_u_f".split()),
    ]


def can_compute(x: Tensor, w: Tensor, b: Tensor, u_iou: Tensor, u_f: Tensor) -> bool:
    """Whether these are plain tensors of fitting shapes, and there is an operator for them.

    Tensors that do not fit each other are left to PyTorch, which says so best.
    """
    hidden, width = u_f.shape[0], x.shape[-1]
    tensors = (x, w, b, u_iou, u_f)
    return (
        x.dtype in _TYPES
        and all(
            t.dtype == x.dtype and t.device.type == "cpu" and t.is_contiguous() for t in tensors
        )
        and (x.dim(), w.shape, b.shape) == (2, (4 * hidden, width), (4 * hidden,))
        and (u_iou.shape, u_f.shape) == ((3 * hidden, hidden), (hidden, hidden))
        and load("child_sum") is not None
    )


class FusedChildSum(torch.autograd.Function):
    """See :func:`structnn.encoders.child_sum.child_sum_tree_lstm`; nodes may be in any order.

    Its last argument says in which: ``(nodes,)``, the row of ``x``, and of the result, that belongs
    to each rank of the schedule.
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
    ) -> Tensor:
        hidden = u_f.shape[0]
        padded = _padded(hidden, x.dtype)
        gates = x.new_empty(len(x), 3 * padded)
        forgets, cells = x.new_empty(2, len(x), padded)
        h = x.new_empty(len(x), hidden)
        _call(
            "forward",
            schedule,
            rows,
            x=x,
            w=w,
            b=b,
            u_iou=u_iou,
            u_f=u_f,
            gates=gates,
            forgets=forgets,
            cells=cells,
            h=h,
        )
        note("forget gates", forgets[:, :hidden].index_select(0, schedule.rank))
        ctx.save_for_backward(x, w, u_iou, u_f, gates, forgets, cells, h)
        ctx.schedule, ctx.rows = schedule, rows
        return h

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_h: Tensor) -> tuple[Tensor | None, ...]:
        x, w, u_iou, u_f, gates, forgets, cells, h = ctx.saved_tensors
        shapes = [x.shape, w.shape, w.shape[:1], u_iou.shape, u_f.shape]
        d_x, d_w, d_b, d_u_iou, d_u_f = gradients = [
            x.new_empty(shape) if needed else None
            for shape, needed in zip(shapes, ctx.needs_input_grad, strict=False)
        ]
        _call(
            "backward",
            ctx.schedule,
            ctx.rows,
            x=x,
            w=w,
            u_iou=u_iou,
            u_f=u_f,
            gates=gates,
            forgets=forgets,
            cells=cells,
            h=h,
            d_h=d_h.contiguous(),
            d_x=d_x,
            d_w=d_w,
            d_b=d_b,
            d_u_iou=d_u_iou,
            d_u_f=d_u_f,
        )
        return *gradients, None, None


def _padded(hidden: int, dtype: torch.dtype) -> int:
    """How many elements the units take when they fill whole vectors."""
    library = load("child_sum")
    assert library is not None
    lanes: int = library.vector_bytes() // dtype.itemsize
    return -(-hidden // lanes) * lanes


def _call(
    name: str, schedule: Schedule, rows: Tensor, x: Tensor, u_f: Tensor, **others: Tensor | None
) -> None:
    library = load("child_sum")
    assert library is not None
    ends = [end for _, end in schedule.levels]
    level_ptr = (c_int64 * (len(ends) + 1))(0, *ends)
    arguments = _Arguments(
        nodes=schedule.num_nodes,
        leaves=schedule.num_leaves,
        levels=len(ends),
        input=x.shape[1],
        hidden=u_f.shape[0],
        threads=torch.get_num_threads(),
        level_ptr=ctypes.addressof(level_ptr),
        parent=schedule.parent.data_ptr(),
        child=schedule.child.data_ptr(),
        child_ptr=schedule.child_ptr.data_ptr(),
        row=rows.data_ptr(),
        x=x.data_ptr(),
        u_f=u_f.data_ptr(),
        **{key: None if other is None else other.data_ptr() for key, other in others.items()},
    )
    function = getattr(library, f"{name}_{_TYPES[x.dtype]}")
    function.restype = ctypes.c_bool
    if not function(ctypes.byref(arguments)):
        raise MemoryError(f"no memory for the Tree-LSTM over {schedule.num_nodes} nodes")
