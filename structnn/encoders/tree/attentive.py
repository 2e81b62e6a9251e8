"""A Tree-LSTM that attends to its children."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from structnn.encoders.tree.base import TreeEncoder
from structnn.encoders.tree.words import WordProjection
from structnn.ops.cells import Cell, Children, StateLinear, States, memory_cell

__all__ = ["AttentiveCell", "AttentiveTreeLSTM"]


class AttentiveTreeLSTM(TreeEncoder):
    r"""A child-sum Tree-LSTM in which attention weighs the children (Zhou, Liu and Pan 2016).

    .. math::
        \alpha_{jk} &= \mathrm{softmax}_{k \in C(j)}
            \bigl(v^\top \tanh(W^{(a)} x_j + U^{(a)} h_k + b^{(a)})\bigr) \\
        \tilde h_j &= \sum_{k \in C(j)} \alpha_{jk} h_k

    takes the place of the plain sum; the rest is equations 3 to 8 of Tai, Socher and Manning (2015).
    The paper asks with the vector of the other sentence of a pair; here the head's own word asks. The
    order of the children does not matter.

    Args:
        input_dim: The width of the word vectors.
        hidden_dim: The width of the states and of the attention.
        readout: By default the state of the root.
    """

    earlier_names: ClassVar = {"words.linear.": "words.", "cell.child.": "cell.edge_gates."}

    def __init__(self, input_dim: int, hidden_dim: int, *, readout: str = "root") -> None:
        super().__init__(input_dim, hidden_dim, readout=readout)
        self.words = WordProjection(input_dim, hidden_dim, AttentiveCell.gates)
        self.cell = AttentiveCell(hidden_dim)


class AttentiveCell(Cell):
    """The equations of :class:`AttentiveTreeLSTM`, for all nodes of a level."""

    gates = ("i", "o", "u", "f", "attention")
    per_child = ("f", "attention")
    states = ("h", "c")

    def __init__(self, hidden_dim: int) -> None:
        super().__init__(hidden_dim)
        self.child_gates = StateLinear(hidden_dim, 3 * hidden_dim)  # i, o and u
        self.edge_gates = StateLinear(hidden_dim, 2 * hidden_dim)  # f and attention
        self.draw_orthogonal(self.child_gates, self.edge_gates)
        self.query = StateLinear(hidden_dim, 1)

    def forward(self, x: Tensor, children: Children | None) -> States:
        """The states ``(h, c)``."""
        carried: Tensor | float = 0.0
        if children is not None:
            h, c = children.states
            f, attention = (children.x + self.edge_gates(h)).chunk(2, dim=1)
            alpha = children.softmax(self.query(attention.tanh()))  # (children, 1)
            x = x + self.child_gates(children.sum(alpha * h))
            f = f.sigmoid()
            carried = children.sum(f * c)
            children.note("forget gates", f)
            children.note("attention over children", alpha)
        return memory_cell(x, carried)
