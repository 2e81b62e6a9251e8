"""A bag of words: no structure at all."""

from __future__ import annotations

from typing import Annotated, Self

import torch
from torch import Tensor, nn

from structnn.data.batch import Batch
from structnn.encoders.base import Encoder
from structnn.ops.dropout import Dropout
from structnn.ops.paths import steps_where
from structnn.options import Probability
from structnn.ranges import Range

__all__ = ["Bag"]


class Bag(Encoder):
    r"""The mean of the word vectors, then a perceptron (Iyyer et al. 2015).

    .. math:: s = \tanh(W \, \mathrm{mean}_t(x_t) + b)

    The words don't see each other: token states are the word vectors themselves. With several layers
    it is the deep averaging network of the paper, which is registered as ``dan``.

    Args:
        input_dim: The width of the word vectors, and of the token states.
        hidden_dim: The width of the sentence vector.
        layers: Number of layers of the perceptron; 0 for the plain mean.
        dropout: Dropout rate before each layer.
        readout: How the word vectors become one: ``"mean"``, ``"sum"``, ``"max"`` or any other.
    """

    causal = True

    def __init__(
        self,
        input_dim: int,
        hidden_dim: int,
        *,
        layers: Annotated[int, Range(0, 1000)] = 1,
        dropout: Probability = 0.0,
        readout: str = "mean",
    ) -> None:
        super().__init__(input_dim, input_dim, readout=readout)
        self._layers = layers
        self.perceptron = nn.Sequential()
        width = super().sentence_dim
        for _ in range(layers):
            self.perceptron.extend([Dropout(dropout), nn.Linear(width, hidden_dim), nn.Tanh()])
            width = hidden_dim
        self._sentence_dim = width

    @property
    def sentence_dim(self) -> int:
        """The width of the sentence vector."""
        return self._sentence_dim

    def without_readout(self) -> Self:
        """The word vectors alone: the perceptron is of sentence vectors."""
        self.perceptron, self._sentence_dim = nn.Sequential(), self.output_dim
        return super().without_readout()

    def encode(self, x: Tensor, batch: Batch) -> Tensor:
        """The word vectors themselves."""
        return x

    def summarise(self, nodes: Tensor, tokens: Tensor, batch: Batch) -> Tensor:
        """The perceptron of the averaged word vectors."""
        summary: Tensor = self.perceptron(super().summarise(nodes, tokens, batch))
        return summary

    def steps(self, batch: Batch) -> Tensor:
        """None to its own state, which is the word vector."""
        return steps_where(torch.eye(batch.num_tokens, dtype=torch.bool), 0)

    def sentence_steps(self, batch: Batch) -> Tensor:
        """The layers of the perceptron."""
        return super().sentence_steps(batch) + self._layers
