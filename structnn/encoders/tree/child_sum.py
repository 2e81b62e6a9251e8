"""The child-sum Tree-LSTM."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from structnn.encoders.tree.base import TreeEncoder
from structnn.encoders.tree.words import WordProjection
from structnn.ops.cells import Cell, Children, StateLinear, States, memory_cell

__all__ = ["ChildSumCell", "ChildSumTreeLSTM"]


class ChildSumTreeLSTM(TreeEncoder):
    r"""The child-sum Tree-LSTM (Tai, Socher and Manning 2015, equations 2 to 8).

    For node *j* with children *C(j)*:

    .. math::
        \tilde h_j &= \sum_{k \in C(j)} h_k \\
        i_j, o_j &= \sigma(W x_j + U \tilde h_j + b), \quad u_j = \tanh(W x_j + U \tilde h_j + b) \\
        f_{jk} &= \sigma(W^{(f)} x_j + U^{(f)} h_k + b^{(f)}) \\
        c_j &= i_j \odot u_j + \sum_{k \in C(j)} f_{jk} \odot c_k, \quad h_j = o_j \odot \tanh(c_j)

    The order of the children does not matter. On a left chain it is an LSTM over the sentence.

    Args:
        input_dim: The width of the word vectors.
        hidden_dim: The width of the states.
        readout: By default the state of the root.
    """

    earlier_names: ClassVar = {
        "input_gates.": "words.",
        "child_gates.": "cell.child_gates.",
        "forget_gate.": "cell.forget_gate.",
    }

    def __init__(self, input_dim: int, hidden_dim: int, *, readout: str = "root") -> None:
        super().__init__(input_dim, hidden_dim, readout=readout)
        cell = ChildSumCell(hidden_dim)
        self.words = WordProjection(input_dim, hidden_dim, cell.gates)
        self.cell = cell
        cell.reset_parameters()  # last, so that a seed gives the weights that it gave in version 0.1.0


class ChildSumCell(Cell):
    """The equations of :class:`ChildSumTreeLSTM`, for all nodes of a level."""

    gates = ("i", "o", "u", "f")
    per_child = ("f",)
    states = ("h", "c")

    def __init__(self, hidden_dim: int) -> None:
        super().__init__(hidden_dim)
        self.child_gates = StateLinear(hidden_dim, 3 * hidden_dim)  # i, o and u
        self.forget_gate = StateLinear(hidden_dim, hidden_dim)

    def reset_parameters(self) -> None:
        """Draw initial weights."""
        self.draw_orthogonal(self.child_gates, self.forget_gate)

    def forward(self, x: Tensor, children: Children | None) -> States:
        """The states ``(h, c)``."""
        carried: Tensor | float = 0.0
        if children is not None:
            h, c = children.states
            x = x + self.child_gates(children.sum(h))
            f = torch.sigmoid(children.x + self.forget_gate(h))
            carried = children.sum(f * c)
            children.note("forget gates", f)
        return memory_cell(x, carried)
