"""Examples from files: what is asked by which columns, and what each row answers."""

from __future__ import annotations

import math
import os
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from parsers.formats.files import Faults, OnError
from structnn import InputError, StructureError
from structnn.arcs import arcs_of
from tasks.data.columns import (
    ANSWER_COLUMNS,
    SECOND_TEXT,
    TREE,
    Columns,
    check_tags,
    columns_of,
)
from tasks.data.examples import DataError, Example, quote
from tasks.data.given import SECOND, columns_of_structure, given_constituents, given_structure
from tasks.data.nodes import answer_of
from tasks.data.options import DataOptions
from tasks.data.questions import ROW_SEPARATOR, Question, Span
from tasks.data.rows import UNUSABLE, Row, in_words, rows_of, shown
from tasks.data.treebank import SentenceRow, tags_of_words

__all__ = [
    "Table",
    "cell",
    "check_column",
    "example_of",
    "read_examples",
    "read_table",
    "table_of",
    "text_and_spans",
    "text_in",
]

Entry = tuple[int | str, Row] | InputError
"""A row, with its line or what else is its place; or what is wrong with one."""


@dataclass(frozen=True)
class Table:
    """The examples of a file.

    Attributes:
        examples: In the order of the file.
        question: What its columns ask.
    """

    examples: tuple[Example, ...]
    question: Question


def read_examples(
    path: str | os.PathLike[str],
    options: DataOptions | None = None,
    *,
    on_error: OnError[InputError] = "raise",
) -> tuple[Example, ...]:
    """The examples of a file: see :func:`read_table`."""
    return read_table(path, options, on_error=on_error).examples


def read_table(
    path: str | os.PathLike[str],
    options: DataOptions | None = None,
    *,
    on_error: OnError[InputError] = "raise",
) -> Table:
    """Read every example of a file; its extension says which format it has (``.gz`` may follow).

    ``.csv`` and ``.tsv`` begin with a line that names the columns. In CSV a field may stand in
    double quotes, and then hold commas, line ends and doubled quotes. So may it in TSV if the whole
    file is written so, as pandas does; elsewhere quotes are ordinary characters there, so that a text
    with a stray one can't swallow the lines below it (:func:`tasks.data.tsv.quotes_in`
    decides). ``.jsonl`` (or
    ``.ndjson``) has an object on each line; its text may be an array of tokens, which stay as they
    are, and beside them may stand the array ``heads`` (the place of each token's head, from 1; 0 for
    the root) and the array ``relations``: the tree of ``--structure given`` (``heads2`` and
    ``relations2`` are that of a second text, and so for the columns below); and the object ``graph``,
    whose fields are those of a :class:`~structnn.SentenceGraph`: ``{"tokens": [0, 1, -1], "edges":
    [[2, 0], [2, 1]], "labels": ["ARG0", "ARG1"]}``, for ``--structure graph``. ``.conllu`` has trees
    and graphs of its sentences, and the other columns in comments: ``# label = ...``; or the label
    column is one of its words, see :func:`tasks.data.treebank.tags_of_words`. ``.ptb`` and ``.mrg`` have
    trees in brackets; elsewhere a constituency tree stands in the column ``tree``, in brackets or, in
    JSON, as the fields of a :class:`~structnn.Tree`. ``.ft`` is fastText's
    format: labels as ``__label__name`` before the text. Blank lines are passed over; anything else that
    is not an example is an error. ``.parquet``, ``.arrow`` and ``.feather`` have rows as JSON Lines have
    (with the extra ``data``).

    The columns say what is asked: see :func:`tasks.data.columns.columns_of`.

    Args:
        path: The file.
        options: The columns of text and label, what is asked, and the encoding; a byte order mark is
            passed over.
        on_error: What becomes of a faulty row: ``"raise"``, ``"skip"`` (a warning counts them), or a
            function that is called with the error.

    Returns:
        The examples in the order of the file, other columns in ``columns``.

    Raises:
        DataError: The file can't be read, has a fault, or no usable row; the message names file and
            line.
        ValueError: ``on_error`` is none of these.
    """
    options = options or DataOptions()
    if options.text_column == options.label_column:
        raise DataError(
            f"text and label can't both be the column {options.text_column!r}; choose two columns with "
            "text_column and label_column (--text-column, --label-column)"
        )
    path = Path(path)
    return table_of(_entries(path, options), options, str(path), on_error=on_error)


def _entries(path: Path, options: DataOptions) -> deque[Entry]:
    """The rows of a file and its faults, in order."""
    found: deque[Entry] = deque()
    for numbered in rows_of(path, options.encoding, Faults(found.append)):
        found.append(numbered)
    return found


def table_of(
    found: Iterable[Entry],
    options: DataOptions,
    path: str,
    *,
    on_error: OnError[InputError] = "raise",
) -> Table:
    """The examples of rows: see :func:`read_table`.

    Args:
        found: The rows, and what is wrong with some.
        options: The columns of text and label, and what is asked.
        path: The file, or what else messages call the rows.
        on_error: What becomes of a faulty row.

    Raises:
        DataError: There is a fault, or no usable row.
    """
    # All rows are read before the first becomes an example, since all of them say what is asked. Then
    # each goes when its example is there, since of a large file both take much memory.
    found = _tagged(deque(found), options, path)
    faults = Faults(on_error)
    columns = columns_of(
        [entry[1] for entry in found if not isinstance(entry, InputError)], options, path
    )
    examples = []
    while found:
        entry = found.popleft()
        try:
            if isinstance(entry, InputError):
                raise entry
            line, row = entry
            examples.append(example_of(row, columns, f"{path}:{line}"))
        except InputError as fault:
            if not isinstance(entry, InputError) and isinstance(entry[1], SentenceRow):
                fault = DataError(f"{fault} ({entry[0]} is the number of the sentence)")
            faults(fault)
    faults.report(
        len(examples),
        lambda problem: DataError(f"{path}: {problem}"),
        "there are no examples in it",
    )
    return Table(tuple(examples), columns.question)


def _tagged(found: deque[Entry], options: DataOptions, path: str) -> deque[Entry]:
    """The same rows; those of a treebank with a column of its words as tags, where one is asked for."""
    column = options.label_column
    rows = [entry[1] for entry in found if not isinstance(entry, InputError)]
    sentences = [row.sentence for row in rows if isinstance(row, SentenceRow)]
    if not sentences or column in ("label", *ANSWER_COLUMNS) or column in rows[0]:
        return found
    tags = iter(tags_of_words(sentences, column, path))
    tagged: deque[Entry] = deque()
    for entry in found:
        if not isinstance(entry, InputError) and isinstance(entry[1], SentenceRow):
            row = SentenceRow({**entry[1], column: list(next(tags))}, entry[1].sentence)
            entry = (entry[0], row)
        tagged.append(entry)
    return tagged


def example_of(row: Row, columns: Columns, where: str) -> Example:
    """The example of a row.

    Args:
        row: The row.
        columns: Which column is what.
        where: Its file and line, or what else messages call it.

    Raises:
        DataError: A column is missing, or holds what can't be used.
    """
    if columns.question.reads == "arcs":
        return _of_tree(row, columns, where)
    if columns.question.reads == "nodes":
        return _of_nodes(row, columns, where)
    for option, column in (("text_column", columns.text), ("label_column", columns.answer)):
        check_column(row, column, option, where)
    label = columns.answer_in(row, where)
    if isinstance(label, list | dict):
        raise DataError(
            f"{where}: the label must be one string or number, but is {shown(label)}; several "
            "labels go into a column 'labels'"
        )
    if isinstance(label, float) and not math.isfinite(label):
        raise DataError(
            f"{where}: the label is {in_words(label)}, which is no number; give the example a label, "
            "or remove it (no example is dropped unasked)"
        )
    # Offsets count the characters of the file, so blanks at the beginning are cut off afterwards.
    text = text_in(row[columns.text], where, strip=False)
    if columns.question.has_parts:
        text = tuple(text.split()) if isinstance(text, str) else text
        check_tags(str(label), text, where)
    text, spans = text_and_spans(row, text, columns, where)
    sentence = given_structure(row, text, where)
    own = columns.own | columns_of_structure(sentence)
    text2, sentence2 = None, None
    if columns.question.reads == "pair":
        text2 = text_in(row.get(SECOND_TEXT), where)
        sentence2 = given_structure(row, text2, where, SECOND)
        own |= columns_of_structure(sentence2, SECOND)
    return Example(
        text if sentence is None else tuple(sentence.tokens),  # the same words, held once
        cell(label, columns.answer, where).strip(),
        where,
        sentence,
        {name: cell(value, name, where) for name, value in row.items() if name not in own},
        text2=text2,
        spans=spans,
        sentence2=sentence2,
    )


def text_and_spans(
    row: Row, text: str | tuple[str, ...], columns: Columns, where: str
) -> tuple[str | tuple[str, ...], tuple[Span, ...]]:
    """A text without marks and without blanks at its ends, and its spans, which count without them.

    Args:
        row: Its row.
        text: The text as it stands in the file, or its tokens.
        columns: Which column is what.
        where: Its file and line, for messages.

    Raises:
        DataError: A span is missing, or can't be found in the text.
    """
    text, spans = columns.spans_in(row, text, where)
    if not isinstance(text, str):
        return text, spans
    lead = len(text) - len(text.lstrip())
    return text.strip(), tuple((begin - lead, end - lead) for begin, end in spans)


def _of_tree(row: Row, columns: Columns, where: str) -> Example:
    """An example whose answer is its tree, which then stands nowhere else in it."""
    check_column(row, columns.text, "text_column", where)
    sentence = given_structure(row, text_in(row[columns.text], where), where)
    tree = None if sentence is None else sentence.dependencies
    if sentence is None or tree is None or tree.labels is None:
        raise DataError(
            f"{where}: there is no tree with relations, which is what is asked about: give HEAD and "
            "DEPREL in CoNLL-U, or arrays of tokens, heads and relations in JSON Lines"
        )
    if broken := next((label for label in tree.labels if label.split() != [label]), None):
        raise DataError(
            f"{where}: the relation {broken!r} has white space in it; give each token one without"
        )
    return Example(
        tuple(sentence.tokens),
        ROW_SEPARATOR.join(arcs_of(tree)),
        where,
        columns={
            name: cell(value, name, where) for name, value in row.items() if name not in columns.own
        },
    )


def _of_nodes(row: Row, columns: Columns, where: str) -> Example:
    """An example whose answer is the label of each node of its tree."""
    sentence = given_constituents(row, text_in(row.get(columns.text), where), where)
    if sentence is None or sentence.constituency is None:
        raise DataError(
            f"{where}: there is no tree whose nodes are asked about: give a column {TREE!r} that has it "
            'in brackets, "(3 (2 so) (3 good))", or in JSON Lines, beside tokens, its parents, tokens '
            "and labels"
        )
    try:
        answer = answer_of(sentence.constituency)
    except StructureError as fault:
        raise DataError(f"{where}: {fault}") from None
    return Example(
        tuple(sentence.tokens),
        answer,
        where,
        sentence,
        {name: cell(value, name, where) for name, value in row.items() if name not in columns.own},
    )


def check_column(row: Row, column: str, option: str, where: str) -> None:
    """Make sure that a row has a column.

    Args:
        row: The row.
        column: The column.
        option: The option that chooses it, for the message.
        where: The file and line of the row.

    Raises:
        DataError: It has not.
    """
    if column not in row:
        raise DataError(
            f"{where}: there is no column {column!r}; the columns are {quote(row)}. "
            f"Choose one with {option} (--{option.replace('_', '-')})"
        )


def text_in(value: object, where: str, *, strip: bool = True) -> str | tuple[str, ...]:
    """The text, or the tokens, that a cell holds; empty where it holds none.

    Args:
        value: What the file has.
        where: Its file and line.
        strip: Cut off white space at the ends of a text.

    Raises:
        DataError: It is neither a string nor an array of strings, or has what is no character.
    """
    tokens: list[Any] = [] if value is None else value if isinstance(value, list) else [value]
    if not all(isinstance(token, str) for token in tokens):
        raise DataError(
            f"{where}: the text must be a string or an array of strings, but is {shown(value)}"
        )
    if found := UNUSABLE.search("".join(tokens)):
        raise DataError(
            f"{where}: the text holds U+{ord(found[0]):04X}, which is no character; remove it"
        )
    if isinstance(value, list):
        return tuple(tokens)
    return "".join(tokens).strip() if strip else "".join(tokens)


def cell(value: object, name: str, where: str) -> str:
    """A cell as a string.

    Args:
        value: What the file has.
        name: Its column, for the message.
        where: Its file and line.

    Raises:
        DataError: It, or the name of the column, has what is no character.
    """
    text = in_words(value)
    if found := UNUSABLE.search(name + text):
        raise DataError(
            f"{where}: the column {name!r} holds U+{ord(found[0]):04X}, which is no character; remove it"
        )
    return text
