from __future__ import annotations

import pytest

from structnn import ENCODERS, READOUTS


@pytest.fixture(autouse=True)
def _own_registries(monkeypatch):
    """What a test registers is gone after it."""
    for registry in (ENCODERS, READOUTS):
        monkeypatch.setattr(registry, "_entries", dict(registry._entries))
