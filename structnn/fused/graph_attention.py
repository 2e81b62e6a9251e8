"""Attention over the edges of a graph as one operator, forward and backward."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from structnn.data.graph import Adjacency
from structnn.fused.build import load
from structnn.fused.calls import is_seen_through

__all__ = ["attend", "can_attend"]

_ADJACENCY = ("source", "target", "incoming", "outgoing", "by_source")
_GIVEN = ("query", "key", "value", "edge", "attention", "bias")
_VALUE = _GIVEN.index("value")


class _Attention(ctypes.Structure):
    """``struct Attention`` of graph_attention.cpp."""

    _fields_ = (
        *((name, ctypes.c_int64) for name in ("nodes", "edges", "heads", "width", "threads")),
        *((name, ctypes.c_void_p) for name in ("source", "target", "number")),
        *((name, ctypes.c_void_p) for name in ("incoming", "outgoing", "by_source")),
        ("slope", ctypes.c_double),
        *((name, ctypes.c_void_p) for name in _GIVEN),
        *((name, ctypes.c_void_p) for name in ("weights", "out", "d_out", "d_scores", "d_sums")),
        *((f"d_{name}", ctypes.c_void_p) for name in _GIVEN),
    )


def can_attend(states: Tensor) -> bool:
    """Whether the operator takes states such as these here and now.

    It needs a compiler on this machine, and computes on a CPU in the precision of the states: where
    ``torch.autocast``, ``torch.compile``, ``torch.func`` or forward-mode differentiation is at work it
    stands back.
    """
    return (
        states.device.type == "cpu"
        and not torch.is_autocast_enabled("cpu")
        and not is_seen_through()
        and load("graph_attention", states.dtype) is not None
    )


def attend(
    layer: str,
    query: Tensor | None,
    key: Tensor | None,
    value: Tensor,
    edge: Tensor,
    numbers: Tensor,
    adjacency: Adjacency,
    *,
    heads: int,
    slope: float = 0.0,
    attention: Tensor | None = None,
    bias: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    r"""What each node hears from its neighbours, and how much of each.

    With *u* the source, *v* the target and *r* the number of an edge, for each head:

    .. math::
        \text{gat: } z_{uv} &=
            \mathrm{LeakyReLU}(attention_1^\top value_u + attention_2^\top value_v + edge_r) \\
        \text{gatv2: } z_{uv} &= attention^\top \mathrm{LeakyReLU}(query_v + value_u + edge_r) \\
        \text{transformer: } z_{uv} &= query_v^\top (key_u + edge_r)

    and the output is :math:`\sum_u \mathrm{softmax}_u(z_{uv}) value_u`, for the Transformer with
    :math:`value_u + edge_r`.

    Args:
        layer: ``"gat"``, ``"gatv2"`` or ``"transformer"``.
        query: ``(nodes, heads * width)``; None for GAT.
        key: ``(nodes, heads * width)``; None but for the Transformer: values serve as keys.
        value: ``(nodes, heads * width)``.
        edge: A row for each number of an edge: ``(rows, heads)`` for GAT, or else
            ``(rows, heads * width)``.
        numbers: ``(edges,)``, the number of each edge, in the order of the adjacency.
        adjacency: The edges.
        heads: How many heads there are.
        slope: Of the leaky rectifier.
        attention: ``(2, heads * width)`` for GAT, ``(heads * width,)`` for GATv2.
        bias: ``(heads * width,)``, added to the output.

    Returns:
        ``(nodes, heads * width)``, and the softmax's weights, ``(edges, heads)``, in the order of the
        adjacency; no gradient goes through the second.
    """
    out, weights = _Attend.apply(  # type: ignore[no-untyped-call]
        layer, heads, slope, adjacency, numbers, query, key, value, edge, attention, bias
    )
    return out, weights


class _Attend(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        layer: str,
        heads: int,
        slope: float,
        adjacency: Adjacency,
        numbers: Tensor,
        *given: Tensor | None,
    ) -> tuple[Tensor, Tensor]:
        tensors = [None if tensor is None else tensor.contiguous() for tensor in given]
        value = tensors[_VALUE]
        assert value is not None
        if layer == "gat":  # room for what the operator makes of the values
            tensors[:_VALUE] = value.new_empty(2, len(value), heads)
        out = torch.empty_like(value)
        weights = value.new_empty(len(numbers), heads)
        ctx.call = (layer, slope, adjacency)
        ctx.save_for_backward(numbers, weights, *tensors)
        ctx.mark_non_differentiable(weights)
        _run("forward", ctx.call, numbers, weights, tensors, out=out)
        return out, weights

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_out: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
        numbers, weights, *tensors = ctx.saved_tensors
        gradients = [None if tensor is None else torch.empty_like(tensor) for tensor in tensors]
        for sums in gradients[_VALUE + 1 :]:  # what the operator adds to; it fills the others
            if sums is not None:
                sums.zero_()
        _run(
            "backward",
            ctx.call,
            numbers,
            weights,
            tensors,
            d_out=d_out.contiguous(),
            d_scores=torch.empty_like(weights),
            d_sums=d_out.new_empty(len(numbers), d_out.shape[1])
            if ctx.call[0] == "gatv2"
            else None,
            **{f"d_{name}": gradient for name, gradient in zip(_GIVEN, gradients, strict=True)},
        )
        wanted = ctx.needs_input_grad[-len(gradients) :]
        return *(None,) * 5, *(
            g if want else None for g, want in zip(gradients, wanted, strict=True)
        )


def _run(
    direction: str,
    call: tuple[str, float, Adjacency],
    numbers: Tensor,
    weights: Tensor,
    tensors: Sequence[Tensor | None],
    **more: Tensor | None,
) -> None:
    layer, slope, adjacency = call
    value = tensors[_VALUE]
    assert value is not None
    pointers: dict[str, Tensor | None] = {
        **{name: getattr(adjacency, name) for name in _ADJACENCY},
        **dict(zip(_GIVEN, tensors, strict=True)),
        "number": numbers,
        "weights": weights,
        **more,
    }
    edges, heads = weights.shape
    given = _Attention(
        nodes=len(value),
        edges=edges,
        heads=heads,
        width=value.shape[1] // heads,
        threads=torch.get_num_threads(),
        slope=slope,
        **{name: None if one is None else one.data_ptr() for name, one in pointers.items()},
    )
    library = load("graph_attention", value.dtype)
    assert library is not None
    library[f"{layer}_{direction}"](ctypes.byref(given))
