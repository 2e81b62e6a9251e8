"""Sentences for examples: parsed, cached, or given."""

from __future__ import annotations

import pytest

from parsers import read_brackets, with_structure
from structnn.data.columns import SentenceColumns
from tasks.data import sentences as module
from tasks.data.examples import DataError, Dataset, Example
from tasks.data.parsing import SPLITS, given_tree, parse_dataset
from tasks.data.questions import Question
from tasks.data.setting import Setting, view
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
    with pytest.raises(DataError, match=r"a:2: this example has no tree and no graph\."):
        parse_dataset(dataset, None)
    with pytest.raises(DataError, match=r"a:1: this example has no given dependency tree"):
        given_tree(dataset.train[0], "given")


def test_what_is_parsed_stays_in_files(monkeypatch):
    monkeypatch.setattr(module, "_AT_ONCE", 2)  # so that there are several parts
    pairs = [
        Example(("a", "b", str(n)), ("no", "yes")[n % 2], f"a:{n}", text2=("c", str(n)))
        for n in range(12)
    ]
    parts = (tuple(pairs[:6]), tuple(pairs[6:9]), tuple(pairs[9:]))
    dataset = Dataset("toy", *parts, ("no", "yes"), question=Question("pair"))
    parsed = parse_dataset(dataset, ToyParser())
    for setting, seen in (
        (Setting(), "parse"),
        (Setting(structure="left_chain"), "left_chain"),
        (Setting(structure="random", fold=(1, 2)), "random"),
    ):
        found = view(parsed, setting)
        for split in SPLITS:
            texts = found.texts(split)
            assert isinstance(texts, SentenceColumns)
            examples = getattr(found.dataset, split)
            tokens = [one.text for one in examples] + [one.text2 for one in examples]
            expected = with_structure([make_sentence(own) for own in tokens], seen)
            assert list(texts) == expected
            assert list(found.sentences[split]) == expected[: len(examples)]
            assert list(found.second[split]) == expected[len(examples) :]
