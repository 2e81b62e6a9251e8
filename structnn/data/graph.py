"""Trees as graphs: which edges a graph encoder sends its messages along."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

__all__ = ["EDGE_TYPES", "Adjacency", "Graph", "GraphConstruction"]

Array = np.ndarray[Any, np.dtype[np.int64]]

EDGE_TYPES = (
    "head_to_dependent",
    "dependent_to_head",
    "self",
    "next",
    "previous",
    "ancestor_to_descendant",
    "descendant_to_ancestor",
)
"""The kinds of edges; an edge's type is its place in this list."""


@dataclass(frozen=True)
class Adjacency:
    """The edges of a graph grouped by target, and listed once more by source.

    What is summed over the edges to each node, or from it, is then a sum of rows that follow each
    other; nothing has to be scattered.

    Attributes:
        order: ``(edges,)``: the place of each edge in the graph.
        source: ``(edges,)``: the source of each edge.
        target: ``(edges,)``: its target; ascending.
        incoming: ``(nodes + 1,)``: where the edges to each node begin.
        by_source: ``(edges,)``: the edges in the order of their sources.
        outgoing: ``(nodes + 1,)``: where in ``by_source`` the edges from each node begin.
    """

    order: Tensor
    source: Tensor
    target: Tensor
    incoming: Tensor
    by_source: Tensor
    outgoing: Tensor

    @classmethod
    def of(cls, edge_index: Tensor, nodes: int) -> Adjacency:
        """That of these edges, ``(2, edges)``, on a CPU.

        Raises:
            ValueError: An edge has an end that is no node.
        """
        source, target = edge_index.numpy()
        if edge_index.numel() and not (edge_index.min() >= 0 and edge_index.max() < nodes):
            raise ValueError(
                f"there are {nodes} nodes, but edges between numbers {int(edge_index.min())} to "
                f"{int(edge_index.max())}"
            )
        order, incoming = _grouped(target, nodes)
        source, target = source[order], target[order]
        by_source, outgoing = _grouped(source, nodes)
        arrays = (order, source, target, incoming, by_source, outgoing)
        return cls(*map(torch.from_numpy, arrays))


@dataclass(frozen=True)
class Graph:
    """Edges between the nodes of a batch; no edge joins two sentences.

    Attributes:
        edge_index: ``(2, edges)``: source and target of each edge, as in PyG. Edges of one type
            follow each other.
        edge_type: ``(edges,)``: its kind, an index into :data:`EDGE_TYPES`.
        edge_label: ``(edges,)``: the number of the relation it stands for, 0 where there is none.
        counts: How many edges there are of each type.
    """

    edge_index: Tensor
    edge_type: Tensor
    edge_label: Tensor
    counts: tuple[int, ...]
    _adjacencies: dict[int, Adjacency] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def adjacency(self, nodes: int) -> Adjacency:
        """The edges grouped by target and by source, for so many nodes; made once."""
        if nodes not in self._adjacencies:
            self._adjacencies[nodes] = Adjacency.of(self.edge_index, nodes)
        return self._adjacencies[nodes]

    def map(self, move: Callable[[Tensor], Tensor]) -> Graph:
        """The graph with each of its tensors moved."""
        return Graph(
            move(self.edge_index), move(self.edge_type), move(self.edge_label), self.counts
        )

    def to(self, device: torch.device) -> Graph:
        """The graph on another device."""
        return self.map(lambda tensor: tensor.to(device))

    def of_type(self, name: str) -> Tensor:
        """The ``edge_index`` of the edges of one kind."""
        place = EDGE_TYPES.index(name)
        begin = sum(self.counts[:place])
        return self.edge_index[:, begin : begin + self.counts[place]]


@dataclass(frozen=True)
class GraphConstruction:
    """Which edges to make from a tree.

    Args:
        heads: An edge from each head (parent) to its dependents, labelled with the relation.
        dependents: The same edges reversed.
        self_loops: An edge from each node to itself.
        neighbours: Edges from each token to the next one and to the previous one.
        hops: With 2 or more, also edges from each node's ancestors of up to so many steps, where
            ``heads`` are wanted, and to them, where ``dependents`` are; labelled with the lower
            node's relation.
    """

    heads: bool = True
    dependents: bool = True
    self_loops: bool = True
    neighbours: bool = False
    hops: int = 1

    def __post_init__(self) -> None:
        if self.hops < 1:
            raise ValueError(f"hops must be at least 1, but is {self.hops}")

    @property
    def reads_trees(self) -> bool:
        """Whether any edge comes from a tree; else nodes are tokens, and no tree is needed."""
        return self.heads or self.dependents

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of edges that it makes."""
        made = {
            "head_to_dependent": self.heads,
            "dependent_to_head": self.dependents,
            "self": self.self_loops,
            "next": self.neighbours,
            "previous": self.neighbours,
            "ancestor_to_descendant": self.heads and self.hops > 1,
            "descendant_to_ancestor": self.dependents and self.hops > 1,
        }
        return tuple(kind for kind in EDGE_TYPES if made[kind])

    def build(self, parents: Array, labels: Array, node_tokens: Array, token_ptr: Array) -> Graph:
        """The edges of a batch.

        Args:
            parents: ``(nodes,)``, each node's parent, -1 for a root.
            labels: ``(nodes,)``, the number of each node's relation to its parent.
            node_tokens: ``(nodes,)``, each node's token, -1 for none.
            token_ptr: ``(sentences + 1,)``, where each sentence's tokens begin.
        """
        nodes = np.arange(len(parents))
        dependent = np.flatnonzero(parents >= 0)
        head = parents[dependent]
        ends: dict[str, tuple[Array, Array]] = {
            "head_to_dependent": (head, dependent),
            "dependent_to_head": (dependent, head),
            "self": (nodes, nodes),
        }
        if self.neighbours:
            left, right = _neighbours(node_tokens, token_ptr)
            ends |= {"next": (left, right), "previous": (right, left)}
        if self.hops > 1:
            above, below = _ancestors(parents, self.hops)
            ends |= {
                "ancestor_to_descendant": (above, below),
                "descendant_to_ancestor": (below, above),
            }
        # The node whose relation each edge bears; other edges bear none.
        lower = {"head_to_dependent": 1, "dependent_to_head": 0}
        lower |= {"ancestor_to_descendant": 1, "descendant_to_ancestor": 0}

        empty = np.zeros(0, dtype=np.int64)
        sources, targets, kinds, names = [empty], [empty], [empty], [empty]
        for kind in self.kinds:
            source, target = ends[kind]
            sources.append(source)
            targets.append(target)
            kinds.append(np.full(len(source), EDGE_TYPES.index(kind)))
            names.append(labels[ends[kind][lower[kind]]] if kind in lower else source * 0)
        made = [len(ends[kind][0]) if kind in self.kinds else 0 for kind in EDGE_TYPES]
        return Graph(
            edge_index=torch.from_numpy(
                np.stack([np.concatenate(sources), np.concatenate(targets)])
            ),
            edge_type=torch.from_numpy(np.concatenate(kinds)),
            edge_label=torch.from_numpy(np.concatenate(names)),
            counts=tuple(made),
        )


def _grouped(values: Array, size: int) -> tuple[Array, Array]:
    """A stable order of values below ``size`` and, ``(size + 1,)``, where in it each begins."""
    # NumPy sorts 16-bit integers by radix, several times faster than 64-bit ones.
    narrow = values.astype(np.uint16) if size <= 2**16 else values
    begin = np.concatenate([[0], np.cumsum(np.bincount(values, minlength=size))])
    return np.argsort(narrow, kind="stable"), begin


def _neighbours(node_tokens: Array, token_ptr: Array) -> tuple[Array, Array]:
    """The nodes of each two words that follow each other."""
    node_of = np.empty(int(token_ptr[-1]), dtype=np.int64)
    with_word = np.flatnonzero(node_tokens >= 0)
    node_of[node_tokens[with_word]] = with_word
    has_next = np.ones(len(node_of), dtype=bool)
    has_next[token_ptr[1:] - 1] = False
    left = np.flatnonzero(has_next)
    return node_of[left], node_of[left + 1]


def _ancestors(parents: Array, hops: int) -> tuple[Array, Array]:
    """Each ancestor from two to ``hops`` steps above a node, and that node."""
    above, below = [], []
    node, ancestor = np.arange(len(parents)), parents
    for _ in range(hops - 1):
        inside = ancestor >= 0
        node, ancestor = node[inside], parents[ancestor[inside]]
        inside = ancestor >= 0
        node, ancestor = node[inside], ancestor[inside]
        above.append(ancestor)
        below.append(node)
    return np.concatenate(above), np.concatenate(below)
