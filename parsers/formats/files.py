"""Reading lines with their numbers, and writing a file so that it is there whole or not at all."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

Source = str | os.PathLike[str] | Iterable[str] | IO[bytes]
"""A path (``.gz`` is unpacked), an open file, or any iterable of lines."""


class FormatError(ValueError):
    """A file that does not follow its format; the message gives file, line, fault and remedy.

    Args:
        file: The file's name.
        line: The number of the line, from 1; 0 for a fault of the file as a whole.
        message: What is wrong and how to mend it.
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
    """What to call ``source`` in a message."""
    if isinstance(source, str | os.PathLike):
        return os.fspath(source)
    return str(getattr(source, "name", "<input>"))


def numbered_lines(source: Source, error: type[FormatError]) -> Iterator[tuple[int, str]]:
    """The lines of ``source`` with their numbers, with no line ends and no byte order mark.

    Only the line feed ends a line: U+0085 and U+2028, which ``str.splitlines`` would also split at,
    occur inside words.

    Args:
        source: A path, an open file or lines.
        error: The exception to raise where a line is not UTF-8.

    Yields:
        Line number, from 1, and line.
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
    """Open a text file that takes the place of ``path`` only when all of it has been written.

    Args:
        path: Where the file shall be; ``.gz`` is packed.

    Yields:
        The file to write to.
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
