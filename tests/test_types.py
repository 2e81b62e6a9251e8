"""What a type checker tells a user of the library: mypy reads this file with the packages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_type

import numpy as np
import pytest
import torch
from torch import Tensor

import parsers
import structnn
import tasks
from parsers import ConlluError, Drawing, draw, iter_conllu
from structnn import (
    ArcsAnswer,
    ArcsHead,
    Batch,
    Corpus,
    Encoding,
    Head,
    LabelAnswer,
    Sentence,
    SentenceClassifier,
    StructuredModel,
    Tree,
    Vocabulary,
    WordEmbedding,
    build_encoder,
    build_head,
)

SENTENCE = Sentence(["dogs", "bark"], dependencies=Tree([1, -1], labels=["nsubj", "root"]))
WORDS = Vocabulary(["dogs", "bark"])


def test_names_that_are_not_there_are_errors() -> None:
    with pytest.raises(AttributeError):
        structnn.Sentense  # type: ignore[attr-defined]  # noqa: B018
    with pytest.raises(AttributeError):
        parsers.drew  # type: ignore[attr-defined]  # noqa: B018
    with pytest.raises(AttributeError):
        tasks.compare_encoder  # type: ignore[attr-defined]  # noqa: B018


def test_a_tree_has_tokens() -> None:
    assert assert_type(Tree([1, -1]).tokens, Sequence[int]) == (0, 1)


def test_modules_say_what_they_give() -> None:
    batch = Batch.from_sentences([SENTENCE], vocabulary=WORDS)
    embedding, encoder = WordEmbedding(WORDS, 4), build_encoder("gat", 4, 8)
    x = assert_type(embedding(batch), Tensor)
    encoding = assert_type(encoder(x, batch), Encoding)
    head = build_head("sentence", LabelAnswer(["no", "yes"]), encoder)
    assert assert_type(head(encoding, batch), Tensor).shape == (1, 2)
    model = SentenceClassifier(embedding, encoder, ["no", "yes"])
    loss = model.head.loss(model(batch), model.head.answer.encode(["yes"]))
    assert assert_type(loss, Tensor).isfinite()


def test_a_model_has_the_head_that_it_was_given() -> None:
    """As in docs/questions.md."""
    batch = Batch.from_sentences([SENTENCE], vocabulary=WORDS)
    embedding, encoder = WordEmbedding(WORDS, 4), build_encoder("bilstm", 4, 8)
    head = build_head("span(span='attention')", LabelAnswer(["bad", "good"]), encoder)
    model = StructuredModel(embedding, encoder, head)
    scores = model(batch, torch.tensor([[[1, 2]]]))
    loss = model.head.loss(scores, model.head.answer.encode(["good"]))
    assert assert_type(loss, Tensor).isfinite()
    assert_type(model.head, Head)
    parser = StructuredModel(embedding, encoder, build_head("arcs", ArcsAnswer(["root"]), encoder))
    assert_type(parser.head, ArcsHead)
    any_model: StructuredModel = model  # whichever head it has
    assert any_model.labels == ("bad", "good")


def test_a_corpus_is_indexed_like_an_array_and_gone_through_like_a_list() -> None:
    corpus = Corpus([SENTENCE, SENTENCE])
    for indices in ([0], range(1), np.array([0]), torch.tensor([0]), np.array([True, False])):
        assert len(corpus.batch(indices)) == 1
    assert len(corpus.batch(corpus.lengths < 40)) == 2
    assert [assert_type(one, Sentence) for one in corpus] == [SENTENCE, SENTENCE]


def test_numbers_of_a_drawing_are_lists_arrays_or_tensors() -> None:
    assert_type(draw(SENTENCE, node_values=[0.5, 1]), Drawing)
    draw(SENTENCE, node_values=np.array([0.5, 1]), edge_values=torch.tensor([0.5, 1]))
    draw(SENTENCE, node_values={0: np.float32(1)}, edge_values={(1, 0): torch.tensor(0.5)})


def test_a_function_on_faults_takes_those_of_the_format() -> None:
    lines: list[int] = []

    def keep(fault: ConlluError) -> None:
        lines.append(fault.line)

    rows = ["1\tdogs\t_\t_\t_\t_\t0\troot\t_\t_", "", "1\tbark", ""]
    assert [len(assert_type(one, Sentence)) for one in iter_conllu(rows, on_error=keep)] == [1]
    assert lines == [3]
