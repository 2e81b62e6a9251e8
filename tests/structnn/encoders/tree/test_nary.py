"""The N-ary Tree-LSTM by its operator and without it; its equations are in test_trees.py."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from structnn import Tree, build_encoder
from structnn.encoders.tree.nary import nary_tree_lstm
from structnn.fused.build import SWITCH, load
from structnn.notes import noting
from tests.structnn.encoders.tree.test_every_tree_encoder import nary_tree_lstm as reference
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
    functions_behind,
    phrase_trees,
    random_tree,
    trees,
)

INPUT, HIDDEN = 3, 4

fused = pytest.mark.skipif(load("nary") is None, reason="needs a C++ compiler and AVX2")


def encoder_of(arity=2, hidden=HIDDEN, dtype=torch.float64):
    torch.manual_seed(0)
    encoder = build_encoder("nary_tree_lstm", INPUT, hidden, arity=arity).double()
    for parameter in encoder.parameters():
        torch.nn.init.normal_(parameter, std=0.5)  # no bias that happens to be zero
    return encoder.to(dtype)


def binary(depth, *, words_inside=False):
    """A balanced tree; inner nodes have words, or leaves alone."""
    size = 2**depth - 1
    parents = [-1] + [(node - 1) // 2 for node in range(1, size)]
    if words_inside:
        return Tree(parents)
    inner = size // 2
    return Tree(parents, [-1] * inner + list(range(size - inner)))


# Words at every node, at the leaves alone, at some of both, and at some leaves.
FORESTS = {
    "sentences": [random_tree(random.Random(seed), 1 + seed % 23, 2) for seed in range(60)],
    "chains": [chain(9), chain(40), chain(1)],
    "one word each": [Tree([-1])] * 5,
    "words everywhere": [binary(10, words_inside=True)],
    "words at leaves": [binary(depth) for depth in (1, 9, 3, 2)],
    "words here and there": [
        binary(9),
        Tree([-1, 0, 0, 1, 1, 2, 2], [-1, 0, -1, 1, 2, -1, 3]),
        binary(2),
    ],
    "words at some leaves": [Tree([-1, 0, 0], [-1, 0, -1]), Tree([-1, 0], [-1, 0])],
}


def states_and_gradients(monkeypatch, switch, dtype, hidden, forest, arity=2):
    """Of the same numbers, by the operator or by PyTorch."""
    monkeypatch.setenv(SWITCH, switch)
    batch = batch_of(forest)
    encoder = encoder_of(arity, hidden, dtype)
    x = torch.randn(batch.num_tokens, INPUT, dtype=torch.float64).to(dtype).requires_grad_()
    weight = torch.randn(batch.num_nodes, hidden, dtype=torch.float64).to(dtype)
    h = encoder.encode(x, batch)
    (h * weight).sum().backward()
    return [h.detach(), x.grad, *(parameter.grad for parameter in encoder.parameters())]


@fused
@pytest.mark.parametrize("hidden", [1, 7, 16, 37])
@pytest.mark.parametrize("forest", FORESTS)
def test_the_operator_computes_what_pytorch_does(monkeypatch, forest, hidden):
    for arity in (2, 3):
        given = (hidden, FORESTS[forest], arity)
        check_operator(
            lambda switch, dtype, given=given: states_and_gradients(
                monkeypatch, switch, dtype, *given
            )
        )


@pytest.mark.parametrize("arity", [2, 5])
def test_equations_without_the_operator(monkeypatch, arity):
    monkeypatch.setenv(SWITCH, "0")
    encoder = encoder_of(arity)

    @given(
        st.lists(trees(arity=arity), min_size=1, max_size=3)
        | st.lists(phrase_trees(arity=arity), min_size=1, max_size=3)
    )
    def check(forest):
        assert_computes(encoder, reference, forest)

    check()


@fused
def test_which_of_them_computes(monkeypatch):
    encoder, batch = encoder_of(), batch_of([chain(3)])
    x = torch.randn(3, INPUT, dtype=torch.float64)

    assert "FusedNaryBackward" in functions_behind(encoder.encode(x, batch))
    monkeypatch.setenv(SWITCH, "0")
    assert "_NaryBackward" in functions_behind(encoder.encode(x, batch))


@pytest.mark.parametrize("switch", ["0", "1"])
def test_a_child_in_the_second_place_alone(monkeypatch, switch):
    """It meets the weights of that place, as an only child does those of an encoder of arity one."""
    monkeypatch.setenv(SWITCH, switch)
    schedule = batch_of([chain(5), chain(2)]).schedule
    second = replace(schedule, sibling=torch.ones_like(schedule.sibling))
    generator = torch.Generator().manual_seed(0)
    x, w, b, u = (
        torch.randn(shape, dtype=torch.float64, generator=generator, requires_grad=True)
        for shape in [(7, INPUT), (4 * HIDDEN, INPUT), (4 * HIDDEN,), (5 * HIDDEN, 2 * HIDDEN)]
    )
    of_second = torch.cat([u[: 3 * HIDDEN, HIDDEN:], u[4 * HIDDEN :, HIDDEN:]])
    expected = nary_tree_lstm(x, w, b, of_second.contiguous(), schedule)
    found = nary_tree_lstm(x, w, b, u, second)
    assert_close(found, expected)
    direction = torch.randn(found.shape, dtype=found.dtype, generator=generator)
    for one, other in zip(
        *(torch.autograd.grad((h * direction).sum(), (x, w, b, u)) for h in (found, expected)),
        strict=True,
    ):
        assert_close(one, other)


@pytest.mark.parametrize("switch", ["0", "1"])
def test_gradcheck_of_the_hand_written_backward(monkeypatch, switch):
    monkeypatch.setenv(SWITCH, switch)
    generator = random.Random(3)
    batch = batch_of([random_tree(generator, size, 2) for size in (1, 5, 4)])
    arguments = [
        torch.randn(shape, dtype=torch.float64, requires_grad=True)
        for shape in [(10, INPUT), (4 * HIDDEN, INPUT), (4 * HIDDEN,), (5 * HIDDEN, 2 * HIDDEN)]
    ]
    assert torch.autograd.gradcheck(
        lambda *tensors: nary_tree_lstm(*tensors, batch.schedule), arguments
    )


@pytest.mark.parametrize("switch", ["0", "1"])
@pytest.mark.parametrize("frozen", range(4))
def test_any_part_may_be_frozen(monkeypatch, switch, frozen):
    monkeypatch.setenv(SWITCH, switch)
    encoder, batch = encoder_of(), batch_of([chain(4), Tree([-1, 0, 0])])
    x = torch.randn(7, INPUT, dtype=torch.float64, requires_grad=True)
    sources = [x, *encoder.parameters()]
    check_frozen(lambda: encoder.encode(x, batch), sources, frozen)


@fused
@pytest.mark.parametrize("threads", [2, 5])
@pytest.mark.parametrize("forest", ["sentences", "words at leaves"])
def test_the_number_of_threads_changes_nothing(monkeypatch, forest, threads):
    check_threads(
        threads, lambda: states_and_gradients(monkeypatch, "1", torch.float32, 20, FORESTS[forest])
    )


@fused
@pytest.mark.parametrize("forest", ["sentences", "words at leaves"])
def test_without_gradients_it_is_the_same(forest):
    check_without_gradients(encoder_of(), batch_of(FORESTS[forest]))


@fused
def test_backward_can_be_repeated():
    check_repeated_backward(encoder_of(), batch_of(FORESTS["sentences"]))


@pytest.mark.parametrize("switch", ["0", "1"])
def test_forget_gates_are_noted(monkeypatch, switch):
    monkeypatch.setenv(SWITCH, switch)
    encoder, batch = encoder_of(), batch_of([Tree([2, 2, -1]), Tree([-1])])
    x = torch.randn(4, INPUT, dtype=torch.float64)
    with noting() as notes:
        h = encoder(x, batch).nodes
    w_f, b_f = encoder.words.linear.weight.chunk(4)[3], encoder.words.linear.bias.chunk(4)[3]
    u_f = encoder.cell.child_gates.weight[3 * HIDDEN :]
    sums = u_f @ h[:2].flatten() + (w_f @ x[2] + b_f).repeat(2)
    expected = torch.cat([sums.sigmoid().view(2, HIDDEN), x.new_zeros(2, HIDDEN)])
    assert_close(notes.of("forget gates"), expected)


@fused
def test_numbers_that_are_not_finite_stay_so():
    check_not_finite(encoder_of())


@pytest.mark.parametrize("wrong", ["x", "w", "b", "u"])
def test_tensors_that_do_not_fit_are_told(wrong):
    schedule = batch_of([chain(3)]).schedule
    shapes = {"x": (3, 2), "w": (16, 2), "b": (16,), "u": (20, 8)}
    shapes[wrong] = tuple(size + 1 for size in shapes[wrong])
    with pytest.raises(RuntimeError):
        nary_tree_lstm(*map(torch.randn, shapes.values()), schedule)


@fused
def test_more_words_than_nodes_are_told():
    schedule = batch_of([chain(3)]).schedule
    shapes = [(4, 2), (16, 2), (16,), (20, 8)]
    with pytest.raises(ValueError, match="words for 4 nodes, but 3"):
        nary_tree_lstm(*map(torch.randn, shapes), schedule)
