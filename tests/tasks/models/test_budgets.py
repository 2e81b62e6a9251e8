"""Widths that give encoders equal numbers of parameters."""

from __future__ import annotations

import pytest

from structnn import ENCODERS
from tasks.models.budgets import TOLERANCE, match_width, outline


@pytest.mark.parametrize("encoder", [*ENCODERS.names(), "bilstm>gcn", "gat(heads=3)"])
def test_widths_give_equal_parameters(encoder):
    wanted = 1_000_000
    width = match_width(encoder, 100, wanted, {})
    count = sum(p.numel() for p in outline(encoder, 100, width, {}).parameters())
    assert abs(count - wanted) <= TOLERANCE * wanted


def test_widths_that_can_not_be_matched_are_told():
    with pytest.raises(ValueError, match="nearest are"):
        match_width("rntn", 300, 7_000, {})
    with pytest.raises(ValueError, match="must be a multiple"):
        match_width("gat", 300, 100_000, {"heads": 1000})
