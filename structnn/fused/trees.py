"""Which operator computes which cell."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from torch import Tensor

from structnn.data.batch import Batch
from structnn.fused.child_sum import child_sum, relational
from structnn.fused.downward import downward
from structnn.fused.nary import nary
from structnn.ops.cells import Cell
from structnn.ops.weights import has_hooks

__all__ = ["OPERATORS", "compute"]

Operator = Callable[[Cell, Tensor, Tensor, Tensor, Batch], Tensor | None]

_CELLS = "structnn.encoders.tree."
OPERATORS: Mapping[str, Operator] = MappingProxyType(
    {
        f"{_CELLS}child_sum.ChildSumCell": child_sum,
        f"{_CELLS}relational.RelationalCell": relational,
        f"{_CELLS}nary.NaryCell": nary,
        f"{_CELLS}bidirectional.DownwardCell": downward,
    }
)
"""The operator of each class of cells; a subclass, which may compute something else, has none."""


def compute(cell: Cell, x: Tensor, weight: Tensor, bias: Tensor, batch: Batch) -> Tensor | None:
    """The states that a cell gives the nodes, if there is an operator for it that can compute them.

    Args:
        cell: The cell.
        x: ``(tokens, input)``, of each word, or downwards ``(nodes, input)``, of each node.
        weight: ``(gates * hidden, input)``: of the words, for the cell's gates.
        bias: ``(gates * hidden,)``.
        batch: The trees.

    Returns:
        ``(nodes, hidden)``; None where a scan has to compute them: there is no operator, see
        :func:`structnn.fused.build.load`, tensors are of other kinds than the operator's, or do not fit
        each other (PyTorch says so best), hooks want parts of the cell to be called, or
        ``torch.compile``, ``torch.func`` or forward-mode differentiation is at work.
    """
    kind = type(cell)
    operator = OPERATORS.get(f"{kind.__module__}.{kind.__qualname__}")
    if operator is None or has_hooks(cell):
        return None
    return operator(cell, x.to(weight.dtype), weight, bias, batch)
