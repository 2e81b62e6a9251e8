"""StanzaParser: one sentence a text, whatever the text holds; models found or clearly missed."""

from __future__ import annotations

import json
import pickle
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from parsers.stanza.models import SHIPPED_MODELS, ModelNotFoundError
from parsers.stanza.parser import StanzaParser
from parsers.stanza.texts import JOINED, JOINED_SENTENCES

shipped = pytest.mark.skipif(
    not (SHIPPED_MODELS / "resources.json").is_file(), reason="the shipped models are not here"
)


@pytest.fixture(scope="module")
def parser() -> StanzaParser:
    if not (SHIPPED_MODELS / "resources.json").is_file():
        pytest.skip("the shipped models are not here")
    return StanzaParser("en")


def test_a_plain_sentence(parser: StanzaParser) -> None:
    (sentence,) = parser.parse(["The dogs don't chase cats."])
    assert sentence.tokens == ("The", "dogs", "do", "n't", "chase", "cats", ".")
    assert sentence.text == "The dogs don't chase cats."
    assert sentence.dependencies is not None
    assert sentence.dependencies.labels is not None
    assert sentence.tokens[sentence.dependencies.root] == "chase"
    assert dict(zip(sentence.tokens, sentence.dependencies.labels, strict=True))["dogs"] == "nsubj"
    assert sentence.tags is not None
    assert sentence.tags[1] == "NOUN"


def test_pretokenised_texts_keep_their_tokens(parser: StanzaParser) -> None:
    texts = [["I", "don't", "know", "New York"], ["?"], ["a"] * 300, ["l'", "été"]]
    for text, sentence in zip(texts, parser.parse(texts), strict=True):
        assert list(sentence.tokens) == text
        assert sentence.dependencies is not None
        assert len(sentence.dependencies) == len(text)


@shipped
def test_pretokenized_strings_are_split_at_white_space() -> None:
    (sentence,) = StanzaParser("en", pretokenized=True).parse(["What 's  up\t?"])
    assert sentence.tokens == ("What", "'s", "up", "?")


def test_order_is_kept_and_mixed_input_is_fine(parser: StanzaParser) -> None:
    texts: list[object] = [
        "A rather long sentence with many words comes first here .",
        ["Short"],
        "Mid size one .",
    ]
    parsed = parser.parse(texts)  # type: ignore[arg-type]
    assert [sentence.tokens[0] for sentence in parsed] == ["A", "Short", "Mid"]


def test_a_text_stays_one_example(parser: StanzaParser) -> None:
    text = "I came. I saw. I won.\n\nThen I slept."
    (whole,) = parser.parse([text])
    assert "".join(whole.tokens) == "".join(text.split())
    before = parser.counts.joined
    splitting = StanzaParser("en", split_sentences=True)
    (joined,) = splitting.parse([text])
    assert parser.counts.joined == before
    assert splitting.counts.joined == 1
    assert "".join(joined.tokens) == "".join(text.split())
    tree = joined.dependencies
    assert tree is not None
    assert tree.labels is not None
    assert JOINED in [tree.labels[child] for child in tree.children[tree.root]]
    assert int(joined.metadata[JOINED_SENTENCES]) >= 2
    assert JOINED_SENTENCES not in whole.metadata


ODD = {
    "emoji": "🙂🙂 so good 👍🏽!!",
    "chinese": "我喜欢猫。你呢",
    "tabs": "tab\tseparated\twords",
    "byte order mark": "\ufeffHello there",
    "crlf": "first line\r\nsecond line\r\n\r\nthird",
    "control characters": "bell\x07 and \x97 dash\x00",
    "zero width": "a\u200bb \u200b c",
    "combining": "cafe\u0301 noe\u0308l \u2028 next",
    "long token": "x" * 3000 + " is long",
    "address": "see http://example.org/" + "a" * 500 + " now",
    "many words": "the cat and " * 200,
    "one character": "?",
    "unk": "the <UNK> token",
}


@pytest.mark.parametrize("text", ODD.values(), ids=ODD.keys())
def test_odd_texts_lose_nothing(parser: StanzaParser, text: str) -> None:
    (sentence,) = parser.parse([text])
    kept = "".join(c for c in text if (not c.isspace() and c.isprintable()) or c == "\u200b")
    assert "".join("".join(sentence.tokens).split()) == kept.replace("\ufeff", "")
    assert sentence.dependencies is not None
    assert len(sentence.dependencies) == len(sentence)


@pytest.mark.slow
def test_odd_texts_together(parser: StanzaParser) -> None:
    together = parser.parse(ODD.values())
    assert [s.tokens for s in together] == [parser.parse([t])[0].tokens for t in ODD.values()]


@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, {"split_sentences": True}, {"fast": False}], ids=str)
def test_tokens_without_trees_are_those_of_parsed_texts(options: dict[str, bool]) -> None:
    texts = [*ODD.values(), ["given", "as", "tokens"], "Dogs bark. Cats don't.\n\nWe've seen."]
    alone = StanzaParser("en", trees=False, **options)
    for found, parsed in zip(
        alone.parse(texts), StanzaParser("en", **options).parse(texts), strict=True
    ):
        assert found == replace(parsed, dependencies=None, tags=None, lemmas=None)
    assert set(alone.pipeline.processors) == {"tokenize", "mwt"}


def test_no_texts(parser: StanzaParser) -> None:
    assert parser.parse([]) == []


@pytest.mark.parametrize(
    ("texts", "error", "message"),
    [
        (["fine", ""], ValueError, "text 1 is empty"),
        (["fine", "also fine", " \t\r\n\ufeff"], ValueError, "text 2 is empty"),
        ([["a"], []], ValueError, "text 1 has no tokens"),
        ([["a", ""]], ValueError, "text 0: token 1 is empty"),
        ("one string", TypeError, "not one string"),
        ([3], TypeError, "text 0 is neither"),
        ([["a", 3]], TypeError, "text 0 is neither"),
        ([None], TypeError, "text 0 is neither"),
    ],
)
def test_malformed_input(
    parser: StanzaParser, texts: object, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        parser.parse(texts)  # type: ignore[arg-type]


@pytest.mark.slow
def test_batches_do_not_change_the_result(parser: StanzaParser) -> None:
    texts = ["One two three .", "What is it ?", "Dogs bark .", "Yes", "I think that you know ."]
    assert StanzaParser("en", batch_size=2).parse(texts) == parser.parse(texts)


@pytest.mark.slow
def test_a_parser_goes_to_another_process_without_its_models(parser: StanzaParser) -> None:
    texts = ["Dogs bark ."]
    expected = parser.parse(texts)
    pickled = pickle.dumps(parser)
    assert len(pickled) < 10_000
    assert pickle.loads(pickled).parse(texts) == expected


@shipped
def test_fingerprint_follows_what_decides_the_output() -> None:
    first = StanzaParser("en").fingerprint
    assert StanzaParser("en", batch_size=7, progress=True, fast=False).fingerprint == first
    assert StanzaParser("en", split_sentences=True).fingerprint != first
    assert StanzaParser("en", pretokenized=True).fingerprint != first
    assert StanzaParser("en", trees=False).fingerprint != first
    assert StanzaParser("en", depparse_batch_size=10).fingerprint != first


@shipped
def test_fingerprint_follows_the_model_files(tmp_path: Path) -> None:
    import shutil

    shutil.copytree(SHIPPED_MODELS, tmp_path / "models")
    copy = StanzaParser("en", model_dir=tmp_path / "models")
    before = copy.fingerprint
    assert before == StanzaParser("en").fingerprint
    weights = next((tmp_path / "models" / "en" / "depparse").glob("*.pt"))
    weights.write_bytes(weights.read_bytes() + b"\0")
    assert StanzaParser("en", model_dir=tmp_path / "models").fingerprint != before


def test_missing_models_name_the_command(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFoundError, match=r"stanza\.download\('de', model_dir='"):
        StanzaParser("de", model_dir=tmp_path)


def test_unknown_language_and_package(tmp_path: Path) -> None:
    resources = {"en": {"packages": {"default": {"tokenize": "x"}}, "tokenize": {"x": {}}}}
    (tmp_path / "resources.json").write_text(json.dumps(resources))
    with pytest.raises(ModelNotFoundError, match="no language 'xx'; it has: en"):
        StanzaParser("xx", model_dir=tmp_path)
    with pytest.raises(ModelNotFoundError, match="no parser for 'en' in package 'default'"):
        StanzaParser("en", model_dir=tmp_path)


def test_missing_file_of_a_known_package(tmp_path: Path) -> None:
    entry = {
        "tokenize": {"x": {}},
        "depparse": {"x": {}},
        "packages": {"x": {"tokenize": "x", "depparse": "x"}},
    }
    (tmp_path / "resources.json").write_text(json.dumps({"de": entry}))
    with pytest.raises(ModelNotFoundError, match=r"tokenize.x\.pt is missing.*package='x'"):
        StanzaParser("de", package="x", model_dir=tmp_path)


def test_bad_batch_size() -> None:
    with pytest.raises(ValueError, match="batch_size"):
        StanzaParser("en", batch_size=0)


@shipped
def test_stanzas_own_pipeline_loads_the_models_without_network(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import stanza

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a connection was tried")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    pipeline = stanza.Pipeline(
        "en",
        model_dir=str(SHIPPED_MODELS),
        download_method=None,
        depparse_pretagged=True,
        logging_level="ERROR",
    )
    document = pipeline("Dogs bark. Cats don't.")
    assert [word.text for word in document.sentences[-1].words][-3:] == ["do", "n't", "."]


@shipped
def test_the_models_are_small() -> None:
    assert sum(path.stat().st_size for path in SHIPPED_MODELS.rglob("*.*")) < 20_000_000


@pytest.mark.slow
def test_importing_parsers_does_not_import_stanza() -> None:
    code = "import sys, parsers, parsers.stanza.parser; sys.exit('stanza' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@shipped
def test_repr_names_models_and_options_and_loads_nothing(tmp_path: Path) -> None:
    parser = StanzaParser("en")
    assert repr(parser) == "StanzaParser('en', package='ewt_small')"
    assert not {"pipeline", "bulk", "tokenizer"} & set(vars(parser))
    assert repr(StanzaParser("en", trees=False)) == (
        "StanzaParser('en', package='ewt_small', trees=False)"
    )
    parser = StanzaParser("en", model_dir=SHIPPED_MODELS, pretokenized=True, use_gpu=False)
    assert repr(parser) == (
        f"StanzaParser('en', package='ewt_small', model_dir={str(SHIPPED_MODELS)!r}, "
        "pretokenized=True, use_gpu=False)"
    )
