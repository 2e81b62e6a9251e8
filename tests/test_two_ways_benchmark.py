"""The benchmark of one encoder in two ways runs, and says what it measured."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from benchmarks.two_ways import app

TREES = "".join(
    f"1\tthe\t_\tDET\t_\t_\t2\tdet\t_\t_\n2\tdogs{n}\t_\tNOUN\t_\t_\t0\troot\t_\t_\n\n"
    for n in range(8)
)


@pytest.mark.usefixtures("untimed")
@pytest.mark.parametrize("command", ["operators", "threads"])
def test_the_benchmark_runs(command: str, tmp_path: Path) -> None:
    file = tmp_path / "trees.conllu"
    file.write_text(TREES)
    options = f"--encoders gru --hidden 5 --batch 2 --seconds 0 --conllu {file} --out {tmp_path}"
    usual = torch.get_num_threads()
    try:
        result = CliRunner().invoke(app, [command, *options.split()])
    finally:
        torch.set_num_threads(usual)
    assert result.exit_code == 0, result.output
    rows = json.loads((tmp_path / f"{command}.json").read_text())[command]
    assert [row["training"] for row in rows] == [False, True]
    for row in rows:
        assert len(row["contenders"]) == 2
        assert all(times["ratio"]["median"] > 0 for times in row["contenders"].values())
