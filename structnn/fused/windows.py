"""Convolutions over windows of words in C++: what ``windows.cpp`` computes, as a function of tensors."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable
from ctypes import c_int64
from typing import Any, TypeGuard

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from structnn.fused.build import load
from structnn.fused.calls import apply, is_seen_through, pointers
from structnn.ops.weights import has_hooks, weight_of

__all__ = ["read_windows"]


def read_windows(
    convolutions: Iterable[nn.Module], x: Tensor, rows: Tensor, size: int
) -> Tensor | None:
    r"""The maps of convolutions of several widths at each word, behind a ReLU.

    A window's words lie one after the other in memory, so that the operator multiplies a window by the
    weights without copying it; PyTorch's convolution takes twice the time. Values and gradients are
    PyTorch's to rounding.

    Args:
        convolutions: A window of *k* words begins :math:`\lfloor (k - 1) / 2 \rfloor` words before its
            word.
        x: ``(words, input)``.
        rows: ``(words,)``, the row of each word, with rows of zeros between sentences, and behind the
            last one, as many as the widest window reaches beyond its word.
        size: The number of rows.

    Returns:
        ``(words, maps)``, the maps of all convolutions side by side; None where PyTorch has to compute
        them: convolutions have a stride, a dilation, hooks or no biases; there is no operator, see
        :func:`structnn.fused.build.load`; tensors are of other kinds than the operator's;
        ``torch.autocast``, ``torch.compile``, ``torch.func`` or forward-mode differentiation is at work.
    """
    weights, biases = [], []
    for convolution in convolutions:
        if not _is_plain(convolution, x.dtype):
            return None
        weights.append(weight_of(convolution, "weight"))
        biases.append(weight_of(convolution, "bias"))
    if (
        is_seen_through()
        or torch.is_autocast_enabled("cpu")
        or not x.is_cpu
        or load("windows", x.dtype) is None
    ):
        return None
    # Room for the widest window before the first word; what a word's windows reach, for gradients.
    room = max(w.shape[2] for w in weights) - 1
    return apply(_Windows, x, rows + room, size + 2 * room, *weights, *biases)


def _is_plain(convolution: nn.Module, dtype: torch.dtype) -> TypeGuard[nn.Conv1d]:
    """Whether the operator can compute it."""
    if not isinstance(convolution, nn.Conv1d) or convolution.bias is None or has_hooks(convolution):
        return False
    return convolution.stride == convolution.dilation == (1,) and all(
        t.is_cpu and t.dtype == dtype and t.is_contiguous()
        for t in (convolution.weight, convolution.bias)
    )


class _Arguments(ctypes.Structure):
    """``struct Windows`` of the source."""

    _fields_ = (
        *((name, c_int64) for name in "words rows width left input maps stride threads".split()),
        *pointers("row x w b h d_h d_x d_w d_b"),
    )


class _Windows(torch.autograd.Function):
    """All convolutions; weights are ``(maps, input, width)``, and behind them come the biases."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, rows: Tensor, size: int, *learnt: Tensor) -> Tensor:
        apart = x.new_zeros(size, x.shape[1]).index_copy_(0, rows, x)
        weights, biases = learnt[: len(learnt) // 2], learnt[len(learnt) // 2 :]
        widths = [len(b) for b in biases]
        h = x.new_empty(len(x), sum(widths))
        for w, b, maps in zip(weights, biases, h.split(widths, dim=1), strict=True):
            _call("forward", rows, apart, h=maps, w=w, b=b)
        ctx.save_for_backward(rows, apart, h, *learnt)
        return h

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_h: Tensor) -> tuple[Tensor | None, ...]:
        rows, apart, h, *learnt = ctx.saved_tensors
        weights, biases = learnt[: len(learnt) // 2], learnt[len(learnt) // 2 :]
        d_learnt = [
            torch.empty_like(one) if wanted else None
            for one, wanted in zip(learnt, ctx.needs_input_grad[3:], strict=True)
        ]
        d_x = apart.new_zeros(len(rows), apart.shape[1]) if ctx.needs_input_grad[0] else None
        widths = [len(b) for b in biases]
        maps = (one.split(widths, dim=1) for one in (h, d_h.contiguous()))
        gradients = d_learnt[: len(weights)], d_learnt[len(weights) :]
        for w, h_of, d_h_of, d_w, d_b in zip(weights, *maps, *gradients, strict=True):
            _call("backward", rows, apart, h=h_of, w=w, d_h=d_h_of, d_x=d_x, d_w=d_w, d_b=d_b)
        return d_x, None, None, *d_learnt


def _call(direction: str, rows: Tensor, apart: Tensor, **tensors: Any) -> None:
    """Let the operator compute for one convolution; None for what is not wanted."""
    library = load("windows", apart.dtype)
    assert library is not None
    maps, size, width = tensors["w"].shape
    given = _Arguments(
        words=len(rows),
        rows=len(apart),
        width=width,
        left=(width - 1) // 2,
        input=size,
        maps=maps,
        stride=tensors["h"].stride(0),
        threads=torch.get_num_threads(),
        row=rows.data_ptr(),
        x=apart.data_ptr(),
        **{name: None if one is None else one.data_ptr() for name, one in tensors.items()},
    )
    if not getattr(library, direction)(ctypes.byref(given)):
        raise MemoryError(f"no memory for a convolution over {len(rows)} words")
