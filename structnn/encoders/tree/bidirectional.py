"""Up the tree and down again."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from structnn.data.batch import Batch
from structnn.data.schedule import Schedule
from structnn.encoders.base import Encoder
from structnn.encoders.tree.child_sum import ChildSumTreeLSTM
from structnn.encoders.tree.tree_lstm import StepGradients, lstm_step
from structnn.encoders.tree.words import WordProjection
from structnn.fused.downward import FusedDownward, can_compute
from structnn.ops.paths import above
from structnn.ops.tree_scan import apply_function, reorder, sum_children

__all__ = ["BidirectionalTreeLSTM", "downward_lstm"]


class BidirectionalTreeLSTM(Encoder):
    r"""A child-sum Tree-LSTM upwards, then an LSTM down every path (Miwa and Bansal 2016).

    With :math:`h^\uparrow` the states of :class:`~structnn.encoders.tree.child_sum.ChildSumTreeLSTM` and
    *p* the parent of node *j* (zeros for a root):

    .. math::
        i_j, f_j, o_j &= \sigma(W x_j + V h^\uparrow_j + U h^\downarrow_p + b), \quad
        u_j = \tanh(W x_j + V h^\uparrow_j + U h^\downarrow_p + b) \\
        c^\downarrow_j &= i_j \odot u_j + f_j \odot c^\downarrow_p, \quad
        h^\downarrow_j = o_j \odot \tanh(c^\downarrow_j)

    A node's state is :math:`[h^\uparrow_j; h^\downarrow_j]`: it knows the node's descendants, its
    ancestors, and through them the whole sentence. The order of the children does not matter.

    Args:
        input_dim: The width of the word vectors.
        hidden_dim: The width of the states of each direction; together twice that.
        readout: By default the maximum over nodes.
    """

    reads = frozenset({"tree"})

    def __init__(self, input_dim: int, hidden_dim: int, *, readout: str = "max") -> None:
        super().__init__(input_dim, 2 * hidden_dim, readout=readout)
        self.up = ChildSumTreeLSTM(input_dim, hidden_dim).without_readout()
        self.words = WordProjection(input_dim, 4 * hidden_dim, gates=4)  # i, o, u and f
        nn.init.ones_(self.words.linear.bias.data[3 * hidden_dim :])  # begin by remembering
        self.below = nn.Linear(hidden_dim, 4 * hidden_dim, bias=False)
        self.down = ParentWeights(hidden_dim)

    def encode(self, x: Tensor, batch: Batch) -> Tensor:
        """The states of both directions at each node."""
        up = self.up.encode(x, batch)
        words = self.words.linear
        dtype = words.weight.dtype
        down = downward_lstm(
            torch.cat([batch.to_nodes(x).to(dtype), up.to(dtype)], dim=1),
            torch.cat([words.weight, self.below.weight], dim=1),
            words.bias,
            self.down.parent.weight,
            batch.schedule,
        )
        return torch.cat([up, down], dim=1)

    def steps(self, batch: Batch) -> Tensor:
        """One for each node on the way, and one more where it turns round at a common ancestor."""
        distances, upwards = batch.tree_distances[0], above(batch)
        turning = ~(upwards | upwards.t())
        return (distances + 1 + turning.long()).to(torch.float)[:, batch.token_nodes]


class ParentWeights(nn.Module):
    """The weights of the parent's state downwards, for i, o, u and f."""

    def __init__(self, hidden_dim: int) -> None:
        super().__init__()
        self.parent = nn.Linear(hidden_dim, 4 * hidden_dim, bias=False)
        for gate in self.parent.weight.data.split(hidden_dim):
            nn.init.orthogonal_(gate)


def downward_lstm(x: Tensor, w: Tensor, b: Tensor, u: Tensor, schedule: Schedule) -> Tensor:
    """The states that an LSTM down every path gives the nodes.

    A C++ operator computes them where it can, see :func:`structnn.fused.build.load`, and PyTorch
    everywhere else.

    Args:
        x: ``(nodes, input)``, what each node reads besides its parent's state.
        w: ``(4 hidden, input)``, the input's weights for gates i, o, u and f.
        b: ``(4 hidden,)``, their biases.
        u: ``(4 hidden, hidden)``, the weights of the parent's state.
        schedule: The order of the nodes.

    Returns:
        ``(nodes, hidden)``.
    """
    if can_compute(x, w, b, u):
        return apply_function(FusedDownward, x, w, b, u, schedule)
    x = reorder(x, schedule.order, schedule.rank)
    return reorder(apply_function(_Downward, x, w, b, u, schedule), schedule.rank, schedule.order)


class _Downward(torch.autograd.Function):
    """Forward top-down, backward bottom-up, one step for each level; all in the schedule's order.

    What a parent's state adds to the gates is one product at the parent, which its children read:
    inner nodes alone have children, a third of all in a dependency tree. Backward, a parent sums what
    its children's gates received before the product, and each weight's gradient is one product at
    the end.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, w: Tensor, b: Tensor, u: Tensor, schedule: Schedule) -> Tensor:
        nodes, leaves = schedule.num_nodes, schedule.num_leaves
        hidden = u.shape[1]
        # i, o and u: first their sums, then their values.
        gates = torch.addmm(b[: 3 * hidden], x, w[: 3 * hidden].t())
        forgets = torch.addmm(b[3 * hidden :], x, w[3 * hidden :].t())
        # Of each inner node what its children read; the last row stays zero, for roots to read.
        to_gates = x.new_zeros(nodes - leaves + 1, 4 * hidden)
        h = x.new_empty(nodes, hidden)
        cells = x.new_zeros(nodes + 1, hidden)
        parent_cells = x.new_empty(nodes, hidden)
        parent_row = schedule.parent - leaves
        u_t = u.t()
        for begin, end in reversed(schedule.levels):
            level = slice(begin, end)
            received = to_gates.index_select(0, parent_row[level])
            torch.index_select(cells, 0, schedule.parent[level], out=parent_cells[level])
            gate, forget = gates[level], forgets[level]
            gate += received[:, : 3 * hidden]
            forget.add_(received[:, 3 * hidden :]).sigmoid_()
            lstm_step(gate, cells[level], h[level], forget * parent_cells[level])
            if begin >= leaves:
                torch.mm(h[level], u_t, out=to_gates[begin - leaves : end - leaves])
        ctx.save_for_backward(x, w, u, gates, forgets, cells[:-1], parent_cells, h)
        ctx.schedule = schedule
        return h

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_h: Tensor) -> tuple[Tensor | None, ...]:
        x, w, u, gates, forgets, cells, parent_cells, h = ctx.saved_tensors
        schedule: Schedule = ctx.schedule
        (nodes, hidden), leaves = h.shape, schedule.num_leaves
        steps = StepGradients(gates, cells)
        c_to_forget = parent_cells * forgets
        c_to_forget.addcmul_(c_to_forget, forgets, value=-1)  # c f (1 - f)
        # Side by side what a parent sums over its children: gradients of gates i, o, u and f, and
        # of the parent's cell.
        shares = x.new_empty(nodes, 5 * hidden)
        received = x.new_empty(nodes - leaves, 4 * hidden)  # the sums at inner nodes
        for (begin, end), edges in zip(schedule.levels, schedule.edges, strict=True):
            level = slice(begin, end)
            d_h = grad_h[level]
            if begin >= leaves:
                summed = sum_children(shares, schedule, (begin, end), edges)
                above = received[begin - leaves : end - leaves]
                above.copy_(summed[:, : 4 * hidden])
                d_h = torch.addmm(d_h, above, u)
                d_cell = summed[:, 4 * hidden :]
            else:
                d_cell = torch.zeros_like(d_h)
            share = shares[level]
            steps.step(level, d_h, d_cell, share[:, : 3 * hidden])
            torch.mul(d_cell, c_to_forget[level], out=share[:, 3 * hidden : 4 * hidden])
            torch.mul(d_cell, forgets[level], out=share[:, 4 * hidden :])

        d_gates = shares[:, : 4 * hidden]
        d_x = d_w = d_b = d_u = None
        if ctx.needs_input_grad[0]:
            d_x = d_gates @ w
        if ctx.needs_input_grad[1]:
            d_w = d_gates.t() @ x
        if ctx.needs_input_grad[2]:
            d_b = d_gates.sum(0)
        if ctx.needs_input_grad[3]:
            d_u = received.t() @ h[leaves:]
        return d_x, d_w, d_b, d_u, None
