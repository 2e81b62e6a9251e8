"""LSTMs and GRUs read as chains beside PyTorch's, which computes them otherwise."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence

from structnn import Batch, Sentence, build_encoder
from structnn.fused.build import SWITCH, load
from structnn.fused.chains import read_chains
from structnn.notes import noting
from tests.structnn.examples import threads

needs_operator = pytest.mark.skipif(
    load("child_sum") is None, reason="needs a C++ compiler and AVX2"
)
of_each_kind = pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU])

INPUT = 5
TOLERANCE = {torch.float64: 1e-12, torch.float32: 5e-6}
LENGTHS = ([1], [9], [4, 4, 4], [1, 3, 9, 1, 7, 3], [3] * 20 + [1] * 10)


def packing(lengths):
    batch = Batch.from_sentences([Sentence(["w"] * length) for length in lengths])
    return batch.packing


def by_pytorch(network, x, lengths):
    order, inverse, sizes = packing(lengths)
    return network(PackedSequence(x[order], sizes))[0].data[inverse]


def by_chains(network, x, lengths):
    order, _, sizes = packing(lengths)
    states = read_chains(network, x, order, sizes)
    assert states is not None
    return states


def gradients(states, network, x):
    weigh = torch.linspace(-1, 1, states.numel(), dtype=states.dtype).view_as(states)
    return torch.autograd.grad((states * weigh).sum(), [x, *network.parameters()])


@needs_operator
@of_each_kind
@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize(("layers", "bias"), [(1, True), (1, False), (3, True)])
# Less than a vector of the processor's, a whole one, and more.
@pytest.mark.parametrize("hidden", [1, 7, 16, 45])
def test_states_and_gradients_of_pytorch(kind, dtype, bidirectional, layers, bias, hidden):
    torch.manual_seed(hidden)
    network = kind(INPUT, hidden, layers, bias=bias, bidirectional=bidirectional, dtype=dtype)
    for lengths in LENGTHS:
        x = torch.randn(sum(lengths), INPUT, dtype=dtype, requires_grad=True)
        found, expected = (by(network, x, lengths) for by in (by_chains, by_pytorch))
        near = {"rtol": 0, "atol": TOLERANCE[dtype]}
        torch.testing.assert_close(found, expected, **near)
        with torch.no_grad():
            torch.testing.assert_close(by_chains(network, x, lengths), expected, **near)
        both = (gradients(states, network, x) for states in (found, expected))
        for one, other in zip(*both, strict=True):
            near["atol"] = TOLERANCE[dtype] * max(1.0, other.abs().max().item())
            torch.testing.assert_close(one, other, **near)


@needs_operator
@of_each_kind
def test_more_words_than_are_taken_at_a_time(kind):
    network = kind(INPUT, 20, bidirectional=True, dtype=torch.float64)
    lengths = [7] * 150 + [2] * 100
    x = torch.randn(sum(lengths), INPUT, dtype=torch.float64, requires_grad=True)
    found, expected = (by(network, x, lengths) for by in (by_chains, by_pytorch))
    torch.testing.assert_close(found, expected)
    both = (gradients(states, network, x) for states in (found, expected))
    for one, other in zip(*both, strict=True):
        torch.testing.assert_close(one, other)
    with torch.no_grad():
        torch.testing.assert_close(by_chains(network, x, lengths), expected)


@needs_operator
@of_each_kind
def test_several_threads(kind):
    network, lengths = kind(INPUT, 20, bidirectional=True), [7] * 60 + [2] * 40
    x = torch.randn(sum(lengths), INPUT)
    alone = by_chains(network, x, lengths)
    with threads(3):
        torch.testing.assert_close(by_chains(network, x, lengths), alone)


@needs_operator
@of_each_kind
def test_dropout_between_layers_in_training_alone(kind):
    network = kind(INPUT, 8, num_layers=2, dropout=0.5)
    x, lengths = torch.randn(6, INPUT), [4, 2]
    network.eval()
    torch.testing.assert_close(by_chains(network, x, lengths), by_pytorch(network, x, lengths))
    network.train()
    one, other = (by_chains(network, x, lengths) for _ in range(2))
    assert not torch.equal(one, other)


def test_what_pytorch_computes(monkeypatch):
    x, (order, _, sizes) = torch.randn(3, INPUT), packing([2, 1])

    def computes(network, x):
        return read_chains(network, x, order, sizes) is not None

    plain = nn.LSTM(INPUT, 4)
    assert computes(plain, x) == (load("child_sum") is not None)
    assert not computes(nn.LSTM(INPUT, 4, proj_size=2), x)
    assert not computes(nn.RNN(INPUT, 4), x)
    assert not computes(plain, x.double())
    assert not computes(plain.half(), x.half())
    plain.float()
    with noting():
        assert not computes(plain, x)
    monkeypatch.setenv(SWITCH, "0")
    assert not computes(plain, x)


@needs_operator
@pytest.mark.parametrize("name", ["lstm", "bilstm", "self_attentive", "gru", "bigru"])
def test_encoders_read_chains(name, monkeypatch):
    encoder = build_encoder(name, INPUT, 6)
    batch = Batch.from_sentences([Sentence(["w"] * length) for length in (3, 1, 5)])
    x = torch.randn(9, INPUT)
    monkeypatch.setattr(encoder.network, "forward", lambda *_: pytest.fail("PyTorch computed it"))
    states = encoder(x, batch).tokens
    with torch.autocast("cpu", dtype=torch.bfloat16):
        # As the Tree-LSTMs, in full precision.
        assert torch.equal(encoder(x, batch).tokens, states)
    monkeypatch.undo()
    monkeypatch.setenv(SWITCH, "0")
    torch.testing.assert_close(encoder(x, batch).tokens, states)
