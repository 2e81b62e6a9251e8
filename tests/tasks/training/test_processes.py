"""Training in two processes, beside training in one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from structnn import InputError
from tasks.command.cli import app
from tasks.storage import read_json_lines, write_json_lines
from tasks.training import step
from tests.tasks.training import launched

ROOT = Path(__file__).parents[3]


def assert_same(found, expected):
    assert len(found["epochs"]) == len(expected["epochs"])
    np.testing.assert_allclose(found["epochs"], expected["epochs"], rtol=0, atol=1e-5)
    assert found["weights"].keys() == expected["weights"].keys()
    for name, values in expected["weights"].items():
        np.testing.assert_allclose(found["weights"][name], values, rtol=0, atol=1e-4, err_msg=name)


@pytest.mark.slow
def test_two_processes_give_what_one_gives(tmp_path, monkeypatch):
    monkeypatch.setattr(step, "SMALL_TABLE", step.SMALL_TABLE)  # which the script changes
    alone = {
        kind.__name__: launched.trained(kind, tmp_path / kind.__name__)
        for kind in (launched.labels, launched.arcs)
    }
    launched.trained(launched.labels, tmp_path / "of-one", until=2)
    parsed = launched.make_parsed((30, 20, 11))
    for split in launched.SPLITS:
        rows = [
            {"text": example.plain_text, "label": example.label}
            for example in getattr(parsed.dataset, split)
        ]
        write_json_lines(tmp_path / f"{split}.jsonl", rows)
    result = CliRunner().invoke(app, launched.command(tmp_path, "one"))
    assert result.exit_code == 0, result.output

    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    done = subprocess.run(
        [*launcher, str(Path(launched.__file__)), str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    processes = [json.loads((tmp_path / f"{index}.json").read_text()) for index in (0, 1)]
    for found in processes:
        assert_same(found["labels"], alone["labels"])
        assert_same(found["arcs"], alone["arcs"])
        # What one process began, two end as one would have; and the other way round.
        whole = alone["labels"]
        assert_same(found["resumed"], {**whole, "epochs": whole["epochs"][2:]})
    resumed = launched.trained(launched.labels, tmp_path / "of-two")
    assert_same(resumed, {**whole, "epochs": whole["epochs"][2:]})

    # The command: printed once, written once, with the same figures.
    assert done.stdout.count("saved in") == done.stderr.count("epoch 3: ") == 1
    one, two = (next((tmp_path / name).rglob("result.json")).parent for name in ("one", "two"))
    assert sorted(file.name for file in two.iterdir()) == sorted(f.name for f in one.iterdir())
    histories = [json.loads((folder / "history.json").read_text()) for folder in (one, two)]
    losses = [[(e["train_loss"], e["dev_loss"]) for e in history] for history in histories]
    np.testing.assert_allclose(losses[1], losses[0], rtol=0, atol=1e-5)
    for split in ("dev", "test"):
        said = [
            [row["prediction"] for row in read_json_lines(folder / f"{split}.jsonl")]
            for folder in (one, two)
        ]
        assert said[0] == said[1]


@pytest.mark.parametrize("value", ["abc", "", "0", "-1", "2.5"])
def test_a_number_of_processes_that_is_none_is_refused(monkeypatch, value):
    monkeypatch.setenv("WORLD_SIZE", value)
    result = CliRunner().invoke(app, ["encoders"])
    assert isinstance(result.exception, InputError)
    assert "WORLD_SIZE" in str(result.exception)
    assert f"but is {value!r}" in str(result.exception)


def test_other_commands_refuse_a_launcher(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    result = CliRunner().invoke(app, ["encoders"])
    assert "structnn encoders doesn't run in the processes of a launcher" in str(result.exception)
