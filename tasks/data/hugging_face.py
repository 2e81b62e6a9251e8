"""Data sets of Hugging Face: objects of the package ``datasets``, folders that it saved, and names."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from tasks.data.arrow import extra_package, with_class_names
from tasks.data.examples import DataError, quote

__all__ = ["HUB", "is_saved", "load_splits", "rows_of_table"]

HUB = "hf:"
"""Stands before the name of a data set of the hub, behind which may stand ``:`` and a configuration."""

_SPLITS = {"train": "train", "validation": "dev", "valid": "dev", "dev": "dev", "test": "test"}


def is_saved(folder: Path) -> bool:
    """Whether a folder was written by ``save_to_disk``."""
    return any((folder / name).is_file() for name in ("dataset_dict.json", "state.json"))


def load_splits(spec: str) -> dict[str, Any]:
    """The splits ``train``, ``dev`` and ``test`` of a data set, as far as it has them.

    A split whose labels are all missing is left out, as are those of other names.

    Args:
        spec: A folder that ``save_to_disk`` wrote, or ``hf:NAME`` or ``hf:NAME:CONFIGURATION``.

    Raises:
        DataError: ``datasets`` is not installed, the data set can't be had, or has no split ``train``.
    """
    datasets = extra_package("datasets", spec)
    try:
        if spec.startswith(HUB):
            name, _, configuration = spec.removeprefix(HUB).partition(":")
            found = datasets.load_dataset(name, configuration or None)
        else:
            found = datasets.load_from_disk(spec)
    except Exception as fault:  # of many kinds: of the network, of the hub, of files
        hint = ""
        if spec.startswith(HUB):
            hint = (
                "; without a network give a file, or a folder that save_to_disk of the package datasets "
                "wrote"
            )
        first = next(iter(str(fault).splitlines()), "")
        raise DataError(f"{spec} can't be had ({type(fault).__name__}: {first}){hint}") from None
    if not isinstance(found, Mapping):
        return {"train": found}
    splits = {_SPLITS[name]: part for name, part in found.items() if name in _SPLITS}
    if "train" not in splits:
        raise DataError(f"{spec}: there is no split train; the splits are {quote(found)}")
    return {name: part for name, part in splits.items() if name == "train" or not _is_bare(part)}


def rows_of_table(table: Any) -> Iterator[dict[str, object]]:
    """The rows of a data set of Hugging Face, with the names of classes in place of their numbers.

    Args:
        table: A ``datasets.Dataset``, or another object with ``features`` that gives rows.
    """
    names = {column: _names(feature) for column, feature in table.features.items()}
    named = {column: name for column, name in names.items() if name is not None}
    for row in _plain(table):
        yield with_class_names(row, named)


def _plain(table: Any) -> Any:
    """The same rows with Python's own values, where the format of a data set gives tensors or arrays."""
    if not hasattr(table, "with_format"):
        return table
    form = getattr(table, "format", None)  # one that is streamed has none
    if form is None:
        return table.with_format(None)
    columns = None if form["output_all_columns"] else form["columns"]
    return table.with_format(None, columns=columns)


def _names(feature: Any) -> Callable[[int], str] | None:
    """What gives the name of a class, also of those in lists; None for a feature without classes."""
    inner = getattr(feature, "feature", feature)  # of a list
    name: Callable[[int], str] | None = getattr(inner, "int2str", None)
    return name


def _is_bare(table: Any) -> bool:
    """Whether a split has a column of classes, or of lists of them, and no class in it."""
    plain = _plain(table)
    there = set(plain.column_names)
    for name, feature in table.features.items():
        if _names(feature) is not None and name in there:
            values = list(plain[name])
            lists = [value for value in values if isinstance(value, list)]
            found = set(chain.from_iterable(lists) if lists else values)
            if found <= {-1, None} and (found or not lists):
                return True
    return False
