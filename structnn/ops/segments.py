"""Reductions over the rows of each sentence. Rows of one sentence follow each other."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

__all__ = ["Padding", "segment_max", "segment_mean", "segment_of", "segment_softmax", "segment_sum"]


def segment_of(ptr: Tensor, rows: int) -> Tensor:
    """``(rows,)``: the segment of each row, from ``(segments + 1,)``, where each begins."""
    return torch.repeat_interleave(ptr.diff(), output_size=rows)


def segment_sum(x: Tensor, ptr: Tensor, segment: Tensor | None = None) -> Tensor:
    """The sum of each segment.

    Args:
        x: ``(rows, d)``.
        ptr: ``(segments + 1,)``, where each segment begins.
        segment: ``(rows,)``, the segment of each row, if it is known already.

    Returns:
        ``(segments, d)``.
    """
    segment = segment_of(ptr, len(x)) if segment is None else segment
    summed: Tensor = _SegmentSum.apply(x, ptr, segment)  # type: ignore[no-untyped-call]
    return summed


def segment_mean(x: Tensor, ptr: Tensor) -> Tensor:
    """The mean of each segment; no segment may be empty."""
    return segment_sum(x, ptr) / ptr.diff()[:, None].to(x.dtype)


def segment_max(x: Tensor, ptr: Tensor) -> Tensor:
    """The largest value of each column of each segment; no segment may be empty."""
    largest: Tensor = _SegmentMax.apply(x, ptr)  # type: ignore[no-untyped-call]
    return largest


def segment_softmax(scores: Tensor, ptr: Tensor, segment: Tensor) -> Tensor:
    """Softmax over the rows of each segment, one for each column.

    Args:
        scores: ``(rows, heads)``.
        ptr: ``(segments + 1,)``, where each segment begins.
        segment: ``(rows,)``, the segment of each row.
    """
    # Shifting by the maximum changes nothing in exact arithmetic, so no gradient has to go through it.
    highest = segment_max(scores.detach(), ptr)
    weights = (scores - highest[segment]).exp()
    return weights / segment_sum(weights, ptr, segment)[segment]


class Padding:
    """Segments side by side, all as long as the longest, for what is dense within a sentence.

    Args:
        ptr: ``(segments + 1,)``, where each segment begins.
        rows: How many rows there are.

    Attributes:
        mask: ``(segments, longest)``, True where there is a row.
        place: ``(rows,)``, the place of each row in its segment, from 0.
    """

    def __init__(self, ptr: Tensor, rows: int) -> None:
        lengths = ptr.diff()
        longest = int(lengths.max())
        columns = torch.arange(longest, device=ptr.device)
        self.mask = columns < lengths[:, None]
        segment = segment_of(ptr, rows)
        self.place = torch.arange(rows, device=ptr.device) - ptr[segment]
        self._index = segment * longest + self.place

    def pad(self, x: Tensor) -> Tensor:
        """``(rows, ...)`` to ``(segments, longest, ...)``, zeros behind the shorter ones."""
        padded = x.new_zeros(self.mask.numel(), *x.shape[1:]).index_copy(0, self._index, x)
        return padded.view(*self.mask.shape, *x.shape[1:])

    def unpad(self, padded: Tensor) -> Tensor:
        """The inverse of :meth:`pad`."""
        return padded.flatten(0, 1).index_select(0, self._index)


class _SegmentSum(torch.autograd.Function):
    """An embedding bag, whose own backward pass is several times slower than this gather."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, ptr: Tensor, segment: Tensor) -> Tensor:
        ctx.save_for_backward(segment)
        return _bags(x, ptr, "sum")[0]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        (segment,) = ctx.saved_tensors
        return grad.index_select(0, segment), None, None


class _SegmentMax(torch.autograd.Function):
    """An embedding bag too; backward each column's row is known, and no two share an entry."""

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
    """The sum or the maximum of each segment, and, ``(segments, d)``, the rows of the maximum."""
    # On a CPU an embedding bag sums contiguous rows several times faster than scatter operations do.
    everything = torch.arange(x.shape[0], device=x.device)
    number = {"sum": 0, "max": 2}[mode]
    reduced, _, _, rows = torch.embedding_bag(
        x, everything, ptr, mode=number, include_last_offset=True
    )
    return reduced, rows
