"""Experiments on the command line, from end to end."""

from __future__ import annotations

import json
import re

import pytest

from tests.tasks.command.test_cli import QUICK, here, kill_at, questions

__all__ = ["here", "questions"]  # fixtures

GRID = """
encoders = ["bag", "child_sum_tree_lstm"]
structure = ["parse", "random"]
seeds = 2
match_params = "20k"
epochs = 2
embedding_dim = 16
batch_size = 8
learning_rate = 0.02
"""


@pytest.mark.slow
def test_a_grid_from_a_file_ends_in_a_report(tmp_path, questions, here):
    (tmp_path / "grid.toml").write_text(f'data = "{questions}"\n{GRID}')
    done = here("compare", "grid.toml", "--out", "runs/g", "--dry-run")
    assert "6 runs of 2 encoders" in done.err
    assert "find a true difference of about" in done.out
    assert not (tmp_path / "runs").exists()
    # What is given on the command line has precedence.
    given = ("--out", "runs/g", "--workers", 1)
    done = here("compare", "grid.toml", *given, "--seeds", 1)
    assert re.search(r"child_sum_tree_lstm +random", done.out)
    done = here("compare", "grid.toml", *given)
    assert "6 runs of 2 encoders, 3 of them done already" in done.err
    folder = tmp_path / "runs/g"
    page = (folder / "report.html").read_text()
    assert "child_sum_tree_lstm" in page
    parameters = {
        json.loads(file.read_text())["parameters"]["encoder"]
        for file in folder.glob("**/seed-*/result.json")
    }
    assert all(abs(count - 20_000) <= 400 for count in parameters)
    (folder / "report.html").unlink()
    here("report", "runs/g")
    assert (folder / "report.html").read_text() == page
    assert "no verdict on encoders: 2 seeds" in done.out
    here("report", "runs/g", "--metric", "macro_f1", "--reference", "bag", "--rope", "3")
    assert "macro-F1" in (folder / "report.html").read_text()
    assert "--reference" in here("report", "runs/g", "--reference", "gnu", status=1).err
    here("report", "runs", status=1)
    here("compare", "grid.toml", *given, "--no-report")
    assert not (folder / "report.html").exists()  # it was of other options
    damaged = next(folder.glob("**/seed-1/test.jsonl"))
    damaged.write_text("")
    with pytest.warns(
        UserWarning, match=r"left out: .*test\.jsonl is damaged.* delete that folder"
    ):
        done = here("report", "runs/g", status=1)
    assert f"left out, since damaged: {damaged.parent.relative_to(tmp_path)}" in done.err
    assert "written" in done.err


@pytest.mark.slow
def test_a_search_looks_at_dev_alone(tmp_path, questions, here):
    given = ("compare", "--data", questions, "--encoders", "bag", "--seeds", 1, *QUICK)
    given = (*given, "--workers", 1, "--no-report", "--tune", 2, "--space", "dropout=0.1|0.2")
    done = here(*given, "--out", "runs/t")
    assert "3 runs of 1 encoder;" in done.err
    trial = tmp_path / "runs/t/tuning/bag/trial-1"
    assert json.loads((trial / "result.json").read_text())["test_score"] is None
    experiment = json.loads((tmp_path / "runs/t/experiment.json").read_text())
    ((_, scores),) = experiment["tuning"].items()
    assert len(scores) == 2


@pytest.mark.slow
def test_a_killed_grid_goes_on_to_the_same_table(tmp_path, questions, here):
    (tmp_path / "grid.toml").write_text(f'data = "{questions}"\n{GRID}')
    command = ("compare", "grid.toml", "--workers", "1", "--no-report")
    here(*command, "--out", "unbroken")
    kill_at("3/6", tmp_path, *command, "--out", "killed")
    assert not (tmp_path / "killed/table.json").exists()
    done = here(*command, "--out", "killed")
    assert "of them done already" in done.err
    tables = [(tmp_path / name / "table.json").read_text() for name in ("unbroken", "killed")]
    without_speeds = []
    for table in map(json.loads, tables):
        for row in table["rows"]:
            del row["train_speed"], row["inference_speed"]
        without_speeds.append(table)
    assert without_speeds[0] == without_speeds[1]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("seed = 3", "there is no option 'seed' (did you mean 'seeds'?)"),
        ("seeds = ", "grid.toml: is not TOML that can be read"),
        (f"seeds = {'[' * 100_000}", "grid.toml: is not TOML that can be read"),
        (f"seeds = {'1' * 5_000}", "grid.toml: is not TOML that can be read"),
        ("[space]\nlr = 1", "'space' is a table"),
        ('match_params = "many"', "--match-params takes a number"),
        ('match_params = "7"', "nearest are"),
        ('fractions = "half"', "--fractions takes numbers"),
        ('backend = "spark"', "--backend must be 'local', 'ray' or 'dask', but is 'spark'"),
        ('address = "127.0.0.1:9"', "give --backend"),
        ('space = ["dropout=0.1|0.2"]', "--tune"),
    ],
)
def test_faults_of_an_experiment_end_in_one_clear_line(tmp_path, questions, here, line, message):
    (tmp_path / "grid.toml").write_text(
        "seeds = \n"
        if line == "seeds = "
        else f'data = "{questions}"\nencoders = "bag"\nepochs = 1\nseeds = 1\n{line}\n'
    )
    done = here("compare", "grid.toml", "--out", "runs/x", status=1)
    assert message in " ".join(done.err.split())
    assert not (tmp_path / "runs").exists()
