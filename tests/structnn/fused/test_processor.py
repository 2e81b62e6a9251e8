"""What the operators are compiled for, and that they compute the same however it is done."""

from __future__ import annotations

import pytest
import torch

from structnn.fused import build, processor
from tests.structnn.fused.test_operators import FORESTS, encoder_of, states_and_gradients


@pytest.fixture
def by_vectors(monkeypatch):
    """The operators without a matrix unit."""
    build._load.cache_clear()
    monkeypatch.setenv("ATEN_CPU_CAPABILITY", "avx512")
    yield
    build._load.cache_clear()


def test_pytorchs_variable_leaves_the_matrix_unit_out(by_vectors):
    assert not any("-mamx-tile" in options for options in processor.features())


@pytest.mark.skipif(len(processor.features()) < 2, reason="needs Intel AMX")
@pytest.mark.parametrize("kind", ["child sum", "binary", "downward"])
@pytest.mark.parametrize("hidden", [17, 100])
def test_a_matrix_unit_is_as_precise_as_vectors(kind, hidden, by_vectors, monkeypatch):
    exact = states_and_gradients(encoder_of(kind, hidden), FORESTS["sentences"])
    encoder = encoder_of(kind, hidden, torch.float32)

    def errors():
        computed = states_and_gradients(encoder, FORESTS["sentences"])
        return [
            float((one - other).abs().max() / other.abs().max())
            for one, other in zip(computed, exact, strict=True)
        ]

    vectors = errors()
    monkeypatch.delenv("ATEN_CPU_CAPABILITY")
    build._load.cache_clear()
    unit = errors()
    assert unit != vectors
    assert all(one < 3 * other + 1e-6 for one, other in zip(unit, vectors, strict=True))
