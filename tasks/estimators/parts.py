"""What estimators share whose answer to an example is a list: a class for each part of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from tasks.data.examples import DataError, counted
from tasks.data.questions import Question, Reads
from tasks.estimators.answers import is_same, numbers_in
from tasks.estimators.classes import ClassesEstimator
from tasks.estimators.columns import Column

__all__ = ["PartsClassifier", "share_right"]


@dataclass(eq=False, repr=False)
class PartsClassifier(ClassesEstimator):
    """An encoder with a softmax layer for each part of an example.

    Its arguments are those of :class:`ClassesEstimator`.
    """

    _parts: ClassVar[Reads]

    def predict(self, X: Column) -> list[list[Any]]:
        """The most probable class of each part, a list for each example."""
        found: list[list[Any]] = self._answers(X)
        return found

    def score(self, X: Column, y: Column, sample_weight: Column | None = None) -> float:
        """The share of parts whose class is right, of those that have one.

        Args:
            X: As for :meth:`fit`.
            y: As for :meth:`fit`, but never None.
            sample_weight: ``(examples,)``, the weight of the parts of each.
        """
        return share_right(self._values_kind.read(y, "y"), self.predict(X), sample_weight)

    @classmethod
    def _answered(cls, question: Question) -> bool:
        return question.reads == cls._parts

    def _asked(self) -> tuple[str | None, str | None]:
        return self._parts, None


def share_right(
    gold: Iterable[Sequence[Any]], found: Sequence[Sequence[Any]], weights: Column | None
) -> float:
    """The share of parts that are right, of those that have a right answer.

    Args:
        gold: The right answers of the parts of each example; None for a part that has none.
        found: The predictions.
        weights: ``(examples,)``, the weight of the parts of each; equal by default.

    Raises:
        DataError: There are more or fewer right answers than predictions, or none that weighs anything.
    """
    right: list[bool] = []
    of_parts: list[float] = []
    gold = list(gold)
    given = (
        [1.0] * len(found) if weights is None else numbers_in(weights, len(found), "sample_weight")
    )
    if len(gold) != len(found):
        raise DataError(
            f"X has {counted(len(found), 'text')}, but y {counted(len(gold), 'answer')}: give each "
            "text one"
        )
    for place, (wanted, own, weight) in enumerate(zip(gold, found, given, strict=True)):
        if len(wanted) != len(own):
            raise DataError(
                f"y[{place}] has {counted(len(wanted), 'answer')}, but X[{place}] has "
                f"{counted(len(own), 'part')}: give each part one"
            )
        pairs = [pair for pair in zip(wanted, own, strict=True) if pair[0] is not None]
        right += [is_same(one, other) for one, other in pairs]
        of_parts += [weight] * len(pairs)
    if not any(of_parts):
        raise DataError("y has no answer of any weight, so that no share of them is right")
    return float(np.average(right, weights=of_parts))
