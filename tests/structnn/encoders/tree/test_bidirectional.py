"""The bidirectional Tree-LSTM by its operator and without it; its equations are in test_trees.py."""

from __future__ import annotations

import random

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from structnn import Tree, build_encoder
from structnn.encoders.tree.bidirectional import downward_lstm
from structnn.fused.build import SWITCH, load
from tests.structnn.encoders.tree.test_every_tree_encoder import (
    bidirectional_tree_lstm as reference,
)
from tests.structnn.examples import (
    assert_computes,
    batch_of,
    chain,
    check_frozen,
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
SHAPES = [(10, INPUT), (4 * HIDDEN, INPUT), (4 * HIDDEN,), (4 * HIDDEN, HIDDEN)]  # x, w, b, u

fused = pytest.mark.skipif(load("downward") is None, reason="needs a C++ compiler and AVX2")

FORESTS = {
    "sentences": [random_tree(random.Random(seed), 1 + seed % 23) for seed in range(60)],
    "chains": [chain(9), chain(300), chain(1), chain(12, left=False)],
    "one word each": [Tree([-1])] * 5,
    "a star": [Tree([-1] + [0] * 20)],
    "phrases": [Tree([-1, 0, 0, 1, 1], [-1, -1, 0, 1, 2]), Tree([-1, 0], [-1, 0])],
}


def encoder_of(hidden=HIDDEN, dtype=torch.float64):
    torch.manual_seed(0)
    encoder = build_encoder("bidirectional_tree_lstm", INPUT, hidden).double()
    for parameter in encoder.parameters():
        torch.nn.init.normal_(parameter, std=0.5)  # no bias that happens to be zero
    return encoder.to(dtype)


def states_and_gradients(monkeypatch, switch, dtype, hidden, forest):
    """Of the same numbers, by the operators or by PyTorch."""
    monkeypatch.setenv(SWITCH, switch)
    batch = batch_of(forest)
    encoder = encoder_of(hidden, dtype)
    x = torch.randn(batch.num_tokens, INPUT, dtype=torch.float64).to(dtype).requires_grad_()
    weight = torch.randn(batch.num_nodes, 2 * hidden, dtype=torch.float64).to(dtype)
    h = encoder.encode(x, batch)
    (h * weight).sum().backward()
    return [h.detach(), x.grad, *(parameter.grad for parameter in encoder.parameters())]


@fused
@pytest.mark.parametrize("hidden", [1, 7, 16, 37])
@pytest.mark.parametrize("forest", FORESTS)
def test_the_operators_compute_what_pytorch_does(monkeypatch, forest, hidden):
    check_operator(
        lambda switch, dtype: states_and_gradients(
            monkeypatch, switch, dtype, hidden, FORESTS[forest]
        )
    )


@pytest.mark.parametrize("switch", ["0", "1"])
def test_equations(monkeypatch, switch):
    monkeypatch.setenv(SWITCH, switch)
    encoder = encoder_of()

    @given(
        st.lists(trees(), min_size=1, max_size=3) | st.lists(phrase_trees(), min_size=1, max_size=3)
    )
    def check(forest):
        assert_computes(encoder, reference, forest)

    check()


@fused
def test_which_of_them_computes(monkeypatch):
    encoder, batch = encoder_of(), batch_of([chain(3)])
    x = torch.randn(3, INPUT, dtype=torch.float64)

    assert "FusedDownwardBackward" in functions_behind(encoder.encode(x, batch))
    monkeypatch.setenv(SWITCH, "0")
    assert "_DownwardBackward" in functions_behind(encoder.encode(x, batch))


@pytest.mark.parametrize("switch", ["0", "1"])
def test_gradcheck_of_the_hand_written_backward(monkeypatch, switch):
    monkeypatch.setenv(SWITCH, switch)
    generator = random.Random(3)
    batch = batch_of([random_tree(generator, size) for size in (1, 5, 4)])
    arguments = [torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in SHAPES]
    assert torch.autograd.gradcheck(
        lambda *tensors: downward_lstm(*tensors, batch.schedule), arguments
    )


@pytest.mark.parametrize("switch", ["0", "1"])
@pytest.mark.parametrize("frozen", range(4))
def test_any_part_may_be_frozen(monkeypatch, switch, frozen):
    monkeypatch.setenv(SWITCH, switch)
    schedule = batch_of([chain(4), Tree([-1, 0, 0]), chain(3)]).schedule
    sources = [torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in SHAPES]
    check_frozen(lambda: downward_lstm(*sources, schedule), sources, frozen)


@fused
@pytest.mark.parametrize("threads", [2, 5])
@pytest.mark.parametrize("forest", ["sentences", "a star"])
def test_the_number_of_threads_changes_nothing(monkeypatch, forest, threads):
    check_threads(
        threads, lambda: states_and_gradients(monkeypatch, "1", torch.float32, 20, FORESTS[forest])
    )


@fused
@pytest.mark.parametrize("forest", ["sentences", "phrases"])
def test_without_gradients_it_is_the_same(forest):
    check_without_gradients(encoder_of(), batch_of(FORESTS[forest]))


@fused
def test_backward_can_be_repeated():
    check_repeated_backward(encoder_of(), batch_of(FORESTS["sentences"]))


@fused
def test_numbers_that_are_not_finite_stay_so():
    """They reach every word of the sentence, and no other sentence."""
    batch = batch_of([Tree([1, -1, 1]), Tree([-1])])
    x = torch.randn(4, INPUT, dtype=torch.float64)
    x[0, 0] = torch.nan
    h = encoder_of().encode(x, batch)
    assert h[:3].isnan().any(dim=1).all()
    assert h[3].isfinite().all()


@pytest.mark.parametrize("wrong", range(4))
def test_tensors_that_do_not_fit_are_told(wrong):
    schedule = batch_of([chain(10)]).schedule
    shapes = list(SHAPES)
    shapes[wrong] = tuple(size + 1 for size in shapes[wrong])
    with pytest.raises(RuntimeError):
        downward_lstm(*map(torch.randn, shapes), schedule)


@fused
def test_too_few_words_are_told():
    with pytest.raises(ValueError, match="words for 10 nodes, but 11"):
        downward_lstm(*map(torch.randn, SHAPES), batch_of([chain(11)]).schedule)
