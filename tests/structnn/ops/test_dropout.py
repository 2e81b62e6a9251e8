from __future__ import annotations

import pytest
import torch

from structnn.fused.build import SWITCH, load
from structnn.ops.dropout import Dropout
from tests.structnn.examples import threads


@pytest.fixture(params=["the operator", "PyTorch"], autouse=True)
def way(request, monkeypatch):
    """Each test by the operator and without it."""
    if request.param == "PyTorch":
        monkeypatch.setenv(SWITCH, "0")
    elif load("dropout") is None:
        pytest.skip("needs a C++ compiler and AVX2")


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_drops_each_number_with_this_probability_and_scales_the_rest(p, dtype):
    torch.manual_seed(0)
    x = torch.ones(400, 501, dtype=dtype)
    y = Dropout(p)(x)
    assert y.dtype == dtype
    deviation = (p * (1 - p) / x.numel()) ** 0.5
    assert abs((y == 0).double().mean().item() - p) < 4 * deviation
    # Neighbours, and the four numbers of one draw, are independent.
    dropped = (y == 0).double()
    for distance in (1, 2, 3, 4):
        both = (dropped[:, distance:] * dropped[:, :-distance]).mean().item()
        assert abs(both - p * p) < 6 * deviation
    kept = y[y != 0]
    assert bool((kept == kept[0]).all())
    assert kept[0].item() == pytest.approx(
        1 / (1 - p), rel=1e-2 if dtype == torch.bfloat16 else 1e-4
    )


def test_gradients_are_masked_alike():
    x = torch.randn(7, 5, requires_grad=True)
    y = Dropout(0.3)(x)
    y.sum().backward()
    torch.testing.assert_close(x.grad * x.detach(), y.detach())


def test_gradients_of_gradients():
    x = torch.randn(7, 5, dtype=torch.float64, requires_grad=True)

    def squared(x):
        torch.manual_seed(1)
        return Dropout(0.4)(x).square()

    assert torch.autograd.gradcheck(squared, x)
    assert torch.autograd.gradgradcheck(squared, x)


def test_threads_draw_the_same():
    def dropped():
        torch.manual_seed(1)
        return Dropout(0.4)(torch.ones(50_001))

    alone = dropped()
    with threads(3):
        assert torch.equal(dropped(), alone)


def test_rows_of_draws_are_independent():
    """Far apart numbers, whose draws differ in the row alone."""
    torch.manual_seed(0)
    dropped = (Dropout(0.5)(torch.ones(8, 1 << 14)) == 0).double()
    agreement = (dropped[:-1] == dropped[1:]).double().mean(dim=1)
    assert ((agreement - 0.5).abs() < 5 * 0.5 / 128).all()


def test_does_nothing_in_evaluation_and_where_there_is_nothing():
    x = torch.randn(4, 3)
    assert Dropout(0.5).eval()(x) is x
    assert torch.equal(Dropout(0.0)(x), x)
    assert torch.equal(Dropout(1.0)(x), torch.zeros_like(x))
    assert Dropout(0.5)(x[:0]).shape == (0, 3)


def test_one_seed_gives_one_mask():
    x = torch.ones(5, 9)
    torch.manual_seed(1)
    first = Dropout(0.5)(x)
    second = Dropout(0.5)(x)
    torch.manual_seed(1)
    assert torch.equal(Dropout(0.5)(x), first)
    assert not torch.equal(first, second)


def test_takes_any_shape_and_stride():
    x = torch.ones(6, 4, 2).transpose(0, 2)
    y = Dropout(0.25)(x)
    assert y.shape == x.shape
    torch.testing.assert_close(y[y != 0], torch.full_like(y[y != 0], 4 / 3))


@pytest.mark.parametrize("p", [-0.1, 1.1, float("nan")])
def test_a_rate_that_is_none_is_told(p):
    with pytest.raises(ValueError, match=f"dropout must be from 0 to 1, but is {p}"):
        Dropout(p)
