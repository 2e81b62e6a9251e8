"""Read lines with their numbers, and write files atomically."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

Source = str | os.PathLike[str] | Iterable[str] | IO[bytes]
"""The path of a file (``.gz`` is decompressed), an open file, or an iterable of lines."""


class FormatError(ValueError):
    """A file does not follow its format; the message gives file and line, and how to correct it.

    Args:
        file: The name of the file.
        line: The number of the line, from 1; 0 for the file as a whole.
        message: What is wrong, and how to correct it.
    """

    def __init__(self, file: str, line: int, message: str) -> None:
        super().__init__(f"{file}:{line}: {message}" if line else f"{file}: {message}")
        self.file = file
        self.line = line

    def __reduce__(self) -> tuple[object, ...]:
        # The default would call the class with the one finished message.
        message = str(self).split(": ", 1)[1]
        return type(self), (self.file, self.line, message)


def name_of(source: Source) -> str:
    """The name of a source in messages."""
    if isinstance(source, str | os.PathLike):
        return os.fspath(source)
    return str(getattr(source, "name", "<input>"))


def numbered_lines(source: Source, error: type[FormatError]) -> Iterator[tuple[int, str]]:
    """The lines of a source with their numbers, without line ends and byte order mark.

    Only a line feed ends a line: U+0085 and U+2028, at which ``str.splitlines`` splits too, occur inside
    words.

    Args:
        source: A path, an open file or lines.
        error: The exception to raise if a line is not UTF-8.

    Yields:
        The number of the line, from 1, and the line.

    Raises:
        FormatError: A line is not UTF-8; of the type ``error``.
    """
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        with gzip.open(path) if path.suffix == ".gz" else open(path, "rb") as file:
            yield from numbered_lines(cast(IO[bytes], file), error)
        return
    for number, raw in enumerate(source, start=1):
        try:
            line = raw.decode("utf-8") if isinstance(raw, bytes) else str(raw)
        except UnicodeDecodeError as fault:
            raise error(
                name_of(source),
                number,
                f"byte {fault.start + 1} of the line is not UTF-8; save the file as UTF-8",
            ) from None
        if number == 1:
            line = line.removeprefix("\ufeff")
        yield number, line.rstrip("\r\n")


@contextmanager
def atomic_writer(path: str | os.PathLike[str]) -> Iterator[IO[str]]:
    """Open a temporary text file that replaces ``path`` when all of it has been written.

    Args:
        path: The file to write; ``.gz`` is compressed.

    Yields:
        The open temporary file.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(temporary, "wt", encoding="utf-8", newline="\n") as file:
            yield cast(IO[str], file)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
