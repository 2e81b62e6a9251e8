"""The order in which tree encoders visit nodes: level by level, children before parents."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from structnn.data.flat import Array, stable_argsort
from structnn.ops.devices import sent

__all__ = ["Schedule"]


@dataclass(frozen=True)
class Schedule:
    """The nodes of many trees sorted by height, so that each level is one contiguous slice.

    A node's *rank* is its position in that order: leaves first, roots of deep trees last. Nodes of one
    height never depend on each other, so a level is computed at once; the children of its nodes are all
    in levels below it. A :class:`~structnn.Batch` makes its schedule once.

    Attributes:
        order: ``(nodes,)``, the node at each rank.
        rank: ``(nodes,)``, the rank of each node; the inverse of ``order``.
        levels: For each height the slice of ranks of its nodes, ``(begin, end)``.
        parent: ``(nodes,)``, for each rank the rank of the parent; ``nodes`` for a root.
        child: ``(edges,)``, the ranks of all children, sorted by the parent's rank; siblings in order.
        child_ptr: ``(inner nodes + 1,)``, where in ``child`` each inner node's children begin. Inner
            nodes are the ranks from ``num_leaves`` on.
        edges: For each height the slice of ``child`` of the children of its nodes, ``(begin, end)``.
        sibling: ``(edges,)``, the position of each entry of ``child`` among its siblings, from 0.
        widest: The largest number of children of a node.
    """

    order: Tensor
    rank: Tensor
    levels: tuple[tuple[int, int], ...]
    parent: Tensor
    child: Tensor
    child_ptr: Tensor
    edges: tuple[tuple[int, int], ...]
    sibling: Tensor
    widest: int

    def __repr__(self) -> str:
        return f"Schedule(nodes={self.num_nodes}, levels={len(self.levels)})"

    @property
    def num_nodes(self) -> int:
        """The number of nodes."""
        return self.order.numel()

    @property
    def num_leaves(self) -> int:
        """The number of nodes without children."""
        return self.levels[0][1]

    @cached_property
    def level_ptr(self) -> Tensor:
        """``(levels + 1,)``, on the CPU: where each level begins."""
        return torch.tensor([0, *(end for _, end in self.levels)])

    @cached_property
    def chains(self) -> tuple[Tensor, Tensor]:
        """The trees as packed sequences, where no node has several children; on the CPU.

        Returns:
            ``(nodes,)``, ranks: the first words of all chains, those of the longest first, then the
            second words, and so on; and ``(levels,)``, how many chains have a word there.
        """
        sizes = np.diff(self.level_ptr.numpy())
        child, leaves = self.child.numpy(), self.num_leaves
        leaf = np.arange(self.num_nodes)  # of each node
        for begin, end in self.levels[1:]:
            leaf[begin:end] = leaf[child[begin - leaves : end - leaves]]
        place = np.empty(leaves, dtype=np.int64)  # of each chain among all
        place[np.argsort(-np.bincount(leaf), kind="stable")] = np.arange(leaves)
        ranks = np.empty_like(leaf)  # a level has the longest chains
        ranks[np.repeat(self.level_ptr.numpy()[:-1], sizes) + place[leaf]] = np.arange(len(leaf))
        return torch.from_numpy(ranks), torch.from_numpy(sizes)

    @classmethod
    def from_parents(cls, parents: Array, heights: Array) -> Schedule:
        """The schedule of these nodes.

        Args:
            parents: ``(nodes,)``, each node's parent, -1 for a root.
            heights: ``(nodes,)``, the number of edges from each node to its deepest leaf.
        """
        size = len(parents)
        order = stable_argsort(heights)
        rank = np.empty(size, dtype=np.int64)
        rank[order] = np.arange(size)
        level_ptr = np.concatenate([[0], np.cumsum(np.bincount(heights))])
        leaves = int(level_ptr[1])

        is_child = parents >= 0
        parent_of_node = np.where(is_child, rank[parents], size)  # (nodes,) in node order
        parent = parent_of_node[order]
        children = np.flatnonzero(is_child)
        parent_of_child = parent_of_node[children]
        child = rank[children[stable_argsort(parent_of_child)]]
        counts = np.bincount(parent_of_child, minlength=size)[leaves:]
        child_ptr = np.concatenate([[0], np.cumsum(counts)])
        sibling = np.arange(len(child)) - np.repeat(child_ptr[:-1], counts)
        # Leaves have no children: their slice of edges is empty.
        edge_ptr = np.concatenate([[0], child_ptr[level_ptr[1:] - leaves]])
        return cls(
            order=torch.from_numpy(order),
            rank=torch.from_numpy(rank),
            levels=_slices(level_ptr),
            parent=torch.from_numpy(parent),
            child=torch.from_numpy(child),
            child_ptr=torch.from_numpy(child_ptr),
            edges=_slices(edge_ptr),
            sibling=torch.from_numpy(sibling),
            widest=int(counts.max(initial=0)),
        )

    def map(self, move: Callable[[Tensor], Tensor]) -> Schedule:
        """The schedule with ``move`` applied to each of its tensors."""
        return replace(
            self,
            order=move(self.order),
            rank=move(self.rank),
            parent=move(self.parent),
            child=move(self.child),
            child_ptr=move(self.child_ptr),
            sibling=move(self.sibling),
        )

    def to(self, device: torch.device) -> Schedule:
        """The schedule on another device."""
        return self.map(lambda tensor: sent(tensor, device))


def _slices(ptr: Array) -> tuple[tuple[int, int], ...]:
    return tuple(pairwise(ptr.tolist()))
