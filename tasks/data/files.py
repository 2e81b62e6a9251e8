"""Examples and texts from CSV, TSV, JSON Lines and text files."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from parsers.formats.files import Faults, OnError
from structnn import Sentence, StructureError, Tree
from tasks.data.examples import DataError, Example, is_visible, quote
from tasks.data.options import DataOptions, TextOptions

__all__ = ["is_data_file", "read_examples", "read_texts"]

Row = Mapping[str, object]
RowReader = Callable[[Path, str, Faults], Iterator[tuple[int, Row]]]

_AN_OBJECT = '{"text": "...", "label": "..."}'

# NUL, and halves of surrogate pairs: JSON can write both, and no parser takes them.
_UNUSABLE = re.compile(r"[\x00\ud800-\udfff]")


def read_examples(
    path: str | os.PathLike[str],
    options: DataOptions | None = None,
    *,
    on_error: OnError = "raise",
) -> tuple[Example, ...]:
    """Read every example of a file; its extension says which format it has.

    ``.csv`` and ``.tsv`` begin with a line that names the columns. In CSV a field may stand in
    double quotes, and then hold commas, line ends and doubled quotes. In TSV quotes are ordinary
    characters, so that a text with a stray one can't swallow the lines below it. ``.jsonl`` (or
    ``.ndjson``) has an object on each line; its text may be an array of tokens, which stay as they
    are, and beside them may stand the array ``heads`` (the place of each token's head, from 1; 0 for
    the root) and the array ``relations``: the tree of ``--structure given``. Blank lines are passed
    over; anything else that is not an example is an error.

    Args:
        path: The file.
        options: The columns of text and label, and the encoding; a byte order mark is passed over.
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
    path = Path(path)
    faults = Faults(on_error)
    examples = []
    for line, row in _reader(path)(path, _read(path, options.encoding), faults):
        try:
            examples.append(_example(row, options, f"{path}:{line}"))
        except DataError as fault:
            faults(fault)
    faults.report(
        len(examples),
        lambda problem: DataError(f"{path}: {problem}"),
        "there are no examples in it",
    )
    return tuple(examples)


def _example(row: Row, options: DataOptions, where: str) -> Example:
    text_column, label_column = options.text_column, options.label_column
    for option, column in (("text_column", text_column), ("label_column", label_column)):
        if column not in row:
            raise DataError(
                f"{where}: there is no column {column!r}; the columns are {quote(row)}. "
                f"Choose one with {option} (--{option.replace('_', '-')})"
            )
    label = row[label_column]
    if isinstance(label, list | dict):
        raise DataError(
            f"{where}: the label must be one string or number, but is {_string(label)[:40]}"
        )
    text = _text(row[text_column], where)
    sentence = _given_tree(row, text, where)
    own = {text_column, label_column} | ({"heads", "relations"} if sentence else set())
    columns = {name: _string(value) for name, value in row.items() if name not in own}
    return Example(text, _string(label).strip(), where, sentence, columns)


def read_texts(
    source: str, options: TextOptions | None = None
) -> tuple[list[str | tuple[str, ...]], int]:
    """Read texts that have no labels.

    Args:
        source: A ``.csv``, ``.tsv``, ``.jsonl`` or ``.ndjson`` file, read as by
            :func:`read_examples`; any other file, or ``-`` for standard input, has a text on each line.
        options: The column of the text, and the encoding; a byte order mark is passed over.

    Returns:
        The texts in order, and the number of blank lines passed over.

    Raises:
        DataError: The file can't be read, has a fault, or has no texts.
    """
    options = options or TextOptions()
    text_column, encoding = options.text_column, options.encoding
    path = Path(source)
    blank = 0
    texts: list[str | tuple[str, ...]] = []
    if path.suffix.lower() in _READERS:
        for line, row in _reader(path)(path, _read(path, encoding), Faults("raise")):
            if text_column not in row:
                raise DataError(
                    f"{path}:{line}: there is no column {text_column!r}; the columns are {quote(row)}. "
                    "Choose one with text_column (--text-column)"
                )
            text = _text(row[text_column], f"{path}:{line}")
            if not (
                is_visible(text) if isinstance(text, str) else text and all(map(is_visible, text))
            ):
                raise DataError(f"{path}:{line}: the text is empty; give one or remove the row")
            texts.append(text)
    else:
        whole = sys.stdin.read().removeprefix("\ufeff") if source == "-" else _read(path, encoding)
        # Lines end where an editor says they do: not at a form feed, nor at the Unicode separators.
        lines = re.split(r"\r\n|\r|\n", whole)
        if not lines[-1]:
            lines.pop()  # what ends the last line begins no other
        texts = [line.strip() for line in lines if is_visible(line)]
        blank = len(lines) - len(texts)
    if not texts:
        raise DataError(f"{source}: there are no texts in it")
    return texts, blank


def is_data_file(name: str) -> bool:
    """Whether ``name`` looks like the name of a file, rather than of a data set."""
    return bool(Path(name).suffix) or len(Path(name).parts) > 1


def _reader(path: Path) -> RowReader:
    try:
        return _READERS[path.suffix.lower()]
    except KeyError:
        raise DataError(
            f"{path}: the format isn't known by this name; it must end in {', '.join(_READERS)}"
        ) from None


def _read(path: Path, encoding: str) -> str:
    try:
        data = path.read_bytes()
    except OSError as fault:
        raise DataError(f"{path}: can't be read: {fault.strerror}") from None
    try:
        text = data.decode(encoding).removeprefix("\ufeff")
    except LookupError:
        raise DataError(f"there is no encoding {encoding!r}; try utf-8, utf-16 or cp1252") from None
    except UnicodeDecodeError as fault:
        line = data.count(b"\n", 0, fault.start) + 1
        raise DataError(
            f"{path}:{line}: the byte 0x{data[fault.start]:02x} is not {encoding}; save the file as "
            "UTF-8, or say what it is with encoding (--encoding), such as cp1252 or utf-16"
        ) from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise DataError(
            f"{path}:{line}: there is a NUL character; the file isn't text, or is UTF-16: "
            "say so with encoding (--encoding), or remove the character"
        )
    return text


def _csv_rows(path: Path, text: str, faults: Faults) -> Iterator[tuple[int, Row]]:
    lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    return _table_rows(path, lines, lambda: lines.line_num, faults)


def _tsv_rows(path: Path, text: str, faults: Faults) -> Iterator[tuple[int, Row]]:
    lines = csv.reader(io.StringIO(text, newline=""), delimiter="\t", quoting=csv.QUOTE_NONE)
    return _table_rows(path, lines, lambda: lines.line_num, faults)


def _table_rows(
    path: Path, lines: Iterable[list[str]], line_number: Callable[[], int], faults: Faults
) -> Iterator[tuple[int, Row]]:
    header: list[str] | None = None
    line = 1
    rows = iter(lines)
    while True:
        try:
            row = next(rows)
        except StopIteration:
            break
        except csv.Error as fault:
            problem = DataError(
                f"{path}:{line}: the row that begins here isn't well formed ({fault}); see that each "
                'quoted field ends in a quote, and double the quotes inside it ("")'
            )
            if header is None:  # without which no other row can be read
                raise problem from None
            faults(problem)
            line = line_number() + 1
            continue
        if len(row) > 1 or any(map(is_visible, row)):
            if header is None:
                header = _header(row, f"{path}:{line}")
            elif len(row) != len(header):
                faults(
                    DataError(
                        f"{path}:{line}: the row has {len(row)} field{'s' * (len(row) != 1)}, and "
                        f"the header {len(header)} ({quote(header)}); put quotes round a field that "
                        "holds a comma, and replace a tab inside a field of a TSV file"
                    )
                )
            else:
                yield line, dict(zip(header, row, strict=True))
        line = line_number() + 1
    if header is None:
        raise DataError(f"{path}: the file is empty; its first line must name the columns")


def _header(row: list[str], where: str) -> list[str]:
    names = [name.strip() for name in row]
    for name, count in Counter(names).items():
        if count > 1:
            raise DataError(f"{where}: {count} columns are named {name!r}; give each its own name")
    return names


def _json_rows(path: Path, text: str, faults: Faults) -> Iterator[tuple[int, Row]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not is_visible(line):
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as fault:
            problem = f"the line isn't JSON ({fault}); each line must hold one whole object"
            faults(DataError(f"{path}:{number}: {problem}"))
            continue
        if isinstance(row, dict):
            yield number, row
        else:
            problem = f"the line holds {_string(row)[:40]}, not an object such as {_AN_OBJECT}"
            faults(DataError(f"{path}:{number}: {problem}"))


def _text(value: object, where: str) -> str | tuple[str, ...]:
    tokens: list[Any] = [] if value is None else value if isinstance(value, list) else [value]
    if not all(isinstance(token, str) for token in tokens):
        raise DataError(
            f"{where}: the text must be a string or an array of strings, but is {_string(value)[:40]}"
        )
    if found := _UNUSABLE.search("".join(tokens)):
        raise DataError(
            f"{where}: the text holds U+{ord(found[0]):04X}, which is no character; remove it"
        )
    return tuple(tokens) if isinstance(value, list) else "".join(tokens).strip()


def _given_tree(row: Row, text: str | tuple[str, ...], where: str) -> Sentence | None:
    """The tokens and the given dependency tree of a row; None if it has none."""
    heads, relations = row.get("heads"), row.get("relations")
    if isinstance(text, str):
        if isinstance(heads, list):
            raise DataError(
                f"{where}: `heads` belong to tokens, but the text is one string; give it as an array of "
                'tokens, such as ["dogs", "bark"], or remove `heads`'
            )
        return None  # a column of another file may have that name
    if not text or heads is None:
        return None
    try:
        for name, values in (("heads", heads), ("relations", relations)):
            if not isinstance(values, list | None):
                raise StructureError(f"`{name}` must be an array, but is {_string(values)[:40]}")
        assert isinstance(heads, list)
        if not all(type(head) is int for head in heads):
            raise StructureError(f"`heads` must hold whole numbers, but is {_string(heads)[:40]}")
        labels = relations if isinstance(relations, list) else None
        tree = Tree([head - 1 for head in heads], labels=labels)
        return Sentence(text, dependencies=tree)
    except StructureError as fault:
        raise DataError(
            f"{where}: the tree is not well formed: {fault} (`heads` count from 1, nodes of this "
            "message from 0)"
        ) from None


def _string(value: object) -> str:
    """A cell as a string: a string as it is, null as an empty one, anything else as JSON."""
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False)


_READERS: dict[str, RowReader] = {
    ".csv": _csv_rows,
    ".tsv": _tsv_rows,
    ".jsonl": _json_rows,
    ".ndjson": _json_rows,
}
