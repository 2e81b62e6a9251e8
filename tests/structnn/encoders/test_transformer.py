from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from structnn import Batch, Sentence, build_encoder
from structnn.encoders.attention import rotate, sinusoids
from structnn.explain import noting
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
def test_torch(norm, positions):
    """The states are those of torch's layers, called for each sentence by itself."""
    encoder = encoder_of(norm=norm, positions=positions)

    def reference(encoder, x, tree):
        h = encoder.projection(x)
        if positions == "sinusoidal":
            h = h + sinusoids(len(x), HIDDEN, h)
        elif positions == "learned":
            h = h + encoder.places.weight[: len(x)]
        for layer in encoder.layers:
            own, weights = torch_layer(layer, norm == "pre")
            h = torch.func.functional_call(own, weights, (h[None],))[0]
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


def test_rotary_attention_written_out():
    encoder = encoder_of(positions="rotary", layers=1).eval()
    x = torch.randn(5, INPUT, dtype=torch.float64)
    h = encoder.projection(x)
    layer = encoder.layers[0]
    q, k, v = layer.attention.inputs(layer.norms[0](h)).chunk(3, dim=1)
    heads = []
    for head in range(2):
        columns = slice(4 * head, 4 * head + 4)
        scores = rotate(q[:, columns]) @ rotate(k[:, columns]).t() / 2
        heads.append(scores.softmax(1) @ v[:, columns])
    h = h + layer.attention.output(torch.cat(heads, dim=1))
    h = h + layer.perceptron(layer.norms[1](h))
    batch = Batch.from_sentences([Sentence(["w"] * 5)])
    assert_close(encoder(x, batch).tokens, encoder.norm(h))


def test_cls_is_a_word_before_the_first():
    encoder = encoder_of(readout="cls", positions="none").eval()
    plain = encoder_of(positions="none").eval()
    plain.load_state_dict(
        {name: value for name, value in encoder.state_dict().items() if name != "cls"}
    )
    x = torch.randn(3, INPUT, dtype=torch.float64)
    plain.projection = encoder.projection = nn.Linear(INPUT, HIDDEN, bias=False).double()
    word = torch.linalg.lstsq(encoder.projection.weight, encoder.cls[:, None]).solution[:, 0]
    encoder.cls.data = encoder.projection(word)  # now it is the image of some word
    found = encoder(x, Batch.from_sentences([Sentence(["w"] * 3)]))
    expected = plain(torch.cat([word[None], x]), Batch.from_sentences([Sentence(["w"] * 4)]))
    assert_close(found.sentence[0], expected.tokens[0])
    assert_close(found.tokens, expected.tokens[1:])


def test_attention_is_noted():
    encoder = encoder_of().eval()
    batch = Batch.from_sentences([Sentence(["w"] * 3), Sentence(["w"])])
    with noting() as notes:
        encoder(torch.randn(4, INPUT, dtype=torch.float64), batch)
    assert list(notes) == ["attention", "attention 2"]
    weights = notes["attention"]
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
    with pytest.raises(ValueError, match="positions must be one of"):
        encoder_of(positions="absolute")
