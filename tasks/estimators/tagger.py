"""A tagger, in the manner of scikit-learn's estimators: a tag for each token."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tasks.data.options import DataOptions
from tasks.data.questions import Question
from tasks.estimators.answers import Tags, Values
from tasks.estimators.base import StructuredEstimator
from tasks.estimators.class_weights import weights_of_labels
from tasks.estimators.columns import Column, Row
from tasks.training.options import TrainingOptions

__all__ = ["StructuredTagger"]


@dataclass(eq=False, repr=False)
class StructuredTagger(StructuredEstimator):
    """An encoder with a softmax layer for each token, trained on token lists and lists of tags.

    Texts are lists of tokens or sentences; a string is divided at white space. Rows have columns
    ``tokens`` (or ``text``) and ``tags``. Tags are strings, numbers, or any other objects that can be
    hashed and have no white space in their names.

    All arguments but these are those of :class:`StructuredEstimator`.

    Args:
        class_weight: Weight of each tag in the loss: None for equal ones, ``"balanced"``, or a
            mapping from tags to weights, 1 for those that are not in it.
        focus: Exponent of the focal loss; 0 is cross-entropy.

    Attributes:
        classes_: The tags, sorted.

    Example:
        >>> texts = [["dogs", "bark"], ["cats", "purr"]] * 10
        >>> texts = [[*words, str(n)] for n, words in enumerate(texts)]
        >>> tagger = StructuredTagger("bilstm", epochs=1).fit(texts, [["NOUN", "VERB", "NUM"]] * 20)
        >>> [len(tags) for tags in tagger.predict([["dogs", "purr"]])]
        [2]
    """

    _: KW_ONLY
    class_weight: Literal["balanced"] | Mapping[Any, float] | None = None
    focus: float = TrainingOptions.focus

    def fit(
        self,
        X: Column,
        y: Column | None = None,
        sample_weight: Column | None = None,
        *,
        dev: tuple[Column, Column | None] | None = None,
    ) -> StructuredTagger:
        """Train on token lists and their tags.

        Args:
            X: The token lists, or rows with columns.
            y: A list of tags for each; None if they are a column of ``X``.
            sample_weight: ``(texts,)``, the weight of the tokens of each in the loss; equal by default.
                The dev set has no weights.
            dev: Texts and tags to choose the best epoch on, in place of a part of ``X``.

        Returns:
            This tagger.

        Raises:
            ValueError: A text or an option can't be used; the message says which, why, and how to mend
                it. Or training diverged.
        """
        return self._fit(X, y, sample_weight, dev)

    def predict(self, X: Column) -> list[list[Any]]:
        """The most probable tag of each token, a list for each text."""
        found: list[list[Any]] = self._answers(X)
        return found

    def score(self, X: Column, y: Column, sample_weight: Column | None = None) -> float:
        """The share of tokens whose tag is right; ``sample_weight`` is that of their texts."""
        right: list[bool] = []
        weights: list[float] = []
        gold, found = Tags.read(y, "y"), self.predict(X)
        given = np.ones(len(gold)) if sample_weight is None else np.asarray(sample_weight)
        for wanted, tags, weight in zip(gold, found, given, strict=True):
            right += [str(one) == str(other) for one, other in zip(wanted, tags, strict=True)]
            weights += [float(weight)] * len(tags)
        return float(np.average(right, weights=weights))

    @classmethod
    def _answered(cls, question: Question) -> bool:
        return question.reads == "tokens"

    def _asked(self) -> tuple[str | None, str | None]:
        return "tokens", None

    def _kind_of_values(
        self, rows: Sequence[Row], y: Column, options: DataOptions
    ) -> type[Values] | Values:
        return Tags

    def _class_weights(self, values: Values) -> dict[str, float] | None:
        return weights_of_labels(self.class_weight, values)

    def _set_values(self, values: Values) -> None:
        super()._set_values(values)
        assert isinstance(values, Tags)
        self.classes_: NDArray[Any] = values.classes
