"""The benchmark of a corpus on disk: that it trains, the same as in memory."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from benchmarks import streaming


@pytest.mark.slow
def test_it_trains_from_files_as_from_memory(tmp_path: Path) -> None:
    app = typer.Typer()
    app.command()(streaming.main)
    options = ["--sentences", "300", "--structure", "balanced", "--out", str(tmp_path)]
    told = []
    for more in ([], ["--in-memory"]):
        result = CliRunner().invoke(app, [*options, *more])
        assert result.exit_code == 0, result.output
        written = json.loads((tmp_path / "streaming.json").read_text())
        assert written["sentences"] == 300
        assert written["steps"]["one epoch"]["peak_mib"] > 0
        told.append(result.output.replace("\n", "").partition("train_loss=")[2].partition(",")[0])
    assert told[0] == told[1] != ""
