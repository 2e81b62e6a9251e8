"""Vectors of texts, for other estimators."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin, clone
from sklearn.utils.validation import check_is_fitted

from tasks.estimators.base import StructuredEstimator, tags_of_texts
from tasks.estimators.classifier import StructuredClassifier
from tasks.estimators.columns import Column

__all__ = ["EncoderTransformer"]


class EncoderTransformer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """The vectors that the head of a trained estimator reads, as features of other estimators.

    Args:
        classifier: The estimator whose encoder it is; a copy of it is trained. In scikit-learn's
            ``FrozenEstimator`` it is taken as it is. By default ``StructuredClassifier()``.

    Attributes:
        classifier_: The trained estimator.

    Example:
        >>> texts = [[animal, str(n)] for n in range(10) for animal in ("dogs", "cats")]
        >>> vectors = EncoderTransformer(StructuredClassifier("bag", hidden_dim=16, epochs=1))
        >>> vectors.fit_transform(texts, ["dog", "cat"] * 10).shape
        (20, 16)
    """

    def __init__(self, classifier: StructuredEstimator | None = None) -> None:
        self.classifier = classifier

    def fit(
        self, X: Column, y: Column | None = None, sample_weight: Column | None = None
    ) -> EncoderTransformer:
        """Train the estimator: see :meth:`StructuredEstimator.fit`.

        Raises:
            ValueError: The estimator has a vector for each token, and none for a whole text; or a text
                or an option can't be used.
        """
        model = StructuredClassifier() if self.classifier is None else self.classifier
        model._check_has_vectors()
        weights = {} if sample_weight is None else {"sample_weight": sample_weight}
        self.classifier_ = clone(model).fit(X, y, **weights)
        self._n_features_out = self.classifier_.model_.classifier.head.reader.output_dim
        return self

    def transform(self, X: Column) -> NDArray[np.float32]:
        """The vectors, ``(examples, width)``."""
        check_is_fitted(self, "classifier_")
        vectors: NDArray[np.float32] = self.classifier_.encode(X)
        return vectors

    def __sklearn_tags__(self) -> object:
        return tags_of_texts(super().__sklearn_tags__())
