from __future__ import annotations

from pathlib import Path

import pytest

from structnn import ENCODERS, READOUTS
from structnn.catalogue import catalogue, describe, options

PAGE = Path(__file__).parents[2] / "docs" / "encoders.md"


def test_the_page_is_in_step_with_the_classes():
    assert PAGE.read_text(encoding="utf-8") == catalogue(), (
        "run: python -m structnn.catalogue docs/encoders.md"
    )


@pytest.mark.parametrize("name", ENCODERS.names())
def test_every_encoder_says_what_it_is(name):
    assert len(describe(ENCODERS, name)) > 20
    found = options(ENCODERS, name)
    assert set(found) == {"input_dim", "hidden_dim", *ENCODERS.options(name)}
    assert all(text for text in found.values())


@pytest.mark.parametrize("name", READOUTS.names())
def test_every_readout_says_what_it_is(name):
    assert len(describe(READOUTS, name)) > 15
