"""The gated recurrent unit in C++: what ``gru.cpp`` computes, as a function of tensors."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from ctypes import c_int64
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from structnn.fused.build import load
from structnn.fused.calls import empty_vectors, pointers, saved_tensors

__all__ = ["FusedGRU"]

_LEARNT = ("x", "w", "b", "u", "b_n")


class _Gru(ctypes.Structure):
    """``struct Gru`` of the source."""

    _fields_ = (
        *((name, c_int64) for name in "words steps batch input hidden threads".split()),
        *pointers("begin row x w b u b_n kept h d_h d_x d_w d_b d_u d_b_n"),
    )


class FusedGRU(torch.autograd.Function):
    """One layer in one direction.

    Gates are in the order n, r, z for words, ``w`` and ``b``, and r, z, n for states, ``u``; ``b_n`` is
    added within the reset gate. ``begin`` are ``(steps + 1,)``, where each step begins among the words
    of packed sentences, and ``rows`` ``(words,)``, the row of ``x`` and of the result that belongs to
    each of them.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        w: Tensor,
        b: Tensor,
        u: Tensor,
        b_n: Tensor,
        begin: Tensor,
        rows: Tensor,
    ) -> Tensor:
        library = load("gru", x.dtype)
        assert library is not None
        hidden = u.shape[1]
        tensors = {"x": x, "w": w, "b": b, "u": u, "b_n": b_n, "begin": begin, "row": rows}
        tensors["kept"] = empty_vectors(library, 4 * len(x), hidden, x)
        tensors["h"] = x.new_empty(len(x), hidden)
        _call(library.forward, tensors)
        ctx.library, ctx.names = library, tuple(tensors)
        ctx.save_for_backward(*tensors.values())
        return tensors["h"]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_h: Tensor) -> tuple[Tensor | None, ...]:
        tensors = saved_tensors(ctx)
        gradients = {
            f"d_{name}": torch.empty_like(tensors[name]) if wanted else None
            for name, wanted in zip(_LEARNT, ctx.needs_input_grad, strict=False)
        }
        _call(ctx.library.backward, {**tensors, **gradients, "d_h": d_h.contiguous()})
        return *gradients.values(), None, None


def _call(function: Any, tensors: Mapping[str, Any]) -> None:
    """Let the operator compute; None for what is not wanted."""
    x, begin = tensors["x"], tensors["begin"]
    given = _Gru(
        words=len(x),
        steps=len(begin) - 1,
        batch=int(begin[1]),
        input=x.shape[1],
        hidden=tensors["h"].shape[1],
        threads=torch.get_num_threads(),
        **{name: None if one is None else one.data_ptr() for name, one in tensors.items()},
    )
    if not function(ctypes.byref(given)):
        raise MemoryError(f"no memory for the GRU over {len(x)} words")
