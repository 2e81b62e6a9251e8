"""torch.compile on the classifier's forward pass: an encoder of each family. Slow: RUN_SLOW=1."""

from __future__ import annotations

import os
import shutil

import pytest
import torch

from structnn import Batch, SentenceClassifier, Vocabulary, WordEmbedding, build_encoder
from tests.structnn.examples import random_sentences

pytestmark = [
    pytest.mark.skipif(not os.environ.get("RUN_SLOW"), reason="slow; set RUN_SLOW=1 to run it"),
    pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler"),
]

VOCABULARY = Vocabulary([f"w{number}" for number in range(20)])


@pytest.mark.parametrize(
    "name",
    "bag bilstm min_gru cnn transformer child_sum_tree_lstm nary_tree_lstm tree_transformer gcn gat "
    "bilstm>gat".split(),
)
def test_compiled_scores_are_the_same(name):
    torch._dynamo.reset()
    batches = [
        Batch.from_sentences(random_sentences(seed, sizes, 2), vocabulary=VOCABULARY)
        for seed, sizes in enumerate([(5, 3, 7), (4, 8), (1, 2, 9, 3)])
    ]
    model = SentenceClassifier(
        WordEmbedding(VOCABULARY, 8), build_encoder(name, 8, 8), ["no", "yes"]
    )
    compiled = torch.compile(model.eval())
    for batch in batches:
        torch.testing.assert_close(compiled(batch), model(batch), atol=1e-5, rtol=1e-4)
    model(batches[0]).sum().backward()
    expected = [parameter.grad.clone() for parameter in model.parameters()]
    model.zero_grad()
    compiled(batches[0]).sum().backward()
    for parameter, gradient in zip(model.parameters(), expected, strict=True):
        torch.testing.assert_close(parameter.grad, gradient, atol=1e-5, rtol=1e-4)
