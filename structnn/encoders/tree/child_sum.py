"""The child-sum Tree-LSTM, a level of many trees at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from structnn.data.batch import Batch
from structnn.data.schedule import Schedule
from structnn.encoders.base import Encoder
from structnn.fused.child_sum import FusedChildSum, can_compute
from structnn.notes import note, notes_wanted
from structnn.ops.paths import up_the_tree
from structnn.ops.tree_scan import apply_function, sum_children

__all__ = ["ChildSumTreeLSTM", "child_sum_tree_lstm"]


class ChildSumTreeLSTM(Encoder):
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

    reads = frozenset({"tree"})

    def __init__(self, input_dim: int, hidden_dim: int, *, readout: str = "root") -> None:
        super().__init__(input_dim, hidden_dim, readout=readout)
        self.input_gates = nn.Linear(input_dim, 4 * hidden_dim)  # i, o, u and f
        self.child_gates = nn.Linear(hidden_dim, 3 * hidden_dim, bias=False)  # i, o and u
        self.forget_gate = nn.Linear(hidden_dim, hidden_dim, bias=False)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Glorot for inputs, orthogonal for states, and forget gates that begin by remembering."""
        hidden = self.output_dim
        for gate in self.input_gates.weight.data.split(hidden):
            nn.init.xavier_uniform_(gate)
        for gate in (*self.child_gates.weight.data.split(hidden), self.forget_gate.weight.data):
            nn.init.orthogonal_(gate)
        nn.init.zeros_(self.input_gates.bias)
        nn.init.ones_(self.input_gates.bias.data[3 * hidden :])

    def encode(self, x: Tensor, batch: Batch) -> Tensor:
        """The hidden state of each node."""
        schedule = batch.schedule
        w = self.input_gates.weight
        return child_sum_tree_lstm(
            batch.to_nodes(x).to(w.dtype),  # the layer before may have been cast by autocast
            w,
            self.input_gates.bias,
            self.child_gates.weight,
            self.forget_gate.weight,
            schedule,
            schedule.order,
        )

    def steps(self, batch: Batch) -> Tensor:
        """One for each node on the way up from a word."""
        return up_the_tree(batch)


def child_sum_tree_lstm(
    x: Tensor,
    w: Tensor,
    b: Tensor,
    u_iou: Tensor,
    u_f: Tensor,
    schedule: Schedule,
    rows: Tensor | None = None,
) -> Tensor:
    """The hidden states of all nodes.

    A C++ operator computes them where it can, see :func:`structnn.fused.build.load`, and PyTorch
    everywhere else.

    Args:
        x: ``(nodes, input)``.
        w: ``(4 hidden, input)``, the input's weights for gates i, o, u and f.
        b: ``(4 hidden,)``, their biases.
        u_iou: ``(3 hidden, hidden)``, the weights of the children's sum for i, o and u.
        u_f: ``(hidden, hidden)``, the weights of a child's state for its forget gate.
        schedule: The order in which the nodes are visited.
        rows: ``(nodes,)``, the row of ``x``, and of the result, of the node at each place in the
            schedule; None where they are in that order.

    Returns:
        ``(nodes, hidden)``.
    """
    if rows is None:
        rows = torch.arange(schedule.num_nodes, device=x.device)
    function: type[torch.autograd.Function] = _ChildSum
    if can_compute(x, w, b, u_iou, u_f):
        function = FusedChildSum
    return apply_function(function, x, w, b, u_iou, u_f, schedule, rows)


class _ChildSum(torch.autograd.Function):
    """Forward bottom-up, backward top-down, one step for each level.

    A node's forget gate is computed at the node itself, with its parent's input, and ``[h, f * c]``
    lies side by side: a level then needs one sum over children and one product. Backward, each node
    *pulls* what it needs from its parent, so nothing is scattered, and weights get their gradients
    from many nodes at a time at the end.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        w: Tensor,
        b: Tensor,
        u_iou: Tensor,
        u_f: Tensor,
        schedule: Schedule,
        rows: Tensor,
    ) -> Tensor:
        nodes, leaves, hidden = schedule.num_nodes, schedule.num_leaves, u_f.shape[0]
        w_iou, w_f = w.split([3 * hidden, hidden])
        b_iou, b_f = b.split([3 * hidden, hidden])
        gates = x.new_empty(nodes, 3 * hidden)  # i, o and u: first their sums, then their values
        # Only nodes with children have forget gates to feed. The last row is for the roots, which
        # have no parent; nobody reads the forget gates computed with it.
        forget_inputs = x.new_zeros(nodes - leaves + 1, hidden)
        for begin, end in _pieces(schedule, x):
            words = x.index_select(0, rows[begin:end])
            torch.addmm(b_iou, words, w_iou.t(), out=gates[begin:end])
            if begin >= leaves:
                out = forget_inputs[begin - leaves : end - leaves]
                torch.addmm(b_f, words, w_f.t(), out=out)
        parent_row = schedule.parent - leaves  # (nodes,), among the inner nodes

        carried = x.new_empty(nodes, 2 * hidden)  # h and f * c
        cells = x.new_empty(nodes, hidden)
        forgets = x.new_empty(nodes, hidden)
        sums = x.new_empty(nodes - leaves, hidden)  # the children's sum at each inner node
        u_iou_t, u_f_t = u_iou.t(), u_f.t()
        for (begin, end), edges in zip(schedule.levels, schedule.edges, strict=True):
            gate = gates[begin:end]
            cell = cells[begin:end]
            if begin >= leaves and begin > 0:
                summed = sum_children(carried, schedule, (begin, end), edges)
                sums[begin - leaves : end - leaves] = summed[:, :hidden]
                gate.addmm_(summed[:, :hidden], u_iou_t)
            gate[:, : 2 * hidden].sigmoid_()
            gate[:, 2 * hidden :].tanh_()
            torch.mul(gate[:, :hidden], gate[:, 2 * hidden :], out=cell)
            if begin >= leaves and begin > 0:
                cell += summed[:, hidden:]
            h = carried[begin:end, :hidden]
            torch.mul(gate[:, hidden : 2 * hidden], cell.tanh(), out=h)
            forget = forget_inputs.index_select(0, parent_row[begin:end])
            forget.addmm_(h, u_f_t).sigmoid_()
            forgets[begin:end] = forget
            torch.mul(forget, cell, out=carried[begin:end, hidden:])
        h = x.new_empty(nodes, hidden).index_copy_(0, rows, carried[:, :hidden])
        if notes_wanted():  # of each node for its parent
            note("forget gates", forgets.index_select(0, schedule.rank))
        ctx.save_for_backward(x, w, u_iou, u_f, gates, cells, forgets, sums, h)
        ctx.schedule, ctx.rows = schedule, rows
        return h

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_h: Tensor) -> tuple[Tensor | None, ...]:
        x, w, u_iou, u_f, gates, cells, forgets, sums, h = ctx.saved_tensors
        schedule: Schedule = ctx.schedule
        rows: Tensor = ctx.rows
        nodes, hidden = h.shape
        leaves = schedule.num_leaves

        # The pointwise factors of all nodes at once, where the gradients will be: a level multiplies
        # them by what it pulls.
        i, o, u = gates.split(hidden, dim=1)
        d_gates = torch.empty_like(gates)
        d_i, d_o, d_u = d_gates.split(hidden, dim=1)
        tanh_c = cells.tanh()
        torch.mul(u, i, out=d_i).addcmul_(d_i, i, value=-1)  # u i (1 - i)
        torch.mul(tanh_c, o, out=d_o).addcmul_(d_o, o, value=-1)  # tanh(c) o (1 - o)
        torch.mul(i, u, out=d_u).mul_(u).neg_().add_(i)  # i (1 - u^2)
        h_to_c = tanh_c.square_().neg_().add_(1).mul_(o)  # o (1 - tanh(c)^2)
        d_forgets = cells * forgets
        d_forgets.addcmul_(d_forgets, forgets, value=-1)  # c f (1 - f)

        # Of each inner node: the gradient of its children's sum, and of its cell. The last row stays
        # zero; it is what roots pull.
        pulled_from = x.new_zeros(nodes - leaves + 1, 2 * hidden)
        parent_row = schedule.parent - leaves
        for begin, end in reversed(schedule.levels):
            pulled = pulled_from.index_select(0, parent_row[begin:end])
            d_h, d_cell = pulled.split(hidden, dim=1)
            d_forget = d_forgets[begin:end].mul_(d_cell)
            d_h.add_(grad_h.index_select(0, rows[begin:end])).addmm_(d_forget, u_f)
            d_cell.mul_(forgets[begin:end]).addcmul_(d_h, h_to_c[begin:end])
            d_i[begin:end].mul_(d_cell)
            d_o[begin:end].mul_(d_h)
            d_u[begin:end].mul_(d_cell)
            if begin >= leaves:  # leaves have no children to pull from them
                d_sum, d_own_cell = pulled_from[begin - leaves : end - leaves].split(hidden, dim=1)
                torch.mm(d_gates[begin:end], u_iou, out=d_sum)
                d_own_cell.copy_(d_cell)
        del h_to_c, tanh_c, pulled_from

        # The sum that a node's word adds to its children's forget gates: (inner nodes, hidden).
        d_inner_forgets = F.embedding_bag(
            schedule.child, d_forgets, schedule.child_ptr, mode="sum", include_last_offset=True
        )
        needs_x, needs_w, needs_b, needs_u_iou, needs_u_f = ctx.needs_input_grad[:5]
        d_x = torch.empty_like(x) if needs_x else None
        d_w = torch.zeros_like(w) if needs_w else None
        d_u_iou = torch.zeros_like(u_iou) if needs_u_iou else None
        d_u_f = torch.zeros_like(u_f) if needs_u_f else None
        w_iou, w_f = w.split([3 * hidden, hidden])
        for begin, end in _pieces(schedule, x):
            row, d_gate = rows[begin:end], d_gates[begin:end]
            is_inner, inner = begin >= leaves, slice(begin - leaves, end - leaves)
            if d_x is not None:
                d_word = x.new_zeros(end - begin, x.shape[1]).addmm_(d_gate, w_iou)
                if is_inner:
                    d_word.addmm_(d_inner_forgets[inner], w_f)
                d_x.index_copy_(0, row, d_word)
            if d_w is not None:
                word = x.index_select(0, row)
                d_w[: 3 * hidden].addmm_(d_gate.t(), word)
                if is_inner:
                    d_w[3 * hidden :].addmm_(d_inner_forgets[inner].t(), word)
            if d_u_iou is not None and is_inner:
                d_u_iou.addmm_(d_gate.t(), sums[inner])
            if d_u_f is not None:  # roots pulled zeros, so theirs is zero
                d_u_f.addmm_(d_forgets[begin:end].t(), h.index_select(0, row))
        d_b = torch.cat([d_gates.sum(0), d_inner_forgets.sum(0)]) if needs_b else None
        return d_x, d_w, d_b, d_u_iou, d_u_f, None, None


def _pieces(schedule: Schedule, x: Tensor) -> Iterator[tuple[int, int]]:
    """The ranks of some nodes at a time, all of them leaves or none.

    On a CPU products with many rows take up to twice as long as in pieces of a few hundred rows.
    """
    step = 256 if x.is_cpu else schedule.num_nodes
    for first, last in ((0, schedule.num_leaves), (schedule.num_leaves, schedule.num_nodes)):
        for begin in range(first, last, step):
            yield begin, min(begin + step, last)
