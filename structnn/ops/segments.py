"""Reductions over segments: the contiguous rows that belong to one sentence, or to one node."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from structnn.ops.transforms import is_transformed

__all__ = [
    "Padding",
    "segment_max",
    "segment_mean",
    "segment_of",
    "segment_softmax",
    "segment_spread",
    "segment_sum",
]


def segment_of(ptr: Tensor, rows: int) -> Tensor:
    """``(rows,)``: the segment of each row, from ``(segments + 1,)``, where each segment begins."""
    return torch.repeat_interleave(ptr.diff(), output_size=rows)


def segment_sum(x: Tensor, ptr: Tensor, segment: Tensor | None = None) -> Tensor:
    """The sum of each segment.

    Args:
        x: ``(rows, d)``.
        ptr: ``(segments + 1,)``, where each segment begins.
        segment: ``(rows,)``, the segment of each row; computed where not given.

    Returns:
        ``(segments, d)``.
    """
    segment = segment_of(ptr, len(x)) if segment is None else segment
    if is_transformed():
        return x.new_zeros(len(ptr) - 1, x.shape[1]).index_add(0, segment, x)
    summed: Tensor = _SegmentSum.apply(x, ptr, segment)  # type: ignore[no-untyped-call]
    return summed


def segment_spread(x: Tensor, ptr: Tensor, segment: Tensor) -> Tensor:
    """To each row what its segment has, ``(segments, d)`` to ``(rows, d)``; see :func:`segment_sum`."""
    if is_transformed():
        return x.index_select(0, segment)
    spread: Tensor = _SegmentSpread.apply(x, ptr, segment)  # type: ignore[no-untyped-call]
    return spread


def segment_mean(x: Tensor, ptr: Tensor) -> Tensor:
    """The mean of each segment, as :func:`segment_sum`; no segment may be empty."""
    return segment_sum(x, ptr) / ptr.diff()[:, None].to(x.dtype)


def segment_max(x: Tensor, ptr: Tensor) -> Tensor:
    """The maximum of each segment, column by column, as :func:`segment_sum`; none may be empty."""
    if is_transformed():
        rows = segment_of(ptr, len(x))[:, None].expand_as(x)
        lowest = x.new_full((len(ptr) - 1, x.shape[1]), -torch.inf)
        return lowest.scatter_reduce(0, rows, x, "amax")
    largest: Tensor = _SegmentMax.apply(x, ptr)  # type: ignore[no-untyped-call]
    return largest


def segment_softmax(scores: Tensor, ptr: Tensor, segment: Tensor) -> Tensor:
    """Softmax over the rows of each segment, column by column.

    Args:
        scores: ``(rows, heads)``.
        ptr: ``(segments + 1,)``, where each segment begins.
        segment: ``(rows,)``, the segment of each row.

    Returns:
        ``(rows, heads)``.
    """
    # The result does not depend on the shift by the maximum, so no gradient has to go through it.
    highest = segment_max(scores.detach(), ptr)
    weights = (scores - highest[segment]).exp()
    return weights / segment_sum(weights, ptr, segment)[segment]


class Padding:
    """Pads segments to the length of the longest one, for dense operations within a sentence.

    Args:
        ptr: ``(segments + 1,)``, where each segment begins.
        rows: The number of rows.
        longest: The number of rows of the longest segment. It's asked for since ``ptr`` may lie on a
            GPU, from which a number is read only when all that was computed before is done.

    Attributes:
        ptr: As given.
        mask: ``(segments, longest)``, True where there is a row.
        place: ``(rows,)``, the position of each row in its segment, from 0.
    """

    def __init__(self, ptr: Tensor, rows: int, longest: int) -> None:
        self.ptr = ptr
        lengths = ptr.diff()
        columns = torch.arange(longest, device=ptr.device)
        self.mask = columns < lengths[:, None]
        segment = segment_of(ptr, rows)
        self.place = torch.arange(rows, device=ptr.device) - ptr[segment]
        self._index = segment * longest + self.place

    def map(self, move: Callable[[Tensor], Tensor]) -> Padding:
        """The padding with ``move`` applied to each of its tensors."""
        made = copy(self)
        made.__dict__.update({name: move(tensor) for name, tensor in vars(self).items()})
        return made

    def pad(self, x: Tensor) -> Tensor:
        """``(rows, ...)`` to ``(segments, longest, ...)``, padded with zeros."""
        padded = x.new_zeros(self.mask.numel(), *x.shape[1:]).index_copy(0, self._index, x)
        return padded.view(*self.mask.shape, *x.shape[1:])

    def unpad(self, padded: Tensor) -> Tensor:
        """``(segments, longest, ...)`` to ``(rows, ...)``: the inverse of :meth:`pad`."""
        return padded.flatten(0, 1).index_select(0, self._index)


class _SegmentSum(torch.autograd.Function):
    """The sum of each segment by an embedding bag, whose own backward pass is slower than this one."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, ptr: Tensor, segment: Tensor) -> Tensor:
        ctx.save_for_backward(segment)
        return _bags(x, ptr, "sum")[0]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        (segment,) = ctx.saved_tensors
        return grad.index_select(0, segment), None, None


class _SegmentSpread(torch.autograd.Function):
    """The reverse of a sum: a gather, and backward an embedding bag."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, ptr: Tensor, segment: Tensor) -> Tensor:
        ctx.save_for_backward(ptr)
        return x.index_select(0, segment)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        (ptr,) = ctx.saved_tensors
        return _bags(grad, ptr, "sum")[0], None, None


class _SegmentMax(torch.autograd.Function):
    """The maximum of each segment by an embedding bag; the gradient goes to the rows of the maxima."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, ptr: Tensor) -> Tensor:
        largest, rows = _bags(x, ptr, "max")
        ctx.save_for_backward(rows)
        ctx.shape = x.shape
        return largest

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        (rows,) = ctx.saved_tensors
        return grad.new_zeros(ctx.shape).scatter_(0, rows, grad), None


def _bags(x: Tensor, ptr: Tensor, mode: str) -> tuple[Tensor, Tensor]:
    """The sum or the maximum of each segment, and the rows of the maxima; both ``(segments, d)``."""
    if not x.shape[1]:  # which PyTorch refuses on some processors
        return x.new_empty(len(ptr) - 1, 0), ptr.new_empty(len(ptr) - 1, 0)
    # On a CPU an embedding bag sums contiguous rows several times faster than scatter operations do.
    indices = torch.arange(x.shape[0], device=x.device)
    number = {"sum": 0, "max": 2}[mode]
    reduced, _, _, rows = torch.embedding_bag(
        x, indices, ptr, mode=number, include_last_offset=True
    )
    return reduced, rows
