"""The parse cache: an SQLite file of parses, so that no text is parsed twice."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import signal
import sqlite3
import sys
import time
import warnings
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import closing
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import Any, Protocol, TypeVar

from parsers.formats.json import sentence_from_json, sentence_to_json
from parsers.workers import end_with
from structnn.sentence import Sentence

__all__ = ["CacheError", "CachedParser", "Parser", "ParserInput", "Progress"]

ParserInput = str | Sequence[str]
"""The input of a parser: a text, or a sequence of tokens."""

Progress = Callable[[int, int], object]
"""A function that is called with the number of inputs done and the number of all inputs."""

_APPLICATION = 0x53747250  # "StrP": marks an SQLite file as a parse cache
_BUSY_SECONDS = 120.0
_LOOK_UP = 500  # keys in one query
_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)

T = TypeVar("T")


class Parser(Protocol):
    """The interface of a parser: :class:`~parsers.StanzaParser`, or one of your own.

    A parser that can be pickled may have an attribute ``worth_a_worker``, the number of inputs for which
    starting another process saves time: :class:`CachedParser` then parses large inputs in several
    processes. If it has a method ``load``, that is called before processes are forked, so that they
    share the loaded models.

    Attributes:
        fingerprint: A string that changes whenever the parser, its model or its options do. The cache
            keeps parses under it.
    """

    @property
    def fingerprint(self) -> str:
        """A string that changes whenever the parser, its model or its options do."""
        ...

    def parse(self, texts: list[Any], /) -> list[Sentence]:
        """Parse in bulk.

        Args:
            texts: Texts, or lists of tokens, which must be kept one for one.

        Returns:
            A sentence for each text, in order.
        """
        ...


class CacheError(RuntimeError):
    """A file can't be used as a parse cache, or a parser returns the wrong number of sentences."""


class CachedParser:
    """A parser with a cache: it parses only what its file does not have.

    The file keeps each parse as JSON, with a checksum, under the parser's fingerprint and the input.
    Each chunk is saved as soon as it is parsed, so that an interrupted run continues where it
    stopped. Several processes may share the file. A damaged file is renamed with a warning, and a
    new one begun; a damaged row is parsed again.

    Args:
        parser: The parser, any :class:`Parser`.
        path: The file of the cache; made if it does not exist, with its folder.
        chunk: The number of inputs that the parser is given at once, and that are saved at once.
        workers: The number of processes, each with one thread; 1 for this process alone. By default
            one for each core if the parser has ``worth_a_worker`` (see :class:`Parser`) and there are
            that many inputs for each, and otherwise 1.
        progress: A function that is called after each chunk with the number of inputs done and the
            number of all inputs.

    Attributes:
        hits: The number of inputs that were in the cache, or given before in the same call.
        misses: The number of inputs that were parsed.

    Raises:
        CacheError: The file is an SQLite file but not a parse cache, or can't be written.
        ValueError: ``chunk`` or ``workers`` is less than 1.

    Example:
        >>> parser = CachedParser(StanzaParser("en"), "parses.sqlite")  # doctest: +SKIP
        >>> parser.parse(["Dogs bark.", ["Cats", "meow", "."]])  # doctest: +SKIP
    """

    def __init__(
        self,
        parser: Parser,
        path: str | os.PathLike[str],
        *,
        chunk: int = 500,
        workers: int | None = None,
        progress: Progress | None = None,
    ) -> None:
        if chunk < 1:
            raise ValueError(f"chunk must be at least 1, but is {chunk}")
        if workers is not None and workers < 1:
            raise ValueError(f"workers must be at least 1, but is {workers}")
        self.parser = parser
        self.path = Path(path)
        self.chunk = chunk
        self.workers = workers
        self.progress = progress
        self.hits = 0
        self.misses = 0
        # Fails now if the file can't be used, and not after hours of parsing.
        self._attempt(lambda connection: None)

    def __repr__(self) -> str:
        return f"CachedParser({self.parser!r}, {str(self.path)!r})"

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the parser."""
        return self.parser.fingerprint

    def parse(self, texts: Sequence[ParserInput], /) -> list[Sentence]:
        """Parse what is not in the cache, and save it there.

        Args:
            texts: Texts, or lists of tokens.

        Returns:
            A sentence for each text, in order.

        Raises:
            CacheError: The parser returned more or fewer sentences than it was given texts, or the file
                can't be used.
        """
        keys = [_key(text) for text in texts]
        inputs = dict(zip(keys, texts, strict=True))
        times_given = Counter(keys)
        found = self._load(list(inputs))
        missing = [key for key in inputs if key not in found]
        self.hits += len(keys) - len(missing)
        done = len(keys) - sum(times_given[key] for key in missing)
        self._report(done, len(keys))
        chunks = [missing[at : at + self.chunk] for at in range(0, len(missing), self.chunk)]
        for chunk in self._parse_chunks([{key: inputs[key] for key in chunk} for chunk in chunks]):
            found |= chunk
            done += sum(times_given[key] for key in chunk)
            self._report(done, len(keys))
        return [found[key] for key in keys]

    def _parse_chunks(self, chunks: list[dict[str, ParserInput]]) -> Iterator[dict[str, Sentence]]:
        """Parse chunks and save the parses; yields those of each chunk as soon as they are saved."""
        from joblib import cpu_count

        workers = self.workers
        if workers is None:
            worth_a_worker = getattr(self.parser, "worth_a_worker", None)
            inputs = sum(map(len, chunks))
            workers = min(cpu_count(), inputs // worth_a_worker) if worth_a_worker else 1
        if min(workers, len(chunks)) <= 1:
            for number, chunk in enumerate(chunks):
                # Another process may have saved some of these meanwhile.
                shared = self._load(list(chunk)) if number else {}
                self.hits += len(shared)
                yield shared | self._parse({key: chunk[key] for key in chunk if key not in shared})
            return
        for parsed, hits in _parse_in_workers(self.parser, self.path, chunks, workers):
            self.hits += hits
            self.misses += len(parsed) - hits
            yield parsed

    def _parse(self, inputs: dict[str, ParserInput]) -> dict[str, Sentence]:
        if not inputs:
            return {}
        sentences = self.parser.parse(
            [text if isinstance(text, str) else list(text) for text in inputs.values()]
        )
        if len(sentences) != len(inputs):
            raise CacheError(
                f"{type(self.parser).__name__}.parse returned {len(sentences)} sentences for "
                f"{len(inputs)} inputs; it must return one for each, in order"
            )
        parsed = dict(zip(inputs, sentences, strict=True))
        self._save(parsed)
        self.misses += len(parsed)
        return parsed

    def _load(self, keys: list[str]) -> dict[str, Sentence]:
        """The sentences of those keys that are in the cache."""
        rows = self._attempt(lambda connection: list(_select(connection, self.fingerprint, keys)))
        found: dict[str, Sentence] = {}
        damaged = 0
        for key, row, checksum in rows:
            try:
                if checksum != self._checksum(key, row):
                    raise ValueError("another row was saved")
                found[key] = sentence_from_json(row)
            except (ValueError, TypeError, KeyError, AttributeError):
                damaged += 1  # and is parsed again, as what is missing is
        if damaged:
            warnings.warn(
                f"{self.path}: {damaged} saved parses are damaged, and are parsed again",
                stacklevel=3,
            )
        return found

    def _save(self, parsed: dict[str, Sentence]) -> None:
        fingerprint = self.fingerprint
        rows = []
        for key, sentence in parsed.items():
            row = sentence_to_json(sentence)
            rows.append((fingerprint, key, row, self._checksum(key, row)))

        def insert(connection: sqlite3.Connection) -> None:
            # Immediate: SQLite waits for a lock that is taken at once, but not for one that is upgraded.
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("INSERT OR REPLACE INTO parses VALUES (?, ?, ?, ?)", rows)
            connection.execute("COMMIT")

        self._attempt(insert)

    def _report(self, done: int, total: int) -> None:
        if self.progress is not None:
            self.progress(done, total)

    def _checksum(self, key: str, row: str) -> int:
        return zlib.crc32(f"{self.fingerprint}\0{key}\0{row}".encode())

    def _attempt(self, action: Callable[[sqlite3.Connection], T]) -> T:
        """Run an action on the database, or on a new one if it is damaged."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        identity = _identity(self.path)
        try:
            return self._run(action)
        except sqlite3.DatabaseError as fault:
            if getattr(fault, "sqlite_errorcode", None) not in _DAMAGE:
                raise CacheError(
                    f"the parse cache {self.path} can't be used ({fault}); make sure that the folder is "
                    "writable and that no stopped process holds the file, or give another file"
                ) from fault
            if _identity(self.path) == identity:  # else another process has begun a new one
                self._move_aside(fault)
        return self._run(action)

    def _run(self, action: Callable[[sqlite3.Connection], T]) -> T:
        # A connection for each action: cheap compared with parsing, and safe with forks and threads.
        connection = sqlite3.connect(self.path, timeout=_BUSY_SECONDS, isolation_level=None)
        with closing(connection):
            connection.execute("PRAGMA synchronous = NORMAL")
            (application,) = connection.execute("PRAGMA application_id").fetchone()
            if application != _APPLICATION:
                self._set_up(connection)
            return action(connection)

    def _set_up(self, connection: sqlite3.Connection) -> None:
        connection.execute("BEGIN IMMEDIATE")  # one process sets up, the others wait
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if tables and application != _APPLICATION:
            raise CacheError(
                f"{self.path} is an SQLite file, but not a parse cache; give another file for the cache"
            )
        if not tables:
            connection.execute(
                "CREATE TABLE parses (parser TEXT, key TEXT, sentence TEXT, checksum INTEGER, "
                "PRIMARY KEY (parser, key)) WITHOUT ROWID"
            )
            connection.execute(f"PRAGMA application_id = {_APPLICATION}")
        connection.execute("COMMIT")

    def _move_aside(self, fault: Exception) -> None:
        aside = self.path.with_name(f"{self.path.name}.damaged-{time.strftime('%Y%m%d-%H%M%S')}")
        os.replace(self.path, aside)
        # SQLite would apply a journal that is left to the new file.
        self.path.with_name(self.path.name + "-journal").unlink(missing_ok=True)
        warnings.warn(
            f"the parse cache {self.path} is damaged ({fault}); it was renamed to {aside}, and a new "
            "one is begun",
            stacklevel=4,
        )


def _parse_in_workers(
    parser: Parser, path: Path, chunks: list[dict[str, ParserInput]], workers: int
) -> Iterator[tuple[dict[str, Sentence], int]]:
    """The results of :func:`_parse_in_worker` for all chunks, in the order in which they are done."""
    context: BaseContext = multiprocessing.get_context()
    if sys.platform == "linux":
        # Forked processes share the parser of this one, with its models loaded once.
        context = multiprocessing.get_context("fork")
        getattr(parser, "load", lambda: None)()
        _parsers[parser.fingerprint] = parser
    executor = ProcessPoolExecutor(
        min(workers, len(chunks)), context, _set_up_worker, (os.getpid(),)
    )
    try:
        jobs = [executor.submit(_parse_in_worker, parser, path, chunk) for chunk in chunks]
        for job in as_completed(jobs):
            yield job.result()
    finally:
        executor.shutdown(cancel_futures=True)
        _parsers.pop(parser.fingerprint, None)


def _set_up_worker(parent: int) -> None:
    end_with(parent)
    # Only the parent stops at Ctrl-C; a worker finishes and saves its chunk.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(1)


_parsers: dict[str, Parser] = {}  # in a worker: the parsers that are loaded, by fingerprint


def _parse_in_worker(
    parser: Parser, path: Path, chunk: dict[str, ParserInput]
) -> tuple[dict[str, Sentence], int]:
    """The sentences of a chunk, and the number of them that another process had saved already."""
    parser = _parsers.setdefault(parser.fingerprint, parser)
    cached = CachedParser(parser, path, chunk=len(chunk))
    sentences = cached.parse(list(chunk.values()))
    return dict(zip(chunk, sentences, strict=True)), cached.hits


def _select(
    connection: sqlite3.Connection, fingerprint: str, keys: list[str]
) -> Iterator[tuple[str, str, int]]:
    for start in range(0, len(keys), _LOOK_UP):
        some = keys[start : start + _LOOK_UP]
        yield from connection.execute(
            "SELECT key, sentence, checksum FROM parses WHERE parser = ? "
            f"AND key IN ({','.join('?' * len(some))})",
            [fingerprint, *some],
        )


def _key(text: ParserInput) -> str:
    """A hash of a text or of a list of tokens."""
    canonical = json.dumps(text if isinstance(text, str) else list(text))
    return hashlib.blake2b(canonical.encode(), digest_size=20).hexdigest()


def _identity(path: Path) -> int | None:
    return path.stat().st_ino if path.exists() else None
