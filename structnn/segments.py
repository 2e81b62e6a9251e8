"""Reductions over the rows of each sentence. Rows of one sentence follow each other."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["segment_max", "segment_mean", "segment_softmax", "segment_sum"]


def segment_sum(x: Tensor, ptr: Tensor) -> Tensor:
    """The sum of each segment: ``(rows, d)`` and ``(segments + 1,)`` to ``(segments, d)``."""
    return _bags(x, ptr, "sum")


def segment_mean(x: Tensor, ptr: Tensor) -> Tensor:
    """The mean of each segment: ``(rows, d)`` and ``(segments + 1,)`` to ``(segments, d)``."""
    return _bags(x, ptr, "mean")


def segment_max(x: Tensor, ptr: Tensor) -> Tensor:
    """The largest value of each column of each segment; no segment may be empty."""
    return _bags(x, ptr, "max")


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
    return weights / segment_sum(weights, ptr)[segment]


def _bags(x: Tensor, ptr: Tensor, mode: str) -> Tensor:
    # On a CPU an embedding bag sums contiguous rows several times faster than scatter operations do.
    everything = torch.arange(x.shape[0], device=x.device)
    return F.embedding_bag(everything, x, ptr, mode=mode, include_last_offset=True)
