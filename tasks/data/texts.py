"""Texts without labels, each with the line that it is from."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from parsers.formats.files import Faults
from tasks.data.columns import text_column
from tasks.data.examples import DataError, is_visible, quote
from tasks.data.files import cell, text_in
from tasks.data.options import TextOptions
from tasks.data.rows import FORMATS, decoded, has_rows, read_file, rows_of

__all__ = ["ID", "Text", "column_names", "empty_note", "lines_of", "read_texts"]

ID = "id"
"""The column that goes along with each text, if there is one."""


@dataclass(frozen=True)
class Text:
    """A record of a file of texts.

    Attributes:
        text: The text, or its tokens where the file has tokens; empty if the record has no text.
        line: The line of the file at which it begins, from 1.
        columns: Other columns that go along with it.
    """

    text: str | tuple[str, ...]
    line: int
    columns: Mapping[str, str] = field(default_factory=dict)

    @property
    def plain(self) -> str:
        """The text in one string; tokens are joined by spaces."""
        return self.text if isinstance(self.text, str) else " ".join(self.text)


def read_texts(
    source: str, options: TextOptions | None = None, keep: Sequence[str] = ()
) -> list[Text]:
    """Read texts that have no labels: every record of a file, also one without a text.

    Args:
        source: A file with rows (``.csv``, ``.jsonl``, ``.parquet`` ...), read as by
            :func:`tasks.data.files.read_examples`; any other file, or ``-`` for standard input, has a
            text on each line.
        options: The column of the text, and the encoding; a byte order mark is passed over.
        keep: Columns that go along with the texts, beside :data:`ID` if there is one.

    Returns:
        The records in order.

    Raises:
        DataError: The file can't be read, has a fault or no records, or lacks a column.
    """
    options = options or TextOptions()
    path = Path(source)
    if source != "-" and has_rows(path):
        rows = rows_of(path, options.encoding, Faults("raise"))
        texts = [_of_row(row, line, path, options, keep) for line, row in rows]
    elif keep:
        raise DataError(
            f"{source}: a file with a text on each line has no column {keep[0]!r}; --keep is for "
            f"files that end in {', '.join(FORMATS)}"
        )
    else:
        texts = list(_of_lines(source, options.encoding))
    if not texts:
        raise DataError(f"{source}: there are no texts in it")
    return texts


def column_names(source: str, options: TextOptions) -> tuple[str, ...]:
    """The columns of the first row of a file; none if it has a text on each line."""
    path = Path(source)
    if source == "-" or not has_rows(path):
        return ()
    rows = rows_of(path, options.encoding, Faults("raise"))
    return next((tuple(row) for _, row in rows), ())


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
    empty = [text for text in texts if not text.text]
    if not empty:
        return None
    return f"{len(empty)} of {len(texts)} texts are empty ({lines_of(empty)}): {consequence}"


def _of_row(
    row: Mapping[str, object], line: int, path: Path, options: TextOptions, keep: Sequence[str]
) -> Text:
    where = f"{path}:{line}"
    of_text = text_column(row, options.text_column)
    for option, column in (
        ("text_column", of_text),
        *(("keep", name) for name in keep),
    ):
        if column not in row:
            raise DataError(
                f"{where}: there is no column {column!r}; the columns are {quote(row)}. "
                f"Choose one with {option} (--{option.replace('_', '-')})"
            )
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
