"""What the operators of the Tree-LSTMs share: when they can compute, and how they are called."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from ctypes import c_int64
from functools import partial
from typing import Any

import torch
from torch import Tensor

from structnn.data.schedule import Schedule
from structnn.fused.build import load
from structnn.fused.calls import empty_vectors, is_seen_through, pointers, saved_tensors

__all__ = [
    "Arguments",
    "call_backward",
    "call_forward",
    "can_compute_words",
    "empty_kept",
    "of_states",
]


class Arguments(ctypes.Structure):
    """``struct TreeLstm`` of tree_lstm.h; an operator's own fields follow."""

    _fields_ = (
        *((name, c_int64) for name in "nodes leaves levels words input hidden threads".split()),
        ("differentiable", c_int64),
        *pointers("level_ptr parent child child_ptr row"),
        *pointers("x w b kept forgets h d_h d_x d_w d_b"),
    )


def can_compute_words(
    operator: str, hidden: int, x: Tensor, w: Tensor, b: Tensor, *u: Tensor
) -> bool:
    """Whether these are plain tensors, words and their weights fit, and there is the operator."""
    return (
        not is_seen_through()
        and all(t.dtype == x.dtype and t.is_cpu and t.is_contiguous() for t in (x, w, b, *u))
        and (x.dim(), w.shape, b.shape) == (2, (4 * hidden, x.shape[-1]), (4 * hidden,))
        and load(operator, x.dtype) is not None
    )


def empty_kept(
    library: ctypes.CDLL, schedule: Schedule, differentiable: bool, hidden: int, like: Tensor
) -> Tensor:
    """A place for cells and gates, see the header."""
    nodes, leaves = schedule.num_nodes, schedule.num_leaves
    gated = nodes if differentiable else nodes - leaves
    return empty_vectors(library, nodes + 3 * gated, hidden, like)


def call_forward(
    ctx: Any,
    library: ctypes.CDLL,
    kind: type[Arguments],
    schedule: Schedule,
    row: Tensor,
    tensors: Mapping[str, Tensor | None],
    **numbers: int,
) -> None:
    """Let an operator compute, and keep what :func:`call_backward` needs if gradients are wanted.

    Args:
        ctx: Of the operator's function.
        library: The operator.
        kind: Its arguments.
        schedule: The order of the nodes.
        row: ``(nodes,)``, the row of each node in ``h``, and in ``x`` if it has one: the last nodes
            may have no word.
        tensors: All else that it reads or writes, by the names of its arguments.
        **numbers: The rest of its arguments.

    Raises:
        MemoryError: There is not enough.
    """
    numbers["differentiable"] = any(ctx.needs_input_grad)
    ctx.call = partial(_call, library, kind, schedule, row, numbers)
    ctx.call("forward", tensors)
    if numbers["differentiable"]:
        ctx.names = tuple(tensors)
        ctx.save_for_backward(*tensors.values())


def of_states(weight: Tensor, schedule: Schedule) -> Tensor:
    """A weight of children's or parents' states, of which nothing is learnt where no node has any.

    Then it has no gradient, as without operators, in place of one of zeros: an optimiser would move
    the weight by what it remembers.
    """
    return weight if schedule.num_leaves < schedule.num_nodes else weight.detach()


def call_backward(
    ctx: Any, learnt: Sequence[str], d_h: Tensor, **more: Tensor | None
) -> tuple[Tensor | None, ...]:
    """The gradients of what an operator's function has learnt from, None for those not needed.

    Args:
        ctx: Of the function, after :func:`call_forward`.
        learnt: The names of its first arguments.
        d_h: ``(nodes, hidden)``.
        **more: What else the operator reads or writes.

    Raises:
        MemoryError: There is not enough.
    """
    tensors = saved_tensors(ctx)
    gradients = {
        f"d_{name}": torch.empty_like(tensors[name]) if wanted else None
        for name, wanted in zip(learnt, ctx.needs_input_grad, strict=False)
    }
    ctx.call("backward", {**tensors, **gradients, "d_h": d_h.contiguous(), **more})
    return tuple(gradients.values())


def _call(
    library: ctypes.CDLL,
    kind: type[Arguments],
    schedule: Schedule,
    row: Tensor,
    numbers: Mapping[str, int],
    direction: str,
    tensors: Mapping[str, Tensor | None],
) -> None:
    x, h = tensors["x"], tensors["h"]
    assert x is not None
    assert h is not None
    given = kind(
        nodes=schedule.num_nodes,
        leaves=schedule.num_leaves,
        levels=len(schedule.levels),
        words=len(x),
        input=x.shape[1],
        hidden=h.shape[1],
        threads=torch.get_num_threads(),
        level_ptr=schedule.level_ptr.data_ptr(),
        parent=schedule.parent.data_ptr(),
        child=schedule.child.data_ptr(),
        child_ptr=schedule.child_ptr.data_ptr(),
        row=row.data_ptr(),
        **{name: None if one is None else one.data_ptr() for name, one in tensors.items()},
        **numbers,
    )
    if not getattr(library, direction)(ctypes.byref(given)):
        raise MemoryError(f"no memory for the Tree-LSTM over {schedule.num_nodes} nodes")
