"""CoNLL-U: what is written is read again, and what is not CoNLL-U is an error with its line."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import os
import pickle
import warnings
from pathlib import Path

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from parsers.formats.conllu import (
    ConlluError,
    format_conllu,
    iter_conllu,
    read_conllu,
    write_conllu,
)
from structnn import InputError
from structnn.sentence import Sentence, StructureError, Tree
from tests.parsers.sentence_strategies import parents, sentences

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
@given(sentences(graphs=True))
@example(Sentence(["_"]))
def test_all_that_a_sentence_holds_comes_back(sentence: Sentence) -> None:
    lines = format_conllu(sentence).split("\n")
    assert read_conllu(lines) == [sentence]


@settings(deadline=None)
@given(sentences(graphs=True))
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
        metadata={
            "sent_id": "one",
            "newpar": "",
            "multiword_tokens": json.dumps({"2-3": "don't"}),
            "multiword_columns": json.dumps({"2-3": {"misc": "SpaceAfter=No"}}),
            "empty_nodes": json.dumps(
                {"3.1": {"form": "go", "lemma": "go", "upos": "VERB", "deps": "0:root"}}
            ),
        },
        columns={
            "xpos": ["PRP", "VBP", "RB", "VB"],
            "feats": ["Case=Nom", "_", "_", "_"],
            "deps": ["4:nsubj", "_", "_", "_"],
        },
    )
    # Only the order of comments is not kept.
    assert sorted(format_conllu(sentence).splitlines()) == sorted(DONT.splitlines()[:-1])
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
        ("# text = x\n1-2\tdogs" + "\t_" * 8 + "\n\n", 1, "no word"),
        (word("9" * 5000), 1, r"the ID '999+\.\.\. is none of a word"),
        (word(head="9" * 5000), 1, r"is '999+\.\.\., but must be 0"),
        (word(head="\u0661"), 1, "'\u0661', but must be 0"),
        (word("1-" + "9" * 5000) + word(), 1, "is none of a word"),
        (word("1." + "9" * 5000) + word(), 1, "is none of a word"),
        (word() + word("2.1"), 2, r"empty node 2\.1 must come after word 2"),
        (word() + word("1.2") + word("1.1"), 3, "after the empty nodes with lower numbers"),
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


def test_a_file_that_can_not_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConlluError, match=r"none\.conllu\.gz: can't be read: No such file"):
        read_conllu(tmp_path / "none.conllu.gz", on_error="skip")
    with pytest.raises(ConlluError, match=r"can't be read: Is a directory"):
        read_conllu(tmp_path)


def test_the_folder_of_a_file_is_made(tmp_path: Path) -> None:
    write_conllu([], tmp_path / "new" / "folder" / "none.conllu")
    assert (tmp_path / "new" / "folder" / "none.conllu").exists()


def test_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "latin.conllu"
    path.write_bytes(word().encode() + "2\tcafé".encode("latin-1"))
    with pytest.raises(ConlluError, match=r"latin\.conllu:2: byte 6 of the line is not UTF-8"):
        read_conllu(path)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("multiword_tokens", "nonsense"),
        ("multiword_tokens", "[" * 100_000),
        ("multiword_tokens", '{"1-2": 5}'),
        ("multiword_tokens", '{"2-3": "x"}'),
        ("multiword_tokens", '{"2-1": "x"}'),
        ("multiword_tokens", '{"1-2": "x", "2-2": "y"}'),
        ("multiword_columns", '{"1-2": {"misc": "x"}}'),
        ("empty_nodes", '{"1.1": "go"}'),
        ("empty_nodes", '{"1.1": {"head": 5}}'),
        ("empty_nodes", '{"1.1": {"heads": "5"}}'),
        ("empty_nodes", '{"3.1": {}}'),
        ("empty_nodes", '{"1.1": {"head": "\\t"}}'),
    ],
)
def test_bad_multiword_metadata_is_an_error(key: str, value: str) -> None:
    sentence = Sentence(["a", "b"], metadata={key: value})
    with pytest.raises(StructureError, match=rf"metadata\['{key}'\] must be JSON"):
        format_conllu(sentence)


HOSTILE = """\
#
# =x
# = =
##
# #text = a
#text=b
# multiword_tokens = c
# #multiword_tokens
# empty_nodes
# exact_values = d
# #exact_values = e
# a\u2028b\u0085c\x0cd = \u2028\u0085\x0c
# a\rb = c\rd
# twice
# twice =
# twice = 3
"""


def test_hostile_comments_come_back(tmp_path: Path) -> None:
    path = tmp_path / "hostile.conllu"
    path.write_bytes((HOSTILE + word()).encode())
    (sentence,) = read_conllu(path)
    assert sentence.text == "b"
    assert dict(sentence.metadata) == {
        "": "\nx\n=",
        "#": "",
        "text": "a",
        "#multiword_tokens": "c",
        "##multiword_tokens": "",
        "#empty_nodes": "",
        "exact_values": "d\ne",
        "a\u2028b\u0085c\x0cd": "\u2028\u0085\x0c",
        "a\rb": "c\rd",
        "twice": "\n\n3",
    }
    again = tmp_path / "again.conllu"
    write_conllu([sentence], again)
    assert read_conllu(again) == [sentence]
    once = again.read_bytes()
    write_conllu(read_conllu(again), again)
    assert again.read_bytes() == once


fragments = st.sampled_from(
    [
        *"#= \r\u2028\x85\x0c\x1c_a\\|\ufeff\0\U0001f642",
        *("text", "constituency", "exact_values", '{"text": "a\\r"}'),
        *("multiword_tokens", "empty_nodes", "multiword_columns"),
        *("ExactForm=", "ExactMisc=", "ExactTag=b", "SpaceAfter=No", "-LRB-"),
    ]
)
pieces = st.lists(fragments, max_size=6).map("".join)


@st.composite
def files(draw: st.DrawFn) -> str:
    """A CoNLL-U file as nobody should write it, but as the reader takes it."""
    lines = ["#" + line for line in draw(st.lists(pieces, max_size=6))]
    size = draw(st.integers(1, 4))
    heads = draw(parents(size))
    for number in range(size + 1):
        if number:
            cells = [draw(pieces) for _ in range(8)]
            lines.append(
                "\t".join([str(number), *cells[:5], str(heads[number - 1] + 1), *cells[5:]])
            )
        for empty in range(1, 1 + draw(st.integers(0, 2))):
            lines.append("\t".join([f"{number}.{empty}", *(draw(pieces) for _ in range(9))]))
        if number < size and draw(st.booleans()):
            lines.append(
                "\t".join([f"{number + 1}-{number + 1}", *(draw(pieces) for _ in range(9))])
            )
    ends = draw(st.sampled_from(["\n", "\r\n"]))
    return ends.join([*lines, "", ""])


@settings(deadline=None, max_examples=100)
@given(files())
def test_what_is_read_can_be_written_and_is_the_same_again(text: str) -> None:
    try:
        read = read_conllu(text.split("\n"))
    except ConlluError as fault:
        assume("in # constituency" not in str(fault))
        raise
    again = "".join(format_conllu(one) + "\n" for one in read)
    assert read_conllu(again.split("\n")) == read


def test_carriage_returns_in_a_text_come_back() -> None:
    sentence = Sentence(["a"], text="one\r\ntwo\rthree\n", metadata={"b": "\r", "text": "c\r"})
    lines = format_conllu(sentence).split("\n")
    assert not any("\r" in line for line in lines)
    assert read_conllu(lines) == [sentence]
    # Who changes the text by hand is believed.
    changed = [line.replace("= two", "= 2") for line in lines]
    assert read_conllu(changed)[0].text == "one\n2\nthree\n"


def test_comments_alone_are_passed_over() -> None:
    text = "# of nothing\n\n" + word() + "\n# one\n# two\n\n\n" + word() + "\n# last"
    assert [one.metadata for one in read_conllu(text.split("\n"))] == [{}, {}]
    with pytest.raises(ConlluError, match="no sentence in it"):
        read_conllu(["# nothing"])


# Faulty: the second root of sentence 2, the bytes of sentence 4, the columns of sentence 6.
FAULTY = [word(), word() + word("2", "0"), word(), "1\tcaf\xe9\n", word(), "x\n", word()]


def write_faulty(folder: Path) -> Path:
    path = folder / "faulty.conllu"
    path.write_bytes("\n".join(FAULTY).encode("latin-1"))
    return path


def test_faulty_sentences_are_skipped_and_counted(tmp_path: Path) -> None:
    path = write_faulty(tmp_path)
    with pytest.warns(
        UserWarning, match=r"3 of 7 records are faulty .* first: .*:4: .*second root"
    ):
        assert len(read_conllu(path, on_error="skip")) == 4
    faults: list[InputError] = []
    assert len(read_conllu(path, on_error=faults.append)) == 4
    assert [fault.line for fault in faults if isinstance(fault, ConlluError)] == [4, 8, 12]
    with pytest.raises(
        ValueError, match="on_error must be 'raise', 'skip' or a function, but is 'no'"
    ):
        read_conllu(path, on_error="no")  # type: ignore[arg-type]


def test_the_iterator_goes_on_after_an_exception(tmp_path: Path) -> None:
    sentences = iter_conllu(write_faulty(tmp_path))
    got, told = 0, []
    while True:
        try:
            next(sentences)
            got += 1
        except ConlluError as fault:
            told.append(fault.line)
        except StopIteration:
            break
    assert (got, told) == (4, [4, 8, 12])
    assert (sentences.read, sentences.faults) == (4, 3)


def test_a_file_of_ten_thousand_sentences_with_one_double_root() -> None:
    blocks = [word().split("\n")] * 10_000
    blocks[5000] = (word() + word("2", "0")).split("\n")
    faults: list[InputError] = []
    assert (
        len(read_conllu((line for block in blocks for line in block), on_error=faults.append))
        == 9999
    )
    assert len(faults) == 1


def test_where_nothing_is_usable_that_is_an_error_all_the_same() -> None:
    with pytest.raises(
        ConlluError, match=r"none is usable: 2 of 2 records are faulty.*:1: there are 1"
    ):
        read_conllu(["x", "", "y"], on_error="skip")


def test_a_cut_file_ends_in_an_error(tmp_path: Path) -> None:
    path = tmp_path / "cut.conllu.gz"
    write_conllu([Sentence([str(number)]) for number in range(5000)], path)
    whole = path.read_bytes()
    for content in (whole[:-5000], whole[:100] + b"xxxx" + whole[104:], b"not gzip"):
        path.write_bytes(content)
        with pytest.raises(ConlluError, match="cut short or damaged here"):
            read_conllu(path)
    path.write_bytes(whole[:-5000])
    sentences = []
    with pytest.warns(UserWarning, match="1 of .* records are faulty"):
        sentences = read_conllu(path, on_error="skip")
    assert [sentence.tokens[0] for sentence in sentences] == [str(n) for n in range(len(sentences))]


def test_half_characters_in_lines_are_an_error() -> None:
    with pytest.raises(ConlluError, match=r"<input>:1: the line has U\+D83D, half a character"):
        read_conllu([word(relation="\ud83d")])


parts = st.sampled_from(
    [
        *(
            word().encode(),
            word("2", "1").encode(),
            b"1-2",
            b"1.1",
            b"\t",
            b"_" * 9,
            b"\n",
            b"\n\n",
        ),
        *(b"# constituency = (S (X a))", b"# constituency = ((", b"#", b"=", b"ExactForm=\\"),
        *(b"# exact_values = {", b"# exact_values = " + b"[" * 5000, b"9" * 5000),
        *(b"\xff", b"\xed\xa0\x80", b"\0", b"\xef\xbb\xbf"),
    ]
)


@settings(deadline=None)
@given(st.lists(parts | st.binary(max_size=8), max_size=20).map(b"".join))
def test_whatever_the_bytes_the_reader_gives_sentences_or_its_own_error(content: bytes) -> None:
    with contextlib.suppress(ConlluError):
        for sentence in iter_conllu(io.BytesIO(content)):
            with contextlib.suppress(StructureError):
                format_conllu(sentence)
    with warnings.catch_warnings(action="ignore"), contextlib.suppress(ConlluError):
        read_conllu(io.BytesIO(content), on_error="skip")


@pytest.mark.skipif(not EWT.exists(), reason="needs UD English EWT in ../shared/ud/en_ewt")
def test_a_real_treebank_round_trips(tmp_path: Path) -> None:
    treebank = read_conllu(EWT)
    assert len(treebank) == 2001
    assert sum(map(len, treebank)) == 25147
    assert all(sentence.dependencies and sentence.tags for sentence in treebank)
    write_conllu(treebank, tmp_path / "again.conllu")
    assert read_conllu(tmp_path / "again.conllu") == treebank
    # Every line is there again: only the order of comments is not kept.
    lines = EWT.read_text(encoding="utf-8").splitlines()
    assert sorted((tmp_path / "again.conllu").read_text(encoding="utf-8").splitlines()) == sorted(
        lines
    )


def test_half_a_character_is_told(tmp_path: Path) -> None:
    with pytest.raises(StructureError, match=r"can't be written as UTF-8.*half a character"):
        write_conllu([Sentence(["ok"]), Sentence(["\ud83d"])], tmp_path / "out.conllu")
    assert list(tmp_path.iterdir()) == []


def test_a_file_behind_a_link_is_replaced_and_not_the_link(tmp_path):
    link, file = tmp_path / "link.conllu", tmp_path / "elsewhere" / "file.conllu"
    link.symlink_to(file)
    for words in (["stop"], ["go", "on"]):  # a file that is not there yet, and one that is
        write_conllu([Sentence(words)], link)
        assert link.is_symlink()
        assert read_conllu(file) == [Sentence(words)]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_a_pipe_is_written_into(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_conllu([Sentence(["stop"])], pipe)
        assert pipe.is_fifo()
        assert os.read(reading, 1000).decode() == format_conllu(Sentence(["stop"])) + "\n"
    finally:
        os.close(reading)
