"""Folders that earlier versions wrote are read as before."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from structnn import Sentence, Tree
from tasks import StructuredClassifier, StructuredRegressor, StructuredTransducer
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


SENTENCES = [
    Sentence(
        ["good" if n % 2 else "bad", "dogs", str(n % 5)],
        dependencies=Tree([-1, 0, 0], labels=["root", "dep", "dep"]),
    )
    for n in range(4)
]


def test_a_classifier_of_version_0_5_0_is_loaded(tmp_path):
    folder = shutil.copytree(EARLIER.with_name("classifier-0.5.0"), tmp_path / "saved")
    made = StructuredClassifier.load(folder)
    assert made.class_weight == {1: 2.0}
    assert made.classes_.tolist() == [0, 1]
    expected = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
    np.testing.assert_allclose(made.predict_proba(SENTENCES), expected, atol=1e-5)
    again = StructuredClassifier.load(made.save(folder))  # in its place
    assert not (folder / "classifier.json").exists()
    np.testing.assert_allclose(again.predict_proba(SENTENCES), expected, atol=1e-5)


def test_a_regressor_of_version_0_6_0_is_loaded():
    folder = EARLIER.with_name("regressor-0.6.0")
    made = StructuredRegressor.load(folder)
    expected = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
    pairs = [(sentence, ["cats", "purr"]) for sentence in SENTENCES]
    np.testing.assert_allclose(made.predict(pairs), expected, atol=1e-4)


def test_a_transducer_of_version_0_7_0_is_loaded(tmp_path):
    """A tree encoder and a decoder that copies, with a beam of two."""
    folder = EARLIER.with_name("transducer-0.7.0")
    made = StructuredTransducer.load(folder)
    expected = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
    assert made.predict(SENTENCES).tolist() == expected
    again = StructuredTransducer.load(made.save(tmp_path / "again"))
    assert again.predict(SENTENCES).tolist() == expected
