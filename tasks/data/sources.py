"""Where the examples of a data set are: a file, a folder, or a data set of Hugging Face."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from tasks.data.examples import DataError
from tasks.data.files import Table, read_table, table_of
from tasks.data.hugging_face import HUB, is_saved, load_splits, rows_of_table
from tasks.data.options import DataOptions
from tasks.data.rows import Row, is_data_file, read_file

__all__ = ["is_source", "read_source"]

_SPLITS = {"train": ("train",), "dev": ("dev", "validation", "valid", "val"), "test": ("test",)}


def is_source(name: str) -> bool:
    """Whether ``name`` looks like that of a file, a folder or a data set of the hub."""
    return is_data_file(name) or name.startswith(HUB) or Path(name).is_dir()


def read_source(spec: str | os.PathLike[str], options: DataOptions) -> dict[str, Table]:
    """The examples of ``train`` and, where there are such parts, ``dev`` and ``test``.

    A folder has a folder for each class, with a text in each file (``pos/1.txt``), or such folders in
    ``train``, ``dev`` and ``test``; or Hugging Face's ``save_to_disk`` wrote it.

    Args:
        spec: A file (see :func:`tasks.data.files.read_table`), a folder, or ``hf:NAME``.
        options: The columns of text and label, what is asked, and the encoding.

    Raises:
        DataError: It can't be read, or has a fault; the message says where, and what to do.
    """
    name = os.fspath(spec)
    folder = Path(name)
    if name.startswith(HUB) or is_saved(folder):
        return {
            split: table_of(enumerate(rows_of_table(part), start=1), options, f"{name}:{split}")
            for split, part in load_splits(name).items()
        }
    if not folder.is_dir():
        return {"train": read_table(spec, options)}
    if not (folder / "train").is_dir():
        return {"train": table_of(_texts(folder, options), options, name)}
    found = {}
    for split, names in _SPLITS.items():
        if (part := next(filter(Path.is_dir, (folder / name for name in names)), None)) is not None:
            found[split] = table_of(_texts(part, options), options, str(part))
    return found


def _texts(folder: Path, options: DataOptions) -> Iterator[tuple[str, Row]]:
    """The text files of a folder, by class, each with its path."""
    if options.text_column == options.label_column:
        raise DataError(f"text and label can't both be the column {options.text_column!r}")
    files = sorted(folder.glob("[!.]*/*.txt"))
    if not files:
        raise DataError(
            f"{folder}: there are no texts in it: a folder of data has a folder for each class, with a "
            "text in each file (pos/1.txt), or such folders in train, dev and test; or save_to_disk of "
            "the package datasets wrote it"
        )
    for file in files:
        row: Mapping[str, object] = {
            options.text_column: read_file(file, options.encoding),
            options.label_column: file.parent.name,
        }
        yield f"{file.parent.name}/{file.name}", row
