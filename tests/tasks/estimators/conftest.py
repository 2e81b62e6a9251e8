from __future__ import annotations

import pytest

from tasks.estimators import reading
from tests.tasks.estimators.toy_parser import ToyParser


@pytest.fixture(autouse=True)
def parser(monkeypatch, tmp_path_factory):
    made = ToyParser()
    scratch = tmp_path_factory.mktemp("scratch")
    monkeypatch.setattr(reading, "_parser", lambda options: made)
    monkeypatch.setattr(reading, "_scratch", lambda: scratch)
    return made
