"""A regressor, as scikit-learn's are: of texts, pairs of texts, and spans of texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.base import RegressorMixin

from structnn import DistributionAnswer, ScoreAnswer
from tasks.data.options import DataOptions
from tasks.data.questions import Question
from tasks.estimators.answers import Numbers, Values
from tasks.estimators.base import StructuredEstimator
from tasks.estimators.columns import Column, Row

__all__ = ["StructuredRegressor"]


@dataclass(eq=False, repr=False)
class StructuredRegressor(RegressorMixin, StructuredEstimator):
    """An encoder with a linear layer, trained on texts, pairs or spans and a number for each.

    What is asked about, and all arguments but these, are those of :class:`StructuredEstimator`.

    Args:
        reads: What the question is about: ``"sentence"``, ``"pair"``, ``"span"`` or ``"spans"``; by
            default the columns say, and tuples of two are pairs.
        answer: ``"score"``, a free number, by mean squared error; or ``"scale"``, the mean of a
            distribution over whole numbers from the least to the greatest of train (Tai et al. 2015).

    Example:
        >>> pairs = [("dogs bark", "dogs bark loudly" if n % 2 else f"{n} cats") for n in range(20)]
        >>> regressor = StructuredRegressor("bag", epochs=1).fit(pairs, [n % 2 for n in range(20)])
        >>> regressor.predict([("dogs bark", "cats purr")]).shape
        (1,)
    """

    _: KW_ONLY
    reads: Literal["sentence", "pair", "span", "spans"] | None = None
    answer: Literal["score", "scale"] = "score"

    def predict(self, X: Column) -> NDArray[np.float64]:
        """The number of each, ``(examples,)``."""
        scores, answer = self._scores(X)
        assert isinstance(answer, ScoreAnswer | DistributionAnswer)
        found: NDArray[np.float64] = answer.values(scores).numpy()
        return found

    @classmethod
    def _answered(cls, question: Question) -> bool:
        return question.is_number

    def _asked(self) -> tuple[str | None, str | None]:
        return self.reads, self.answer

    def _kind_of_values(
        self, rows: Sequence[Row], y: Column, options: DataOptions
    ) -> type[Values] | Values:
        return Numbers(self.answer)
