"""Data where people have it: Parquet and Arrow, folders, aligned files, Hugging Face's data sets."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tasks import StructuredClassifier
from tasks.data.arrow import arrow_rows
from tasks.data.datasets import load_dataset
from tasks.data.examples import DataError
from tasks.data.files import read_examples
from tasks.data.options import DataOptions, TextOptions
from tasks.data.questions import Question
from tasks.data.sources import is_source, read_source
from tasks.data.texts import read_texts

N = 30
ROWS = [{"text": ["a", "text", str(n)], "label": n % 2} for n in range(N)]
SMALL = {"hidden_dim": 4, "embedding_dim": 6, "epochs": 1}


class Classes:
    """A feature of the package ``datasets`` that is a class."""

    def int2str(self, number):
        return ("no", "yes")[number]


class Table:
    """A data set as the package ``datasets`` has it."""

    def __init__(self, rows, **features):
        self.rows = rows
        self.features = dict.fromkeys(rows[0]) | {"label": Classes()} | features
        self.column_names = list(self.features)

    def __iter__(self):
        return iter(self.rows)

    def __getitem__(self, name):
        return [row[name] for row in self.rows]


@pytest.fixture
def datasets(monkeypatch):
    """A stand-in for the package, whose names and folders have these splits."""
    splits = {"train": Table(ROWS), "validation": Table(ROWS[:6]), "other": Table(ROWS)}
    splits["test"] = Table([{**row, "label": -1} for row in ROWS])
    asked = []

    def load(name, configuration=None):
        asked.append((name, configuration))
        if name == "missing":
            raise ConnectionError("no network\nat all")
        return splits

    package = SimpleNamespace(load_dataset=load, load_from_disk=load, splits=splits, asked=asked)
    monkeypatch.setitem(sys.modules, "datasets", package)
    return package


def write_texts(folder, size=12):
    for name in ("neg", "pos"):
        (folder / name).mkdir(parents=True)
        for n in range(size):
            (folder / name / f"{n}.txt").write_text(f"{name} {n} é\n", encoding="utf-8")
    return folder


def test_a_folder_of_texts_by_class(tmp_path):
    (write_texts(tmp_path) / "pos" / "notes.md").write_text("no text")
    dataset = load_dataset(tmp_path)
    assert dataset.labels == ("neg", "pos")
    assert len(dataset.train) + len(dataset.dev) + len(dataset.test) == 24
    example = dataset.train[0]
    assert example.text.startswith(f"{example.label} ")
    assert example.source == f"{tmp_path}:{example.label}/{example.text.split()[1]}.txt"


def test_a_folder_with_splits(tmp_path):
    for name, size in (("train", 8), ("valid", 3), ("test", 2)):
        write_texts(tmp_path / name, size)
    dataset = load_dataset(tmp_path)
    assert [len(part) for part in (dataset.train, dataset.dev, dataset.test)] == [16, 6, 4]
    given = load_dataset(tmp_path, DataOptions(test=tmp_path / "valid"))
    assert len(given.test) == 6


def test_a_folder_without_a_suffix_is_data(tmp_path, monkeypatch):
    write_texts(tmp_path / "reviews")
    monkeypatch.chdir(tmp_path)
    assert load_dataset("reviews").name == "reviews"


def test_what_is_no_folder_of_data_is_told(tmp_path):
    with pytest.raises(DataError, match=r"there are no texts in it.*pos/1\.txt"):
        load_dataset(tmp_path)
    (write_texts(tmp_path) / "pos" / "1.txt").write_bytes(b"caf\xe9")
    with pytest.raises(DataError, match=r"pos/1\.txt:1: the byte 0xe9 is not utf-8"):
        load_dataset(tmp_path)
    (tmp_path / "pos" / "1.txt").write_text(" ")
    with pytest.raises(DataError, match=r":pos/1\.txt: the text is empty"):
        load_dataset(tmp_path)
    with pytest.raises(DataError, match=r"there is no data set 'missing'.*hf:NAME"):
        load_dataset("missing")


def test_names_of_the_hub(datasets):
    dataset = load_dataset("hf:somebody/reviews:plain")
    assert datasets.asked == [("somebody/reviews", "plain")]
    assert dataset.labels == ("no", "yes")
    assert len(dataset.dev) == 6
    assert len(dataset.test) == 3  # those of the hub have no labels
    assert dataset.train[0].source.startswith("hf:somebody/reviews:plain:train:")
    datasets.splits.pop("train")
    with pytest.raises(DataError, match="there is no split train; the splits are 'validation'"):
        load_dataset("hf:reviews")


def test_without_a_network_it_is_told(datasets):
    with pytest.raises(
        DataError,
        match=r"hf:missing can't be had \(ConnectionError: no network\); without a network",
    ):
        load_dataset("hf:missing")


def test_a_saved_data_set(datasets, tmp_path):
    (tmp_path / "dataset_dict.json").write_text("{}")
    assert load_dataset(tmp_path).labels == ("no", "yes")
    assert datasets.asked == [(str(tmp_path), None)]


def test_a_package_that_is_missing_is_named(monkeypatch, tmp_path):
    for name in ("datasets", "pyarrow"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(
        DataError, match=r"needs the package datasets: pip install 'structnn\[data\]'"
    ):
        load_dataset("hf:reviews")
    with pytest.raises(
        DataError, match=r"needs the package pyarrow: pip install 'structnn\[data\]'"
    ):
        load_dataset(tmp_path / "a.parquet")


def test_objects_of_hugging_face_train_an_estimator(datasets):
    made = StructuredClassifier("bag", **SMALL).fit(datasets.splits["train"])
    assert made.classes_.tolist() == ["no", "yes"]
    assert made.predict(datasets.splits["test"]).shape == (N,)
    with pytest.raises(DataError, match=r"splits 'train'.*give one, such as X\['train'\]"):
        made.fit(datasets.splits)


def test_tags_that_are_classes():
    lists = SimpleNamespace(feature=Classes())
    rows = [{"tokens": ["a", str(n)], "tags": [n % 2, 1]} for n in range(N)]
    table = Table([{**row, "label": 0} for row in rows], tags=lists)
    from tasks.data.hugging_face import rows_of_table

    assert next(iter(rows_of_table(table)))["tags"] == ["no", "yes"]


@pytest.mark.parametrize("suffix", [".parquet", ".arrow", ".feather"])
def test_arrow_files(tmp_path, suffix):
    pa = pytest.importorskip("pyarrow", reason="pyarrow is in the extra `data`")
    path = tmp_path / f"a{suffix}"
    table = pa.table(
        {
            "tokens": [["a", str(n)] for n in range(N)],
            "tags": [["X", "NUM"]] * N,
            "day": pa.array([0] * N, pa.date32()),
        }
    )
    if suffix == ".parquet":
        import pyarrow.parquet

        pyarrow.parquet.write_table(table, path, row_group_size=7)
    elif suffix == ".feather":
        import pyarrow.feather

        pyarrow.feather.write_feather(table, path)
    else:
        with pa.ipc.new_stream(path, table.schema) as stream:
            stream.write_table(table, max_chunksize=7)
    dataset = load_dataset(path)
    assert dataset.question == Question("tokens")
    assert read_examples(path)[8].text == ("a", "8")
    assert read_examples(path)[8].source == f"{path}:9"
    assert read_examples(path)[0].columns["day"] == "1970-01-01"
    options = TextOptions(text_column="tokens")
    assert read_texts(str(path), options)[0].text == ("a", "0")
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(DataError, match="can't be read as"):
        load_dataset(path)
    with pytest.raises(DataError, match=r"can't be read as .*No such file"):
        load_dataset(tmp_path / f"missing{suffix}")


def test_feather_of_version_1_is_named(tmp_path):
    # Written by hand: the versions of pyarrow to come don't write it.
    path = tmp_path / "a.feather"
    path.write_bytes(b"FEA1" + bytes(60) + b"FEA1")
    pytest.importorskip("pyarrow", reason="pyarrow is in the extra `data`")
    with pytest.raises(DataError, match=r"a Feather file of version 1.*read_table\('a.feather'\)"):
        load_dataset(path)


CLASSES = {"names": ["no", "yes"], "_type": "ClassLabel"}


@pytest.mark.parametrize("suffix", [".parquet", ".arrow"])
def test_arrow_files_that_name_their_classes(tmp_path, suffix):
    """As the package datasets writes them."""
    pa = pytest.importorskip("pyarrow", reason="pyarrow is in the extra `data`")
    import pyarrow.parquet

    def write(label, features=None):
        columns = {"text": ["a", "b"], "label": [1, label]}
        columns |= {"new": [[0], [1, -1]], "old": [[0, 1], None], "number": [0, 1]}
        table = pa.table(columns).replace_schema_metadata(
            {"huggingface": json.dumps({"info": {"features": features}})}
        )
        if suffix == ".parquet":
            pyarrow.parquet.write_table(table, path)
        else:
            with pa.ipc.new_stream(path, table.schema) as stream:
                stream.write_table(table)

    path = tmp_path / f"a{suffix}"
    plain = {"dtype": "int64", "_type": "Value"}
    features = {"new": {"feature": CLASSES, "_type": "List"}, "old": [CLASSES], "number": plain}
    write(0, {"label": CLASSES, **features})
    rows = [row for _, row in arrow_rows(path)]
    assert [row["label"] for row in rows] == ["yes", "no"]
    assert [row["new"] for row in rows] == [["no"], ["yes", None]]
    assert [row["old"] for row in rows] == [["no", "yes"], None]
    assert [row["number"] for row in rows] == [0, 1]
    assert [example.label for example in read_examples(path)] == ["yes", "no"]
    for other in (None, [], {"label": None}, {"label": []}, {"label": {"names": None}}):
        write(0, other)
        assert [row["label"] for _, row in arrow_rows(path)] == [1, 0]
    write(2, {"label": CLASSES})
    with pytest.raises(DataError, match="label has the class 2, but there are 2 names"):
        read_examples(path)


@pytest.mark.slow
def test_real_data_sets_of_hugging_face(tmp_path, monkeypatch):
    package = pytest.importorskip("datasets", reason="datasets is in the extra `data`")
    features = package.Features(
        {
            "text": [package.Value("string")],
            "label": package.ClassLabel(names=["no", "yes"]),
        }
    )
    table = package.Dataset.from_list(ROWS, features=features)
    made = StructuredClassifier("bag", **SMALL).fit(table)
    assert made.predict(table[:3]).tolist()[0] in ("no", "yes")
    table.save_to_disk(tmp_path / "one")
    assert load_dataset(tmp_path / "one").labels == ("no", "yes")
    bare = table.map(lambda row: {"label": -1}, features=features)
    splits = package.DatasetDict(train=table, validation=table.select(range(6)), test=bare)
    splits.save_to_disk(tmp_path / "splits")
    dataset = load_dataset(tmp_path / "splits")
    assert (len(dataset.dev), len(dataset.test)) == (6, 3)
    (file,) = (tmp_path / "one").glob("*.arrow")
    assert [row.label for row in read_examples(file)] == [
        ("no", "yes")[row["label"]] for row in ROWS
    ]
    with pytest.raises(DataError, match=r"hf:structnn/none can't be had .*without a network"):
        load_dataset("hf:structnn/none")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["numpy", "torch", "pandas"])
def test_data_sets_of_hugging_face_that_give_tensors(tmp_path, kind):
    package = pytest.importorskip("datasets", reason="datasets is in the extra `data`")
    features = package.Features(
        {
            "tokens": [package.Value("string")],
            "tags": [package.ClassLabel(names=["O", "B"])],
            "number": package.Value("int64"),
        }
    )
    rows = [{"tokens": ["a", str(n)], "tags": [n % 2, 1], "number": n} for n in range(4)]
    table = package.Dataset.from_list(rows, features=features)
    bare = table.map(lambda row: {"tags": [-1, -1]}, features=features)
    splits = package.DatasetDict(train=table, test=bare).with_format(kind)
    splits.save_to_disk(tmp_path / "all")
    found = read_source(tmp_path / "all", DataOptions())
    assert list(found) == ["train"]  # that of test has no class
    assert [one.label for one in found["train"].examples] == ["O B", "B B"] * 2
    assert found["train"].examples[3].columns == {"number": "3"}
    chosen = table.with_format(kind, columns=["tokens", "tags"])
    chosen.save_to_disk(tmp_path / "chosen")
    assert read_source(tmp_path / "chosen", DataOptions())["train"].examples[0].columns == {}


def write_aligned(folder, sources, targets, names=("source.txt", "target.txt")):
    for name, texts in zip(names, (sources, targets), strict=True):
        (folder / name).write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    return "+".join(str(folder / name) for name in names)


def test_two_aligned_files(tmp_path):
    words = [f"word{n}" for n in range(10)]
    spec = write_aligned(tmp_path, [f"a  {word}" for word in words], [f"ein {w} " for w in words])
    assert is_source(spec)
    data = load_dataset(spec, DataOptions(dev=Path(spec)))
    assert data.question == Question(answer="sequence")
    assert [len(part) for part in (data.train, data.dev, data.test)] == [9, 10, 1]
    third = data.dev[2]
    assert (third.text, third.label, third.source) == ("a  word2", "ein word2", f"{spec}:3")
    assert third.columns == {}


def test_names_of_aligned_files(tmp_path, monkeypatch):
    """A plus may be part of a name, and the extension is free."""
    monkeypatch.chdir(tmp_path)
    Path("c++").mkdir()
    spec = write_aligned(Path("c++"), ["a", "b"], ["c", "d"], ("train.en", "train.de"))
    assert [one.label for one in read_source(spec, DataOptions())["train"].examples] == ["c", "d"]
    write_aligned(Path(), ["a", "b"], ["c", "d"], ("en", "de"))
    assert is_source("en+de")
    Path("a+b.tsv").write_text("text\tlabel\nx\ty\n")
    assert read_source("a+b.tsv", DataOptions())["train"].examples[0].label == "y"
    with pytest.raises(DataError, match="there is no data set 'trec\\+mr'"):
        load_dataset("trec+mr")
    with pytest.raises(DataError, match=r"^a\+missing\.tsv: can't be read"):
        load_dataset("a+missing.tsv")


@pytest.mark.parametrize(
    ("sources", "targets", "message"),
    [
        (["a", "b"], ["c"], r"source.txt has 2 lines, but .*target.txt has 1: each line of the"),
        (["a", "b"], ["c", ""], r"source.txt\+.*target.txt:2: the label is empty"),
        (["a", " "], ["c", "d"], r"source.txt\+.*target.txt:2: the text is empty"),
        (["a"], [], r"target.txt: there are no texts in it"),
    ],
)
def test_faulty_aligned_files(tmp_path, sources, targets, message):
    with pytest.raises(DataError, match=message):
        load_dataset(write_aligned(tmp_path, sources, targets))


def test_aligned_files_that_are_none(tmp_path):
    spec = write_aligned(tmp_path, ["a"], ["b"])
    with pytest.raises(DataError, match=r"missing.txt: can't be read"):
        load_dataset(spec.replace("target", "missing"))
    with pytest.raises(DataError, match=r"table\.tsv: two files with '\+' between them"):
        load_dataset(write_aligned(tmp_path, ["a"], ["b"], ("a.txt", "table.tsv")))
