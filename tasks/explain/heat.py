"""Attention as a heat map: every head of every layer, over the words."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from tasks.explain.explanation import ExplainedText

__all__ = ["LEGIBLE", "HeatRow", "heat_rows", "rounded"]

LEGIBLE = 60
"""Words of a sentence: the weights of more are shown as a picture, without numbers."""
INK = (46, 139, 214)  # a blue that can be seen on light and on dark pages


@dataclass(frozen=True)
class HeatRow:
    """The attention of one head, or a mean over heads.

    Attributes:
        name: Which layer, and which head.
        weights: ``(tokens, tokens)``: the weight that the word of each row gives to that of each column.
        received: How much attention each word gets, as a share of all of it.
        image: The weights as a picture, a pixel each; as an address that holds its data.
    """

    name: str
    weights: Tensor
    received: tuple[float, ...]
    image: str


def heat_rows(text: ExplainedText) -> list[HeatRow]:
    """A row for each head of each layer, and for the means, that of all first."""
    layers = text.attention
    kinds = {layer.name.rpartition(", layer ")[0] for layer in layers}
    found: list[tuple[str, Tensor]] = []
    for layer in layers:
        # Where all layers are of one kind, its name need not be repeated in each row.
        name = layer.name if len(kinds) > 1 else "layer " + layer.name.rpartition(", layer ")[2]
        heads = len(layer.weights)
        found += [
            (f"{name}, head {number}", weights)
            for number, weights in enumerate(layer.weights, start=1)
            if heads > 1
        ]
        found.append((f"{name}, mean" if heads > 1 else name, layer.weights.mean(0)))
    if len(layers) > 1:
        means = torch.stack([layer.weights.mean(0) for layer in layers]).mean(0)
        found.insert(0, ("mean of all layers", means))
    elif len(found) > 1:
        found.insert(0, found.pop())  # the mean of the one layer
    return [HeatRow(name, weights, _received(weights), _image(weights)) for name, weights in found]


def _received(weights: Tensor) -> tuple[float, ...]:
    whole = float(weights.sum()) or 1.0
    return tuple((weights.sum(0) / whole).tolist())


def _image(weights: Tensor) -> str:
    """A transparent picture, the darker the larger the weight, so that it fits any page."""
    import numpy as np
    from matplotlib.image import imsave

    shares = (weights / (float(weights.max()) or 1.0)).clamp(0, 1).numpy()
    pixels = np.empty((*shares.shape, 4), dtype=np.uint8)
    pixels[..., :3] = INK
    pixels[..., 3] = (255 * shares).round()
    file = io.BytesIO()
    imsave(file, pixels, format="png")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def rounded(rows: Sequence[HeatRow]) -> list[list[list[float]]]:
    """The weights of each row, to be written into a page.

    It shows two or three of their five decimals: 0.1149 must not become 0.115 before it is .11.
    """
    return [[[round(value, 5) for value in line] for line in row.weights.tolist()] for row in rows]
