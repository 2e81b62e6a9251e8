"""Up the tree and down again."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from structnn.batch import Batch
from structnn.encoders.base import Encoder
from structnn.encoders.child_sum import ChildSumTreeLSTM
from structnn.encoders.nary import lstm_state
from structnn.encoders.words import WordProjection
from structnn.tree_scan import Cell, scan_down

__all__ = ["BidirectionalTreeLSTM"]


class BidirectionalTreeLSTM(Encoder):
    r"""A child-sum Tree-LSTM upwards, then an LSTM down every path (Miwa and Bansal 2016).

    With :math:`h^\uparrow` the states of :class:`~structnn.encoders.child_sum.ChildSumTreeLSTM` and
    *p* the parent of node *j* (zeros for a root):

    .. math::
        i_j, f_j, o_j &= \sigma(W x_j + V h^\uparrow_j + U h^\downarrow_p + b), \quad
        u_j = \tanh(W x_j + V h^\uparrow_j + U h^\downarrow_p + b) \\
        c^\downarrow_j &= i_j \odot u_j + f_j \odot c^\downarrow_p, \quad
        h^\downarrow_j = o_j \odot \tanh(c^\downarrow_j)

    A node's state is :math:`[h^\uparrow_j; h^\downarrow_j]`: it knows the node's descendants, its
    ancestors, and through them the whole sentence. The order of the children does not matter.

    Args:
        input_dim: The width of the word vectors.
        hidden_dim: The width of the states of each direction; together twice that.
        readout: By default the maximum over nodes.
    """

    reads = frozenset({"tree"})

    def __init__(self, input_dim: int, hidden_dim: int, *, readout: str = "max") -> None:
        super().__init__(input_dim, 2 * hidden_dim, readout=readout)
        self.up = ChildSumTreeLSTM(input_dim, hidden_dim)
        self.up.readout = None  # nobody asks it for a sentence vector
        self.words = WordProjection(input_dim, 4 * hidden_dim, gates=4)  # i, o, u and f
        nn.init.ones_(self.words.linear.bias.data[3 * hidden_dim :])  # begin by remembering
        self.below = nn.Linear(hidden_dim, 4 * hidden_dim, bias=False)
        self.down = DownwardCell(hidden_dim)

    def encode(self, x: Tensor, batch: Batch) -> Tensor:
        """The states of both directions at each node."""
        up = self.up.encode(x, batch)
        down = scan_down(batch, self.words(x, batch) + self.below(up), self.down)
        return torch.cat([up, down[:, : up.shape[1]].to(up.dtype)], dim=1)


class DownwardCell(Cell):
    """One step of an LSTM, from a parent to a child; the state is ``[h, c]``."""

    def __init__(self, hidden_dim: int) -> None:
        super().__init__(2 * hidden_dim)
        self.hidden_dim = hidden_dim
        self.parent = nn.Linear(hidden_dim, 4 * hidden_dim, bias=False)
        for gate in self.parent.weight.data.split(hidden_dim):
            nn.init.orthogonal_(gate)

    def forward(self, x: Tensor, parents: Tensor) -> Tensor:
        h, c = parents.chunk(2, dim=1)
        gates, forget = (x + self.parent(h)).split([3 * self.hidden_dim, self.hidden_dim], dim=1)
        return lstm_state(gates, forget.sigmoid() * c)
