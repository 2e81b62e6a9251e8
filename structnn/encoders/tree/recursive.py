"""Recursive neural networks: the state of a node is one layer over its word and its children."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from structnn.checks import at_least
from structnn.data.batch import Batch
from structnn.encoders.base import Encoder
from structnn.encoders.tree.words import WordProjection
from structnn.ops.paths import up_the_tree
from structnn.ops.tree_scan import Cell, Children, check_arity, scan_up

__all__ = ["RNTN", "RecursiveNN"]


class RecursiveNN(Encoder):
    r"""A recursive neural network (Socher et al. 2011), with a matrix for each place among siblings.

    .. math:: h_j = \tanh\Bigl(W x_j + \sum_{k=1}^{N} U_k h_{jk} + b\Bigr)

    Over a binarised constituency tree, where words are at the leaves, this is the network of the
    paper; with words at inner nodes too, as in a dependency tree, it is the DT-RNN of Socher et al.
    (2014).

    Args:
        input_dim: The width of the word vectors.
        hidden_dim: The width of the states.
        arity: The largest number of children, N.
        readout: By default the state of the root.

    Raises:
        StructureError: A node has more than ``arity`` children.
    """

    reads = frozenset({"tree"})
    ordered_children = True

    def __init__(
        self, input_dim: int, hidden_dim: int, *, arity: int = 2, readout: str = "root"
    ) -> None:
        super().__init__(input_dim, hidden_dim, readout=readout)
        at_least(1, arity=arity)
        self.arity = arity
        self.words = WordProjection(input_dim, hidden_dim)
        self.cell = RecursiveCell(hidden_dim, arity)

    def encode(self, x: Tensor, batch: Batch) -> Tensor:
        """The state of each node."""
        check_arity(batch, self.arity)
        return scan_up(batch, self.words(x, batch), self.cell)

    def steps(self, batch: Batch) -> Tensor:
        """One for each node on the way up from a word."""
        return up_the_tree(batch)


class RNTN(Encoder):
    r"""The recursive neural tensor network (Socher et al. 2013): children multiply each other.

    .. math::
        h_j = \tanh\Bigl(W x_j + U s_j + s_j^\top V s_j + b\Bigr),
        \qquad s_j = [h_{j1}; \dots; h_{jN}]

    *V* has a slice of :math:`(N d)^2` numbers for each of the *d* states: the paper uses *d* = 25 to
    35, and so should you.

    Args:
        input_dim: The width of the word vectors.
        hidden_dim: The width of the states, *d*.
        arity: The largest number of children, N.
        readout: By default the state of the root.

    Raises:
        StructureError: A node has more than ``arity`` children.
    """

    reads = frozenset({"tree"})
    ordered_children = True

    def __init__(
        self, input_dim: int, hidden_dim: int, *, arity: int = 2, readout: str = "root"
    ) -> None:
        super().__init__(input_dim, hidden_dim, readout=readout)
        at_least(1, arity=arity)
        self.arity = arity
        self.words = WordProjection(input_dim, hidden_dim)
        self.cell = TensorCell(hidden_dim, arity)

    def encode(self, x: Tensor, batch: Batch) -> Tensor:
        """The state of each node."""
        check_arity(batch, self.arity)
        return scan_up(batch, self.words(x, batch), self.cell)

    def steps(self, batch: Batch) -> Tensor:
        """One for each node on the way up from a word."""
        return up_the_tree(batch)


class RecursiveCell(Cell):
    """One level of :class:`RecursiveNN`."""

    def __init__(self, hidden_dim: int, arity: int) -> None:
        super().__init__(hidden_dim)
        self.arity = arity
        self.composition = nn.Linear(arity * hidden_dim, hidden_dim, bias=False)
        for slot in self.composition.weight.data.split(hidden_dim, dim=1):
            nn.init.orthogonal_(slot)

    def forward(self, x: Tensor, children: Children | None) -> Tensor:
        if children is not None:
            x = x + self.composition(children.slots(self.arity).flatten(1))
        return torch.tanh(x)


class TensorCell(RecursiveCell):
    """One level of :class:`RNTN`."""

    def __init__(self, hidden_dim: int, arity: int) -> None:
        super().__init__(hidden_dim, arity)
        width = arity * hidden_dim
        self.tensor = nn.Parameter(torch.randn(width, hidden_dim, width) / (2 * width))

    def forward(self, x: Tensor, children: Children | None) -> Tensor:
        if children is None:
            return torch.tanh(x)
        slots = children.slots(self.arity).flatten(1)  # (level, arity * hidden)
        half = torch.matmul(slots, self.tensor.flatten(1))
        half = half.view(len(slots), *self.tensor.shape[1:])  # (level, hidden, arity * hidden)
        product = torch.matmul(half, slots[:, :, None]).squeeze(2)
        return torch.tanh(x + self.composition(slots) + product)
