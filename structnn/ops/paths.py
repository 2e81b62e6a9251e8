r"""The number of steps between a word and a state, from an encoder's structure alone.

A *step* is one application of a cell or of a layer: whatever is nonlinear between the states before
it and the states after it. What is linear, a projection of the word vectors or a weighted mean of
states, is no step. Each encoder says by its method ``steps`` how many there are from a word to a state
of one sentence, at least, and infinity where the state does not depend on the word:

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

A readout then takes the state of the last word, of the root, or all of them, and the path length of a
word is the least number of steps to what is taken. Two encoders of one path length may still hand on
gradients of different size: an LSTM's memory cell and a Transformer's residuals carry a state through
a step nearly unchanged, without making the path shorter.
"""

from __future__ import annotations

import torch
from torch import Tensor

from structnn.data.batch import Batch
from structnn.errors import InputError

__all__ = ["UnknownStepsError", "above", "behind", "steps_where", "through", "up_the_tree"]


class UnknownStepsError(InputError):
    """An encoder does not say how many steps lie between a word and a state."""


def behind(batch: Batch) -> Tensor:
    """``(tokens, tokens)``: by how many places the word of each row follows that of each column."""
    place = torch.arange(batch.num_tokens)
    return place[:, None] - place


def above(batch: Batch) -> Tensor:
    """``(nodes, nodes)``: whether the node of the row is that of the column, or its ancestor."""
    distances, depths = batch.tree_distances[0], batch.tree_depths[0]
    return distances == depths - depths[:, None]


def up_the_tree(batch: Batch) -> Tensor:
    """``(nodes, tokens)``: the steps of a cell that is applied at each node, children first."""
    steps = steps_where(above(batch), batch.tree_distances[0] + 1)
    return steps[:, batch.token_nodes]


def through(seen: Tensor, layers: int) -> Tensor:
    """The steps through layers, each of which sees what ``(states, states)`` says."""
    reached = torch.eye(len(seen), dtype=torch.float)
    for _ in range(layers):
        reached = (seen.float() @ reached).clamp(max=1)
    return steps_where(reached > 0, layers)


def steps_where(reached: Tensor, steps: Tensor | int) -> Tensor:
    """These numbers of steps where there is a way, infinity elsewhere."""
    return torch.where(reached, torch.as_tensor(steps, dtype=torch.float), torch.inf)
