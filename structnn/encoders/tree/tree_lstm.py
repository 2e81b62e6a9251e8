"""What the Tree-LSTMs share: words in the schedule's order, and one step's pointwise part."""

from __future__ import annotations

import torch
from torch import Tensor

from structnn.data.batch import Batch
from structnn.ops.tree_scan import reorder

__all__ = ["StepGradients", "lstm_step", "words_by_rank"]


def words_by_rank(x: Tensor, batch: Batch) -> Tensor:
    """The word of each node in the schedule's order, up to the last node that has one.

    Where words are at the leaves alone, as in constituency trees, these are the rows of the leaves:
    nodes behind them need no product with the input's weights.

    Args:
        x: ``(tokens, input)``.
        batch: Its trees.

    Returns:
        ``(rows, input)``, zeros for a node without a word.
    """
    if batch.nodes_are_tokens:
        return reorder(x, batch.schedule.order, batch.schedule.rank)
    rank = batch.schedule.rank.index_select(0, batch.token_nodes)  # (tokens,)
    rows = int(rank.amax()) + 1
    if rows == len(rank):  # no gaps
        return reorder(x, rank.argsort(), rank)
    return x.new_zeros(rows, x.shape[1]).index_copy(0, rank, x)


def lstm_step(gates: Tensor, cell: Tensor, h: Tensor, carried: Tensor | None = None) -> None:
    r""":math:`c = i \odot u + carried, \; h = o \odot \tanh(c)`, written where they belong.

    Args:
        gates: ``(level, 3 hidden)``: the sums of gates i, o and u, which their values replace.
        cell: ``(level, hidden)``, for *c*.
        h: ``(level, hidden)``, for *h*.
        carried: ``(level, hidden)``: what the forget gates let through; None for nothing.
    """
    hidden = cell.shape[1]
    gates[:, : 2 * hidden].sigmoid_()
    gates[:, 2 * hidden :].tanh_()
    torch.mul(gates[:, :hidden], gates[:, 2 * hidden :], out=cell)
    if carried is not None:
        cell += carried
    torch.mul(gates[:, hidden : 2 * hidden], cell.tanh(), out=h)


class StepGradients:
    """The backward pass of :func:`lstm_step`; its factors are computed for all nodes at once.

    Args:
        gates: ``(nodes, 3 hidden)``, the values of gates i, o and u.
        cells: ``(nodes, hidden)``, *c*.
    """

    def __init__(self, gates: Tensor, cells: Tensor) -> None:
        hidden = cells.shape[1]
        i, o, u = gates.split(hidden, dim=1)
        # In place where it can be: memory that was never touched takes longer than the arithmetic.
        tanh_c = cells.tanh()
        h_to_o, c_to_i = tanh_c * o, u * i
        self._c_to_u = torch.addcmul(i, c_to_i, u, value=-1)  # i (1 - u^2)
        self._c_to_i = c_to_i.addcmul_(c_to_i, i, value=-1)  # u i (1 - i)
        self._h_to_o = h_to_o.addcmul_(h_to_o, o, value=-1)  # tanh(c) o (1 - o)
        self._h_to_c = tanh_c.square_().neg_().add_(1).mul_(o)  # o (1 - tanh(c)^2)

    def step(self, level: slice, d_h: Tensor, d_cell: Tensor, d_gates: Tensor) -> None:
        """Complete ``d_cell`` and fill ``d_gates``.

        Args:
            level: The level's ranks.
            d_h: ``(level, hidden)``: the gradient of *h*.
            d_cell: ``(level, hidden)``: what reaches *c* past *h*; what reaches it through *h* is
                added.
            d_gates: ``(level, 3 hidden)``, for the gradients of the sums of gates i, o and u.
        """
        hidden = d_h.shape[1]
        d_cell.addcmul_(d_h, self._h_to_c[level])
        torch.mul(d_cell, self._c_to_i[level], out=d_gates[:, :hidden])
        torch.mul(d_h, self._h_to_o[level], out=d_gates[:, hidden : 2 * hidden])
        torch.mul(d_cell, self._c_to_u[level], out=d_gates[:, 2 * hidden :])
