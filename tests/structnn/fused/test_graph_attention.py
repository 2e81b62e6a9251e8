"""The operator of the attending graph encoders beside PyG's layers: the same, and always the same."""

from __future__ import annotations

import random

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from structnn import build_encoder
from structnn.data.graph import Adjacency
from structnn.fused.build import SWITCH
from structnn.fused.graph_attention import attend, can_attend
from structnn.notes import noting
from tests.structnn.examples import (
    assert_close,
    assert_equal_with_gradients,
    batch_of,
    chain,
    phrase_trees,
    random_tree,
    threads,
    trees,
)

pytestmark = pytest.mark.skipif(
    not can_attend(torch.zeros(1)), reason="needs a C++ compiler and AVX2"
)

NAMES = ("gat", "gatv2", "graph_transformer")
every_layer = pytest.mark.parametrize("name", NAMES)


@pytest.fixture
def without_operator(monkeypatch):
    """A function that computes something on PyG's layers."""

    def computed(function):
        with monkeypatch.context() as patch:
            patch.setenv(SWITCH, "0")
            return function()

    return computed


def encoder_of(name, hidden=12, dtype=torch.float64, **options):
    torch.manual_seed(0)
    encoder = build_encoder(name, 3, hidden, **options).to(dtype)
    for parameter in encoder.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return encoder.eval()


@pytest.mark.slow
@every_layer
@pytest.mark.parametrize(
    "options",
    [
        {"heads": 1},
        {"heads": 3, "relations": 38, "neighbours": True},
        {
            "heads": 2,
            "hidden": 74,
            "relations": 0,
            "hops": 3,
        },  # wider than a vector, and no multiple
    ],
    ids=str,
)
def test_equal_to_pyg(name, options, without_operator):
    encoder = encoder_of(name, **options)

    @given(
        st.lists(trees(9), min_size=1, max_size=3)
        | st.lists(phrase_trees(4), min_size=1, max_size=2)
    )
    def check(forest):
        batch = batch_of(forest)
        x = torch.randn(batch.num_tokens, 3, dtype=torch.float64, requires_grad=True)
        expected = without_operator(lambda: encoder.encode(x, batch))
        sources = {"x": x}
        for parameter_name, parameter in encoder.named_parameters():
            sources[parameter_name] = parameter
        assert_equal_with_gradients(encoder.encode(x, batch), expected, sources)

    check()


@every_layer
def test_single_precision(name, without_operator):
    encoder = encoder_of(name, 64, torch.float32)
    batch = batch_of([chain(30), random_tree(random.Random(0), 50)])
    x = torch.randn(80, 3)
    expected = without_operator(lambda: encoder(x, batch).tokens)
    torch.testing.assert_close(encoder(x, batch).tokens, expected, rtol=1e-4, atol=1e-4)


@every_layer
def test_attention_is_noted_in_the_order_of_the_edges(name, without_operator):
    encoder = encoder_of(name)
    batch = batch_of([chain(4), random_tree(random.Random(1), 7)])
    x = torch.randn(11, 3, dtype=torch.float64)

    def noted():
        with noting() as notes:
            encoder(x, batch)
        return notes

    found, expected = noted(), without_operator(noted)
    assert [(n.kind, n.layer) for n in found] == [(n.kind, n.layer) for n in expected]
    for one, other in zip(found, expected, strict=True):
        assert_close(one.values, other.values, repr(one))
        assert torch.equal(one.edges, other.edges)


def attending(layer, edges, nodes, numbers, heads, dim):
    """The operator with random tensors: a function of those that learn, and these."""
    adjacency, numbers = Adjacency.of(edges, nodes), torch.tensor(numbers)
    kinds = int(numbers.max()) + 1
    shapes = {
        "gat": {
            "value": (nodes, dim),
            "edge": (kinds, heads),
            "attention": (2, dim),
            "bias": (dim,),
        },
        "gatv2": {
            "query": (nodes, dim),
            "value": (nodes, dim),
            "edge": (kinds, dim),
            "attention": (dim,),
            "bias": (dim,),
        },
        "transformer": {
            **dict.fromkeys(("query", "key", "value"), (nodes, dim)),
            "edge": (kinds, dim),
        },
    }[layer]
    given = {name: torch.randn(shape, dtype=torch.float64) for name, shape in shapes.items()}

    def call(*tensors):
        named = {"query": None, "key": None, **dict(zip(given, tensors, strict=True))}
        return attend(layer, **named, numbers=numbers, adjacency=adjacency, heads=heads, slope=0.2)

    return call, [tensor.requires_grad_() for tensor in given.values()]


every_operator = pytest.mark.parametrize("layer", ["gat", "gatv2", "transformer"])


@every_operator
def test_gradcheck(layer):
    edges = torch.tensor([[0, 1, 2, 0, 1, 2, 1], [0, 1, 2, 1, 2, 1, 1]])  # one twice, a node alone
    call, given = attending(layer, edges, 4, [0, 0, 0, 1, 1, 2, 1], 2, 6)
    assert torch.autograd.gradcheck(lambda *tensors: call(*tensors)[0], given)


@every_operator
def test_the_same_every_time_and_on_any_number_of_threads(layer):
    generator = torch.Generator().manual_seed(0)
    edges = torch.randint(300, (2, 2000), generator=generator)
    call, given = attending(layer, edges, 300, [edge % 5 for edge in range(2000)], 3, 30)
    results = []
    for number in (1, 1, 2, 3):
        with threads(number):
            out, weights = call(*given)
            results.append([out, weights, *torch.autograd.grad(out.sin().sum(), given)])
    for other in results[1:]:
        assert all(map(torch.equal, results[0], other))


def test_where_the_operator_stands_back(monkeypatch):
    assert can_attend(torch.zeros(1))
    assert can_attend(torch.zeros(1, dtype=torch.float64))
    assert not can_attend(torch.zeros(1, dtype=torch.bfloat16))
    assert not can_attend(torch.zeros(1, device="meta"))
    with torch.autocast("cpu", torch.bfloat16):
        assert not can_attend(torch.zeros(1))
    monkeypatch.setenv(SWITCH, "0")
    assert not can_attend(torch.zeros(1))
