"""Why a classifier says what it says of a sentence: attributions, deletions, attention and gates."""

from tasks.explain.attention import AttentionMap
from tasks.explain.attributions import GRADIENT_X_INPUT, INTEGRATED_GRADIENTS, Completeness
from tasks.explain.deletions import DeletionCheck, without
from tasks.explain.explanation import Explanation, explain
from tasks.explain.page import to_html
from tasks.explain.report import in_words, pictures, save, save_all, word_rows
from tasks.explain.runs import choose_runs, known_label

__all__ = [
    "GRADIENT_X_INPUT",
    "INTEGRATED_GRADIENTS",
    "AttentionMap",
    "Completeness",
    "DeletionCheck",
    "Explanation",
    "choose_runs",
    "explain",
    "in_words",
    "known_label",
    "pictures",
    "save",
    "save_all",
    "to_html",
    "without",
    "word_rows",
]
