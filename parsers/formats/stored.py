"""Sentences in files that are mapped into memory, so that there may be more of them than fit into it."""

from __future__ import annotations

import errno
import json
import mmap
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, Any

import numpy as np

from parsers.formats.atomic import workplace
from structnn.data.columns import NO_TREE, Column, SentenceColumns
from structnn.errors import InputError
from structnn.sentence import Sentence, StructureError, quoted

__all__ = ["StoredSentences", "on_disk"]

_AT_ONCE = 1000  # sentences that are written together
_COLUMNS = ("lengths", "words", "heads", "heights", "labels", "tags")
_LISTS = ("lexicon", "relations", "tagset")
_KIND = np.dtype(np.int32)
_SEAL = "sentences.json"
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class StoredSentences(SentenceColumns):
    """Sentences in a folder, as columns of numbers; each is made when it is asked for.

    Tokens, tags and dependency trees are kept, which is what training and its results read; lemmas,
    texts and other fields are not. A :class:`~structnn.Corpus` of them makes batches from the files,
    so that it takes a few bytes of memory for a sentence, however long it is; beside it there is the
    list of the distinct words.

    Args:
        folder: A folder that :meth:`write` has written.

    Raises:
        InputError: It isn't such a folder, or not whole.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from structnn import Corpus, Sentence, Tree
        >>> folder = TemporaryDirectory()
        >>> many = (Sentence(["dogs", "bark"], dependencies=Tree([1, -1])) for _ in range(3))
        >>> stored = StoredSentences.write(folder.name, many)
        >>> Corpus(stored[1:], vocabulary=stored.vocabulary()).batch()
        Batch(sentences=2, tokens=4, nodes=4, trees='dependencies')
        >>> folder.cleanup()
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        try:
            content = json.loads((self.folder / _SEAL).read_text(encoding="utf-8"))
            rows = content["rows"]  # until version 0.7.0 without tags
            fields: dict[str, Any] = {name: content[name] for name in _LISTS if name in content}
            fields |= {name: _column(self.folder / name, rows) for name in _COLUMNS if name in rows}
            super().__init__(**fields)
        except (OSError, ValueError, LookupError, TypeError) as fault:
            raise InputError(
                f"{self.folder} doesn't hold whole stored sentences ({fault}); write them again with "
                "StoredSentences.write"
            ) from None

    @classmethod
    def write(
        cls, folder: str | os.PathLike[str], sentences: Iterable[Sentence]
    ) -> StoredSentences:
        """Write sentences into a folder; those that are there are replaced when all are written.

        Args:
            folder: The folder; made if it isn't there.
            sentences: The sentences, which are gone through once.

        Raises:
            StructureError: A sentence has a constituency tree or a graph, but no dependencies, so that
                its structure would be lost.
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        # Other files, since those that are there may be mapped, here or in another process, and what
        # is written may be made of them.
        with workplace(folder) as place:
            with _room_in(str(folder)), ExitStack() as stack:
                files = {name: stack.enter_context((place / name).open("wb")) for name in _COLUMNS}
                lists, rows = _write(sentences, files)
            content = json.dumps({**lists, "rows": rows})
            (folder / _SEAL).unlink(missing_ok=True)
            for name in _COLUMNS:
                os.replace(place / name, folder / name)
        (folder / _SEAL).write_text(content, encoding="utf-8")  # last: all is there
        return cls(folder)

    def __reduce__(self) -> tuple[object, ...]:
        return _opened, (self.folder, self.places)  # the files, and not what is in them

    def __repr__(self) -> str:
        return f"StoredSentences({str(self.folder)!r}: {len(self):,} sentences)"


def on_disk(sentences: Iterable[Sentence]) -> SentenceColumns:
    """Sentences as columns in files without names, which are gone when nothing refers to them.

    What :class:`StoredSentences` are, for as long as a program runs. Another process that is sent them
    has them in its memory.

    Args:
        sentences: The sentences, which are gone through once.

    Raises:
        StructureError: See :meth:`StoredSentences.write`.

    Example:
        >>> from structnn import Sentence, Tree
        >>> many = (Sentence(["dogs", "bark"], dependencies=Tree([1, -1])) for _ in range(3))
        >>> len(on_disk(many)[1:])
        2
    """
    with (
        _room_in(tempfile.gettempdir(), ", or name another folder in TMPDIR"),
        ExitStack() as stack,
    ):
        files = {name: stack.enter_context(tempfile.TemporaryFile()) for name in _COLUMNS}
        lists, rows = _write(sentences, files)
        fields: dict[str, Any] = {name: _mapped(file, rows[name]) for name, file in files.items()}
    return SentenceColumns(**fields | lists)


@contextmanager
def _room_in(place: str, otherwise: str = "") -> Iterator[None]:
    """Say where it is that there is no room: writing to an open file doesn't."""
    try:
        yield
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        raise OSError(
            error.errno,
            f"{error.strerror}: sentences can't be written into {place}; make room there{otherwise}",
        ) from error


def _mapped(file: IO[bytes], rows: int) -> Column:
    file.flush()
    if not rows:
        return np.zeros(0, _KIND)
    return np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), _KIND)


def _write(
    sentences: Iterable[Sentence], files: Mapping[str, IO[bytes]]
) -> tuple[dict[str, list[str]], dict[str, int]]:
    """Write columns; returns the words, relations and tags, and how many rows each column has."""
    numbers: dict[str, dict[str, int]] = {"lexicon": {}, "relations": {"": 0}, "tagset": {"": 0}}
    rows, rest = dict.fromkeys(_COLUMNS, 0), iter(sentences)
    while part := list(islice(rest, _AT_ONCE)):
        for name, values in _rows(part, **numbers).items():
            files[name].write(np.array(values, _KIND).tobytes())
            rows[name] += len(values)
    return {name: list(own) for name, own in numbers.items()}, rows


def _opened(folder: Path, places: Column) -> StoredSentences:
    return StoredSentences(folder).at(places)


def _column(file: Path, rows: dict[str, int]) -> Column:
    """A file as an array, if it has as many rows as it should have."""
    wanted = rows[file.name]
    if file.stat().st_size != wanted * _KIND.itemsize:
        raise ValueError(f"{file.name} has {file.stat().st_size} bytes for {wanted} numbers")
    return np.memmap(file, _KIND, "r") if wanted else np.zeros(0, _KIND)


def _rows(
    sentences: Sequence[Sentence],
    lexicon: dict[str, int],
    relations: dict[str, int],
    tagset: dict[str, int],
) -> dict[str, list[int]]:
    """What some sentences add to each column; words, relations and tags get numbers as they come."""
    rows: dict[str, list[int]] = {name: [] for name in _COLUMNS}
    for sentence in sentences:
        size, tree = len(sentence), sentence.dependencies
        rows["lengths"].append(size)
        rows["words"] += [lexicon.setdefault(word, len(lexicon)) for word in sentence.tokens]
        tags = sentence.tags or [""] * size
        rows["tags"] += [tagset.setdefault(tag, len(tagset)) for tag in tags]
        if tree is None:
            if sentence.constituency is not None or sentence.graph is not None:
                raise StructureError(
                    f"{quoted(sentence)} has a structure, but no dependencies, which "
                    "alone are stored; give it a `dependencies` Tree"
                )
            for name, nothing in (("heads", NO_TREE), ("heights", 0), ("labels", 0)):
                rows[name] += [nothing] * size
            continue
        rows["heads"] += tree.parents
        rows["heights"] += tree.heights
        labels = tree.labels or [""] * size
        rows["labels"] += [relations.setdefault(label, len(relations)) for label in labels]
    return rows
