"""What is read from an experiment's folder: typed, of this version, or an error that says what to do."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, fields

import pytest

from structnn import Tree
from tasks.results.condition import Condition
from tasks.results.folder import load_results
from tasks.results.measures import measure
from tasks.results.records import (
    KINDS,
    EncoderDescription,
    PredictedExample,
    read_descriptions,
    read_experiment,
    read_history,
    read_predictions,
)
from tasks.results.run import RunResult, read_result
from tasks.results.summary import summarise
from tasks.storage import StorageError
from tasks.training.epoch import Epoch
from tests.tasks.made_up import make_examples, make_grid, with_phrases, write_experiment

REMEDY = r"; (delete that folder, and this run|the command that made the experiment)"


@pytest.fixture
def folder(tmp_path):
    examples = [with_phrases(row) for row in make_examples(20)]
    return write_experiment(tmp_path, {"toys": examples}, make_grid(encoders=["gat"]), seeds=2)


def test_everything_is_typed(folder):
    results = load_results(folder)
    (cell,) = results.cells
    assert cell.condition == Condition("toys", "gat")
    for run in cell.runs:
        assert isinstance(run.result, RunResult)
        assert folder / run.result.folder == run.folder
        assert all(isinstance(epoch, Epoch) for epoch in run.history)
        assert len(run.history) == run.result.epochs
    assert all(isinstance(row, PredictedExample) for rows in cell.predictions() for row in rows)
    made_up = with_phrases(make_examples(20)[3])
    example = results.examples["toys"][3]
    assert asdict(example) == made_up | {
        "cluster": "",
        "target_count": None,
    }  # of an earlier version
    assert example.dependencies == Tree(
        [head - 1 for head in made_up["heads"]], labels=made_up["relations"]
    )
    assert example.trees["constituency"].tree == Tree(**made_up["trees"]["constituency"])
    assert results.data["toys"].sizes["test"] == 20
    assert results.experiment.encoders["gat"] == EncoderDescription(
        reads=frozenset({"graph"}), width=128
    )


def test_a_missing_or_unknown_key_names_the_file_and_the_remedy(folder):
    run = folder / "run-0" / "seed-0"
    files = [
        (run / "result.json", lambda file: read_result(folder, run.relative_to(folder))),
        (folder / "experiment.json", read_experiment),
    ]
    for file, read in files:
        whole = json.loads(file.read_text())
        for changed, fault in (
            ({**whole, "novel": 1}, r"\(unknown: novel\)"),
            ({name: whole[name] for name in list(whole)[1:]}, r"\(missing: parameters\)"),
            ([1], r"\(expected an object, found \[1\]\)"),
        ):
            if file.name == "experiment.json" and "missing" in fault:
                changed = {name: value for name, value in whole.items() if name != "runs"}
                fault = r"\(missing: runs\)"
            file.write_text(json.dumps(changed))
            with pytest.raises(
                StorageError, match=re.escape(str(file)) + " isn't.*" + fault + REMEDY
            ):
                read(file)
        file.write_text(json.dumps(whole))
    load_results(folder)


@pytest.mark.parametrize(
    ("name", "read", "where"),
    [
        ("run-0/seed-0/test.jsonl", read_predictions, "test.jsonl:2"),
        ("run-0/seed-0/history.json", read_history, "history.json: epoch 2"),
        ("examples/toys.jsonl", read_descriptions, "toys.jsonl:2"),
    ],
)
def test_the_entry_at_fault_is_named(folder, name, read, where):
    file = folder / name
    lines = name.endswith("l")
    text = file.read_text()
    entries = [json.loads(line) for line in text.splitlines()] if lines else json.loads(text)
    entries[1]["novel"] = 1
    file.write_text("\n".join(map(json.dumps, entries)) if lines else json.dumps(entries))
    with pytest.raises(StorageError, match=where + r" isn't.*\(unknown: novel\)" + REMEDY):
        read(file)


def test_an_entry_within_an_entry_is_named(folder):
    file = folder / "experiment.json"
    content = json.loads(file.read_text())
    del content["data"]["toys"]["ordered"]
    file.write_text(json.dumps(content))
    with pytest.raises(StorageError, match=r"experiment.json: data.toys isn't.*missing: ordered"):
        read_experiment(file)


def test_a_damaged_line_is_named(folder):
    file = folder / "run-0/seed-0/test.jsonl"
    file.write_text(file.read_text() + "{")
    with pytest.raises(StorageError, match=r"test.jsonl:21 is damaged .* delete that folder"):
        read_predictions(file)


def test_kinds_of_encoders():
    kinds = {
        frozenset(reads): EncoderDescription(reads=frozenset(reads)).kind
        for reads in ([], ["sequence"], ["tree"], ["graph"], ["graph", "sequence"])
    }
    assert tuple(kinds.values()) == KINDS


@pytest.mark.parametrize(
    ("encoder", "saved", "arity"),
    [
        # What was saved holds, whatever the encoder's options say now.
        ("nary_tree_lstm", {"arity": None}, None),
        ("child_sum_tree_lstm", {"arity": 3}, 3),
        # Older experiments did not save it.
        ("nary_tree_lstm", {}, 2),
        ("bilstm>nary_tree_lstm(arity=4)", {}, 4),
        ("child_sum_tree_lstm", {}, None),
        ("of_a_plugin", {}, None),
    ],
)
def test_the_arity_is_what_was_saved(tmp_path, encoder, saved, arity):
    grid = [Condition("toys", "gat")]
    folder = write_experiment(tmp_path, {"toys": make_examples(8)}, grid)
    file = folder / "experiment.json"
    content = json.loads(file.read_text())
    content["encoders"] = {encoder: {"reads": ["tree"], "width": 8, **saved}}
    for run in content["runs"]:
        run["condition"]["encoder"] = encoder
    file.write_text(json.dumps(content))
    assert read_experiment(file).encoders[encoder].arity == arity
    notes = summarise(measure(load_results(folder))).notes["toys"]
    assert any("more children" in note for note in notes) == (arity is not None)


def test_results_of_a_run_have_the_keys_of_the_file(folder):
    saved = json.loads((folder / "run-0/seed-0/result.json").read_text())
    assert [field.name for field in fields(RunResult)] == ["folder", *saved]
