"""Examples from CSV, TSV, JSON Lines, CoNLL-U and fastText files."""

from __future__ import annotations

import csv
import gzip
import io
import json
import math
import os
import re
import warnings
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

from parsers.formats.conllu import iter_conllu
from parsers.formats.files import Faults, OnError
from structnn import InputError, Sentence, StructureError, Tree
from tasks.data.columns import SECOND_TEXT, Columns, columns_of
from tasks.data.examples import DataError, Example, is_visible, quote
from tasks.data.options import DataOptions
from tasks.data.questions import Question

__all__ = [
    "READERS",
    "Table",
    "cell",
    "decoded",
    "is_data_file",
    "read_examples",
    "read_file",
    "read_table",
    "suffix_of",
    "text_in",
]

Row = Mapping[str, object]
RowReader = Callable[[Path, str, Faults], Iterator[tuple[int, Row]]]

_FASTTEXT = "__label__"
_AN_OBJECT = '{"text": "...", "label": "..."}'

# NUL, and halves of surrogate pairs: JSON can write both, and no parser takes them.
_UNUSABLE = re.compile(r"[\x00\ud800-\udfff]")

csv.field_size_limit(2**31 - 1)  # by default a field of 131,072 characters is refused


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
    on_error: OnError = "raise",
) -> tuple[Example, ...]:
    """The examples of a file: see :func:`read_table`."""
    return read_table(path, options, on_error=on_error).examples


def read_table(
    path: str | os.PathLike[str],
    options: DataOptions | None = None,
    *,
    on_error: OnError = "raise",
) -> Table:
    """Read every example of a file; its extension says which format it has (``.gz`` may follow).

    ``.csv`` and ``.tsv`` begin with a line that names the columns. In CSV a field may stand in
    double quotes, and then hold commas, line ends and doubled quotes. In TSV quotes are ordinary
    characters, so that a text with a stray one can't swallow the lines below it. ``.jsonl`` (or
    ``.ndjson``) has an object on each line; its text may be an array of tokens, which stay as they
    are, and beside them may stand the array ``heads`` (the place of each token's head, from 1; 0 for
    the root) and the array ``relations``: the tree of ``--structure given``. ``.conllu`` has such trees
    for its sentences, and the other columns in comments: ``# label = ...``. ``.ft`` is fastText's
    format: labels as ``__label__name`` before the text. Blank lines are passed over; anything else that
    is not an example is an error.

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
    faults = Faults(on_error)
    # All rows are read before the first becomes an example, since all of them say what is asked.
    found: list[tuple[int, Row] | InputError] = []
    for numbered in _reader(path)(path, read_file(path, options.encoding), Faults(found.append)):
        found.append(numbered)
    rows = [entry for entry in found if not isinstance(entry, InputError)]
    columns = columns_of([row for _, row in rows], options, path)
    examples = []
    for entry in found:
        try:
            if isinstance(entry, InputError):
                raise entry
            line, row = entry
            examples.append(_example(row, columns, f"{path}:{line}"))
        except InputError as fault:
            faults(fault)
    faults.report(
        len(examples),
        lambda problem: DataError(f"{path}: {problem}"),
        "there are no examples in it",
    )
    return Table(tuple(examples), columns.question)


def _example(row: Row, columns: Columns, where: str) -> Example:
    for option, column in (("text_column", columns.text), ("label_column", columns.answer)):
        if column not in row:
            raise DataError(
                f"{where}: there is no column {column!r}; the columns are {quote(row)}. "
                f"Choose one with {option} (--{option.replace('_', '-')})"
            )
    label = columns.answer_in(row, where)
    if isinstance(label, list | dict):
        raise DataError(
            f"{where}: the label must be one string or number, but is {_string(label)[:40]}; several "
            "labels go into a column 'labels'"
        )
    if isinstance(label, float) and not math.isfinite(label):
        raise DataError(
            f"{where}: the label is {_string(label)}, which is no number; give the example a label, "
            "or remove it (no example is dropped unasked)"
        )
    # Offsets count the characters of the file, so blanks at the beginning are cut off afterwards.
    text, spans = columns.spans_in(row, text_in(row[columns.text], where, strip=False), where)
    if isinstance(text, str):
        lead = len(text) - len(text.lstrip())
        text, spans = text.strip(), tuple((begin - lead, end - lead) for begin, end in spans)
    text2 = None
    if columns.question.reads == "pair":
        text2 = text_in(row.get(SECOND_TEXT), where)
    sentence = _given_tree(row, text, where)
    own = columns.own | ({"heads", "relations"} if sentence else set())
    return Example(
        text,
        cell(label, columns.answer, where).strip(),
        where,
        sentence,
        {name: cell(value, name, where) for name, value in row.items() if name not in own},
        text2=text2,
        spans=spans,
    )


def is_data_file(name: str) -> bool:
    """Whether ``name`` looks like the name of a file, rather than of a data set."""
    return bool(Path(name).suffix) or len(Path(name).parts) > 1


def _reader(path: Path) -> RowReader:
    try:
        return READERS[suffix_of(path)]
    except KeyError:
        raise DataError(
            f"{path}: the format isn't known by this name; it must end in {', '.join(READERS)}"
        ) from None


def suffix_of(path: Path) -> str:
    """The extension that says which format a file has: that before ``.gz``, if there is one."""
    suffix = path.suffix.lower()
    return path.with_suffix("").suffix.lower() if suffix == ".gz" else suffix


def read_file(path: Path, encoding: str) -> str:
    """The text of a file, unpacked if its name ends in ``.gz``.

    Raises:
        DataError: See :func:`decoded`; or the file can't be read.
    """
    try:
        data = path.read_bytes()
    except (OSError, ValueError) as fault:  # a name with a NUL character is a ValueError
        raise DataError(f"{path}: can't be read: {getattr(fault, 'strerror', fault)}") from None
    if path.suffix.lower() == ".gz":
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error) as fault:
            raise DataError(f"{path}: is not a whole gzip file ({fault})") from None
    return decoded(data, encoding, str(path))


def decoded(data: bytes, encoding: str, source: str) -> str:
    """Bytes as text, without a byte order mark.

    Args:
        data: The bytes.
        encoding: Their encoding.
        source: Where they are from, for messages.

    Raises:
        DataError: There is no such encoding, or the bytes are not of it, or not text.
    """
    try:
        with warnings.catch_warnings():
            # unicode_escape warns of escapes that Python will refuse some day, and reads them.
            warnings.simplefilter("ignore", DeprecationWarning)
            text = data.decode(encoding).removeprefix("\ufeff")
    except LookupError:
        raise DataError(f"there is no encoding {encoding!r}; try utf-8, utf-16 or cp1252") from None
    except UnicodeDecodeError as fault:
        line = data.count(b"\n", 0, fault.start) + 1
        raise DataError(
            f"{source}:{line}: the byte 0x{data[fault.start]:02x} is not {encoding}; save the file as "
            "UTF-8, or say what it is with encoding (--encoding), such as cp1252 or utf-16"
        ) from None
    except ValueError as fault:  # of codecs that are no character sets, such as idna
        raise DataError(f"{source}: can't be read as {encoding}: {fault}; try utf-8") from None
    if found := _UNUSABLE.search(text):
        line = text.count("\n", 0, found.start()) + 1
        what = "NUL character" if found[0] == "\0" else f"U+{ord(found[0]):04X}, half a character"
        raise DataError(
            f"{source}:{line}: there is a {what}; the file isn't text, or is UTF-16: "
            "say so with encoding (--encoding), or remove the character"
        )
    return text


def _csv_rows(path: Path, text: str, faults: Faults) -> Iterator[tuple[int, Row]]:
    lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    return _table_rows(path, lines, lambda: lines.line_num, faults)


def _tsv_rows(path: Path, text: str, faults: Faults) -> Iterator[tuple[int, Row]]:
    lines = csv.reader(io.StringIO(text, newline=""), delimiter="\t", quoting=csv.QUOTE_NONE)
    return _table_rows(path, lines, lambda: lines.line_num, faults, quotes=False)


def _table_rows(
    path: Path,
    lines: Iterable[list[str]],
    line_number: Callable[[], int],
    faults: Faults,
    *,
    quotes: bool = True,
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
        if not row and header is not None and len(header) == 1 and not quotes:
            row = [""]  # without quotes there is no other way to write an empty field alone
        if not _is_blank_line(row, header):
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


def _is_blank_line(row: Sequence[str], header: Sequence[str] | None) -> bool:
    """Whether a row is an empty line or one of blanks, rather than a row of empty fields."""
    if not row or header is None:
        return not any(map(is_visible, row))
    return len(row) == 1 < len(header) and row[0].isspace()


def _header(row: list[str], where: str) -> list[str]:
    names = [name.strip() for name in row]
    for name, count in Counter(names).items():
        if count > 1:
            raise DataError(f"{where}: {count} columns are named {name!r}; give each its own name")
    return names


def _json_rows(path: Path, text: str, faults: Faults) -> Iterator[tuple[int, Row]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line, object_pairs_hook=_object)
        except (ValueError, RecursionError) as fault:
            problem = f"the line isn't JSON ({fault}); each line must hold one whole object"
            faults(DataError(f"{path}:{number}: {problem}"))
            continue
        if isinstance(row, dict):
            yield number, row
        else:
            problem = f"the line holds {_string(row)[:40]}, not an object such as {_AN_OBJECT}"
            faults(DataError(f"{path}:{number}: {problem}"))


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """A JSON object, of which no value is silently replaced by another."""
    found = dict(pairs)
    if len(found) < len(pairs):
        name = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise ValueError(f"{name!r} is there twice")
    return found


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
            f"{where}: the text must be a string or an array of strings, but is {_string(value)[:40]}"
        )
    if found := _UNUSABLE.search("".join(tokens)):
        raise DataError(
            f"{where}: the text holds U+{ord(found[0]):04X}, which is no character; remove it"
        )
    if isinstance(value, list):
        return tuple(tokens)
    return "".join(tokens).strip() if strip else "".join(tokens)


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
        for label in labels or ():
            if not isinstance(label, str) or _UNUSABLE.search(label):
                raise StructureError(
                    f"`relations` must hold strings of characters, but has {_string(label)[:40]!r}"
                )
        tree = Tree([head - 1 for head in heads], labels=labels)
        return Sentence(text, dependencies=tree)
    except StructureError as fault:
        raise DataError(
            f"{where}: the tree is not well formed: {fault} (`heads` count from 1, nodes of this "
            "message from 0)"
        ) from None


def cell(value: object, name: str, where: str) -> str:
    """A cell as a string.

    Args:
        value: What the file has.
        name: Its column, for the message.
        where: Its file and line.

    Raises:
        DataError: It, or the name of the column, has what is no character.
    """
    text = _string(value)
    if found := _UNUSABLE.search(name + text):
        raise DataError(
            f"{where}: the column {name!r} holds U+{ord(found[0]):04X}, which is no character; remove it"
        )
    return text


def _string(value: object) -> str:
    """A cell as a string: a string as it is, null as an empty one, anything else as JSON."""
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def _conllu_rows(path: Path, text: str, faults: Faults) -> Iterator[tuple[int, Row]]:
    """Each sentence of a CoNLL-U file: its words, its tree, and what its comments say."""

    def told(fault: InputError) -> None:
        line, message = getattr(fault, "line", 0), getattr(fault, "message", fault)
        faults(DataError(f"{path}:{line}: {message}"))

    lines = text.splitlines(keepends=True)
    for number, sentence in enumerate(iter_conllu(lines, on_error=told), start=1):
        row: dict[str, object] = {**sentence.metadata, "text": list(sentence.tokens)}
        if tree := sentence.dependencies:
            row["heads"] = [parent + 1 for parent in tree.parents]
            row["relations"] = None if tree.labels is None else list(tree.labels)
        yield number, row


def _fasttext_rows(path: Path, text: str, faults: Faults) -> Iterator[tuple[int, Row]]:
    rows: list[tuple[int, list[str], str]] = []
    for number, line in enumerate(text.split("\n"), start=1):
        words = line.split()
        labels = list(takewhile(lambda word: word.startswith(_FASTTEXT), words))
        if words and not labels:
            problem = f"the line doesn't begin with a label, as {_FASTTEXT}good"
            faults(DataError(f"{path}:{number}: {problem}"))
        elif words:
            names = [label.removeprefix(_FASTTEXT) for label in labels]
            rows.append((number, names, " ".join(words[len(labels) :])))
    if all(len(names) == 1 for _, names, _ in rows):
        yield from ((number, {"text": text, "label": name}) for number, (name,), text in rows)
    else:
        yield from ((number, {"text": text, "labels": names}) for number, names, text in rows)


READERS: dict[str, RowReader] = {
    ".csv": _csv_rows,
    ".tsv": _tsv_rows,
    ".jsonl": _json_rows,
    ".ndjson": _json_rows,
    ".conllu": _conllu_rows,
    ".ft": _fasttext_rows,
}
