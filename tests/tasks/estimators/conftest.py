from __future__ import annotations

import pytest

from tasks.estimators import reading
from tests.tasks.estimators.toy_parser import ToyParser


@pytest.fixture(autouse=True)
def parser(monkeypatch, tmp_path_factory):
    made = ToyParser()
    scratch = tmp_path_factory.mktemp("scratch")

    def parser_of(options, *, trees):
        made.with_trees.append(trees)
        return made

    monkeypatch.setattr(reading, "_parser", parser_of)
    monkeypatch.setattr(reading, "_scratch", lambda: scratch)
    return made
