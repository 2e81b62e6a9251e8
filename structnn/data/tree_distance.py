"""Distances between the nodes of a tree, in edges."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from torch import Tensor

from structnn.data.flat import Array

__all__ = ["ancestry", "tree_distances"]


def tree_distances(parents: Array, heights: Array, node_ptr: Array) -> Array:
    """The number of edges between any two nodes of a tree.

    Levels are added from the top: from every node that is already there, a new node is one edge further
    than its parent.

    Args:
        parents: ``(nodes,)``, each node's parent, -1 for a root.
        heights: ``(nodes,)``, the number of edges from each node to its deepest leaf.
        node_ptr: ``(trees + 1,)``, where each tree's nodes begin.

    Returns:
        ``(trees, max_nodes, max_nodes)``, with ``max_nodes`` the number of nodes of the largest tree;
        entries of nodes that a smaller tree does not have are arbitrary.
    """
    sizes = np.diff(node_ptr)
    largest = int(sizes.max())
    trees = np.repeat(np.arange(len(sizes)), sizes)
    places = np.arange(len(trees)) - node_ptr[trees]
    distances = np.zeros((len(sizes), largest, largest), dtype=np.int64)
    by_height = np.argsort(heights, kind="stable")
    cuts = [0, *np.cumsum(np.bincount(heights)).tolist()]
    for begin, end in reversed(list(pairwise(cuts))):
        level = by_height[begin:end]
        level = level[parents[level] >= 0]
        tree, place, above = trees[level], places[level], places[parents[level]]
        # Twice: only the second time are the distances to other nodes of this level known.
        for _ in range(2):
            rows = distances[tree, above] + 1
            distances[tree, place] = rows
            distances[tree, :, place] = rows
        distances[tree, place, place] = 0
    return distances


def ancestry(distances: Tensor, depths: Tensor) -> Tensor:
    """Whether of two nodes one is the other's ancestor, or both are the same node.

    Args:
        distances: ``(trees, max_nodes, max_nodes)``, the number of edges between any two nodes.
        depths: ``(trees, max_nodes)``, the number of edges between each node and the root.

    Returns:
        ``(trees, max_nodes, max_nodes)``, boolean.
    """
    return distances == (depths[:, :, None] - depths[:, None]).abs()
