"""Training and comparison from Python: estimators as scikit-learn's, and a comparison in one call."""

from tasks.estimators.base import StructuredEstimator
from tasks.estimators.classifier import StructuredClassifier
from tasks.estimators.comparison import EncoderComparison, compare_encoders
from tasks.estimators.nodes import StructuredNodeClassifier
from tasks.estimators.parser import StructuredParser
from tasks.estimators.regressor import StructuredRegressor
from tasks.estimators.tagger import StructuredTagger
from tasks.estimators.transducer import StructuredTransducer
from tasks.estimators.transformer import EncoderTransformer

__all__ = [
    "EncoderComparison",
    "EncoderTransformer",
    "StructuredClassifier",
    "StructuredEstimator",
    "StructuredNodeClassifier",
    "StructuredParser",
    "StructuredRegressor",
    "StructuredTagger",
    "StructuredTransducer",
    "compare_encoders",
]
