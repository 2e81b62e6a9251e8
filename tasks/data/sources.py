"""Where the examples of a data set are: a file, two aligned ones, a folder, or Hugging Face's hub."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from tasks.data.examples import DataError
from tasks.data.files import Table, read_table, table_of
from tasks.data.hugging_face import HUB, is_saved, load_splits, rows_of_table
from tasks.data.options import DataOptions
from tasks.data.rows import FORMATS, Row, has_rows, is_data_file, read_file
from tasks.data.texts import read_texts

__all__ = ["is_source", "read_source"]

ALIGNED = "+"
"""Stands between the names of two aligned files: ``source.txt+target.txt``."""

_SPLITS = {"train": ("train",), "dev": ("dev", "validation", "valid", "val"), "test": ("test",)}


def is_source(name: str) -> bool:
    """Whether ``name`` looks like that of a file, of two, of a folder or of a data set of the hub."""
    return (
        is_data_file(name)
        or name.startswith(HUB)
        or Path(name).is_dir()
        or _aligned_files(name) is not None
    )


def read_source(spec: str | os.PathLike[str], options: DataOptions) -> dict[str, Table]:
    """The examples of ``train`` and, where there are such parts, ``dev`` and ``test``.

    A folder has a folder for each class, with a text in each file (``pos/1.txt``), or such folders in
    ``train``, ``dev`` and ``test``; or Hugging Face's ``save_to_disk`` wrote it.

    Args:
        spec: A file (see :func:`tasks.data.files.read_table`), a folder, ``hf:NAME``, or two files with
            a text on each line, ``SOURCE+TARGET``: each line of the second answers that of the first.
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
    if (files := _aligned_files(name)) is not None:
        rows = _aligned_rows(*files, options)
        return {"train": table_of(rows, options, name)}
    if not folder.is_dir():
        return {"train": read_table(spec, options)}
    if not (folder / "train").is_dir():
        return {"train": table_of(_texts(folder, options), options, name)}
    found = {}
    for split, names in _SPLITS.items():
        if (part := next(filter(Path.is_dir, (folder / name for name in names)), None)) is not None:
            found[split] = table_of(_texts(part, options), options, str(part))
    return found


def _aligned_files(name: str) -> tuple[str, str] | None:
    """The two files that ``name`` stands for, if it does; a file or folder of this name goes first."""
    pairs = [
        (name[:place], name[place + 1 :])
        for place in range(1, len(name) - 1)
        if name[place] == ALIGNED
    ]
    if not pairs or Path(name).exists():
        return None
    there = [sum(Path(file).is_file() for file in pair) for pair in pairs]
    if not any(there) and (has_rows(Path(name)) or not is_data_file(name)):
        return None  # it looks like one file with rows, or like the name of a data set
    return pairs[there.index(max(there))]


def _aligned_rows(source: str, target: str, options: DataOptions) -> Iterator[tuple[int, Row]]:
    """The lines of two aligned files, each with its number.

    Raises:
        DataError: A file can't be read, has columns, or has more lines than the other.
    """
    for file in (source, target):
        if has_rows(Path(file)):
            raise DataError(
                f"{file}: two files with {ALIGNED!r} between them have a text on each line, but "
                f"files that end in {', '.join(FORMATS)} have columns: give one file with the columns "
                "source and target"
            )
    of_source, of_target = read_texts(source, options), read_texts(target, options)
    if len(of_source) != len(of_target):
        raise DataError(
            f"{source} has {len(of_source):,} lines, but {target} has {len(of_target):,}: each line of "
            "the second file must answer the line with the same number of the first"
        )
    for text, answer in zip(of_source, of_target, strict=True):
        yield text.line, {"source": text.plain, "target": answer.plain}


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
