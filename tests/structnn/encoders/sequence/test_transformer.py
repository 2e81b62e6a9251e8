from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from structnn import Batch, Sentence, build_encoder
from structnn.encoders.attention import rotate, sinusoids
from structnn.notes import noting
from tests.structnn.examples import assert_close, assert_computes, chain

INPUT, HIDDEN = 3, 8


def encoder_of(**options):
    torch.manual_seed(0)
    encoder = build_encoder("transformer", INPUT, HIDDEN, heads=2, **options).double()
    for name, parameter in encoder.named_parameters():
        if "norm" not in name:
            nn.init.normal_(parameter, std=0.3)
    return encoder


def torch_layer(layer, pre_norm):
    """PyTorch's own layer, and our weights under its names."""
    own = nn.TransformerEncoderLayer(
        HIDDEN, 2, 2 * HIDDEN, dropout=0.0, batch_first=True, norm_first=pre_norm
    ).double()
    names = {
        "attention.inputs.weight": "self_attn.in_proj_weight",
        "attention.inputs.bias": "self_attn.in_proj_bias",
        "attention.output.weight": "self_attn.out_proj.weight",
        "attention.output.bias": "self_attn.out_proj.bias",
        "perceptron.0.weight": "linear1.weight",
        "perceptron.0.bias": "linear1.bias",
        "perceptron.3.weight": "linear2.weight",
        "perceptron.3.bias": "linear2.bias",
        "norms.0.weight": "norm1.weight",
        "norms.0.bias": "norm1.bias",
        "norms.1.weight": "norm2.weight",
        "norms.1.bias": "norm2.bias",
    }
    return own, {names[name]: value for name, value in layer.named_parameters()}


@pytest.mark.parametrize("norm", ["pre", "post"])
@pytest.mark.parametrize("positions", ["sinusoidal", "learned", "none"])
@pytest.mark.parametrize("causal", [False, True])
def test_torch(norm, positions, causal):
    """The states are those of torch's layers, called for each sentence by itself."""
    encoder = encoder_of(norm=norm, positions=positions, causal=causal)

    def reference(encoder, x, tree):
        h = encoder.projection(x)
        if positions == "sinusoidal":
            h = h + sinusoids(len(x), HIDDEN, h)
        elif positions == "learned":
            h = h + encoder.places.weight[: len(x)]
        for layer in encoder.layers:
            own, weights = torch_layer(layer, norm == "pre")
            mask = torch.ones(len(x), len(x)).triu(1).bool() if causal else None
            h = torch.func.functional_call(own, weights, (h[None], mask))[0]
        return encoder.norm(h)

    @given(st.lists(st.integers(1, 6), min_size=1, max_size=3))
    def check(lengths):
        assert_computes(encoder, reference, [chain(length) for length in lengths])

    check()


def test_sinusoids():
    found = sinusoids(5, 6, torch.zeros(1, dtype=torch.float64))
    for place in range(5):
        for pair in range(3):
            angle = torch.tensor(place / 10_000 ** (pair / 3), dtype=torch.float64)
            assert_close(found[place, pair], angle.sin())
            assert_close(found[place, 3 + pair], angle.cos())


def test_rotary_positions_are_relative():
    """Complex numbers, turned; and the product of two depends on their distance alone."""
    x = torch.randn(7, 6, dtype=torch.float64)
    found = rotate(x)
    rates = 10_000.0 ** (-torch.arange(3, dtype=torch.float64) / 3)
    turn = torch.polar(
        torch.ones(7, 3, dtype=torch.float64),
        torch.arange(7, dtype=torch.float64)[:, None] * rates,
    )
    turned = torch.complex(x[:, :3], x[:, 3:]) * turn
    assert_close(found, torch.cat([turned.real, turned.imag], dim=1))
    same = rotate(x[:1].expand(7, 6))
    assert_close(same[2] @ same[5], same[0] @ same[3])


def turned(x):
    """Each pair of columns as a complex number, turned by its position times its rate."""
    half = x.shape[1] // 2
    rows = []
    for place, row in enumerate(x):
        rates = 10_000.0 ** (-torch.arange(half, dtype=torch.float64) / half)
        turn = torch.polar(torch.ones(half, dtype=torch.float64), place * rates)
        number = torch.complex(row[:half], row[half:]) * turn
        rows.append(torch.cat([number.real, number.imag]))
    return torch.stack(rows)


def written_out(encoder, x, tree):
    """All states, the one before the first word (if there is one) included."""
    h = encoder.projection(x)
    if encoder.cls is not None:
        h = torch.cat([encoder.cls[None], h])
    if encoder.positions == "sinusoidal":
        h = h + sinusoids(len(h), HIDDEN, h)
    elif encoder.positions == "learned":
        h = h + encoder.places.weight[: len(h)]
    for layer in encoder.layers:
        first, second = layer.norms

        def attend(h, layer=layer):
            heads = []
            parts = layer.attention.inputs(h).chunk(3, dim=1)
            for q, k, v in zip(*(part.chunk(2, dim=1) for part in parts), strict=True):
                if encoder.positions == "rotary":
                    q, k = turned(q), turned(k)
                scores = torch.stack([k @ query for query in q]) / (HIDDEN // 2) ** 0.5
                heads.append(torch.stack([row.softmax(0) @ v for row in scores]))
            return layer.attention.output(torch.cat(heads, dim=1))

        if layer.pre_norm:
            h = h + attend(first(h))
            h = h + layer.perceptron(second(h))
        else:
            h = first(h + attend(h))
            h = second(h + layer.perceptron(h))
    return encoder.norm(h)


lengths_lists = st.lists(st.integers(1, 5), min_size=1, max_size=2)


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_rotary_attention_written_out(norm):
    encoder = encoder_of(positions="rotary", norm=norm)

    @given(lengths_lists)
    def check(lengths):
        assert_computes(encoder, written_out, [chain(length) for length in lengths])

    check()


@pytest.mark.parametrize("readout", ["cls+mean", "mean+cls", "cls()"])
def test_cls_is_taken_alone(readout):
    with pytest.raises(ValueError, match="'cls' beside others or with options: it is taken alone"):
        encoder_of(readout=readout)


@pytest.mark.slow
@pytest.mark.parametrize("norm", ["pre", "post"])
@pytest.mark.parametrize("positions", ["sinusoidal", "learned", "rotary", "none"])
def test_cls_written_out(norm, positions):
    """The learned vector is in the first place; words see it, and it is the sentence's state."""
    encoder = encoder_of(readout="cls", positions=positions, norm=norm)

    @given(lengths_lists)
    def check(lengths):
        trees = [chain(length) for length in lengths]
        assert_computes(encoder, lambda *given: written_out(*given)[1:], trees)
        assert_computes(encoder, lambda *given: written_out(*given)[0], trees, sentence=True)

    check()


def test_attention_is_noted():
    encoder = encoder_of().eval()
    batch = Batch.from_sentences([Sentence(["w"] * 3), Sentence(["w"])])
    with noting() as notes:
        encoder(torch.randn(4, INPUT, dtype=torch.float64), batch)
    assert [(note.kind, note.layer) for note in notes] == [("attention", 1), ("attention", 2)]
    weights = notes.of("attention")
    assert weights.shape == (2, 2, 3, 3)
    assert_close(weights.sum(3), torch.ones(2, 2, 3, dtype=torch.float64))
    assert not weights[1, :, :, 1:].any()


def test_impossible_options_are_told():
    with pytest.raises(ValueError, match=r"hidden_dim \(8\) must be a multiple of heads \(3\)"):
        build_encoder("transformer", INPUT, 8, heads=3)
    with pytest.raises(ValueError, match=r"even width of each head.*8 / 8 = 1"):
        build_encoder("transformer", INPUT, 8, heads=8, positions="rotary")
    with pytest.raises(ValueError, match="norm must be 'pre' or 'post'"):
        encoder_of(norm="no")
    with pytest.raises(ValueError, match=r"positions must be 'sinusoidal', .* or 'none'"):
        encoder_of(positions="absolute")
