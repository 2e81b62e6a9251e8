"""Recursive neural networks: the state of a node is one layer over its word and its children."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from structnn.encoders.tree.base import TreeEncoder
from structnn.encoders.tree.words import WordProjection
from structnn.ops.cells import Cell, Children, StateLinear, States
from structnn.options import Size

__all__ = ["RNTN", "RecursiveCell", "RecursiveNN", "TensorCell"]


class RecursiveCell(Cell):
    """The equation of :class:`RecursiveNN`, for all nodes of a level."""

    arity: int

    def __init__(self, hidden_dim: int, arity: int) -> None:
        super().__init__(hidden_dim)
        self.arity = arity
        self.composition = StateLinear(arity * hidden_dim, hidden_dim)
        self.draw_orthogonal(self.composition)

    def forward(self, x: Tensor, children: Children | None) -> States:
        """The state ``(h,)``."""
        if children is not None:
            s = children.side_by_side(children.states[0], self.arity)
            x = x + self.composition(s)
        return (x.tanh(),)


class TensorCell(RecursiveCell):
    """The equation of :class:`RNTN`, for all nodes of a level."""

    def __init__(self, hidden_dim: int, arity: int) -> None:
        super().__init__(hidden_dim, arity)
        width = arity * hidden_dim
        self.tensor = nn.Parameter(torch.randn(width, hidden_dim, width) / (2 * width))

    def forward(self, x: Tensor, children: Children | None) -> States:
        """The state ``(h,)``."""
        if children is not None:
            s = children.side_by_side(children.states[0], self.arity)  # (level, arity * hidden)
            product = torch.matmul(s, self.tensor.flatten(1)).unflatten(1, self.tensor.shape[1:])
            product = torch.matmul(product, s[:, :, None]).squeeze(2)  # (level, hidden)
            x = x + self.composition(s) + product
        return (x.tanh(),)


class RecursiveNN(TreeEncoder):
    r"""A recursive neural network (Socher et al. 2011), with a matrix for each place among siblings.

    .. math:: h_j = \tanh\Bigl(W x_j + \sum_{k=1}^{N} U_k h_{jk} + b\Bigr)

    Over a binarised constituency tree, where words are at the leaves, this is the network of the
    paper; with words at inner nodes too, as in a dependency tree, it is the DT-RNN of Socher et al.
    (2014), but for the weights that this gives children by the number of words below them.

    Args:
        input_dim: The width of the word vectors.
        hidden_dim: The width of the states.
        arity: The largest number of children, N.
        readout: By default the state of the root.

    Raises:
        StructureError: A node has more than ``arity`` children.
    """

    ordered_children = True
    cell_class: ClassVar[type[RecursiveCell]] = RecursiveCell

    def __init__(
        self, input_dim: int, hidden_dim: int, *, arity: Size = 2, readout: str = "root"
    ) -> None:
        super().__init__(input_dim, hidden_dim, readout=readout)
        self.arity = arity
        self.words = WordProjection(input_dim, hidden_dim, self.cell_class.gates)
        self.cell = self.cell_class(hidden_dim, arity)


class RNTN(RecursiveNN):
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

    cell_class = TensorCell
