"""Contenders timed side by side: in one process, on one thread, taking turns within each repeat.

A machine gets slower and faster while it is measured, so one contender after another would compare
two moments. Here each repeat is a new batch that all contenders are given in turn, and what is
reported is the median over repeats of the *ratio within a repeat*. No contender has seen a batch on
which it is timed: a kernel that caches what it prepared for a shape gains nothing here that training
would not give it.

In training a network runs again and again, and finds its code and its weights where it left them. A
contender whose turn comes finds them where the others left them: after 0.1 s of other work, a page of
memory costs a microsecond to touch on a virtual machine. So each one first runs on earlier batches,
which is not counted.

Tables, JSON files and charts are made by :mod:`benchmarks.report`.
"""

from __future__ import annotations

import gc
import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any

import numpy as np
import torch

__all__ = ["Contender", "Measurement", "Quartiles", "measure", "use_one_thread"]


def use_one_thread() -> None:
    """Leave this process one thread for each operation, and no second operation beside it."""
    for library in ("OMP", "MKL", "OPENBLAS"):
        os.environ[f"{library}_NUM_THREADS"] = "1"  # for what is not loaded yet
    torch.set_num_threads(1)
    if torch.get_num_interop_threads() != 1:  # can be set once, before the first parallel work
        torch.set_num_interop_threads(1)


@dataclass(frozen=True)
class Contender:
    """One way to do the work.

    Args:
        name: As it stands in the tables.
        run: Does the work on what ``collate`` gave; its result is dropped within the time.
        collate: Makes of a batch what ``run`` reads; timed by itself.
        size: How much of the work a batch is, its nodes say: times are divided by it.
    """

    name: str
    run: Callable[[Any], object]
    collate: Callable[[Any], Any] = lambda batch: batch
    size: Callable[[Any], float] = lambda batch: 1.0


@dataclass(frozen=True)
class Quartiles:
    """The median and the quartiles around it."""

    lower: float
    median: float
    upper: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Quartiles:
        """Those of some values."""
        return cls(*np.quantile(values, [0.25, 0.5, 0.75]).tolist())


@dataclass
class Measurement:
    """The times of all contenders in all repeats, in seconds for one unit of size.

    Attributes:
        collating: For each contender the time of ``collate`` in each repeat.
        running: The time of ``run``.
    """

    collating: dict[str, list[float]] = field(default_factory=dict)
    running: dict[str, list[float]] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """The contenders."""
        return list(self.running)

    @property
    def repeats(self) -> int:
        """How many batches were timed."""
        return len(next(iter(self.running.values()), []))

    def times(self, name: str, *, collation: bool = False) -> list[float]:
        """The contender's time in each repeat, with or without collation."""
        if not collation:
            return self.running[name]
        both = zip(self.collating[name], self.running[name], strict=True)
        return [collating + running for collating, running in both]

    def seconds(self, name: str, *, collation: bool = False) -> Quartiles:
        """The contender's time."""
        return Quartiles.of(self.times(name, collation=collation))

    def ratio(self, name: str, to: str, *, collation: bool = False) -> Quartiles:
        """How many times as long the contender takes as another, within a repeat."""
        pairs = zip(
            self.times(name, collation=collation), self.times(to, collation=collation), strict=True
        )
        return Quartiles.of([one / other for one, other in pairs])

    def as_json(self, reference: str) -> dict[str, Any]:
        """All of it, with ratios to one contender, for a JSON file."""
        return {
            "repeats": self.repeats,
            "reference": reference,
            "contenders": {
                name: {
                    f"{what}{suffix}": vars(quartiles)
                    for suffix, collation in (("", False), (" with collation", True))
                    for what, quartiles in (
                        ("seconds", self.seconds(name, collation=collation)),
                        ("ratio", self.ratio(name, reference, collation=collation)),
                    )
                }
                for name in self.names
            },
        }


def measure(
    contenders: Sequence[Contender],
    batches: Iterable[Any],
    *,
    seconds: float,
    least: int = 5,
    warmup: int = 2,
    settle: float = 0.02,
) -> Measurement:
    """Give each new batch to all contenders in turn.

    The one that begins changes with each repeat, so that none is always the first to touch a batch.
    Python's garbage collector waits meanwhile, as in :mod:`timeit`.

    Args:
        contenders: With names that differ.
        batches: As many as are wanted; no two the same.
        seconds: No repeat begins after this time.
        least: But so many repeats there are.
        warmup: So many batches go first and are not counted.
        settle: So many seconds, and the pass that is begun by then, a contender runs on earlier batches
            before it is timed; not at all where this is 0.

    Raises:
        ValueError: The batches ran out before there were ``least`` repeats.
    """
    measurement = Measurement(
        {contender.name: [] for contender in contenders},
        {contender.name: [] for contender in contenders},
    )
    earlier: deque[Any] = deque(maxlen=4)
    gc.collect()
    gc.disable()
    try:
        begin = time.perf_counter()
        for repeat, batch in enumerate(batches, start=-warmup):
            if repeat == 0:
                begin = time.perf_counter()
            if repeat >= least and time.perf_counter() - begin > seconds:
                break
            first = repeat % len(contenders)
            for contender in (*contenders[first:], *contenders[:first]):
                _settle(contender, earlier, settle)
                start = time.perf_counter()
                data = contender.collate(batch)
                collated = time.perf_counter()
                contender.run(data)
                done = time.perf_counter()
                del data  # or the next one would be charged for it
                if repeat >= 0:
                    size = contender.size(batch)
                    measurement.collating[contender.name].append((collated - start) / size)
                    measurement.running[contender.name].append((done - collated) / size)
            earlier.appendleft(batch)  # the last one first
    finally:
        gc.enable()
    if measurement.repeats < least:
        raise ValueError(f"{warmup + least} batches are needed, but there were fewer")
    return measurement


def _settle(contender: Contender, batches: Iterable[Any], seconds: float) -> None:
    """Let a contender run on some batches, again and again, until the time is over."""
    begin = time.perf_counter()
    for batch in cycle(batches) if seconds > 0 else ():
        contender.run(contender.collate(batch))
        if time.perf_counter() - begin >= seconds:
            break
