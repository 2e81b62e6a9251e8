"""What words contribute to the gates of a cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from structnn.data.batch import Batch
from structnn.data.schedule import Schedule
from structnn.ops.cells import Cell
from structnn.ops.precision import full_precision
from structnn.ops.segments import segment_spread
from structnn.ops.transforms import is_transformed
from structnn.ops.tree_scan import Inputs, uncompiled, words_by_rank

__all__ = ["WordProjection"]


class WordProjection(nn.Linear):
    r"""For each gate and node :math:`W x_j + b`; for a node with no word the bias alone.

    Args:
        input_dim: The width of the word vectors.
        hidden_dim: The width of each gate.
        gates: The names of the gates. Each one's weights are drawn by themselves; the biases of
            forget gates, ``"f"``, begin with 1, so that a network begins by remembering.
    """

    def __init__(self, input_dim: int, hidden_dim: int, gates: Sequence[str]) -> None:
        super().__init__(input_dim, len(gates) * hidden_dim)
        weights, biases = self.weight.data.split(hidden_dim), self.bias.data.split(hidden_dim)
        for gate, weight, bias in zip(gates, weights, biases, strict=True):
            nn.init.xavier_uniform_(weight)
            nn.init.constant_(bias, 1.0 if gate == "f" else 0.0)

    def inputs(self, x: Tensor, batch: Batch, cell: Cell) -> Inputs:
        """What a cell with these gates reads at each node, and at each child.

        Args:
            x: ``(tokens, input_dim)``.
            batch: Its trees.
            cell: The cell.
        """
        schedule = batch.schedule
        words = words_by_rank(x.to(self.weight.dtype), batch)
        of_nodes = (len(cell.gates) - len(cell.per_child)) * cell.hidden_dim
        given = words, self.weight, self.bias, of_nodes, schedule
        if is_transformed():
            nodes, parents = _products(*given)
        else:
            nodes, parents = uncompiled(_Products.apply, *given)
        parent = schedule.parent.index_select(0, schedule.child) - schedule.num_leaves
        return Inputs(nodes, segment_spread(parents, schedule.child_ptr, parent))


class _Products(torch.autograd.Function):
    """The gates of all nodes, and those that only inner nodes have: two products, one weight.

    Half of all nodes or more are leaves. Nodes behind the last word have the bias alone.
    """

    @staticmethod
    def forward(
        ctx: Any, words: Tensor, weight: Tensor, bias: Tensor, of_nodes: int, schedule: Schedule
    ) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(words, weight)
        ctx.of_nodes, ctx.leaves = of_nodes, schedule.num_leaves
        return _products(words, weight, bias, of_nodes, schedule)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_nodes: Tensor, d_parents: Tensor) -> tuple[Tensor | None, ...]:
        words, weight = ctx.saved_tensors
        of_nodes, leaves = ctx.of_nodes, ctx.leaves
        inner = words[leaves:]
        d_words = d_weight = d_bias = None
        if ctx.needs_input_grad[2]:
            d_bias = torch.cat([d_nodes.sum(0), d_parents.sum(0)])
        d_nodes, d_parents = d_nodes[: len(words)], d_parents[: len(inner)]
        with full_precision(d_nodes):
            if ctx.needs_input_grad[0]:
                d_words = d_nodes @ weight[:of_nodes]
                d_words[leaves:].addmm_(d_parents, weight[of_nodes:])
            if ctx.needs_input_grad[1]:
                d_weight = torch.empty_like(weight)
                torch.mm(d_nodes.t(), words, out=d_weight[:of_nodes])
                torch.mm(d_parents.t(), inner, out=d_weight[of_nodes:])
        return d_words, d_weight, d_bias, None, None


def _products(
    words: Tensor, weight: Tensor, bias: Tensor, of_nodes: int, schedule: Schedule
) -> tuple[Tensor, Tensor]:
    leaves, nodes = schedule.num_leaves, schedule.num_nodes
    return (
        _product(words, weight[:of_nodes], bias[:of_nodes], nodes),
        _product(words[leaves:], weight[of_nodes:], bias[of_nodes:], nodes - leaves),
    )


def _product(words: Tensor, weight: Tensor, bias: Tensor, rows: int) -> Tensor:
    product = F.linear(words, weight, bias)
    if len(words) == rows:
        return product
    return torch.cat([product, bias.expand(rows - len(words), -1)])
