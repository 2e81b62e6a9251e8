"""CSV, TSV and JSON Lines files, well formed and otherwise."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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

    def test_quotes_are_ordinary_in_tsv(self, tmp_path):
        path = write(tmp_path, "a.tsv", 'label\ttext\nyes\t"a quote that never ends\nno\tb\n')
        assert texts(path) == ['"a quote that never ends', "b"]

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
