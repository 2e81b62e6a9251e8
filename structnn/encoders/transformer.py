"""Self-attention over the sentence."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from structnn.batch import Batch
from structnn.encoders.base import Encoder

__all__ = ["Transformer", "sinusoids"]


class Transformer(Encoder):
    r"""A Transformer encoder (Vaswani et al. 2017) with normalisation before each block.

    Args:
        input_dim: The width of the word vectors; projected to ``hidden_dim``.
        hidden_dim: The width of the states; a multiple of ``heads``.
        layers: How many.
        heads: Attention heads of each layer.
        feedforward: The width of the inner layer as a multiple of ``hidden_dim``.
        dropout: Dropout rate of attention weights and of both blocks of each layer.
        readout: By default the mean of all states.
    """

    reads = frozenset({"sequence"})

    def __init__(
        self,
        input_dim: int,
        hidden_dim: int,
        *,
        layers: int = 2,
        heads: int = 4,
        feedforward: int = 2,
        dropout: float = 0.1,
        readout: str = "mean",
    ) -> None:
        super().__init__(input_dim, hidden_dim, readout=readout)
        if hidden_dim % heads:
            raise ValueError(f"hidden_dim ({hidden_dim}) must be a multiple of heads ({heads})")
        self.projection = nn.Linear(input_dim, hidden_dim)
        layer = nn.TransformerEncoderLayer(
            hidden_dim,
            heads,
            dim_feedforward=feedforward * hidden_dim,
            dropout=dropout,
            batch_first=True,
            norm_first=True,
        )
        self.network = nn.TransformerEncoder(
            layer, layers, norm=nn.LayerNorm(hidden_dim), enable_nested_tensor=False
        )

    def encode(self, x: Tensor, batch: Batch) -> Tensor:
        """The states of the top layer."""
        x = self.projection(x)
        x = x + sinusoids(batch.max_length, x.shape[1], x).index_select(0, batch.positions)
        states = self.network(batch.pad(x), src_key_padding_mask=~batch.padding_mask)
        return batch.unpad(states)


def sinusoids(length: int, dim: int, like: Tensor) -> Tensor:
    """The sinusoidal positions of Vaswani et al. (2017), ``(length, dim)``: sines, then cosines."""
    half = (dim + 1) // 2
    rates = torch.exp(torch.arange(half, device=like.device) * (-math.log(10_000.0) / half))
    angles = torch.arange(length, device=like.device)[:, None] * rates
    return torch.cat([angles.sin(), angles.cos()], dim=1)[:, :dim].to(like.dtype)
