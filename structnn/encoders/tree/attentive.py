"""A Tree-LSTM that attends to its children."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from structnn.data.batch import Batch
from structnn.encoders.base import Encoder
from structnn.encoders.tree.words import WordProjection
from structnn.ops.paths import up_the_tree
from structnn.ops.tree_scan import Cell, Children, scan_up

__all__ = ["AttentiveTreeLSTM"]


class AttentiveTreeLSTM(Encoder):
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

    reads = frozenset({"tree"})

    def __init__(self, input_dim: int, hidden_dim: int, *, readout: str = "root") -> None:
        super().__init__(input_dim, hidden_dim, readout=readout)
        self.words = WordProjection(input_dim, 5 * hidden_dim, gates=5)  # i, o, u, f and attention
        nn.init.ones_(self.words.linear.bias.data[3 * hidden_dim : 4 * hidden_dim])
        self.cell = AttentiveCell(hidden_dim)

    def encode(self, x: Tensor, batch: Batch) -> Tensor:
        """The hidden state of each node."""
        return scan_up(batch, self.words(x, batch), self.cell)[:, : self.output_dim]

    def steps(self, batch: Batch) -> Tensor:
        """One for each node on the way up from a word."""
        return up_the_tree(batch)


class AttentiveCell(Cell):
    """One level of :class:`AttentiveTreeLSTM`; the state is ``[h, c]``."""

    def __init__(self, hidden_dim: int) -> None:
        super().__init__(2 * hidden_dim)
        self.hidden_dim = hidden_dim
        self.child_gates = nn.Linear(hidden_dim, 3 * hidden_dim, bias=False)  # i, o and u
        self.child = nn.Linear(hidden_dim, 2 * hidden_dim, bias=False)  # f and attention
        for layer in (self.child_gates, self.child):
            for gate in layer.weight.data.split(hidden_dim):
                nn.init.orthogonal_(gate)
        self.query = nn.Linear(hidden_dim, 1, bias=False)

    def forward(self, x: Tensor, children: Children | None) -> Tensor:
        hidden = self.hidden_dim
        gates, edge_gates = x.split([3 * hidden, 2 * hidden], dim=1)
        carried: Tensor | None = None
        if children is not None:
            h, c = children.states.chunk(2, dim=1)
            edge_gates = edge_gates.index_select(0, children.parent) + self.child(h)
            forget, attention = edge_gates.chunk(2, dim=1)  # (children, hidden) each
            weights = children.softmax(self.query(attention.tanh()))  # (children, 1)
            gates = gates + self.child_gates(children.sum(weights * h))
            forget = forget.sigmoid()
            children.note("forget gates", forget)
            children.note("attention over children", weights)
            carried = children.sum(forget * c)
        return lstm_state(gates, carried)


def lstm_state(gates: Tensor, carried: Tensor | None) -> Tensor:
    """``[h, c]`` from the sums of gates i, o and u, and from what the forget gates let through.

    Args:
        gates: ``(level, 3 hidden)``.
        carried: ``(level, hidden)``; None for nothing.
    """
    hidden = gates.shape[1] // 3
    i, o = gates[:, : 2 * hidden].sigmoid().chunk(2, dim=1)
    c = i * gates[:, 2 * hidden :].tanh()
    if carried is not None:
        c = c + carried
    return torch.cat([o * c.tanh(), c], dim=1)
