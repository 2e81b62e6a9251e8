"""Widths that give encoders equal numbers of parameters."""

from __future__ import annotations

from dataclasses import replace

import pytest

from structnn import ENCODERS, Vocabulary
from tasks.data.questions import Question
from tasks.models.budgets import TOLERANCE, match_width, outline
from tasks.models.building import Task, build_model, count_parameters, reads_sentences
from tasks.models.options import ModelOptions


@pytest.mark.parametrize("encoder", [*ENCODERS.names(), "bilstm>gcn", "gat(heads=3)"])
def test_widths_give_equal_parameters(encoder):
    wanted = 1_000_000
    width = match_width(encoder, 100, wanted, {})
    count = sum(p.numel() for p in outline(encoder, 100, width, {}).parameters())
    assert abs(count - wanted) <= TOLERANCE * wanted


@pytest.mark.parametrize(
    ("question", "reader", "decoder", "read"),
    [
        (Question(), None, "gru", True),
        (Question("span"), None, "gru", True),
        (Question("span"), "span(sentence=False)", "gru", False),
        (Question("tokens"), None, "gru", False),
        (Question("arcs"), None, "gru", False),
        (Question(answer="sequence"), None, "gru", True),
        (Question(answer="sequence"), None, "transformer(heads=1)", False),
    ],
)
def test_what_is_not_trained_is_not_counted(question, reader, decoder, read):
    options = ModelOptions(
        encoder="bilstm(readout='attention')", hidden_dim=32, reader=reader, decoder=decoder
    )
    assert reads_sentences(options, question) == read
    wanted = 50_000
    width = match_width(options.encoder, 16, wanted, {}, readout=read)
    # The model that is trained has so many parameters, with what its head reads.
    labels = ("root", "dep") if question.reads == "arcs" else ("no", "yes")
    task = Task(question, labels, pieces=("a", "b"))
    vocabulary = Vocabulary(["so", "good"])
    model = build_model(
        replace(options, hidden_dim=width, embedding_dim=16, head_dim=0), task, vocabulary
    )
    assert abs(count_parameters(model)["encoder"] - wanted) <= TOLERANCE * wanted


def test_widths_that_can_not_be_matched_are_told():
    with pytest.raises(ValueError, match="nearest are"):
        match_width("rntn", 300, 7_000, {})
    with pytest.raises(ValueError, match="must be a multiple"):
        match_width("gat", 300, 100_000, {"heads": 1000})
    with pytest.raises(ValueError, match="match a smaller number"):
        match_width("bag", 300, 10**10, {})
