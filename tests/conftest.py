from __future__ import annotations

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
