"""Which of a processor's ways to compute is the fastest: measured once, and kept."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from structnn.fused.store import scratch

__all__ = ["fastest_first"]

# A measurement is rough where a machine has other work. So a later way goes before an earlier one only
# if it is clearly faster; then the choice is the same whenever it is made.
_CLEARLY = 1.25

# And only if it stays so: cores that share a matrix unit can hold one up for a second, to a third of
# its speed. Times are measured again after each of these pauses, in seconds.
_PAUSES = (0.1, 0.2, 0.4, 0.8, 1.6)

Way = TypeVar("Way")


def fastest_first(ways: Sequence[Way], measure: Callable[[Way], float], kept: Path) -> list[Way]:
    """The ways in the order of their times; of about equal ones the earlier one is first.

    Args:
        ways: Those that should be the fastest first.
        measure: Gives the time of a way, in seconds; ``math.inf`` if it cannot be had.
        kept: A JSON file with the times in the order of the ways. It is read in place of a measurement,
            and written after one, unless no way can be had.

    Raises:
        OSError: The file cannot be written.
    """
    times = _read(kept, len(ways))
    if times is None:
        times = _measured(ways, measure)
        if min(times) == math.inf:
            return [*ways]
        # Whole or not at all. Of processes that measure at once the first is heeded by all: another
        # choice would give results that differ by rounding.
        with scratch(kept.parent) as folder:
            made = Path(folder) / kept.name
            made.write_text(json.dumps(times), encoding="utf-8")
            if _read(kept, len(ways)) is None:
                made.replace(kept)
        times = _read(kept, len(ways)) or times
    return [ways[place] for place in _order(times)]


def _measured(ways: Sequence[Way], measure: Callable[[Way], float]) -> list[float]:
    """The shortest time of each way: measured again where a later way seems to be the fastest."""
    times = [measure(way) for way in ways]
    for pause in _PAUSES:
        if _order(times)[0] == 0 or times[0] == math.inf:
            break
        time.sleep(pause)
        times = [min(before, measure(way)) for before, way in zip(times, ways, strict=True)]
    return times


def _order(times: Sequence[float]) -> list[int]:
    """The places of the ways, the fastest first."""
    return sorted(range(len(times)), key=lambda place: times[place] * _CLEARLY**place)


def _read(kept: Path, count: int) -> list[float] | None:
    """So many times from a file; None if it does not have them."""
    with suppress(OSError, ValueError):
        times = json.loads(kept.read_text(encoding="utf-8"))
        if (
            isinstance(times, list)
            and len(times) == count
            and all(isinstance(time, float) and time > 0 for time in times)
        ):
            return times
    return None
