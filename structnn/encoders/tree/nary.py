"""The N-ary Tree-LSTM: children have places, and weights for each."""

from __future__ import annotations

import torch
from torch import Tensor

from structnn.encoders.tree.base import TreeEncoder
from structnn.encoders.tree.words import WordProjection
from structnn.ops.cells import Cell, Children, StateLinear, States, memory_cell
from structnn.options import Size

__all__ = ["NaryCell", "NaryTreeLSTM"]


class NaryTreeLSTM(TreeEncoder):
    r"""The N-ary Tree-LSTM (Tai, Socher and Manning 2015, equations 9 to 14).

    For node *j* with children *1* to *N*, of which some may be missing (zeros stand for them):

    .. math::
        i_j, o_j &= \sigma\Bigl(W x_j + \sum_l U_l h_{jl} + b\Bigr), \quad
        u_j = \tanh\Bigl(W x_j + \sum_l U_l h_{jl} + b\Bigr) \\
        f_{jk} &= \sigma\Bigl(W^{(f)} x_j + \sum_l U^{(f)}_{kl} h_{jl} + b^{(f)}\Bigr) \\
        c_j &= i_j \odot u_j + \sum_k f_{jk} \odot c_{jk}, \quad h_j = o_j \odot \tanh(c_j)

    With ``arity=2`` over binarised constituency trees it is the paper's constituency Tree-LSTM.

    Args:
        input_dim: The width of the word vectors.
        hidden_dim: The width of the states.
        arity: The largest number of children, N.
        readout: By default the state of the root.

    Raises:
        StructureError: A node has more than ``arity`` children.
    """

    ordered_children = True

    def __init__(
        self, input_dim: int, hidden_dim: int, *, arity: Size = 2, readout: str = "root"
    ) -> None:
        super().__init__(input_dim, hidden_dim, readout=readout)
        self.arity = arity
        self.words = WordProjection(input_dim, hidden_dim, NaryCell.gates)
        self.cell = NaryCell(hidden_dim, arity)


class NaryCell(Cell):
    """The equations of :class:`NaryTreeLSTM`, for all nodes of a level."""

    gates = ("i", "o", "u", "f")
    per_child = ("f",)
    states = ("h", "c")
    arity: int

    def __init__(self, hidden_dim: int, arity: int) -> None:
        super().__init__(hidden_dim)
        self.arity = arity
        # For i, o, u and the forget gate of each child.
        self.child_gates = StateLinear(arity * hidden_dim, (3 + arity) * hidden_dim)
        self.draw_orthogonal(self.child_gates)

    def forward(self, x: Tensor, children: Children | None) -> States:
        """The states ``(h, c)``."""
        carried: Tensor | float = 0.0
        if children is not None:
            h, c = children.states
            gates = self.child_gates(children.side_by_side(h, self.arity))
            gates, forget = gates.split([3 * self.hidden_dim, self.arity * self.hidden_dim], dim=1)
            x = x + gates
            f = torch.sigmoid(children.x + children.one_by_one(forget, self.arity))
            children.note("forget gates", f)
            carried = children.sum(f * c)
        return memory_cell(x, carried)
