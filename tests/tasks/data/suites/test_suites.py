"""What all suites have in common: one seed gives one set, nothing comes twice, trees fit the words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from importlib import import_module

import pytest
import torch
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from typer.testing import CliRunner

from parsers.formats.brackets import to_brackets
from structnn import UNIVERSAL_RELATIONS, Batch, Sentence, build_encoder
from tasks.command.cli import app
from tasks.data.datasets import DATASETS, DataError, Dataset, load_dataset
from tasks.data.options import DataOptions
from tasks.data.parsing import parse_dataset
from tasks.data.setting import Setting, view
from tasks.data.suites import SUITES
from tasks.data.suites.phrases import Phrase, sentence_of
from tasks.results.slices import dividing_columns

PARTS = ("train", "dev", "test")
SIZES = {"train": 200, "dev": 60, "test": 120}
PAIRED = ("logic", "dyck", "minimal-pairs")


def generate(name: str, **options: int) -> Dataset:
    return import_module(f"tasks.data.suites.{name.replace('-', '_')}").generate(**options)


@pytest.fixture(scope="module", params=list(SUITES))
def data(request) -> Dataset:
    return generate(request.param, **SIZES)


def test_sizes_and_sources(data):
    for part in PARTS:
        examples = getattr(data, part)
        assert len(examples) == SIZES[part]
        assert [e.source for e in examples] == [
            f"{data.name}/{part}:{n}" for n in range(SIZES[part])
        ]


def test_one_seed_gives_one_set(data):
    sizes = {"train": 40, "dev": 20, "test": 60}
    prints = [generate(data.name, **sizes, seed=seed).fingerprint for seed in (1, 1, 2)]
    assert prints[0] == prints[1] != prints[2]


def test_no_text_comes_twice(data):
    texts = [(e.text, e.text2) for part in PARTS for e in getattr(data, part)]
    assert len(texts) == len(set(texts))


def test_labels_are_equally_frequent_in_each_split(data):
    for part in PARTS:
        examples = getattr(data, part)
        for split in {e.columns["split"] for e in examples}:
            counts = Counter(e.label for e in examples if e.columns["split"] == split)
            if data.question.is_sequence:  # each example has a text of its own
                assert data.labels == ()
                continue
            assert set(counts) == set(data.labels)
            assert max(counts.values()) - min(counts.values()) <= (data.name not in PAIRED)


def test_splits_of_test_are_equally_large(data):
    counts = Counter(e.columns["split"] for e in data.test)
    assert len(counts) >= 2
    assert len(set(counts.values())) == 1


def test_the_report_divides_test_by_split(data):
    columns = dividing_columns(data.test)  # which have the columns of the report's examples
    assert {"split", "length"} <= set(columns)
    assert "pair" not in columns


def sentences_of(data: Dataset) -> Iterator[tuple[tuple[str, ...], Sentence]]:
    """Every text, and the sentence that comes with it."""
    for part in PARTS:
        for example in getattr(data, part):
            yield example.text, example.sentence
            if example.text2 is not None:
                yield example.text2, example.sentence2


def test_trees_have_the_words_of_the_text(data):
    for text, sentence in sentences_of(data):
        assert sentence.tokens == text
        assert len(sentence.dependencies) == len(text)
        to_brackets(sentence)  # the leaves are in order, and hold all words
        tree = sentence.constituency
        assert {len(children) for children in tree.children} == {0, 2}
        assert set(tree.labels) == {"S"}
        assert all(label in UNIVERSAL_RELATIONS for label in sentence.dependencies.labels)


def test_lengths_are_those_of_the_texts(data):
    assert all(int(e.columns["length"]) == len(e.text + (e.text2 or ())) for e in data.test)


@pytest.mark.parametrize("name", PAIRED)
def test_pairs_have_the_same_words_and_trees_and_opposite_labels(name):
    data = generate(name, **SIZES)
    for part in PARTS:
        examples = getattr(data, part)
        for one, other in zip(examples[::2], examples[1::2], strict=True):
            assert one.columns == other.columns
            assert {one.label, other.label} == set(data.labels)
            assert Counter(one.text) == Counter(other.text)
            assert one.text != other.text
            assert one.sentence.dependencies == other.sentence.dependencies
            assert one.sentence.constituency == other.sentence.constituency
        assert len({e.columns["pair"] for e in examples}) == len(examples) / 2


@pytest.mark.parametrize(
    ("name", "most"), [("listops", 0.45), ("arithmetic", 0.35), *((name, 0.5) for name in PAIRED)]
)
def test_a_bag_of_words_knows_little(name, most):
    data = generate(name, train=300, dev=60, test=120)
    vectorizer = CountVectorizer(token_pattern=r"\S+")
    x = vectorizer.fit_transform([example.plain_text for example in data.train])
    model = LogisticRegression(max_iter=200).fit(x, [example.label for example in data.train])
    score = model.score(
        vectorizer.transform([e.plain_text for e in data.test]), [e.label for e in data.test]
    )
    assert score == 0.5 if name in PAIRED else score <= most


@pytest.mark.parametrize(
    "structure", ["given", "constituency", "left_chain", "balanced", "random", "shuffled"]
)
def test_every_kind_of_encoder_reads_the_trees(data, structure):
    seen = view(parse_dataset(data, None), Setting(structure=structure))
    field = "constituency" if structure == "constituency" else "dependencies"
    batch = Batch.from_sentences(seen.texts("dev")[-8:], structure=field)
    encoders = ["child_sum_tree_lstm", "syntactic_gcn(relations=0)"]
    if structure == "constituency":
        encoders.append("nary_tree_lstm")
    for name in encoders:
        encoding = build_encoder(name, 3, 4)(torch.randn(batch.num_tokens, 3), batch)
        assert encoding.sentence.shape == (8, 4)


@pytest.mark.parametrize(
    "fault",
    [{"train": 0}, {"dev": 1}, {"test": 3}, {"train": -2}],
    ids=lambda fault: "-".join(map(str, *fault.items())),
)
def test_too_few(data, fault):
    (part,) = fault
    with pytest.raises(
        DataError, match=f"{data.name}: the number of {part} examples must be at le"
    ):
        generate(data.name, **fault)


@pytest.mark.parametrize("name", PAIRED)
def test_pairs_come_in_twos(name):
    with pytest.raises(DataError, match="a multiple of 2, but is 101"):
        generate(name, train=101)


def test_more_than_there_are(monkeypatch):
    monkeypatch.setattr("tasks.data.suites.sampling.PATIENCE", 100)
    monkeypatch.setattr(
        "tasks.data.suites.arithmetic.SPLITS",
        import_module("tasks.data.suites.arithmetic").SPLITS[:1],
    )
    monkeypatch.setattr("tasks.data.suites.arithmetic.random.Random.randint", lambda *_: 1)
    with pytest.raises(DataError, match=r"only \d+ of 200 train examples .* ask for fewer"):
        generate("arithmetic", train=200)


@pytest.mark.parametrize("name", SUITES)
def test_by_name(name, monkeypatch):
    module = f"tasks.data.suites.{name.replace('-', '_')}"
    monkeypatch.setattr(f"{module}.generate", lambda seed: f"{name} {seed}")
    assert load_dataset(name, DataOptions(split_seed=3)) == f"{name} 3"
    assert name in DATASETS


def test_the_command_lists_them():
    shown = CliRunner().invoke(app, ["compare", "--help"], env={"COLUMNS": "200"}).output
    for name in SUITES:
        assert name in shown


def test_a_phrase_becomes_two_trees():
    inner = Phrase(("the", "old", "dog"), 2, ("det", "amod", ""))
    sentence = sentence_of(Phrase((inner, "barked"), 1, ("nsubj", "")))
    assert sentence.tokens == ("the", "old", "dog", "barked")
    assert sentence.dependencies.parents == (2, 2, 3, -1)
    assert sentence.dependencies.labels == ("det", "amod", "nsubj", "root")
    assert to_brackets(sentence) == "(S (S (S (S the) (S old)) (S dog)) (S barked))"


def test_a_phrase_with_other_words():
    phrase = Phrase((Phrase(("a", "b"), 0, ("", "det")), "c"), 1, ("obj", ""))
    assert phrase.with_tokens(["x", "y", "z"]).tokens == ("x", "y", "z")
    assert phrase.with_tokens("abc") == phrase
