"""torch.compile on the classifier's forward and backward pass.

An encoder of each family is traced in any case; compiling them to machine code is slow: RUN_SLOW=1.
"""

from __future__ import annotations

import os
import shutil

import pytest
import torch

from structnn import Batch, SentenceClassifier, Vocabulary, WordEmbedding, build_encoder
from structnn.notes import noting
from tests.structnn.examples import random_sentences

pytestmark = pytest.mark.slow

VOCABULARY = Vocabulary([f"w{number}" for number in range(20)])


def batch_of_sizes(seed, sizes):
    return Batch.from_sentences(random_sentences(seed, sizes, 2), vocabulary=VOCABULARY)


def check(name, backend, batches):
    """Scores and gradients of the compiled classifier are those of the plain one."""
    torch._dynamo.reset()
    model = SentenceClassifier(
        WordEmbedding(VOCABULARY, 8), build_encoder(name, 8, 8), ["no", "yes"]
    )
    compiled = torch.compile(model.eval(), backend=backend)
    for batch in batches:
        torch.testing.assert_close(compiled(batch), model(batch), atol=1e-5, rtol=1e-4)
    model(batches[0]).sum().backward()
    expected = [parameter.grad.clone() for parameter in model.parameters()]
    model.zero_grad()
    compiled(batches[0]).sum().backward()
    for parameter, gradient in zip(model.parameters(), expected, strict=True):
        torch.testing.assert_close(parameter.grad, gradient, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("name", ["bilstm", "child_sum_tree_lstm", "gcn"])
def test_an_encoder_of_each_family_is_traced(name):
    check(name, "eager", [batch_of_sizes(0, (5, 3)), batch_of_sizes(1, (1, 2, 9))])


@pytest.mark.skipif(not os.environ.get("RUN_SLOW"), reason="slow; set RUN_SLOW=1 to run it")
@pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")
@pytest.mark.parametrize(
    "name",
    "bag bilstm min_gru cnn transformer child_sum_tree_lstm nary_tree_lstm tree_transformer gcn gat "
    "bilstm>gat".split(),
)
def test_compiled_to_machine_code(name):
    sizes = [(5, 3, 7), (4, 8), (1, 2, 9, 3)]
    check(name, "inductor", [batch_of_sizes(seed, some) for seed, some in enumerate(sizes)])


def test_compiled_networks_note_nothing():
    torch._dynamo.reset()
    encoder = build_encoder("bag", 8, 8, readout="attention")
    compiled = torch.compile(encoder, backend="eager", fullgraph=True)
    batch = batch_of_sizes(0, (3, 2))
    x = torch.randn(5, 8)
    with noting() as notes:
        found = compiled(x, batch).sentence
    assert not notes
    torch.testing.assert_close(found, encoder(x, batch).sentence)
