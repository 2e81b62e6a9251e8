"""Multiword tokens and white space of parsed texts: in sentences, in CoNLL-U, in JSON, in the cache."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from parsers.cache import CachedParser
from parsers.formats.conllu import format_conllu, read_conllu, write_conllu
from parsers.formats.json import sentence_from_json, sentence_to_json
from parsers.formats.networkx import from_networkx, to_networkx
from parsers.stanza.documents import DocumentPipeline
from parsers.stanza.models import SHIPPED_MODELS
from parsers.stanza.parser import StanzaParser
from structnn import Sentence

pytestmark = pytest.mark.skipif(
    not (SHIPPED_MODELS / "resources.json").is_file(), reason="the shipped models are not here"
)

WORDS = {"du": "de le", "au": "à le", "Aux": "À les", "des": "de les"}
FRENCH = "Le prix du pain, au marché."


class Tokenizer:
    """Makes Stanza's documents as its tokenizer does, with the multiword tokens of WORDS."""

    def __init__(self, *, split: bool) -> None:
        self.config: dict[str, Any] = {}
        self.split = split

    def bulk_process(self, documents: Sequence[Any]) -> list[Any]:
        from stanza.models.common.doc import END_CHAR, ID, MISC, START_CHAR, TEXT, Document

        made = []
        for document in documents:
            sentences: list[list[dict[str, Any]]] = [[]]
            for match in re.finditer(r"\w+'?|[^\w\s]", document.text):
                sentence = sentences[-1]
                places = {START_CHAR: match.start(), END_CHAR: match.end()}
                sentence.append({ID: (len(sentence) + 1,), TEXT: match[0]} | places)
                if match[0] in WORDS:
                    sentence[-1][MISC] = "MWT=Yes"
                if match[0] == "." and self.split:
                    sentences.append([])
            made.append(Document([each for each in sentences if each], text=document.text))
        return made


class Expander:
    def bulk_process(self, documents: Sequence[Any]) -> Sequence[Any]:
        for document in documents:
            tokens = document.get_mwt_expansions(evaluation=True)
            document.set_mwt_expansions([WORDS[token] for token in tokens])
        return documents


class Chain:
    """A parser that gives each word the one before it as its head."""

    def process(self, document: Any) -> Any:
        for sentence in document.sentences:
            for word in sentence.words:
                word.upos, word.head = "X", word.id - 1
                word.deprel = "dep" if word.head else "root"
        return document


def french_parser(*, split: bool = False) -> StanzaParser:
    parser = StanzaParser("en", split_sentences=split)
    processors = {"tokenize": Tokenizer(split=split), "mwt": Expander(), "depparse": Chain()}
    parser.bulk = DocumentPipeline(SimpleNamespace(processors=processors))
    return parser


def surface(sentence: Sentence) -> str:
    """The text that a reader of the sentence's CoNLL-U makes of forms and SpaceAfter."""
    text, covered = "", 0
    for line in format_conllu(sentence).splitlines():
        if line.startswith("#"):
            continue
        ident, form, *_, misc = line.split("\t")
        first, _, last = ident.partition("-")
        if last:
            covered = int(last)
        elif int(first) <= covered:
            assert misc == "_"
            continue
        text += form + ("" if misc == "SpaceAfter=No" else " ")
    return text.removesuffix(" ")


def test_the_words_of_a_multiword_token_follow_its_range() -> None:
    (sentence,) = french_parser().parse([FRENCH])
    assert sentence.tokens == ("Le", "prix", "de", "le", "pain", ",", "à", "le", "marché", ".")
    assert sentence.metadata == {"multiword_tokens": json.dumps({"3-4": "du", "7-8": "au"})}
    lines = format_conllu(sentence).splitlines()
    assert lines[3:6] == [
        "3-4\tdu\t_\t_\t_\t_\t_\t_\t_\t_",
        "3\tde\t_\tX\t_\t_\t2\tdep\t_\t_",
        "4\tle\t_\tX\t_\t_\t3\tdep\t_\t_",
    ]
    assert [line.split("\t")[1] for line in lines if line.endswith("SpaceAfter=No")] == [
        "pain",
        "marché",
    ]


TEXTS = [
    FRENCH,
    "(du) l'eau du, des.",
    "Aux",
    "du pain  du\tvin",
    "Pas de mot.",
    "du pain.\n\nAu lait. Aux amis.",
]


@pytest.mark.parametrize("split", [False, True])
def test_text_files_json_graphs_and_cache_agree(split: bool, tmp_path: Path) -> None:
    sentences = french_parser(split=split).parse(TEXTS)
    assert [surface(sentence) for sentence in sentences] == [" ".join(t.split()) for t in TEXTS]
    assert [sentence.text for sentence in sentences] == TEXTS
    write_conllu(sentences, tmp_path / "texts.conllu")
    assert read_conllu(tmp_path / "texts.conllu") == sentences
    assert [sentence_from_json(sentence_to_json(each)) for each in sentences] == sentences
    assert [from_networkx(to_networkx(each)) for each in sentences] == sentences
    for _ in range(2):
        cached = CachedParser(french_parser(split=split), tmp_path / "cache.sqlite", workers=1)
        assert cached.parse(TEXTS) == sentences
    assert cached.hits == len(TEXTS)


def test_the_script_of_conll_2018_takes_the_file() -> None:
    from stanza.models.common.utils import ud_scores

    gold, predicted = (
        "".join(format_conllu(sentence) + "\n" for sentence in parser.parse(texts))
        for parser, texts in (
            (french_parser(), ["Le prix du pain.", "Au marché des amis."]),
            (french_parser(split=True), ["Le prix du pain. Au marché des amis."]),
        )
    )
    scores = ud_scores(io.StringIO(gold), io.StringIO(predicted))
    assert scores["Tokens"].f1 == scores["Words"].f1 == 1
    assert scores["UAS"].f1 > 0.8  # the second root hangs from the first


@pytest.mark.parametrize("fast", [True, False])
def test_the_shipped_parser_keeps_contractions(fast: bool) -> None:
    texts = ["I don't know (we can't).", "It's John's, isn't it?", "We didn't"]
    sentences = StanzaParser("en", fast=fast).parse(texts)
    assert [surface(sentence) for sentence in sentences] == texts
    assert json.loads(sentences[0].metadata["multiword_tokens"]) == {"2-3": "don't", "7-8": "can't"}
    columns = json.loads(sentences[0].metadata["multiword_columns"])
    assert columns == {"2-3": {}, "7-8": {"misc": "SpaceAfter=No"}}


def test_given_tokens_are_kept_as_they_are() -> None:
    (sentence,) = french_parser().parse([["du", "pain", "."]])
    assert sentence.tokens == ("du", "pain", ".")
    assert not sentence.metadata
    assert not sentence.columns
