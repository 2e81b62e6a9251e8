"""The N-ary Tree-LSTM: children have places, and weights for each."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from structnn.batch import Batch
from structnn.encoders.base import Encoder
from structnn.encoders.words import WordProjection
from structnn.tree_scan import Cell, Children, check_arity, scan_up

__all__ = ["NaryTreeLSTM"]


class NaryTreeLSTM(Encoder):
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

    reads = frozenset({"tree"})
    ordered_children = True

    def __init__(
        self, input_dim: int, hidden_dim: int, *, arity: int = 2, readout: str = "root"
    ) -> None:
        super().__init__(input_dim, hidden_dim, readout=readout)
        self.arity = arity
        self.words = WordProjection(input_dim, 4 * hidden_dim, gates=4)  # i, o, u and f
        nn.init.ones_(self.words.linear.bias.data[3 * hidden_dim :])  # begin by remembering
        self.cell = NaryCell(hidden_dim, arity)

    def encode(self, x: Tensor, batch: Batch) -> Tensor:
        """The hidden state of each node."""
        check_arity(batch, self.arity)
        states = scan_up(batch, self.words(x, batch), self.cell)
        return states[:, : self.output_dim]


class NaryCell(Cell):
    """One level of :class:`NaryTreeLSTM`; the state is ``[h, c]``."""

    def __init__(self, hidden_dim: int, arity: int) -> None:
        super().__init__(2 * hidden_dim)
        self.hidden_dim = hidden_dim
        self.arity = arity
        # For i, o and u, then for the forget gate of each child.
        self.child_gates = nn.Linear(arity * hidden_dim, (3 + arity) * hidden_dim, bias=False)
        for gate in self.child_gates.weight.data.split(hidden_dim):
            for slot in gate.split(hidden_dim, dim=1):
                nn.init.orthogonal_(slot)

    def forward(self, x: Tensor, children: Children | None) -> Tensor:
        hidden = self.hidden_dim
        gates, forget = x.split([3 * hidden, hidden], dim=1)
        carried: Tensor | None = None
        if children is not None:
            slots = children.slots(self.arity)  # (level, arity, 2 * hidden)
            from_children = self.child_gates(slots[..., :hidden].flatten(1))
            gates = gates + from_children[:, : 3 * hidden]
            forgets = from_children[:, 3 * hidden :].unflatten(1, (self.arity, hidden))
            forgets = (forgets + forget[:, None]).sigmoid()  # (level, arity, hidden)
            children.note("forget gates", forgets[children.parent, children.place])
            carried = (forgets * slots[..., hidden:]).sum(1)
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
