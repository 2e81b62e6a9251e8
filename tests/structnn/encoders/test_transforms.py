"""Encoders under ``torch.func``: derivatives of functional calls, and many calls at once."""

from __future__ import annotations

import pytest
import torch
from torch.func import functional_call, grad, jvp, vmap

from structnn import (
    Batch,
    LabelAnswer,
    Sentence,
    StructuredModel,
    Tree,
    Vocabulary,
    WordEmbedding,
    build_encoder,
    build_head,
)
from tests.structnn.encoders.test_every_encoder import (
    VARIANTS,
    build,
    describe,
    examples,
    vectors,
)

# PyTorch itself has no rule for these.
ONE_BY_ONE = ("lstm", "bilstm", "gru", "bigru", "rnn", "birnn", "self_attentive", "hyper_lstm")
NO_TANGENTS = ("lstm", "bilstm", "self_attentive")

every_variant = pytest.mark.parametrize("variant", VARIANTS, ids=describe)


def stages(variant) -> set[str]:
    return {stage.partition("(")[0] for stage in variant[0].split(">")}


def made(variant):
    """An encoder, its weights, a batch of which nothing is made yet, and the vectors of its words."""
    encoder, batch = build(variant, torch.float64).eval(), examples(variant)
    weights = {name: value.detach().clone() for name, value in encoder.named_parameters()}
    return encoder, weights, batch, vectors(batch, torch.float64)


def total(encoder, weights, x, batch):
    encoding = functional_call(encoder, weights, (x, batch))
    return encoding.sentence.square().sum() + encoding.nodes.square().sum()


@every_variant
def test_gradients_are_those_of_backward(variant):
    encoder, weights, batch, x = made(variant)
    found = grad(total, argnums=(1, 2))(encoder, weights, x, batch)
    x = x.clone().requires_grad_()
    total(encoder, dict(encoder.named_parameters()), x, batch).backward()  # of the same batch
    for name, parameter in encoder.named_parameters():
        expected = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
        torch.testing.assert_close(found[0][name], expected, rtol=1e-8, atol=1e-9)
    torch.testing.assert_close(found[1], x.grad, rtol=1e-8, atol=1e-9)


@every_variant
def test_tangents_are_those_of_the_gradient(variant):
    if stages(variant) & {*NO_TANGENTS}:
        pytest.skip("PyTorch has no forward-mode derivative of its LSTM")
    encoder, weights, batch, x = made(variant)
    direction = torch.randn(x.shape, dtype=x.dtype, generator=torch.Generator().manual_seed(1))
    _, found = jvp(lambda x: total(encoder, weights, x, batch), (x,), (direction,))
    expected = grad(total, argnums=2)(encoder, weights, x, batch)
    torch.testing.assert_close(found, (expected * direction).sum(), rtol=1e-7, atol=1e-8)


@pytest.mark.filterwarnings("ignore:There is a performance drop")
@every_variant
def test_many_at_once_are_one_by_one(variant):
    if stages(variant) & {*ONE_BY_ONE}:
        pytest.skip("PyTorch has no batching rule of its recurrent networks")
    encoder, weights, batch, x = made(variant)
    several = torch.stack([x, 2 * x, -x])
    found = vmap(lambda x: total(encoder, weights, x, batch))(several)
    expected = torch.stack([total(encoder, weights, one, batch) for one in several])
    torch.testing.assert_close(found, expected, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("encoder", ["bilstm", "child_sum_tree_lstm", "gat"])
@pytest.mark.parametrize("reader", ["sentence", "tokens", "span(span='attention')"])
def test_models_have_gradients_of_their_weights(encoder, reader):
    torch.manual_seed(0)
    vocabulary = Vocabulary(["dogs", "bark"])
    built = build_encoder(encoder, 6, 8)
    head = build_head(reader, LabelAnswer(["no", "yes"]), built)
    model = StructuredModel(WordEmbedding(vocabulary, 6), built, head).eval()
    sentences = [
        Sentence(["dogs", "bark", "!"], dependencies=Tree([1, -1, 1])),
        Sentence(["dogs"], dependencies=Tree([-1])),
    ]
    batch = Batch.from_sentences(sentences, vocabulary=vocabulary)
    spans = torch.tensor([[[0, 2]], [[0, 1]]]) if "span" in reader else None
    gold = model.head.answer.encode(["yes"] * (4 if reader == "tokens" else 2))

    def loss(weights):
        return model.head.loss(functional_call(model, weights, (batch, spans)), gold)

    weights = {name: value.detach() for name, value in model.named_parameters()}
    found = grad(loss)(weights)
    loss(dict(model.named_parameters())).backward()
    for name, parameter in model.named_parameters():
        expected = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
        torch.testing.assert_close(found[name], expected, rtol=1e-4, atol=1e-6)
