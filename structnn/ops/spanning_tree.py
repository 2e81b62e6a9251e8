"""Maximum spanning trees with one child of the root, for the decoding of dependency trees."""

from __future__ import annotations

import numpy as np
from torch import Tensor

__all__ = ["NEAR_TIE", "best_tree", "is_single_rooted_tree", "maximum_spanning_tree"]

NEAR_TIE = 1e-3
"""The difference of log-probabilities below which rounding may decide between two heads."""


def best_tree(scores: Tensor) -> np.ndarray:
    """The maximum spanning tree with one child of the root.

    Args:
        scores: ``(n, n)``, row *i* the score of each head of node *i*; node 0 is the root.

    Returns:
        ``(n,)``, the head of each node; 0 for the root itself.
    """
    best = scores.topk(min(2, scores.size(1)), dim=1)
    heads: np.ndarray = best.indices[:, 0].numpy().copy()
    heads[0] = 0
    certain = scores.size(1) < 3 or bool((best.values[1:, 0] - best.values[1:, 1] > NEAR_TIE).all())
    if certain and is_single_rooted_tree(heads):
        return heads
    return maximum_spanning_tree(scores.numpy())


def maximum_spanning_tree(scores: np.ndarray) -> np.ndarray:
    """The maximum spanning tree with one child of the root, in O(n^2) (Tarjan 1977).

    A path grows from a node along best heads. When it reaches itself, the cycle is contracted in place
    to one node: its row (arcs to it) is the maximum of its members' rows, each minus the arc that would
    be replaced, and its column (arcs from it) the maximum of their columns.

    Scores and heads are as for :func:`best_tree`, in NumPy's arrays.
    """
    size = len(scores)
    scores = scores.astype(np.float64)
    finite = scores[np.isfinite(scores)]
    # With scores of arcs from the root this low, only one is chosen (Stanojevic and Cohen 2021).
    scores[:, 0] -= (finite.max() - finite.min() + 1) * size
    np.fill_diagonal(scores, -np.inf)
    # The arc between words that each entry of the contracted matrix means.
    dependent = np.repeat(np.arange(size)[:, None], size, axis=1)
    head = np.repeat(np.arange(size)[None, :], size, axis=0)
    name = list(range(size))  # the node that now lives in a row: a word, or a contracted cycle
    members: dict[int, list[int]] = {}  # of a contracted cycle
    above: dict[int, int] = {}  # the contracted cycle that a node is a member of
    chosen: dict[int, tuple[int, int]] = {}  # the best arc into a node
    done = [True] + [False] * (size - 1)  # rows whose path has reached the root
    place: dict[int, int] = {}  # where on the path a row is
    for start in range(1, size):
        path: list[int] = []
        place.clear()
        row = start
        while not done[row]:
            place[row] = len(path)
            path.append(row)
            column = int(scores[row].argmax())
            chosen[name[row]] = (int(dependent[row, column]), int(head[row, column]))
            if column not in place:
                row = column
                continue
            cycle = path[place[column] :]
            del path[place[column] :]
            into = scores[cycle] - scores[cycle].max(axis=1, keepdims=True)
            into[:, cycle] = -np.inf
            best = into.argmax(axis=0)
            everywhere = np.arange(size)
            rows = np.asarray(cycle)
            ways_in = into[best, everywhere]
            arcs_in = dependent[rows[best], everywhere], head[rows[best], everywhere]
            out = rows[scores[:, rows].argmax(axis=1)]
            ways_out = scores[everywhere, out]
            arcs_out = dependent[everywhere, out], head[everywhere, out]
            row = cycle[0]
            scores[:, rows] = -np.inf
            scores[row], dependent[row], head[row] = ways_in, *arcs_in
            scores[:, row], dependent[:, row], head[:, row] = ways_out, *arcs_out
            scores[row, rows] = -np.inf
            contracted = size + len(members)
            members[contracted] = [name[member] for member in cycle]
            above.update(dict.fromkeys(members[contracted], contracted))
            name[row] = contracted
            for member in cycle[1:]:
                done[member] = True  # lives on in `row`
                scores[member] = -np.inf
        for row in path:
            done[row] = True

    heads = np.zeros(size, dtype=np.int64)
    for node in sorted(chosen, reverse=True):  # a contracted cycle comes before its members
        word, word_head = chosen[node]
        if node in members:
            inner = word
            while above[inner] != node:
                inner = above[inner]
            chosen[inner] = word, word_head  # the member that is entered gives up its own arc
        else:
            heads[node] = word_head
    return heads


def is_single_rooted_tree(heads: np.ndarray) -> bool:
    """Whether heads form a tree with one child of the root.

    Each step doubles the number of edges that are followed from every node, so log2(n) steps suffice.

    Args:
        heads: ``(n,)``, the head of each node; node 0 is the root, and its own head.
    """
    if np.count_nonzero(heads[1:] == 0) != 1:
        return False
    reached = heads
    for _ in range(len(heads).bit_length()):
        reached = reached[reached]
    return not reached.any()
