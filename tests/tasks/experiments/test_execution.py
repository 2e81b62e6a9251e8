from __future__ import annotations

import json
import re
from concurrent.futures.process import BrokenProcessPool

import pytest
import torch

from structnn import ENCODERS, Encoder, register_encoder
from structnn.encoders.sequence.bag import Bag
from tasks.data.examples import DataError
from tasks.data.options import ParserOptions
from tasks.experiments import execution
from tasks.experiments.execution import Failure, already_done, execute_all
from tasks.experiments.grid import plan
from tasks.experiments.options import ExecutionOptions
from tasks.experiments.run import execute, seconds_per_epoch
from tasks.models.model import load_model
from tasks.models.options import ModelOptions
from tasks.results.folder import load_results, save_experiment
from tasks.results.measures import measure
from tasks.results.run import finished
from tasks.results.summary import summarise
from tasks.storage import StorageError, read_json_lines, write_json
from tasks.tensors import read_tensors, write_tensors
from tasks.training.evaluation import predict_scores
from tasks.training.options import TrainingOptions
from tests.tasks.toys import execute_here, make_parsed

TRAINING = TrainingOptions(epochs=2, batch_size=8, learning_rate=0.02)


def run_all(runs, data, out, workers=1):
    """Execute runs on one data set; their outcomes and the summary."""
    outcomes = list(execute_here(runs, {"": data}, out, workers=workers))
    encoders = {run.model.encoder: {"reads": []} for run in runs}
    save_experiment(out, runs, {"": data}, {"encoders": encoders})
    return outcomes, summarise(measure(load_results(out)))


def models(*encoders):
    return [ModelOptions(encoder=name, hidden_dim=8, embedding_dim=8) for name in encoders]


def test_a_run_saves_everything_and_is_not_repeated(parsed, tmp_path):
    (run,) = plan(models("bilstm"), 1, TRAINING)
    assert finished(run, parsed, tmp_path) is None
    result = execute(run, parsed, tmp_path, parser=ParserOptions())
    folder = tmp_path / "bilstm" / "seed-0"
    assert {path.name for path in folder.iterdir()} == {
        "run.json", "log.txt", "history.json", "model.json", "weights.safetensors",
        "dev.jsonl", "test.jsonl", "result.json",
    }  # fmt: skip
    rows = list(read_json_lines(folder / "test.jsonl"))
    assert [row["text"] for row in rows] == [e.plain_text for e in parsed.dataset.test]
    right = sum(row["label"] == row["prediction"] for row in rows)
    assert result.test_score == right / len(rows)
    assert (folder / "log.txt").read_text().rstrip().endswith(f", test {result.test_score:.4f}")
    assert all(sum(row["probabilities"].values()) == pytest.approx(1, abs=1e-4) for row in rows)

    saved = load_model(folder)
    scores = predict_scores(saved.classifier, saved.inputs(parsed.sentences["test"]))
    guesses = [saved.classifier.labels[index] for index in scores.argmax(1).tolist()]
    assert guesses == [row["prediction"] for row in rows]

    before = (folder / "weights.safetensors").stat().st_mtime_ns
    assert execute(run, parsed, tmp_path, parser=ParserOptions()) == result
    assert (folder / "weights.safetensors").stat().st_mtime_ns == before


def test_a_folder_with_other_options_or_data_is_refused(parsed, tmp_path):
    (run,) = plan(models("bag"), 1, TRAINING)
    execute(run, parsed, tmp_path, parser=ParserOptions())
    (other,) = plan(models("bag"), 1, TrainingOptions(epochs=3, batch_size=8, learning_rate=0.02))
    with pytest.raises(ValueError, match=r"training\.epochs was 2 and is now 3"):
        execute(other, parsed, tmp_path, parser=ParserOptions())
    with pytest.raises(ValueError, match=r"data\.fingerprint .*the examples are not the same"):
        execute(run, make_parsed(seed=1), tmp_path, parser=ParserOptions())


@pytest.mark.slow
def test_parallel_runs_give_the_table_of_serial_ones(parsed, tmp_path):
    runs = plan(models("bag", "child_sum_tree_lstm", "bilstm>gat"), 2, TRAINING)
    tables = []
    for workers, out in ((1, tmp_path / "a"), (2, tmp_path / "b")):
        outcomes, summary = run_all(runs, parsed, out, workers)
        assert not any(isinstance(outcome, Failure) for outcome in outcomes)
        names = [row.condition.encoder for row in summary.rows]
        assert names == ["bag", "child_sum_tree_lstm", "bilstm>gat"]
        tables.append([(row.condition, row.dev, row.test) for row in summary.rows])
        for name in ("table.md", "runs.csv", "table.json"):
            assert (out / name).exists()
    assert tables[0] == tables[1]


@pytest.mark.parametrize("encoder", ENCODERS.names())
def test_every_encoder_trains_and_is_saved(parsed, tmp_path, encoder):
    (run,) = plan(models(encoder), 1, TrainingOptions(epochs=1, batch_size=20))
    result = execute(run, parsed, tmp_path, parser=ParserOptions())
    saved = load_model(tmp_path / run.folder)
    scores = predict_scores(saved.classifier, saved.inputs(parsed.sentences["test"]))
    guesses = saved.classifier.head.answer.decode(scores)
    right = torch.tensor(
        [one == other for one, other in zip(guesses, parsed.dataset.answers("test"), strict=True)]
    )
    assert right.double().mean().item() == pytest.approx(result.test_score)


def test_given_vectors_are_read_once_and_checked_before_any_run(parsed, tmp_path):
    table = tmp_path / "vectors.txt"
    table.write_text("good 1 0 2\nbad 0 1 -2\n")
    model = ModelOptions(
        encoder="bag", hidden_dim=8, embedding="vectors", vectors=str(table), freeze=True
    )
    (run,) = plan([model], 1, TRAINING)
    (result,) = execute_here([run], {"": parsed}, tmp_path / "out")
    assert result.parameters["embedding"] == 0
    assert 0 < result.words_with_vectors < 1
    saved = load_model(tmp_path / "out" / run.folder)
    learned = saved.classifier.embedding.table.weight
    good, bad = (learned[saved.classifier.embedding.vocabulary[word]] for word in ("good", "bad"))
    assert torch.allclose(good / good[0], torch.tensor([1.0, 0.0, 2.0]))
    assert torch.allclose(bad / bad[1], torch.tensor([0.0, 1.0, -2.0]))

    table.write_text("good 1 zero 2\nbad 0 one -2\n")
    with pytest.raises(DataError, match=r"vectors\.txt"):
        list(execute_here([run], {"": parsed}, tmp_path / "other"))
    assert not (tmp_path / "other").exists()


def test_an_encoder_in_another_spelling_is_the_same_run(parsed, tmp_path):
    (run,) = plan(models("bag(layers=1,dropout=0.1)"), 1, TRAINING)
    result = execute(run, parsed, tmp_path, parser=ParserOptions())
    (other,) = plan(models("bag( layers = 1, dropout = 0.1 )"), 1, TRAINING)
    assert finished(other, parsed, tmp_path) == result


def test_a_long_chain_has_a_folder(parsed, tmp_path):
    (run,) = plan(models(">".join(["bag"] * 80)), 1, TRAINING)
    result = execute(run, parsed, tmp_path, parser=ParserOptions())
    assert (tmp_path / result.folder / "result.json").exists()
    assert len(result.folder.parts) == 2


def test_copies_of_one_encoder_can_not_be_told_apart(parsed, tmp_path):
    class Twin(Bag):
        pass

    register_encoder("twin", Twin)
    runs = plan(models("bag", "twin"), 3, TRAINING)
    _, summary = run_all(runs, parsed, tmp_path)
    words, detectable, few = summary.words("toy")
    assert words.startswith("bag and twin: undecided on this data (difference +0.0")
    assert "four times in five" in detectable
    assert few.startswith("3 seeds are few")
    assert words in (tmp_path / "table.md").read_text()
    (two,) = run_all(plan(models("bag", "twin"), 2, TRAINING), parsed, tmp_path / "two")[1].words(
        "toy"
    )
    assert two.startswith("no verdict on encoders: 2 seeds can't show")


class Faulty(Encoder):
    """Fails when used."""

    def __init__(self, input_dim: int, hidden_dim: int, *, readout: str = "mean") -> None:
        super().__init__(input_dim, hidden_dim, readout=readout)

    def encode(self, x, batch):
        raise RuntimeError("out of luck")


def test_a_failed_run_is_reported_and_the_rest_finished(parsed, tmp_path):
    register_encoder("faulty", Faulty)
    runs = plan(models("faulty", "bag"), 1, TRAINING)
    outcomes, summary = run_all(runs, parsed, tmp_path)
    (failure,) = (outcome for outcome in outcomes if isinstance(outcome, Failure))
    assert "out of luck" in failure.error
    results = load_results(tmp_path)
    assert results.unfinished == (tmp_path / "faulty" / "seed-0",)
    assert "out of luck" in results.error(results.unfinished[0])
    assert "out of luck" in (tmp_path / "faulty" / "seed-0" / "error.txt").read_text()
    assert [row.condition.encoder for row in summary.rows] == ["bag"]


@pytest.mark.filterwarnings("ignore:.*training begins anew")
@pytest.mark.parametrize("fault", ["older layout", "truncated", "a folder"])
def test_a_checkpoint_that_can_not_be_used_is_dropped(parsed, tmp_path, fault):
    done, broken_off, _ = runs = plan(models("bag", "cnn", "gru"), 1, TRAINING)
    execute(done, parsed, tmp_path, parser=ParserOptions())
    result = (tmp_path / done.folder / "result.json").read_bytes()

    def kill(epoch):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        execute(broken_off, parsed, tmp_path, parser=ParserOptions(), on_epoch=kill)
    checkpoint = tmp_path / broken_off.folder / "checkpoint.safetensors"
    if fault == "truncated":
        checkpoint.write_bytes(checkpoint.read_bytes()[:-100])
    elif fault == "older layout":
        tensors, note = read_tensors(checkpoint)
        older = {name.replace("optimizer/", "moments/"): t for name, t in tensors.items()}
        write_tensors(checkpoint, older, note)
    else:
        checkpoint.unlink()
        checkpoint.mkdir()

    outcomes, summary = run_all(runs, parsed, tmp_path)
    failures = [outcome for outcome in outcomes if isinstance(outcome, Failure)]
    assert (tmp_path / done.folder / "result.json").read_bytes() == result
    if fault == "a folder":  # which nothing can be written to
        (failure,) = failures
        assert f"{checkpoint} can't be written" in failure.error
        assert load_results(tmp_path).error(tmp_path / broken_off.folder).endswith(failure.error)
        checkpoint.rmdir()
        outcomes, summary = run_all(runs, parsed, tmp_path)
    assert not any(isinstance(outcome, Failure) for outcome in outcomes)
    assert [row.condition.encoder for row in summary.rows] == ["bag", "cnn", "gru"]
    assert not (tmp_path / broken_off.folder / "error.txt").exists()
    again = execute(broken_off, parsed, tmp_path / "anew", parser=ParserOptions())
    assert predicted(tmp_path / "anew", again) == predicted(tmp_path, again)


def predicted(out, result):
    return (out / result.folder / "test.jsonl").read_bytes()


def test_a_killed_process_is_told(parsed, tmp_path, monkeypatch):
    def killed(*_, **__):
        raise BrokenProcessPool
        yield

    monkeypatch.setattr(execution, "in_parallel", killed)
    runs = plan(models("bag"), 1, TRAINING)
    with pytest.raises(
        ChildProcessError, match=r"one of 2 processes was killed .* with --workers 1"
    ):
        list(execute_here(runs, {"": parsed}, tmp_path, workers=2))
    cluster = ExecutionOptions(backend="ray")
    with pytest.raises(ChildProcessError, match=r"the processes of the cluster .* from here$"):
        list(execute_all(runs, {"": parsed}, tmp_path, parser=ParserOptions(), execution=cluster))


def test_a_run_that_diverges_has_failed(parsed, tmp_path):
    wild = TrainingOptions(epochs=1, batch_size=8, learning_rate=1e30)
    runs = [*plan(models("bag"), 1, wild), *plan(models("cnn"), 1, TRAINING)]
    outcomes, summary = run_all(runs, parsed, tmp_path)
    (failure,) = (outcome for outcome in outcomes if isinstance(outcome, Failure))
    assert re.search("FloatingPointError: the loss became nan in batch . of 8", failure.error)
    assert [row.condition.encoder for row in summary.rows] == ["cnn"]
    folder = tmp_path / failure.folder
    assert {path.name for path in folder.iterdir()} == {"run.json", "log.txt", "error.txt"}
    assert "FloatingPointError" in (folder / "error.txt").read_text()
    assert seconds_per_epoch(runs[0], parsed) > 0  # an estimate of the time is no run


def test_the_error_of_a_run_goes_when_it_succeeds(parsed, tmp_path):
    (run,) = plan(models("bag"), 1, TRAINING)
    (tmp_path / run.folder).mkdir(parents=True)
    error = tmp_path / run.folder / "error.txt"
    error.write_text("out of luck")
    execute(run, parsed, tmp_path, parser=ParserOptions())
    assert not error.exists()
    error.write_text("out of luck")
    assert already_done([run], {"": parsed}, tmp_path)
    assert not error.exists()


def test_a_checkpoint_that_a_killed_command_left_behind_its_result_goes(parsed, tmp_path):
    (run,) = plan(models("bag"), 1, TRAINING)
    execute(run, parsed, tmp_path, parser=ParserOptions())
    checkpoint = tmp_path / run.folder / "checkpoint.safetensors"
    checkpoint.write_bytes(b"of no use any more")
    assert already_done([run], {"": parsed}, tmp_path)
    assert not checkpoint.exists()
    checkpoint.write_bytes(b"of no use any more")
    execute(run, parsed, tmp_path, parser=ParserOptions())  # as `train` does
    assert not checkpoint.exists()


def test_of_two_processes_with_one_run_the_second_keeps_what_the_first_wrote(parsed, tmp_path):
    (run,) = plan(models("bag"), 1, TRAINING)
    first = []

    def other(epoch):
        if not first:
            first.append(None)
            (tmp_path / run.folder / "checkpoint.safetensors").unlink()
            first.append(execute(run, parsed, tmp_path, parser=ParserOptions()))

    second = execute(run, parsed, tmp_path, parser=ParserOptions(), on_epoch=other)
    assert second == first[1]  # its measured speeds too
    assert finished(run, parsed, tmp_path) == second


def test_a_result_of_another_version_is_told(parsed, tmp_path):
    (run,) = plan(models("bag"), 1, TRAINING)
    execute(run, parsed, tmp_path, parser=ParserOptions())
    file = tmp_path / run.folder / "result.json"
    write_json(file, {"accuracy": 1.0})
    with pytest.raises(StorageError, match=r"result\.json isn't as this version .* delete"):
        finished(run, parsed, tmp_path)


def test_table_shows_mean_and_spread(parsed, tmp_path):
    runs = plan(models("bag"), 2, TRAINING)
    outcomes, summary = run_all(runs, parsed, tmp_path)
    (row,) = summary.rows
    accuracies = [outcome.test_score for outcome in outcomes]
    assert row.test.mean == pytest.approx(sum(accuracies) / 2)
    assert row.test.sd == pytest.approx(abs(accuracies[0] - accuracies[1]) / 2**0.5)
    saved = json.loads((tmp_path / "table.json").read_text())
    assert saved["rows"][0]["condition"]["encoder"] == "bag"
    assert saved["families"] == []


@pytest.mark.parametrize(
    ("encoders", "seeds", "message"),
    [(("bag", "bag"), 1, "listed twice"), ((), 1, "nothing to compare"), (("bag",), 0, "seeds")],
)
def test_impossible_plans_are_refused(encoders, seeds, message):
    with pytest.raises(ValueError, match=message):
        plan(models(*encoders), seeds, TRAINING)
