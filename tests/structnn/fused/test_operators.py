"""Every operator of trees against its oracle, the cell that it computes."""

from __future__ import annotations

import random

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from structnn import Tree, build_encoder
from structnn.fused.build import SWITCH, load
from structnn.fused.trees import OPERATORS
from structnn.notes import noting
from structnn.ops.cells import Cell
from tests.structnn.examples import (
    assert_close,
    batch_of,
    chain,
    functions_behind,
    phrase_trees,
    random_tree,
    threads,
    trees,
)

pytestmark = pytest.mark.skipif(load("child_sum") is None, reason="needs a C++ compiler and AVX2")

INPUT = 3
# An encoder for each operator, its options, and the name of the operator's function.
ENCODERS = {
    "child sum": ("child_sum_tree_lstm", {}, "FusedChildSum"),
    "relations as gates": ("relational_tree_lstm", {}, "FusedChildSum"),
    "relations as vectors": ("relational_tree_lstm", {"relation": "vector"}, "FusedChildSum"),
    "binary": ("nary_tree_lstm", {}, "FusedNary"),
    "ternary": ("nary_tree_lstm", {"arity": 3}, "FusedNary"),
    "downward": ("bidirectional_tree_lstm", {}, "FusedDownward"),
}
every_operator = pytest.mark.parametrize("kind", ENCODERS)


def binary(depth, *, words_inside=False):
    """A balanced tree; inner nodes have words, or leaves alone."""
    size = 2**depth - 1
    parents = [-1] + [(node - 1) // 2 for node in range(1, size)]
    if words_inside:
        return Tree(parents)
    inner = size // 2
    return Tree(parents, [-1] * inner + list(range(size - inner)))


# No node has more than two children here, so that every encoder reads them.
FORESTS = {
    "sentences": [random_tree(random.Random(seed), 1 + seed % 23, 2) for seed in range(60)],
    "chains": [chain(9), chain(300), chain(1), chain(12, left=False)],
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
STARS = [Tree([-1] + [0] * size) for size in (1, 300, 30)]


def encoder_of(kind, hidden=4, dtype=torch.float64):
    """With weights of which none happens to be zero."""
    torch.manual_seed(0)
    name, options, _ = ENCODERS[kind]
    encoder = build_encoder(name, INPUT, hidden, **options).double()
    for parameter in encoder.parameters():
        torch.nn.init.normal_(parameter, std=min(0.5, hidden**-0.5))
    return encoder.to(dtype)


def arity_of(kind):
    return ENCODERS[kind][1].get("arity", 2)


def words_of(batch, dtype=torch.float64):
    generator = torch.Generator().manual_seed(batch.num_tokens)
    x = torch.randn(batch.num_tokens, INPUT, dtype=torch.float64, generator=generator)
    return x.to(dtype).requires_grad_()


@pytest.fixture
def without_operators(monkeypatch):
    """Calls a function while the cells compute."""

    def call(function, *arguments):
        with monkeypatch.context() as patch:
            patch.setenv(SWITCH, "0")
            return function(*arguments)

    return call


def states_and_gradients(encoder, forest):
    """The states, and the gradients of words and weights seen from some direction."""
    batch = batch_of(forest)
    dtype = next(encoder.parameters()).dtype
    x = words_of(batch, dtype)
    h = encoder.encode(x, batch)
    generator = torch.Generator().manual_seed(1)
    direction = torch.randn(h.shape, dtype=torch.float64, generator=generator).to(dtype)
    sources = [x, *encoder.parameters()]
    gradients = torch.autograd.grad(
        (h * direction).sum(), sources, allow_unused=True, materialize_grads=True
    )
    return [h.detach(), *gradients]


def assert_agrees(kind, hidden, forest, without_operators):
    """In float64 to rounding; in float32 to that of the largest numbers that were summed."""
    exact = encoder_of(kind, hidden)
    expected = without_operators(states_and_gradients, exact, forest)
    found = states_and_gradients(exact, forest)
    rough = states_and_gradients(encoder_of(kind, hidden, torch.float32), forest)
    # Gradients of weights sum over all nodes, and may cancel.
    largest = max(gradient.abs().amax().item() for gradient in expected[1:])
    for one, other, single in zip(found, expected, rough, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10)
        scale = max(other.abs().amax().item(), largest / 10)
        torch.testing.assert_close(single.double(), other, rtol=0, atol=1e-5 * scale)


@pytest.mark.parametrize("lengths", [[1], [12] * 5, [3, 40, 1, 3, 17, 40, 2]], ids=str)
def test_chains_without_gradients_are_read_as_lstms(lengths, monkeypatch):
    def refuse(*_):
        raise AssertionError("the operator of trees computed it")

    batch = batch_of([chain(length, left=length % 2 == 0) for length in lengths])
    encoder, x = encoder_of("child sum", 9), words_of(batch)
    expected = encoder.encode(x, batch).detach()
    monkeypatch.setattr("structnn.fused.child_sum.apply", refuse)
    with torch.no_grad():
        assert_close(encoder.encode(x, batch), expected)
    with pytest.raises(AssertionError, match="of trees"):
        encoder.encode(x, batch)


def test_every_operator_is_tested():
    served = {
        f"{type(module).__module__}.{type(module).__qualname__}"
        for kind in ENCODERS
        for module in encoder_of(kind).modules()
        if isinstance(module, Cell)
    }
    assert served == set(OPERATORS)


@every_operator
def test_which_of_them_computes(kind, without_operators):
    encoder, batch = encoder_of(kind), batch_of([chain(3)])

    def behind():
        return functions_behind(encoder.encode(words_of(batch), batch))

    assert f"{ENCODERS[kind][2]}Backward" in behind()
    assert "_ScanBackward" not in behind()
    assert not {name for name in without_operators(behind) if "Fused" in name}


@every_operator
def test_a_cell_of_ones_own_has_no_operator(kind):
    """A subclass may compute something else."""
    encoder, batch = encoder_of(kind), batch_of([chain(3)])
    for module in encoder.modules():
        if isinstance(module, Cell):
            module.__class__ = type("Mine", (type(module),), {})
    functions = functions_behind(encoder.encode(words_of(batch), batch))
    assert not {name for name in functions if "Fused" in name}


@every_operator
@pytest.mark.parametrize("forest", FORESTS)
@pytest.mark.parametrize("hidden", [1, 7, 37])
def test_states_and_gradients(kind, hidden, forest, without_operators):
    assert_agrees(kind, hidden, FORESTS[forest], without_operators)


@every_operator
def test_random_trees(kind, without_operators):
    arity = arity_of(kind)

    @given(
        st.lists(trees(arity=arity), min_size=1, max_size=4)
        | st.lists(phrase_trees(arity=arity), min_size=1, max_size=3)
    )
    def check(forest):
        assert_agrees(kind, 5, forest, without_operators)

    check()


@pytest.mark.parametrize("kind", [kind for kind in ENCODERS if kind not in ("binary", "ternary")])
@pytest.mark.parametrize("hidden", [16, 150])
def test_many_children(kind, hidden, without_operators):
    assert_agrees(kind, hidden, STARS, without_operators)


@pytest.mark.slow
@every_operator
@pytest.mark.parametrize("switch", ["0", "1"])
def test_gradcheck(kind, switch, monkeypatch):
    monkeypatch.setenv(SWITCH, switch)
    generator = random.Random(3)
    batch = batch_of([random_tree(generator, size, 2) for size in (1, 5, 4)])
    encoder = encoder_of(kind, 2)
    sources = [words_of(batch), *encoder.parameters()]
    assert torch.autograd.gradcheck(lambda x, *_: encoder.encode(x, batch), sources)


@every_operator
@pytest.mark.parametrize("switch", ["0", "1"])
@pytest.mark.parametrize("frozen", range(4))
def test_what_is_frozen_gets_no_gradient(kind, switch, frozen, monkeypatch):
    monkeypatch.setenv(SWITCH, switch)
    encoder, batch = encoder_of(kind), batch_of(FORESTS["words here and there"][1:])
    sources = [words_of(batch), *encoder.parameters()]
    full = torch.autograd.grad(encoder.encode(sources[0], batch).square().sum(), sources)
    sources[frozen].requires_grad_(False)
    encoder.encode(sources[0], batch).square().sum().backward()
    for index, source in enumerate(sources):
        if index == frozen:
            assert source.grad is None
        else:
            assert_close(source.grad, full[index])


@pytest.mark.slow
@every_operator
@pytest.mark.parametrize("number", [2, 5])
@pytest.mark.parametrize("forest", ["sentences", "words at leaves"])
def test_the_number_of_threads_changes_nothing(kind, forest, number):
    """Nor is anything else from one time to the next."""
    encoder = encoder_of(kind, 20, torch.float32)
    with threads(1):
        alone = states_and_gradients(encoder, FORESTS[forest])
    with threads(number):
        for _ in range(3):
            again = states_and_gradients(encoder, FORESTS[forest])
            assert all(map(torch.equal, again, alone))


@every_operator
@pytest.mark.parametrize("forest", ["sentences", "words at leaves"])
def test_without_gradients_it_is_the_same(kind, forest):
    encoder, batch = encoder_of(kind), batch_of(FORESTS[forest])
    x = words_of(batch)
    expected = encoder.encode(x, batch)
    for mode in (torch.no_grad, torch.inference_mode):
        with mode():
            assert torch.equal(encoder.encode(x, batch), expected)


@every_operator
@pytest.mark.parametrize("switch", ["0", "1"])
def test_backward_can_be_repeated(kind, switch, monkeypatch):
    monkeypatch.setenv(SWITCH, switch)
    encoder, batch = encoder_of(kind), batch_of(FORESTS["sentences"])
    sources = [words_of(batch), *encoder.parameters()]
    total = encoder.encode(sources[0], batch).sum()
    first = torch.autograd.grad(total, sources, retain_graph=True)
    assert all(map(torch.equal, torch.autograd.grad(total, sources), first))


@every_operator
@pytest.mark.parametrize("switch", ["0", "1"])
def test_a_word_that_is_not_a_number(kind, switch, monkeypatch):
    """It reaches its ancestors alone, downwards every word of its sentence, never another sentence."""
    monkeypatch.setenv(SWITCH, switch)
    batch = batch_of([Tree([1, -1, 1]), Tree([-1])])
    x = words_of(batch).detach()
    x[0, 0] = torch.nan
    h = encoder_of(kind).encode(x, batch)
    reached = [True, True, kind == "downward", False]
    assert h.isnan().any(dim=1).tolist() == reached
    assert h[3].isfinite().all()


@every_operator
def test_notes(kind, without_operators):
    """Forget gates are noted of each node as a child: zeros at the roots, with and without operator."""
    encoder = encoder_of(kind)
    roots = []
    for forest in (FORESTS["sentences"], FORESTS["words at leaves"], FORESTS["one word each"]):
        batch = batch_of(forest)

        def noted(batch=batch):
            with noting() as notes:
                encoder.encode(words_of(batch), batch)
            return list(notes)

        found, expected = noted(), without_operators(noted)
        assert [(note.kind, note.layer) for note in found] == [("forget gates", 1)]
        assert [(note.kind, note.layer) for note in expected] == [("forget gates", 1)]
        assert_close(found[0].values, expected[0].values)
        is_root = batch.parents < 0
        assert not found[0].values[is_root].any()
        assert (found[0].values[~is_root] > 0).all()
        roots.append(int(is_root.sum()))
    assert roots == [60, 4, 5]


@every_operator
def test_weights_that_do_not_fit_are_told(kind):
    batch = batch_of([chain(3)])
    for name, _ in encoder_of(kind).named_parameters():
        if "relations" in name or "readout" in name:
            continue
        encoder = encoder_of(kind)
        weight = encoder.get_parameter(name)
        weight.data = weight.new_ones([size + 1 for size in weight.shape])
        with pytest.raises(RuntimeError):
            encoder.encode(words_of(batch), batch)


@every_operator
def test_too_few_words_are_told(kind):
    batch = batch_of([chain(11)])
    with pytest.raises((ValueError, RuntimeError, IndexError)):
        encoder_of(kind).encode(torch.randn(10, INPUT, dtype=torch.float64), batch)
