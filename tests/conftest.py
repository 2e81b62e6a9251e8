from __future__ import annotations

import os

# Read when the hub's package is imported. Without it each name of a hub that can't be reached is tried
# for ten seconds.
os.environ["HF_HUB_OFFLINE"] = "1"

import pytest

from structnn import ENCODERS, READOUTS


@pytest.fixture(autouse=True)
def _own_registries(monkeypatch):
    """What a test registers is gone after it."""
    for registry in (ENCODERS, READOUTS):
        monkeypatch.setattr(registry, "_entries", dict(registry._entries))


@pytest.fixture
def untimed(monkeypatch):
    """Benchmarks without what serves exact times alone, for tests that look at none."""
    monkeypatch.setattr("benchmarks.timing._settle", lambda *_: None)
    monkeypatch.setattr("gc.collect", lambda: 0)  # of all that the tests before have made


@pytest.hookimpl(tryfirst=True)  # before tests are chosen by their markers
def pytest_collection_modifyitems(items):
    """What uses the report of everything, which takes seconds to make, is slow, and comes first.

    So it is made in one process: the first tests in a row, and many, are given to one worker of xdist.
    """

    def uses_it(item):
        return "report_of_everything" in getattr(item, "fixturenames", ())

    for item in filter(uses_it, items):
        item.add_marker(pytest.mark.slow)
    items.sort(key=uses_it, reverse=True)
