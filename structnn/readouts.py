"""From the states of a sentence's tokens or nodes to one vector. Any encoder takes any readout."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from structnn.batch import Batch
from structnn.registry import Registry
from structnn.segments import segment_max, segment_mean, segment_softmax, segment_sum

__all__ = ["READOUTS", "Readout", "build_readout", "register_readout"]


class Readout(nn.Module):
    """Reduces the states of each sentence to one vector.

    Args:
        input_dim: The width of the states.
        backward_dim: How many of the last columns were read from right to left (half of them in a
            bidirectional LSTM); only the readouts that single out an end look at it.

    Shapes:
        - nodes: ``(nodes, input_dim)``, or the same tensor as tokens where every node is a word
        - tokens: ``(tokens, input_dim)``
        - output: ``(sentences, output_dim)``
    """

    reads: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, input_dim: int, *, backward_dim: int = 0) -> None:
        super().__init__()
        self.input_dim = input_dim
        self.backward_dim = backward_dim
        self.output_dim = input_dim

    def forward(self, nodes: Tensor, tokens: Tensor, batch: Batch) -> Tensor:
        """The sentence vectors."""
        raise NotImplementedError


class LastReadout(Readout):
    """The state of the last token; of the first one, for columns read from right to left."""

    def forward(self, nodes: Tensor, tokens: Tensor, batch: Batch) -> Tensor:
        last = tokens.index_select(0, batch.token_ptr[1:] - 1)
        if self.backward_dim == 0:
            return last
        first = tokens.index_select(0, batch.token_ptr[:-1])
        forward_dim = self.input_dim - self.backward_dim
        return torch.cat([last[:, :forward_dim], first[:, forward_dim:]], dim=1)


class RootReadout(Readout):
    """The state of the tree's root: for a dependency tree, of the word that heads the sentence."""

    reads = frozenset({"tree"})

    def forward(self, nodes: Tensor, tokens: Tensor, batch: Batch) -> Tensor:
        if nodes is tokens and not batch.nodes_are_tokens:
            raise ValueError(
                "the 'root' readout needs a state at the root, but this encoder has states for words "
                "only and the roots of these trees have no word: choose another readout"
            )
        return nodes.index_select(0, batch.roots)


class MeanReadout(Readout):
    """The mean of all states."""

    def forward(self, nodes: Tensor, tokens: Tensor, batch: Batch) -> Tensor:
        return segment_mean(nodes, state_ptr(nodes, tokens, batch))


class MaxReadout(Readout):
    """The largest value of each column ("max over time")."""

    def forward(self, nodes: Tensor, tokens: Tensor, batch: Batch) -> Tensor:
        return segment_max(nodes, state_ptr(nodes, tokens, batch))


class AttentionReadout(Readout):
    r"""Additive attention with a learned query (Bahdanau et al. 2015; Yang et al. 2016).

    .. math:: a = softmax_t(v^\top \tanh(W h_t + b)), \qquad s = \sum_t a_t h_t
    """

    def __init__(self, input_dim: int, *, backward_dim: int = 0) -> None:
        super().__init__(input_dim, backward_dim=backward_dim)
        self.projection = nn.Linear(input_dim, input_dim)
        self.query = nn.Linear(input_dim, 1, bias=False)

    def forward(self, nodes: Tensor, tokens: Tensor, batch: Batch) -> Tensor:
        ptr = state_ptr(nodes, tokens, batch)
        segment = batch.token_batch if nodes is tokens else batch.node_batch
        scores = self.query(torch.tanh(self.projection(nodes)))  # (nodes, 1)
        return segment_sum(segment_softmax(scores, ptr, segment) * nodes, ptr)


def state_ptr(nodes: Tensor, tokens: Tensor, batch: Batch) -> Tensor:
    """Where each sentence's states begin, be they at tokens or at nodes."""
    return batch.token_ptr if nodes is tokens else batch.node_ptr


READOUTS: Registry[Readout] = Registry("readout")
READOUTS.add("last", LastReadout)
READOUTS.add("root", RootReadout)
READOUTS.add("mean", MeanReadout)
READOUTS.add("max", MaxReadout)
READOUTS.add("attention", AttentionReadout)


def register_readout(name: str, cls: type[Readout]) -> None:
    """Make a readout of your own available by name."""
    READOUTS.add(name, cls)


def build_readout(
    name: str, input_dim: int, *, backward_dim: int = 0, **options: object
) -> Readout:
    """The readout of this name.

    Raises:
        ValueError: The name or an option is not known; the message lists the valid ones.
    """
    return READOUTS.build(name, options, input_dim, backward_dim=backward_dim)
