"""A child-sum Tree-LSTM that knows by which relation each child depends on its head."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from structnn.data.batch import Batch
from structnn.encoders.labels import UNIVERSAL, check_labels
from structnn.encoders.tree.base import TreeEncoder
from structnn.encoders.tree.words import WordProjection
from structnn.ops.cells import Cell, Children, StateLinear, States, memory_cell
from structnn.options import LabelSize

__all__ = ["RelationalCell", "RelationalTreeLSTM"]


class RelationalTreeLSTM(TreeEncoder):
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
        relation: What a relation is: a gate on the child's state, or a vector added to it.
        relations: How many relations there are, the unknown one included: the length of the
            vocabulary of labels with which batches are made, by default the universal relations.
        readout: By default the state of the root.

    Raises:
        StructureError: A label's number is not below ``relations``.
    """

    earlier_names: ClassVar = {
        "words.linear.": "words.",
        "relations.": "cell.relations.",
        "cell.forget.": "cell.forget_gate.",
    }

    def __init__(
        self,
        input_dim: int,
        hidden_dim: int,
        *,
        relation: Literal["gate", "vector"] = "gate",
        relations: LabelSize = UNIVERSAL,
        readout: str = "root",
    ) -> None:
        super().__init__(input_dim, hidden_dim, readout=readout)
        self.num_labels = relations
        self.words = WordProjection(input_dim, hidden_dim, RelationalCell.gates)
        self.cell = RelationalCell(hidden_dim, relations, gated=relation == "gate")


class RelationalCell(Cell):
    """The equations of :class:`RelationalTreeLSTM`, for all nodes of a level."""

    gates = ("i", "o", "u", "f")
    per_child = ("f",)
    states = ("h", "c")

    def __init__(self, hidden_dim: int, relations: int, *, gated: bool) -> None:
        super().__init__(hidden_dim)
        self.gated = gated
        self.relations = nn.Embedding(relations, hidden_dim)
        # Gates begin open for the most part, vectors near zero: close to the child-sum Tree-LSTM.
        nn.init.normal_(self.relations.weight, 2.0 if gated else 0.0, 0.1)
        self.child_gates = StateLinear(hidden_dim, 3 * hidden_dim)  # i, o and u
        self.forget_gate = StateLinear(hidden_dim, hidden_dim)
        self.draw_orthogonal(self.child_gates, self.forget_gate)

    def check(self, batch: Batch) -> None:
        """Make sure that there are weights for all labels."""
        check_labels(batch.highest_label, self.relations.num_embeddings)

    def forward(self, x: Tensor, children: Children | None) -> States:
        """The states ``(h, c)``."""
        carried: Tensor | float = 0.0
        if children is not None:
            h, c = children.states
            relation = self.relations(children.labels)
            m = relation.sigmoid() * h if self.gated else h + relation
            x = x + self.child_gates(children.sum(m))
            f = torch.sigmoid(children.x + self.forget_gate(m))
            carried = children.sum(f * c)
            children.note("forget gates", f)
        return memory_cell(x, carried)
