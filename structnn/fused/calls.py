"""What the functions that call operators share."""

from __future__ import annotations

import ctypes
from ctypes import c_void_p
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad

from structnn.ops.transforms import is_transformed

__all__ = ["apply", "empty_vectors", "is_seen_through", "pointers", "saved_tensors"]


def pointers(names: str) -> list[tuple[str, type[c_void_p]]]:
    """Fields of these names, with spaces between them, that are pointers."""
    return [(name, c_void_p) for name in names.split()]


def is_seen_through() -> bool:
    """Whether something is at work that looks into PyTorch's functions, and can't into an operator.

    That is ``torch.compile``, :mod:`torch.func`, or forward-mode differentiation, whose tangents an
    operator would lose.
    """
    return torch.compiler.is_compiling() or forward_ad._current_level >= 0 or is_transformed()


class _NothingKept:
    """The context of a function whose gradients nobody wants: what is left there goes with it."""

    def __init__(self, arguments: int) -> None:
        self.needs_input_grad = (False,) * arguments

    def save_for_backward(self, *_: Tensor) -> None:
        """Keep nothing."""


def apply(function: type[torch.autograd.Function], *arguments: Any) -> Tensor:
    """The tensor that an operator's function computes.

    Where no gradients are wanted it is called as it is: what autograd does around it would take a good
    part of the time of a small batch.
    """
    computed: Tensor
    if torch.is_grad_enabled():
        computed = function.apply(*arguments)
    else:
        computed = function.forward(_NothingKept(len(arguments)), *arguments)
    return computed


def empty_vectors(library: ctypes.CDLL, rows: int, width: int, like: Tensor) -> Tensor:
    """``(rows, width)``, each row filled up to whole vectors of the processor's."""
    lanes = library.vector_bytes() // like.element_size()
    return like.new_empty(rows, -(-width // lanes) * lanes)


def saved_tensors(ctx: Any) -> dict[str, Any]:
    """What the forward pass kept for the backward pass: ``ctx.names`` are their names."""
    return dict(zip(ctx.names, ctx.saved_tensors, strict=True))
