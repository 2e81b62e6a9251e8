"""What is measured of a cell, against the predictions in its files."""

from __future__ import annotations

import json
from statistics import fmean, median, stdev

import pytest

from tasks.metrics import macro_f1, matthews
from tasks.options import OptionError
from tasks.report.groups import groups_of
from tasks.report.tables import encoder_table
from tasks.report.words import sensitivity
from tasks.results import measures as measures_module
from tasks.results.condition import Condition
from tasks.results.folder import load_results
from tasks.results.measures import ScoredCell, check_one_test_set, measure, metrics_of
from tasks.results.options import VerdictOptions
from tasks.results.statistics import mean_interval
from tasks.results.summary import family_in_words, runs_without_result, summarise
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
        assert cell.dev.mean == fmean(run["dev_score"] for run in saved)
        assert cell.train_speed == median(run["train_speed"] for run in saved)
        assert cell.parameters == saved[0]["parameters"]["encoder"]
        gold = [row["label"] for row in rows[0]]
        step = {"low": 0, "middle": 1, "high": 2}
        assert cell.values == {
            "accuracy": tuple(map(fmean, right)),
            "mcc": tuple(matthews(gold, some) for some in cell.predictions),
            "macro_f1": tuple(macro_f1(gold, some) for some in cell.predictions),
            "mean_absolute_error": pytest.approx(
                [fmean(abs(step[r["label"]] - step[r["prediction"]]) for r in s) for s in rows]
            ),
        }
        assert cell.low < cell.test.mean < cell.high


def test_absolute_errors_need_a_scale(tmp_path):
    write_experiment(tmp_path, {"toys": make_examples(9)}, make_grid(encoders=["gat"]))
    results = load_results(tmp_path)
    known = metrics_of(results.data["toys"])
    assert [metric.key for metric in known] == ["accuracy", "macro_f1", "mcc"]
    with pytest.raises(
        OptionError, match=r"metric can't be mean_absolute_error, since .* no scale"
    ):
        measure(results, VerdictOptions(metric="mean_absolute_error"))


def test_a_metric_of_the_whole_set_is_compared(folder):
    accuracy, macro = (
        measure(load_results(folder), VerdictOptions(metric=name))
        for name in ("accuracy", "macro_f1")
    )
    for one, other in zip(accuracy.scored, macro.scored, strict=True):
        assert other.metric.key == "macro_f1"
        assert other.test.mean == pytest.approx(fmean(one.values["macro_f1"]))
        assert one.values == other.values
        assert (one.own_scores == other.own_scores).all()
    headings = [summarise(one).table("toys").header for one in (accuracy, macro)]
    assert [name for name in headings[0] if name.startswith(("dev", "test"))] == ["dev %", "test %"]
    assert [name for name in headings[1] if name.startswith(("dev", "test"))] == [
        "dev accuracy %",
        "test macro-F1 %",
    ]
    (pair,) = macro.families[0].pairs.values()
    first, second = macro.scored
    assert pair.difference == pytest.approx(first.test.mean - second.test.mean)
    assert pair.effect is None


@pytest.mark.parametrize("metric", ["accuracy", "macro_f1", "mcc", "mean_absolute_error"])
def test_the_table_rounds_what_a_run_says(folder, metric):
    for cell in measure(load_results(folder), VerdictOptions(metric=metric)).scored:
        assert cell.test.mean == fmean(cell.values[metric])


def test_no_number_of_seeds_finds_a_difference_of_nothing(tmp_path):
    """Of 12 examples macro-F1 varies too little over examples to tell it from chance in runs."""
    write_experiment(
        tmp_path, {"toys": make_examples(12)}, make_grid(encoders=["transformer", "bag"]), seeds=3
    )
    measures = measure(load_results(tmp_path), VerdictOptions(metric="macro_f1", rope=2))
    (pair,) = measures.families[0].pairs.values()
    assert pair.detectable_with_any_seeds == 0
    (line,) = (line for line in summarise(measures).words("toys") if "four times in five" in line)
    assert line.endswith(" points with 6 seeds, less with more)")
    assert "with more seeds less" in sensitivity(groups_of(measures)[0])


def test_options_are_those_of_the_experiment_unless_given(folder):
    file = folder / "experiment.json"
    saved = json.loads(file.read_text())
    saved["options"] |= {"rope": 3, "reference": "gat", "seeds": 3}
    file.write_text(json.dumps(saved))
    measures = measure(load_results(folder))
    assert measures.options == VerdictOptions(rope=3, reference="gat")
    (pair,) = measures.families[0].pairs.values()
    assert (pair.second, pair.margin) == ("gat", 0.03)
    assert measure(load_results(folder), VerdictOptions(rope=5)).options.reference is None
    with pytest.raises(OptionError, match=r"reference names 'gnn', .* there are: bilstm, gat"):
        measure(load_results(folder), VerdictOptions(reference="gnn"))


def test_the_majority_is_the_first_row(folder):
    file = folder / "experiment.json"
    saved = json.loads(file.read_text())
    saved["data"]["toys"] |= {"majority": "middle", "majority_dev": 0.25}
    file.write_text(json.dumps(saved))
    measures = measure(load_results(folder))
    gold = [example.label for example in measures.results.examples["toys"]]
    assert measures.majority["toys"].test["accuracy"] == gold.count("middle") / 30
    assert measures.majority["toys"].test["mcc"] == 0
    rows = summarise(measures).table("toys").rows
    assert [entry.text for entry in rows[0]] == ["(middle)", "-", "25.0", "33.3", "-", "-"]
    assert len(rows) == 3
    (group,) = groups_of(measures)
    first = encoder_table(group).rows[0]
    assert [first[place].text for place in (0, 1, 8)] == ['always "middle"', "33.3", "25.0"]


def note_on_one_label(folder, seeds):
    """What is said where the first encoder predicts one label with the first of the seeds."""
    for number, file in enumerate(sorted((folder / "run-0").rglob("test.jsonl"))):
        rows = [json.loads(line) | {"prediction": "low"} for line in file.read_text().splitlines()]
        if number < seeds:
            file.write_text("".join(json.dumps(row) + "\n" for row in rows))
            result = file.with_name("result.json")
            right = fmean(row["label"] == "low" for row in rows)
            result.write_text(json.dumps(json.loads(result.read_text()) | {"test_score": right}))
    summary = summarise(measure(load_results(folder)))
    (note,) = (note for note in summary.notes["toys"] if "one label" in note)
    return note


def test_who_predicts_one_label_is_named(folder):
    note = note_on_one_label(folder, seeds=2)
    assert note.startswith("bilstm predicts one label for every test example in 2 of 3 seeds: ")


def test_one_seed_is_not_counted(tmp_path):
    grid = make_grid(encoders=("bilstm",))
    folder = write_experiment(tmp_path, {"toys": make_examples(30)}, grid, seeds=1)
    note = note_on_one_label(folder, seeds=1)
    assert note.startswith("bilstm predicts one label for every test example: nothing was learned")


def test_intervals_hold_possible_values_alone(folder, monkeypatch):
    monkeypatch.setattr(measures_module, "mean_interval", lambda *_, **__: (-0.5, 1.5))
    for cell in measure(load_results(folder)).scored:
        assert (cell.low, cell.high) == (0.0, 1.0)
        assert cell.part([0, 1])[1:] == (0.0, 1.0)


def test_without_a_test_set(folder):
    for file in folder.rglob("test.jsonl"):
        file.unlink()
    for file in folder.rglob("result.json"):
        saved = json.loads(file.read_text())
        file.write_text(json.dumps({**saved, "test_score": None}))
    measures = measure(load_results(folder))
    assert measures.scored == measures.families == ()
    assert not any(isinstance(cell, ScoredCell) for cell in measures.cells)
    summary = summarise(measures)
    assert summary.table("toys").header[3] == "test %"
    assert [row[3].text for row in summary.table("toys").rows] == ["-", "-"]
    saved = json.loads((folder / "table.json").read_text())
    assert saved["rows"][0]["test"] is saved["rows"][0]["test_sd"] is None
    assert (folder / "runs.csv").read_text().splitlines()[1].split(",")[10] == ""


@pytest.mark.parametrize(
    ("rows", "clusters", "why"),
    [
        (1, [""], "the test set has one example"),
        (3, ["a", "a", "a"], "all 3 test examples are of one group"),
    ],
)
def test_a_test_set_that_allows_no_comparison_is_told(tmp_path, rows, clusters, why):
    few = [
        {**row, "cluster": cluster}
        for row, cluster in zip(make_examples(rows), clusters, strict=True)
    ]
    grid = make_grid(("toys", "few"), encoders=("bilstm", "gat"))
    labels = dict.fromkeys(("toys", "few"), ("low", "middle", "high"))
    folder = write_experiment(
        tmp_path, {"toys": make_examples(30), "few": few}, grid, seeds=3, labels=labels
    )
    measures = measure(load_results(folder))
    assert {family.data for family in measures.families} == {"toys"}
    summary = summarise(measures)
    (line,) = summary.words("few")
    assert line.startswith(f"no verdict: {why}")
    assert not any(line.startswith("no verdict") for line in summary.words("toys"))
    assert (folder / "table.md").read_text().count(f"- {line}\n") == 1
    with pytest.raises(ValueError, match=f"few: {why}"):
        groups_of(measures)


def test_runs_without_a_result_are_told_beside_the_table(tmp_path):
    failed = [(Condition("toys", "bag", fraction=0.1), "RuntimeError: out of luck")]
    grid = make_grid(("toys", "more"), encoders=("bilstm", "gat"))
    examples = {"toys": make_examples(30), "more": make_examples(30)}
    folder = write_experiment(tmp_path, examples, grid, seeds=6, unfinished=failed)
    (folder / "run-0" / "seed-5" / "result.json").unlink()
    results = load_results(folder)
    assert runs_without_result(results, "more") == []
    start = "without a result, and not in the table:"
    found = [
        f"{start} 1 of 18 runs, run-0/seed-5 (not run yet)",
        f"{start} 6 of 18 runs, run-4/seed-0, run-4/seed-1, run-4/seed-2, run-4/seed-3 and 2 more "
        "(RuntimeError: out of luck; see error.txt there)",
    ]
    assert runs_without_result(results, "toys") == found
    summary = summarise(measure(results))
    assert list(summary.notes["toys"][-2:]) == found
    assert not set(found) & set(summary.notes["more"])
    text = (folder / "table.md").read_text()
    assert all(f"- {line}\n" in text for line in found)


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
    assert list(saved) == ["rows", "families", "notes", "majority", "uncompared"]
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
        *("first", "second", "difference", "low", "high", "p", "verdict", "margin", "detectable"),
        *("detectable_with_any_seeds", "p_permutation", "p_mcnemar", "effect", "order"),
        *("examples", "clusters", "seeds", "pairs", "level", "metric"),
    }


def test_the_interval_of_a_cell_is_over_groups_of_examples(tmp_path):
    intervals = []
    for size in (1, 10):
        rows = [{**row, "cluster": f"{n // size}"} for n, row in enumerate(make_examples(60))]
        folder = tmp_path / str(size)
        write_experiment(folder, {"toys": rows}, make_grid(encoders=["gat"]), seeds=3)
        (cell,) = measure(load_results(folder)).scored
        clusters = [row["cluster"] for row in rows]
        assert (cell.low, cell.high) == mean_interval(cell.scores, clusters=clusters)
        part = mean_interval(cell.scores[:, 5:45], clusters=clusters[5:45])
        assert cell.part(range(5, 45)) == (cell.scores[:, 5:45].mean(), *part)
        intervals.append((cell.low, cell.high))
    assert intervals[0] != intervals[1]


@pytest.mark.parametrize(("left", "lines"), [(2, 3), (1, 3)])
def test_an_encoder_with_too_few_seeds_leaves_the_others_their_verdicts(tmp_path, left, lines):
    grid = make_grid(encoders=("bag", "bilstm", "gat"))
    folder = write_experiment(tmp_path, {"toys": make_examples(60)}, grid, seeds=5)
    for seed in range(left, 5):
        (folder / "run-2" / f"seed-{seed}" / "result.json").unlink()
    measures = measure(load_results(folder))
    (family,) = (one for one in measures.families if one.question == "encoders")
    told = family_in_words(family)
    pairs = list(family.pairs.values())
    assert [pair.verdict == "none" for pair in pairs] == [False, True, True]
    assert told[0 : len(pairs)] == [str(pair) for pair in pairs]
    assert told[len(pairs)].startswith("a true difference of ")
    assert "all 3 considered" in told[len(pairs)]
    assert "with 10 seeds" in told[len(pairs)]
    assert len(told) == lines + 1


@pytest.mark.parametrize("labels", [1, 2])
def test_one_answer_for_all_is_a_fault_where_there_are_others(tmp_path, labels):
    names = ["low", "high"]
    rows = [{**row, "label": names[n % labels]} for n, row in enumerate(make_examples(20))]
    folder = write_experiment(
        tmp_path, {"toys": rows}, make_grid(encoders=["gat"]), labels={"toys": names}
    )
    for file in folder.rglob("test.jsonl"):
        found = [json.loads(line) | {"prediction": "low"} for line in file.read_text().splitlines()]
        file.write_text("".join(f"{json.dumps(row)}\n" for row in found))
        result = file.with_name("result.json")
        result.write_text(json.dumps(json.loads(result.read_text()) | {"test_score": 1 / labels}))
    notes = summarise(measure(load_results(folder))).notes["toys"]
    assert any("predicts one label" in note for note in notes) == (labels == 2)
