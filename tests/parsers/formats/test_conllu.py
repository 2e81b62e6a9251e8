"""CoNLL-U: what is written is read again, and what is not CoNLL-U is an error with its line."""

from __future__ import annotations

import gzip
import json
import pickle
from pathlib import Path

import pytest
from hypothesis import example, given, settings

from parsers.formats.conllu import (
    ConlluError,
    format_conllu,
    iter_conllu,
    read_conllu,
    write_conllu,
)
from structnn.sentence import Sentence, StructureError, Tree
from tests.parsers.sentence_strategies import sentences

EWT = Path(__file__).parents[3].parent / "shared" / "ud" / "en_ewt" / "en_ewt-ud-dev.conllu"

DONT = """\
# sent_id = one
# text = I don't.
# newpar
1\tI\tI\tPRON\tPRP\tCase=Nom\t4\tnsubj\t4:nsubj\t_
2-3\tdon't\t_\t_\t_\t_\t_\t_\t_\tSpaceAfter=No
2\tdo\tdo\tAUX\tVBP\t_\t4\taux\t_\t_
3\tn't\tnot\tPART\tRB\t_\t4\tadvmod\t_\t_
3.1\tgo\tgo\tVERB\t_\t_\t_\t_\t0:root\t_
4\t_\t_\tVERB\tVB\t_\t0\troot\t_\t_

"""


def word(ident: str = "1", head: str = "0", form: str = "dog", relation: str = "root") -> str:
    return f"{ident}\t{form}\t{form}\tNOUN\t_\t_\t{head}\t{relation}\t_\t_\n"


@settings(deadline=None)
@given(sentences())
@example(Sentence(["_"]))
def test_all_that_a_sentence_holds_comes_back(sentence: Sentence) -> None:
    lines = format_conllu(sentence).split("\n")
    assert read_conllu(lines) == [sentence]


@settings(deadline=None)
@given(sentences())
def test_every_line_has_ten_columns(sentence: Sentence) -> None:
    lines = [line for line in format_conllu(sentence).split("\n") if line]
    words = [line for line in lines if not line.startswith("# ")]
    assert len(words) == len(sentence)
    assert all(line.count("\t") == 9 for line in words)


def test_columns_and_comments() -> None:
    (sentence,) = read_conllu(DONT.splitlines())
    assert sentence == Sentence(
        ["I", "do", "n't", "_"],
        dependencies=Tree([3, 3, 3, -1], labels=["nsubj", "aux", "advmod", "root"]),
        tags=["PRON", "AUX", "PART", "VERB"],
        lemmas=["I", "do", "not", "_"],
        text="I don't.",
        metadata={"sent_id": "one", "newpar": "", "multiword_tokens": json.dumps({"2-3": "don't"})},
    )
    assert "2-3\tdon't\t_" in format_conllu(sentence)
    assert read_conllu(format_conllu(sentence).splitlines()) == [sentence]


def test_unknown_columns_are_none() -> None:
    (sentence,) = read_conllu(["1\tstop\t_\t_\t_\t_\t_\t_\t_\t_"])
    assert sentence == Sentence(["stop"])
    (sentence,) = read_conllu(["1\tstop\t_\t_\t_\t_\t0\t_\t_\t_"])
    assert sentence.dependencies == Tree([-1])


def test_byte_order_mark_crlf_gzip_and_open_files(tmp_path: Path) -> None:
    plain = tmp_path / "plain.conllu"
    plain.write_bytes(b"\xef\xbb\xbf" + DONT.replace("\n", "\r\n").encode())
    (sentence,) = read_conllu(plain)
    assert sentence.text == "I don't."
    assert sentence.metadata["sent_id"] == "one"
    packed = tmp_path / "packed.conllu.gz"
    write_conllu([sentence, sentence], packed)
    assert gzip.decompress(packed.read_bytes()).count(b"sent_id") == 2
    assert read_conllu(packed) == [sentence, sentence]
    with open(plain, encoding="utf-8-sig") as file:
        assert list(iter_conllu(file)) == [sentence]


def test_words_that_would_break_the_format(tmp_path: Path) -> None:
    nasty = Sentence(["a\tb", "c\nd", " ", "", "#", "x y", "\u2028", "|=\\"], tags=["\t"] * 8)
    write_conllu([nasty, nasty], tmp_path / "nasty.conllu")
    assert read_conllu(tmp_path / "nasty.conllu") == [nasty, nasty]


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "out.conllu"
    write_conllu([Sentence(["old"])], path)
    with pytest.raises(StructureError, match=r"metadata key 'a=b'.*use a name"):
        write_conllu([Sentence(["new"]), Sentence(["x"], metadata={"a=b": ""})], path)
    assert read_conllu(path) == [Sentence(["old"])]
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", 0, "no sentence in it"),
        ("\n\n", 0, "no sentence in it"),
        ("# text = x\n\n", 1, "no word"),
        ("1 dog\n", 1, "1 columns separated by tabs, but a word has 10"),
        (word()[:-3] + "\n", 1, "9 columns"),
        (word() + word("3", "1"), 2, "the ID is 3 where 2 is due"),
        (word() + word("1"), 2, "the ID is 1 where 2 is due"),
        (word("x"), 1, "'x' is none of a word"),
        (word() + word("2", "7"), 2, "HEAD of 'dog' is '7', but must be 0"),
        (word() + word("2", "-1"), 2, "'-1'"),
        (word() + word("2", "_"), 2, "'_'"),
        (word() + word("2", "0"), 2, "second root .* the first is at line 5"),
        (word("1", "2") + word("2", "1"), 1, "cycle: 'dog' .word 1.*HEAD 0"),
        (word() + word("2", "3") + word("3", "2"), 2, "cycle: 'dog' .word 2.*another HEAD"),
        (word("1", "1"), 1, "cycle"),
        (word("1-2") + word(), 2, "a range ends at word 2"),
        (word("2-3") + word(), 1, "range 2-3 must come before word 2,"),
        (word("1-2") + word() + word("2-3") + word("2", "1") + word("3", "1"), 3, "overlap"),
        ("# constituency = (S (X a) (X b))\n" + word(), 1, "has 2 words, but the sentence has 1"),
        ("# constituency = (S (X a)\n" + word(), 1, "lacks 1 closing bracket"),
    ],
)
def test_errors_give_file_and_line(text: str, line: int, message: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.conllu"
    path.write_text((word() + "\n") * 2 + text if line else text, encoding="utf-8")
    line = line and line + 4
    with pytest.raises(ConlluError, match=message) as caught:
        read_conllu(path)
    assert str(caught.value).startswith(f"{path}:{line}: " if line else f"{path}: ")
    assert caught.value.line == line
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "latin.conllu"
    path.write_bytes(word().encode() + "2\tcafé".encode("latin-1"))
    with pytest.raises(ConlluError, match=r"latin\.conllu:2: byte 6 of the line is not UTF-8"):
        read_conllu(path)


def test_bad_multiword_metadata_is_an_error() -> None:
    sentence = Sentence(["a"], metadata={"multiword_tokens": "nonsense"})
    with pytest.raises(StructureError, match="must be JSON"):
        format_conllu(sentence)


@pytest.mark.skipif(not EWT.exists(), reason="needs UD English EWT in ../shared/ud/en_ewt")
def test_a_real_treebank_round_trips(tmp_path: Path) -> None:
    treebank = read_conllu(EWT)
    assert len(treebank) == 2001
    assert sum(map(len, treebank)) == 25147
    assert all(sentence.dependencies and sentence.tags for sentence in treebank)
    write_conllu(treebank, tmp_path / "again.conllu")
    assert read_conllu(tmp_path / "again.conllu") == treebank


def test_half_a_character_is_told(tmp_path: Path) -> None:
    with pytest.raises(StructureError, match=r"can't be written as UTF-8.*half a character"):
        write_conllu([Sentence(["ok"]), Sentence(["\ud83d"])], tmp_path / "out.conllu")
    assert list(tmp_path.iterdir()) == []
