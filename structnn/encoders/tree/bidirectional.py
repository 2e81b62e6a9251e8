"""Up the tree and down again."""

from __future__ import annotations

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from structnn.data.batch import Batch
from structnn.encoders.tree.base import TreeEncoder
from structnn.encoders.tree.child_sum import ChildSumCell
from structnn.encoders.tree.words import WordProjection
from structnn.fused.trees import compute
from structnn.ops.cells import Cell, StateLinear, States
from structnn.ops.paths import above
from structnn.ops.precision import full_precision
from structnn.ops.tree_scan import scan_down
from structnn.ops.weights import weight_of

__all__ = ["BidirectionalTreeLSTM", "DownwardCell"]


class BidirectionalTreeLSTM(TreeEncoder):
    r"""A child-sum Tree-LSTM upwards, then an LSTM down every path (Miwa and Bansal 2016).

    With :math:`h^\uparrow` the states of :class:`~structnn.encoders.tree.child_sum.ChildSumTreeLSTM` and
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

    earlier_names: ClassVar = {
        "words.linear.": "down_words.",
        "below.": "down_states.",
        "down.parent.": "down_cell.parent_gates.",
        "up.input_gates.": "words.",
        "up.child_gates.": "cell.child_gates.",
        "up.forget_gate.": "cell.forget_gate.",
    }

    def __init__(self, input_dim: int, hidden_dim: int, *, readout: str = "max") -> None:
        super().__init__(input_dim, 2 * hidden_dim, readout=readout)
        cell = ChildSumCell(hidden_dim)
        self.words = WordProjection(input_dim, hidden_dim, cell.gates)
        self.cell = cell
        cell.reset_parameters()  # last, see ChildSumTreeLSTM
        self.down_words = WordProjection(input_dim, hidden_dim, DownwardCell.gates)
        self.down_states = nn.Linear(hidden_dim, 4 * hidden_dim, bias=False)
        self.down_cell = DownwardCell(hidden_dim)

    def encode(self, x: Tensor, batch: Batch) -> Tensor:
        """The states of both directions at each node."""
        up = super().encode(x, batch)
        read = torch.cat([batch.to_nodes(x.to(up.dtype)), up], dim=1)
        names = "down_words.weight", "down_states.weight", "down_words.bias"
        *weights, bias = (weight_of(self, name) for name in names)
        weight = torch.cat(weights, dim=1)
        with full_precision(x):
            down = compute(self.down_cell, read, weight, bias, batch)
            if down is None:
                down = scan_down(self.down_cell, F.linear(read, weight, bias), batch)
        return torch.cat([up, down], dim=1)

    def steps(self, batch: Batch) -> Tensor:
        """One for each node on the way, and one more where it turns round at a common ancestor."""
        distances, upwards = batch.tree_distances[0], above(batch)
        turning = ~(upwards | upwards.t())
        return (distances + 1 + turning.long()).to(torch.float)[:, batch.token_nodes]


class DownwardCell(Cell):
    """The equations of the way down, for all nodes of a level."""

    gates = ("i", "o", "u", "f")
    states = ("h", "c")

    def __init__(self, hidden_dim: int) -> None:
        super().__init__(hidden_dim)
        self.parent_gates = StateLinear(hidden_dim, 4 * hidden_dim)
        self.draw_orthogonal(self.parent_gates)

    def message(self, *states: Tensor) -> States:
        """What a node adds to the gates of its children, and its memory cell."""
        h, c = states
        return self.parent_gates(h), c

    def forward(self, x: Tensor, parent: States) -> States:
        """The states ``(h, c)``."""
        gates, c = parent
        i, o, u, f = (x + gates).chunk(4, dim=1)
        c = i.sigmoid() * u.tanh() + f.sigmoid() * c
        return o.sigmoid() * c.tanh(), c
