"""The rows of Parquet and Arrow files."""

from __future__ import annotations

import importlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from tasks.data.examples import DataError

__all__ = ["ARROW_SUFFIXES", "arrow_rows", "check_names", "extra_package", "with_class_names"]

ARROW_SUFFIXES = (".parquet", ".arrow", ".feather")

_FEATHER_1 = b"FEA1"
"""The beginning of Feather files of version 1, which pyarrow reads in no batches, and gives up."""


def arrow_rows(path: Path) -> Iterator[tuple[int, Mapping[str, object]]]:
    """The rows of a file in batches, each with its number from 1.

    In files that the package ``datasets`` wrote, classes have their names in place of their numbers.

    Args:
        path: A Parquet file, or an Arrow (Feather) file or stream.

    Raises:
        DataError: pyarrow is not installed, or the file can't be read.
    """
    arrow = extra_package("pyarrow", str(path))
    number = 0
    try:
        with path.open("rb") as file:
            for batch in _batches(arrow, file, path):
                check_names(batch.schema.names, path)
                named = _classes(batch.schema.metadata or {})
                for row in batch.to_pylist():
                    number += 1
                    yield number, with_class_names(row, named)
    except DataError:
        raise
    except (OSError, ValueError, OverflowError, arrow.ArrowException) as fault:
        why = getattr(fault, "strerror", None) or fault
        raise DataError(
            f"{path}: can't be read as {path.suffix.removeprefix('.')}: {why}"
        ) from None


def check_names(names: Sequence[str], where: object) -> None:
    """Make sure that no column hides another one of its name.

    Raises:
        DataError: Two have one name.
    """
    for name, count in Counter(names).items():
        if count > 1:
            raise DataError(f"{where}: {count} columns are named {name!r}; give each its own name")


def with_class_names(
    row: Mapping[str, object], named: Mapping[str, Callable[[int], str]]
) -> dict[str, object]:
    """A row with the names of classes in place of their numbers.

    Args:
        row: The row. The classes of a column may be in lists; None and -1 are no class.
        named: For each column of classes, what gives the name of a number.
    """
    return {
        column: _named(value, named[column]) if column in named else value
        for column, value in row.items()
    }


def _named(value: Any, name: Callable[[int], str]) -> object:
    if isinstance(value, list):
        return [_named(one, name) for one in value]
    return None if value is None or value == -1 else str(name(value))


def _classes(metadata: Mapping[bytes, bytes]) -> dict[str, Callable[[int], str]]:
    """For each column of classes, what gives the name of a number, as ``datasets`` wrote it.

    Raises:
        ValueError: It is no JSON.
    """
    features = json.loads(metadata.get(b"huggingface", b"{}"))
    for key in ("info", "features"):
        features = features.get(key) if isinstance(features, dict) else None
    found: dict[str, Callable[[int], str]] = {}
    for column, feature in features.items() if isinstance(features, dict) else ():
        if isinstance(feature, list) and feature:  # as earlier versions wrote lists
            feature = feature[0]
        elif isinstance(feature, dict):
            feature = feature.get("feature", feature)
        if isinstance(feature, dict) and isinstance(names := feature.get("names"), list):
            found[column] = partial(_name_in, column, names)
    return found


def _name_in(column: str, names: Sequence[str], number: int) -> str:
    if not 0 <= number < len(names):
        raise ValueError(f"{column} has the class {number}, but there are {len(names)} names")
    return names[number]


def extra_package(name: str, what: str) -> Any:
    """A package of the extra ``data``.

    Args:
        name: The package.
        what: What needs it, for the message.

    Raises:
        DataError: It is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError:
        raise DataError(
            f"{what}: reading it needs the package {name}: pip install 'structnn[data]'"
        ) from None


def _batches(arrow: Any, file: Any, path: Path) -> Iterator[Any]:
    if path.suffix.lower() == ".parquet":
        parquet = importlib.import_module("pyarrow.parquet")
        yield from parquet.ParquetFile(file).iter_batches()
        return
    if file.read(len(_FEATHER_1)) == _FEATHER_1:
        raise DataError(
            f"{path} is a Feather file of version 1, the format before Arrow's; write it anew: "
            f"feather.write_feather(feather.read_table({path.name!r}), 'new.feather') of pyarrow"
        )
    file.seek(0)
    ipc = importlib.import_module("pyarrow.ipc")
    try:
        reader = ipc.open_file(file)
    except arrow.ArrowInvalid:  # a stream, as the files of Hugging Face's datasets
        file.seek(0)
        yield from ipc.open_stream(file)
        return
    for number in range(reader.num_record_batches):
        yield reader.get_batch(number)
