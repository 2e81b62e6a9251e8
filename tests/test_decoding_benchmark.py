"""The benchmark of beam search runs; that both searches find the same is part of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from benchmarks.decoding import main


@pytest.mark.parametrize("decoder", ["transformer(layers=2)", "gru(attention='location')"])
def test_the_benchmark_runs(tmp_path: Path, decoder: str) -> None:
    app = typer.Typer()
    app.command()(main)
    sizes = "--sentences 2 --beam 3 --words 4 --vocabulary 20 --repeats 1".split()
    result = CliRunner().invoke(app, ["--decoder", decoder, *sizes, "--out", str(tmp_path)])
    assert result.exit_code == 0, result.output
    found = json.loads((tmp_path / "decoding.json").read_text())
    for name in ("cached", "from the beginning", "ratio"):
        assert 0 < found[name]["lower"] <= found[name]["median"] <= found[name]["upper"]
