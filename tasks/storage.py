"""Writing results so that a kill at any moment leaves the old file or the new one, never half."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import (
    TYPE_CHECKING,
    Any,
    NamedTuple,
    TypeVar,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

__all__ = [
    "StorageError",
    "as_record",
    "read_json",
    "read_json_lines",
    "read_tensors",
    "write_bytes",
    "write_json",
    "write_json_lines",
    "write_tensors",
    "write_text",
]


Record = TypeVar("Record", bound="DataclassInstance")


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
    """The rows of a JSON Lines file.

    Raises:
        StorageError: It is not there, or a line is not JSON.
    """
    try:
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                try:
                    yield json.loads(line)
                except ValueError as error:
                    raise StorageError(
                        f"{path}:{number} is damaged ({error}); delete the file and run again"
                    ) from None
    except FileNotFoundError:
        raise StorageError(f"{path} is not there") from None


def as_record(
    kind: type[Record], entry: object, where: object, remedy: str, **given: object
) -> Record:
    """A JSON object as a dataclass whose fields have the names of its keys.

    Fields may be dataclasses too, or a ``Mapping[str, ...]`` or ``Sequence`` of them.

    Args:
        kind: The dataclass.
        entry: What was read.
        where: The file, with the line where it has several entries; for the message.
        remedy: What the user can do about a file that doesn't fit; for the message.
        given: Fields that are not in the file.

    Raises:
        StorageError: It is not an object, its keys are not the fields of the dataclass, or the
            dataclass refuses a value. Fields with a default may be missing.
    """
    shape = _shape(kind)
    if isinstance(entry, dict):
        missing = [name for name in shape.required if name not in entry and name not in given]
        unknown = [name for name in entry if name not in shape.names or name in given]
        if not missing and not unknown:
            nested = {
                name: _as_hinted(hint, entry[name], f"{where}: {name}", remedy)
                for name, hint in shape.nested.items()
                if name in entry
            }
            try:
                return kind(**{**entry, **nested, **given})
            except ValueError as error:
                raise StorageError(
                    f"{where} has a value that can't be: {error}; {remedy}"
                ) from None
        faults = [f"missing: {', '.join(missing)}"] * bool(missing)
        faults += [f"unknown: {', '.join(unknown)}"] * bool(unknown)
    else:
        faults = [f"expected an object, found {json.dumps(entry)[:60]}"]
    raise StorageError(
        f"{where} isn't as this version of structnn writes it ({'; '.join(faults)}); {remedy}"
    )


class _Shape(NamedTuple):
    """The fields of a dataclass: all, those without a default, and the types of those to convert."""

    names: frozenset[str]
    required: tuple[str, ...]
    nested: dict[str, Any]


@cache
def _shape(kind: type[DataclassInstance]) -> _Shape:
    hints = get_type_hints(kind)
    return _Shape(
        names=frozenset(hints),
        required=tuple(
            field.name
            for field in fields(kind)
            if field.default is field.default_factory is MISSING
        ),
        nested={name: hint for name, hint in hints.items() if _is_nested(hint)},
    )


def _is_nested(hint: Any) -> bool:
    return (
        is_dataclass(hint)
        or get_origin(hint) is frozenset
        or any(map(is_dataclass, get_args(hint)))
    )


def _as_hinted(hint: Any, value: Any, where: str, remedy: str) -> Any:
    """A value from JSON as the type of a dataclass's field."""
    if is_dataclass(hint):
        return as_record(cast("type[DataclassInstance]", hint), value, where, remedy)
    if get_origin(hint) is frozenset:
        return frozenset(value)
    inner = get_args(hint)[-1]
    if get_origin(hint) is Mapping and isinstance(value, dict):
        return {
            name: _as_hinted(inner, one, f"{where}.{name}", remedy) for name, one in value.items()
        }
    if get_origin(hint) is Sequence and isinstance(value, list):
        return [_as_hinted(inner, one, where, remedy) for one in value]
    return value


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
