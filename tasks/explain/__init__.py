"""Why a run answers as it does: attributions, deletions, attention and gates."""

from tasks.explain.attention import AttentionMap
from tasks.explain.attributions import GRADIENT_X_INPUT, INTEGRATED_GRADIENTS, Completeness
from tasks.explain.case import without
from tasks.explain.deletions import DeletionCheck
from tasks.explain.explanation import ExplainedText, Explanation, explain
from tasks.explain.page import to_html
from tasks.explain.report import in_words, pictures, save, save_all, word_rows
from tasks.explain.runs import choose_runs, known_label

__all__ = [
    "GRADIENT_X_INPUT",
    "INTEGRATED_GRADIENTS",
    "AttentionMap",
    "Completeness",
    "DeletionCheck",
    "ExplainedText",
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
