"""Batches, and how they reach the device of a model."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from structnn import (
    Batch,
    Corpus,
    LabelAnswer,
    StructuredModel,
    Vocabulary,
    WordEmbedding,
    build_encoder,
    build_head,
)
from tasks.training.batching import in_parts, prepared_on
from tasks.training.evaluation import predict_scores
from tasks.training.inputs import Inputs
from tests.structnn.examples import random_sentences

SIZES = (3, 5, 1, 2, 4)


def test_what_an_encoder_reads_is_made_before_a_batch_is_sent():
    encoder = build_encoder("bidirectional_tree_lstm", 3, 4)
    batch = Batch.from_sentences(random_sentences(0, SIZES))
    assert "schedule" in vars(prepared_on(torch.device("meta"), encoder, batch))


def test_what_is_not_sent_is_made_when_it_is_read():
    encoder = build_encoder("bidirectional_tree_lstm", 3, 4)
    batch = Batch.from_sentences(random_sentences(0, SIZES))
    assert "schedule" not in vars(prepared_on(torch.device("cpu"), encoder, batch))


def test_parts_have_few_examples_and_few_words():
    lengths = np.array([1, 2, 3, 4, 50, 60])
    order = np.array([0, 1, 2, 3, 4, 5])
    assert [part.tolist() for part in in_parts(order, lengths, 2, 100)] == [
        [0, 1],
        [2, 3],
        [4],
        [5],
    ]
    assert [part.tolist() for part in in_parts(order, lengths, 9, 6)] == [[0, 1, 2], [3], [4], [5]]
    assert [part.tolist() for part in in_parts(order, lengths, 9, 999)] == [[0, 1, 2, 3, 4, 5]]
    assert in_parts(order[:0], lengths, 9, 9) == []


def test_long_texts_are_computed_a_few_at_a_time(monkeypatch):
    encoder = build_encoder("lstm", 3, 4)
    vocabulary = Vocabulary([f"w{number}" for number in range(20)])
    model = StructuredModel(
        WordEmbedding(vocabulary, 3),
        encoder,
        build_head("sentence", LabelAnswer(["a", "b"]), encoder),
    )
    inputs = Inputs(Corpus(random_sentences(0, SIZES), vocabulary=vocabulary))
    whole = predict_scores(model, inputs)
    seen: list[int] = []
    encoder.register_forward_hook(lambda module, given, found: seen.append(len(given[0])))
    monkeypatch.setattr("tasks.training.evaluation.EVALUATION_WORDS", 6)
    torch.testing.assert_close(predict_scores(model, inputs), whole)
    assert seen == [6, 4, 5]


def test_scores_are_read_back_once(monkeypatch):
    """Not after each batch, for which a GPU would have to wait."""
    vocabulary = Vocabulary([f"w{number}" for number in range(20)])
    encoder = build_encoder("lstm", 3, 4)
    model = StructuredModel(
        WordEmbedding(vocabulary, 3),
        encoder,
        build_head("tokens", LabelAnswer(["a", "b"]), encoder),
    )
    corpus = Corpus(random_sentences(0, SIZES), vocabulary=vocabulary)
    with torch.no_grad():
        expected = model.eval()(corpus.batch())
    reads: list[Tensor] = []
    read = Tensor.cpu
    monkeypatch.setattr(Tensor, "cpu", lambda self: reads.append(self) or read(self))
    monkeypatch.setattr("tasks.training.evaluation.EVALUATION_BATCH", 2)
    torch.testing.assert_close(predict_scores(model, Inputs(corpus)), expected)
    assert len(reads) == 1
