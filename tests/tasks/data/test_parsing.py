"""Sentences for examples: parsed, cached, or given."""

from __future__ import annotations

import pytest

from parsers import read_brackets
from tasks.data.examples import DataError, Dataset, Example
from tasks.data.parsing import given_tree, parse_dataset
from tests.tasks.toys import make_sentence


class ToyParser:
    fingerprint = "toy"

    def parse(self, texts):
        return [make_sentence(text) for text in texts]


@pytest.fixture
def dataset():
    (sentence,) = read_brackets(["(3 (2 so) (3 good))"])
    with_tree = Example(("so", "good"), "yes", "a:1", sentence)
    without = Example(("bad", "luck"), "no", "a:2")
    return Dataset("toy", (with_tree, without), (without,), (with_tree,), ("no", "yes"))


def test_each_example_has_its_sentence(dataset):
    parsed = parse_dataset(dataset, ToyParser())
    assert parsed.parser == "toy"
    for split, sentences in parsed.sentences.items():
        for example, sentence in zip(getattr(dataset, split), sentences, strict=True):
            assert sentence.tokens == example.text
            assert sentence.dependencies is not None
            given = example.sentence and example.sentence.constituency
            assert sentence.constituency == given
    assert parsed.dataset.answers("train") == ["yes", "no"]


def test_without_a_parser_every_example_needs_a_tree(dataset):
    with pytest.raises(DataError, match=r"a:2: this example has no constituency tree"):
        parse_dataset(dataset, None)
    with pytest.raises(DataError, match=r"a:1: this example has no given dependency tree"):
        given_tree(dataset.train[0], "given")
