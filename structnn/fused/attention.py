"""Attention within sentences in C++: what ``attention.cpp`` computes, as a function of tensors."""

from __future__ import annotations

import ctypes
from ctypes import c_double, c_int64
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from structnn.fused.build import load
from structnn.fused.calls import apply, pointers, saved_tensors
from structnn.fused.dropout import draw_seed

__all__ = ["attend"]


def attend(
    inputs: Tensor,
    heads: int,
    ptr: Tensor,
    *,
    causal: bool = False,
    kinds: Tensor | None = None,
    bias: Tensor | None = None,
    dropout: float = 0.0,
) -> Tensor | None:
    r"""Scaled dot-product attention of all rows of a sentence to one another.

    .. math:: \mathrm{softmax}\bigl(Q K^\top / \sqrt{d} + B\bigr) V

    PyTorch needs all sentences filled up to the longest, and a copy of what was computed at each step;
    the operator reads rows where they are, and computes scores again in the backward pass. Values and
    gradients are PyTorch's to rounding. Dropout is that of :func:`structnn.fused.dropout.drop`.

    Args:
        inputs: ``(rows, 3 * heads * d)``: queries, keys and values.
        heads: How many.
        ptr: ``(sentences + 1,)``, where each sentence's rows begin.
        causal: A row sees itself and those before it alone.
        kinds: ``(sentences, longest, longest)`` int32, the kind of each query and key, of which scores
            get the bias; below zero where the query doesn't see the key. Each row must see one.
        bias: ``(kinds, heads)``.
        dropout: Dropout rate of the weights.

    Returns:
        ``(rows, heads * d)``; None where PyTorch has to compute it: there is no operator, see
        :func:`structnn.fused.build.load`; tensors are of other kinds than the operator's; or the
        dropout rate is 1.
    """
    if (
        dropout == 1
        or not inputs.is_cpu
        or (bias is not None and bias.dtype != inputs.dtype)
        or load("attention", inputs.dtype) is None
    ):
        return None
    seed = draw_seed() if dropout else 0
    return apply(_Attention, inputs, bias, heads, ptr, kinds, causal, dropout, seed)


class _Arguments(ctypes.Structure):
    """``struct Attention`` of the source."""

    _fields_ = (
        *(
            (name, c_int64)
            for name in "sentences heads width longest kinds causal seed threads".split()
        ),
        ("dropout", c_double),
        *pointers("ptr kind bias qkv out log_sums d_out d_qkv d_bias"),
    )


class _Attention(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        inputs: Tensor,
        bias: Tensor | None,
        heads: int,
        ptr: Tensor,
        kinds: Tensor | None,
        causal: bool,
        dropout: float,
        seed: int,
    ) -> Tensor:
        rows, width = inputs.shape
        out = inputs.new_empty(rows, width // 3)
        tensors = {
            "qkv": inputs.contiguous(),
            "ptr": ptr,
            "kind": None if kinds is None else kinds.contiguous(),
            "bias": None if bias is None else bias.contiguous(),
            "out": out,
            "log_sums": inputs.new_empty(rows, heads),
        }
        ctx.numbers = {"heads": heads, "causal": causal, "dropout": dropout, "seed": seed}
        _call("forward", tensors, ctx.numbers)
        ctx.names = tuple(tensors)
        ctx.save_for_backward(*tensors.values())
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_out: Tensor) -> tuple[Tensor | None, ...]:
        tensors = saved_tensors(ctx)
        d_inputs, d_bias = torch.empty_like(tensors["qkv"]), None
        if tensors["bias"] is not None:
            d_bias = d_out.new_empty(len(tensors["ptr"]) - 1, *tensors["bias"].shape)
        gradients = {"d_out": d_out.contiguous(), "d_qkv": d_inputs, "d_bias": d_bias}
        _call("backward", {**tensors, **gradients}, ctx.numbers)
        return d_inputs, None if d_bias is None else d_bias.sum(dim=0), *(None,) * 6


def _call(direction: str, tensors: dict[str, Any], numbers: dict[str, Any]) -> None:
    """Let the operator compute."""
    inputs, kinds, bias = tensors["qkv"], tensors["kind"], tensors["bias"]
    library = load("attention", inputs.dtype)
    assert library is not None
    given = _Arguments(
        sentences=len(tensors["ptr"]) - 1,
        width=inputs.shape[1] // (3 * numbers["heads"]),
        longest=0 if kinds is None else kinds.shape[1],
        kinds=0 if bias is None else len(bias),
        threads=torch.get_num_threads(),
        **{name: None if one is None else one.data_ptr() for name, one in tensors.items()},
        **numbers,
    )
    if not getattr(library, direction)(ctypes.byref(given)):
        raise MemoryError(f"no memory for attention between {len(inputs)} rows")
