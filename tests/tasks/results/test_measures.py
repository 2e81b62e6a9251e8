"""What is measured of a cell, against the predictions in its files."""

from __future__ import annotations

import json
from statistics import fmean, median, stdev

import pytest

from tasks.results.folder import load_results
from tasks.results.measures import ScoredCell, check_one_test_set, measure, metrics_of
from tasks.results.metrics import macro_f1
from tasks.results.summary import summarise
from tests.tasks.made_up import make_examples, make_grid, write_experiment


@pytest.fixture
def folder(tmp_path):
    grid = make_grid(encoders=("bilstm", "gat"))
    return write_experiment(tmp_path, {"toys": make_examples(30)}, grid, seeds=3, ordered=True)


def test_a_cell_against_its_files(folder):
    results = load_results(folder)
    measures = measure(results)
    assert measures.cells == measures.scored
    for cell in measures.scored:
        saved, rows = (
            [read((run.folder / name).read_text(encoding="utf-8")) for run in cell.cell.runs]
            for name, read in (
                ("result.json", json.loads),
                ("test.jsonl", lambda text: list(map(json.loads, text.splitlines()))),
            )
        )
        right = [[float(row["label"] == row["prediction"]) for row in some] for some in rows]
        assert cell.scores.tolist() == right
        assert cell.test.mean == fmean(map(fmean, right))
        assert cell.test.sd == pytest.approx(stdev(map(fmean, right)))
        assert cell.dev.mean == fmean(run["dev_accuracy"] for run in saved)
        assert cell.train_speed == median(run["train_speed"] for run in saved)
        assert cell.parameters == saved[0]["parameters"]["encoder"]
        gold = [row["label"] for row in rows[0]]
        step = {"low": 0, "middle": 1, "high": 2}
        assert cell.others == {
            "macro_f1": tuple(macro_f1(gold, some) for some in cell.predictions),
            "mean_absolute_error": pytest.approx(
                [fmean(abs(step[r["label"]] - step[r["prediction"]]) for r in s) for s in rows]
            ),
        }
        assert cell.low < cell.test.mean < cell.high


def test_absolute_errors_need_a_scale(tmp_path):
    write_experiment(tmp_path, {"toys": make_examples(9)}, make_grid(encoders=["gat"]))
    known = load_results(tmp_path).data["toys"]
    assert [metric.key for metric in metrics_of(known)] == ["accuracy", "macro_f1"]


def test_without_a_test_set(folder):
    for file in folder.rglob("test.jsonl"):
        file.unlink()
    for file in folder.rglob("result.json"):
        saved = json.loads(file.read_text())
        file.write_text(json.dumps({**saved, "test_accuracy": None}))
    measures = measure(load_results(folder))
    assert measures.scored == measures.families == ()
    assert not any(isinstance(cell, ScoredCell) for cell in measures.cells)
    summary = summarise(measures)
    assert summary.table("toys").header[3] == "test %"
    assert [row[3].text for row in summary.table("toys").rows] == ["-", "-"]
    saved = json.loads((folder / "table.json").read_text())
    assert saved["rows"][0]["test"] is saved["rows"][0]["test_sd"] is None
    assert (folder / "runs.csv").read_text().splitlines()[1].split(",")[10] == ""


@pytest.mark.parametrize("runs", ["run-0/seed-1", "run-1"])
def test_runs_that_were_tested_on_other_examples(folder, runs):
    for file in (folder / runs).rglob("test.jsonl"):
        file.write_text("".join(file.read_text().splitlines(keepends=True)[:-1]))
    with pytest.warns(match=r"left out: .*test\.jsonl") as warned:
        results = load_results(folder)
    assert len(warned) == len(results.damaged) == len(list((folder / runs).rglob("test.jsonl")))
    assert all(runs in str(path) for path in results.damaged)
    assert {cell.scores.shape[1] for cell in measure(results).scored} == {30}
    with pytest.raises(ValueError, match="the runs on toys have predictions for 29, 30 examples"):
        check_one_test_set("toys", {30, 29})


def test_the_form_of_table_json(folder):
    summarise(measure(load_results(folder)))
    saved = json.loads((folder / "table.json").read_text())
    assert list(saved) == ["rows", "families", "notes"]
    assert set(saved["rows"][0]) == {
        *("condition", "reads_trees", "seeds", "parameters", "dev", "dev_sd", "test", "test_sd"),
        *("train_speed", "inference_speed"),
    }
    assert set(saved["rows"][0]["condition"]) == {
        *("data", "encoder", "structure", "noise", "embedding", "fraction"),
    }
    (family,) = saved["families"]
    assert set(family) == {"data", "question", "pairs"}
    assert set(family["pairs"][0]) == {
        *("first", "second", "difference", "low", "high", "p", "p_corrected", "p_permutation"),
        *("p_bootstrap", "p_mcnemar", "effect", "order", "detectable", "examples", "seeds"),
        *("pairs", "level"),
    }
