"""Attention within sentences in C++ beside PyTorch's."""

from __future__ import annotations

import pytest
import torch

from structnn import Batch, Sentence, Tree, build_encoder
from structnn.fused import attention
from structnn.fused.attention import attend
from structnn.fused.build import SWITCH, load
from structnn.notes import noting
from tests.structnn.examples import threads

needs_operator = pytest.mark.skipif(
    load("attention") is None, reason="needs a C++ compiler and AVX2"
)

TOLERANCE = {torch.float64: 1e-12, torch.float32: 2e-5}
# One row, a whole vector of the processor's, and more rows than are taken at a time.
LENGTHS = ([1], [16], [3, 1, 17, 9], [200, 2])
KINDS = 4


def ptr_of(lengths):
    return torch.tensor([0, *lengths]).cumsum(0)


def kinds_of(lengths):
    """Any, some of them not seen, but each row sees itself."""
    longest = max(lengths)
    kinds = torch.randint(-1, KINDS, (len(lengths), longest, longest), dtype=torch.int32)
    return kinds.masked_fill(torch.eye(longest, dtype=torch.bool), 0)


def by_loops(inputs, heads, ptr, causal=False, kinds=None, bias=None):
    """Sentence by sentence, head by head."""
    states = []
    for sentence, (begin, end) in enumerate(zip(ptr[:-1].tolist(), ptr[1:].tolist(), strict=True)):
        length = end - begin
        queries, keys, values = inputs[begin:end].chunk(3, dim=1)
        parts = []
        for head, (q, k, v) in enumerate(
            zip(*(part.chunk(heads, dim=1) for part in (queries, keys, values)), strict=True)
        ):
            scores = q @ k.t() / q.shape[1] ** 0.5
            seen = torch.ones(length, length, dtype=torch.bool)
            if kinds is not None:
                own = kinds[sentence, :length, :length].long()
                scores, seen = scores + bias[own.clamp(min=0), head], own >= 0
            if causal:
                seen = seen.tril()
            parts.append(scores.masked_fill(~seen, -torch.inf).softmax(dim=1) @ v)
        states.append(torch.cat(parts, dim=1))
    return torch.cat(states)


def compare(lengths, heads, width, dtype, causal, with_kinds):
    torch.manual_seed(width)
    learnt = [torch.randn(sum(lengths), 3 * heads * width, dtype=dtype, requires_grad=True)]
    options = {"causal": causal}
    if with_kinds:
        learnt.append(torch.randn(KINDS, heads, dtype=dtype, requires_grad=True))
        options |= {"kinds": kinds_of(lengths), "bias": learnt[1]}
    ptr, results = ptr_of(lengths), []
    for way in (attend, by_loops):
        states = way(learnt[0], heads, ptr, **options)
        weigh = torch.linspace(-1, 1, states.numel(), dtype=dtype).view_as(states)
        results.append([states, *torch.autograd.grad((states * weigh).sum(), learnt)])
    for found, expected in zip(*results, strict=True):
        near = TOLERANCE[dtype] * max(1.0, expected.abs().max().item())
        torch.testing.assert_close(found, expected, rtol=0, atol=near)


@needs_operator
@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("with_kinds", [False, True])
@pytest.mark.parametrize("causal", [False, True])
# Less than a vector, a whole one, and more than one panel.
@pytest.mark.parametrize(("heads", "width"), [(1, 1), (3, 5), (2, 16), (1, 70)])
def test_states_and_gradients(dtype, with_kinds, causal, heads, width):
    for lengths in LENGTHS:
        compare(lengths, heads, width, dtype, causal, with_kinds)


@needs_operator
def test_large_scores():
    inputs = 100 * torch.randn(6, 12)
    ptr = ptr_of([4, 2])
    torch.testing.assert_close(attend(inputs, 2, ptr), by_loops(inputs, 2, ptr))


@needs_operator
def test_nan_stays_in_its_sentence():
    inputs = torch.randn(6, 12)
    inputs[0, 5] = torch.nan
    states = attend(inputs, 2, ptr_of([4, 2]))
    assert states[:4].isnan().any()
    assert not states[4:].isnan().any()


def weights_of(lengths, rate, seed):
    """The weights behind dropout, ``(rows, longest)``: the values are the unit vectors."""
    torch.manual_seed(seed)
    longest = max(lengths)
    units = torch.cat([torch.eye(longest, dtype=torch.float64)[:length] for length in lengths])
    inputs = torch.cat([torch.zeros(len(units), 2 * longest, dtype=torch.float64), units], dim=1)
    return attend(inputs, 1, ptr_of(lengths), dropout=rate)


@needs_operator
def test_dropout():
    lengths, rate = [40] * 50, 0.3
    weights = weights_of(lengths, rate, seed=1)
    kept = weights > 0
    torch.testing.assert_close(weights[kept], torch.full_like(weights[kept], 1 / 40 / (1 - rate)))
    share = kept.double()
    # 80,000 draws: five standard deviations; and those of rows and of columns.
    assert share.mean().item() == pytest.approx(
        1 - rate, abs=5 * (rate * (1 - rate) / 80_000) ** 0.5
    )
    for dim in (0, 1):
        means = share.mean(dim=dim)
        deviation = (rate * (1 - rate) / share.shape[dim]) ** 0.5
        assert (means - (1 - rate)).abs().max() < 5 * deviation
        assert means.std().item() == pytest.approx(deviation, rel=0.4)
    # No two rows, and no two seeds, drop the same.
    assert len(kept.unique(dim=0)) == len(kept)
    assert torch.equal(weights_of(lengths, rate, seed=1), weights)
    other = weights_of(lengths, rate, seed=2) > 0
    assert (kept == other).double().mean().item() == pytest.approx(0.7**2 + 0.3**2, abs=0.01)


@needs_operator
@pytest.mark.parametrize("lengths", [[5, 3], [200]])
def test_gradients_with_dropout(lengths):
    inputs = torch.randn(sum(lengths), 12, dtype=torch.float64, requires_grad=True)
    bias = torch.randn(KINDS, 2, dtype=torch.float64, requires_grad=True)
    kinds = kinds_of(lengths)

    def states(inputs, bias):
        torch.manual_seed(3)
        return attend(inputs, 2, ptr_of(lengths), kinds=kinds, bias=bias, dropout=0.5)

    assert torch.autograd.gradcheck(states, (inputs, bias), fast_mode=True)


@needs_operator
def test_several_threads():
    torch.manual_seed(0)
    lengths = [7] * 30 + [2] * 20
    inputs = torch.randn(sum(lengths), 24, requires_grad=True)
    bias = torch.randn(KINDS, 2, requires_grad=True)
    kinds = kinds_of(lengths)

    def compute():
        torch.manual_seed(1)
        states = attend(inputs, 2, ptr_of(lengths), kinds=kinds, bias=bias, dropout=0.1)
        return [states, *torch.autograd.grad(states.square().sum(), [inputs, bias])]

    alone = compute()
    with threads(3):
        for one, other in zip(compute(), alone, strict=True):
            assert torch.equal(one, other)


def test_what_pytorch_computes(monkeypatch):
    inputs, ptr = torch.randn(3, 12), ptr_of([2, 1])

    def computes(inputs, **options):
        return attend(inputs, 2, ptr, **options) is not None

    assert computes(inputs) == (load("attention") is not None)
    assert not computes(inputs.half())
    assert not computes(inputs, dropout=1.0)
    monkeypatch.setenv(SWITCH, "0")
    assert not computes(inputs)


@needs_operator
@pytest.mark.parametrize(
    ("name", "options", "by_operator"),
    [
        ("transformer", {}, True),
        ("transformer", {"causal": True, "norm": "post", "positions": "learned"}, True),
        ("transformer", {"readout": "cls"}, True),
        ("transformer", {"positions": "rotary"}, False),
        ("tree_transformer", {}, True),
        ("tree_transformer", {"ancestors_only": True, "max_distance": 2}, True),
    ],
)
def test_encoders(name, options, by_operator, monkeypatch):
    calls = []
    call = attention._call
    monkeypatch.setattr(attention, "_call", lambda *given: calls.append(call(*given)))
    encoder = build_encoder(name, 5, 8, **options).eval()
    heads = ([-1, 0, 1, 1], [-1], [1, 2, -1, 2, 3, 4])
    batch = Batch.from_sentences([Sentence(["w"] * len(h), Tree(h)) for h in heads])
    x = torch.randn(11, 5)
    states = encoder(x, batch).tokens
    assert bool(calls) == by_operator
    with noting() as notes:
        torch.testing.assert_close(encoder(x, batch).tokens, states)
    assert notes.of("attention").shape == (3, 4, *[6 + (options.get("readout") == "cls")] * 2)
    monkeypatch.setenv(SWITCH, "0")
    torch.testing.assert_close(encoder(x, batch).tokens, states)
