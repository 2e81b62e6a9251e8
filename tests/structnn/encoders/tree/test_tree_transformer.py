from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from structnn import build_encoder
from tests.structnn.examples import assert_computes, phrase_trees, trees

INPUT, HIDDEN = 3, 4


def path(tree, node):
    nodes = [node]
    while tree.parents[nodes[-1]] >= 0:
        nodes.append(tree.parents[nodes[-1]])
    return nodes


def reference(encoder, x, tree):
    size, furthest = len(tree), encoder.max_distance
    states = []
    for node in range(size):
        token = tree.tokens[node]
        word = x.new_zeros(HIDDEN) if token < 0 else encoder.projection(x[token])
        states.append(word + encoder.depths.weight[min(tree.depths[node], furthest)])
    h = torch.stack(states)
    for layer in encoder.layers:
        heads = layer.attention.heads
        width = HIDDEN // heads
        q, k, v = layer.attention.inputs(layer.norms[0](h)).chunk(3, dim=1)
        out = []
        for node in range(size):
            above = path(tree, node)
            row = []
            for head in range(heads):
                columns = slice(head * width, (head + 1) * width)
                scores = []
                for other in range(size):
                    theirs = path(tree, other)
                    shared = len(set(above) & set(theirs))
                    distance = len(above) + len(theirs) - 2 * shared
                    score = q[node, columns] @ k[other, columns] / width**0.5
                    score = score + encoder.biases.weight[min(distance, furthest), head]
                    if encoder.ancestors_only and node not in theirs and other not in above:
                        score = score - torch.inf
                    scores.append(score)
                row.append(torch.stack(scores).softmax(0) @ v[:, columns])
            out.append(torch.cat(row))
        h = h + layer.attention.output(torch.stack(out))
        h = h + layer.perceptron(layer.norms[1](h))
    return encoder.norm(h)


@pytest.mark.slow
@pytest.mark.parametrize("ancestors_only", [False, True])
def test_equations(ancestors_only):
    encoder = build_encoder(
        "tree_transformer",
        INPUT,
        HIDDEN,
        heads=2,
        max_distance=3,
        ancestors_only=ancestors_only,
    ).double()
    for name, parameter in encoder.named_parameters():
        if "norm" not in name:
            torch.nn.init.normal_(parameter, std=0.4)

    @given(
        st.lists(trees(7), min_size=1, max_size=3)
        | st.lists(phrase_trees(4), min_size=1, max_size=2)
    )
    def check(forest):
        assert_computes(encoder, reference, forest)

    check()


def test_impossible_options_are_told():
    with pytest.raises(ValueError, match="max_distance must be at least 1"):
        build_encoder("tree_transformer", INPUT, HIDDEN, max_distance=0)
