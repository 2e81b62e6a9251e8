"""The parse cache: what was parsed once is kept in an SQLite file and never parsed again."""

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

from parsers.workers import end_with
from structnn.sentence import Sentence, Tree

__all__ = ["CacheError", "CachedParser", "Parser", "ParserInput", "Progress"]

ParserInput = str | Sequence[str]
"""What a parser takes: a text, or the tokens of a sentence."""

Progress = Callable[[int, int], object]
"""Called with the number of inputs that are done, and of all inputs."""

_APPLICATION = 0x53747250  # "StrP": tells a parse cache from any other SQLite file
_BUSY_SECONDS = 120.0
_LOOK_UP = 500  # keys in one query
_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)

T = TypeVar("T")


class Parser(Protocol):
    """Anything that parses: Stanza here, and any other parser that you bring.

    One that can be pickled, and parses one text after another, may have an attribute
    ``worth_a_worker``: the number of inputs from which another process pays. Then
    :class:`CachedParser` starts processes by itself. If it has a method ``load``, that is called
    before processes are forked from this one, so that they share what it loads.

    Attributes:
        fingerprint: A string that differs whenever the parser, its model or its options do, so that
            no parse of another parser is ever taken for one of its own.
    """

    @property
    def fingerprint(self) -> str:
        """What tells this parser, its model and its options from any other."""
        ...

    def parse(self, texts: list[Any], /) -> list[Sentence]:
        """Parse texts, or lists of tokens, in bulk: one sentence for each, in order."""
        ...


class CacheError(RuntimeError):
    """A cache file that can't be used as one, or a parser that does not keep its contract."""


class CachedParser:
    """A parser that remembers: a :class:`Parser` itself, around another.

    Parses are kept by the parser's fingerprint and the input, as JSON, each with a checksum. A chunk
    is saved as soon as it is parsed, so that a run that was killed goes on where it stopped. Processes
    may share the file. A file that is damaged is moved aside with a warning, and begun anew; a single
    damaged row is parsed again.

    Args:
        parser: Parses what the cache does not have.
        path: The cache's file; it is made when missing, with its folder.
        chunk: How many inputs are given to the parser at once: as many as a killed run can lose.
        workers: How many processes parse at once, each with one thread and the parser forked (on
            Linux) or pickled for it; 1 is this process alone. None is one a core, as far as each has
            enough to parse: a parser that says nothing of that (:class:`Parser`) stays in this one.
        progress: Called after each chunk with the number of inputs done and of all.

    Attributes:
        hits: Inputs found in the cache, or given twice, since this object was made.
        misses: Inputs parsed since this object was made.

    Raises:
        CacheError: The path is an SQLite file of something else, or can't be written.

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
        # A path that can't serve is better known before hours of parsing than after.
        self._attempt(lambda connection: None)

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the parser within."""
        return self.parser.fingerprint

    def parse(self, texts: Sequence[ParserInput], /) -> list[Sentence]:
        """Take each input's parse from the cache, or parse it and keep it there.

        Args:
            texts: Texts, or lists of tokens.

        Returns:
            A sentence for each input, in order.

        Raises:
            CacheError: The parser gave another number of sentences than it was given inputs.
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
        """Parse chunks and keep the parses; yields each as soon as it is done."""
        from joblib import cpu_count

        workers = self.workers
        if workers is None:
            worth_a_worker = getattr(self.parser, "worth_a_worker", None)
            inputs = sum(map(len, chunks))
            workers = min(cpu_count(), inputs // worth_a_worker) if worth_a_worker else 1
        if min(workers, len(chunks)) <= 1:
            for number, chunk in enumerate(chunks):
                # Another process may have parsed some of these meanwhile.
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
                f"{type(self.parser).__name__}.parse gave {len(sentences)} sentences for "
                f"{len(inputs)} inputs; it must give one for each, in order"
            )
        parsed = dict(zip(inputs, sentences, strict=True))
        self._save(parsed)
        self.misses += len(parsed)
        return parsed

    def _load(self, keys: list[str]) -> dict[str, Sentence]:
        """What the cache has of ``keys``."""
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
                f"{self.path}: parses kept there are damaged; parsing them again: {damaged}",
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
            # Immediate: a lock that is taken at once can be waited for, one that grows can't.
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
        """Do something with the database; where it proves damaged, begin a new one and do it there."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        identity = _identity(self.path)
        try:
            return self._run(action)
        except sqlite3.DatabaseError as fault:
            if getattr(fault, "sqlite_errorcode", None) not in _DAMAGE:
                raise CacheError(
                    f"the parse cache {self.path} can't be used ({fault}); see that the folder can be "
                    "written to and that no stopped process holds the file, or name another"
                ) from fault
            if _identity(self.path) == identity:  # else another process has begun it anew already
                self._move_aside(fault)
        return self._run(action)

    def _run(self, action: Callable[[sqlite3.Connection], T]) -> T:
        # A connection for each action: cheap beside parsing, and no trouble with forks and threads.
        connection = sqlite3.connect(self.path, timeout=_BUSY_SECONDS, isolation_level=None)
        with closing(connection):
            connection.execute("PRAGMA synchronous = NORMAL")
            (application,) = connection.execute("PRAGMA application_id").fetchone()
            if application != _APPLICATION:
                self._set_up(connection)
            return action(connection)

    def _set_up(self, connection: sqlite3.Connection) -> None:
        connection.execute("BEGIN IMMEDIATE")  # one process sets up, the others wait and see
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if tables and application != _APPLICATION:
            raise CacheError(
                f"{self.path} is an SQLite file, but not a parse cache; name another file for the cache"
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
        # Left beside the new file, the old one's journal would be played back into it.
        self.path.with_name(self.path.name + "-journal").unlink(missing_ok=True)
        warnings.warn(
            f"the parse cache {self.path} is damaged ({fault}); it was moved to {aside}, and a new "
            "one is begun",
            stacklevel=4,
        )


def _parse_in_workers(
    parser: Parser, path: Path, chunks: list[dict[str, ParserInput]], workers: int
) -> Iterator[tuple[dict[str, Sentence], int]]:
    """What :func:`_parse_in_worker` gives for each chunk, in whatever order."""
    context: BaseContext = multiprocessing.get_context()
    if sys.platform == "linux":
        # Forked processes have the parser as it stands, its models loaded once for all.
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
    # Ctrl-C is the parent's: what a worker has begun is finished and saved.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(1)


_parsers: dict[str, Parser] = {}  # in a worker: those that are loaded, by fingerprint


def _parse_in_worker(
    parser: Parser, path: Path, chunk: dict[str, ParserInput]
) -> tuple[dict[str, Sentence], int]:
    """The sentences of a chunk, and how many of them another process had parsed meanwhile."""
    parser = _parsers.setdefault(parser.fingerprint, parser)
    cached = CachedParser(parser, path, chunk=len(chunk))
    sentences = cached.parse(list(chunk.values()))
    return dict(zip(chunk, sentences, strict=True)), cached.hits


def sentence_to_json(sentence: Sentence) -> str:
    """All that a sentence holds, as one line of JSON."""
    fields: dict[str, Any] = {"tokens": sentence.tokens}
    for name in ("dependencies", "constituency"):
        tree: Tree | None = getattr(sentence, name)
        if tree is not None:
            fields[name] = {
                "parents": tree.parents,
                "tokens": tree.tokens,
                "labels": tree.labels,
            }
    for name in ("tags", "lemmas", "text"):
        if getattr(sentence, name) is not None:
            fields[name] = getattr(sentence, name)
    if sentence.metadata:
        fields["metadata"] = dict(sentence.metadata)
    return json.dumps(fields, separators=(",", ":"))


def sentence_from_json(line: str) -> Sentence:
    """The sentence that :func:`sentence_to_json` wrote.

    Raises:
        ValueError: The line is not such JSON, or not a valid sentence.
    """
    fields = json.loads(line)
    for name in ("dependencies", "constituency"):
        if name in fields:
            fields[name] = Tree(**fields[name])
    return Sentence(**fields)


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
    """Tells a text from any other, and from any list of tokens."""
    canonical = json.dumps(text if isinstance(text, str) else list(text))
    return hashlib.blake2b(canonical.encode(), digest_size=20).hexdigest()


def _identity(path: Path) -> int | None:
    return path.stat().st_ino if path.exists() else None
