"""Grids: what is planned, what a run sees, equal budgets, searches, results read back."""

from __future__ import annotations

import dataclasses
import json
import sys

import pytest

from structnn import Sentence, Tree
from tasks.data.examples import DataError, Dataset, Example
from tasks.data.files import read_examples
from tasks.data.parsing import SPLITS, ParsedDataset, parse_dataset
from tasks.data.setting import Setting, view
from tasks.experiments import experiment
from tasks.experiments.display import execute_and_show, show_power
from tasks.experiments.experiment import _command_line, run_experiment
from tasks.experiments.grid import encoder_of, plan
from tasks.experiments.options import CompareOptions
from tasks.experiments.run import seconds_per_epoch
from tasks.models.options import ModelOptions
from tasks.options import OptionError
from tasks.results import run as run_folders
from tasks.results.folder import load_results, save_experiment
from tasks.results.measures import measure
from tasks.results.records import TreeDescription
from tasks.results.summary import summarise
from tasks.sealing import read_sealed
from tasks.storage import StorageError, read_json
from tasks.training.options import TrainingOptions
from tests.tasks.toys import execute_here

TRAINING = TrainingOptions(epochs=2, batch_size=8, learning_rate=0.02)


def models(*encoders):
    return [ModelOptions(encoder=name, hidden_dim=8, embedding_dim=8) for name in encoders]


def test_trees_that_came_with_the_data(parsed, tmp_path):
    file = tmp_path / "trees.jsonl"
    rows = [
        {"text": ["go", "on"], "label": label, "heads": [2, 0], "relations": ["dep", "root"]}
        for label in ("a", "b")
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    examples = read_examples(file)
    assert examples[0].columns == {}
    dataset = Dataset("trees", examples, examples, examples, labels=("a", "b"))
    seen = view(parse_dataset(dataset, None), Setting(structure="given"))
    assert seen.sentences["test"][0].dependencies == Tree([1, -1], labels=["dep", "root"])
    assert seen.parser is None
    of_parser = Sentence(("go", "on"), dependencies=Tree([-1, 0], labels=["root", "dep"]))
    both = ParsedDataset(dataset, dict.fromkeys(SPLITS, (of_parser,) * 2), parser="toy")
    for data, structures, others in (
        (both, ("parse", "given"), {"given": {"parents": [1, -1], "tokens": [0, 1]}}),
        (both, ("parse",), {}),
        (seen, ("given",), {}),  # which is in the parse's place
    ):
        planned = plan(models("gat"), 1, TRAINING, structures=structures)
        save_experiment(tmp_path, planned, {"": data}, {"encoders": {}})
        (row, _) = load_results(tmp_path).examples["trees"]
        assert row.heads == ([2, 0] if data is seen else [0, 1])
        assert row.trees == {
            name: TreeDescription(**tree, labels=["dep", "root"]) for name, tree in others.items()
        }
    with pytest.raises(DataError, match="no given dependency tree"):
        view(parsed, Setting(structure="given"))
    file.write_text('{"text": ["go", "on"], "label": "a", "heads": [2, 1]}')
    with pytest.raises(DataError, match=r"trees\.jsonl:1: the tree is not well formed"):
        read_examples(file)


def run_grid(runs, parsed, out, **description):
    outcomes = list(execute_here(runs, {"": parsed}, out))
    encoders = {run.model.encoder: {"reads": sorted(encoder_of(run.model).reads)} for run in runs}
    save_experiment(out, runs, {"": parsed}, {"encoders": encoders, **description})
    return outcomes


def test_results_are_read_back_and_compared_in_families(parsed, tmp_path):
    runs = plan(
        models("bag", "child_sum_tree_lstm"),
        2,
        TRAINING,
        structures=("parse", "random"),
        fractions=(0.5, 1.0),
    )
    outcomes = run_grid(runs, parsed, tmp_path)
    results = load_results(tmp_path)
    assert len(results.cells) == 6
    by_folder = {outcome.folder: outcome for outcome in outcomes}
    measures = measure(results)
    for cell in measures.scored:
        for run, accuracy in zip(cell.cell.runs, cell.scores.mean(1), strict=True):
            outcome = by_folder[run.folder.relative_to(tmp_path)]
            assert outcome == run.result
            assert outcome.test_score == pytest.approx(accuracy)
            assert len(run.history) == outcome.epochs
    (examples,) = results.examples.values()
    assert [row.text for row in examples] == [e.plain_text for e in parsed.dataset.test]
    assert examples[0].heads == [p + 1 for p in parsed.sentences["test"][0].dependencies.parents]
    summary = summarise(measures)
    assert summary.varied == ("structure", "fraction")
    families = {family.question: family.pairs for family in summary.families}
    ((bag, tree),) = families["encoders"]
    assert (bag.encoder, tree.encoder) == ("bag", "child_sum_tree_lstm")
    (pair,) = families["structures"].values()
    assert (pair.first, pair.second) == (
        "child_sum_tree_lstm on parse",
        "child_sum_tree_lstm on random",
    )
    assert "child_sum_tree_lstm on random" in (tmp_path / "table.md").read_text()


def test_folds_are_pooled(parsed, tmp_path):
    runs = plan(models("bag"), 2, TRAINING, folds=3)
    run_grid(runs, parsed, tmp_path)
    (cell,) = load_results(tmp_path).cells
    assert cell.seeds == (0, 1)
    sources = [[row.source for row in rows] for rows in cell.predictions()]
    assert len(sources[0]) == len(set(sources[0])) == 100
    assert sources[0] == sources[1]
    (examples,) = load_results(tmp_path).examples.values()
    assert [row.source for row in examples] == sources[0]
    assert examples[0].cluster == f"words={' '.join(sorted(examples[0].tokens))}"
    # A seed that lacks a fold does not count.
    (tmp_path / runs[0].folder / "result.json").unlink()
    (cell,) = load_results(tmp_path).cells
    assert cell.seeds == (1,)


def test_a_folder_without_an_experiment_says_so(tmp_path):
    with pytest.raises(StorageError, match=r"experiment\.json"):
        load_results(tmp_path)


def test_a_run_ends_when_its_time_is_up(parsed, tmp_path):
    training = TrainingOptions(epochs=10**6, patience=10**6, batch_size=8, seconds=0.2)
    (run,) = plan(models("bag"), 1, training)
    (outcome,) = execute_here([run], {"": parsed}, tmp_path)
    (cell,) = _cells(run, parsed, tmp_path)
    spent = sum(epoch.seconds for epoch in cell.runs[0].history)
    assert 0.2 <= spent < 1.0
    assert outcome.epochs == len(cell.runs[0].history)
    with pytest.raises(ValueError, match="seconds must be above 0"):
        TrainingOptions(seconds=0)


def _cells(run, parsed, out):
    save_experiment(out, [run], {"": parsed}, {"encoders": {}})
    return load_results(out).cells


@pytest.fixture
def options(tmp_path):
    """A whole experiment on sentences that bring their trees along."""
    rows = [
        {"text": [("good", "bad")[n % 2], f"w{n}"], "heads": [2, 0], "label": "ab"[n % 2]}
        for n in range(40)
    ]
    file = tmp_path / "trees.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return CompareOptions(
        data=str(file),
        structure="given",
        encoders="bag,child_sum_tree_lstm",
        seeds=2,
        epochs=2,
        hidden_dim=8,
        embedding_dim=8,
        workers=1,
        report=False,
    )


def test_a_finished_experiment_needs_no_vectors_any_more(options, tmp_path):
    file = tmp_path / "vectors.txt"
    file.write_text("good 1 0\nbad 0 1\n")
    options = dataclasses.replace(options, encoders="bag", vectors=str(file))
    first = run_experiment(options, tmp_path / "out")
    file.unlink()
    assert run_experiment(options, tmp_path / "out").to_markdown() == first.to_markdown()
    more = dataclasses.replace(options, seeds=3)
    with pytest.raises(DataError, match=r"vectors\.txt: can't be read: No such file"):
        run_experiment(more, tmp_path / "out")


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_contextual_model_that_is_not_there_is_told_once(options, tmp_path, dry_run):
    options = dataclasses.replace(options, data="not read", embedding=f"learned,hf:{tmp_path}/none")
    with pytest.raises(DataError, match=r"the embedding 'hf:.*none' can't be loaded"):
        run_experiment(options, tmp_path / "out", dry_run=dry_run)
    assert not (tmp_path / "out").exists()


def test_a_package_of_contextual_models_that_is_not_there_is_told_once(
    options, tmp_path, monkeypatch
):
    monkeypatch.setitem(sys.modules, "transformers", None)
    options = dataclasses.replace(options, embedding="hf:bert")
    with pytest.raises(
        DataError, match=r"'hf:bert' can't be loaded: .*pip install 'structnn\[hf\]'"
    ):
        run_experiment(options, tmp_path / "out")


@pytest.mark.parametrize("dry_run", [True, False])
@pytest.mark.parametrize(
    ("changes", "error", "told"),
    [
        (
            {"fractions": "0.01,0.5,1"},
            OptionError,
            r"fractions don't fit .*trees\.jsonl: a fraction of 0\.01 of 32 training examples is 0, "
            r"fewer than the 2 labels; use a larger fraction, such as 0\.0625",
        ),
        ({"folds": 41}, DataError, r"41 folds of 40 .* can't be made; give 2 to 40"),
        ({"folds": 2, "fractions": "0.01"}, OptionError, r"fractions don't fit .*trees\.jsonl/1"),
        ({"vectors": "none.txt"}, DataError, r"none\.txt: can't be read: No such file"),
    ],
)
def test_what_no_run_can_do_is_refused_before_any(
    options, tmp_path, monkeypatch, dry_run, changes, error, told
):
    def parse(*_):
        raise AssertionError("nothing is to be parsed")

    monkeypatch.setattr("tasks.experiments.experiment.parse_and_show", parse)
    monkeypatch.setattr("tasks.experiments.experiment.parsed", parse)
    with pytest.raises(error, match=told):
        run_experiment(dataclasses.replace(options, **changes), tmp_path / "out", dry_run=dry_run)
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_the_split_of_the_data_is_not_that_of_folds(options, tmp_path, capsys):
    run_experiment(options, tmp_path / "out", dry_run=True)
    assert "trees.jsonl: 32 train, 4 dev, 4 test, 2 labels" in capsys.readouterr().err
    in_folds = dataclasses.replace(options, folds=2, fractions="1")
    run_experiment(in_folds, tmp_path / "out", dry_run=True)
    assert "trees.jsonl: 40 examples in 2 folds, 2 labels" in capsys.readouterr().err


def test_what_a_run_was_asked_is_read_once(options, tmp_path, monkeypatch, capsys):
    run_experiment(options, tmp_path / "out")
    read = []

    def reading(path, remedy):
        read.append(path)
        return read_sealed(path, remedy)

    monkeypatch.setattr(run_folders, "read_sealed", reading)
    run_experiment(options, tmp_path / "out")
    asked = [path.parent for path in read if path.name == "run.json"]
    assert len(asked) == len(set(asked)) == 4
    assert "4 of them done already" in capsys.readouterr().err


@pytest.mark.slow
def test_another_command_with_the_same_folder_does_not_take_the_place_of_this_one(
    options, tmp_path, monkeypatch
):
    out = tmp_path / "out"
    other = dataclasses.replace(options, encoders="cnn")

    def execute_beside_another(*arguments, **named):
        monkeypatch.undo()
        run_experiment(other, out)  # which begins behind ours, and ends before
        return execute_and_show(*arguments, **named)

    monkeypatch.setattr(experiment, "execute_and_show", execute_beside_another)
    summary = run_experiment(options, out)
    found = [row.cell.condition.encoder for row in summary.rows]
    assert found == ["bag", "child_sum_tree_lstm"]
    assert [cell.condition.encoder for cell in load_results(out).cells] == found
    assert "cnn" not in (out / "table.md").read_text()


def test_a_search_that_changed_options_goes_on(options, tmp_path, capsys):
    space = ["learning_rate=0.05..0.06"]
    searching = dataclasses.replace(
        options, encoders="bag", learning_rate=1e-9, epochs=5, tune=2, space=space
    )
    summary = run_experiment(searching, tmp_path / "out")
    (tmp_path / "out/structure=given/bag/seed-1/result.json").unlink()
    again = run_experiment(searching, tmp_path / "out")
    assert [row.test for row in again.rows] == [row.test for row in summary.rows]
    assert "4 runs of 1 encoder, 3 of them done already" in capsys.readouterr().err
    run_experiment(searching, tmp_path / "out", dry_run=True)
    assert "4 runs of 1 encoder, 4 of them done already" in capsys.readouterr().err
    asked = read_json(tmp_path / "out/structure=given/bag/seed-1/run.json")
    assert asked["training"]["learning_rate"] >= 0.05


def test_trials_that_failed_are_named_at_the_end(options, tmp_path, capsys):
    searching = dataclasses.replace(
        options, encoders="bag", tune=2, space=["learning_rate=1e38..2e38"]
    )
    run_experiment(searching, tmp_path / "out")
    printed = " ".join(capsys.readouterr().out.split())
    assert "without 1 of 2 trials, which failed (see error.txt there): tuning/" in printed
    assert "bag/trial-1" in printed


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ("gat.heads=three|3", "encoder 'gat': heads takes a whole number"),
        ("gat.hands=1|2", "encoder 'gat' has no option 'hands'"),
        ("gat.readout=most|least", "unknown readout"),
        ("hidden_dim=7|9", "with which gat can't be built"),  # which four heads don't share out
    ],
)
def test_encoders_of_a_search_are_built_before_it_begins(options, tmp_path, space, message):
    searching = dataclasses.replace(options, encoders="gat", tune=4, space=[space])
    with pytest.raises(OptionError, match=f"space has values.*{message}"):
        run_experiment(searching, tmp_path / "out")
    assert not list(tmp_path.glob("out/**/trial-*"))


def test_before_anything_is_run_groups_are_not_called_examples(capsys):
    examples = tuple(
        Example(
            f"text {n}", "no" if n % 8 < 4 else "yes", f"made:{n}", columns={"pair": str(n // 4)}
        )
        for n in range(80)
    )
    options = CompareOptions(data="made", encoders="bag,gat")
    for test, size in (
        (examples, "80 test examples in 20 groups"),
        (examples[::4], "20 test examples"),
    ):
        show_power(Dataset("made", test, test, test, labels=("no", "yes")), options)
        assert f" of 2 encoders on {size} find " in " ".join(capsys.readouterr().out.split())


def test_a_plan_of_one_run_is_said_to_be_one(options, tmp_path, capsys):
    options = dataclasses.replace(options, encoders="bag", seeds=1)
    run_experiment(options, tmp_path / "out", dry_run=True)
    assert "1 run of 1 encoder;" in capsys.readouterr().err


def test_an_epoch_is_timed_on_a_sample(parsed):
    (run,) = plan(models("gat"), 1, TRAINING)
    assert 0 < seconds_per_epoch(run, parsed) < 10


def test_time_is_estimated_from_a_few_examples_that_lack_a_label(parsed, monkeypatch):
    monkeypatch.setattr("tasks.experiments.run.TIMED_BATCHES", 1)
    dataset = parsed.dataset
    rare = [
        dataclasses.replace(example, label=f"rare {place}")
        for place, example in enumerate(dataset.train[:20])
    ]
    labels = (*dataset.labels, *(example.label for example in rare))
    many = dataclasses.replace(
        dataset, train=(*rare, *dataset.train[20:]), test=tuple(rare), labels=labels
    )
    data = dataclasses.replace(
        parsed, dataset=many, sentences={**parsed.sentences, "test": parsed.sentences["train"][:20]}
    )
    (run,) = plan(models("gat"), 1, TRAINING)
    assert seconds_per_epoch(run, data) > 0


@pytest.mark.parametrize(
    ("program", "named"),
    [
        ("/usr/bin/structnn", ["structnn"]),
        ("/usr/lib/structnn/__main__.py", ["python", "-m", "structnn"]),
        ("mine.py", ["mine.py"]),
    ],
)
def test_the_command_of_a_report_can_be_given_again(monkeypatch, program, named):
    monkeypatch.setattr("sys.argv", [program, "compare", "--out", "a"])
    assert _command_line() == [*named, "compare", "--out", "a"]
