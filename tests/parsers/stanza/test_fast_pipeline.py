"""Tokenizer, tagger and parser in bulk against Stanza's own code, one text after another."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from parsers.stanza import fast_depparse, fast_pipeline
from parsers.stanza.documents import DocumentPipeline
from parsers.stanza.fast_pipeline import FastPipeline, is_supported
from parsers.stanza.fast_tokenizer import batches_by_length
from parsers.stanza.models import SHIPPED_MODELS
from parsers.stanza.parser import StanzaParser

TREEBANK = Path(__file__).parents[3].parent / "shared" / "ud" / "en_ewt"

TEXTS = [
    "The dogs that the cat chased bark.",
    "I can't; you won't -- DON\u2019T! cannot, gonna, it's John's",
    "Wow!!?! Really??? Yes...",
    "Mail me@example.org or see www.example.org/a.b?c=1 or http://x.y/z, at 10:30 for $1,000.50.",
    "?",
    "tab\tseparated  words and\u200bmore",
    "我喜欢猫。你呢 🙂🙂 cafe\u0301",
    "the <UNK> token and <PAD>",
    "x" * 1200 + "'s is long",
    "The cat didn't see us. " * 60,  # longer than the tokenizer's window
]

pytestmark = pytest.mark.skipif(
    not (SHIPPED_MODELS / "resources.json").is_file(), reason="the shipped models are not here"
)


@pytest.fixture(scope="module")
def fast() -> StanzaParser:
    return StanzaParser("en")


@pytest.fixture(scope="module")
def stock() -> StanzaParser:
    return StanzaParser("en", fast=False)


def test_each_way_is_taken(fast: StanzaParser, stock: StanzaParser) -> None:
    assert isinstance(fast.bulk, FastPipeline)
    assert isinstance(stock.bulk, DocumentPipeline)


@pytest.mark.slow
def test_texts_in_bulk_are_parsed_as_one_by_one(fast: StanzaParser, stock: StanzaParser) -> None:
    assert fast.parse(TEXTS) == [stock.parse([text])[0] for text in TEXTS]


def test_tokens_in_bulk_are_parsed_as_one_by_one(fast: StanzaParser, stock: StanzaParser) -> None:
    texts: list[Sequence[str]] = [
        "who who who what what sees sees sees".split(),
        "I gave I gave the the book book him him yesterday tomorrow".split(),
        ["New York", "don't", "!!!", "?!", "l'", "été"],
        ["Stop"],
    ]
    assert fast.parse(texts) == [stock.parse([text])[0] for text in texts]


def test_a_form_is_read_once(fast: StanzaParser, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []

    def noted(processor: Any, forms: Sequence[str], *, root: bool = False) -> Any:
        asked.append(list(forms))
        return read(processor, forms, root=root)

    read = fast_pipeline._read
    monkeypatch.setattr(fast_pipeline, "_read", noted)
    bulk = FastPipeline(fast.pipeline)
    asked.clear()  # the roots
    first = bulk.annotate([["Dogs", "bark"], ["bark"]])
    assert asked == [["Dogs", "bark"]] * 2  # for the tagger and for the parser
    bulk.annotate([["Cats", "bark"]])
    assert asked[2:] == [["Cats"]] * 2
    assert bulk.annotate([["Dogs", "bark"], ["bark"]]) == first
    assert len(asked) == 4


def test_forms_are_forgotten_when_they_are_many(
    fast: StanzaParser, monkeypatch: pytest.MonkeyPatch
) -> None:
    sentences = [[f"{word}{number}", "sees", "it"] for number in range(9) for word in ("He", "She")]
    expected = FastPipeline(fast.pipeline).annotate(sentences)
    monkeypatch.setattr(fast_pipeline._FormTable, "limit", 5)
    bulk = FastPipeline(fast.pipeline)
    assert [bulk.annotate([sentence])[0] for sentence in sentences] == expected
    assert len(bulk._forms._number_of) <= 7


def test_what_was_looked_up_stays_as_it_is(fast: StanzaParser) -> None:
    forms = FastPipeline(fast.pipeline)._forms
    numbers, (tagger, parser) = forms.look_up([["a", "b"]])
    before = tagger.word[numbers[0]].clone(), parser.word[numbers[0] + 1].clone()
    forms.look_up([[f"w{number}" for number in range(40)]])
    forms._clear()
    forms.look_up([["c", "d"]])
    assert torch.equal(before[0], tagger.word[numbers[0]])
    assert torch.equal(before[1], parser.word[numbers[0] + 1])


@pytest.mark.slow
def test_split_texts_in_bulk_are_parsed_as_one_by_one() -> None:
    texts = ["I came. I saw!\n\nI won.\n \n\nThen", "One\ntwo three. Four", *TEXTS[-2:]]
    stock = StanzaParser("en", fast=False, split_sentences=True)
    fast = StanzaParser("en", split_sentences=True).parse(texts)
    assert fast == [stock.parse([text])[0] for text in texts]
    assert fast[0].metadata


@pytest.mark.slow
@pytest.mark.skipif(not TREEBANK.is_dir(), reason="needs ../shared/ud/en_ewt")
@pytest.mark.parametrize("part", ["dev", "test"])
def test_a_slice_of_ewt(fast: StanzaParser, stock: StanzaParser, part: str) -> None:
    lines = (TREEBANK / f"en_ewt-ud-{part}.conllu").read_text(encoding="utf-8").split("\n")
    texts = [line.removeprefix("# text = ") for line in lines if line.startswith("# text = ")]
    assert fast.parse(texts[::20]) == stock.parse(texts[::20])


def test_an_unknown_version_keeps_stanzas_code(
    fast: StanzaParser, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert is_supported(fast.pipeline)
    monkeypatch.setattr(fast_depparse, "CHECKED_VERSIONS", ("0.0.",))
    assert not is_supported(fast.pipeline)


def test_batches_hold_each_sequence_once_the_longest_first() -> None:
    lengths = [3, 50, 1, 7, 3, 12, 0]
    batches = list(batches_by_length(lengths, limit=12))
    assert batches == [[1], [5], [3], [0, 4, 2, 6]]
    assert list(batches_by_length([], limit=12)) == []
