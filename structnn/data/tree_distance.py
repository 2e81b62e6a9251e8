"""How far apart the nodes of each tree are."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from torch import Tensor

__all__ = ["ancestry", "tree_distances"]

Array = np.ndarray[Any, np.dtype[np.int64]]


def tree_distances(parents: Array, heights: Array, node_ptr: Array) -> Array:
    """The number of edges between each two nodes of a tree.

    Nodes are taken a level at a time, from the top: a node is one edge further than its parent is
    from all that were there before it.

    Args:
        parents: ``(nodes,)``, each node's parent, -1 for a root.
        heights: ``(nodes,)``, each node's height.
        node_ptr: ``(trees + 1,)``, where each tree's nodes begin.

    Returns:
        ``(trees, largest, largest)``; what lies beyond a tree's own nodes means nothing.
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
        # Twice: the second time, the columns of others of this level are right as well.
        for _ in range(2):
            rows = distances[tree, above] + 1
            distances[tree, place] = rows
            distances[tree, :, place] = rows
        distances[tree, place, place] = 0
    return distances


def ancestry(distances: Tensor, depths: Tensor) -> Tensor:
    """Whether of each two nodes one is the other's ancestor, or both are the same.

    Args:
        distances: ``(trees, largest, largest)``.
        depths: ``(trees, largest)``.

    Returns:
        ``(trees, largest, largest)``.
    """
    return distances == (depths[:, :, None] - depths[:, None]).abs()
