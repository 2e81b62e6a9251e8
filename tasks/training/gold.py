"""The right answers of a split, as training and evaluation read them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from structnn import ArcsHead, Head, Sentence, SequenceHead
from structnn.heads.answers import NO_ANSWER
from tasks.data.questions import NO_LABEL, ROW_SEPARATOR
from tasks.training.inputs import Indices, rows_of

__all__ = ["Gold", "answered"]


@dataclass(frozen=True)
class Gold:
    """Right answers, encoded once: a row for each thing that is asked about.

    Args:
        rows: ``(rows, ...)``, as :meth:`structnn.Answer.encode` makes them, example by example.
        ptr: ``(examples + 1,)``, where the rows of each example begin, and the end.
        weights: ``(rows,)``, the weight of each in the loss; None where all are equal.
    """

    rows: Tensor
    ptr: NDArray[np.int64]
    weights: Tensor | None = None

    @classmethod
    def of(
        cls,
        answers: Sequence[str],
        head: Head | ArcsHead | SequenceHead,
        sentences: Sequence[Sentence] = (),
    ) -> Gold:
        """The answers of examples, for a head.

        Args:
            answers: The answer of each example; see :class:`tasks.data.questions.Question`.
            head: Says what there is a row for, and encodes the answers.
            sentences: The sentence of each, whose words sequences can copy.
        """
        if isinstance(head, SequenceHead):
            pieces = head.targets(answers, sentences)
            ends = np.flatnonzero(pieces.numpy() == head.target.end) + 1
            return cls(pieces, np.concatenate([[0], ends]))
        parts = [_parts_of(answer, head) for answer in answers]
        sizes = np.array([len(own) for own in parts], dtype=np.int64)
        encoded = head.answer.encode([part for own in parts for part in own])
        return cls(encoded, np.concatenate([[0], sizes.cumsum()]))

    def of_examples(self, indices: Indices) -> Tensor:
        """The rows of some examples, one example after the other."""
        return self.rows[rows_of(self.ptr, indices)]

    def weights_of(self, indices: Indices) -> Tensor | None:
        """The weights of these rows."""
        return None if self.weights is None else self.weights[rows_of(self.ptr, indices)]

    def weighted(self, weights: Sequence[float]) -> Gold:
        """The same answers, with a weight for each example, relative to their mean."""
        relative = np.asarray(weights, np.float32) / np.float32(np.mean(weights))
        return replace(self, weights=torch.from_numpy(np.repeat(relative, np.diff(self.ptr))))


def answered(rows: Tensor) -> int:
    """How many rows of right answers have one: nodes of a tree may have no class."""
    if rows.dim() > 1 or rows.is_floating_point():  # of numbers each is an answer, be it -100
        return len(rows)
    return int((rows != NO_ANSWER).sum())


def _parts_of(answer: str, head: Head | ArcsHead) -> Sequence[str]:
    """The answer of an example as one answer for each row of a head."""
    if head.reader.rows == "example":
        return (answer,)
    parts = answer.split(ROW_SEPARATOR)
    if head.reader.rows == "node":  # what is empty has no answer: see structnn.LabelAnswer.encode
        return ["" if part == NO_LABEL else part for part in parts]
    return parts
