r"""The number of steps between a word and a state, from an encoder's structure alone.

A *step* is one application of a cell or of a layer: whatever is nonlinear between the states before
it and the states behind it. What is linear, a projection of the word vectors or a weighted mean of
states, is none. The path length of a word is the least number of steps on any way from its vector to
the sentence vector, infinite where there is no way. By family:

============================ ==================================================================
encoder                      steps from word *i* to state *j*
============================ ==================================================================
bag                          0 to its own state; the perceptron adds its layers on top
recurrent, *L* layers        :math:`j - i + L` for :math:`i \le j`; both ways :math:`|j - i| + L`
fast weights                 1 to its own state, 2 to any later one, which can recall it
CNN, Transformer, graph      *L* layers, where *L* layers reach so far: the windows of a CNN, all
                             words for a Transformer, *L* edges of a graph
Tree-LSTM and its like       :math:`\mathrm{depth}(i) - \mathrm{depth}(j) + 1` if *j* is *i* or above it
bidirectional Tree-LSTM      :math:`\mathrm{dist}(i, j) + 1` if one is above the other, else
                             :math:`\mathrm{dist}(i, j) + 2`: it turns round at a common ancestor
chain of encoders            the shortest way through both
============================ ==================================================================

A readout then takes the state of the last word, of the root, or all of them, and the word's path is
the shortest of those to what is taken. Two encoders of one path length may still hand on gradients of
different size: an LSTM's memory cell and a Transformer's residuals carry a state through a step
nearly unchanged, without making the path shorter.
"""

from __future__ import annotations

from functools import singledispatch
from typing import cast

import torch
from torch import Tensor, nn

from structnn import Batch, Chain, Encoder, Readout
from structnn.data.tree_distance import ancestry
from structnn.encoders.graph.base import GraphEncoder
from structnn.encoders.sequence.bag import Bag
from structnn.encoders.sequence.cnn import CNN
from structnn.encoders.sequence.min_gru import MinGRU
from structnn.encoders.sequence.recurrent import Recurrent
from structnn.encoders.sequence.transformer import Transformer
from structnn.encoders.sequence.unrolled import FastWeights, HyperLSTM
from structnn.encoders.tree.attentive import AttentiveTreeLSTM
from structnn.encoders.tree.bidirectional import BidirectionalTreeLSTM
from structnn.encoders.tree.child_sum import ChildSumTreeLSTM
from structnn.encoders.tree.nary import NaryTreeLSTM
from structnn.encoders.tree.recursive import RNTN, RecursiveNN
from structnn.encoders.tree.relational import RelationalTreeLSTM
from structnn.encoders.tree.tree_gru import TreeGRU
from structnn.encoders.tree.tree_transformer import TreeTransformer
from structnn.readouts import Concatenation, LastReadout, RootReadout

__all__ = ["UnknownPathError", "path_lengths", "readout_steps", "state_steps"]


class UnknownPathError(ValueError):
    """An encoder or a readout of the user's, of whose paths nothing is known here."""


def path_lengths(encoder: Encoder, batch: Batch) -> Tensor:
    """The path length of each word of a sentence.

    Args:
        encoder: Any of this package's; for one of your own, register :func:`state_steps`.
        batch: One sentence.

    Returns:
        ``(tokens,)``: the steps to the sentence vector, infinite where it does not see the word.

    Raises:
        UnknownPathError: There is no rule for the encoder or its readout.
    """
    steps = state_steps(encoder, batch)
    last = encoder.last if isinstance(encoder, Chain) else encoder
    # A Transformer's vector before the first word is as far from any word as other states are.
    read = steps.amin(0) if last.readout is None else readout_steps(last.readout, steps, batch)
    if isinstance(last, Bag):
        read = read + sum(isinstance(layer, nn.Tanh) for layer in last.perceptron)
    return read


@singledispatch
def state_steps(encoder: Encoder, batch: Batch) -> Tensor:
    """The steps between each word and each state of one sentence.

    For an encoder of your own, ``@state_steps.register`` a function that takes it and a batch.

    Args:
        encoder: The encoder.
        batch: One sentence.

    Returns:
        ``(nodes or tokens, tokens)``: a row for each state, infinity where it does not see a word.

    Raises:
        UnknownPathError: There is no rule for this encoder.
    """
    raise UnknownPathError(
        f"nothing is known of the paths through {type(encoder).__name__}: register a function that "
        "counts them with tasks.lab.path_length.state_steps.register, or leave the encoder out"
    )


@state_steps.register
def _(encoder: Chain, batch: Batch) -> Tensor:
    total: Tensor | None = None
    for part in encoder.encoders:
        assert isinstance(part, Encoder)
        steps = state_steps(part, batch)  # (states, tokens)
        if total is not None:
            steps = (steps[:, :, None] + total).amin(1)  # the shortest way through a word's state
        total = steps
        if part.has_node_states and part is not encoder.last:
            total = batch.to_tokens(total)
    assert total is not None
    return total


@state_steps.register
def _(encoder: Bag, batch: Batch) -> Tensor:
    return _where(torch.eye(batch.num_tokens, dtype=torch.bool), 0)


@state_steps.register(Recurrent)
@state_steps.register(MinGRU)
@state_steps.register(HyperLSTM)
def _(encoder: Recurrent | MinGRU | HyperLSTM, batch: Batch) -> Tensor:
    layers, both_ways = 1, False
    if isinstance(encoder, Recurrent):
        layers, both_ways = encoder.network.num_layers, encoder.network.bidirectional
    elif isinstance(encoder, MinGRU):
        layers, both_ways = len(encoder.layers), encoder.directions == 2
    after = _behind(batch)
    return _where((after >= 0) | both_ways, after.abs() + layers)


@state_steps.register
def _(encoder: FastWeights, batch: Batch) -> Tensor:
    after = _behind(batch)
    return _where(after >= 0, after.clamp(max=1) + 1)


@state_steps.register
def _(encoder: CNN, batch: Batch) -> Tensor:
    # Pooling to the k largest may silence states; this is what they can see.
    place = torch.arange(batch.num_tokens)
    centre = place // encoder.stride * encoder.stride
    seen = torch.zeros(len(place), len(place), dtype=torch.bool)
    for layer in encoder.layers[:1]:  # all layers have the same windows
        for convolution, reach in zip(layer.convolutions, layer.reaches, strict=True):  # type: ignore[arg-type]
            tap = place - (centre[:, None] - reach // 2)  # from the window's first word on
            dilation = convolution.dilation[0]
            seen |= (tap >= 0) & (tap <= reach) & (tap % dilation == 0)
    return _through(seen, len(encoder.layers))


@state_steps.register
def _(encoder: Transformer, batch: Batch) -> Tensor:
    everything = torch.ones(batch.num_tokens, batch.num_tokens, dtype=torch.bool)
    return _through(everything, len(encoder.layers))


@state_steps.register
def _(encoder: TreeTransformer, batch: Batch) -> Tensor:
    distances, depths = batch.tree_distances, batch.tree_depths
    seen = torch.ones_like(distances, dtype=torch.bool)
    if encoder.ancestors_only:
        seen = ancestry(distances, depths)
    return _through(seen[0], len(encoder.layers))[:, batch.token_nodes]


@state_steps.register
def _(encoder: GraphEncoder, batch: Batch) -> Tensor:
    nodes = batch.num_nodes if encoder.has_node_states else batch.num_tokens
    seen = torch.eye(nodes, dtype=torch.bool)  # every layer sees the state it renews
    source, target = batch.graph(encoder.construction).edge_index
    seen[target, source] = True
    if len(encoder.latent):
        seen[:] = True  # a graph that is learned may join any two
    layers = len(encoder.norms)
    steps = _through(seen, layers)
    if encoder.jump != "last":  # the states of lower layers are there too, after fewer steps
        steps = torch.stack([_through(seen, layer + 1) for layer in range(layers)]).amin(0)
    return steps[:, batch.token_nodes] if encoder.has_node_states else steps


@state_steps.register(AttentiveTreeLSTM)
@state_steps.register(ChildSumTreeLSTM)
@state_steps.register(NaryTreeLSTM)
@state_steps.register(RNTN)
@state_steps.register(RecursiveNN)
@state_steps.register(RelationalTreeLSTM)
@state_steps.register(TreeGRU)
def _(encoder: Encoder, batch: Batch) -> Tensor:
    distances, above = batch.tree_distances[0], _ancestor_of(batch)
    return _where(above, distances + 1)[:, batch.token_nodes]


@state_steps.register
def _(encoder: BidirectionalTreeLSTM, batch: Batch) -> Tensor:
    distances, above = batch.tree_distances[0], _ancestor_of(batch)
    turning = ~(above | above.t())
    return (distances + 1 + turning.long()).to(torch.float)[:, batch.token_nodes]


@singledispatch
def readout_steps(readout: Readout, steps: Tensor, batch: Batch) -> Tensor:
    """The steps between each word and the sentence vector, given those to the states.

    Unless something else is registered for a readout, it takes all states.

    Args:
        readout: The readout.
        steps: ``(states, tokens)``, what :func:`state_steps` gives.
        batch: The sentence.

    Returns:
        ``(tokens,)``.
    """
    return steps.amin(0)


@readout_steps.register
def _(readout: LastReadout, steps: Tensor, batch: Batch) -> Tensor:
    words = batch.to_tokens(steps) if len(steps) != batch.num_tokens else steps
    return torch.minimum(words[-1], words[0]) if readout.backward_dim else words[-1]


@readout_steps.register
def _(readout: RootReadout, steps: Tensor, batch: Batch) -> Tensor:
    return steps[int(batch.roots)]


@readout_steps.register
def _(readout: Concatenation, steps: Tensor, batch: Batch) -> Tensor:
    parts = (cast(Readout, part) for part in readout.parts)
    return torch.stack([readout_steps(part, steps, batch) for part in parts]).amin(0)


def _behind(batch: Batch) -> Tensor:
    """``(tokens, tokens)``: by how many places the word of each row is behind that of each column."""
    place = torch.arange(batch.num_tokens)
    return place[:, None] - place


def _ancestor_of(batch: Batch) -> Tensor:
    """``(nodes, nodes)``: whether the node of the row is that of the column, or above it."""
    distances, depths = batch.tree_distances[0], batch.tree_depths[0]
    return distances == depths - depths[:, None]


def _through(seen: Tensor, layers: int) -> Tensor:
    """The steps through layers, each of which sees what ``(states, states)`` says."""
    reached = torch.eye(len(seen), dtype=torch.float)
    for _ in range(layers):
        reached = (seen.float() @ reached).clamp(max=1)
    return _where(reached > 0, layers)


def _where(reached: Tensor, steps: Tensor | int) -> Tensor:
    """These numbers of steps where there is a way, infinity elsewhere."""
    return torch.where(reached, torch.as_tensor(steps, dtype=torch.float), torch.inf)
