"""The rows of Parquet and Arrow files."""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tasks.data.examples import DataError

__all__ = ["ARROW_SUFFIXES", "arrow_rows", "extra_package"]

ARROW_SUFFIXES = (".parquet", ".arrow", ".feather")


def arrow_rows(path: Path) -> Iterator[tuple[int, Mapping[str, object]]]:
    """The rows of a file in batches, each with its number from 1.

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
                _check_names(batch.schema.names, path)
                for row in batch.to_pylist():
                    number += 1
                    yield number, row
    except DataError:
        raise
    except (OSError, ValueError, OverflowError, arrow.ArrowException) as fault:
        why = getattr(fault, "strerror", None) or fault
        raise DataError(
            f"{path}: can't be read as {path.suffix.removeprefix('.')}: {why}"
        ) from None


def _check_names(names: Sequence[str], path: Path) -> None:
    """Make sure that no column hides another one of its name.

    Raises:
        DataError: Two have one name.
    """
    for name, count in Counter(names).items():
        if count > 1:
            raise DataError(f"{path}: {count} columns are named {name!r}; give each its own name")


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
    ipc = importlib.import_module("pyarrow.ipc")
    try:
        reader = ipc.open_file(file)
    except arrow.ArrowInvalid:  # a stream, as the files of Hugging Face's datasets
        file.seek(0)
        yield from ipc.open_stream(file)
        return
    for number in range(reader.num_record_batches):
        yield reader.get_batch(number)
