"""Training and comparison from Python: estimators as scikit-learn's, and a comparison in one call."""

from tasks.estimators.classifier import StructuredClassifier
from tasks.estimators.comparison import EncoderComparison, compare_encoders
from tasks.estimators.transformer import EncoderTransformer

__all__ = ["EncoderComparison", "EncoderTransformer", "StructuredClassifier", "compare_encoders"]
