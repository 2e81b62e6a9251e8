"""CSV, TSV and JSON Lines files, well formed and otherwise."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import math
import tempfile
import warnings
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parsers import write_conllu
from structnn import Sentence, Tree
from tasks.data.datasets import DataError, load_dataset
from tasks.data.examples import is_visible
from tasks.data.files import read_examples
from tasks.data.options import DataOptions


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def texts(path: Path, **options: str) -> list[str | tuple[str, ...]]:
    return [example.text for example in read_examples(path, DataOptions(**options))]


class TestWhatIsRead:
    def test_csv(self, tmp_path):
        path = write(tmp_path, "a.csv", 'id,text,label\n1,"a, ""b""\nc",yes\n\n2, d ,no\n')
        first, second = read_examples(path)
        assert first.text == 'a, "b"\nc'
        assert first.label == "yes"
        assert first.columns == {"id": "1"}
        assert first.source == f"{path}:2"
        assert second.text == "d"
        assert second.source == f"{path}:5"

    @pytest.mark.parametrize(
        ("rows", "found"),
        [
            ('yes\t"a quote that never ends\nno\tb', ['"a quote that never ends', "b"]),
            ('yes\tHe said "hi"\nno\tb', ['He said "hi"', "b"]),
            ('yes\t"Stop!" he said\nno\tb', ['"Stop!" he said', "b"]),
            ('yes\t"Stop!"\nno\t"Go!"', ['"Stop!"', '"Go!"']),
            # One quotation over two rows, and one over three.
            ('yes\t"It was late.\nno\tIt rained."', ['"It was late.', 'It rained."']),
            ('yes\t"It was late.\nno\tb\nno\tIt rained."', ['"It was late.', "b", 'It rained."']),
            ('yes\t"It was late.\nno\ta ""b"" c "d"', ['"It was late.', 'a ""b"" c "d"']),
            ('yes\t"It was late.\nno\ta ""b"" c"', ['"It was late.', 'a ""b"" c"']),
            # Doubled quotes in a field that isn't whole.
            ('yes\tso ""good""\nno\tb', ['so ""good""', "b"]),
        ],
    )
    def test_quotes_are_ordinary_in_tsv(self, tmp_path, rows, found):
        assert texts(write(tmp_path, "a.tsv", f"label\ttext\n{rows}\n")) == found

    @pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
    def test_one_stray_quote_in_a_tsv_file_of_quoted_fields_is_told(self, tmp_path, ends):
        rows = ["label\ttext", 'yes\t"so ""good"""', 'yes\t"so', 'good"', 'no\tso "bad"', "no\tc"]
        path = write(tmp_path, "a.tsv", ends.join([*rows[:2], *rows[4:]]))
        with pytest.warns(UserWarning, match=r"a\.tsv:3: there is a quote that doesn't enclose"):
            assert texts(path) == ['"so ""good"""', 'so "bad"', "c"]
        path = write(tmp_path, "a.tsv", ends.join(rows))
        with (
            pytest.warns(UserWarning, match=r"a\.tsv:5: there is a quote"),
            pytest.raises(
                DataError, match=r"a\.tsv:4: the row has 1 field.* quotes are part of the"
            ),
        ):
            texts(path)

    @pytest.mark.parametrize("ends", ["\n", "\r\n"])
    @pytest.mark.parametrize(
        "kept",
        [
            ['He said "hi"', "b"],
            ['"', "b"],
            ['"It was late.', 'It rained."'],
            ['"Stop!"', "b"],
            ["one\ttwo", "b"],
            ["one\ntwo", "b"],
            ['one\r\n"two"\tthree', '""', "b"],
        ],
    )
    @pytest.mark.parametrize("first", ["label", "text"])
    @pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
    def test_tsv_as_programs_write_it(self, tmp_path, kept, first, quoting, ends):
        columns = ["label", "text"] if first == "label" else ["text", "label"]
        out = io.StringIO(newline="")
        writer = csv.DictWriter(
            out, columns, dialect="excel-tab", quoting=quoting, lineterminator=ends
        )
        writer.writeheader()
        writer.writerows({"label": "yes", "text": text} for text in kept)
        assert texts(write(tmp_path, "a.tsv", out.getvalue().encode())) == kept

    def test_quotes_of_tsv_join_no_rows_that_are_whole(self, tmp_path):
        # A tab too many between two rows with a quote each is told, not taken for a part of a field.
        path = write(tmp_path, "a.tsv", 'label\ttext\nyes\t"a\nno\tb\tc\nno\td"\nno\te\n')
        with pytest.raises(DataError, match=r"a\.tsv:3: the row has 3 fields"):
            texts(path)
        path = write(tmp_path, "a.tsv", 'text\tlabel\n"a\tb"\tyes\nc "d"\tno\n')
        with pytest.raises(
            DataError, match=r"a\.tsv:2: .* quotes are part of the texts here, since"
        ):
            texts(path)
        path = write(tmp_path, "a.tsv", 'text\tlabel\n"a ""b"""\tyes\nc\td\tno\n')
        with pytest.raises(
            DataError, match=r"a\.tsv:3: .* put quotes round a field that holds a tab"
        ):
            texts(path)

    @pytest.mark.parametrize("name", ["a.jsonl", "a.ndjson", "A.JSONL"])
    def test_json_lines(self, tmp_path, name):
        rows = [
            {"text": "a\tb", "label": 1, "more": [1, "é"], "none": None},
            {"text": ["Do", "n't", "!"], "label": True},
        ]
        path = write(tmp_path, name, "\n\n".join(map(json.dumps, rows)))
        first, second = read_examples(path)
        assert (first.text, first.label) == ("a\tb", "1")
        assert first.columns == {"more": '[1, "é"]', "none": ""}
        assert (second.text, second.label, second.source) == (
            ("Do", "n't", "!"),
            "true",
            f"{path}:3",
        )

    @pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
    def test_line_ends_and_byte_order_mark(self, tmp_path, ends):
        lines = ends.join(["text,label", "one,yes", "", "  ", "two,no", ""])
        assert texts(write(tmp_path, "a.csv", b"\xef\xbb\xbf" + lines.encode())) == ["one", "two"]

    @pytest.mark.parametrize(
        "text",
        ["no", "word " * 2000, "🙂 👩‍👩‍👧", "今天天气很好", "a\tb", "a\u2028b\x85c", "\u202eabc"],
    )
    def test_texts_of_every_kind(self, tmp_path, text):
        path = tmp_path / "a.csv"
        with open(path, "w", newline="") as file:
            csv.writer(file).writerows([["text", "label"], [text, "yes"]])
        assert texts(path) == [text.strip()]
        path = write(tmp_path, "a.jsonl", json.dumps({"text": text, "label": "yes"}))
        assert texts(path) == [text.strip()]

    def test_a_field_may_be_long(self, tmp_path):
        path = write(tmp_path, "a.csv", f"text,label,more\n{'x' * 200_000},yes,{'y' * 200_000}\n")
        assert texts(path) == ["x" * 200_000]

    def test_other_columns_and_encodings(self, tmp_path):
        path = write(tmp_path, "a.csv", "sentence,y\ncafé,1\n".encode("utf-16"))
        options = {"text_column": "sentence", "label_column": "y", "encoding": "utf-16"}
        assert texts(path, **options) == ["café"]

    @settings(max_examples=50)
    @given(
        st.lists(
            st.tuples(
                st.text(st.characters(exclude_characters="\0\r", codec="utf-8"), min_size=1),
                st.sampled_from(["yes", "no"]),
            ).filter(lambda row: is_visible(row[0])),
            min_size=1,
            max_size=5,
        )
    )
    def test_what_the_csv_module_writes_is_read_back(self, tmp_path_factory, rows):
        path = tmp_path_factory.mktemp("csv") / "a.csv"
        with open(path, "w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("text", "label"), *rows])
        read = [(e.text, e.label) for e in read_examples(path)]
        assert read == [(text.strip(), label) for text, label in rows]


class TestFaults:
    @pytest.mark.parametrize(
        ("name", "content", "message"),
        [
            ("a.csv", "", "a.csv: the file is empty"),
            ("a.csv", "text,label\n", "a.csv: there are no examples"),
            (
                "a.csv",
                "sentence,label\na,b\n",
                r"a.csv:2: .*no column 'text'.*'sentence', 'label'.*text_c",
            ),
            (
                "a.csv",
                "text,y\na,b\n",
                r"a.csv:2: .*no column 'label'; the columns are 'text', 'y'.*label_",
            ),
            ("a.csv", "text,text,label\na,b,c\n", "a.csv:1: 2 columns are named 'text'"),
            (
                "a.csv",
                "text,label\na,b\nc, d,no\n",
                r"a.csv:3: the row has 3 fields, and the header 2",
            ),
            ("a.csv", "text,label\na,b\nc\n", r"a.csv:3: the row has 1 field, and"),
            ("a.csv", "text,label\na,b\n,no\n", "a.csv:3: the text is empty"),
            ("a.csv", "text,label\na,b\n\u200b,no\n", "a.csv:3: the text is empty"),
            ("a.csv", "text,label\na,b\nc, \n", "a.csv:3: the label is empty"),
            ("a.csv", 'text,label\na,b\n"c,no\nd,no\n', r"a.csv:3: the row that begins here"),
            ("a.csv", 'text,label\na,b\n"c" d,no\n', r"a.csv:3: the row that begins here"),
            ("a.csv", 'text,label\n"' + "a,b\n" * 90_000, r"a.csv:2: the row that begins here"),
            ("a.csv", "text,label\na,b\nc\0,no\n", "a.csv:3: there is a NUL character"),
            (
                "a.csv",
                "text,label\na,b\n".encode("utf-16"),
                "a.csv:1: the byte 0xff is not utf-8.*utf-16",
            ),
            (
                "a.csv",
                b"text,label\na,b\ncaf\xe9,no\n",
                "a.csv:3: the byte 0xe9 is not utf-8.*cp1252",
            ),
            ("a.tsv", "text\tlabel\na\tb\tc\n", "a.tsv:2: the row has 3 fields.*replace a tab"),
            ("a.jsonl", '{"text": "a", "label": "b"}\n{"text": ', "a.jsonl:2: the line isn't JSON"),
            ("a.jsonl", "[1, 2]", r"a.jsonl:1: the line holds \[1, 2\], not an object"),
            ("a.jsonl", f"[{'9' * 99}]", r"a.jsonl:1: the line holds \[9{56}\.\.\., not an object"),
            (
                "a.jsonl",
                f'{{"text": {"9" * 99}, "label": "b"}}',
                r"a.jsonl:1: the text must be .* but is 9{57}\.\.\.$",
            ),
            ("a.jsonl", '{"text": "a"}', "a.jsonl:1: there is no column 'label'"),
            ("a.jsonl", '{"text": "a", "label": null}', "a.jsonl:1: the label is empty"),
            ("a.jsonl", '{"text": 3, "label": "b"}', "a.jsonl:1: the text must be a string"),
            (
                "a.jsonl",
                '{"text": "a", "label": ["b"]}',
                r"a.jsonl:1: the label must be one string",
            ),
            ("a.jsonl", r'{"text": "a\ud800", "label": "b"}', r"a.jsonl:1: the text holds U\+D800"),
            ("a.jsonl", r'{"text": ["a\u0000"], "label": "b"}', r"a.jsonl:1: the text holds U\+0"),
            ("a.jsonl", '{"text": [], "label": "b"}', "a.jsonl:1: the text is empty"),
            (
                "a.jsonl",
                '{"text": "a", "label": NaN}',
                "a.jsonl:1: the label is NaN, which is no number",
            ),
            ("a.jsonl", '{"text": "a", "label": -1e999}', "a.jsonl:1: the label is -Infinity"),
            ("a.jsonl", '{"text": "\u200b", "label": "a"}', "a.jsonl:1: the text is empty"),
            ("a.jsonl", '{"text": "a", "label": "\u200b\u2060"}', "a.jsonl:1: the label is empty"),
            ("a.csv", "text,label\na,\u200b\n", "a.csv:2: the label is empty"),
            (
                "a.jsonl",
                r'{"text": "a", "label": "\ud800"}',
                r"a.jsonl:1: the column 'label' holds U\+D8",
            ),
            (
                "a.jsonl",
                r'{"text": "a", "label": "b\u0000"}',
                r"a.jsonl:1: the column 'label' holds U\+0",
            ),
            ("a.jsonl", r'{"text": "a", "label": "b", "c": ["\udfff"]}', r"'c' holds U\+DFFF"),
            ("a.jsonl", r'{"text": "a", "label": "b", "\ud800": 1}', r"holds U\+D800"),
            (
                "a.jsonl",
                '{"text": "a", "label": ' + "9" * 5000 + "}",
                "a.jsonl:1: the line isn't JSON",
            ),
            ("a.jsonl", '{"text": ' + "[" * 100_000, "a.jsonl:1: the line isn't JSON"),
            ("a.jsonl", '{"text": "a", "label": "b", "label": "c"}', "'label' is there twice"),
            (
                "a.jsonl",
                r'{"text": ["a", "b"], "label": "x", "heads": [2, 0], "relations": ["\ud800", "root"]}',
                "a.jsonl:1: the tree is not well formed: `relations` must hold strings",
            ),
            (
                "a.jsonl",
                '{"text": ["a", "b"], "label": "x", "heads": [2, 0], "relations": [1, "root"]}',
                "a.jsonl:1: the tree is not well formed: `relations` must hold strings",
            ),
            ("a.csv", 'text,label\na,b\n""\n', "a.csv:3: the row has 1 field"),
            ("a.jsonl", '{"text": ["a", " "], "label": "b"}', "a.jsonl:1: token 1 is empty"),
            (
                "a.jsonl",
                '{"text": "dogs bark", "heads": [2, 0], "label": "b"}',
                "a.jsonl:1: `heads` belong to tokens, but the text is one string.*array of tokens",
            ),
            (
                "a.jsonl",
                '{"text": ["dogs"], "heads": "0", "label": "b"}',
                'a.jsonl:1: the tree is not well formed: `heads` must be an array, but is "0"',
            ),
            (
                "a.jsonl",
                '{"text": ["dogs"], "heads": [0], "relations": "root", "label": "b"}',
                'a.jsonl:1: .*`relations` must be an array, but is "root"',
            ),
            ("a.txt", "text", "a.txt: the format isn't known .*.csv, .tsv, .jsonl, .ndjson"),
        ],
    )
    def test_message_names_place_fault_and_remedy(self, tmp_path, name, content, message):
        with pytest.raises(DataError, match=message):
            read_examples(write(tmp_path, name, content))

    def test_missing_file_and_unknown_encoding(self, tmp_path):
        with pytest.raises(DataError, match=r"a.csv: can't be read: No such file"):
            read_examples(tmp_path / "a.csv")
        with pytest.raises(DataError, match="no encoding 'utf-9'"):
            read_examples(write(tmp_path, "a.csv", "text,label\n"), DataOptions(encoding="utf-9"))
        for encoding in ("rot13", "hex", "idna", "undefined", "a\0b"):
            path = write(tmp_path, "a.csv", b"text,label\n\xff" + b"x" * 100 + b",b\n")
            with pytest.raises(
                DataError, match=r"no encoding|a.csv: can't be read as|a.csv:2: the byte"
            ):
                read_examples(path, DataOptions(encoding=encoding))
        path = write(tmp_path, "a.csv", b"text,label\na,\\ud800")
        with pytest.raises(DataError, match=r"a.csv:2: there is a U\+D800, half a character"):
            read_examples(path, DataOptions(encoding="unicode_escape"))
        with pytest.raises(DataError, match="can't be read"):
            read_examples(Path("a\0b.csv"))
        with pytest.raises(DataError, match="text and label can't both be the column 'text'"):
            read_examples(tmp_path / "a.csv", DataOptions(label_column="text"))


class TestAWayPastFaultyRows:
    CSV = 'text,label\na,x\nb\n"c" d,x\ne,y\n,y\nf,y\n'
    JSON = """{"text": "a", "label": "x"}
{"text": "b", "label": ["x"]}
{"text": "c"
[1]
{"label": "x"}
{"text": ["e", "f"], "heads": [2, 0], "label": "y"}
{"text": ["g", "h"], "heads": [0, 0], "label": "y"}
{"text": "f", "label": "y"}
"""

    @pytest.mark.parametrize(
        ("name", "content", "lines"),
        [("a.csv", CSV, [3, 4, 6]), ("a.jsonl", JSON, [2, 3, 4, 5, 7])],
    )
    def test_they_are_skipped_and_counted(self, tmp_path, name, content, lines):
        path = write(tmp_path, name, content)
        faults = []
        examples = read_examples(path, on_error=faults.append)
        assert ["".join(example.text) for example in examples] == [
            "a",
            "e" if "csv" in name else "ef",
            "f",
        ]
        assert [int(str(fault).split(":")[1]) for fault in faults] == lines
        with pytest.warns(
            match=rf"{len(lines)} of {len(lines) + 3} records .*first: {path}:{lines[0]}"
        ):
            assert read_examples(path, on_error="skip") == examples

    def test_where_nothing_is_usable_that_is_an_error(self, tmp_path):
        path = write(tmp_path, "a.csv", "text,label\na\nb\n")
        with pytest.raises(
            DataError, match=r"none is usable: 2 of 2 records are faulty, the first: .*:2"
        ):
            read_examples(path, on_error="skip")
        assert read_examples(path, on_error=lambda fault: None) == ()
        with pytest.raises(ValueError, match="on_error must be"):
            read_examples(path, on_error="no")
        with pytest.raises(DataError, match=":1: the row that begins here"):
            read_examples(write(tmp_path, "b.csv", '"text" x,label\n'), on_error="skip")

    PARTS = (
        *('"', ",", "\t", "\n", "{", "}", "text,label\n", "a,b\n", "9" * 5000),
        '{"text": "a", "label": "b"}\n',
    )

    @settings(deadline=None)
    @given(
        st.sampled_from([".csv", ".tsv", ".jsonl"]),
        st.lists(st.sampled_from(PARTS).map(str.encode) | st.binary(max_size=4), max_size=15),
    )
    def test_whatever_the_bytes_there_are_examples_or_the_error_of_data(self, name, parts):
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(action="ignore"):
            path = write(Path(folder), f"a{name}", b"".join(parts))
            for on_error in ("raise", "skip"):
                with contextlib.suppress(DataError):
                    assert read_examples(path, on_error=on_error)


class TestLoadDataset:
    def file(self, folder: Path, name: str, labels: str) -> Path:
        rows = [f"{name} number {i},{label}" for i, label in enumerate(labels)]
        return write(folder, f"{name}.csv", "\n".join(["text,label", *rows]))

    def test_three_files(self, tmp_path):
        paths = [self.file(tmp_path, name, "abab") for name in ("train", "dev", "test")]
        data = load_dataset(paths[0], DataOptions(dev=paths[1], test=paths[2]))
        assert [len(part) for part in (data.train, data.dev, data.test)] == [4, 4, 4]
        assert data.labels == ("a", "b")
        assert data.notes == ()

    @pytest.mark.parametrize(
        ("labels", "others", "found"),
        [
            ("True False", "true false", "False True"),  # CSV of pandas and JSON
            ("TRUE FALSE", "True false", "FALSE TRUE"),  # a spreadsheet
            ("true false", "True False", "false true"),
            ("yes no True", "yes no true", "True no yes"),
            ("True true", "True true", "True true"),
        ],
    )
    def test_truth_values_are_spelled_as_in_train(self, tmp_path, labels, others, found):
        paths = [
            write(tmp_path, f"{name}.csv", "text,label\n" + "".join(f"a,{one}\n" for one in given))
            for name, given in (("train", labels.split()), ("test", others.split()))
        ]
        data = load_dataset(paths[0], DataOptions(dev=paths[0], test=paths[1]))
        assert data.labels == tuple(found.split())
        assert {example.label for example in data.test} <= set(labels.split())

    def test_other_labels_differ_in_capitals(self, tmp_path):
        train = write(tmp_path, "train.csv", "text,label\na,Yes\nb,No\nc,True\nd,true\n")
        for label in ("yes", "TRUE"):  # of two spellings in train neither is the right one
            test = write(tmp_path, "test.csv", f"text,label\na,{label}\n")
            with pytest.raises(DataError, match=f"the label '{label}' doesn't occur in train"):
                load_dataset(train, DataOptions(dev=train, test=test))

    def test_one_file_is_divided_by_fractions(self, tmp_path):
        path = self.file(tmp_path, "all", "ab" * 50)
        data = load_dataset(path, DataOptions(dev_fraction=0.2, test_fraction=0.3))
        assert [len(part) for part in (data.train, data.dev, data.test)] == [50, 20, 30]
        assert data == load_dataset(path, DataOptions(dev_fraction=0.2, test_fraction=0.3))
        assert len(data.notes) == 2
        assert "split seed 0" in data.notes[0]

    def test_test_file_alone(self, tmp_path):
        train, test = (self.file(tmp_path, name, "ab" * 10) for name in ("train", "test"))
        data = load_dataset(train, DataOptions(test=test))
        assert [len(part) for part in (data.train, data.dev, data.test)] == [18, 2, 20]

    def test_label_of_test_that_train_lacks(self, tmp_path):
        train, test = self.file(tmp_path, "train", "ab" * 10), self.file(tmp_path, "test", "abc")
        with pytest.raises(DataError, match=r"test.csv:4: the label 'c' doesn't occur in train"):
            load_dataset(train, DataOptions(test=test))

    def test_ordered_labels(self, tmp_path):
        path = self.file(tmp_path, "all", "ab" * 10)
        data = load_dataset(path, ordered_labels=["b", "a"])
        assert data.labels == ("b", "a")
        assert data.ordered
        with pytest.raises(DataError, match="'a' isn't one of the labels given: 'b', 'c'"):
            load_dataset(path, ordered_labels=["b", "c"])

    def test_too_small_to_divide(self, tmp_path):
        with pytest.raises(DataError, match="too few"):
            load_dataset(self.file(tmp_path, "all", "ab"))

    def test_repeated_texts_are_noted(self, tmp_path):
        train = self.file(tmp_path, "train", "ab" * 10)
        data = load_dataset(train, DataOptions(test=train))
        assert "20 of 20 test texts also occur in train or dev (left as they are)" in data.notes


@pytest.mark.parametrize("space", ["\x85", "\u2028", "\x1c", "\f"])
def test_words_of_trees_may_hold_what_only_seems_to_end_a_line(tmp_path, space):
    tree = Tree([1, -1], labels=["nsubj", "root"])
    sentence = Sentence(
        [f"dogs{space}2", "bark"], dependencies=tree, text=f"a{space}b", metadata={"label": "yes"}
    )
    write_conllu([sentence] * 2, tmp_path / "a.conllu")
    examples = read_examples(tmp_path / "a.conllu")
    assert [example.text for example in examples] == [(f"dogs{space}2", "bark")] * 2
    if space != "\f":  # which ends a word in brackets
        path = write(tmp_path, "a.ptb", f"(1 (2 dogs{space}2) (0 bark))\n(1 (2 so) (0 good))")
        options = DataOptions(reads="nodes")
        assert [one.text[0] for one in read_examples(path, options)] == [f"dogs{space}2", "so"]


def test_lines_of_trees_that_end_in_carriage_returns_alone(tmp_path):
    path = write(tmp_path, "a.ptb", "(1 (2 dogs) (0 bark))\r(1 (2 so) (0 good))\r")
    assert len(read_examples(path, DataOptions(reads="nodes"))) == 2


@pytest.mark.parametrize(("name", "label"), [("labels", "0"), ("tags", "0")])
def test_a_zero_is_an_answer(tmp_path, name, label):
    path = write(tmp_path, "a.jsonl", json.dumps({"text": "a", name: 0}))
    assert read_examples(path)[0].label == label
    path = write(tmp_path, "a.jsonl", json.dumps({"text": "a", name: math.nan}))
    with pytest.raises(DataError, match=r"a.jsonl:1: the answer is NaN, which is no number"):
        read_examples(path)


def test_values_of_tables_that_json_has_not(tmp_path):
    pa = pytest.importorskip("pyarrow", reason="pyarrow is in the extra `data`")
    from pyarrow import parquet

    def table(**columns):
        parquet.write_table(pa.table(columns), tmp_path / "a.parquet")
        return tmp_path / "a.parquet"

    path = table(text=["a", "b"], score=[Decimal("1.50"), Decimal("-2.25")])
    assert [example.label for example in read_examples(path)] == ["1.50", "-2.25"]
    day = date(2020, 1, 31)
    for columns, message in [
        (
            {"source": ["a"], "target": [day]},
            "the target must be a text or a list of words, but is",
        ),
        ({"text": ["a"], "labels": [[day]]}, "labels must be strings, but are"),
        ({"text": ["a"], "label": ["x"], "target": [day]}, "the target must be where it begins"),
        ({"text": [["a"]], "tags": [[[day]]]}, "the tag of token 1 must be a string, but is"),
    ]:
        with pytest.raises(DataError, match=rf'a\.parquet:1: {message}.*"2020-01-31"'):
            read_examples(table(**columns))
    path = table(text=["a"], label=[day], price=[Decimal("1.50")], days=[[day]])
    (example,) = read_examples(path)
    assert example.label == "2020-01-31"  # as CSV has it, without the quotes of JSON
    assert example.columns == {"price": "1.50", "days": '["2020-01-31"]'}
    far = pa.array([10**15], pa.timestamp("s"))
    with pytest.raises(DataError, match=r"a\.parquet: can't be read as parquet"):
        read_examples(table(text=["a"], label=["x"], when=far))


def test_no_column_of_a_table_hides_another(tmp_path):
    pa = pytest.importorskip("pyarrow", reason="pyarrow is in the extra `data`")
    table = pa.Table.from_arrays([pa.array(["a"])] * 3, names=["text", "label", "label"])
    with pa.ipc.new_file(tmp_path / "a.arrow", table.schema) as file:
        file.write_table(table)
    with pytest.raises(DataError, match=r"^\S*a\.arrow: 2 columns are named 'label'; give each"):
        read_examples(tmp_path / "a.arrow")


@pytest.mark.parametrize(
    ("target", "span"), [("7:30", (4, 8)), ("10,000", (19, 25)), ("4:8", (4, 8)), ("0:3", (0, 3))]
)
def test_words_that_look_like_places_are_words_where_they_occur(tmp_path, target, span):
    row = {"text": "The 7:30 train has 10,000 seats.", "target": target, "label": "x"}
    assert read_examples(write(tmp_path, "a.jsonl", json.dumps(row)))[0].spans == (span,)


def test_a_sentence_of_a_treebank_is_named_by_its_number(tmp_path):
    lines = "1\tdogs\t_\t_\t_\t_\t2\tnsubj\t_\t_\n2\tbark\t_\t_\t_\t_\t0\troot\t_\t_\n\n"
    broken = lines.replace("\t2\t", "\t7\t")
    path = write(tmp_path, "a.conllu", f"# label = x\n{lines}{broken}{lines}# label = y\n{lines}")
    told: list[Exception] = []
    examples = read_examples(path, on_error=told.append)
    assert [example.source for example in examples] == [f"{path}:1", f"{path}:4"]
    assert "a.conllu:5: the HEAD of 'dogs' is '7'" in str(told[0])  # its line
    assert "a.conllu:3: there is no column 'label'" in str(told[1])
    assert str(told[1]).endswith("(3 is the number of the sentence)")
