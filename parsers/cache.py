"""The parse cache: an SQLite file of parses, so that no text is parsed twice."""

from __future__ import annotations

import gc
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
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import closing, suppress
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import Any, Protocol, TypeVar

from parsers.formats.json import sentence_from_json, sentence_to_json
from parsers.workers import end_with, interrupted_once
from structnn.errors import InputError
from structnn.sentence import Sentence

__all__ = ["CacheError", "CachedParser", "Parser", "ParserInput", "Progress", "check_texts"]

ParserInput = str | Sequence[str]
"""The input of a parser: a text, or a sequence of tokens."""

Progress = Callable[[int, int], object]
"""A function that is called with the number of inputs done and the number of all inputs."""

_APPLICATION = 0x53747250  # "StrP": marks an SQLite file as a parse cache
_BUSY_SECONDS = 120.0
_LOOK_UP = 500  # keys in one query
# A statement that is an error finds no table or column, though the file says that it is a cache.
_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)
_MAGIC = b"SQLite format 3\0"
_SCHEMA = (
    "CREATE TABLE parses (parser TEXT, key TEXT, sentence TEXT, checksum INTEGER, "
    "PRIMARY KEY (parser, key)) WITHOUT ROWID"
)

T = TypeVar("T")


class Parser(Protocol):
    """The interface of a parser: :class:`~parsers.StanzaParser`, or one of your own.

    A parser that can be pickled may have an attribute ``worth_a_worker``, the number of inputs for which
    starting another process saves time: :class:`CachedParser` then parses large inputs in several
    processes. If it has a method ``load``, that is called before processes are forked, so that they
    share the loaded models. If it has a method ``check_texts``, as :class:`~parsers.StanzaParser` has,
    that is called with all inputs before some are parsed, so that an error has the number of its input.

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


class CacheError(InputError, RuntimeError):
    """A file is not a parse cache, or a parser returns the wrong number of sentences."""


class CachedParser:
    """A parser with a cache: it parses only what its file does not have.

    The file keeps each parse as JSON, with a checksum, under the parser's fingerprint and the input.
    Each chunk is saved as soon as it is parsed, so that an interrupted run continues where it
    stopped. Several processes may share the file.

    A damaged row is parsed again. A damaged file is renamed with a warning, and a new one begun with
    the rows that can be read. Where the file can't be read or written (it is locked, read-only, or the
    disk is full), a warning says so, and parsing goes on without it.

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
        CacheError: The file is something else than a parse cache; it is left as it is.
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
        # Tells now if the file can't be used, and not after hours of parsing.
        self._writes = True
        self._reads = self._attempt(lambda connection: True) or False

    def __repr__(self) -> str:
        return f"CachedParser({self.parser!r}, {str(self.path)!r})"

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the parser."""
        return self.parser.fingerprint

    def check_texts(self, texts: Sequence[ParserInput], first: int = 0) -> None:
        """Check texts as the parser does, if it has a method for it.

        Args:
            texts: Texts, or lists of tokens.
            first: The number of the first of them, for messages.
        """
        check_texts(self.parser, texts, first)

    def parse(self, texts: Iterable[ParserInput], /) -> list[Sentence]:
        """Parse what is not in the cache, and save it there.

        Args:
            texts: Texts, or lists of tokens.

        Returns:
            A sentence for each text, in order.

        Raises:
            CacheError: The parser returned more or fewer sentences than it was given texts.
            TypeError: ``texts`` is one string, or a text is neither a string nor a sequence of tokens.
        """
        items = _listed(texts)
        keys = [_key(text) for text in items]
        inputs = dict(zip(keys, items, strict=True))
        times_given = Counter(keys)
        found = self._load(list(inputs))
        missing = [key for key in inputs if key not in found]
        if missing:
            self.check_texts(items)
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
        workers = self.workers
        if workers is None:
            worth_a_worker = getattr(self.parser, "worth_a_worker", None)
            workers = sum(map(len, chunks)) // worth_a_worker if worth_a_worker else 1
            if workers > 1:
                # Not above: for a few texts it takes longer to load than they take to parse.
                from joblib import cpu_count

                workers = min(cpu_count(), workers)
        if min(workers, len(chunks)) <= 1:
            for number, chunk in enumerate(chunks):
                # Another process may have saved some of these meanwhile.
                shared = self._load(list(chunk)) if number else {}
                self.hits += len(shared)
                yield shared | self._parse({key: chunk[key] for key in chunk if key not in shared})
            return
        path = self.path if self._writes else None
        told: set[str] = set()
        for parsed, hits, warned in _parse_in_workers(self.parser, path, chunks, workers):
            self.hits += hits
            self.misses += len(parsed) - hits
            for message in warned:
                if message not in told:
                    warnings.warn(message, stacklevel=4)
                told.add(message)
            yield parsed

    def _parse(self, inputs: dict[str, ParserInput]) -> dict[str, Sentence]:
        if not inputs:
            return {}
        parsed = _parsed(self.parser, inputs)
        if self._writes:
            self._save(parsed)
        self.misses += len(parsed)
        return parsed

    def _load(self, keys: list[str]) -> dict[str, Sentence]:
        """The sentences of those keys that are in the cache."""
        rows = None
        if self._reads:
            rows = self._attempt(
                lambda connection: list(_select(connection, self.fingerprint, keys))
            )
            self._reads = rows is not None
        found: dict[str, Sentence] = {}
        damaged = 0
        for row in rows or ():
            try:
                _, key, sentence, _ = _intact(row)
                found[key] = sentence_from_json(sentence)
            except ValueError:
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
            rows.append((fingerprint, key, row, _checksum(fingerprint, key, row)))
        self._attempt(lambda connection: _insert(connection, "REPLACE", rows))

    def _report(self, done: int, total: int) -> None:
        if self.progress is not None:
            self.progress(done, total)

    def _attempt(self, action: Callable[[sqlite3.Connection], T]) -> T | None:
        """Run an action on the database, or on a new one if it is damaged; None if that fails."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if not _looks_like_a_database(self.path):  # SQLite would overwrite a short file
                raise self._no_cache("file is not a database")
            identity = _identity(self.path)
            try:
                return self._run(action)
            except (sqlite3.DatabaseError, UnicodeDecodeError) as fault:
                # The lowest byte is the code, what is above it tells more of it. Without a code, the
                # message of the error is what can't be decoded: it quotes the damaged file.
                if getattr(fault, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF not in _DAMAGE:
                    raise
                if _identity(self.path) == identity:  # else another process has begun a new one
                    self._move_aside(fault)
            return self._run(action)
        except (sqlite3.DatabaseError, OSError) as fault:
            if os.path.isdir(self.path) or isinstance(fault, FileExistsError | NotADirectoryError):
                raise CacheError(
                    f"the parse cache {self.path} can't be used ({fault}): it must be a file in a "
                    "folder; give another one"
                ) from fault
            if self._writes:
                self._writes = False  # so that this is said once
                warnings.warn(
                    f"the parse cache {self.path} can't be used ({fault}), and parsing goes on "
                    "without it; make sure that the file and its folder are writable, that the disk has "
                    "room, and that no stopped process holds the file",
                    stacklevel=4,
                )
            return None

    def _run(self, action: Callable[[sqlite3.Connection], T]) -> T:
        # A connection for each action: cheap compared with parsing, and safe with forks and threads.
        connection = sqlite3.connect(self.path, timeout=_BUSY_SECONDS, isolation_level=None)
        with closing(connection):
            connection.text_factory = bytes  # a damaged row may not be UTF-8
            connection.execute("PRAGMA synchronous = NORMAL")
            (application,) = connection.execute("PRAGMA application_id").fetchone()
            if application != _APPLICATION:
                self._set_up(connection)
            return action(connection)

    def _set_up(self, connection: sqlite3.Connection) -> None:
        connection.execute("BEGIN IMMEDIATE")  # one process sets up, the others wait
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        tables = connection.execute("SELECT sql FROM sqlite_master").fetchall()
        if application != _APPLICATION and tables not in ([], [(_SCHEMA.encode(),)]):
            raise CacheError(
                f"{self.path} is an SQLite file, but not a parse cache; give another file for the cache"
            )
        if not tables:
            connection.execute(_SCHEMA)
        connection.execute(f"PRAGMA application_id = {_APPLICATION}")
        connection.execute("COMMIT")

    def _no_cache(self, fault: object) -> CacheError:
        return CacheError(
            f"{self.path} is not a parse cache ({fault}); give another file for the cache, or "
            "delete this one"
        )

    def _move_aside(self, fault: Exception) -> None:
        """Begin a new file with the rows of the damaged one that can be read."""
        if not _was_a_cache(self.path):
            raise self._no_cache(fault)
        aside = self.path.with_name(f"{self.path.name}.damaged-{time.strftime('%Y%m%d-%H%M%S')}")
        os.replace(self.path, aside)
        # SQLite would apply a journal that is left to the new file.
        self.path.with_name(self.path.name + "-journal").unlink(missing_ok=True)
        saved = self._run(lambda connection: _insert(connection, "IGNORE", _readable(aside)))
        warnings.warn(
            f"the parse cache {self.path} is damaged ({fault}); it was renamed to {aside}, and a new "
            f"one is begun with the {saved} parses that could be read",
            stacklevel=5,
        )


def _parsed(parser: Parser, inputs: dict[str, ParserInput]) -> dict[str, Sentence]:
    """The sentences of inputs, under the same keys."""
    sentences = parser.parse(list(inputs.values()))
    if len(sentences) != len(inputs):
        raise CacheError(
            f"{type(parser).__name__}.parse returned {len(sentences)} sentences for {len(inputs)} "
            "inputs; it must return one for each, in order"
        )
    return dict(zip(inputs, sentences, strict=True))


def _parse_in_workers(
    parser: Parser, path: Path | None, chunks: list[dict[str, ParserInput]], workers: int
) -> Iterator[tuple[dict[str, Sentence], int, list[str]]]:
    """The results of :func:`_parse_in_worker` for all chunks, in the order in which they are done."""
    context: BaseContext = multiprocessing.get_context()
    if sys.platform == "linux":
        # Forked processes share the parser of this one, with its models loaded once.
        context = multiprocessing.get_context("fork")
        getattr(parser, "load", lambda: None)()
        _parsers[parser.fingerprint] = parser
    with interrupted_once():
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
    # A forked process shares the memory of its parent until it writes there, which the garbage
    # collector does to every object that it goes through: those of a large corpus, and of no use here.
    gc.freeze()
    end_with(parent)
    # Only the parent stops at Ctrl-C; a worker finishes and saves its chunk.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(1)


# In a worker, by fingerprint: the parsers that are loaded, and those with their cache.
_parsers: dict[str, Parser] = {}
_cached_parsers: dict[str, CachedParser] = {}


def _parse_in_worker(
    parser: Parser, path: Path | None, chunk: dict[str, ParserInput]
) -> tuple[dict[str, Sentence], int, list[str]]:
    """The sentences of a chunk, the number that another process had saved already, and warnings.

    Without a path nothing is saved.
    """
    parser = _parsers.setdefault(parser.fingerprint, parser)
    if path is None:
        return _parsed(parser, chunk), 0, []
    with warnings.catch_warnings(record=True, action="always") as warned:
        cached = _cached_parsers.get(parser.fingerprint)
        if cached is None:
            cached = _cached_parsers[parser.fingerprint] = CachedParser(parser, path)
        cached.chunk = len(chunk)
        hits = cached.hits
        sentences = cached.parse(list(chunk.values()))
    messages = [str(warning.message) for warning in warned]
    return dict(zip(chunk, sentences, strict=True)), cached.hits - hits, messages


Row = tuple[str, str, str, int]
"""A row of the file: the fingerprint of the parser, the key of the input, the sentence, the checksum."""


def _select(
    connection: sqlite3.Connection, fingerprint: str, keys: list[str]
) -> Iterator[tuple[object, ...]]:
    for start in range(0, len(keys), _LOOK_UP):
        some = keys[start : start + _LOOK_UP]
        yield from connection.execute(
            "SELECT parser, key, sentence, checksum FROM parses WHERE parser = ? "
            f"AND key IN ({','.join('?' * len(some))})",
            [fingerprint, *some],
        )


def _insert(connection: sqlite3.Connection, otherwise: str, rows: Iterable[Row]) -> int:
    """Insert rows; REPLACE those that are there or IGNORE the new ones. How many were inserted."""
    # Immediate: SQLite waits for a lock that is taken at once, but not for one that is upgraded.
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany(f"INSERT OR {otherwise} INTO parses VALUES (?, ?, ?, ?)", rows)
    connection.execute("COMMIT")
    return connection.total_changes


def _intact(row: tuple[object, ...]) -> Row:
    """A row as it was saved.

    Raises:
        ValueError: It is not what was saved.
    """
    *texts, checksum = row
    if not all(isinstance(text, bytes) for text in texts):
        raise ValueError("another type was saved")
    fingerprint, key, sentence = (text.decode() for text in texts if isinstance(text, bytes))
    if checksum != (saved := _checksum(fingerprint, key, sentence)):
        raise ValueError("another row was saved")
    return fingerprint, key, sentence, saved


def _checksum(fingerprint: str, key: str, sentence: str) -> int:
    return zlib.crc32(f"{fingerprint}\0{key}\0{sentence}".encode())


def _readable(path: Path) -> Iterator[Row]:
    """The intact rows of a damaged file, from both ends up to the first page that can't be read."""
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        connection.text_factory = bytes
        for order in ("ASC", "DESC"):
            query = f"SELECT * FROM parses ORDER BY parser {order}, key {order}"
            with suppress(sqlite3.DatabaseError, UnicodeDecodeError):
                for row in connection.execute(query):
                    with suppress(ValueError):
                        yield _intact(row)
                return


def _looks_like_a_database(path: Path) -> bool:
    """Whether a file is empty or not there, begins as one of SQLite, or was a parse cache."""
    if not path.is_file():
        return True  # what else it may be, SQLite says
    with path.open("rb") as file:
        return _MAGIC.startswith(file.read(len(_MAGIC))) or _was_a_cache(path)


def _was_a_cache(path: Path) -> bool:
    """Whether a file that can't be read as a database has the marks of a parse cache."""
    with path.open("rb") as file:
        first_page = file.read(4096)
    return first_page[68:72] == _APPLICATION.to_bytes(4) or _SCHEMA[:20].encode() in first_page


def check_texts(parser: Parser, texts: Sequence[ParserInput], first: int = 0) -> None:
    """Check texts as a parser does, if it has a method ``check_texts``: see :class:`Parser`."""
    check = getattr(parser, "check_texts", None)
    if check is not None:
        check(texts, first)


def _listed(texts: Iterable[ParserInput]) -> list[str | list[str]]:
    """Inputs as strings and lists of tokens.

    Raises:
        TypeError: It is one string, or one of them is something else.
    """
    if isinstance(texts, str | bytes):
        raise TypeError("parse takes many texts: give a list of strings, not one string")
    listed: list[str | list[str]] = []
    for index, text in enumerate(texts):
        tokens = list(text) if isinstance(text, Iterable) else [text]
        if isinstance(text, bytes) or not all(isinstance(token, str) for token in tokens):
            raise TypeError(f"text {index} is neither a string nor a sequence of tokens: {text!r}")
        listed.append(text if isinstance(text, str) else tokens)
    return listed


def _key(text: ParserInput) -> str:
    """A hash of a text or of a list of tokens."""
    return hashlib.blake2b(json.dumps(text).encode(), digest_size=20).hexdigest()


def _identity(path: Path) -> int | None:
    return path.stat().st_ino if path.exists() else None
