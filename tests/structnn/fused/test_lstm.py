"""The LSTM for inference beside ``torch.nn.LSTM``, whose place it takes."""

from __future__ import annotations

import re

import pytest
import torch
from torch import nn
from torch.nn.utils import prune
from torch.nn.utils.rnn import PackedSequence, pack_sequence

from structnn.fused import lstm as operator
from structnn.fused.build import SWITCH, load
from structnn.fused.lstm import InferenceLSTM, replace_lstms
from tests.structnn.examples import threads

needs_operator = pytest.mark.skipif(load("lstm") is None, reason="needs a C++ compiler and AVX2")

TOLERANCE = {torch.float64: 1e-12, torch.float32: 2e-6}
INPUT = 5


def pair(hidden, dtype=torch.float64, **options):
    """An LSTM and what takes its place."""
    torch.manual_seed(hidden)
    plain = nn.LSTM(INPUT, hidden, dtype=dtype, **options).eval()
    return plain, InferenceLSTM(plain)


def packed(lengths, dtype=torch.float64):
    return pack_sequence([torch.randn(length, INPUT, dtype=dtype) for length in lengths])


def assert_same(found, expected, dtype=torch.float64):
    (states, last), (their_states, their_last) = found, expected
    assert torch.equal(states.batch_sizes, their_states.batch_sizes)
    for one, other in zip((states.data, *last), (their_states.data, *their_last), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=TOLERANCE[dtype])


@pytest.fixture
def alone(monkeypatch):
    """PyTorch's own LSTM answers nothing."""

    def refuse(*_):
        raise AssertionError("PyTorch computed it")

    def refused(module):
        monkeypatch.setattr(module.lstm, "forward", refuse)

    return refused


# The last ones are more words than are multiplied at a time.
LENGTHS = ([1], [9], [4, 4, 4], [9, 7, 3, 3, 1], [3] * 20 + [1] * 10, [50] * 30 + [2] * 10)


@needs_operator
@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("bidirectional", [False, True])
# Less than a vector of the processor's, a whole one, and more.
@pytest.mark.parametrize("hidden", [1, 7, 16, 45])
@torch.inference_mode()
def test_equal_to_pytorch(dtype, bidirectional, hidden):
    plain, fused = pair(hidden, dtype, bidirectional=bidirectional, num_layers=2)
    for lengths in LENGTHS:
        words = packed(lengths, dtype)
        assert fused._computes(words)
        assert_same(fused(words), plain(words), dtype)
        shape = (4 if bidirectional else 2, len(lengths), hidden)
        start = (torch.randn(shape, dtype=dtype), torch.randn(shape, dtype=dtype))
        before = [part.clone() for part in start]
        assert_same(fused(words, start), plain(words, start), dtype)
        assert all(map(torch.equal, before, start)), "what it was given is not changed"


@needs_operator
@torch.inference_mode()
def test_several_threads():
    _, fused = pair(20, bidirectional=True)
    for lengths in LENGTHS:
        words = packed(lengths)
        expected = fused(words)
        with threads(3):
            assert_same(fused(words), expected)


@needs_operator
@torch.no_grad()
def test_a_state_by_hand(alone):
    """All weights are zero but one: i, f and o are 1/2, g is tanh of the word."""
    plain = nn.LSTM(1, 1, dtype=torch.float64).eval()
    for parameter in plain.parameters():
        parameter.zero_()
    plain.weight_ih_l0[2] = 1.0  # of g, the third gate
    fused = InferenceLSTM(plain)
    alone(fused)
    words = pack_sequence([torch.tensor([[1.0], [0.0]], dtype=torch.float64)])
    states, (h, c) = fused(words)
    cells = (
        torch.tensor([0.5, 0.25], dtype=torch.float64)
        * torch.tensor(1.0, dtype=torch.float64).tanh()
    )
    torch.testing.assert_close(states.data.flatten(), cells.tanh() / 2, rtol=0, atol=1e-15)
    torch.testing.assert_close(
        torch.stack([h.flatten(), c.flatten()]).flatten(),
        torch.stack([cells[1].tanh() / 2, cells[1]]),
        rtol=0,
        atol=1e-15,
    )


@needs_operator
@torch.no_grad()
def test_without_words_or_biases(alone):
    plain, fused = pair(4, bias=False, bidirectional=True)
    words = packed([3, 1])
    assert_same(fused(words), plain(words))
    alone(fused)
    nothing = PackedSequence(torch.empty(0, INPUT, dtype=torch.float64), torch.empty(0).long())
    states, (h, c) = fused(nothing)
    assert states.data.shape == (0, 8)
    assert h.shape == c.shape == (2, 0, 4)


@needs_operator
def test_when_pytorch_computes(monkeypatch):
    plain, fused = pair(4)
    words = packed([3, 2])
    assert not fused._computes(words), "gradients may be wanted"
    states, _ = fused(words)
    assert states.data.requires_grad
    with torch.no_grad():
        assert fused._computes(words)
        assert not fused._computes(packed([3, 2], torch.float32)), "other numbers"
        unsorted = pack_sequence([words.data[:1], words.data[:3]], enforce_sorted=False)
        assert not fused._computes(unsorted)
        assert_same(fused(unsorted), plain(unsorted))
        assert not fused.train()._computes(words), "there may be dropout"
        fused.eval()
        with torch.autocast("cpu"):
            assert not fused._computes(words)
        monkeypatch.setenv(SWITCH, "0")
        assert not fused._computes(words), "it is switched off"
        assert_same(fused(words), plain(words))


@needs_operator
@torch.no_grad()
def test_what_does_not_fit():
    _, fused = pair(4)
    for shape in ((2, INPUT + 1), (3, INPUT)):
        words = torch.zeros(shape, dtype=torch.float64)
        with pytest.raises(ValueError, match=re.escape(f"(2, {INPUT}), but got {shape}")):
            fused(PackedSequence(words, torch.tensor([2])))
    zeros = torch.zeros(1, 3, 4, dtype=torch.float64)
    with pytest.raises(RuntimeError, match="hidden"):
        fused(packed([2, 1]), (zeros, zeros))
    with pytest.raises(ValueError, match="projections"):
        InferenceLSTM(nn.LSTM(INPUT, 4, proj_size=2))


def test_where_there_is_no_operator(monkeypatch):
    monkeypatch.setattr(operator, "load", lambda *_: None)
    plain, fused = pair(4, bidirectional=True)
    words = packed([3, 2])
    with torch.no_grad():
        assert_same(fused(words), plain(words))
    network = nn.Sequential(nn.LSTM(2, 3))
    replace_lstms(network)
    assert type(network[0]) is nn.LSTM


@needs_operator
def test_pruned_lstms_are_replaced():
    torch.manual_seed(0)
    holder = nn.ModuleDict({"reader": nn.LSTM(INPUT, 9, dtype=torch.float64)}).eval()
    plain = holder["reader"]
    prune.l1_unstructured(plain, "weight_ih_l0", amount=0.5)
    words = packed((4, 2))
    expected = plain(words)
    replace_lstms(holder)
    assert isinstance(holder["reader"], InferenceLSTM)
    with torch.no_grad():
        assert_same(holder["reader"](words), expected)


@needs_operator
def test_lstms_are_replaced():
    network = nn.ModuleDict(
        {
            "own": nn.LSTM(2, 3),
            "within": nn.Sequential(nn.Linear(2, 2), nn.LSTM(2, 3, bidirectional=True)),
            "projected": nn.LSTM(2, 3, proj_size=1),
            "gru": nn.GRU(2, 3),
            "elsewhere": nn.LSTM(2, 3, device="meta"),
        }
    ).eval()
    replace_lstms(network)
    replace_lstms(network)  # nothing is left to replace
    assert type(network["own"]) is InferenceLSTM
    assert type(network["own"].lstm) is nn.LSTM
    assert type(network["within"][1]) is InferenceLSTM
    assert not network["own"].training
    for name, kind in (("projected", nn.LSTM), ("gru", nn.GRU), ("elsewhere", nn.LSTM)):
        assert type(network[name]) is kind
