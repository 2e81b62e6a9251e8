from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from structnn.ops.segments import (
    Padding,
    segment_max,
    segment_mean,
    segment_of,
    segment_softmax,
    segment_spread,
    segment_sum,
)

lengths_lists = st.lists(st.integers(1, 5), min_size=1, max_size=6)


def rows_of(lengths):
    x = torch.randn(sum(lengths), 3, dtype=torch.float64, requires_grad=True)
    return x, torch.tensor([0, *lengths]).cumsum(0)


@given(lengths_lists)
def test_reductions(lengths):
    x, ptr = rows_of(lengths)
    pieces = x.split(lengths)
    for found, expected in [
        (segment_sum(x, ptr), [piece.sum(0) for piece in pieces]),
        (segment_mean(x, ptr), [piece.mean(0) for piece in pieces]),
        (segment_max(x, ptr), [piece.max(0).values for piece in pieces]),
    ]:
        expected = torch.stack(expected)
        torch.testing.assert_close(found, expected)
        direction = torch.randn_like(expected)
        one, other = (
            torch.autograd.grad((value * direction).sum(), x, retain_graph=True)[0]
            for value in (found, expected)
        )
        torch.testing.assert_close(one, other)


@given(lengths_lists)
def test_softmax(lengths):
    x, ptr = rows_of(lengths)
    found = segment_softmax(x * 300, ptr, segment_of(ptr, len(x)))
    expected = torch.cat([(piece * 300).softmax(0) for piece in x.split(lengths)])
    torch.testing.assert_close(found, expected)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=6))
def test_empty_segments_sum_to_zero(lengths):
    x, ptr = rows_of(lengths)
    expected = torch.stack([piece.sum(0) for piece in x.split(lengths)])
    torch.testing.assert_close(segment_sum(x, ptr), expected)


@given(lengths_lists)
def test_padding(lengths):
    x, ptr = rows_of(lengths)
    padding = Padding(ptr, len(x), max(lengths))
    padded = padding.pad(x)
    assert torch.equal(padded, torch.nn.utils.rnn.pad_sequence(x.split(lengths), batch_first=True))
    assert torch.equal(padding.unpad(padded), x)
    assert padding.mask.sum(1).tolist() == lengths


def test_gradcheck():
    x, ptr = rows_of([2, 1, 4])
    segment = segment_of(ptr, len(x))
    assert torch.autograd.gradcheck(lambda x: segment_sum(x, ptr), x)
    assert torch.autograd.gradcheck(lambda x: segment_softmax(x, ptr, segment), x)


def test_spread_is_the_reverse_of_sum():
    ptr = torch.tensor([0, 2, 2, 5])
    segment = segment_of(ptr, 5)
    x = torch.randn(3, 2, dtype=torch.float64, requires_grad=True)
    assert torch.equal(segment_spread(x, ptr, segment), x[[0, 0, 2, 2, 2]])
    assert torch.autograd.gradcheck(lambda x: segment_spread(x, ptr, segment), x)


def test_rows_of_no_width():
    x, ptr = torch.randn(5, 0, requires_grad=True), torch.tensor([0, 2, 5])
    for reduce in (segment_sum, segment_mean, segment_max):
        reduced = reduce(x, ptr)
        assert reduced.shape == (2, 0)
        reduced.sum().backward()
        assert x.grad.shape == x.shape
    spread = segment_spread(torch.randn(2, 0, requires_grad=True), ptr, segment_of(ptr, 5))
    spread.sum().backward()
    assert spread.shape == (5, 0)
