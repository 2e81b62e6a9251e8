"""Encoders that take one cell through a tree."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from structnn.data.batch import Batch
from structnn.encoders.base import Encoder
from structnn.encoders.tree.words import WordProjection
from structnn.fused.trees import compute
from structnn.ops.cells import Cell
from structnn.ops.paths import up_the_tree
from structnn.ops.precision import full_precision
from structnn.ops.tree_scan import scan_up
from structnn.ops.weights import weight_of

__all__ = ["TreeEncoder"]


class TreeEncoder(Encoder):
    r"""A cell that is applied at each node of a tree, children before parents.

    A subclass declares its options and makes ``words`` and ``cell`` in its constructor; the cell is
    the equations, for all nodes of a level at once (see :class:`~structnn.ops.cells.Cell`). An
    operator in C++ computes them where there is one for the cell and it can, a scan everywhere else
    (see :mod:`structnn.fused`).

    Attributes:
        words: What each node's word contributes to the gates of the cell. Its weights are read, once
            for all nodes; it is not called, so that hooks of its forward pass are not either.
        cell: The equations.

    Example:
        An encoder of your own, in which each child's gate decides how much of its state its parent
        adds up, :math:`h_j = \tanh(W x_j + b + \sum_k \sigma(W^{(g)} x_j + U h_k + b^{(g)}) h_k)`:

        >>> from structnn.ops.cells import StateLinear
        >>> class GatedSum(TreeEncoder):
        ...     '''Sums of children, gated.'''
        ...
        ...     def __init__(self, input_dim, hidden_dim, *, readout="root"):
        ...         super().__init__(input_dim, hidden_dim, readout=readout)
        ...         self.words = WordProjection(input_dim, hidden_dim, GatedSumCell.gates)
        ...         self.cell = GatedSumCell(hidden_dim)
        >>> class GatedSumCell(Cell):
        ...     '''One level of it.'''
        ...
        ...     gates, per_child = ("h", "g"), ("g",)
        ...
        ...     def __init__(self, hidden_dim):
        ...         super().__init__(hidden_dim)
        ...         self.child_gate = StateLinear(hidden_dim, hidden_dim)
        ...
        ...     def forward(self, x, children):
        ...         if children is not None:
        ...             (h,) = children.states
        ...             g = torch.sigmoid(children.x + self.child_gate(h))
        ...             x = x + children.sum(g * h)
        ...         return (x.tanh(),)
        >>> import torch
        >>> from structnn import Sentence, Tree
        >>> batch = Batch.from_sentences([Sentence(["dogs", "bark"], dependencies=Tree([1, -1]))])
        >>> GatedSum(input_dim=3, hidden_dim=5)(torch.randn(2, 3), batch).tokens.shape
        torch.Size([2, 5])
    """

    reads = frozenset({"tree"})
    words: WordProjection
    cell: Cell

    earlier_names: ClassVar = {"words.linear.": "words."}

    def encode(self, x: Tensor, batch: Batch) -> Tensor:
        """The state of each node, ``(nodes, output_dim)``."""
        cell, words = self.cell, self.words
        cell.check(batch)
        with full_precision(x):
            states = compute(cell, x, weight_of(words, "weight"), weight_of(words, "bias"), batch)
            if states is None:
                states = scan_up(cell, words.inputs(x, batch, cell), batch)
        return states

    def steps(self, batch: Batch) -> Tensor:
        """One for each node on the way up from a word."""
        return up_the_tree(batch)
