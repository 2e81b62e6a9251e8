"""A classifier, as scikit-learn's are: of texts, pairs of texts, and spans of texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from tasks.data.options import DataOptions
from tasks.data.questions import Question
from tasks.estimators.answers import Classes, LabelSets, Values, accuracy, are_sets
from tasks.estimators.classes import ClassesEstimator
from tasks.estimators.columns import Column, Row

__all__ = ["StructuredClassifier"]


@dataclass(eq=False, repr=False)
class StructuredClassifier(ClassifierMixin, ClassesEstimator):
    """An encoder with a softmax layer, trained on texts, pairs or spans and their classes.

    Classes are strings, whole numbers, truth values, or any other objects that can be hashed, such as
    tuples. Where an example has any number of classes, ``y`` is a matrix of 0 and 1 with a column for
    each class, or a list of lists or sets of classes; answers come back as they were given.

    What is asked about, and all arguments but these, are those of :class:`StructuredEstimator`.

    Args:
        class_weight: Weight of each class in the loss: None for equal ones, ``"balanced"``, or a
            mapping from classes to weights, 1 for those that are not in it. It and ``focus`` are for
            examples with one class each.
        focus: Exponent of the focal loss; 0 is cross-entropy.
        reads: What the question is about: ``"sentence"``, ``"pair"``, ``"span"`` or ``"spans"``; by
            default the columns say, and tuples of two are pairs.

    Attributes:
        classes_: The classes, sorted; of a matrix, what its columns are called, or their numbers.

    Example:
        >>> texts = [[animal, str(n)] for n in range(10) for animal in ("dogs", "cats")]
        >>> classifier = StructuredClassifier("bag", epochs=3).fit(texts, ["dog", "cat"] * 10)
        >>> classifier.predict_proba([["dogs", "purr"]]).shape
        (1, 2)
        >>> classifier.classes_.tolist()
        ['cat', 'dog']
    """

    _: KW_ONLY
    reads: Literal["sentence", "pair", "span", "spans"] | None = None

    def predict(self, X: Column) -> NDArray[Any]:
        """The most probable class of each, ``(examples,)``.

        Where there are several, it is a matrix, ``(examples, classes)``, or an array of lists.
        """
        check_is_fitted(self, "model_")
        if isinstance(self._values, LabelSets):
            found: NDArray[Any] = self._answers(X)
            return found
        return np.asarray(self.classes_[self.predict_proba(X).argmax(1)])

    def predict_proba(self, X: Column) -> NDArray[np.float64]:
        """The probability of each class, ``(examples, classes)``, in the order of :attr:`classes_`.

        Where an example has any number of classes, each has a probability by itself.
        """
        scores, answer = self._scores(X)
        found = answer.probabilities(scores)
        assert found is not None
        shares: NDArray[np.float64] = found.numpy()
        return shares

    def score(self, X: Column, y: Column, sample_weight: Column | None = None) -> float:
        """The accuracy; of several classes, the share of examples with all of them right."""
        check_is_fitted(self, "model_")
        # One by one: scikit-learn's metrics take no tuples, bytes or classes of several types.
        wanted, found = self._values.read(y, "y"), self.predict(X)
        if isinstance(self._values, LabelSets):
            return accuracy(
                self._values.sets(wanted),
                self._values.sets(self._values.read(found, "the answers")),
                sample_weight,
            )
        return accuracy(wanted, found, sample_weight)

    @classmethod
    def _answered(cls, question: Question) -> bool:
        return question.answer in ("label", "labels") and not question.has_parts

    def _asked(self) -> tuple[str | None, str | None]:
        return self.reads, None

    def _kind_of_values(
        self, rows: Sequence[Row], y: Column, options: DataOptions
    ) -> type[Values] | Values:
        if options.reads != "tokens" and (options.answer == "labels" or are_sets(y)):
            return LabelSets
        return Classes

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
