"""The parse cache: nothing is parsed twice, whatever happens to the process or to the file."""

from __future__ import annotations

import gc
import multiprocessing
import os
import sqlite3
import time
import warnings
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parsers.cache import CachedParser, CacheError
from parsers.stanza.parser import StanzaParser
from structnn.sentence import Sentence, Tree

processes = multiprocessing.get_context("fork")  # starting Python anew would be most of the time


class Chain:
    """A parser that makes chains, and remembers what it was asked."""

    def __init__(self, fingerprint: str = "chain", delay: float = 0.0) -> None:
        self.fingerprint = fingerprint
        self.delay = delay
        self.seen: list[str | list[str]] = []

    def parse(self, texts: list[str | list[str]], /) -> list[Sentence]:
        time.sleep(self.delay)
        self.seen += texts
        tokens = [text.split() if isinstance(text, str) else text for text in texts]
        return [Sentence(words, dependencies=Tree(range(-1, len(words) - 1))) for words in tokens]


class Counter(Chain):
    """A parser that tells how many objects the garbage collector leaves alone."""

    def parse(self, texts: list[str | list[str]], /) -> list[Sentence]:
        return [Sentence([str(gc.get_freeze_count())]) for _ in texts]


class Loser(Chain):
    """A parser that gives nothing back."""

    def parse(self, texts: list[str | list[str]], /) -> list[Sentence]:
        return []


def test_memory_that_workers_share_is_not_gone_through(tmp_path: Path) -> None:
    found = CachedParser(Counter(), tmp_path / "cache", chunk=1, workers=2).parse(["one", "two"])
    assert all(int(sentence.tokens[0]) > 10_000 for sentence in found)
    assert gc.get_freeze_count() == 0


def test_a_second_run_parses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "cache.sqlite"
    texts = ["dogs bark", ["dogs bark"], ["dogs", "bark"], "dogs bark", "one", "\ud800"]
    parser, progress = Chain(), []
    cached = CachedParser(parser, path, chunk=2, progress=lambda *state: progress.append(state))
    first = cached.parse(texts)
    assert first == Chain().parse(texts)
    assert parser.seen == ["dogs bark", ["dogs bark"], ["dogs", "bark"], "one", "\ud800"]
    assert (cached.hits, cached.misses) == (1, 5)
    assert progress == [(0, 6), (3, 6), (5, 6), (6, 6)]
    again = CachedParser(Chain(), path)
    assert again.parse(list(reversed(texts))) == first[::-1]
    assert again.parser.seen == []
    assert (again.hits, again.misses) == (6, 0)
    assert again.fingerprint == "chain"
    assert again.parse([]) == []


def test_another_parser_does_not_share(tmp_path: Path) -> None:
    for fingerprint in ("one", "two"):
        parser = Chain(fingerprint)
        CachedParser(parser, tmp_path / "cache").parse(["dogs bark"])
        assert parser.seen == ["dogs bark"]


def test_a_parser_that_loses_a_sentence_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CacheError, match=r"Loser\.parse returned 0 sentences for 1 inputs"):
        CachedParser(Loser(), tmp_path / "cache").parse(["a"])


TEXTS = [f"word {i}" for i in range(200)]


def child(path: Path, delay: float, parsed: Any) -> Any:
    """A process that parses TEXTS through the cache, and tells how many it parsed itself."""

    def work() -> None:
        parser = Chain(delay=delay)
        assert CachedParser(parser, path, chunk=5).parse(TEXTS) == Chain().parse(TEXTS)
        parsed.put(len(parser.seen))

    process = processes.Process(target=work)
    process.start()
    return process


def rows(path: Path) -> int:
    if not path.exists():
        return 0
    connection = sqlite3.connect(path, timeout=30)
    try:
        return int(connection.execute("SELECT count(*) FROM parses").fetchone()[0])
    except sqlite3.OperationalError:  # no table yet
        return 0
    finally:
        connection.close()


def test_a_killed_run_goes_on_where_it_stopped(tmp_path: Path) -> None:
    path = tmp_path / "cache"
    process = child(path, delay=0.1, parsed=processes.Queue())
    while rows(path) < 20:
        assert process.is_alive()
        time.sleep(0.02)
    process.kill()
    process.join()
    kept = rows(path)
    assert 20 <= kept < 200
    parser = Chain()
    assert CachedParser(parser, path).parse(TEXTS) == Chain().parse(TEXTS)
    assert len(parser.seen) == 200 - kept


def test_processes_share_the_file(tmp_path: Path) -> None:
    path = tmp_path / "cache"
    parsed = processes.Queue()
    at_once = [child(path, 0.01, parsed) for _ in range(3)]
    assert 200 <= sum(parsed.get(timeout=60) for _ in at_once) <= 600
    for process in at_once:
        process.join()
        assert process.exitcode == 0
    assert rows(path) == 200


def test_workers_parse_and_save(tmp_path: Path) -> None:
    path, progress = tmp_path / "cache", []
    CachedParser(Chain(), path).parse(TEXTS[:7])
    cached = CachedParser(
        Chain(), path, chunk=50, workers=2, progress=lambda *state: progress.append(state)
    )
    texts = TEXTS + TEXTS[:30]
    assert cached.parse(texts) == Chain().parse(texts)
    assert cached.parser.seen == []  # type: ignore[attr-defined]
    assert (cached.hits, cached.misses) == (37, 193)
    assert progress[0] == (14, 230)
    assert progress[-1] == (230, 230)
    assert len(progress) == 5
    assert rows(path) == 200


def test_workers_are_started_where_it_pays(tmp_path: Path) -> None:
    parser = Chain()
    CachedParser(parser, tmp_path / "cache", chunk=50).parse(TEXTS)
    assert parser.seen == TEXTS
    parser.worth_a_worker = 201  # type: ignore[attr-defined]
    CachedParser(parser, tmp_path / "another", chunk=50).parse(TEXTS)
    assert parser.seen == TEXTS * 2


def test_what_a_worker_raises_is_told(tmp_path: Path) -> None:
    with pytest.raises(CacheError, match=r"Loser\.parse returned 0 sentences for 5 inputs"):
        CachedParser(Loser("loser"), tmp_path / "cache", chunk=5, workers=2).parse(TEXTS)


def test_a_damaged_schema_is_told_even_if_the_message_of_sqlite_is_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "cache"
    CachedParser(Chain(), path).parse(["a"])
    path.write_bytes(path.read_bytes().replace(b"CREATE TABLE", b"CREATE T\xc1BLE"))
    with pytest.warns(UserWarning, match="cache is damaged"):
        assert CachedParser(Chain(), path).parse(["a"]) == Chain().parse(["a"])


@pytest.mark.parametrize("content", [b"n", b"nothing like a database\n" * 1000, b"\0" * 5000])
def test_a_file_that_never_was_a_cache_is_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(content)
    with pytest.raises(
        CacheError, match=r"notes.txt is not a parse cache \(file is not a database\)"
    ):
        CachedParser(Chain(), path)
    assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


def test_a_damaged_header_costs_no_more_than_parsing_again(tmp_path: Path) -> None:
    path = tmp_path / "cache"
    CachedParser(Chain(), path).parse(["a"])
    content = path.read_bytes()
    path.write_bytes(b"X" + content[1:])
    with pytest.warns(
        UserWarning, match=r"cache is damaged \(file is not a database\).*renamed to.*the 0 parses"
    ):
        cached = CachedParser(Chain(), path)
    assert cached.parse(["a"]) == Chain().parse(["a"])
    (aside,) = tmp_path.glob("cache.damaged-*")
    assert aside.read_bytes() == b"X" + content[1:]


def test_a_torn_file_is_reported_and_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "cache"
    texts = [f"word {i}" for i in range(500)]
    CachedParser(Chain(), path).parse(texts)
    content = bytearray(path.read_bytes())
    content[4096 : len(content) // 2] = os.urandom(len(content) // 2 - 4096)
    path.write_bytes(content)
    with pytest.warns(UserWarning, match=r"damaged"):
        assert CachedParser(Chain(), path).parse(texts) == Chain().parse(texts)
    again = Chain()
    CachedParser(again, path).parse(texts)
    assert again.seen == []


def test_the_rows_of_other_pages_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "cache"
    texts = [f"word {i}" for i in range(500)]
    CachedParser(Chain(), path).parse(texts)
    content = bytearray(path.read_bytes())
    page = len(content) // 4096 // 2
    content[4096 * page : 4096 * (page + 1)] = bytes(4096)
    path.write_bytes(content)
    parser = Chain()
    with pytest.warns(UserWarning, match=r"damaged.* with the \d\d\d parses that could be read"):
        assert CachedParser(parser, path).parse(texts) == Chain().parse(texts)
    assert 0 < len(parser.seen) < 100


def test_a_damaged_row_is_never_used(tmp_path: Path) -> None:
    path = tmp_path / "cache"
    CachedParser(Chain(), path).parse(["a b", "c d"])
    connection = sqlite3.connect(path)
    connection.execute("UPDATE parses SET sentence = replace(sentence, 'c', 'x')")
    connection.commit()
    connection.close()
    parser = Chain()
    with pytest.warns(UserWarning, match="cache: 2 saved parses are damaged"):
        assert CachedParser(parser, path).parse(["a b", "c d"]) == Chain().parse(["a b", "c d"])
    with warnings.catch_warnings(action="error"):
        CachedParser(parser, path).parse(["a b", "c d"])
    assert parser.seen == ["a b", "c d"]


def test_a_row_that_is_not_utf8_is_parsed_again_alone(tmp_path: Path) -> None:
    path = tmp_path / "cache"
    CachedParser(Chain(), path).parse(["a b", "c d", "e f"])
    content = path.read_bytes()
    assert content.count(b'"c"') == 1
    path.write_bytes(content.replace(b'"c"', b'"\xe3"'))
    parser = Chain()
    with pytest.warns(UserWarning, match="cache: 1 saved parses are damaged"):
        assert CachedParser(parser, path).parse(["a b", "c d", "e f"]) == Chain().parse(
            ["a b", "c d", "e f"]
        )
    assert parser.seen == ["c d"]
    assert list(tmp_path.iterdir()) == [path]


def test_a_flip_in_the_mark_of_a_cache_heals(tmp_path: Path) -> None:
    path = tmp_path / "cache"
    CachedParser(Chain(), path).parse(["a b"])
    whole = path.read_bytes()
    path.write_bytes(whole[:70] + bytes([whole[70] ^ 4]) + whole[71:])
    parser = Chain()
    CachedParser(parser, path).parse(["a b"])
    assert parser.seen == []
    assert path.read_bytes()[68:72] == b"StrP"


@settings(deadline=None, max_examples=40)
@given(st.floats(0, 1, exclude_max=True), st.integers(0, 7))
def test_whatever_bit_is_flipped_the_parses_are_right(
    tmp_path_factory: pytest.TempPathFactory, place: float, bit: int
) -> None:
    path = tmp_path_factory.mktemp("flip") / "cache"
    texts = [f"word {i}" for i in range(40)]
    CachedParser(Chain(), path).parse(texts)
    content = bytearray(path.read_bytes())
    content[int(place * len(content))] ^= 1 << bit
    path.write_bytes(content)
    with warnings.catch_warnings(action="ignore"):
        for _ in range(2):
            assert CachedParser(Chain(), path).parse(texts) == Chain().parse(texts)


class TestGoingOnWithoutIt:
    """Errors of SQLite itself, brought about without the rights of a user or a full disk."""

    def test_locked(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = tmp_path / "cache"
        CachedParser(Chain(), path).parse(["a"])
        monkeypatch.setattr("parsers.cache._BUSY_SECONDS", 0.05)
        cached = CachedParser(Chain(), path, chunk=1)
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            with pytest.warns(
                match=r"can't be used \(database is locked\), and parsing goes on"
            ) as told:
                assert cached.parse(["a", "b", "c"]) == Chain().parse(["a", "b", "c"])
            assert cached.parse(["d"]) == Chain().parse(["d"])
            with pytest.warns(match="goes on without it"):
                workers = CachedParser(Chain(), path, chunk=1, workers=2)
            assert workers.parse(["a", "b", "c"]) == Chain().parse(["a", "b", "c"])
        assert len(told) == 1
        assert rows(path) == 1

    def test_read_only(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = tmp_path / "cache"
        CachedParser(Chain(), path).parse(["a"])
        connect = sqlite3.connect
        monkeypatch.setattr(
            sqlite3,
            "connect",
            lambda path, **options: connect(f"file:{path}?mode=ro", uri=True, **options),
        )
        parser = Chain()
        cached = CachedParser(parser, path, chunk=1)
        with pytest.warns(match="attempt to write a readonly database") as told:
            assert cached.parse(["a", "b", "c"]) == Chain().parse(["a", "b", "c"])
        assert len(told) == 1
        assert parser.seen == ["b", "c"]  # what is saved is read

    def test_full(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        connect = sqlite3.connect

        def full(path: Path, **options: Any) -> sqlite3.Connection:
            connection = connect(path, **options)
            connection.execute("PRAGMA max_page_count = 5")
            return connection

        monkeypatch.setattr(sqlite3, "connect", full)
        path = tmp_path / "cache"
        cached = CachedParser(Chain(), path, chunk=20)
        with pytest.warns(match="database or disk is full") as told:
            assert cached.parse(TEXTS) == Chain().parse(TEXTS)
        assert len(told) == 1
        assert 0 < rows(path) < len(TEXTS)
        with pytest.warns(match="database or disk is full") as told:
            assert CachedParser(Chain(), path, chunk=20, workers=2).parse(TEXTS) == Chain().parse(
                TEXTS
            )
        assert len(told) == 1


def test_an_sqlite_file_of_something_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "diary.sqlite"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE diary (day TEXT)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(CacheError, match=r"diary.sqlite is an SQLite file, but not a parse cache"):
        CachedParser(Chain(), path)
    assert path.read_bytes() == before


def test_a_folder_is_not_a_cache(tmp_path: Path) -> None:
    with pytest.raises(CacheError, match="can't be used"):
        CachedParser(Chain(), tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(CacheError, match="it must be a file in a folder"):
        CachedParser(Chain(), tmp_path / "file" / "cache")


def test_a_damaged_file_of_something_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "diary.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE diary (day TEXT)")
    content = b"X" + path.read_bytes()[1:]
    path.write_bytes(content)
    with pytest.raises(CacheError, match=r"diary\.sqlite is not a parse cache"):
        CachedParser(Chain(), path)
    assert path.read_bytes() == content


def test_chunks_have_at_least_one_input(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="chunk must be at least 1"):
        CachedParser(Chain(), tmp_path / "cache", chunk=0)
    with pytest.raises(ValueError, match="workers must be at least 1"):
        CachedParser(Chain(), tmp_path / "cache", workers=0)


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ("dogs", "give a list of strings, not one string"),
        (["dogs", None], "text 1 is neither a string nor a sequence of tokens: None"),
        ([b"dogs"], "text 0 is neither"),
        ([["dogs"], ["a", 3]], "text 1 is neither"),
    ],
)
def test_what_is_no_text_is_told(texts: Any, message: str, tmp_path: Path) -> None:
    parser = Chain()
    with pytest.raises(TypeError, match=message):
        CachedParser(parser, tmp_path / "cache").parse(texts)
    assert parser.seen == []


def test_texts_of_an_iterator_are_parsed(tmp_path: Path) -> None:
    found = CachedParser(Chain(), tmp_path / "cache").parse(iter(["one", ("a", "b")]))
    assert [sentence.tokens for sentence in found] == [("one",), ("a", "b")]


def test_an_error_has_the_number_of_the_text_though_others_are_known(tmp_path: Path) -> None:
    cached = CachedParser(StanzaParser("en"), tmp_path / "cache", chunk=1)
    cached.parse(["Dogs bark."])
    with pytest.raises(ValueError, match="text 2 is empty"):
        cached.parse(["Dogs bark.", "Cats sleep.", ""])
    assert len(cached.parse(["Dogs bark."])) == 1


def test_repr(tmp_path: Path) -> None:
    class Named(Chain):
        def __repr__(self) -> str:
            return "Named()"

    path = tmp_path / "parses.sqlite"
    assert repr(CachedParser(Named(), path)) == f"CachedParser(Named(), {str(path)!r})"
