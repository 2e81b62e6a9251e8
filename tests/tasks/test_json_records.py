"""JSON objects as dataclasses: every value is of the type of its field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import pytest

from tasks.json_records import as_record, earlier
from tasks.storage import StorageError


@dataclass(frozen=True)
class Inner:
    name: str
    share: float = 0.5


@dataclass(frozen=True)
class Outer:
    count: int
    flag: bool
    kind: Literal["a", "b"]
    numbers: Sequence[float]
    grid: Sequence[Sequence[int]]
    words: frozenset[str]
    inner: Inner
    by_name: Mapping[str, Inner] = field(default_factory=dict)
    several: Sequence[Inner] | None = None
    anything: object = None

    def __post_init__(self) -> None:
        if self.count == 13:
            raise ValueError("13 brings bad luck")


WHOLE = {
    "count": 3,
    "flag": True,
    "kind": "a",
    "numbers": [1, 2.5],
    "grid": [[1], []],
    "words": ["x", "y"],
    "inner": {"name": "n"},
    "by_name": {"k": {"name": "m", "share": 1}},
    "several": [{"name": "s"}],
    "anything": [{"a": None}],
}


def test_a_whole_object():
    found = as_record(Outer, WHOLE, "file.json", "mend it")
    assert found == Outer(
        count=3,
        flag=True,
        kind="a",
        numbers=[1, 2.5],
        grid=[[1], []],
        words=frozenset("xy"),
        inner=Inner("n"),
        by_name={"k": Inner("m", 1)},
        several=[Inner("s")],
        anything=[{"a": None}],
    )
    few = {name: WHOLE[name] for name in list(WHOLE)[1:7]}
    assert as_record(Outer, {**few, "several": None}, "f", "m", count=4).count == 4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"count": True}, r"file: count isn't .*expected a whole number of 64 bits, found True"),
        ({"count": 1.0}, "count isn't .*expected a whole number"),
        ({"count": 2**63}, "count isn't .*expected a whole number"),
        ({"count": 13}, r"^file has a value that can't be: 13 brings bad luck; mend it$"),
        ({"flag": 1}, "flag isn't .*expected true or false, found 1"),
        ({"kind": "c"}, "kind isn't .*expected 'a' or 'b', found 'c'"),
        ({"kind": []}, "kind isn't .*expected 'a' or 'b'"),
        ({"numbers": 1}, "numbers isn't .*expected a list, found 1"),
        ({"numbers": [1, "2"]}, "numbers isn't .*expected a number, found '2'"),
        ({"numbers": [10**400]}, "numbers isn't .*expected a number"),
        ({"grid": [[1], [None]]}, "grid isn't .*expected a whole number .*found None"),
        ({"words": [["x"]]}, r"words isn't .*expected a string, found \['x'\]"),
        ({"inner": {"name": 3}}, "file: inner.name isn't .*expected a string"),
        ({"inner": {"title": "t"}}, "inner isn't .*missing: name; unknown: title"),
        ({"inner": None}, "inner isn't .*expected an object, found None"),
        ({"by_name": {"k": {"name": None}}}, "file: by_name.k.name isn't .*expected a string"),
        ({"by_name": []}, "by_name isn't .*expected an object"),
        ({"several": [{"name": "s"}, 1]}, "several isn't .*expected an object, found 1"),
    ],
)
def test_a_value_that_does_not_fit(change, message):
    with pytest.raises(StorageError, match=message):
        as_record(Outer, {**WHOLE, **change}, "file", "mend it")


@pytest.mark.parametrize("entry", [None, 3, "x", [], [1], True])
def test_what_is_no_object(entry):
    with pytest.raises(StorageError, match=r"file isn't .*expected an object, found .*; mend it"):
        as_record(Outer, entry, "file", "mend it")


@dataclass(frozen=True)
class Renamed:
    score: float = field(metadata=earlier("accuracy"))
    name: str = "n"


def test_a_field_is_read_under_its_earlier_name():
    for entry in ({"score": 0.5}, {"accuracy": 0.5}):
        assert as_record(Renamed, entry, "file", "mend it") == Renamed(0.5)
        assert len(entry) == 1  # it is left as it was
    with pytest.raises(StorageError, match="unknown: accuracy"):
        as_record(Renamed, {"score": 0.5, "accuracy": 0.5}, "file", "mend it")
    with pytest.raises(StorageError, match="missing: score"):
        as_record(Renamed, {"name": "m"}, "file", "mend it")
