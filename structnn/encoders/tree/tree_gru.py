"""A gated recurrent unit over trees."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from structnn.data.batch import Batch
from structnn.encoders.base import Encoder
from structnn.encoders.tree.words import WordProjection
from structnn.ops.paths import up_the_tree
from structnn.ops.tree_scan import Cell, Children, scan_up

__all__ = ["TreeGRU"]


class TreeGRU(Encoder):
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

    reads = frozenset({"tree"})

    def __init__(self, input_dim: int, hidden_dim: int, *, readout: str = "root") -> None:
        super().__init__(input_dim, hidden_dim, readout=readout)
        self.words = WordProjection(input_dim, 3 * hidden_dim, gates=3)  # z, r and the candidate
        self.cell = TreeGRUCell(hidden_dim)

    def encode(self, x: Tensor, batch: Batch) -> Tensor:
        """The state of each node."""
        return scan_up(batch, self.words(x, batch), self.cell)

    def steps(self, batch: Batch) -> Tensor:
        """One for each node on the way up from a word."""
        return up_the_tree(batch)


class TreeGRUCell(Cell):
    """One level of :class:`TreeGRU`."""

    def __init__(self, hidden_dim: int) -> None:
        super().__init__(hidden_dim)
        self.update = nn.Linear(hidden_dim, hidden_dim, bias=False)
        self.reset = nn.Linear(hidden_dim, hidden_dim, bias=False)
        self.candidate = nn.Linear(hidden_dim, hidden_dim, bias=False)
        for layer in (self.update, self.reset, self.candidate):
            nn.init.orthogonal_(layer.weight)

    def forward(self, x: Tensor, children: Children | None) -> Tensor:
        z, r, candidate = x.chunk(3, dim=1)
        if children is None:
            return (1 - z.sigmoid()) * candidate.tanh()
        h = children.states
        summed = children.sum(h)  # (level, hidden)
        z = (z + self.update(summed)).sigmoid()
        r = (r.index_select(0, children.parent) + self.reset(h)).sigmoid()  # (children, hidden)
        candidate = (candidate + self.candidate(children.sum(r * h))).tanh()
        return torch.lerp(candidate, summed.to(candidate.dtype), z)
