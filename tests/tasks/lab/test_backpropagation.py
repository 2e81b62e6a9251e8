"""What clipping and truncating do: the norms of gradients, and how far back a network learns to look."""

from __future__ import annotations

import csv
import json
import math

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from structnn.heads.answers import NO_ANSWER
from tasks.command.cli import app
from tasks.lab import backpropagation
from tasks.lab.backpropagation import (
    UNCLIPPED,
    BackpropagationSummary,
    backpropagation_in_words,
    backpropagation_row,
    memory_texts,
    train_in_parts,
)
from tasks.models.building import Task, build_model
from tasks.models.options import ModelOptions
from tasks.pretraining.loop import Carrier, Reading
from tasks.training.options import TrainingOptions

MODEL = ModelOptions(encoder="rnn", hidden_dim=8, embedding_dim=6, dropout=0.0, word_dropout=0.0)


def training_of(clip=UNCLIPPED, rate=1e-2):
    return TrainingOptions(batch_size=4, learning_rate=rate, gradient_clip=clip, device="cpu")


def test_the_text_asks_for_each_symbol_behind_its_mark(tmp_path):
    """Rows that divide the sentences evenly begin with one."""
    vocabulary, texts = memory_texts(tmp_path, 5, train=40, test=30)
    for text in texts.values():
        for place in range(len(text)):
            words = [vocabulary.words[number] for number in text.numbers(place)]
            assert (len(words), words[0], words[-2]) == (8, "<end>", "?")
            (symbol,) = (word for word in words[1:-2] if word != "_")
            assert words[-1] == symbol
    first, *_ = Reading(bptt=1).batches_of_pass(texts["train"], None, 8, 0, 1)
    assert {vocabulary.words[number] for number in first().batch.token_ids} == {"<end>"}
    (whole,) = Reading(bptt=1000).batches_of_pass(texts["dev"], None, 1, 0, 1)
    asked = backpropagation._of_symbols(whole(), vocabulary)
    assert int((asked.gold != NO_ANSWER).sum()) == 30
    symbols = [texts["dev"].numbers(place)[-1] for place in range(30)]
    assert asked.gold[asked.gold != NO_ANSWER].tolist() == symbols


def test_updates_are_those_of_plain_backpropagation(tmp_path):
    """Norms and losses, from a loop that is written out; nothing goes back beyond a part."""
    vocabulary, texts = memory_texts(tmp_path, 4, train=32, test=20)
    training = training_of(clip=0.05)
    _, found = train_in_parts(MODEL, vocabulary, texts, training, window=6, updates=9, seed=3)
    torch.manual_seed(3)
    model = build_model(MODEL, Task(objective="causal", tied=False), vocabulary)
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-2, weight_decay=training.weight_decay)
    parts = Reading(bptt=6).batches_of_pass(texts["train"], model, 4, 3, 1)
    carrier, update = Carrier(model), 0
    for part in parts * 2:
        asked = part()
        states = carrier.states(asked)
        at = asked.batch.token_ids == vocabulary["?"]
        if update == 9 or not at.any():
            continue
        scores = model.head.scores(states[at])
        loss = torch.nn.functional.cross_entropy(scores, asked.gold[at])
        optimiser.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 0.05)
        optimiser.step()
        assert found.losses[update] == pytest.approx(loss.item(), rel=1e-4)
        assert found.norms[update] == pytest.approx(norm.item(), rel=1e-3)
        update += 1
    assert update == len(found.norms) == 9
    assert (found.norms > 0.05).any()  # as they were before they were clipped


def test_what_is_learned_within_parts(tmp_path):
    """An LSTM remembers what its gradients reach."""
    vocabulary, texts = memory_texts(tmp_path, 3, train=640, test=200)
    model = ModelOptions(
        encoder="lstm", hidden_dim=24, embedding_dim=8, dropout=0.0, word_dropout=0.0
    )
    training = TrainingOptions(batch_size=32, learning_rate=2e-2, device="cpu")
    done = []
    table, found = train_in_parts(
        model,
        vocabulary,
        texts,
        training,
        window=12,
        updates=120,
        seed=0,
        on_update=lambda: done.append(1),
    )
    assert len(done) == 120
    assert found.within > 0.9
    assert math.isnan(found.beyond)
    assert found.loss < 0.5 < found.losses[0]
    for distance, share in zip(found.distances, found.recalled, strict=True):
        own = table.columns["right"][table.columns["distance"] == distance]
        assert share == pytest.approx(own.mean())


def summary(**changes):
    given = {
        "name": "rnn", "seed": 0, "window": 4, "clip": None, "norms": np.array([1.0, 2, 1, 30]),
        "losses": np.array([2.0, 1.5, 1.0, 0.5]), "distances": np.array([1, 5]),
        "recalled": np.array([1.0, 0.5]), "within": 1.0, "beyond": 0.5,
    }  # fmt: skip
    return BackpropagationSummary(**{**given, **changes})


def test_in_words():
    one, other, chance = backpropagation_in_words([summary(), summary(clip=0.5, beyond=math.nan)])
    assert one == (
        "rnn, 4 words, not clipped, seed 0: the norm of the gradient is 1.5 in the median and 30 at "
        "most; 1 of 4 gradients are 5 times as long as the 20 before them, or longer; 100 % are "
        "remembered over fewer than 4 steps; 50 % over 4 steps or more, which no gradient goes back"
    )
    assert other.startswith("rnn, 4 words, clipped at 0.5")
    assert other.endswith("fewer than 4 steps")
    assert chance == "by chance 10 % would be"
    row = ["rnn", "4", "-", "0", "1.5", "30", "1", "1.25", "100 %", "50 %"]
    assert backpropagation_row(summary()) == row


def test_the_command(tmp_path):
    options = "--updates 4 --windows 3,30 --farthest 6 --seeds 2 --hidden-dim 4".split()
    done = CliRunner().invoke(app, ["lab", "backpropagation", *options, "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert "by chance 10 % would be" in done.output
    assert (tmp_path / "backpropagation.png").read_bytes().startswith(b"\x89PNG")
    rows = list(csv.DictReader((tmp_path / "backpropagation.csv").read_text().splitlines()))
    assert len(rows) == 8 * 1000
    numbers = json.loads((tmp_path / "backpropagation.json").read_text())
    runs = [(one["window"], one["clip"], one["seed"]) for one in numbers["encoders"]]
    assert runs == [
        (window, clip, seed) for window in (3, 30) for clip in (None, 0.5) for seed in (0, 1)
    ]
    assert len(numbers["encoders"][0]["norms"]) == 4


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (["--windows", "0"], ValueError, "--windows has '0', which is no whole number above 0"),
        (
            ["--clips", "none,tight"],
            ValueError,
            "--clips has 'tight', which is no norm: write none",
        ),
        (["--clips", "-1"], ValueError, "--clips has '-1', which is no norm"),
        (["--clips", ""], SystemExit, "at least one number each with --windows and --clips"),
        (["--encoder", "transformer(causal=True)"], ValueError, "carries no state"),
        (["--encoder", "bilstm"], ValueError, "later words too"),
    ],
)
def test_what_cannot_be_trained_is_told(tmp_path, options, error, message):
    few = ["--updates", "1", "--farthest", "2"]
    done = CliRunner().invoke(
        app, ["lab", "backpropagation", *few, *options, "--out", str(tmp_path)]
    )
    assert isinstance(done.exception, error)
    assert message in " ".join((done.output + str(done.exception)).replace("│", " ").split())
