"""Writing results so that a kill at any moment leaves the old file or the new one, never half."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

__all__ = [
    "StorageError",
    "read_json",
    "read_json_lines",
    "read_tensors",
    "write_bytes",
    "write_json",
    "write_json_lines",
    "write_tensors",
    "write_text",
]


class StorageError(ValueError):
    """A saved file that can't be used; the message says which and why."""


def write_text(path: Path, text: str) -> None:
    """Write a text file, atomically."""
    _atomically(path, lambda temporary: Path(temporary).write_text(text, encoding="utf-8"))


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file, atomically."""
    _atomically(path, lambda temporary: Path(temporary).write_bytes(content))


def write_json(path: Path, value: object) -> None:
    """Write a JSON file, atomically."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        StorageError: It is not there, or is not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StorageError(f"{path} is not there") from None
    except ValueError as error:
        raise StorageError(f"{path} is damaged ({error}); delete it and run again") from None


def write_json_lines(path: Path, rows: Iterable[object]) -> None:
    """Write a JSON Lines file, atomically."""
    write_text(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def read_json_lines(path: Path) -> Iterator[Any]:
    """The rows of a JSON Lines file."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def write_tensors(path: Path, tensors: Mapping[str, Tensor], note: object = None) -> None:
    """Write tensors, and a JSON note in the same file, as safetensors, atomically."""
    whole = {name: tensor.detach().contiguous().cpu() for name, tensor in tensors.items()}
    metadata = {"note": json.dumps(note)}
    _atomically(path, lambda temporary: save_file(whole, temporary, metadata))


def read_tensors(path: Path) -> tuple[dict[str, Tensor], Any]:
    """The tensors of a safetensors file, and its note.

    Raises:
        StorageError: It is not there, or is damaged.
    """
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return tensors, json.loads((file.metadata() or {}).get("note", "null"))
    except FileNotFoundError:
        raise StorageError(f"{path} is not there") from None
    except (SafetensorError, ValueError) as error:
        raise StorageError(f"{path} is damaged ({error}); delete it and run again") from None


def _atomically(path: Path, write: Callable[[str], object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    try:
        write(temporary)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
