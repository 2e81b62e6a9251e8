"""Dropout in C++: what ``dropout.cpp`` computes, as a function of tensors."""

from __future__ import annotations

import ctypes
from ctypes import c_double, c_int64
from typing import Any

import torch
from torch import Tensor

from structnn.fused.build import load
from structnn.fused.calls import apply, pointers

__all__ = ["drop", "draw_seed"]


def draw_seed() -> int:
    """A number of PyTorch's generator, from which an operator draws all others."""
    return int(torch.randint(2**62, ()))


def drop(x: Tensor, rate: float) -> Tensor | None:
    """Zeros in place of some numbers, and the others divided by the share that is left.

    One number is drawn of PyTorch's generator. The backward pass draws the same numbers again, so that
    no mask is kept.

    Args:
        x: Of any shape, on a CPU.
        rate: The share that is dropped, above 0 and below 1.

    Returns:
        As ``x``; None where there is no operator, see :func:`structnn.fused.build.load`.
    """
    if load("dropout", x.dtype) is None:
        return None
    return apply(_Dropout, x, rate, draw_seed())


class _Arguments(ctypes.Structure):
    """``struct Dropout`` of the source."""

    _fields_ = (
        *((name, c_int64) for name in ("count", "seed", "threads")),
        ("rate", c_double),
        *pointers("given dropped"),
    )


class _Dropout(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, rate: float, seed: int) -> Tensor:
        ctx.given = rate, seed
        x = x.contiguous()
        dropped = torch.empty_like(x)
        library = load("dropout", x.dtype)
        assert library is not None
        threads = torch.get_num_threads()
        given = _Arguments(x.numel(), seed, threads, rate, x.data_ptr(), dropped.data_ptr())
        library.drop(ctypes.byref(given))
        return dropped

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        return apply(_Dropout, grad, *ctx.given), None, None
