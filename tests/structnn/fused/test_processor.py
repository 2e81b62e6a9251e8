"""What the operators are compiled for, and that they compute the same however it is done."""

from __future__ import annotations

import random

import pytest
import torch

from structnn import ENCODERS, build_encoder
from structnn.fused import build, processor
from tests.structnn.examples import assert_equal_with_gradients, batch_of, random_tree
from tests.structnn.fused.test_operators import FORESTS, encoder_of, states_and_gradients

WITH_UNIT = [options for options in processor.features() if "-mamx-tile" in options]


@pytest.fixture
def load_anew():
    """Operators are loaded anew whenever it is called, and after the test."""
    build._load.cache_clear()
    yield build._load.cache_clear
    build._load.cache_clear()


@pytest.fixture
def by_vectors(monkeypatch, load_anew):
    """The operators without a matrix unit."""
    monkeypatch.setenv("ATEN_CPU_CAPABILITY", "avx512")


def test_pytorchs_variable_leaves_the_matrix_unit_out(by_vectors):
    assert not any("-mamx-tile" in options for options in processor.features())


@pytest.mark.skipif(not WITH_UNIT, reason="needs Intel AMX")
@pytest.mark.parametrize("kind", ["child sum", "binary", "downward"])
@pytest.mark.parametrize(("hidden", "times"), [(17, 1), (100, 1), (100, 2)])
def test_a_matrix_unit_is_as_precise_as_vectors(
    kind, hidden, times, by_vectors, load_anew, monkeypatch
):
    forest = FORESTS["sentences"] * times  # states of many nodes are multiplied by the unit, too
    exact = states_and_gradients(encoder_of(kind, hidden), forest)
    encoder = encoder_of(kind, hidden, torch.float32)

    def errors():
        computed = states_and_gradients(encoder, forest)
        return [
            float((one - other).abs().max() / other.abs().max())
            for one, other in zip(computed, exact, strict=True)
        ]

    vectors = errors()
    monkeypatch.delenv("ATEN_CPU_CAPABILITY")
    monkeypatch.setattr(processor, "features", lambda: WITH_UNIT)  # be it the fastest or not
    load_anew()
    unit = errors()
    assert unit != vectors
    assert all(one < 3 * other + 1e-6 for one, other in zip(unit, vectors, strict=True))


# A processor that has wider vectors can do without them.
@pytest.mark.skipif(not processor.features(), reason="needs AVX2")
@pytest.mark.parametrize("name", ENCODERS)
def test_every_encoder_by_narrow_vectors(name, load_anew, monkeypatch):
    torch.manual_seed(0)
    encoder = build_encoder(name, 9, 40).double().eval()
    generator = random.Random(0)
    batch = encoder.prepare(batch_of([random_tree(generator, size, 2) for size in (1, 30, 7, 12)]))
    x = torch.randn(batch.num_tokens, 9, dtype=torch.float64, requires_grad=True)
    with monkeypatch.context() as patch:
        patch.setenv(build.SWITCH, "0")
        expected = encoder(x, batch).sentence
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")
    load_anew()
    found = encoder(x, batch).sentence
    assert_equal_with_gradients(found, expected, {"x": x, **dict(encoder.named_parameters())})
    with torch.no_grad():
        torch.testing.assert_close(encoder(x, batch).sentence, expected)


@pytest.mark.parametrize("number", ["-inf", "inf", "-3.4e38", "3.4e38"])
@pytest.mark.parametrize(
    "name", ["lstm", "gru", "child_sum_tree_lstm", "nary_tree_lstm", "bidirectional_tree_lstm"]
)
def test_gates_are_open_or_closed_for_the_largest_numbers(name, number, monkeypatch):
    """A matrix unit multiplies parts of numbers: those of an infinity must not be its opposite."""
    torch.manual_seed(0)
    encoder = build_encoder(name, 40, 33).eval()
    generator = random.Random(0)
    batch = encoder.prepare(batch_of([random_tree(generator, size, 2) for size in (1, 30, 7, 40)]))
    x = torch.randn(batch.num_tokens, 40)
    x[[0, 5, 70], [0, 3, 39]] = float(number)
    for mode in (torch.no_grad, torch.enable_grad):
        with mode():
            found = encoder.encode(x, batch)
            with monkeypatch.context() as patch:
                patch.setenv(build.SWITCH, "0")
                expected = encoder.encode(x, batch)
        torch.testing.assert_close(found, expected)
        assert not found.isnan().any()
