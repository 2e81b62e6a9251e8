"""What a model reads of the examples of a split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from structnn import Batch, Corpus
from tasks.data.questions import Span

__all__ = ["Indices", "Inputs", "rows_of", "spans_tensor"]

Indices = NDArray[np.int64]
"""``(examples,)``: the places of a batch's examples in their split."""


@dataclass(frozen=True)
class Inputs:
    """The sentences of examples, and the spans in them that are asked about.

    Args:
        corpus: All first texts and then, where an example has two, all second ones.
        texts: How many texts an example has.
        spans: ``(examples, spans, 2)``, in tokens; None where no span is asked about.
    """

    corpus: Corpus
    texts: int = 1
    spans: Tensor | None = None

    def __len__(self) -> int:
        return len(self.corpus) // self.texts

    @property
    def lengths(self) -> NDArray[np.int64]:
        """``(examples,)``: the number of tokens of each, both texts together."""
        lengths: NDArray[np.int64] = self.corpus.lengths.reshape(self.texts, -1).sum(0)
        return lengths

    def row_ptr(self, rows: str) -> NDArray[np.int64]:
        """``(examples + 1,)``: where the rows of each example begin among those of all, and the end.

        Args:
            rows: What there is a row for, see :attr:`structnn.Reader.rows`.

        """
        if rows == "example":
            return np.arange(len(self) + 1)
        counts = self.corpus.node_counts if rows == "node" else self.lengths
        return np.concatenate([[0], counts.cumsum()])

    def batch(self, indices: Indices) -> tuple[Batch, Tensor | None]:
        """The batch of these examples, and their spans."""
        places = indices + len(self) * np.arange(self.texts)[:, None]  # (texts, examples)
        spans = None if self.spans is None else self.spans[torch.from_numpy(indices)]
        return self.corpus.batch(places.ravel()), spans


def rows_of(ptr: NDArray[np.int64], indices: Indices) -> Tensor:
    """The places of the rows of some examples, one example after the other.

    Args:
        ptr: ``(all examples + 1,)``, where the rows of each begin.
        indices: The examples.
    """
    begin = ptr[indices]
    sizes = ptr[indices + 1] - begin
    first = np.repeat(begin - (sizes.cumsum() - sizes), sizes)
    return torch.from_numpy(first + np.arange(len(first)))


def spans_tensor(spans: Sequence[Sequence[Span]]) -> Tensor | None:
    """The spans of examples as :class:`Inputs` has them; None if there are none."""
    if not spans or not spans[0]:
        return None
    return torch.tensor([[list(span) for span in own] for own in spans])
