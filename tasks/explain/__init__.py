"""Why a classifier says what it says of a sentence: attributions, deletions, attention and gates."""

from tasks.explain.attention import AttentionMap
from tasks.explain.attributions import GRADIENT_X_INPUT, INTEGRATED_GRADIENTS, Completeness
from tasks.explain.deletions import DeletionCheck, without
from tasks.explain.explanation import Explanation, explain
from tasks.explain.report import in_words, pictures, save, word_rows

__all__ = [
    "GRADIENT_X_INPUT",
    "INTEGRATED_GRADIENTS",
    "AttentionMap",
    "Completeness",
    "DeletionCheck",
    "Explanation",
    "explain",
    "in_words",
    "pictures",
    "save",
    "without",
    "word_rows",
]
