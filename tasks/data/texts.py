"""Texts without labels, each with the line that it is from."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from parsers.formats.brackets import to_brackets
from parsers.formats.files import Faults
from tasks.data.columns import SECOND_TEXT, Columns, columns_asked, text_column
from tasks.data.examples import DataError, check_spans, is_visible, marked_spans
from tasks.data.files import cell, check_column, text_and_spans, text_in
from tasks.data.given import given_constituents
from tasks.data.options import TextOptions
from tasks.data.questions import PLAIN_QUESTION, Question, Span, in_one_string
from tasks.data.rows import FORMATS, Row, decoded, has_rows, read_file, rows_of

__all__ = ["ID", "Text", "empty_note", "lines_of", "name_of", "read_texts"]

ID = "id"
"""The column that goes along with each text, if there is one."""


@dataclass(frozen=True)
class Text:
    """A record of a file of texts.

    Attributes:
        text: The text, or its tokens where the file has tokens; empty if the record has no text.
        line: The line of the file at which it begins, from 1.
        columns: Other columns that go along with it.
        second: The second text, where a question is about pairs.
        spans: The spans of the text that a question is about, without marks.
    """

    text: str | tuple[str, ...]
    line: int
    columns: Mapping[str, str] = field(default_factory=dict)
    second: str | tuple[str, ...] | None = None
    spans: tuple[Span, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to ask about, for want of a text."""
        return not self.text or self.second in ("", ())

    @property
    def plain(self) -> str:
        """The text in one string; tokens are joined by spaces."""
        return in_one_string(self.text)


def read_texts(
    source: str,
    options: TextOptions | None = None,
    keep: Sequence[str] = (),
    question: Question = PLAIN_QUESTION,
    *,
    brackets: bool = False,
) -> list[Text]:
    """Read texts that have no labels: every record of a file, also one without a text.

    Args:
        source: A file with rows (``.csv``, ``.jsonl``, ``.parquet`` ...), read as by
            :func:`tasks.data.files.read_examples`; any other file, or ``-`` for standard input, has a
            text on each line.
        options: The column of the text, and the encoding; a byte order mark is passed over.
        keep: Columns that go along with the texts, beside :data:`ID` if there is one.
        question: What is asked: a pair needs the column ``text2``; spans are in the columns that
            training data has them in, or marked in the texts.
        brackets: Texts are trees in brackets: those that come with rows, of a file of trees or in the
            column ``tree``, stand in the place of their words.

    Returns:
        The records in order.

    Raises:
        DataError: The file can't be read, has a fault or no records, or lacks a column; or a text
            lacks a span.
    """
    options = options or TextOptions()
    path = Path(source)
    name = name_of(source)
    if source != "-" and has_rows(path):
        rows = rows_of(path, options.encoding, Faults("raise"))
        if brackets:
            rows = ((line, _in_brackets(row, options, f"{path}:{line}")) for line, row in rows)
        texts = _of_rows(list(rows), path, options, keep, question)
    elif keep:
        raise DataError(
            f"{name}: a file with a text on each line has no column {keep[0]!r}; --keep is for "
            f"files that end in {', '.join(FORMATS)}"
        )
    elif question.reads == "pair":
        raise DataError(
            f"{name}: a text on each line is one text, but the question is about a pair: give a file "
            f"with the columns {options.text_column!r} and {SECOND_TEXT!r}, such as .tsv or .jsonl"
        )
    else:
        columns = Columns(options.text_column, "", question, marked=True)
        lines = _of_lines(source, options.encoding)
        texts = [_with_spans(text, {}, columns, f"{name}:{text.line}") for text in lines]
    if not texts:
        raise DataError(f"{name}: there are no texts in it")
    return texts


def name_of(source: str) -> str:
    """What messages call a file of texts, or standard input (``-``)."""
    return "standard input" if source == "-" else source


def lines_of(texts: Sequence[Text], most: int = 8) -> str:
    """The lines that some texts are from, in words: ``line 3``, ``lines 3, 7``."""
    shown = ", ".join(str(text.line) for text in texts[:most])
    more = f" and {len(texts) - most} more" if len(texts) > most else ""
    return f"line{'s' * (len(texts) != 1)} {shown}{more}"


def empty_note(texts: Sequence[Text], consequence: str) -> str | None:
    """A sentence that counts the empty texts; None if there are none.

    Args:
        texts: All texts.
        consequence: What becomes of empty ones.
    """
    empty = [text for text in texts if text.is_empty]
    if not empty:
        return None
    return f"{len(empty)} of {len(texts)} texts are empty ({lines_of(empty)}): {consequence}"


def _in_brackets(row: Row, options: TextOptions, where: str) -> Row:
    """A row with its tree as its text, if it has one beside it."""
    column = text_column(row, options.text_column)
    sentence = given_constituents(row, text_in(row.get(column), where), where)
    return row if sentence is None else {**row, column: to_brackets(sentence)}


def _of_rows(
    rows: Sequence[tuple[int, Row]],
    path: Path,
    options: TextOptions,
    keep: Sequence[str],
    question: Question,
) -> list[Text]:
    first = rows[0][1] if rows else {}
    there = [row for _, row in rows]
    columns = columns_asked(there, text_column(first, options.text_column), question, path)
    texts = []
    for line, row in rows:
        text, where = _of_row(row, line, path, options, keep), f"{path}:{line}"
        if question.reads == "pair":
            second = text_in(row.get(SECOND_TEXT), where)
            text = replace(text, second=second if any(map(is_visible, second)) else "")
        texts.append(_with_spans(text, row, columns, where))
    return texts


def _with_spans(text: Text, row: Row, columns: Columns, where: str) -> Text:
    """A record with the spans that the question is about, if it is about any."""
    question = columns.question
    if not question.spans or not text.text:
        return text
    plain: str | tuple[str, ...]
    if columns.marked:
        plain, spans = marked_spans(text.text, question, where)
    else:
        # Offsets count the characters of the file, blanks at the beginning too.
        whole = text_in(row[text_column(row, columns.text)], where, strip=False)
        plain, spans = text_and_spans(row, whole, columns, where)
        check_spans(spans, plain, where)
    return replace(text, text=plain, spans=spans)


def _of_row(row: Row, line: int, path: Path, options: TextOptions, keep: Sequence[str]) -> Text:
    where = f"{path}:{line}"
    of_text = text_column(row, options.text_column)
    check_column(row, of_text, "text_column", where)
    for name in keep:
        check_column(row, name, "keep", where)
    text = text_in(row[of_text], where)
    if isinstance(text, tuple) and any(map(is_visible, text)) and not all(map(is_visible, text)):
        place = list(map(is_visible, text)).index(False)
        raise DataError(f"{where}: token {place} is empty; give one or remove it")
    if not any(map(is_visible, text)):  # the characters, or the tokens
        text = ""
    names = dict.fromkeys([*([ID] if ID in row and of_text != ID else []), *keep])
    return Text(text, line, {name: cell(row[name], name, where) for name in names})


def _of_lines(source: str, encoding: str) -> Iterator[Text]:
    if source == "-":
        whole = decoded(sys.stdin.buffer.read(), encoding, "standard input")
    else:
        whole = read_file(Path(source), encoding)
    # Lines end where an editor says they do: not at a form feed, nor at the Unicode separators.
    lines = re.split(r"\r\n|\r|\n", whole)
    if not lines[-1]:
        lines.pop()  # what ends the last line begins no other
    for number, line in enumerate(lines, start=1):
        yield Text(line.strip() if is_visible(line) else "", number)
