"""Bags of words against their definition, a word at a time."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from structnn import build_encoder
from tests.structnn.examples import assert_computes, chain

INPUT, HIDDEN = 3, 4


def reference(encoder, x, tree, pool):
    """Iyyer et al. (2015): an average, then a perceptron."""
    total = x[0]
    for word in x[1:]:
        total = torch.maximum(total, word) if pool == "max" else total + word
    if pool == "mean":
        total = total / len(x)
    for layer in encoder.perceptron:
        if isinstance(layer, torch.nn.Linear):
            total = torch.tanh(layer.weight @ total + layer.bias)
    return total


@pytest.mark.parametrize("pool", ["mean", "sum", "max"])
@pytest.mark.parametrize(("name", "layers"), [("bag", 1), ("bag", 2), ("dan", 3)])
def test_definition(name, layers, pool):
    options = {"layers": layers} if name == "bag" else {}
    encoder = build_encoder(name, INPUT, HIDDEN, readout=pool, **options).double()
    assert sum(isinstance(layer, torch.nn.Linear) for layer in encoder.perceptron) == layers

    @given(st.lists(st.integers(1, 7), min_size=1, max_size=4))
    def check(lengths):
        trees = [chain(length) for length in lengths]
        assert_computes(encoder, lambda *given: reference(*given, pool), trees, sentence=True)
        assert_computes(encoder, lambda encoder, x, tree: x, trees)  # words don't see each other

    check()
