"""A child-sum Tree-LSTM that knows by which relation each child depends on its head."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from structnn.batch import Batch
from structnn.encoders.base import Encoder
from structnn.encoders.labels import known_labels
from structnn.encoders.nary import lstm_state
from structnn.encoders.words import WordProjection
from structnn.tree_scan import Cell, Children, scan_up
from structnn.vocabulary import UNIVERSAL_RELATIONS

__all__ = ["RelationalTreeLSTM"]


class RelationalTreeLSTM(Encoder):
    r"""The child-sum Tree-LSTM over messages that depend on each child's relation to its head.

    A child *k* whose relation is *r(k)* sends :math:`m_k` in place of its state :math:`h_k`:

    .. math::
        m_k &= \sigma(g_{r(k)}) \odot h_k \;\text{(a gate)}
            \quad\text{or}\quad m_k = h_k + e_{r(k)} \;\text{(a vector)} \\
        \tilde h_j &= \sum_{k \in C(j)} m_k, \quad
        f_{jk} = \sigma(W^{(f)} x_j + U^{(f)} m_k + b^{(f)})

    and the rest is equations 3 and 5 to 8 of Tai, Socher and Manning (2015); relations as such were
    given to tree networks by Socher et al. (2014). The order of the children does not matter.

    Args:
        input_dim: The width of the word vectors.
        hidden_dim: The width of the states.
        relation: What a relation is, ``"gate"`` or ``"vector"``.
        relations: How many relations there are, the unknown one included: the length of the
            vocabulary of labels with which batches are made, by default the universal relations.
        readout: By default the state of the root.

    Raises:
        StructureError: A label's number is not below ``relations``.
    """

    reads = frozenset({"tree"})

    def __init__(
        self,
        input_dim: int,
        hidden_dim: int,
        *,
        relation: str = "gate",
        relations: int = len(UNIVERSAL_RELATIONS),
        readout: str = "root",
    ) -> None:
        super().__init__(input_dim, hidden_dim, readout=readout)
        if relation not in ("gate", "vector"):
            raise ValueError(f"relation must be 'gate' or 'vector', but is {relation!r}")
        self.gated = relation == "gate"
        self.words = WordProjection(input_dim, 4 * hidden_dim, gates=4)  # i, o, u and f
        nn.init.ones_(self.words.linear.bias.data[3 * hidden_dim :])  # begin by remembering
        self.relations = nn.Embedding(relations, hidden_dim)
        # Gates begin open for the most part, vectors near zero: close to the child-sum Tree-LSTM.
        nn.init.normal_(self.relations.weight, 2.0 if self.gated else 0.0, 0.1)
        self.cell = RelationalCell(hidden_dim, gated=self.gated)

    def encode(self, x: Tensor, batch: Batch) -> Tensor:
        """The hidden state of each node."""
        relations = self.relations(known_labels(batch.node_labels, self.relations.num_embeddings))
        if self.gated:
            relations = relations.sigmoid()
        words = self.words(x, batch)
        states = scan_up(batch, torch.cat([words, relations.to(words.dtype)], dim=1), self.cell)
        return states[:, : self.output_dim]


class RelationalCell(Cell):
    """One level of :class:`RelationalTreeLSTM`; the state is ``[h, c, m]``."""

    def __init__(self, hidden_dim: int, *, gated: bool) -> None:
        super().__init__(3 * hidden_dim)
        self.hidden_dim = hidden_dim
        self.gated = gated
        self.child_gates = nn.Linear(hidden_dim, 3 * hidden_dim, bias=False)  # i, o and u
        self.forget = nn.Linear(hidden_dim, hidden_dim, bias=False)
        for gate in (*self.child_gates.weight.data.split(hidden_dim), self.forget.weight.data):
            nn.init.orthogonal_(gate)

    def forward(self, x: Tensor, children: Children | None) -> Tensor:
        hidden = self.hidden_dim
        gates, forget, relation = x.split([3 * hidden, hidden, hidden], dim=1)
        carried: Tensor | None = None
        if children is not None:
            _, c, m = children.states.chunk(3, dim=1)
            gates = gates + self.child_gates(children.sum(m))
            forget = (forget.index_select(0, children.parent) + self.forget(m)).sigmoid()
            children.note("forget gates", forget)
            carried = children.sum(forget * c)
        state = lstm_state(gates, carried)
        h = state[:, :hidden]
        return torch.cat([state, relation * h if self.gated else relation + h], dim=1)
