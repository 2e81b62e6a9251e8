"""Where decoders look: measured on a run whose attention is known."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from typer.testing import CliRunner

from tasks.command.cli import app
from tasks.data.options import ParserOptions
from tasks.data.parsing import SPLITS, ParsedDataset
from tasks.data.setting import Setting
from tasks.data.suites.reversal import generate
from tasks.experiments.run import execute
from tasks.lab.alignment import alignment_in_words, measure_alignment, true_places
from tasks.models.model import load_model
from tasks.models.options import ModelOptions
from tasks.results.run import Run
from tasks.training.options import TrainingOptions

TRAINING = TrainingOptions(epochs=1, patience=1, batch_size=20)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Runs of one epoch, with attention and without."""
    out = tmp_path_factory.mktemp("runs")
    data = generate(40, 8, 20)
    sentences = {split: tuple(e.sentence for e in getattr(data, split)) for split in SPLITS}
    folders = []
    for decoder in ("gru", "gru(attention='none')"):
        model = ModelOptions(encoder="bigru", decoder=decoder, hidden_dim=8, embedding_dim=4)
        run = Run(model, TRAINING, 0, Setting(structure="given"))
        execute(
            run, ParsedDataset(data, sentences), out / str(len(folders)), parser=ParserOptions()
        )
        folders.append(out / str(len(folders)) / run.folder)
    return folders


def test_true_places():
    assert true_places("copy", 3).tolist() == [0, 1, 2]
    assert true_places("reversal", 3).tolist() == [2, 1, 0]


def test_attention_is_summed_where_it_should_be(trained):
    examples = generate(40, 8, 20).test
    model = load_model(trained[0])
    table, summary = measure_alignment("gru", 0, model, examples, "reversal")
    head = model.classifier.head
    for place in (0, 13):
        batch, _ = model.inputs([examples[place].sentence]).batch(np.array([0]))
        ((best,),) = head.generate(model.classifier(batch))
        size = len(examples[place].text)
        weights = [
            best.alignment[step, size - 1 - step].item()
            for step in range(min(size, len(best.text.split())))
        ]
        assert table.columns["on_true"][place] == pytest.approx(np.mean(weights), abs=1e-5)
        assert table.columns["right"][place] == (best.text == examples[place].label)
    assert summary.example.weights.shape == (
        len(summary.example.written),
        len(summary.example.source),
    )
    (line,) = alignment_in_words([summary], 20)
    assert line.startswith("gru, seed 0: 0 % are right up to length 20, 0 % beyond; ")


def test_the_command(trained, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "tasks.data.suites.generate", lambda name, seed: generate(40, 8, 20, seed=seed)
    )
    runs = [part for folder in trained for part in ("--run", str(folder))]
    done = CliRunner().invoke(app, ["lab", "alignment", *runs, "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert "there is no attention" in done.output
    assert (tmp_path / "alignment.png").read_bytes().startswith(b"\x89PNG")
    rows = list(csv.DictReader((tmp_path / "alignment.csv").read_text().splitlines()))
    assert len(rows) == 40
    assert {row["on_true"] == "" for row in rows[20:]} == {True}
    numbers = json.loads((tmp_path / "alignment.json").read_text())
    assert [one["name"] for one in numbers["encoders"]] == [
        "bigru>gru",
        "bigru>gru(attention='none')",
    ]


def test_runs_of_other_questions_are_refused(tmp_path):
    from tests.tasks.questions.test_tokens import MODEL, dataset

    run = Run(MODEL, TRAINING, 0, Setting())
    execute(run, dataset((20, 4, 4)), tmp_path, parser=ParserOptions())
    done = CliRunner().invoke(app, ["lab", "alignment", "--run", str(tmp_path)])
    assert "does not write sequences" in str(done.exception)
