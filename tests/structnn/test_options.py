from __future__ import annotations

import copy
import pickle
from typing import Any, Literal

import pytest
import torch

from structnn import ENCODERS, READOUTS, Encoder, build_encoder, build_readout
from structnn.options import (
    Count,
    LabelCount,
    Probability,
    Range,
    Size,
    Sizes,
    options_of,
)


class Base(Encoder):
    """What others hand on to.

    Args:
        input_dim: Width of the input.
        layers: Number of layers,
            each after the other.
        shape: Which.
    """

    def __init__(
        self,
        input_dim: int,
        hidden_dim: int,
        *,
        layers: Size = 2,
        shape: Literal["round", "square"] = "round",
        readout: str = "mean",
    ) -> None:
        super().__init__(input_dim, hidden_dim, readout=readout)


class Mine(Base):
    """Mine.

    Args:
        dropout: Dropout rate.
        widths: Widths.
        relations: Labels.
        extra: Anything.
    """

    def __init__(
        self,
        input_dim: int,
        hidden_dim: int,
        *,
        dropout: Probability = 0.5,
        widths: Sizes = (1, 2),
        relations: LabelCount = 0,
        extra: object = None,
        flag: bool = False,
        skip: Count = 0,
        shape: Literal["square", "flat"] = "square",
        **options: Any,
    ) -> None:
        super().__init__(input_dim, hidden_dim, **options)


def test_the_table_is_read_from_the_signature():
    table = options_of(Mine)
    names = [
        "dropout",
        "widths",
        "relations",
        "extra",
        "flag",
        "skip",
        "shape",
        "layers",
        "readout",
    ]
    assert list(table) == names
    assert table["layers"].description == "Number of layers, each after the other."
    assert table["layers"].range == Range(1, 1_000_000)
    assert table["shape"].choices == ("square", "flat")  # the subclass has the last word
    assert [name for name, option in table.items() if option.counts_labels] == ["relations"]
    assert table["extra"].type is None
    assert list(options_of(Base)) == ["layers", "shape", "readout"]


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("layers", 0, "layers must be at least 1, but is 0"),
        ("layers", 10**9, "layers must be at most 1,000,000, but is 1000000000"),
        ("layers", 1.0, "layers takes a whole number such as 2, but got 1.0"),
        ("layers", True, "layers takes a whole number such as 2, but got True"),
        ("dropout", 1.5, "dropout must be from 0 to 1, but is 1.5"),
        ("dropout", float("nan"), "dropout must be from 0 to 1, but is nan"),
        ("dropout", "0.5", "dropout takes a number such as 0.5, but got '0.5'"),
        ("widths", (), "widths must be at least one number"),
        ("widths", (3, 0), "widths must be at least 1, but is 0"),
        ("widths", 3, "widths takes several values such as (1, 2), but got 3"),
        ("widths", "34", "widths takes several values such as (1, 2), but got '34'"),
        ("flag", 1, "flag takes True or False such as False, but got 1"),
        ("skip", -1, "skip must be at least 0, but is -1"),
        ("shape", "round", "shape must be 'square' or 'flat', but is 'round'"),
        ("readout", 3, "readout takes a string such as 'mean', but got 3"),
    ],
)
def test_what_is_not_accepted_is_told(option, value, message):
    with pytest.raises(ValueError) as error:  # noqa: PT011 (the whole message is compared)
        Mine(3, 4, **{option: value})
    assert message in str(error.value)


@pytest.mark.parametrize(
    "options",
    [{"dropout": 0}, {"dropout": 1}, {"widths": [1]}, {"extra": object()}, {"layers": 1_000_000}],
)
def test_what_is_accepted(options):
    assert Mine(3, 4, **options).extra_repr().startswith("3, 4, dropout=")


def test_every_default_is_accepted_by_its_own_table():
    for registry in (ENCODERS, READOUTS):
        for name in registry:
            for option in registry.options(name).values():
                option.check(option.default)
                assert option.type is not None, (name, option)


def test_a_repr_tells_dimensions_and_options():
    assert repr(build_readout("k_max(k=2)", 4)) == "KMaxReadout(4, backward_dim=0, k=2)"
    text = repr(build_encoder("lstm>gat", 3, 4, heads=2, readout="mean+max"))
    assert "LSTM(\n      3, 4, bidirectional=False, layers=1, dropout=0.0, readout='last'" in text
    assert "heads=2, relations=0, activation='elu', layers=2" in text


def test_copies_and_pickles_keep_their_options():
    encoder = build_encoder("cnn(widths=(1, 2))", 3, 4)
    for other in (copy.deepcopy(encoder), pickle.loads(pickle.dumps(encoder))):
        assert other.extra_repr() == encoder.extra_repr()
        for one, two in zip(encoder.parameters(), other.parameters(), strict=True):
            assert torch.equal(one, two)
