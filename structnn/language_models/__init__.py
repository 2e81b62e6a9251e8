"""Language models on any encoder: the next word, or hidden words."""

from structnn.language_models.head import WordsAnswer, WordsHead
from structnn.language_models.model import (
    END,
    MASK,
    LanguageModel,
    Objective,
    language_vocabulary,
)

__all__ = [
    "END",
    "MASK",
    "LanguageModel",
    "Objective",
    "WordsAnswer",
    "WordsHead",
    "language_vocabulary",
]
