"""A data set of what Python has: what is asked about, and the answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass, replace
from typing import NamedTuple

from structnn.fields import shorten_text
from tasks.data.columns import columns_of
from tasks.data.datasets import make_dataset
from tasks.data.examples import DataError, Dataset, Example, counted, quote
from tasks.data.options import DataOptions
from tasks.data.questions import Answers, Question
from tasks.estimators.answers import Values
from tasks.estimators.columns import (
    Column,
    Row,
    answer_column,
    as_example,
    put_answer,
    rows_in,
)
from tasks.estimators.trees import answers_in

__all__ = ["AskedData", "Part", "asked_data", "part_of"]


class Part(NamedTuple):
    """A part of a data set.

    Attributes:
        X: What is asked about: see :func:`tasks.estimators.columns.rows_in`.
        y: The answers; None where they stand in a column of ``X``.
        names: What messages call the two.
    """

    X: Column
    y: Column | None
    names: tuple[str, str]


def part_of(given: object, name: str) -> Part:
    """The part of a data set that a pair is: what is asked about, and the answers.

    Args:
        given: The pair.
        name: What messages call it.

    Raises:
        DataError: It is none.
    """
    if not isinstance(given, tuple | list) or len(given) != 2:
        what = (
            counted(len(given), "value") if isinstance(given, Sized) else shorten_text(repr(given))
        )
        raise DataError(
            f"{name} must be a pair of examples and their answers, ({name}_X, {name}_y), or of rows "
            f"that have the answers and None, but is of type {type(given).__name__}, with {what}"
        )
    X, y = given
    return Part(X, y, (name, name))


@dataclass(frozen=True)
class AskedData:
    """A data set, and how its answers stand for those that were given.

    Attributes:
        dataset: The data set.
        values: The answers.
        given: All examples that were given to train on, in order; some are the dev or test examples.
    """

    dataset: Dataset
    values: Values
    given: tuple[Example, ...]


def asked_data(
    name: str,
    parts: Mapping[str, Part],
    options: DataOptions,
    values_of: Callable[[Sequence[Row], Column, DataOptions], type[Values] | Values],
    *,
    tested: bool,
) -> AskedData:
    """A data set.

    Args:
        name: What to call it.
        parts: ``train`` and, if they are given, ``dev`` and ``test``.
        options: What is asked, by which columns, and what is held out.
        values_of: What answers are, or answers that are known already, from the rows and answers of
            train; the options say what is asked where the answers are a column.
        tested: Whether there are test examples; if none are given, they are held out.

    Raises:
        ValueError: Something can't be used; the message says what, and how to mend it.
    """
    rows = {split: rows_in(part.X, options, part.names[0]) for split, part in parts.items()}
    answers: dict[str, Column] = {}
    for split, part in parts.items():
        # A generator is gone through once.
        answers[split] = list(part.y) if isinstance(part.y, Iterator) else part.y
        if part.y is None:
            answers[split], options = _column(rows[split], options, part.names)
    values = values_of(rows["train"], answers["train"], options)
    read = {split: values.read(y, parts[split].names[1]) for split, y in answers.items()}
    if isinstance(values, type):
        values = values.of(list(read.values()))
    examples: dict[str, tuple[Example, ...]] = {}
    question: Question | None = None
    for split, part in parts.items():
        cells = values.cells(read[split])
        examples[split], question = _examples(
            rows[split], cells, values.answer, options, part.names[0], question
        )
    assert question is not None
    if not tested:
        examples["test"] = ()
    dataset = make_dataset(name, examples, options, question=question, labels=values.labels)
    return AskedData(dataset, values, examples["train"])


def _column(
    rows: Sequence[Row], options: DataOptions, names: tuple[str, str]
) -> tuple[list[object], DataOptions]:
    """The answers that stand in a column of the rows, and options that say what is asked by it."""
    name, answer = names
    columns = columns_of(rows, options, name)
    if columns.question.reads in ("arcs", "nodes"):
        return answers_in(rows, columns, name), options
    if not rows or columns.answer not in rows[0]:
        if not rows or len(rows[0]) == 1:  # a column of texts
            raise ValueError(f"requires {answer} to be passed, but the target {answer} is None")
        raise DataError(
            f"{name}: there is no column {columns.answer!r}; the columns are {quote(rows[0])}. Give the "
            f"answers as {answer}, or choose a column with label_column"
        )
    question = columns.question
    asked = replace(options, reads=question.reads, answer=question.answer)
    return [row.get(columns.answer) for row in rows], asked


def _examples(
    rows: Sequence[Row],
    cells: Sequence[object],
    answer: Answers,
    options: DataOptions,
    name: str,
    known: Question | None,
) -> tuple[tuple[Example, ...], Question]:
    """The examples of a part, and what is asked.

    Args:
        rows: What is asked about.
        cells: The answers, as they stand in a file.
        answer: Which kind of answer they are.
        options: What is asked, as far as it is given.
        name: What messages call the rows.
        known: What the part before asks.
    """
    if len(cells) != len(rows):
        raise DataError(
            f"{name} has {counted(len(rows), 'text')} and {counted(len(cells), 'label')}: "
            "give each text one"
        )
    reads = options.reads if known is None else known.reads
    column = answer_column(Question("tokens" if reads == "tokens" else "sentence", answer))
    options = replace(options, reads=reads, answer=answer, label_column=column)
    for place, (row, cell) in enumerate(zip(rows, cells, strict=True)):
        put_answer(row, cell, options, f"{name}[{place}]")
    columns = columns_of(rows, options, name)
    examples = [as_example(row, columns, f"{name}[{place}]") for place, row in enumerate(rows)]
    if columns.question.is_one_label:  # names of classes keep their blanks
        examples = [
            replace(example, label=str(cell)) for example, cell in zip(examples, cells, strict=True)
        ]
    return tuple(examples), columns.question
