"""The linear baseline: what each kind of features can and can't tell apart."""

from __future__ import annotations

import itertools

import pytest

from tasks.data.examples import Example
from tasks.models.ngrams import FEATURES, ngram_accuracy


def examples(label_of):
    """All orders of four words, labelled."""
    return [
        Example(tuple(words), label_of("".join(words)), f"toy:{number}")
        for number, words in enumerate(itertools.permutations("abcd"))
    ]


@pytest.mark.parametrize(
    ("label_of", "told_by"),
    [
        (lambda text: str("ab" in text), {"ngrams", "triples"}),
        (lambda text: str(text.index("a") < text.index("b")), {"pairs", "triples"}),
        (lambda text: str(text[1] == "a"), {"positions"}),
    ],
    ids=["adjacent", "in order", "place"],
)
def test_features_tell_what_they_are_made_of(label_of, told_by):
    data = examples(label_of)
    right = {features for features in FEATURES if ngram_accuracy(data, data, features).all()}
    assert told_by <= right
    assert "bag" not in right


def test_an_exclusive_or_of_two_orders_is_no_sum():
    data = examples(
        lambda text: str((text.index("a") < text.index("b")) != (text.index("c") < text.index("d")))
    )
    assert ngram_accuracy(data, data, "pairs").mean() <= 0.75


def test_unknown_features():
    with pytest.raises(
        ValueError, match="unknown features 'words': choose from bag, ngrams, pairs"
    ):
        ngram_accuracy([], [], "words")
