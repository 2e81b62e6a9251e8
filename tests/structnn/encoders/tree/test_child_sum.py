from __future__ import annotations

import random

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from structnn import Batch, Tree, build_encoder
from structnn.encoders.tree.child_sum import ChildSumTreeLSTM, child_sum_tree_lstm
from structnn.fused.build import SWITCH, load
from structnn.notes import noting
from tests.structnn.examples import (
    assert_close,
    assert_computes,
    batch_of,
    chain,
    check_frozen,
    check_not_finite,
    check_operator,
    check_repeated_backward,
    check_threads,
    check_without_gradients,
    phrase_trees,
    random_tree,
    sentence_of,
    trees,
)

INPUT, HIDDEN = 3, 4


def reference(encoder, x, tree):
    """Equations 2 to 8 of Tai et al. (2015), a node at a time."""
    w_i, w_o, w_u, w_f = encoder.input_gates.weight.chunk(4)
    b_i, b_o, b_u, b_f = encoder.input_gates.bias.chunk(4)
    u_i, u_o, u_u = encoder.child_gates.weight.chunk(3)
    u_f = encoder.forget_gate.weight
    zero = x.new_zeros(encoder.output_dim)
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


@given(st.lists(trees(), min_size=1, max_size=4))
def test_equations_on_dependency_trees(forest):
    assert_computes(encoder_of(), reference, forest)


@given(st.lists(phrase_trees(arity=3), min_size=1, max_size=3))
def test_equations_on_phrase_trees(forest):
    assert_computes(encoder_of(), reference, forest)


@pytest.mark.parametrize(
    "tree",
    [chain(30), chain(30, left=False), Tree([-1] + [0] * 20), Tree([*[20] * 20, -1]), Tree([-1])],
    ids=["left chain", "right chain", "star", "star with its centre last", "one word"],
)
def test_equations_on_extreme_shapes(tree):
    assert_computes(encoder_of(), reference, [tree, Tree([-1]), tree])


def test_gradcheck_of_the_hand_written_backward():
    generator = random.Random(3)
    batch = batch_of([random_tree(generator, size) for size in (1, 5, 4)])
    schedule = batch.schedule
    arguments = [
        torch.randn(shape, dtype=torch.float64, requires_grad=True)
        for shape in [
            (batch.num_nodes, INPUT),
            (4 * HIDDEN, INPUT),
            (4 * HIDDEN,),
            (3 * HIDDEN, HIDDEN),
            (HIDDEN, HIDDEN),
        ]
    ]
    assert torch.autograd.gradcheck(
        lambda *tensors: child_sum_tree_lstm(*tensors, schedule), arguments
    )


@pytest.mark.parametrize("frozen", range(5))
def test_any_part_may_be_frozen(frozen):
    encoder = encoder_of()
    batch = batch_of([chain(4), Tree([-1, 0, 0])])
    x = torch.randn(7, INPUT, dtype=torch.float64, requires_grad=True)
    sources = [x, *encoder.parameters()]
    check_frozen(lambda: encoder.encode(x, batch), sources, frozen)


def test_on_a_left_chain_it_is_an_lstm():
    lstm = build_encoder("lstm", INPUT, HIDDEN).double()
    tree_lstm = build_encoder("child_sum_tree_lstm", INPUT, HIDDEN).double()
    network = lstm.network
    # torch orders its gates i, f, g, o and has two biases; ours are i, o, u, f.
    i, f, g, o = network.weight_ih_l0.data.chunk(4)
    tree_lstm.input_gates.weight.data = torch.cat([i, o, g, f])
    i, f, g, o = (network.bias_ih_l0 + network.bias_hh_l0).data.chunk(4)
    tree_lstm.input_gates.bias.data = torch.cat([i, o, g, f])
    i, f, g, o = network.weight_hh_l0.data.chunk(4)
    tree_lstm.child_gates.weight.data = torch.cat([i, o, g])
    tree_lstm.forget_gate.weight.data = f

    batch = Batch.from_sentences([sentence_of(chain(length)) for length in (7, 1, 40)])
    x = torch.randn(batch.num_tokens, INPUT, dtype=torch.float64)
    one, other = lstm(x, batch), tree_lstm(x, batch)
    torch.testing.assert_close(one.tokens, other.tokens, rtol=0, atol=1e-12)
    torch.testing.assert_close(one.sentence, other.sentence, rtol=0, atol=1e-12)


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
    w_f, b_f = encoder.input_gates.weight.chunk(4)[3], encoder.input_gates.bias.chunk(4)[3]
    for child in (0, 1):
        expected = torch.sigmoid(w_f @ x[2] + encoder.forget_gate.weight @ h[child] + b_f)
        assert_close(notes.of("forget gates")[child], expected)


fused = pytest.mark.skipif(load("child_sum") is None, reason="needs a C++ compiler and AVX2")

FORESTS = {
    "sentences": [random_tree(random.Random(seed), 1 + seed % 23) for seed in range(60)],
    "chains": [chain(9), chain(40), chain(1)],
    "stars": [Tree([-1] + [0] * size) for size in (1, 300, 30)],
    "one word each": [Tree([-1])] * 5,
    "a binary tree": [Tree([-1] + [(node - 1) // 2 for node in range(1, 1023)])],
}


def states_and_gradients(monkeypatch, switch, dtype, hidden, forest):
    """Of the same numbers, by the operator or by PyTorch."""
    monkeypatch.setenv(SWITCH, switch)
    torch.manual_seed(1)
    encoder = build_encoder("child_sum_tree_lstm", 2 * hidden + 1, hidden).double()
    batch = batch_of(forest)
    x = torch.randn(batch.num_nodes, 2 * hidden + 1, dtype=torch.float64).to(dtype)
    weight = torch.randn(batch.num_nodes, hidden, dtype=torch.float64).to(dtype)
    encoder.to(dtype)
    x.requires_grad_()
    h = encoder.encode(x, batch)
    assert ("Fused" in h.grad_fn.name()) == (switch == "1")
    (h * weight).sum().backward()
    return [h.detach(), x.grad, *(parameter.grad for parameter in encoder.parameters())]


@fused
@pytest.mark.parametrize("hidden", [1, 7, 16, 37, 150])
@pytest.mark.parametrize("forest", FORESTS)
def test_the_operator_computes_what_pytorch_does(monkeypatch, forest, hidden):
    check_operator(
        lambda switch, dtype: states_and_gradients(
            monkeypatch, switch, dtype, hidden, FORESTS[forest]
        )
    )


@fused
@pytest.mark.parametrize("threads", [2, 5])
def test_the_number_of_threads_changes_nothing(monkeypatch, threads):
    check_threads(
        threads,
        lambda: states_and_gradients(monkeypatch, "1", torch.float32, 20, FORESTS["sentences"]),
    )


@fused
def test_without_gradients_it_is_the_same():
    check_without_gradients(encoder_of(), batch_of(FORESTS["sentences"]))


@fused
def test_backward_can_be_repeated():
    check_repeated_backward(encoder_of(), batch_of(FORESTS["sentences"]))


@fused
def test_numbers_that_are_not_finite_stay_so():
    check_not_finite(encoder_of())


@pytest.mark.parametrize("wrong", ["x", "w", "b", "u_iou", "u_f"])
def test_tensors_that_do_not_fit_are_told(wrong):
    schedule = batch_of([chain(3)]).schedule
    shapes = {"x": (3, 2), "w": (16, 2), "b": (16,), "u_iou": (12, 4), "u_f": (4, 4)}
    shapes[wrong] = tuple(size + 1 for size in shapes[wrong])
    with pytest.raises(RuntimeError):
        child_sum_tree_lstm(*map(torch.randn, shapes.values()), schedule)
