"""That the benchmark of whole experiments runs, and that the parts are parts of a whole."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from benchmarks.experiments import AROUND, IN_RUNS, app
from tasks.experiments import execution, experiment
from tests.tasks.toys import make_parsed

pytestmark = pytest.mark.slow


def test_the_command_measures_and_writes(monkeypatch, tmp_path):
    monkeypatch.setattr(experiment, "_dataset", lambda *_: make_parsed().dataset)
    for name in ("_sample", "parse_and_show"):
        monkeypatch.setattr(experiment, name, lambda *_: make_parsed())
    replaced = execution.in_parallel
    chosen = ["--data", "toy", "--encoders", "bag,lstm", "--epochs", "2"]
    result = CliRunner().invoke(app, [*chosen, "--out", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    assert execution.in_parallel is replaced
    found = json.loads((tmp_path / "out" / "experiments.json").read_text())
    assert set(found["runs"]) == {"bag", "lstm"}
    for seconds in found["runs"].values():
        whole = seconds.pop("whole")
        assert set(seconds) == set(IN_RUNS)
        assert 0 < sum(seconds.values()) <= whole
    assert set(found["around"]) == set(AROUND)
