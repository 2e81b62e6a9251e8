"""A child-sum Tree-LSTM that knows by which relation each child depends on its head."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from structnn.checks import at_least
from structnn.data.batch import Batch
from structnn.data.schedule import Schedule
from structnn.data.vocabulary import UNIVERSAL_RELATIONS
from structnn.encoders.base import Encoder
from structnn.encoders.labels import known_labels
from structnn.encoders.tree.tree_lstm import StepGradients, lstm_step
from structnn.encoders.tree.words import WordProjection
from structnn.fused.child_sum import FusedChildSum, can_compute
from structnn.notes import note, notes_wanted
from structnn.ops.paths import up_the_tree
from structnn.ops.tree_scan import apply_function, reorder, sum_children

__all__ = ["RelationalTreeLSTM", "relational_tree_lstm"]


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
        at_least(1, relations=relations)
        self.gated = relation == "gate"
        self.words = WordProjection(input_dim, 4 * hidden_dim, gates=4)  # i, o, u and f
        nn.init.ones_(self.words.linear.bias.data[3 * hidden_dim :])  # begin by remembering
        self.relations = nn.Embedding(relations, hidden_dim)
        # Gates begin open for the most part, vectors near zero: close to the child-sum Tree-LSTM.
        nn.init.normal_(self.relations.weight, 2.0 if self.gated else 0.0, 0.1)
        self.cell = ChildWeights(hidden_dim)

    def encode(self, x: Tensor, batch: Batch) -> Tensor:
        """The hidden state of each node."""
        schedule = batch.schedule
        labels = known_labels(batch.node_labels, self.relations.num_embeddings)
        relations = self.relations.weight.sigmoid() if self.gated else self.relations.weight
        words = self.words.linear
        return relational_tree_lstm(
            batch.to_nodes(x.to(words.weight.dtype)),
            words.weight,
            words.bias,
            self.cell.child_gates.weight,
            self.cell.forget.weight,
            F.embedding(labels.index_select(0, schedule.order), relations),
            self.gated,
            schedule,
        )

    def steps(self, batch: Batch) -> Tensor:
        """One for each node on the way up from a word."""
        return up_the_tree(batch)


class ChildWeights(nn.Module):
    """The weights of the children's messages."""

    def __init__(self, hidden_dim: int) -> None:
        super().__init__()
        self.child_gates = nn.Linear(hidden_dim, 3 * hidden_dim, bias=False)  # i, o and u
        self.forget = nn.Linear(hidden_dim, hidden_dim, bias=False)
        for gate in (*self.child_gates.weight.data.split(hidden_dim), self.forget.weight.data):
            nn.init.orthogonal_(gate)


def relational_tree_lstm(
    x: Tensor,
    w: Tensor,
    b: Tensor,
    u_iou: Tensor,
    u_f: Tensor,
    relations: Tensor,
    gated: bool,
    schedule: Schedule,
) -> Tensor:
    """The hidden states of all nodes.

    A C++ operator computes them where it can, see :func:`structnn.fused.build.load`, and PyTorch
    everywhere else.

    Args:
        x: ``(nodes, input)``.
        w: ``(4 hidden, input)``, the input's weights for gates i, o, u and f.
        b: ``(4 hidden,)``, their biases.
        u_iou: ``(3 hidden, hidden)``, the weights of the messages' sum for i, o and u.
        u_f: ``(hidden, hidden)``, the weights of a child's message for its forget gate.
        relations: ``(nodes, hidden)``, of each node's relation to its parent the gate or the vector,
            in the schedule's order.
        gated: Whether it is a gate.
        schedule: The order of the nodes.

    Returns:
        ``(nodes, hidden)``.
    """
    weights = (w, b, u_iou, u_f)
    if can_compute(x, *weights):
        order = schedule.order
        return apply_function(FusedChildSum, x, *weights, schedule, order, relations, gated)
    inputs = reorder(x, schedule.order, schedule.rank)
    states = apply_function(_Relational, inputs, *weights, relations, gated, schedule)
    return reorder(states, schedule.rank, schedule.order)


class _Relational(torch.autograd.Function):
    """The passes of the child-sum Tree-LSTM, a message in the place of a child's state.

    A node's forget gate is computed at the node itself, with its parent's input, and ``[m, f * c]``
    lies side by side: a level then needs one sum over children and one product. Backward, each node
    *pulls* what it needs from its parent, and each weight's gradient is one product at the end.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        w: Tensor,
        b: Tensor,
        u_iou: Tensor,
        u_f: Tensor,
        relations: Tensor,
        gated: bool,
        schedule: Schedule,
    ) -> Tensor:
        nodes, leaves = schedule.num_nodes, schedule.num_leaves
        hidden = len(u_f)
        gates = x.new_empty(nodes, 3 * hidden)  # i, o and u: first their sums, then their values
        torch.addmm(b[: 3 * hidden], x, w[: 3 * hidden].t(), out=gates)
        # Only nodes with children have forget gates to feed. The last row is for the roots, which
        # have no parent; nobody reads the forget gates computed with it.
        forget_inputs = x.new_zeros(nodes - leaves + 1, hidden)
        torch.addmm(b[3 * hidden :], x[leaves:], w[3 * hidden :].t(), out=forget_inputs[:-1])
        forget_row = schedule.parent - leaves  # (nodes,)

        h = x.new_empty(nodes, hidden)
        cells = x.new_empty(nodes, hidden)
        carried = x.new_empty(nodes, 2 * hidden)  # m and f * c
        forgets = x.new_empty(nodes, hidden)
        sums = x.new_empty(nodes - leaves, hidden)  # the messages' sum at each inner node
        u_iou_t, u_f_t = u_iou.t(), u_f.t()
        for (begin, end), edges in zip(schedule.levels, schedule.edges, strict=True):
            level, below = slice(begin, end), None
            if begin >= leaves:
                summed = sum_children(carried, schedule, (begin, end), edges)
                sums[begin - leaves : end - leaves] = summed[:, :hidden]
                gates[level].addmm_(summed[:, :hidden], u_iou_t)
                below = summed[:, hidden:]
            lstm_step(gates[level], cells[level], h[level], below)
            message = carried[level, :hidden]
            combine = torch.mul if gated else torch.add
            combine(relations[level], h[level], out=message)
            forget = forgets[level]
            torch.index_select(forget_inputs, 0, forget_row[level], out=forget)
            forget.addmm_(message, u_f_t).sigmoid_()
            torch.mul(forget, cells[level], out=carried[level, hidden:])
        if notes_wanted():  # of each node as a child, zeros at the roots
            is_child = (schedule.parent < nodes)[:, None]
            note("forget gates", (forgets * is_child)[schedule.rank])
        message = carried[:, :hidden].contiguous()
        ctx.save_for_backward(x, w, u_iou, u_f, relations, gates, cells, forgets, sums, h, message)
        ctx.gated, ctx.schedule = gated, schedule
        return h

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_h: Tensor) -> tuple[Tensor | None, ...]:
        x, w, u_iou, u_f, relations, gates, cells, forgets, sums, h, message = ctx.saved_tensors
        schedule: Schedule = ctx.schedule
        (nodes, hidden), leaves = h.shape, schedule.num_leaves
        steps = StepGradients(gates, cells)
        c_to_forget = cells * forgets * (1 - forgets)
        # Of each node the gradients of its children's sums, of messages and of cells. The last row
        # stays zero; it is what roots pull.
        sources = x.new_zeros(nodes - leaves + 1, 2 * hidden)
        row = schedule.parent - leaves
        d_gates = torch.empty_like(gates)
        d_forgets = torch.empty_like(forgets)
        d_messages = torch.empty_like(h)
        for begin, end in reversed(schedule.levels):
            level = slice(begin, end)
            pulled = sources.index_select(0, row[level])
            d_cell = pulled[:, hidden:]
            torch.mul(d_cell, c_to_forget[level], out=d_forgets[level])
            d_message = d_messages[level]
            torch.addmm(pulled[:, :hidden], d_forgets[level], u_f, out=d_message)
            if ctx.gated:
                d_h = torch.addcmul(grad_h[level], d_message, relations[level])
            else:
                d_h = grad_h[level] + d_message
            d_cell.mul_(forgets[level])
            steps.step(level, d_h, d_cell, d_gates[level])
            if begin >= leaves:  # leaves have no children to pull from them
                source = sources[begin - leaves : end - leaves]
                torch.mm(d_gates[level], u_iou, out=source[:, :hidden])
                source[:, hidden:] = d_cell

        d_forget_inputs = (
            F.embedding_bag(  # (inner nodes, hidden): summed over each node's children
                schedule.child, d_forgets, schedule.child_ptr, mode="sum", include_last_offset=True
            )
        )
        d_x = d_w = d_b = d_u_iou = d_u_f = d_relations = None
        if ctx.needs_input_grad[0]:
            d_x = d_gates @ w[: 3 * hidden]
            d_x[leaves:].addmm_(d_forget_inputs, w[3 * hidden :])
        if ctx.needs_input_grad[1]:
            d_w = torch.cat([d_gates.t() @ x, d_forget_inputs.t() @ x[leaves:]])
        if ctx.needs_input_grad[2]:
            d_b = torch.cat([d_gates.sum(0), d_forget_inputs.sum(0)])
        if ctx.needs_input_grad[3]:
            d_u_iou = d_gates[leaves:].t() @ sums
        if ctx.needs_input_grad[4]:
            d_u_f = d_forgets.t() @ message  # roots pulled zeros, so theirs is zero
        if ctx.needs_input_grad[5]:
            d_relations = d_messages.mul_(h) if ctx.gated else d_messages
        return d_x, d_w, d_b, d_u_iou, d_u_f, d_relations, None, None
