"""That the benchmark of the whole pipeline runs and that its figures mean what they say."""

from __future__ import annotations

import json
import time

import pytest
from typer.testing import CliRunner

from benchmarks.pipeline import PARTS, Shares, app
from structnn import Corpus, Sentence
from tests.tasks.toys import make_parsed

pytestmark = pytest.mark.slow


def test_a_clock_counts_each_part_once_and_is_taken_off():
    corpus = Corpus([Sentence(["a"])])
    method = Corpus.batch
    shares = Shares()
    started = time.perf_counter()
    with shares.counting():
        corpus.batch().prepare({"sequence"})
    elapsed = time.perf_counter() - started
    assert Corpus.batch is method
    assert 0 < shares.seconds["collation"] < elapsed
    assert set(shares.seconds) == {"collation"}


def test_one_part_within_itself_is_not_counted_twice():
    shares = Shares()
    inner = shares._clocked("optimiser", lambda: time.sleep(0.01))
    started = time.perf_counter()
    shares._clocked("optimiser", lambda: inner())()
    assert 0.01 <= shares.seconds["optimiser"] <= time.perf_counter() - started


def test_the_command_measures_and_writes(monkeypatch, tmp_path):
    monkeypatch.setattr("benchmarks.pipeline.load", lambda *_: make_parsed())
    sizes = "--sentences 24 --repeats 1 --batch 8 --hidden 4".split()
    chosen = ["--encoders", "bag,bilstm,nary_tree_lstm", "--profile", "bag"]
    result = CliRunner().invoke(app, [*sizes, *chosen, "--out", str(tmp_path)])
    assert result.exit_code == 0, result.output
    found = json.loads((tmp_path / "pipeline.json").read_text())
    rows = {row["encoder"]: row for row in found["pipelines"]}
    assert set(rows) == {"bag", "bilstm", "nary_tree_lstm"}
    assert rows["bilstm"]["training ratio"]["median"] == pytest.approx(1)
    for row in rows.values():
        assert 0 < sum(row[part] for part in PARTS) <= 1
        assert row["training"]["median"] > 0
        assert row["inference"]["median"] > 0
    assert sum(row["share"] for row in found["profile"]["bag"]) <= 1
    assert found["machine"]["cores"] >= 1
