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

    A path grows from a node along best heads. When it reaches itself, the cycle is contracted to one
    node, whose row (arcs to it) is the maximum of its members' rows, each minus the arc that would be
    replaced. Columns are not contracted: an arc begins at a word, and it is looked up in which node that
    word is now. Beside the scores there is a row for each contracted node of the path.

    Scores and heads are as for :func:`best_tree`, in NumPy's arrays.
    """
    size = len(scores)
    arcs = _Arcs(scores)
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
            chosen[name[row]] = arcs.best(row)
            source = arcs.row_of(chosen[name[row]][1])
            if source not in place:
                row = source
                continue
            cycle = path[place[source] :]
            del path[place[source] :]
            row = arcs.contract(cycle)
            contracted = size + len(members)
            members[contracted] = [name[member] for member in cycle]
            above.update(dict.fromkeys(members[contracted], contracted))
            name[row] = contracted
            for member in cycle[1:]:
                done[member] = True  # lives on in `row`
        for row in path:
            done[row] = True
            arcs.forget(row)
    return _expanded(chosen, members, above, size)


def _expanded(
    chosen: dict[int, tuple[int, int]],
    members: dict[int, list[int]],
    above: dict[int, int],
    size: int,
) -> np.ndarray:
    """The heads of words, where contracted cycles are opened again.

    Args:
        chosen: The best arc into each node, changed in place.
        members: The nodes of each contracted cycle, which has a higher number than they have.
        above: The contracted cycle that a node is a member of.
        size: The number of words, the root included.
    """
    heads = np.zeros(size, dtype=np.int64)
    entered = set()  # nodes that gave up their own arc
    for node in sorted(chosen, reverse=True):  # a contracted cycle comes before its members
        word, head = chosen[node]
        if node not in members:
            heads[node] = head
        elif node not in entered:
            inner = word
            while inner != node:  # all that the arc enters, from within
                chosen[inner] = word, head
                entered.add(inner)
                inner = above[inner]
    return heads


class _Arcs:
    """The arcs between the nodes of a graph in which cycles are contracted.

    A node is known by a row, that of one of its words.

    Args:
        scores: ``(n, n)``, as for :func:`best_tree`; they stay as they are.
    """

    def __init__(self, scores: np.ndarray) -> None:
        self._scores = scores
        size = len(scores)
        blocks = [slice(begin, begin + 1024) for begin in range(0, size, 1024)]
        least, most = np.inf, -np.inf
        best = np.zeros(size, dtype=np.int64)  # the best head of each word
        for rows in blocks:  # so that nothing as large as the scores is made
            block = scores[rows].copy()
            finite = np.isfinite(block)
            least = min(least, float(block.min(where=finite, initial=np.inf)))
            most = max(most, float(block.max(where=finite, initial=-np.inf)))
            own = np.arange(len(block))
            block[own, rows.start + own] = -np.inf
            block[:, 0] = -np.inf
            best[rows] = block.argmax(axis=1)  # the root's column where there is nothing else
        # With scores of arcs from the root this low, only one is chosen (Stanojevic and Cohen 2021).
        self._penalty = (most - least + 1) * size
        self._best = [(word, head) for word, head in enumerate(best.tolist())]
        self._value = scores[np.arange(size), best].astype(np.float64)
        self._into: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        self._words: dict[int, np.ndarray] = {}
        self._row = list(range(size))  # the row that a row was contracted into

    def best(self, row: int) -> tuple[int, int]:
        """The best arc into a node: the word that it enters, and the word that it is from."""
        return self._best[row]

    def row_of(self, word: int) -> int:
        """The row of the node that a word is in."""
        row = word
        while self._row[row] != row:
            self._row[row] = row = self._row[self._row[row]]
        return row

    def contract(self, cycle: list[int]) -> int:
        """Make one node of several; returns its row."""
        row, *others = cycle
        values, entered = self._arcs_into(row)
        for member in others:
            own, words = self._arcs_into(member)
            np.copyto(entered, words, where=own > values)
            np.maximum(values, own, out=values)
            self._row[member] = row
        inside = np.concatenate([self._words.pop(m, np.array([m])) for m in cycle])
        values[inside] = -np.inf
        head = int(values.argmax())
        self._into[row], self._words[row] = (values, entered), inside
        self._best[row], self._value[row] = (int(entered[head]), head), values[head]
        return row

    def forget(self, row: int) -> None:
        """No cycle will have this node any more."""
        self._into.pop(row, None)
        self._words.pop(row, None)

    def _arcs_into(self, row: int) -> tuple[np.ndarray, np.ndarray]:
        """``(n,)``: what the best arc from each word into a node would add, and the word it enters."""
        values, entered = self._into.pop(row, (None, None))
        if values is None or entered is None:
            values = self._scores[row].astype(np.float64)
            values[0] -= self._penalty
            entered = np.full(len(values), row)
        values -= self._value[row]
        return values, entered


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
