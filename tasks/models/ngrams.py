"""A baseline with no structure and no hidden layer: a logistic regression on the order of words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.data.examples import Example

__all__ = ["FEATURES", "ngram_accuracy"]


def _bag(tokens: Sequence[str]) -> Iterator[str]:
    yield from tokens


def _ngrams(tokens: Sequence[str]) -> Iterator[str]:
    for size in (1, 2, 3):
        for begin in range(len(tokens) - size + 1):
            yield " ".join(tokens[begin : begin + size])


def _pairs(tokens: Sequence[str]) -> Iterator[str]:
    yield from map(" .. ".join, combinations(tokens, 2))


def _triples(tokens: Sequence[str]) -> Iterator[str]:
    yield from map(" .. ".join, combinations(tokens, 3))
    yield from _ngrams(tokens)


def _positions(tokens: Sequence[str]) -> Iterator[str]:
    for place, token in enumerate(tokens):
        yield f"{place} {token}"
        yield f"{place - len(tokens)} {token}"


FEATURES: dict[str, Callable[[Sequence[str]], Iterator[str]]] = {
    "bag": _bag,
    "ngrams": _ngrams,
    "pairs": _pairs,
    "triples": _triples,
    "positions": _positions,
}
"""What a text is described by: its words; one to three adjacent words; two words in order, however far
apart; three of them, and the n-grams; words with their places from the beginning and from the end."""


def ngram_accuracy(
    train: Sequence[Example], test: Sequence[Example], features: str = "triples"
) -> NDArray[np.bool_]:
    """Which examples a logistic regression gets right that has only the order of words.

    Args:
        train: What it is fitted to.
        test: What it is tried on.
        features: One of ``FEATURES``; whether a text has them, not how often.

    Returns:
        ``(len(test),)``, whether it is right.

    Raises:
        ValueError: Unknown features.
    """
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression

    if features not in FEATURES:
        raise ValueError(f"unknown features {features!r}: choose from {', '.join(FEATURES)}")
    analyzer = FEATURES[features]
    vectorizer = CountVectorizer(analyzer=lambda example: analyzer(_tokens(example)), binary=True)
    fitted: Any = LogisticRegression(max_iter=1000).fit(
        vectorizer.fit_transform(train), [example.label for example in train]
    )
    predicted = fitted.predict(vectorizer.transform(test))
    right: NDArray[np.bool_] = predicted == np.array([example.label for example in test])
    return right


def _tokens(example: Example) -> list[str]:
    return example.plain_text.lower().split()
