"""Convolutions over windows in C++ beside PyTorch's."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from structnn import Batch, Sentence, build_encoder
from structnn.encoders.sequence.cnn import Windows, rows_apart
from structnn.fused import windows
from structnn.fused.build import SWITCH, load
from structnn.fused.windows import read_windows
from tests.structnn.examples import threads

needs_operator = pytest.mark.skipif(load("windows") is None, reason="needs a C++ compiler and AVX2")

INPUT = 5
TOLERANCE = {torch.float64: 1e-12, torch.float32: 2e-5}
# One word, as many as a window or fewer, and more words than are taken at a time.
LENGTHS = ([1], [9], [2, 1, 6, 3], [3] * 60 + [1] * 30)
WIDTHS = ([1], [2], [3, 4, 5], [7, 1])


def batch_of(lengths):
    return Batch.from_sentences([Sentence(["w"] * length) for length in lengths])


def both_ways(layer, x, lengths, widths, monkeypatch):
    """The operator's values and gradients, and PyTorch's."""
    rows, size = rows_apart(batch_of(lengths), (max(widths) - 1) // 2 + 1, 1)
    results = []
    for switch in ("1", "0"):
        monkeypatch.setenv(SWITCH, switch)
        values = layer(x, rows, size)
        weigh = torch.linspace(-1, 1, values.numel(), dtype=x.dtype).view_as(values)
        wanted = [x, *layer.parameters()]
        results.append([values, *torch.autograd.grad((values * weigh).sum(), wanted)])
    return zip(*results, strict=True)


@needs_operator
@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("widths", WIDTHS, ids=str)
# Less than a vector of the processor's, a whole one, more, and more than one panel.
@pytest.mark.parametrize("maps", [1, 7, 16, 45, 100])
def test_values_and_gradients_of_pytorch(dtype, widths, maps, monkeypatch):
    torch.manual_seed(maps)
    layer = Windows(INPUT, maps, widths, 1, 1).to(dtype)
    for lengths in LENGTHS:
        x = torch.randn(sum(lengths), INPUT, dtype=dtype, requires_grad=True)
        for found, expected in both_ways(layer, x, lengths, widths, monkeypatch):
            near = TOLERANCE[dtype] * max(1.0, expected.abs().max().item())
            torch.testing.assert_close(found, expected, rtol=0, atol=near)


@needs_operator
def test_words_as_wide_as_several_vectors(monkeypatch):
    layer = Windows(70, 20, [3, 4], 1, 1).double()
    x = torch.randn(14, 70, dtype=torch.float64, requires_grad=True)
    for found, expected in both_ways(layer, x, [9, 1, 4], [3, 4], monkeypatch):
        torch.testing.assert_close(found, expected)


@needs_operator
def test_gradients_of_words_or_of_weights_alone():
    layer = Windows(INPUT, 4, [3], 1, 1)
    rows, size = rows_apart(batch_of([2, 3]), 2, 1)
    x = torch.randn(5, INPUT, requires_grad=True)
    every = torch.autograd.grad(layer(x, rows, size).sum(), [x, *layer.parameters()])
    weights = torch.autograd.grad(layer(x.detach(), rows, size).sum(), [*layer.parameters()])
    words = torch.autograd.grad(layer.requires_grad_(False)(x, rows, size).sum(), [x])
    for one, other in zip(every, [*words, *weights], strict=True):
        assert torch.equal(one, other)


@needs_operator
def test_several_threads(monkeypatch):
    layer, lengths = Windows(INPUT, 20, [3, 5], 1, 1), [7] * 60 + [2] * 40
    rows, size = rows_apart(batch_of(lengths), 3, 1)
    x = torch.randn(sum(lengths), INPUT, requires_grad=True)

    def compute():
        values = layer(x, rows, size)
        return [values, *torch.autograd.grad(values.square().sum(), [x, *layer.parameters()])]

    alone = compute()
    with threads(3):
        for one, other in zip(compute(), alone, strict=True):
            torch.testing.assert_close(one, other)


@needs_operator
def test_nan_stays_nan():
    layer = Windows(INPUT, 4, [3], 1, 1)
    rows, size = rows_apart(batch_of([2, 3]), 2, 1)
    x = torch.zeros(5, INPUT)
    x[0, 0] = torch.nan
    # Two words see the first one, and no word of the other sentence does.
    assert layer(x, rows, size).isnan().any(dim=1).tolist() == [True, True, False, False, False]


def test_what_pytorch_computes(monkeypatch):
    rows, size = rows_apart(batch_of([2, 1]), 2, 1)
    x = torch.randn(3, INPUT)

    def computes(convolution, x):
        return read_windows([convolution], x, rows, size) is not None

    plain = nn.Conv1d(INPUT, 4, 3)
    assert computes(plain, x) == (load("windows") is not None)
    for options in ({"bias": False}, {"stride": 2}, {"dilation": 2}):
        assert not computes(nn.Conv1d(INPUT, 4, 3, **options), x)
    assert not computes(nn.Linear(INPUT, 4), x)
    assert not computes(plain, x.double())
    assert not computes(nn.Conv1d(INPUT, 4, 3).half(), x.half())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert not computes(plain, x)
    monkeypatch.setenv(SWITCH, "0")
    assert not computes(plain, x)


@needs_operator
@pytest.mark.parametrize(
    ("options", "by_operator"),
    [
        ({}, True),
        ({"layers": 2, "k_max": 2}, True),
        ({"dilation": 2}, False),
        ({"stride": 2}, False),
    ],
)
def test_encoders(options, by_operator, monkeypatch):
    calls = []
    monkeypatch.setattr(
        windows, "_call", lambda *given, f=windows._call, **more: calls.append(f(*given, **more))
    )
    encoder = build_encoder("cnn", INPUT, 6, **options)
    batch, x = batch_of([3, 1, 5]), torch.randn(9, INPUT)
    states = encoder(x, batch).tokens
    assert bool(calls) == by_operator
    monkeypatch.setenv(SWITCH, "0")
    torch.testing.assert_close(encoder(x, batch).tokens, states)
