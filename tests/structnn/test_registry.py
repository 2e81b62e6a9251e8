from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from torch import nn

from structnn import ENCODERS, Encoder, UnknownNameError, build_encoder, register_encoder
from structnn.registry import Registry


class Mine(Encoder):
    """An encoder of one's own."""

    def __init__(self, input_dim, hidden_dim, *, bias=True, readout="mean"):
        super().__init__(input_dim, hidden_dim, readout=readout)
        self.layer = nn.Linear(input_dim, hidden_dim, bias=bias)

    def encode(self, x, batch):
        return self.layer(x)


def test_an_encoder_of_ones_own():
    register_encoder("mine", Mine)
    try:
        encoder = build_encoder("mine>lstm", 3, 4)
        assert encoder.output_dim == 4
        assert build_encoder("mine", 3, 4, bias=False).layer.bias is None
        with pytest.raises(UnknownNameError, match=r"'bais' \(did you mean 'bias'\?\)"):
            build_encoder("mine", 3, 4, bais=False)
    finally:
        del ENCODERS._entries["mine"]


def test_presets_are_not_options():
    assert "bidirectional" not in ENCODERS.options("bilstm")
    with pytest.raises(UnknownNameError, match="no option 'bidirectional'"):
        build_encoder("bilstm", 3, 4, bidirectional=False)


def test_names_are_identifiers():
    with pytest.raises(ValueError, match="letters, digits and '_'"):
        Registry("thing").add("a>b", nn.Linear)


@pytest.mark.slow
def test_heavy_libraries_load_when_they_are_needed():
    program = """
import sys
import structnn
structnn.build_encoder("child_sum_tree_lstm", 3, 4)
assert "torch_geometric" not in sys.modules and "transformers" not in sys.modules
for name in ("gat", "gatv2", "graph_transformer", "syntactic_gcn", "rgcn", "ggnn"):
    structnn.build_encoder(name, 3, 4)
assert "torch_geometric" not in sys.modules
structnn.build_encoder("gcn", 3, 4)
assert "torch_geometric" in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_options_of_a_chain_go_to_the_last():
    encoder = build_encoder("lstm>gat", 3, 4, heads=2)
    assert encoder.output_dim == 4
    with pytest.raises(UnknownNameError, match="'gat' has no option 'bidirectional'"):
        build_encoder("lstm>gat", 3, 4, bidirectional=True)
    assert torch.is_tensor(next(encoder.parameters()))


def test_options_within_a_chain():
    encoder = build_encoder("bilstm(layers=2) > gat(heads=2, readout='mean+max')", 3, 4, layers=1)
    first, last = encoder.encoders
    assert first.network.num_layers == 2
    assert (len(last.layers), last.layers[0].convolution.heads, last.sentence_dim) == (1, 2, 8)
    assert build_encoder("cnn(widths=(1, 2))", 3, 4).output_dim == 8
    with pytest.raises(UnknownNameError, match="'lstm' has no option 'heads'"):
        build_encoder("lstm(heads=2)>gat", 3, 4)


@pytest.mark.parametrize(
    "name",
    [
        *("bi-lstm", "lstm>", "", "lstm(2)", "lstm>=gat", "a.b", "lstm+gat", "lstm>gat+gcn"),
        *("bag#/../../x", "bag # a comment", "gat(#\nheads=4)", "gat(\nheads=4)", "bilstm\\\n>gat"),
        *(
            "\uff47\uff41\uff54",
            "gat(\uff48eads=4)",
            "gat\0",
            "gat\ud800",
            "gat(heads=4, heads=8)",
            "gat(**{'heads': 4})",
        ),
        *(
            "gat(heads=" + "9" * 5000 + ")",
            "gat(heads=" + "[" * 3000 + ")",
            "(" * 300 + "gat" + ")" * 300,
        ),
        *("lstm(" * 3000, "(" * 9999 + "lstm" + ")" * 9999, "lstm(layers=" + "-" * 100_000 + "1)"),
    ],
    ids=lambda name: name[:20],
)
def test_unreadable_names_are_told(name):
    with pytest.raises(
        UnknownNameError, match=r"can't read the encoder .*there are: .*bilstm"
    ) as told:
        build_encoder(name, 3, 4)
    assert len(str(told.value)) < 2000


def test_readouts_without_end_are_told():
    for count in (1001, 3000, 100_000):
        with pytest.raises(UnknownNameError, match=r"can't read the readout|more than 1,000"):
            build_encoder("gat", 3, 4, readout="+".join(["mean"] * count))
    assert build_encoder("gat", 3, 4, readout="+".join(["mean"] * 100)).sentence_dim == 400


@pytest.mark.parametrize(
    ("spelling", "canonical"),
    [
        (" gat( heads = 4) ", "gat(heads=4)"),
        ("gat()", "gat"),
        ('gat(readout="max",heads=0x4)', "gat(heads=4,readout='max')"),
        ("bilstm (layers=2)>gat", "bilstm(layers=2)>gat"),
        ("cnn(widths=(1,  2))", "cnn(widths=(1, 2))"),
        ("mine(name=' a#b ')", "mine(name=' a#b ')"),
    ],
)
def test_one_encoder_has_one_canonical_name(spelling, canonical):
    assert ENCODERS.canonical(spelling, ">") == canonical
    assert ENCODERS.canonical(canonical, ">") == canonical


def test_a_name_is_of_one_class():
    registry = Registry("thing")
    registry.add("mine", "torch.nn:Linear")
    registry.add("mine", "torch.nn:Linear")
    with pytest.raises(
        ValueError, match=r"there is already a thing 'mine', which is torch.nn:Linear"
    ):
        registry.add("mine", Mine)
    with pytest.raises(ValueError, match=r"already an encoder 'gat'.*Mine a name of its own"):
        register_encoder("gat", Mine)
    with pytest.raises(ValueError, match="letters, digits"):
        registry.add("\uff4dine", Mine)


@pytest.mark.parametrize(
    ("name", "options"),
    [("lstm", {"layers": 10**9}), ("gat(layers=1001)", {}), ("bag(layers=1000000)", {})],
)
def test_depths_have_bounds(name, options):
    with pytest.raises(ValueError, match="layers must be at most 1,000"):
        build_encoder(name, 3, 4, **options)


def test_a_registry_is_a_read_only_mapping():
    assert "gat" in ENCODERS
    assert "gta" not in ENCODERS
    assert len(ENCODERS) == len(list(ENCODERS)) == 32
    assert list(ENCODERS) == sorted(ENCODERS) == ENCODERS.names()
    cls, preset = ENCODERS["bilstm"]
    assert (cls.__name__, dict(preset)) == ("LSTM", {"bidirectional": True})
    assert ENCODERS.get("gta") is None
    with pytest.raises(KeyError, match=r"unknown encoder 'gta' .did you mean 'gat'"):
        ENCODERS["gta"]
    with pytest.raises(TypeError):
        ENCODERS["mine"] = Mine
    assert repr(ENCODERS).startswith("Registry('encoder': attentive_tree_lstm, bag, ")
