"""That the benchmark of graph encoders runs and compares what computes the same."""

from __future__ import annotations

import json
import re

import pytest
from typer.testing import CliRunner

from benchmarks.graphs import ATTENDING, EVERYONE, app, main
from parsers import write_conllu
from tests.structnn.examples import random_sentences

pytestmark = pytest.mark.slow


@pytest.fixture
def conllu(tmp_path):
    path = tmp_path / "trees.conllu"
    write_conllu(random_sentences(0, [2, 5, 9, 14, 6, 7]), path)
    return path


@pytest.mark.usefixtures("untimed")
def test_tables(conllu, tmp_path, monkeypatch):
    monkeypatch.setattr("benchmarks.graphs.use_one_thread", lambda: None)
    main(conllu, hidden=8, batch=2, seconds=0, out=tmp_path)
    results = json.loads((tmp_path / "graphs.json").read_text())
    rows = results["attention"]
    assert [row["encoder"] for row in rows] == [name for name in ATTENDING for _ in "ab"] * 2
    for row in rows:
        assert set(row["contenders"]) == {"structnn", "PyG", "products alone"}
        assert row["differences"]["PyG"] < 1e-5
    assert all(set(row["contenders"]) == set(EVERYONE) for row in results["encoders"])


def test_a_fault_of_the_treebank_is_told(tmp_path):
    file = tmp_path / "no.conllu"
    file.write_text("1\tdogs\n")
    told = CliRunner().invoke(app, ["--conllu", str(file)])
    assert told.exit_code == 2
    assert "no.conllu" in re.sub(r"[\s│]", "", told.output)  # a long path is wrapped in its box
    assert told.exception is None or isinstance(told.exception, SystemExit)
