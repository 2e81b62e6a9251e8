from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from structnn import Batch, Tree, build_encoder
from structnn.encoders.tree.child_sum import ChildSumTreeLSTM
from structnn.fused.build import SWITCH
from structnn.notes import noting
from tests.structnn.examples import (
    assert_close,
    assert_computes,
    batch_of,
    chain,
    phrase_trees,
    sentence_of,
    trees,
)

INPUT, HIDDEN = 3, 4


def reference(encoder, x, tree):
    """Equations 2 to 8 of Tai et al. (2015), a node at a time."""
    w_i, w_o, w_u, w_f = encoder.words.weight.chunk(4)
    b_i, b_o, b_u, b_f = encoder.words.bias.chunk(4)
    u_i, u_o, u_u = encoder.cell.child_gates.weight.chunk(3)
    u_f = encoder.cell.forget_gate.weight
    zero = x.new_zeros(encoder.cell.hidden_dim)
    hidden, cell = {}, {}
    for node in reversed(tree.top_down):
        token = tree.tokens[node]
        word = x[token] if token >= 0 else x.new_zeros(encoder.input_dim)
        children = tree.children[node]
        summed = sum((hidden[child] for child in children), zero)
        i = torch.sigmoid(w_i @ word + u_i @ summed + b_i)
        o = torch.sigmoid(w_o @ word + u_o @ summed + b_o)
        u = torch.tanh(w_u @ word + u_u @ summed + b_u)
        c = i * u
        for child in children:
            f = torch.sigmoid(w_f @ word + u_f @ hidden[child] + b_f)
            c = c + f * cell[child]
        cell[node] = c
        hidden[node] = o * torch.tanh(c)
    return torch.stack([hidden[node] for node in range(len(tree))])


def encoder_of(seed=0):
    torch.manual_seed(seed)
    encoder = build_encoder("child_sum_tree_lstm", INPUT, HIDDEN).double()
    for parameter in encoder.parameters():
        torch.nn.init.normal_(parameter)  # no bias that happens to be zero
    return encoder


@pytest.fixture(params=["0", "1"], ids=["by the cell", "by the operator"], autouse=True)
def _switch(request, monkeypatch):
    monkeypatch.setenv(SWITCH, request.param)


def test_equations():
    encoder = encoder_of()

    @given(
        st.lists(trees(), min_size=1, max_size=4)
        | st.lists(phrase_trees(arity=3), min_size=1, max_size=3)
    )
    def check(forest):
        assert_computes(encoder, reference, forest)

    check()


@pytest.mark.parametrize(
    "tree",
    [chain(30), chain(30, left=False), Tree([-1] + [0] * 20), Tree([*[20] * 20, -1]), Tree([-1])],
    ids=["left chain", "right chain", "star", "star with its centre last", "one word"],
)
def test_equations_on_extreme_shapes(tree):
    assert_computes(encoder_of(), reference, [tree, Tree([-1]), tree])


def test_on_a_left_chain_it_is_an_lstm():
    lstm = build_encoder("lstm", INPUT, HIDDEN).double()
    tree_lstm = build_encoder("child_sum_tree_lstm", INPUT, HIDDEN).double()
    network = lstm.network
    # torch orders its gates i, f, g, o and has two biases; ours are i, o, u, f.
    i, f, g, o = network.weight_ih_l0.data.chunk(4)
    tree_lstm.words.weight.data = torch.cat([i, o, g, f])
    i, f, g, o = (network.bias_ih_l0 + network.bias_hh_l0).data.chunk(4)
    tree_lstm.words.bias.data = torch.cat([i, o, g, f])
    i, f, g, o = network.weight_hh_l0.data.chunk(4)
    tree_lstm.cell.child_gates.weight.data = torch.cat([i, o, g])
    tree_lstm.cell.forget_gate.weight.data = f

    batch = Batch.from_sentences([sentence_of(chain(length)) for length in (7, 1, 40)])
    x = torch.randn(batch.num_tokens, INPUT, dtype=torch.float64)
    one, other = lstm(x, batch), tree_lstm(x, batch)
    torch.testing.assert_close(one.tokens, other.tokens, rtol=0, atol=1e-12)
    torch.testing.assert_close(one.sentence, other.sentence, rtol=0, atol=1e-12)


@pytest.mark.slow
def test_a_chain_of_five_thousand_words():
    encoder = ChildSumTreeLSTM(INPUT, HIDDEN)
    batch = batch_of([chain(5000)])
    x = torch.randn(5000, INPUT, requires_grad=True)
    encoder(x, batch).sentence.sum().backward()
    assert x.grad.isfinite().all()


def test_forget_gates_are_noted():
    encoder = encoder_of()
    batch = batch_of([Tree([2, 2, -1]), Tree([-1])])
    x = torch.randn(4, INPUT, dtype=torch.float64)
    with noting() as notes:
        h = encoder(x, batch).nodes
    w_f, b_f = encoder.words.weight.chunk(4)[3], encoder.words.bias.chunk(4)[3]
    for child in (0, 1):
        expected = torch.sigmoid(w_f @ x[2] + encoder.cell.forget_gate.weight @ h[child] + b_f)
        assert_close(notes.of("forget gates")[child], expected)
    assert not notes.of("forget gates")[[2, 3]].any()  # roots are nobody's children
