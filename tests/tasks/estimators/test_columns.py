"""What columns of texts and classes may be."""

from __future__ import annotations

import numpy as np
import pytest

from structnn import Sentence
from tasks.data.examples import DataError
from tasks.data.questions import Question
from tasks.estimators.answers import (
    Classes,
    LabelSets,
    NodeLabels,
    Numbers,
    Tags,
    Texts,
    Trees,
    are_sets,
    classes_in,
    labels_in,
    names_of,
    numbers_in,
)
from tasks.estimators.columns import examples_of

TEXTS = ["Dogs bark.", "Cats purr."]


class Arrow:
    """A column as Arrow has it."""

    def __init__(self, values):
        self.values = values

    def to_pylist(self):
        return list(self.values)


class Pandas(Arrow):
    """A column as pandas has it."""

    to_pylist = property()  # which pandas has not

    def to_numpy(self):
        return np.array(self.values, dtype=object)


@pytest.mark.parametrize(
    "column",
    [
        TEXTS,
        tuple(TEXTS),
        np.array(TEXTS),
        np.array(TEXTS, dtype=object),
        np.array(TEXTS)[:, None],
        Arrow(TEXTS),
        Pandas(TEXTS),
        (text for text in TEXTS),
    ],
)
def test_columns_of_strings(column):
    assert [example.text for example in examples_of(column)] == TEXTS


@pytest.mark.parametrize("kind", ["pandas", "pyarrow"])
def test_columns_of_libraries(kind):
    library = pytest.importorskip(kind)
    make = library.Series if kind == "pandas" else library.array
    assert [example.text for example in examples_of(make(TEXTS))] == TEXTS
    assert examples_of(make([["a", "b"], ["c"]]))[0].text == ("a", "b")
    for values in ([1, 2, 1], [True, False, True], ["b", "a", "b"]):
        y = labels_in(make(values))
        assert y.tolist() == values
        assert classes_in(y).tolist() == sorted(set(values))
    if kind == "pandas":
        y = labels_in(library.Series(["b", "a", "b"], dtype="category"))
        assert classes_in(y).tolist() == ["a", "b"]
        with pytest.raises(DataError, match=r"X must be a column of texts.*shape \(2, 2\)"):
            examples_of(library.DataFrame({"a": TEXTS, "b": TEXTS}))
    else:
        assert classes_in(labels_in(library.chunked_array([["b"], ["a"]]))).tolist() == ["a", "b"]


def test_tokens_and_sentences():
    sentence = Sentence(["dogs", "bark"])
    first, second, third = examples_of([["dogs", "bark"], np.array(["dogs", "bark"]), sentence])
    assert first.text == second.text == third.text == ("dogs", "bark")
    assert third.sentence is sentence


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ("Dogs bark.", r"X is one text: give a list of texts, \[X\]"),
        (Sentence(["dogs"]), "X is one text"),
        (3, "X must be a list of texts, but is 3"),
        (["a", None], r"X\[1\] must be a text.*NoneType"),
        (["a", float("nan")], r"X\[1\] must be a text.*but is nan \(of type float\)"),
        (["a", " "], r"X\[1\]: the text is empty"),
        ([["a", ""]], r"X\[0\]: token 1 is empty"),
        (np.array([["a", "b"]]), r"X must be a column of texts.*shape \(1, 2\)"),
        (np.array([1.5, 2.5]), r"X\[0\] must be a text"),
    ],
)
def test_what_is_no_column_of_texts(column, message):
    with pytest.raises(DataError, match=message):
        examples_of(column)


@pytest.mark.parametrize(
    ("y", "classes"),
    [
        (["b", "a", "b"], ["a", "b"]),
        ([2, 10, 2], [2, 10]),
        ([True, False], [False, True]),
        (np.array([5, 3], dtype=np.int32), [3, 5]),
        (np.array([1.0, 0.0]), [0.0, 1.0]),
        ([("x", 2), ("x", 1)], [("x", 1), ("x", 2)]),
        ([2, "a"], [2, "a"]),
    ],
)
def test_classes(y, classes):
    assert classes_in(labels_in(y)).tolist() == classes


def test_classes_of_integer_arrays_keep_their_type():
    assert classes_in(labels_in(np.array([5, 3], dtype=np.int32))).dtype == np.int32


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (None, "requires y to be passed"),
        (["a", None], r"y\[1\] is None"),
        ([1.0, float("nan")], r"y\[1\] is nan"),
        ([0.5, 1.5], "Unknown label type: continuous"),
        ("ab", "y is one text"),
        ({"a", "b"}, "y is of type set, and not a list"),
        ({"a": 1}, "y is of type dict, and not a list"),
        (np.zeros((2, 2)), "1d"),
    ],
)
def test_what_are_no_classes(y, message):
    with pytest.raises(ValueError, match=message):
        labels_in(y)


def test_a_missing_class_is_told_with_its_place():
    pandas = pytest.importorskip("pandas")
    for kind, values in {
        "string": ["a", None],
        "boolean": [True, None],
        object: ["a", pandas.NA],
    }.items():
        with pytest.raises(DataError, match=r"y\[1\] is (<NA>|nan)"):
            labels_in(pandas.Series(values, dtype=kind))
    for missing in (None, float("nan"), pandas.NA):
        for read in (Tags.read, LabelSets.read):
            with pytest.raises(DataError, match=r"y\[1\]\[2\] is .*: give a class"):
                read([["a", "b", "c"], ["a", "b", missing]], "y")
        assert NodeLabels.read([["a", missing, "_"]], "y") == [["a", None, None]]


def test_what_a_mask_hides_is_missing():
    with pytest.raises(DataError, match=r"y\[1\] is None"):
        labels_in(np.ma.array([0, 1, 0], mask=[0, 1, 0]))
    with pytest.raises(DataError, match=r"X\[1\] must be a text, .* but is None"):
        examples_of(np.ma.array(TEXTS, mask=[0, 1]))
    assert labels_in(np.ma.array([0, 1], mask=[0, 0])).dtype == int
    with pytest.raises(ValueError, match="y contains NaN"):
        Numbers.read(np.ma.array([0.5, 1.0], mask=[0, 1]), "y")
    with pytest.raises(DataError, match="sample_weight must be finite"):
        numbers_in(np.ma.array([0.5, 1.0], mask=[0, 1]), 2, "sample_weight")
    with pytest.raises(DataError, match="y must be a matrix of 0 and 1"):
        LabelSets.read(np.ma.array(np.eye(2), mask=np.eye(2)), "y")


@pytest.mark.parametrize(
    "column", [{"a", "b"}, frozenset("ab"), dict.fromkeys("ab").keys(), {1: "a", 2: "b"}.values()]
)
def test_what_has_no_order_is_refused(column):
    told = rf"is of type {type(column).__name__}, and not a list: .*Give a list"
    with pytest.raises(DataError, match=f"X {told}"):
        examples_of(column)
    with pytest.raises(DataError, match=rf"X\['text'\] {told}"):
        examples_of({"text": column})
    for read in (Classes.read, Numbers.read, LabelSets.read, Tags.read, Trees.read, Texts.read):
        with pytest.raises(DataError, match=f"y {told}"):
            read(column, "y")
    with pytest.raises(DataError, match=f"sample_weight {told}"):
        numbers_in(column, 2, "sample_weight")
    assert [one.text for one in examples_of(text for text in ("a", "b"))] == ["a", "b"]


@pytest.mark.parametrize("missing", [None, float("nan"), 0.5])
def test_what_is_no_text_is_no_target(missing):
    with pytest.raises(DataError, match=r"y\[1\] must be a text or a list of words, but is"):
        Texts.read(["dogs", missing], "y")


@pytest.mark.parametrize("kind", [int, bool, float])
def test_rows_of_ones_and_zeros_are_a_matrix(kind):
    rows = [[kind(1), kind(0)], [kind(0), kind(0)]]
    assert are_sets(rows)
    matrix, columns = LabelSets.read(rows, "y")
    assert columns is None
    assert matrix.tolist() == [[1, 0], [0, 0]]


def test_columns_of_a_matrix_are_found_by_their_names():
    pandas = pytest.importorskip("pandas")
    read = LabelSets.read(pandas.DataFrame({"b": [1, 0], "a": [False, False]}), "y")
    values = LabelSets.of([read])
    assert values.labels == ["b", "a"]
    assert values.cells(read) == [["b"], []]
    swapped = pandas.DataFrame({"a": [1, 0], "b": [1, 1]}, dtype="Int64")
    assert values.sets(LabelSets.read(swapped, "y")) == [{"a", "b"}, {"b"}]
    assert values.cells(LabelSets.read(np.array([[0, 1], [1, 0]]), "y")) == [["a"], ["b"]]
    with pytest.raises(DataError, match="the columns are 'a', 'c', but the classes 'b', 'a'"):
        values.cells(LabelSets.read(swapped.rename(columns={"b": "c"}), "y"))
    with pytest.raises(DataError, match="y has several columns called 'a'"):
        LabelSets.read(swapped.rename(columns={"b": "a"}), "y")
    with pytest.raises(DataError, match="y must be a matrix of 0 and 1"):
        LabelSets.read(swapped.mask(swapped == 0), "y")
    numbered = LabelSets.of([LabelSets.read(swapped.to_numpy(int), "y")])
    assert numbered.cells(LabelSets.read(swapped, "y")) == [["0", "1"], ["1"]]


def test_classes_with_one_name_are_told():
    y = labels_in([1, "1", 2])
    with pytest.raises(DataError, match="different classes with the same name: '1'"):
        classes_in(y)
    assert names_of(classes_in(labels_in([True, False]))) == ["False", "True"]


@pytest.mark.parametrize("kind", ["pandas", "pyarrow", "datasets", "polars"])
def test_tables_of_libraries(kind):
    library = pytest.importorskip(kind)
    columns = {"text": [["a", "b"], ["c"]], "text2": TEXTS, "score": [1.5, 2.0]}
    make = {"pyarrow": "table", "datasets": "Dataset"}.get(kind, "DataFrame")
    make = getattr(library, make)
    table = make.from_dict(columns) if kind == "datasets" else make(columns)
    for one in examples_of(table, Question("pair", "score")):
        assert one.text2 in TEXTS
    assert examples_of(table, Question("pair"))[0].text == ("a", "b")
    assert examples_of(table)[0].columns["score"] == "1.5"
    if kind == "pandas":
        pair = library.DataFrame({"a": TEXTS, "b": TEXTS})
        with pytest.raises(DataError, match="or say reads='pair'"):
            examples_of(pair)
        assert examples_of(pair, Question("pair"))[1].text2 == TEXTS[1]


def test_answers_of_arrow():
    pyarrow = pytest.importorskip("pyarrow")
    assert not are_sets(pyarrow.array(["a", "b"]))
    assert not are_sets(pyarrow.chunked_array([["a"], [None]]))
    assert are_sets(pyarrow.array([["a"], ["a", "b"]]))


def test_a_table_that_looks_like_one_of_polars():
    class Frame:
        columns = ("text", "text2")

        def to_dict(self, *, as_series=True):
            raise AssertionError("columns, and not rows")

        def to_dicts(self):
            return [{"text": "a b", "text2": "c"}]

    (example,) = examples_of(Frame(), Question("pair"))
    assert (example.text, example.text2) == ("a b", "c")


def test_an_array_of_one_text_is_told():
    with pytest.raises(DataError, match=r"X is an array of one value: .*\[X\] perhaps"):
        examples_of(np.array("a b"))


def test_a_table_that_looks_like_one_of_pandas():
    class Frame:
        columns = ("text", "text2")

        def to_dict(self, orient):
            assert orient == "records"
            return [{"text": "a b", "text2": "c"}]

    (example,) = examples_of(Frame(), Question("pair"))
    assert (example.text, example.text2) == ("a b", "c")
