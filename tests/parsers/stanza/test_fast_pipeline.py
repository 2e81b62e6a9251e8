"""Tokenizer, tagger and parser in bulk against Stanza's own code, one text after another."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from parsers.stanza import fast_depparse
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
