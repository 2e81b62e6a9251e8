"""Texts without labels: no record vanishes, and each knows its line."""

from __future__ import annotations

import csv
import io
import json
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.data.examples import DataError, is_visible
from tasks.data.options import TextOptions
from tasks.data.questions import Question
from tasks.data.texts import lines_of, read_texts


def read(tmp_path, name, content, keep=(), **options):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    found = read_texts(str(path), TextOptions(**options), keep)
    return [(record.line, record.text) for record in found]


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("a.txt", "one\n\n \ntwo \n", [(1, "one"), (2, ""), (3, ""), (4, "two")]),
        ("a.txt", "\ufeffone\r\n\u200b\r\nt\x0cwo", [(1, "one"), (2, ""), (3, "t\x0cwo")]),
        ("a.csv", 'text\none\n""\n\n  \ntwo\n', [(2, "one"), (3, ""), (5, ""), (6, "two")]),
        ("a.csv", 'id,text\n1,"one\ntwo"\n2,\n  \n3," "\n', [(2, "one\ntwo"), (4, ""), (6, "")]),
        ("a.csv", "text\n" + "x" * 200_000, [(2, "x" * 200_000)]),
        ("a.tsv", "text\none\n\ntwo\n", [(2, "one"), (3, ""), (4, "two")]),
        ("a.tsv", "id\ttext\n1\tone\n\n2\t\n", [(2, "one"), (4, "")]),
        (
            "a.jsonl",
            '{"text": "a"}\n\n{"text": ""}\n{"text": null}\n{"text": []}\n{"text": ["b", "c"]}\n'
            '{"text": [" "]}\n',
            [(1, "a"), (3, ""), (4, ""), (5, ""), (6, ("b", "c")), (7, "")],
        ),
    ],
)
def test_every_record_is_there(tmp_path, name, content, found):
    assert read(tmp_path, name, content) == found


@settings(max_examples=50)
@given(
    st.lists(
        st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=8), min_size=1
    ),
    st.sampled_from([".csv", ".jsonl", ".txt"]),
)
def test_outputs_line_up_with_inputs(tmp_path_factory, texts, ending):
    path = tmp_path_factory.mktemp("texts") / f"a{ending}"
    with path.open("w", newline="", encoding="utf-8") as file:
        if ending == ".csv":
            csv.writer(file).writerows([["text"], *([text] for text in texts)])
        elif ending == ".jsonl":
            file.writelines(json.dumps({"text": text}) + "\n" for text in texts)
        else:
            texts = [text.translate(dict.fromkeys(b"\r\n\xef", " ")) for text in texts]
            texts[0] = texts[0].lstrip("\ufeff")
            file.writelines(text + "\n" for text in texts)
    found = read_texts(str(path))
    if ending != ".csv":  # where a field may have line ends
        assert [record.line for record in found] == list(range(1, len(texts) + 1))
    wanted = [text.strip() if is_visible(text) else "" for text in texts]
    assert [record.text for record in found] == wanted


def test_columns_go_along(tmp_path):
    content = 'id,text,who,note\n7,a,me,"x\ny"\n8,,you,\n'
    path = tmp_path / "a.csv"
    path.write_text(content)
    assert [r.columns for r in read_texts(str(path))] == [{"id": "7"}, {"id": "8"}]
    kept = [record.columns for record in read_texts(str(path), keep=["note", "id"])]
    assert kept == [{"id": "7", "note": "x\ny"}, {"id": "8", "note": ""}]
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": ["a"], "id": 12345678901234567890}\n{"text": "b"}\n')
    assert [r.columns for r in read_texts(str(path))] == [{"id": "12345678901234567890"}, {}]
    assert [r.plain for r in read_texts(str(path))] == ["a", "b"]


def test_standard_input_is_read_in_its_encoding(monkeypatch):
    for data, encoding in ((b"caf\xc3\xa9\n\nb", "utf-8"), (b"caf\xe9\n\nb", "cp1252")):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
        found = read_texts("-", TextOptions(encoding=encoding))
        assert [(r.line, r.text) for r in found] == [(1, "café"), (2, ""), (3, "b")]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a\ncaf\xe9")))
    with pytest.raises(DataError, match=r"standard input:2: the byte 0xe9 is not utf-8"):
        read_texts("-")


@pytest.mark.parametrize(
    ("name", "content", "keep", "message"),
    [
        ("a.txt", "", [], "there are no texts in it"),
        ("a.txt", "a\nb\0", [], "a.txt:2: there is a NUL character"),
        ("a.txt", "a", ["id"], "has no column 'id'; --keep is for files that end in .csv"),
        ("a.csv", "text\n", [], "there are no texts in it"),
        ("a.csv", "text,id\na,1\n", ["who"], r"a.csv:2: there is no column 'who'.*\(--keep\)"),
        ("a.csv", "x,id\na,1\n", [], r"a.csv:2: there is no column 'text'.*\(--text-column\)"),
        ("a.csv", 'text,id\n""\n', [], r"a.csv:2: the row has 1 field, and the header 2"),
        ("a.jsonl", '{"text": ["a", ""]}', [], "a.jsonl:1: token 1 is empty"),
        (
            "a.jsonl",
            '{"text": "a", "id": "\\ud800"}',
            [],
            r"a.jsonl:1: the column 'id' holds U\+D800",
        ),
        ("a.jsonl", '{"text": "a", "text": "b"}', [], "a.jsonl:1: .*'text' is there twice"),
    ],
)
def test_faults(tmp_path, name, content, keep, message):
    with pytest.raises(DataError, match=message):
        read(tmp_path, name, content, keep)


def asked(tmp_path, name, content, reads, **options):
    path = tmp_path / name
    path.write_text(content)
    return read_texts(str(path), question=Question(reads), **options)


def test_spans_of_new_texts_are_read_as_in_training(tmp_path):
    rows = (
        {"text": "red is blue", "subject": [7, 11], "object": [0, 3]},
        {"text": "  red is blue", "subject": [2, 5], "object": "9:13"},
        {"text": "dark red is [[x]]", "subject": [0, 8], "object": [0, 4]},
        {"text": ["red", "is", "blue"], "subject": [2, 3], "object": [0, 1]},
        {"text": " ", "subject": None, "object": None},
    )
    found = asked(tmp_path, "a.jsonl", "\n".join(map(json.dumps, rows)), "spans")
    assert [(record.text, record.spans) for record in found] == [
        ("red is blue", ((7, 11), (0, 3))),
        ("red is blue", ((0, 3), (7, 11))),
        ("dark red is [[x]]", ((0, 8), (0, 4))),
        (("red", "is", "blue"), ((2, 3), (0, 1))),
        ("", ()),
    ]
    found = asked(tmp_path, "a.txt", "a [[b]]\n\n[[c d]]\n", "span")
    assert [(r.text, r.spans) for r in found] == [("a b", ((2, 3),)), ("", ()), ("c d", ((0, 3),))]
    found = asked(tmp_path, "a.csv", "text,target\n[[a]] b,b\n", "span")
    assert [(r.text, r.spans) for r in found] == [("a b", ((0, 1),))]  # marks go before columns


@pytest.mark.parametrize(
    ("name", "content", "reads", "message"),
    [
        ("a.txt", "[[a]]\n\nb\n", "span", r"a.txt:3 has 0 spans between \[\["),
        (
            "a.csv",
            "text,start,end\na b,2,9\n",
            "span",
            "a.csv:2: a span is from 2 to 9, but .* has 3",
        ),
        ("a.csv", "text,subject\na b,a\n", "spans", "'subject' and 'object' or two spans between"),
        ("a.csv", "text\na b\n", "pair", "about a pair, which takes the column 'text2'"),
        ("a.txt", "a b\n", "pair", "about a pair: give a file with the columns 'text' and 'text2'"),
    ],
)
def test_new_texts_that_lack_what_is_asked_about(tmp_path, name, content, reads, message):
    with pytest.raises(DataError, match=message):
        asked(tmp_path, name, content, reads)


def test_second_texts_are_read_as_first_ones(tmp_path):
    rows = ('{"text": "a", "text2": ["b", "c"]}', '{"text": "a", "text2": " "}', '{"text2": "b"}')
    with pytest.raises(DataError, match=r"a.jsonl:3: there is no column 'text'"):
        asked(tmp_path, "a.jsonl", "\n".join(rows), "pair")
    found = asked(tmp_path, "a.jsonl", "\n".join(rows[:2]), "pair")
    assert [record.second for record in found] == [("b", "c"), ""]
    assert [record.is_empty for record in found] == [False, True]


def test_given_trees_stand_in_the_place_of_words(tmp_path):
    tree = "(2 (3 so) (2 good))"
    for name, content in {
        "a.ptb": tree,
        "a.txt": tree,
        "a.jsonl": json.dumps({"tokens": ["so", "good"], "tree": tree}),
    }.items():
        (record,) = asked(tmp_path, name, content, "nodes", brackets=True)
        assert record.text == tree
    assert asked(tmp_path, "a.ptb", tree, "sentence")[0].text == ("so", "good")


def test_lines_in_words(tmp_path):
    (tmp_path / "a.txt").write_text("a\n" * 10)
    found = read_texts(str(tmp_path / "a.txt"))
    assert lines_of(found[:1]) == "line 1"
    assert lines_of(found) == "lines 1, 2, 3, 4, 5, 6, 7, 8 and 2 more"
