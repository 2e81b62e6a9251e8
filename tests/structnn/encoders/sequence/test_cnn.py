from __future__ import annotations

import math
from fractions import Fraction

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from structnn import Batch, Sentence, build_encoder
from tests.structnn.examples import assert_close, assert_computes, chain

INPUT, HIDDEN = 3, 2


def encoder_of(**options):
    torch.manual_seed(0)
    return build_encoder("cnn", INPUT, HIDDEN, **options).double()


def reference(encoder, x, tree, *, dilation=1, stride=1):
    size = len(x)
    for depth, layer in enumerate(encoder.layers, start=1):
        rows = []
        for t in range(size):
            centre = t // stride * stride
            maps = []
            for convolution in layer.convolutions:
                width = convolution.kernel_size[0]
                first = centre - dilation * (width - 1) // 2
                total = convolution.bias
                for place in range(width):
                    word = first + place * dilation
                    if 0 <= word < size:
                        total = total + convolution.weight[:, :, place] @ x[word]
                maps.append(total.relu())
            rows.append(torch.cat(maps))
        x = torch.stack(rows)
        if encoder.k_max:
            layers = len(encoder.layers)
            kept = max(encoder.k_max, math.ceil(Fraction(layers - depth, layers) * size))
            mask = torch.zeros_like(x)
            for column in range(x.shape[1]):
                values = x[:, column].tolist()
                for t in sorted(range(size), key=lambda t: -values[t])[:kept]:
                    mask[t, column] = 1
            x = x * mask
    return x


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"widths": (1, 2, 4), "dilation": 3},
        {"stride": 2, "layers": 2},
        {"k_max": 2, "layers": 3, "widths": (3,)},
        {"k_max": 1, "widths": (2, 3), "dilation": 2, "stride": 3},
    ],
    ids=str,
)
def test_windows_written_out(options):
    encoder = encoder_of(**options)
    plain = {key: options[key] for key in ("dilation", "stride") if key in options}

    @given(st.lists(st.integers(1, 9), min_size=1, max_size=3))
    def check(lengths):
        trees = [chain(length) for length in lengths]
        assert_computes(encoder, lambda *arguments: reference(*arguments, **plain), trees)

    check()


def test_one_layer_of_k_max_pooling_is_that_of_the_paper():
    """Survivors stay at their words, and the readout closes ranks."""
    encoder = encoder_of(k_max=2, readout="k_max(k=2)", widths=(3,))
    plain = encoder_of(readout="k_max(k=2)", widths=(3,))
    batch = Batch.from_sentences([Sentence(["w"] * length) for length in (6, 1, 3)])
    x = torch.randn(10, INPUT, dtype=torch.float64)
    assert_close(encoder(x, batch).sentence, plain(x, batch).sentence)


def test_k_max_pooling_keeps_what_the_formula_says_where_fractions_are_rounded():
    """9/14 of 42 are 27; in floating point they are a little more, which would be 28."""
    encoder = encoder_of(k_max=2, layers=14)
    for length in (42, 84, 98, 3):
        kept = [max(2, math.ceil(Fraction(14 - depth, 14) * length)) for depth in range(1, 15)]
        found = [encoder._kept(torch.tensor([length]), depth).tolist() for depth in range(1, 15)]
        assert found == [[number] for number in kept]


def test_impossible_options_are_told():
    for option in ("layers", "dilation", "stride"):
        with pytest.raises(ValueError, match=f"{option} must be at least 1, but is 0"):
            encoder_of(**{option: 0})
    with pytest.raises(ValueError, match="widths must be at least 1"):
        encoder_of(widths=(3, 0))
