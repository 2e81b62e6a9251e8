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


@pytest.hookimpl(tryfirst=True)  # before tests are chosen by their markers
def pytest_collection_modifyitems(items):
    """Making the report of everything takes 20 seconds, in each process: what uses it is slow."""
    for item in items:
        if "report_of_everything" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)
