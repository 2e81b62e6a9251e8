"""The choice among ways to compute."""

from __future__ import annotations

import math

import pytest

from structnn.fused import choice
from structnn.fused.choice import fastest_first


@pytest.fixture(autouse=True)
def pauses(monkeypatch):
    """The pauses that are made, which take no time."""
    made = []
    monkeypatch.setattr(choice.time, "sleep", made.append)
    return made


def refuse(way):
    raise AssertionError(f"{way} is measured again")


@pytest.mark.parametrize(
    ("times", "order"),
    [
        ({"a": 1.0, "b": 2.0}, "ab"),
        ({"a": 2.0, "b": 1.0}, "ba"),
        ({"a": 1.1, "b": 1.0}, "ab"),  # about equal
        ({"a": 3.0, "b": 2.9, "c": 1.0}, "cab"),
        ({"a": math.inf, "b": 2.0, "c": math.inf}, "bac"),
    ],
)
def test_the_fastest_goes_first(tmp_path, times, order):
    kept = tmp_path / "times.json"
    assert "".join(fastest_first([*times], times.__getitem__, kept)) == order
    assert "".join(fastest_first([*times], refuse, kept)) == order
    assert [*tmp_path.iterdir()] == [kept]


@pytest.mark.parametrize(("slow_times", "order"), [(0, "ab"), (1, "ab"), (3, "ab"), (99, "ba")])
def test_a_way_that_is_held_up_for_a_moment_is_measured_again(tmp_path, pauses, slow_times, order):
    """A matrix unit that another core is using takes three times as long."""
    taken = iter([3.0] * slow_times + [1.0] * 9)

    def measure(way):
        return next(taken) if way == "a" else 2.0

    assert "".join(fastest_first("ab", measure, tmp_path / "times.json")) == order
    assert len(pauses) == min(slow_times, len(choice._PAUSES))
    assert 1 < sum(choice._PAUSES) < 5


@pytest.mark.parametrize("damage", ["", "[1.0", "[1.0]", "[1.0, -1.0]", '["a", "b"]', "{}", "\0"])
def test_what_is_damaged_is_measured_again(tmp_path, damage):
    kept = tmp_path / "times.json"
    kept.write_text(damage)
    times = {"a": 2.0, "b": 1.0}
    assert fastest_first([*times], times.__getitem__, kept) == ["b", "a"]
    assert fastest_first([*times], refuse, kept) == ["b", "a"]


def test_of_processes_that_measure_at_once_the_first_is_heeded(tmp_path):
    kept = tmp_path / "times.json"

    def measure(way):
        kept.write_text("[2.0, 1.0]")  # another process is done first
        return {"a": 1.0, "b": 2.0}[way]

    assert fastest_first("ab", measure, kept) == ["b", "a"]
    assert fastest_first("ab", refuse, kept) == ["b", "a"]


def test_what_cannot_be_measured_is_not_kept(tmp_path):
    with pytest.raises(AssertionError):
        fastest_first(["a"], refuse, tmp_path / "times.json")
    assert fastest_first("ab", lambda way: math.inf, tmp_path / "times.json") == ["a", "b"]
    assert not [*tmp_path.iterdir()]
