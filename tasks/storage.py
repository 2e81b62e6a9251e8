"""Writing results so that a kill at any moment leaves the old file or the new one, never half."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from parsers.formats.atomic import is_stream, replacing
from structnn.errors import InputError

__all__ = [
    "StorageError",
    "atomically",
    "check_not_read",
    "check_output_file",
    "check_output_folder",
    "read_json",
    "read_json_lines",
    "write_bytes",
    "write_json",
    "write_json_lines",
    "write_text",
]


MAKE_AGAIN = "make it again"


class StorageError(InputError):
    """A file that can't be read, used or written; the message says which, and why."""


def write_text(path: Path, text: str) -> None:
    """Write a text file, atomically."""
    atomically(path, lambda temporary: Path(temporary).write_text(text, encoding="utf-8"))


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file, atomically."""
    atomically(path, lambda temporary: Path(temporary).write_bytes(content))


def write_json(path: Path, value: object) -> None:
    """Write a JSON file, atomically."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def read_json(path: Path, remedy: str = MAKE_AGAIN) -> Any:
    """Read a JSON file.

    Args:
        path: The file.
        remedy: What the user can do if it is damaged; for the message.

    Raises:
        StorageError: It can't be read, or is not JSON.
    """
    content = _read(path, remedy)
    try:
        return json.loads(content.decode())
    except (ValueError, RecursionError) as error:
        raise StorageError(f"{path} is damaged ({error}); {remedy}") from None


def write_json_lines(path: Path, rows: Iterable[object]) -> None:
    """Write a JSON Lines file, atomically."""
    write_text(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def read_json_lines(path: Path, remedy: str = MAKE_AGAIN) -> Iterator[Any]:
    """The rows of a JSON Lines file.

    Args:
        path: The file.
        remedy: What the user can do if it is damaged; for the message.

    Raises:
        StorageError: It can't be read, or a line is not JSON.
    """
    for number, line in enumerate(_read(path, remedy).removesuffix(b"\n").split(b"\n"), start=1):
        try:
            if line or number > 1:  # a file without rows has no line
                yield json.loads(line.decode())
        except (ValueError, RecursionError) as error:
            raise StorageError(f"{path}:{number} is damaged ({error}); {remedy}") from None


def atomically(path: Path, write: Callable[[str], object]) -> None:
    """Write a file under another name, and give it its own when it is whole.

    Args:
        path: The file; its folder is made if there is none. Of a link the file that it leads to is
            replaced; into a pipe or a device the whole file is copied.
        write: Called with the other name.

    Raises:
        StorageError: It can't be written.
    """
    try:
        if is_stream(path):
            with tempfile.TemporaryDirectory() as folder:
                whole = Path(folder, "whole")
                write(str(whole))
                with whole.open("rb") as source, path.open("wb") as target:
                    shutil.copyfileobj(source, target)
        else:
            with replacing(path) as new:
                write(str(new))
    except OSError as error:
        raise StorageError(f"{path} can't be written: {error.strerror or error}") from error
    except UnicodeEncodeError as error:
        raise StorageError(f"{path} can't be written: {error}") from error


def check_output_folder(folder: Path) -> Path:
    """Make sure, before any work, that files can be written into a folder, which may be new.

    Raises:
        StorageError: They can't; the message says why.
    """
    try:
        there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
        if not there.is_dir():
            raise StorageError(f"nothing can be written into {folder}: {there} is a file")
        with tempfile.TemporaryFile(dir=there):
            return folder
    except OSError as error:
        raise StorageError(
            f"nothing can be written into {folder}: {error.strerror or error}"
        ) from None


def check_output_file(file: Path) -> Path:
    """Make sure, before any work, that a file can be written; an old one would be replaced.

    Raises:
        StorageError: It can't; the message says why.
    """
    if is_stream(file):
        if not os.access(file, os.W_OK):
            raise StorageError(f"{file} can't be written: Permission denied")
        return file
    check_output_folder((Path(os.path.realpath(file)) if file.is_symlink() else file).parent)
    if file.is_dir():
        raise StorageError(f"{file} is a folder: give the name of a file in it")
    return file


def check_not_read(output: Path, source: str | Path) -> None:
    """Make sure, before any work, that a file to write is not the one to read, which would be lost.

    Raises:
        StorageError: It is.
    """
    if output.exists() and os.path.exists(source) and output.samefile(source):
        raise StorageError(
            f"{output} is the file to read, and would be replaced: give --output another name"
        )


def _read(path: Path, remedy: str) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise StorageError(f"{path} is not there; {remedy}") from None
    except OSError as error:
        raise StorageError(f"{path} can't be read: {error.strerror or error}") from None
