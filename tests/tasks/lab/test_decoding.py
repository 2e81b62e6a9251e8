"""How long a sequence decoders write: trained here, and measured by length."""

from __future__ import annotations

import csv
import json
import math

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from tasks.command.cli import app
from tasks.data.suites.copy import generate
from tasks.lab.decoding import (
    DecodingSummary,
    decoding_in_words,
    decoding_row,
    measure_decoding,
    train_decoder,
    with_trees,
)
from tasks.models.options import ModelOptions
from tasks.options import OptionError
from tasks.training.evaluation import evaluate
from tasks.training.options import TrainingOptions

TRAINING = TrainingOptions(epochs=2, patience=2, batch_size=20, learning_rate=0.01)


def summary(**changes) -> DecodingSummary:
    given = {
        "name": "bigru>gru", "seed": 0, "width": 8, "attends": False, "lengths": np.array([2, 3]),
        "right": np.array([1.0, 0.5]), "within": 0.75, "beyond": math.nan, "reach": 3,
    }  # fmt: skip
    return DecodingSummary(**{**given, **changes})


def test_a_decoder_is_trained_and_measured():
    dataset = generate(60, 10, 20)
    options = ModelOptions(
        encoder="bigru", decoder="gru", hidden_dim=8, embedding_dim=6, dropout=0.0, word_dropout=0.0
    )
    data = with_trees(dataset)
    epochs = []
    model = train_decoder(options, data, TRAINING, 0, lambda: epochs.append(1))
    again = train_decoder(options, data, TRAINING, 0)
    assert len(epochs) == 2
    for one, other in zip(
        model.classifier.parameters(), again.classifier.parameters(), strict=True
    ):
        assert torch.equal(one, other)
    table, found = measure_decoding(model, 0, dataset)
    answers = evaluate(model.classifier, model.inputs(data.sentences["test"])).answers
    right = [answer == one.label for answer, one in zip(answers, dataset.test, strict=True)]
    assert table.columns["right"].tolist() == right
    assert (found.width, found.attends, found.label) == (8, True, "bigru>gru, 8 wide")


def test_how_far_a_decoder_reaches(monkeypatch):
    from tasks.lab import decoding
    from tasks.lab.alignment import AlignmentSummary
    from tasks.lab.experiments import Measured

    dataset = generate(60, 10, 20)
    options = ModelOptions(encoder="bigru", decoder="gru", hidden_dim=8, embedding_dim=6)
    training = TrainingOptions(epochs=1, patience=1)
    model = train_decoder(options, with_trees(dataset), training, 0)

    def reach_of(right):
        lengths = np.array([2, 5, 9, 25])
        columns = {"sentence": np.arange(4), "length": lengths, "right": np.array(right)}
        found = AlignmentSummary("x", 0, lengths, np.array(right), np.array([]), None)
        given = Measured("x", 0, columns), found
        monkeypatch.setattr(decoding, "measure_alignment", lambda *_: given)
        return measure_decoding(model, 0, dataset)[1]

    assert [reach_of(r).reach for r in ([1, 0.5, 0.4, 1], [0.4, 1, 1, 1], [1, 1, 1, 1])] == [
        5,
        0,
        25,
    ]
    found = reach_of([1, 1, 0, 0.5])
    assert (found.within, found.beyond) == (pytest.approx(2 / 3), 0.5)


def test_in_words():
    lines = decoding_in_words(
        [summary(), summary(seed=1, reach=5), summary(width=32, reach=0), summary(attends=True)], 20
    )
    assert lines[0] == (
        "bigru>gru, 8 wide, seed 0: 75 % are right up to length 20; half or more are right at every "
        "length up to 3"
    )
    assert lines[2].endswith("at no length from the least on")
    assert "enough for 4 symbols (13 bits) at 8, 0 symbols (0 bits) at 32" in lines[-1]
    assert decoding_row(summary(beyond=0.5)) == ["bigru>gru", "8", "0", "75 %", "50 %", "3"]


@pytest.mark.slow
def test_the_command(tmp_path):
    options = "--examples 40 --tests 10 --epochs 1 --widths 8,4".split()
    done = CliRunner().invoke(app, ["lab", "decoding", *options, "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert "without attention all goes through one vector" in done.output
    assert (tmp_path / "decoding.png").read_bytes().startswith(b"\x89PNG")
    rows = list(csv.DictReader((tmp_path / "decoding.csv").read_text().splitlines()))
    assert len(rows) == 30
    numbers = json.loads((tmp_path / "decoding.json").read_text())
    assert [(one["name"], one["width"], one["attends"]) for one in numbers["encoders"]] == [
        ("bigru>gru", 8, True),
        ("bigru>gru(attention='none')", 8, False),
        ("bigru>gru(attention='none')", 4, False),
    ]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (
            ["--widths", "8,so"],
            ValueError,
            "--widths has 'so', which is no whole number above 0: write 64",
        ),
        (["--decoders", ""], SystemExit, "name at least one decoder with --decoders, or a --run"),
        (["--decoders", "gro"], OptionError, "gro"),
    ],
)
def test_what_cannot_be_trained_is_told_first(tmp_path, options, error, message):
    done = CliRunner().invoke(app, ["lab", "decoding", *options, "--out", str(tmp_path)])
    assert isinstance(done.exception, error)
    assert message in " ".join((done.output + str(done.exception)).replace("│", " ").split())
