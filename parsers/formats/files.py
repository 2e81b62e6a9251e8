"""Read lines and records of files, go on after a faulty one, and write files atomically."""

from __future__ import annotations

import gzip
import os
import warnings
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import IO, Any, Literal, TypeAlias, TypeVar, cast

from parsers.formats.atomic import is_stream, replacing
from structnn.errors import InputError
from structnn.sentence import Sentence, StructureError, quoted

__all__ = [
    "Faults",
    "FormatError",
    "OnError",
    "Records",
    "Source",
    "atomic_writer",
    "decoded_lines",
    "encoded",
    "name_of",
    "numbered_lines",
    "shown",
    "write_sentences",
]

Source = str | os.PathLike[str] | Iterable[str] | IO[bytes]
"""The path of a file (``.gz`` is decompressed), an open file, or an iterable of lines."""

FaultT = TypeVar("FaultT", bound=InputError)

OnError: TypeAlias = Literal["raise", "skip"] | Callable[[FaultT], object]
"""What becomes of a faulty record.

``"raise"`` raises its error; an iterator goes on with the next record when it is asked for one.
``"skip"`` passes over it, and warns at the end of how many there were and what was wrong with the
first. A function is called with each error.
"""

T = TypeVar("T")


class FormatError(InputError):
    """A file can't be read or does not follow its format; the message gives file and line, and why.

    Args:
        file: The name of the file.
        line: The number of the line, from 1; 0 for the file as a whole.
        message: What is wrong, and how to correct it.
    """

    def __init__(self, file: str, line: int, message: str) -> None:
        super().__init__(f"{file}:{line}: {message}" if line else f"{file}: {message}")
        self.file = file
        self.line = line
        self.message = message

    def __reduce__(self) -> tuple[object, ...]:
        # The default would call the class with the one finished message.
        return type(self), (self.file, self.line, self.message)


FormatErrorT = TypeVar("FormatErrorT", bound=FormatError)


class Faults:
    """The errors of faulty records: raised, or passed on and counted.

    Args:
        on_error: What becomes of a faulty record: see :data:`OnError`.

    Attributes:
        count: The number of faulty records so far.

    Raises:
        ValueError: ``on_error`` is none of these.
    """

    def __init__(self, on_error: OnError[Any]) -> None:
        if on_error not in ("raise", "skip") and not callable(on_error):
            raise ValueError(f"on_error must be 'raise', 'skip' or a function, but is {on_error!r}")
        self.count = 0
        self._on_error = on_error
        self._first: InputError | None = None

    def __call__(self, fault: InputError) -> None:
        """Take an error as ``on_error`` says."""
        self.count += 1
        self._first = self._first or fault
        if self._on_error == "raise":
            raise fault
        if callable(self._on_error):
            self._on_error(fault)

    def report(self, read: int, unusable: Callable[[str], InputError], empty: str) -> None:
        """At the end of a file: warn of what was skipped, or raise if there was nothing.

        Args:
            read: The number of records that are not faulty.
            unusable: Makes an error about the whole file of its message.
            empty: What to say of a file that has no record at all.

        Raises:
            InputError: There was no record, or all were faulty and skipped.
        """
        if not self.count:
            if not read:
                raise unusable(empty)
        elif self._on_error == "skip":
            found = f"{self.count} of {read + self.count} records"
            if not read:
                raise unusable(f"none is usable: {found} are faulty, the first: {self._first}")
            warnings.warn(
                f"{found} are faulty and were skipped, the first: {self._first}", stacklevel=4
            )


class Records(Iterator[T]):
    """The records of a file, one by one, with a way past the faulty ones.

    Args:
        records: The records, and in the place of each faulty one its error.
        on_error: What becomes of a faulty one: see :data:`OnError`.
        unusable: Makes an error about the whole file of its message.
        empty: What to say of a file that has no record at all.

    Attributes:
        read: The number of records given so far.

    Raises:
        ValueError: ``on_error`` is none of these.
        InputError: A record is faulty, and ``on_error`` is ``"raise"``; or there is no usable record.
    """

    def __init__(
        self,
        records: Iterator[T | FaultT],
        on_error: OnError[FaultT],
        unusable: Callable[[str], InputError],
        empty: str,
    ) -> None:
        self.read = 0
        self._records: Iterator[T | InputError] = records
        self._faults = Faults(on_error)
        self._unusable = unusable
        self._empty = empty
        self._ended = False

    @property
    def faults(self) -> int:
        """The number of faulty records so far."""
        return self._faults.count

    def __next__(self) -> T:
        for record in self._records:
            if not isinstance(record, InputError):
                self.read += 1
                return record
            self._faults(record)
        if not self._ended:
            self._ended = True
            self._faults.report(self.read, self._unusable, self._empty)
        raise StopIteration


def name_of(source: Source) -> str:
    """The name of a source in messages."""
    if isinstance(source, str | os.PathLike):
        return os.fspath(source)
    return str(getattr(source, "name", "<input>"))


def shown(value: object, limit: int = 40) -> str:
    """A value of a file in a message: on one line, cut where it is long."""
    text = repr(value)
    return text if len(text) <= limit else f"{text[:limit]}..."


def numbered_lines(source: Source, error: type[FormatError]) -> Iterator[tuple[int, str]]:
    """The lines of a source with their numbers, without line ends and byte order mark.

    Only a line feed ends a line: U+0085 and U+2028, at which ``str.splitlines`` splits too, occur inside
    words.

    Args:
        source: A path, an open file or lines.
        error: The exception to raise if the file can't be read, a line is not UTF-8, or the file is
            compressed and damaged.

    Yields:
        The number of the line, from 1, and the line.

    Raises:
        FormatError: The file or a line can't be read; of the type ``error``.
    """
    for number, line in decoded_lines(source, error):
        if isinstance(line, FormatError):
            raise line
        yield number, line


def decoded_lines(
    source: Source, error: type[FormatErrorT]
) -> Iterator[tuple[int, str | FormatErrorT]]:
    """As :func:`numbered_lines`, but with the error in the place of a line that can't be read.

    Raises:
        FormatError: The file can't be read; of the type ``error``.
    """
    name = name_of(source)
    number = 0
    try:
        for number, raw in enumerate(_raw_lines(source), start=1):
            try:
                line = raw.decode() if isinstance(raw, bytes) else str(raw)
                line.encode()  # fails for half a character, which a line that is a string may have
            except UnicodeDecodeError as fault:
                problem = f"byte {fault.start + 1} of the line is not UTF-8; save the file as UTF-8"
                yield number, error(name, number, problem)
                continue
            except UnicodeEncodeError as fault:
                half = ord(fault.object[fault.start])
                problem = f"the line has U+{half:04X}, half a character; correct what it comes from"
                yield number, error(name, number, problem)
                continue
            if number == 1:
                line = line.removeprefix("\ufeff")
            yield number, line.rstrip("\r\n")
    except UnicodeDecodeError as fault:  # of a file that was opened as text
        yield number + 1, error(name, number + 1, f"the file can't be decoded ({fault})")
    except (EOFError, zlib.error, gzip.BadGzipFile) as fault:
        problem = f"the compressed file is cut short or damaged here ({fault}); fetch it again"
        yield number + 1, error(name, number + 1, problem)
    except OSError as fault:
        raise error(name, 0, f"can't be read: {fault.strerror or fault}") from None


def _raw_lines(source: Source) -> Iterator[str | bytes]:
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        with gzip.open(path) if path.suffix == ".gz" else open(path, "rb") as file:
            yield from cast(IO[bytes], file)
    else:
        yield from source


@contextmanager
def atomic_writer(path: str | os.PathLike[str]) -> Iterator[IO[str]]:
    """Open a temporary text file that replaces ``path`` when all of it has been written.

    Args:
        path: The file to write; ``.gz`` is compressed. Its folder is made if there is none. Of a link
            the file that it leads to is replaced; into a pipe or a device it is written as it comes.

    Yields:
        The open temporary file.
    """
    path = Path(path)
    opener = gzip.open if path.suffix == ".gz" else open
    with (
        nullcontext(path) if is_stream(path) else replacing(path) as new,
        opener(new, "wt", encoding="utf-8", newline="\n") as file,
    ):
        yield cast(IO[str], file)


def write_sentences(
    sentences: Iterable[Sentence],
    path: str | os.PathLike[str],
    to_text: Callable[[Sentence], str],
) -> None:
    """Write sentences to a file, which is replaced only when all is written.

    Args:
        sentences: The sentences.
        path: The file to write; ``.gz`` is compressed.
        to_text: The lines of a sentence, with their line ends.

    Raises:
        StructureError: A sentence is not valid Unicode, or ``to_text`` refuses it.
    """
    with atomic_writer(path) as file:
        for sentence in sentences:
            file.write(encoded(sentence, to_text(sentence)).decode())


def encoded(sentence: Sentence, text: str) -> bytes:
    """A text of a sentence in UTF-8.

    Args:
        sentence: The sentence.
        text: What is written of it.

    Raises:
        StructureError: It is not valid Unicode.
    """
    try:
        return text.encode()
    except UnicodeEncodeError as fault:
        raise StructureError(
            f"the sentence {quoted(sentence)} can't be written as UTF-8: "
            f"{fault.object[fault.start]!r} is half a character; correct the text it comes from"
        ) from None
