"""Folders of runs that version 0.1.0 wrote are read as before."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from structnn import Sentence, Tree
from tasks.models.model import load_model
from tasks.report import write_report
from tasks.results.folder import load_results
from tasks.results.measures import measure
from tasks.results.summary import summarise
from tasks.storage import read_json_lines
from tasks.training.evaluation import predict_scores

EARLIER = Path(__file__).parent / "earlier" / "experiment-0.1.0"
DATA = EARLIER.with_name("tiny.jsonl")


@pytest.fixture
def folder(tmp_path) -> Path:
    return shutil.copytree(EARLIER, tmp_path / "experiment")


def test_an_experiment_is_summarised_and_reported(folder):
    measures = measure(load_results(folder))
    summary = summarise(measures)
    assert [row.condition.encoder for row in summary.rows] == [
        "bag",
        "child_sum_tree_lstm",
        "bilstm>gat",
    ]
    assert [round(row.test.mean, 3) for row in summary.rows] == [0.4, 0.5, 0.6]
    for cell in measures.cells:
        for run in cell.cell.runs:
            saved = json.loads((run.folder / "result.json").read_text(encoding="utf-8"))
            assert run.result.dev_score == saved["dev_accuracy"]
            assert run.result.test_score == saved["test_accuracy"]
            best = run.history[run.result.best_epoch - 1]
            assert best.dev_score == saved["dev_accuracy"]
    write_report(measures, folder)
    assert (folder / "report.html").stat().st_size > 10_000


@pytest.mark.parametrize("encoder", ["bag", "child_sum_tree_lstm", "bilstm+gat"])
def test_a_saved_model_predicts_what_it_predicted(folder, encoder):
    run = folder / "structure=given" / encoder / "seed-0"
    model = load_model(run)
    rows = list(read_json_lines(run / "test.jsonl"))
    trees = {}
    for line in DATA.read_text(encoding="utf-8").splitlines():
        given = json.loads(line)
        parents = [head - 1 for head in given["heads"]]
        tree = Tree(parents, labels=given["relations"])
        trees[" ".join(given["text"])] = Sentence(given["text"], dependencies=tree)
    scores = predict_scores(model.classifier, model.inputs([trees[row["text"]] for row in rows]))
    for row, probabilities in zip(rows, scores.softmax(1).tolist(), strict=True):
        expected = [row["probabilities"][label] for label in model.classifier.labels]
        assert probabilities == pytest.approx(expected, abs=1e-5)
