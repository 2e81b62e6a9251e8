"""The child-sum Tree-LSTM, a level of many trees at a time."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from structnn.batch import Batch
from structnn.encoders.base import Encoder
from structnn.explain import note
from structnn.fused.child_sum import FusedChildSum, can_compute
from structnn.schedule import Schedule
from structnn.tree_scan import apply_function, reorder, sum_children

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
        x = batch.to_nodes(x)
        weights = (
            self.input_gates.weight,
            self.input_gates.bias,
            self.child_gates.weight,
            self.forget_gate.weight,
        )
        if _is_fused(x, *weights):
            return apply_function(FusedChildSum, x, *weights, schedule, schedule.order)
        inputs = reorder(x, schedule.order, schedule.rank)
        states = apply_function(_ChildSum, inputs, *weights, schedule)
        return reorder(states, schedule.rank, schedule.order)


def child_sum_tree_lstm(
    x: Tensor, w: Tensor, b: Tensor, u_iou: Tensor, u_f: Tensor, schedule: Schedule
) -> Tensor:
    """The hidden states of all nodes, in the schedule's order.

    Args:
        x: ``(nodes, input)``, in the schedule's order.
        w: ``(4 hidden, input)``, the input's weights for gates i, o, u and f.
        b: ``(4 hidden,)``, their biases.
        u_iou: ``(3 hidden, hidden)``, the weights of the children's sum for i, o and u.
        u_f: ``(hidden, hidden)``, the weights of a child's state for its forget gate.
        schedule: The order of the nodes.

    Returns:
        ``(nodes, hidden)``.
    """
    if _is_fused(x, w, b, u_iou, u_f):
        rows = torch.arange(schedule.num_nodes)
        return apply_function(FusedChildSum, x, w, b, u_iou, u_f, schedule, rows)
    return apply_function(_ChildSum, x, w, b, u_iou, u_f, schedule)


def _is_fused(*tensors: Tensor) -> bool:
    return not torch.compiler.is_compiling() and can_compute(*tensors)


class _ChildSum(torch.autograd.Function):
    """Forward bottom-up, backward top-down, one step for each level.

    A node's forget gate is computed at the node itself, with its parent's input, and ``[h, f * c]``
    lies side by side: a level then needs one sum over children and one product. Backward, each node
    *pulls* what it needs from its parent, so nothing is scattered, and each weight's gradient is one
    product over all nodes at the end.
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
    ) -> Tensor:
        nodes, hidden = schedule.num_nodes, u_f.shape[0]
        leaves = schedule.num_leaves
        gates = x.new_empty(nodes, 3 * hidden)  # i, o and u: first their sums, then their values
        torch.addmm(b[: 3 * hidden], x, w[: 3 * hidden].t(), out=gates)
        # Only nodes with children have forget gates to feed. The last row is for the roots, which
        # have no parent; nobody reads the forget gates computed with it.
        forget_inputs = x.new_zeros(nodes - leaves + 1, hidden)
        torch.addmm(b[3 * hidden :], x[leaves:], w[3 * hidden :].t(), out=forget_inputs[:-1])
        forget_row = schedule.parent - leaves  # (nodes,)

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
            forget = forget_inputs.index_select(0, forget_row[begin:end])
            forget.addmm_(h, u_f_t).sigmoid_()
            forgets[begin:end] = forget
            torch.mul(forget, cell, out=carried[begin:end, hidden:])
        h = carried[:, :hidden].contiguous()
        note("forget gates", forgets.index_select(0, schedule.rank))  # of each node for its parent
        ctx.save_for_backward(x, w, u_iou, u_f, gates, cells, forgets, sums, h)
        ctx.schedule = schedule
        return h

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_h: Tensor) -> tuple[Tensor | None, ...]:
        x, w, u_iou, u_f, gates, cells, forgets, sums, h = ctx.saved_tensors
        schedule: Schedule = ctx.schedule
        nodes, hidden = h.shape
        leaves = schedule.num_leaves

        # The pointwise factors of all nodes at once.
        i, o, u = gates.split(hidden, dim=1)
        tanh_c = cells.tanh()
        h_to_c = o * (1 - tanh_c * tanh_c)
        c_to_gates = torch.cat([u * i * (1 - i), i * (1 - u * u)], dim=1)  # to the sums of i and u
        h_to_o = tanh_c * o * (1 - o)
        c_to_forget = cells * forgets * (1 - forgets)

        # Of each node: the gradient of its children's sum, and of its cell. The last row stays zero;
        # it is what roots pull.
        pulled_from = x.new_zeros(nodes + 1, 2 * hidden)
        d_gates = torch.empty_like(gates)
        d_forgets = torch.empty_like(forgets)
        for begin, end in reversed(schedule.levels):
            pulled = pulled_from.index_select(0, schedule.parent[begin:end])
            from_cell = pulled[:, hidden:]
            d_forget = torch.mul(from_cell, c_to_forget[begin:end], out=d_forgets[begin:end])
            d_h = pulled[:, :hidden].add_(grad_h[begin:end]).addmm_(d_forget, u_f)
            d_cell = torch.addcmul(from_cell * forgets[begin:end], d_h, h_to_c[begin:end])
            d_gate = d_gates[begin:end]
            torch.mul(d_cell, c_to_gates[begin:end, :hidden], out=d_gate[:, :hidden])
            torch.mul(d_h, h_to_o[begin:end], out=d_gate[:, hidden : 2 * hidden])
            torch.mul(d_cell, c_to_gates[begin:end, hidden:], out=d_gate[:, 2 * hidden :])
            if begin >= leaves:  # leaves have no children to pull from them
                torch.mm(d_gate, u_iou, out=pulled_from[begin:end, :hidden])
                pulled_from[begin:end, hidden:] = d_cell

        d_inner_forgets = (
            F.embedding_bag(  # (inner nodes, hidden): summed over each node's children
                schedule.child, d_forgets, schedule.child_ptr, mode="sum", include_last_offset=True
            )
        )
        inner = x[leaves:]
        d_x = d_w = d_b = d_u_iou = d_u_f = None
        if ctx.needs_input_grad[0]:
            d_x = d_gates @ w[: 3 * hidden]
            d_x[leaves:].addmm_(d_inner_forgets, w[3 * hidden :])
        if ctx.needs_input_grad[1]:
            d_w = torch.cat([d_gates.t() @ x, d_inner_forgets.t() @ inner])
        if ctx.needs_input_grad[2]:
            d_b = torch.cat([d_gates.sum(0), d_inner_forgets.sum(0)])
        if ctx.needs_input_grad[3]:
            d_u_iou = d_gates[leaves:].t() @ sums
        if ctx.needs_input_grad[4]:
            d_u_f = d_forgets.t() @ h  # roots pulled zeros, so theirs is zero
        return d_x, d_w, d_b, d_u_iou, d_u_f, None
