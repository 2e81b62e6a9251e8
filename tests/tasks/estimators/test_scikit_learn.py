"""scikit-learn's own checks of estimators, on rows of numbers that are written as words."""

from __future__ import annotations

from sklearn.utils import check_array
from sklearn.utils.estimator_checks import parametrize_with_checks

from tasks import StructuredClassifier, StructuredRegressor

EXPECTED = {
    "check_sample_weight_equivalence_on_dense_data": (
        "leaving a text out, or repeating it, changes the dev split, the batches and dropout"
    ),
    "check_classifiers_classes": "it has two different texts, and copies of one stay on one side of dev",
    "check_fit2d_1sample": "one text is refused, in other words than those expected",
}
"""The checks that fail, with the reason; those left out need pandas, or ask for array libraries.

Of the checks that pass, those of the shape of ``X`` (features, sparse matrices, infinite numbers) are of
the class below: a column of texts has no features.
"""


class OfNumbers:
    """An estimator behind a first step that writes each number as a word."""

    def fit(self, X, y, sample_weight=None):
        return super().fit(self._words(X), y, sample_weight)

    def _inputs(self, X):
        return super()._inputs(self._words(X))

    def _words(self, X):
        rows = check_array(X)
        return [[f"{place}:{value:.0f}" for place, value in enumerate(row)] for row in rows]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = True
        tags.input_tags.one_d_array = False
        return tags


class ClassifierOfNumbers(OfNumbers, StructuredClassifier):
    pass


class RegressorOfNumbers(OfNumbers, StructuredRegressor):
    pass


SMALL = {"epochs": 20, "hidden_dim": 8, "embedding_dim": 8, "learning_rate": 0.05}


@parametrize_with_checks(
    [ClassifierOfNumbers("bag", **SMALL), RegressorOfNumbers("bag", **SMALL)],
    expected_failed_checks=lambda estimator: EXPECTED,
)
def test_estimator(estimator, check):
    check(estimator)
