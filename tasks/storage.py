"""Writing results so that a kill at any moment leaves the old file or the new one, never half."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

__all__ = [
    "StorageError",
    "check_output_file",
    "check_output_folder",
    "read_json",
    "read_json_lines",
    "read_tensors",
    "write_bytes",
    "write_json",
    "write_json_lines",
    "write_tensors",
    "write_text",
]


RUN_AGAIN = "delete it and run again"


class StorageError(ValueError):
    """A file that can't be read, used or written; the message says which, and why."""


def write_text(path: Path, text: str) -> None:
    """Write a text file, atomically."""
    _atomically(path, lambda temporary: Path(temporary).write_text(text, encoding="utf-8"))


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file, atomically."""
    _atomically(path, lambda temporary: Path(temporary).write_bytes(content))


def write_json(path: Path, value: object) -> None:
    """Write a JSON file, atomically."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def read_json(path: Path, remedy: str = RUN_AGAIN) -> Any:
    """Read a JSON file.

    Args:
        path: The file.
        remedy: What the user can do if it is damaged; for the message.

    Raises:
        StorageError: It can't be read, or is not JSON.
    """
    content = _read(path)
    try:
        return json.loads(content.decode())
    except (ValueError, RecursionError) as error:
        raise StorageError(f"{path} is damaged ({error}); {remedy}") from None


def write_json_lines(path: Path, rows: Iterable[object]) -> None:
    """Write a JSON Lines file, atomically."""
    write_text(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def read_json_lines(path: Path, remedy: str = RUN_AGAIN) -> Iterator[Any]:
    """The rows of a JSON Lines file.

    Args:
        path: The file.
        remedy: What the user can do if it is damaged; for the message.

    Raises:
        StorageError: It can't be read, or a line is not JSON.
    """
    for number, line in enumerate(_read(path).removesuffix(b"\n").split(b"\n"), start=1):
        try:
            if line or number > 1:  # a file without rows has no line
                yield json.loads(line.decode())
        except (ValueError, RecursionError) as error:
            raise StorageError(f"{path}:{number} is damaged ({error}); {remedy}") from None


def write_tensors(path: Path, tensors: Mapping[str, Tensor], note: object = None) -> None:
    """Write tensors, a JSON note and a checksum of both in one safetensors file, atomically."""
    whole = {name: tensor.detach().contiguous().cpu() for name, tensor in tensors.items()}
    text = json.dumps(note)
    metadata = {"note": text, "sha256": _checksum(whole, text)}
    _atomically(path, lambda temporary: save_file(whole, temporary, metadata))


def read_tensors(path: Path, remedy: str = RUN_AGAIN) -> tuple[dict[str, Tensor], Any]:
    """The tensors of a safetensors file, and its note.

    Files of earlier versions have no checksum; they are read unchecked.

    Args:
        path: The file.
        remedy: What the user can do if it is damaged; for the message.

    Raises:
        StorageError: It can't be read, or its content is not what was written.
    """
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            metadata = dict(file.metadata() or {})
        text = metadata.pop("note", "null")
        checksum = metadata.pop("sha256", None)
        if checksum is not None and checksum != _checksum(tensors, text):
            raise ValueError("its checksum is that of another content")
        if unknown := metadata.keys() - {"format"}:  # the other key that safetensors itself writes
            raise ValueError(f"unknown metadata: {', '.join(sorted(unknown))}")
        return tensors, json.loads(text)
    except FileNotFoundError:
        raise StorageError(f"{path} is not there") from None
    except OSError as error:
        raise StorageError(f"{path} can't be read ({error.strerror or error}); {remedy}") from None
    # Of a damaged header anything may be asked, from unknown types to more memory than there is.
    except (SafetensorError, ArithmeticError, LookupError, MemoryError, RecursionError) as error:
        raise StorageError(f"{path} is damaged ({error}); {remedy}") from None
    except (AttributeError, RuntimeError, TypeError, ValueError) as error:
        raise StorageError(f"{path} is damaged ({error}); {remedy}") from None


def check_output_folder(folder: Path) -> Path:
    """Make sure, before any work, that files can be written into a folder, which may be new.

    Raises:
        StorageError: They can't; the message says why.
    """
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    try:
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
    if file.is_dir():
        raise StorageError(f"{file} is a folder: give the name of a file in it")
    check_output_folder(file.parent)
    return file


def _checksum(tensors: Mapping[str, Tensor], note: str) -> str:
    """SHA-256 of tensors, with their names, types and shapes, and of a note."""
    digest = hashlib.sha256(note.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(json.dumps([name, str(tensor.dtype), *tensor.shape]).encode())
        digest.update(tensor.flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise StorageError(f"{path} is not there") from None
    except OSError as error:
        raise StorageError(f"{path} can't be read: {error.strerror or error}") from None


def _atomically(path: Path, write: Callable[[str], object]) -> None:
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        os.close(handle)
        write(temporary)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException as error:
        if temporary is not None:
            with suppress(OSError):
                Path(temporary).unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise StorageError(f"{path} can't be written: {error.strerror or error}") from error
        if isinstance(error, SafetensorError | UnicodeEncodeError):
            raise StorageError(f"{path} can't be written: {error}") from error
        raise
