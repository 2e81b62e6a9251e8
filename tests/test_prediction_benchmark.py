"""The benchmark of single predictions runs, and says what it measured."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from benchmarks.prediction import main
from parsers.stanza.models import SHIPPED_MODELS


@pytest.mark.slow
@pytest.mark.skipif(
    not (SHIPPED_MODELS / "resources.json").is_file(), reason="the shipped models are not here"
)
def test_the_benchmark_runs(tmp_path: Path) -> None:
    file = tmp_path / "texts.txt"
    app = typer.Typer()
    app.command()(main)
    options = [str(file), "--encoders", "bilstm", "--out", str(tmp_path)]
    file.write_text("Too short.\n")
    assert "no text of 8 to 16 words" in CliRunner().invoke(app, options).output
    file.write_text("The dogs that the cat chased bark.\nDogs bark and cats sleep all day long.\n")
    result = CliRunner().invoke(app, options)
    assert result.exit_code == 0, result.output
    found = json.loads((tmp_path / "prediction.json").read_text())["encoders"]["bilstm"]
    for clocks in found.values():
        assert all(0 < lower <= median <= upper for lower, median, upper in clocks.values())
