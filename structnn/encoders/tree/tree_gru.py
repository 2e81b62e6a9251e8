"""A gated recurrent unit over trees."""

from __future__ import annotations

import torch
from torch import Tensor

from structnn.encoders.tree.base import TreeEncoder
from structnn.encoders.tree.words import WordProjection
from structnn.ops.cells import Cell, Children, StateLinear, States

__all__ = ["TreeGRU", "TreeGRUCell"]


class TreeGRU(TreeEncoder):
    r"""The child-sum Tree-GRU (Kokkinos and Potamianos 2017), with a reset gate for each child.

    For node *j* with children *C(j)*:

    .. math::
        \tilde h_j &= \sum_{k \in C(j)} h_k, \quad
        z_j = \sigma(W^{(z)} x_j + U^{(z)} \tilde h_j + b^{(z)}) \\
        r_{jk} &= \sigma(W^{(r)} x_j + U^{(r)} h_k + b^{(r)}) \\
        \hat h_j &= \tanh\Bigl(W x_j + U \sum_{k \in C(j)} r_{jk} \odot h_k + b\Bigr) \\
        h_j &= z_j \odot \tilde h_j + (1 - z_j) \odot \hat h_j

    The order of the children does not matter. On a left chain it is a GRU (Cho et al. 2014) over the
    sentence.

    Args:
        input_dim: The width of the word vectors.
        hidden_dim: The width of the states.
        readout: By default the state of the root.
    """

    def __init__(self, input_dim: int, hidden_dim: int, *, readout: str = "root") -> None:
        super().__init__(input_dim, hidden_dim, readout=readout)
        self.words = WordProjection(input_dim, hidden_dim, TreeGRUCell.gates)
        self.cell = TreeGRUCell(hidden_dim)


class TreeGRUCell(Cell):
    """The equations of :class:`TreeGRU`, for all nodes of a level."""

    gates = ("z", "r", "h")

    def __init__(self, hidden_dim: int) -> None:
        super().__init__(hidden_dim)
        self.update = StateLinear(hidden_dim, hidden_dim)
        self.reset = StateLinear(hidden_dim, hidden_dim)
        self.candidate = StateLinear(hidden_dim, hidden_dim)
        self.draw_orthogonal(self.update, self.reset, self.candidate)

    def forward(self, x: Tensor, children: Children | None) -> States:
        """The state ``(h,)``."""
        z, r, candidate = x.chunk(3, dim=1)
        if children is None:
            return ((1 - z.sigmoid()) * candidate.tanh(),)
        (h,) = children.states
        summed = children.sum(h)
        z = torch.sigmoid(z + self.update(summed))
        r = torch.sigmoid(children.spread(r) + self.reset(h))
        candidate = torch.tanh(candidate + self.candidate(children.sum(r * h)))
        return (torch.lerp(candidate, summed, z),)
