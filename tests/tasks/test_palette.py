"""Each encoder has one colour, that of its family."""

from __future__ import annotations

import pytest

from structnn import Encoder, UnknownNameError, register_encoder
from structnn.encoders import ENCODERS
from tasks.palette import FAMILIES, colour_of
from tasks.results.records import KINDS, EncoderDescription


def test_families_are_the_kinds_of_encoders() -> None:
    assert tuple(FAMILIES) == KINDS
    colours = [colour for family in FAMILIES.values() for colour in family]
    assert len(set(colours)) == len(colours)


@pytest.mark.parametrize("name", ENCODERS)
def test_the_colour_says_what_an_encoder_reads(name: str) -> None:
    kind = EncoderDescription(reads=ENCODERS[name].cls.reads).kind
    assert colour_of(name) in FAMILIES[kind]


def test_first_colours_are_for_usual_encoders() -> None:
    usual = ("bag", "lstm", "child_sum_tree_lstm", "gat")
    assert [colour_of(name) for name in usual] == [
        FAMILIES[kind][0] for kind in ("words alone", "sequence", "tree", "graph")
    ]
    together = ("lstm", "bilstm", "rnn", "transformer", "gru", "cnn")
    assert len({colour_of(name) for name in together}) == len(together)


def test_options_do_not_change_the_colour_and_chains_have_their_own() -> None:
    assert colour_of("bilstm(readout='max')") == colour_of("bilstm")
    assert colour_of("bilstm>gat(heads=2)") in FAMILIES["combined"]
    assert colour_of("cnn>lstm") in FAMILIES["sequence"]
    with pytest.raises(UnknownNameError, match="unknown encoder"):
        colour_of("nonsense")


def test_an_encoder_of_a_plugin_has_a_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    class Mine(Encoder):
        reads = frozenset({"graph"})

    monkeypatch.setattr(ENCODERS, "_entries", dict(ENCODERS._entries))
    register_encoder("mine", Mine)
    assert colour_of("mine") in FAMILIES["graph"]
    assert colour_of("mine") == colour_of("mine")
