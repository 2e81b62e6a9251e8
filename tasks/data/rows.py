"""The rows of files: CSV, TSV, JSON Lines, CoNLL-U and fastText, packed or not; Parquet and Arrow."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import warnings
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import takewhile
from pathlib import Path

from parsers.formats.brackets import iter_brackets
from parsers.formats.conllu import iter_conllu
from parsers.formats.files import Faults, Records
from structnn import InputError, Sentence
from structnn.fields import shorten_text
from tasks.data.arrow import ARROW_SUFFIXES, arrow_rows, check_names
from tasks.data.examples import DataError, counted, is_visible, quote
from tasks.data.treebank import SentenceRow
from tasks.data.tsv import quotes_in, tsv_reader

__all__ = [
    "FORMATS",
    "UNUSABLE",
    "Row",
    "decoded",
    "has_rows",
    "in_words",
    "is_data_file",
    "read_file",
    "rows_of",
    "shown",
]

Row = Mapping[str, object]
RowReader = Callable[[Path, str, Faults], Iterator[tuple[int, Row]]]

_OF_JSON = (bool, int, float, list, tuple, dict)
_FASTTEXT = "__label__"
_AN_OBJECT = '{"text": "...", "label": "..."}'

UNUSABLE = re.compile(r"[\x00\ud800-\udfff]")
"""NUL, and halves of surrogate pairs: JSON can write both, and no parser takes them."""

csv.field_size_limit(2**31 - 1)  # by default a field of 131,072 characters is refused


def is_data_file(name: str) -> bool:
    """Whether ``name`` looks like the name of a file, rather than of a data set."""
    return bool(Path(name).suffix) or len(Path(name).parts) > 1


def has_rows(path: Path) -> bool:
    """Whether the name of a file says that it has rows."""
    return suffix_of(path) in READERS or path.suffix.lower() in ARROW_SUFFIXES


def rows_of(path: Path, encoding: str, faults: Faults) -> Iterator[tuple[int, Row]]:
    """The rows of a file, each with the line on which it begins, or its number.

    Rows of Arrow files and the sentences of treebanks have numbers, from 1; faulty sentences count.

    Args:
        path: The file; its name says which format it has.
        encoding: The encoding of a text file.
        faults: Is told of each row that can't be read.

    Raises:
        DataError: No format has such a name, or the file can't be read.
    """
    if path.suffix.lower() in ARROW_SUFFIXES:
        return arrow_rows(path)
    reader = READERS.get(suffix_of(path))
    if reader is None:
        raise DataError(
            f"{path}: the format isn't known by this name; it must end in {', '.join(FORMATS)}"
        )
    return reader(path, read_file(path, encoding), faults)


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
    if found := UNUSABLE.search(text):
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
    quotes = quotes_in(text)
    if quotes.stray is not None:
        warnings.warn(
            f"{path}:{quotes.stray}: there is a quote that doesn't enclose a whole field, so all quotes "
            'of the file are part of the texts; if they should enclose fields ("..."), as some do, '
            'enclose this field and double the quotes inside it ("")',
            stacklevel=2,
        )
    lines = tsv_reader(text, enclosed=quotes.enclose)
    return _table_rows(path, lines, lambda: lines.line_num, faults, quotes=quotes.enclose)


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
                header = [name.strip() for name in row]
                check_names(header, f"{path}:{line}")
            elif len(row) != len(header):
                faults(
                    DataError(
                        f"{path}:{line}: the row has {counted(len(row), 'field')}, and "
                        f"the header {len(header)} ({quote(header)}); {_advice(path, row, quotes)}"
                    )
                )
            else:
                yield line, dict(zip(header, row, strict=True))
        line = line_number() + 1
    if header is None:
        raise DataError(f"{path}: the file is empty; its first line must name the columns")


def _advice(path: Path, row: Sequence[str], quotes: bool) -> str:
    """What to do where a row has too few fields, or too many."""
    if quotes:
        what = "tab" if suffix_of(path) == ".tsv" else "comma"
        return f"put quotes round a field that holds a {what}"
    advice = "replace a tab, or a line end, inside a field of a TSV file"
    if any('"' in field for field in row):
        advice += (
            '; quotes are part of the texts here, since some are not those of whole fields ("...", with '
            'quotes inside doubled, "")'
        )
    return advice


def _is_blank_line(row: Sequence[str], header: Sequence[str] | None) -> bool:
    """Whether a row is an empty line or one of blanks, rather than a row of empty fields."""
    if not row or header is None:
        return not any(map(is_visible, row))
    return len(row) == 1 < len(header) and row[0].isspace()


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
            problem = f"the line holds {shown(row)}, not an object such as {_AN_OBJECT}"
            faults(DataError(f"{path}:{number}: {problem}"))


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """A JSON object, of which no value is silently replaced by another."""
    found = dict(pairs)
    if len(found) < len(pairs):
        name = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise ValueError(f"{name!r} is there twice")
    return found


def in_words(value: object) -> str:
    """A cell as a string: a string as it is, null as an empty one, what JSON has as JSON.

    Dates and other things that tables have and JSON has not are as Python writes them.
    """
    if value is None:
        return ""
    return _json(value) if isinstance(value, _OF_JSON) else str(value)


def shown(value: object) -> str:
    """A cell in a message: as JSON, cut where it is long."""
    return shorten_text(_json(value))


def _json(value: object) -> str:
    # Tables have dates and other things that JSON has not.
    return json.dumps(value, ensure_ascii=False, default=str)


def _conllu_rows(path: Path, text: str, faults: Faults) -> Iterator[tuple[int, Row]]:
    """Each sentence of a CoNLL-U file: its words, its tree, and what its comments say."""
    for number, sentence in _sentences(iter_conllu, path, text, faults):
        row: dict[str, object] = {**sentence.metadata, "text": list(sentence.tokens)}
        if tree := sentence.dependencies:
            row["heads"] = [parent + 1 for parent in tree.parents]
            row["relations"] = None if tree.labels is None else list(tree.labels)
        yield number, SentenceRow(row, sentence)


def _bracket_rows(path: Path, text: str, faults: Faults) -> Iterator[tuple[int, Row]]:
    """The words and the tree of each tree of a file in brackets."""
    for number, sentence in _sentences(iter_brackets, path, text, faults):
        yield number, SentenceRow({"text": list(sentence.tokens)}, sentence)


def _sentences(
    read: Callable[..., Records[Sentence]], path: Path, text: str, faults: Faults
) -> Iterator[tuple[int, Sentence]]:
    """The sentences of a treebank, each with its number, faulty ones counted."""

    def told(fault: InputError) -> None:
        line, message = getattr(fault, "line", 0), getattr(fault, "message", fault)
        faults(DataError(f"{path}:{line}: {message}"))

    sentences = read(_lines(text), on_error=told)
    for sentence in sentences:
        yield sentences.read + sentences.faults, sentence


def _lines(text: str) -> list[str]:
    """The lines of a text, which end at line feeds alone: words may hold other ends of Unicode's."""
    return text.split("\n" if "\n" in text else "\r")


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
    ".ptb": _bracket_rows,
    ".mrg": _bracket_rows,
}

FORMATS = (*READERS, *ARROW_SUFFIXES)
"""How the names of files with rows end."""
