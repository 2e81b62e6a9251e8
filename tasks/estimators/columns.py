"""What is asked about, as Python has it: columns of texts, rows, tables; as rows and as examples."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, MappingView, Sequence, Set
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from structnn import Sentence
from structnn.fields import shorten_text
from tasks.data.columns import SECOND_TEXT, TREE, Columns, columns_of, text_column
from tasks.data.examples import DataError, Example, quote
from tasks.data.files import example_of
from tasks.data.hugging_face import rows_of_table
from tasks.data.options import DataOptions
from tasks.data.questions import PLAIN_QUESTION, Question
from tasks.estimators.trees import put_labels, put_tree

__all__ = [
    "Column",
    "Row",
    "answer_column",
    "as_example",
    "check_order",
    "examples_of",
    "of_python",
    "put_answer",
    "rows_in",
    "values_in",
    "with_gaps",
]

Column: TypeAlias = Any
"""A column of texts or of answers: a list, or an object of NumPy, pandas or Arrow; or a table."""

_ANSWER_COLUMN = {
    "label": "label",
    "labels": "labels",
    "score": "score",
    "scale": "score",
    "sequence": "target",
}
_TEXTS = ("text", "tokens", "source")


class Row(dict[str, object]):
    """What is asked about, by columns; of a sentence the tokens, and beside them itself.

    Args:
        columns: The columns; a text may be a sentence.
        texts: The names of the columns of texts.
    """

    def __init__(self, columns: Mapping[str, object], texts: Iterable[str]) -> None:
        super().__init__({name: _plain(value) for name, value in columns.items()})
        self.sentences: dict[str, Sentence] = {}
        for name in texts:
            if isinstance(value := self.get(name), Sentence):
                self.sentences[name] = value
                self[name] = list(value.tokens)


def rows_in(X: Column, options: DataOptions, name: str = "X") -> list[Row]:
    """What is asked about, a row for each.

    Args:
        X: Strings, token lists, sentences, or pairs of these (tuples); or rows with columns: dicts, a
            dict of columns, or a table of pandas, polars, Arrow or Hugging Face.
        options: The column of the text, and what the question is about; by default the columns say, and
            tuples of two are pairs.
        name: What messages call it.

    Raises:
        DataError: It is none of these, or a text is no text.
    """
    values, pairs = _items(X, options, name)
    texts = dict.fromkeys((options.text_column, *_TEXTS, SECOND_TEXT))
    rows = []
    for place, value in enumerate(values):
        where = f"{name}[{place}]"
        if isinstance(value, Mapping):
            rows.append(Row(value, texts))
            continue
        parts = value if pairs else [value]
        columns = zip((options.text_column, SECOND_TEXT), parts, strict=False)
        rows.append(Row({column: _text(part, where) for column, part in columns}, texts))
    return rows


def answer_column(question: Question) -> str:
    """The column of a row into which the answer to a question is put, if it has one of its own."""
    return "tags" if question.reads == "tokens" else _ANSWER_COLUMN[question.answer]


def put_answer(row: Row, cell: Any, options: DataOptions, where: str) -> None:
    """Put an answer into a row.

    Args:
        row: The row.
        cell: The answer, as :meth:`tasks.estimators.answers.Values.cells` gives it; None for a list of
            answers that aren't known.
        options: What is asked, and the columns of text and answer.
        where: What messages call the row.

    Raises:
        DataError: There is no tree, or the answer doesn't fit it.
    """
    text = text_column(
        row, options.text_column, tagged=options.reads in ("tokens", "arcs", "nodes")
    )
    if options.reads == "arcs":
        put_tree(row, text, cell, where)
    elif options.reads == "nodes":
        put_labels(row, text, cell, where)
    elif cell is None:
        given = row.get(text)
        tokens = given.split() if isinstance(given, str) else given
        row[options.label_column] = ["?"] * (len(tokens) if isinstance(tokens, list) else 0)
    else:
        row[options.label_column] = cell


def as_example(row: Row, columns: Columns, where: str) -> Example:
    """The example of a row with an answer; sentences that were given are kept."""
    example = example_of(row, columns, where)
    if columns.question.reads in ("arcs", "nodes"):
        return example  # the trees of sentences are answers, or have these as labels
    if (first := row.sentences.get(columns.text)) is not None:
        example = replace(example, sentence=first)
    second = row.sentences.get(SECOND_TEXT)
    if example.text2 is not None and second is not None:
        example = replace(example, sentence2=second)
    return example


def examples_of(
    X: Column,
    question: Question = PLAIN_QUESTION,
    options: DataOptions | None = None,
    name: str = "X",
) -> list[Example]:
    """New texts as examples, whose answers are not known.

    Args:
        X: What is asked about: see :func:`rows_in`.
        question: The question.
        options: The column of the text.
        name: What messages call ``X``.

    Raises:
        DataError: A text is missing or empty, or there is no second text or span, where one is asked
            about.
    """
    column = answer_column(question)
    options = replace(
        options or DataOptions(),
        reads=question.reads,
        answer=question.answer,
        label_column=column,
    )
    rows = rows_in(X, options, name)
    unknown: object = [] if question.answer == "labels" else 0 if question.is_number else "?"
    for place, row in enumerate(rows):
        put_answer(row, None if question.has_parts else unknown, options, f"{name}[{place}]")
    columns = columns_of(rows, options, name)
    return [as_example(row, columns, f"{name}[{place}]") for place, row in enumerate(rows)]


def values_in(column: Column, name: str) -> list[Any]:
    """The values of a column.

    Args:
        column: A list, or an object of NumPy, pandas or Arrow.
        name: What messages call it.

    Raises:
        DataError: It is one text, has no order, or is no column at all.
    """
    check_order(column, name)
    if isinstance(column, str | bytes | Sentence):
        raise DataError(f"{name} is one text: give a list of texts, [{name}] perhaps")
    if hasattr(column, "to_pylist"):  # Arrow
        return list(column.to_pylist())
    if hasattr(column, "to_numpy"):  # pandas
        column = column.to_numpy()
    elif hasattr(column, "__array__"):
        column = with_gaps(column)
    if isinstance(column, np.ndarray):
        if column.ndim == 2 and column.shape[1] == 1:
            column = column[:, 0]
        if column.ndim == 0:
            raise DataError(
                f"{name} is an array of one value: give a list of texts, [{name}] perhaps"
            )
        if column.ndim != 1:
            pair = "; or say reads='pair', if each row is a pair of texts" * (column.shape[-1] == 2)
            raise DataError(
                f"{name} must be a column of texts, but is an array of shape {column.shape}; choose a "
                f"column, as data['text']{pair}"
            )
        return list(column.tolist())
    if not isinstance(column, Iterable):
        raise DataError(f"{name} must be a list of texts, but is {column!r}")
    return list(column)


def with_gaps(column: Column) -> NDArray[Any]:
    """An array, with None in place of what a mask of NumPy says is missing."""
    return np.array(column.tolist(), object) if np.ma.is_masked(column) else np.asarray(column)


def of_python(value: Any) -> Any:
    """A number of NumPy, as a matrix or a grid search gives it, as Python has it."""
    return value.item() if isinstance(value, np.generic) else value


def check_order(column: Column, name: str) -> None:
    """Make sure that the values of a column have places, by which texts and answers belong together.

    Args:
        column: The column.
        name: What messages call it.

    Raises:
        DataError: It is a set, or a mapping or its keys or values.
    """
    if isinstance(column, Set | Mapping | MappingView):
        raise DataError(
            f"{name} is of type {type(column).__name__}, and not a list: what belongs together is found "
            "by its place, and a set has no order. Give a list of values, in the order of the others"
        )


def _items(X: Column, options: DataOptions, name: str) -> tuple[list[Any], bool]:
    """The rows of a table or the values of a column, and whether these are pairs of texts."""
    if isinstance(X, Mapping) and any(hasattr(part, "column_names") for part in X.values()):
        raise DataError(
            f"{name} is a data set with the splits {quote(X)}: give one, such as {name}['train'], and "
            f"another as dev=({name}['validation'], None)"
        )
    if isinstance(X, Mapping):  # columns by their names, as a slice of a Hugging Face data set
        columns = {key: values_in(column, f"{name}[{key!r}]") for key, column in X.items()}
        if len(sizes := {len(values) for values in columns.values()}) > 1:
            raise DataError(f"the columns of {name} have different lengths: {sorted(sizes)}")
        return [
            dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)
        ], False
    if hasattr(X, "to_dicts"):  # polars, whose to_dict is another than that of pandas
        return list(X.to_dicts()), False
    if isinstance(names := getattr(X, "columns", None), Iterable) and hasattr(X, "to_dict"):
        of_trees = {TREE} if options.reads == "nodes" else set()
        known = ({options.text_column, *_TEXTS} | of_trees) & set(names)
        if known:  # pandas
            return list(X.to_dict("records")), False
    elif hasattr(X, "column_names") and hasattr(X, "features"):  # Hugging Face
        return list(rows_of_table(X)), False
    if options.reads == "pair" and getattr(X, "shape", ())[1:] == (2,):
        return np.asarray(X).tolist(), True
    values = values_in(X, name)
    tuples = options.reads in (None, "pair") and bool(values)
    return values, tuples and all(isinstance(one, tuple) and len(one) == 2 for one in values)


def _text(value: object, where: str) -> object:
    """A text, tokens or a sentence."""
    if isinstance(value, Sentence | str):
        return value
    if isinstance(value, Sequence | np.ndarray):
        tokens = [str(token) for token in value if isinstance(token, str)]
        if len(tokens) == len(value):
            return tokens
    raise DataError(
        f"{where} must be a text, a list of tokens or a Sentence, but is "
        f"{shorten_text(str(value))} (of type {type(value).__name__})"
    )


def _plain(value: object) -> object:
    """A cell as a file would have it."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    return list(value) if isinstance(value, tuple) else of_python(value)
