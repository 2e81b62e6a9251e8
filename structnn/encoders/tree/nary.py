"""The N-ary Tree-LSTM: children have places, and weights for each."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from structnn.checks import at_least
from structnn.data.batch import Batch
from structnn.data.schedule import Schedule
from structnn.encoders.base import Encoder
from structnn.encoders.tree.tree_lstm import StepGradients, lstm_step, words_by_rank
from structnn.encoders.tree.words import WordProjection
from structnn.fused.nary import FusedNary, can_compute
from structnn.notes import note, notes_wanted
from structnn.ops.paths import up_the_tree
from structnn.ops.tree_scan import apply_function, check_arity, reorder

__all__ = ["NaryTreeLSTM", "nary_tree_lstm"]


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
        at_least(1, arity=arity)
        self.arity = arity
        self.words = WordProjection(input_dim, 4 * hidden_dim, gates=4)  # i, o, u and f
        nn.init.ones_(self.words.linear.bias.data[3 * hidden_dim :])  # begin by remembering
        self.cell = NaryWeights(hidden_dim, arity)

    def encode(self, x: Tensor, batch: Batch) -> Tensor:
        """The hidden state of each node."""
        check_arity(batch, self.arity)
        schedule = batch.schedule
        words = self.words.linear
        states = nary_tree_lstm(
            words_by_rank(x.to(words.weight.dtype), batch),
            words.weight,
            words.bias,
            self.cell.child_gates.weight,
            schedule,
        )
        return reorder(states, schedule.rank, schedule.order)

    def steps(self, batch: Batch) -> Tensor:
        """One for each node on the way up from a word."""
        return up_the_tree(batch)


class NaryWeights(nn.Module):
    """The weights of the children's states: for i, o and u, then for each child's forget gate."""

    def __init__(self, hidden_dim: int, arity: int) -> None:
        super().__init__()
        self.child_gates = nn.Linear(arity * hidden_dim, (3 + arity) * hidden_dim, bias=False)
        for gate in self.child_gates.weight.data.split(hidden_dim):
            for slot in gate.split(hidden_dim, dim=1):
                nn.init.orthogonal_(slot)


def nary_tree_lstm(x: Tensor, w: Tensor, b: Tensor, u: Tensor, schedule: Schedule) -> Tensor:
    """The hidden states of all nodes, in the schedule's order.

    A C++ operator computes them where it can, see :func:`structnn.fused.build.load`, and PyTorch
    everywhere else.

    Args:
        x: ``(rows, input)``, as :func:`~structnn.encoders.tree.tree_lstm.words_by_rank` gives it.
        w: ``(4 hidden, input)``, the input's weights for gates i, o, u and f.
        b: ``(4 hidden,)``, their biases.
        u: ``((3 + arity) hidden, arity hidden)``, the weights of the children's states, side by
            side, for i, o, u and the forget gate of each child.
        schedule: The order of the nodes; none has more than ``arity`` children.

    Returns:
        ``(nodes, hidden)``.
    """
    function: type[torch.autograd.Function] = _Nary
    if can_compute(x, w, b, u):
        function = FusedNary
    return apply_function(function, x, w, b, u, schedule)


class _Nary(torch.autograd.Function):
    """Forward bottom-up, backward top-down, one step for each level.

    The states of a node's children are gathered side by side into a row; row *nodes* of the states
    stays zero and stands for a child that is missing. Backward, each node *pulls* from its place in
    its parent's row, so nothing is scattered, and each weight's gradient is one product at the end.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, w: Tensor, b: Tensor, u: Tensor, schedule: Schedule) -> Tensor:
        nodes, leaves, rows = schedule.num_nodes, schedule.num_leaves, len(x)
        hidden = len(b) // 4
        arity = u.shape[1] // hidden
        inner = nodes - leaves
        b_iou, b_f = b[: 3 * hidden], b[3 * hidden :]
        w_iou_t, w_f_t = w[: 3 * hidden].t(), w[3 * hidden :].t()
        # Copies: products of few rows are faster with them.
        u_iou_t, u_f_t = u[: 3 * hidden].t().contiguous(), u[3 * hidden :].t().contiguous()
        gates = x.new_empty(nodes, 3 * hidden)  # i, o and u: first their sums, then their values
        torch.addmm(b_iou, x, w_iou_t, out=gates[:rows])
        gates[rows:] = b_iou
        forgets = b_f.repeat(inner, arity)  # of each inner node for its children
        if rows > leaves:
            forgets[: rows - leaves] += (x[leaves:] @ w_f_t).repeat(1, arity)

        place = _places(schedule, arity)
        child = torch.full((inner * arity + 1,), nodes, device=x.device)
        child.index_copy_(0, place.index_select(0, schedule.child), schedule.child)
        h = x.new_empty(nodes + 1, hidden)
        cells = x.new_empty(nodes + 1, hidden)
        h[nodes] = cells[nodes] = 0
        child_h = x.new_empty(inner, arity * hidden)
        child_cells = x.new_empty(inner, arity * hidden)
        for begin, end in schedule.levels:
            gate, carried = gates[begin:end], None
            if begin > 0:
                above = slice(begin - leaves, end - leaves)
                index = child[above.start * arity : above.stop * arity]
                slots, slot_cells, forget = child_h[above], child_cells[above], forgets[above]
                torch.index_select(h, 0, index, out=slots.view(-1, hidden))
                torch.index_select(cells, 0, index, out=slot_cells.view(-1, hidden))
                gate.addmm_(slots, u_iou_t)
                forget.addmm_(slots, u_f_t).sigmoid_()
                carried = (forget * slot_cells).view(-1, arity, hidden).sum(1)
            lstm_step(gate, cells[begin:end], h[begin:end], carried)
        cells, h = cells[:-1], h[:-1]
        if notes_wanted():  # of each node as a child, zeros at the roots
            of_places = torch.cat([forgets.view(-1, hidden), forgets.new_zeros(1, hidden)])
            note("forget gates", of_places[place][schedule.rank])
        ctx.save_for_backward(x, w, u, gates, cells, forgets, child_h, child_cells, place)
        ctx.schedule = schedule
        return h

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_h: Tensor) -> tuple[Tensor | None, ...]:
        x, w, u, gates, cells, forgets, child_h, child_cells, place = ctx.saved_tensors
        schedule: Schedule = ctx.schedule
        leaves, rows, hidden = schedule.num_leaves, len(x), cells.shape[1]
        inner = len(forgets)
        arity = forgets.shape[1] // hidden
        steps = StepGradients(gates, cells)
        c_to_forgets = child_cells * forgets * (1 - forgets)
        d_gates, d_forgets = torch.empty_like(gates), torch.empty_like(forgets)
        # What each child of each inner node pulls; the last row stays zero: it is what roots pull.
        to_h = x.new_zeros(inner * arity + 1, hidden)
        to_cells = x.new_zeros(inner * arity + 1, hidden)
        u_iou, u_f = u[: 3 * hidden], u[3 * hidden :]
        for begin, end in reversed(schedule.levels):
            d_h = to_h.index_select(0, place[begin:end]).add_(grad_h[begin:end])
            d_cell = to_cells.index_select(0, place[begin:end])
            d_gate = d_gates[begin:end]
            steps.step(slice(begin, end), d_h, d_cell, d_gate)
            if begin > 0:
                above = slice(begin - leaves, end - leaves)
                below = slice(above.start * arity, above.stop * arity)
                d_cells = d_cell.repeat(1, arity)  # (level, arity * hidden)
                d_forget = torch.mul(d_cells, c_to_forgets[above], out=d_forgets[above])
                torch.mul(d_cells, forgets[above], out=to_cells[below].view(d_cells.shape))
                d_slots = to_h[below].view(d_cells.shape)
                torch.mm(d_gate, u_iou, out=d_slots)
                d_slots.addmm_(d_forget, u_f)

        d_forget = d_forgets.view(inner, arity, hidden).sum(1)  # all children have one input
        d_inner = d_forget[: max(rows - leaves, 0)]
        d_x = d_w = d_b = d_u = None
        if ctx.needs_input_grad[0]:
            d_x = d_gates[:rows] @ w[: 3 * hidden]
            d_x[leaves:].addmm_(d_inner, w[3 * hidden :])
        if ctx.needs_input_grad[1]:
            d_w = torch.cat([d_gates[:rows].t() @ x, d_inner.t() @ x[leaves:]])
        if ctx.needs_input_grad[2]:
            d_b = torch.cat([d_gates.sum(0), d_forget.sum(0)])
        if ctx.needs_input_grad[3]:
            d_u = torch.cat([d_gates[leaves:].t() @ child_h, d_forgets.t() @ child_h])
        return d_x, d_w, d_b, d_u, None


def _places(schedule: Schedule, arity: int) -> Tensor:
    """``(nodes,)``: for each rank its place among all children, ``arity`` for each inner node.

    Roots have the place behind the last.
    """
    place = torch.full_like(schedule.parent, (schedule.num_nodes - schedule.num_leaves) * arity)
    parent = schedule.parent.index_select(0, schedule.child) - schedule.num_leaves
    return place.index_copy_(0, schedule.child, parent * arity + schedule.sibling)
