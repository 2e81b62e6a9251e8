"""Graphs: the edges along which graph encoders send messages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from structnn.data.flat import Array, stable_argsort
from structnn.ops.devices import sent

__all__ = ["EDGE_TYPES", "Adjacency", "Graph", "GraphConstruction", "nodes_of_tokens"]

EDGE_TYPES = (
    "head_to_dependent",
    "dependent_to_head",
    "self",
    "next",
    "previous",
    "ancestor_to_descendant",
    "descendant_to_ancestor",
)
"""The kinds of edges. An edge's type is the index of its kind in this tuple.

``self`` joins each node to itself; ``next`` and ``previous`` join neighbouring tokens;
``ancestor_to_descendant`` and its reverse join nodes that are two or more edges apart. In a constituency
tree a head is the parent node, and its dependents are its children.
"""


@dataclass(frozen=True)
class Adjacency:
    """The edges of a graph sorted by target, and an index that sorts them by source.

    A sum over the edges to a node, or from a node, is then a sum over contiguous rows, and needs no
    scatter operation.

    Attributes:
        order: ``(edges,)``, the index in the graph of each edge.
        source: ``(edges,)``, the source of each edge.
        target: ``(edges,)``, the target of each edge, in ascending order.
        incoming: ``(nodes + 1,)``, where the edges to each node begin.
        by_source: ``(edges,)``, the indices of the edges in the order of their sources.
        outgoing: ``(nodes + 1,)``, where in ``by_source`` the edges from each node begin.
    """

    order: Tensor
    source: Tensor
    target: Tensor
    incoming: Tensor
    by_source: Tensor
    outgoing: Tensor

    @classmethod
    def of(cls, edge_index: Tensor, nodes: int) -> Adjacency:
        """The adjacency of these edges.

        Args:
            edge_index: ``(2, edges)``, source and target of each edge, on the CPU.
            nodes: The number of nodes.

        Raises:
            ValueError: An edge has an end that is not a node.
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

    def __repr__(self) -> str:
        return f"Adjacency(nodes={len(self.incoming) - 1}, edges={len(self.source)})"


@dataclass(frozen=True)
class Graph:
    """Edges between the nodes of a batch; no edge joins two sentences.

    Attributes:
        edge_index: ``(2, edges)``, source and target of each edge, as in PyG; sorted by type.
        edge_type: ``(edges,)``, the kind of each edge, an index into :data:`EDGE_TYPES`.
        edge_label: ``(edges,)``, the index of the relation of each edge, 0 where there is none.
        counts: The number of edges of each type.
        highest_label: The largest of ``edge_label``.
    """

    edge_index: Tensor
    edge_type: Tensor
    edge_label: Tensor
    counts: tuple[int, ...]
    highest_label: int
    _adjacencies: dict[int, Adjacency] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def __repr__(self) -> str:
        kinds = zip(EDGE_TYPES, self.counts, strict=True)
        fields = [f"edges={sum(self.counts)}", *(f"{kind}={n}" for kind, n in kinds if n)]
        return f"Graph({', '.join(fields)})"

    def adjacency(self, nodes: int) -> Adjacency:
        """The edges sorted by target and by source; made once.

        Args:
            nodes: The number of nodes of the graph.
        """
        if nodes not in self._adjacencies:
            self._adjacencies[nodes] = Adjacency.of(self.edge_index, nodes)
        return self._adjacencies[nodes]

    def map(self, move: Callable[[Tensor], Tensor]) -> Graph:
        """The graph with ``move`` applied to each of its tensors."""
        return replace(
            self,
            edge_index=move(self.edge_index),
            edge_type=move(self.edge_type),
            edge_label=move(self.edge_label),
        )

    def to(self, device: torch.device) -> Graph:
        """The graph on another device."""
        return self.map(lambda tensor: sent(tensor, device))

    def of_type(self, name: str) -> Tensor:
        """The edges of one kind.

        Args:
            name: One of :data:`EDGE_TYPES`.

        Returns:
            ``(2, edges)``, source and target of each.
        """
        place = EDGE_TYPES.index(name)
        begin = sum(self.counts[:place])
        return self.edge_index[:, begin : begin + self.counts[place]]


@dataclass(frozen=True, kw_only=True)
class GraphConstruction:
    """Which edges to make from the trees or graphs and the order of the tokens.

    Of a :class:`~structnn.SentenceGraph`, each edge leads from a head (its source) to a dependent (its
    target); a node may have several heads.

    Args:
        head_to_dependent: An edge from each head (parent) to each of its dependents, labelled with the
            relation.
        dependent_to_head: The same edges reversed.
        self_loops: An edge from each node to itself: ``self``.
        neighbours: Edges between neighbouring tokens in both directions: ``next`` and ``previous``.
            A token that a graph leaves out has none.
        hops: With 2 or more, also edges between each node and its ancestors up to ``hops`` edges above
            it by the shortest way, labelled with the node's relation (of a node with several heads, with
            one of those on shortest ways): ``ancestor_to_descendant`` if ``head_to_dependent``,
            ``descendant_to_ancestor`` if ``dependent_to_head``.

    Raises:
        ValueError: ``hops`` is less than 1.

    Example:
        >>> from structnn import Batch, Sentence, Tree
        >>> sentence = Sentence(["dogs", "chase", "cats"], dependencies=Tree([1, -1, 1]))
        >>> construction = GraphConstruction(self_loops=False)
        >>> Batch.from_sentences([sentence]).graph(construction)
        Graph(edges=4, head_to_dependent=2, dependent_to_head=2)
    """

    head_to_dependent: bool = True
    dependent_to_head: bool = True
    self_loops: bool = True
    neighbours: bool = False
    hops: int = 1

    def __post_init__(self) -> None:
        if self.hops < 1:
            raise ValueError(f"hops must be at least 1, but is {self.hops}")

    @property
    def reads_trees(self) -> bool:
        """Whether any edge comes from a tree; if none does, the nodes are the tokens."""
        return self.head_to_dependent or self.dependent_to_head

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of edges that are made, in the order of :data:`EDGE_TYPES`."""
        made = {
            "head_to_dependent": self.head_to_dependent,
            "dependent_to_head": self.dependent_to_head,
            "self": self.self_loops,
            "next": self.neighbours,
            "previous": self.neighbours,
            "ancestor_to_descendant": self.head_to_dependent and self.hops > 1,
            "descendant_to_ancestor": self.dependent_to_head and self.hops > 1,
        }
        return tuple(kind for kind in EDGE_TYPES if made[kind])

    def build(
        self, edges: tuple[Array, Array, Array], node_tokens: Array, token_ptr: Array
    ) -> Graph:
        """The edges of a batch.

        Args:
            edges: ``(edges,)`` each: the head and the dependent of each edge, and the index of its
                relation.
            node_tokens: ``(nodes,)``, each node's token, -1 for none.
            token_ptr: ``(sentences + 1,)``, where each sentence's tokens begin.
        """
        nodes = np.arange(len(node_tokens))
        head, dependent, relation = edges
        none = np.zeros_like(nodes)
        ends: dict[str, tuple[Array, Array, Array]] = {
            "head_to_dependent": (head, dependent, relation),
            "dependent_to_head": (dependent, head, relation),
            "self": (nodes, nodes, none),
        }
        if self.neighbours:
            left, right = _neighbours(node_tokens, token_ptr)
            ends |= {"next": (left, right, left * 0), "previous": (right, left, left * 0)}
        if self.hops > 1:
            above, below, relation = _ancestors(edges, len(nodes), self.hops)
            ends |= {
                "ancestor_to_descendant": (above, below, relation),
                "descendant_to_ancestor": (below, above, relation),
            }

        empty = np.zeros(0, dtype=np.int64)
        made = [(empty, empty, empty), *(ends[kind] for kind in self.kinds)]
        sources, targets, labels = map(np.concatenate, zip(*made, strict=True))
        counts = [len(ends[kind][0]) if kind in self.kinds else 0 for kind in EDGE_TYPES]
        return Graph(
            edge_index=torch.from_numpy(np.stack([sources, targets])),
            edge_type=torch.from_numpy(np.repeat(np.arange(len(EDGE_TYPES)), counts)),
            edge_label=torch.from_numpy(labels),
            counts=tuple(counts),
            highest_label=int(labels.max(initial=0)),
        )


def _grouped(values: Array, size: int) -> tuple[Array, Array]:
    """A stable sort of values from 0 to ``size - 1``, and, ``(size + 1,)``, where in it each begins."""
    begin = np.concatenate([[0], np.cumsum(np.bincount(values, minlength=size))])
    return stable_argsort(values), begin


def _neighbours(node_tokens: Array, token_ptr: Array) -> tuple[Array, Array]:
    """For each pair of neighbouring tokens the node of the left one and of the right one."""
    node_of = nodes_of_tokens(node_tokens, int(token_ptr[-1]))
    has_next = node_of >= 0
    has_next[token_ptr[1:] - 1] = False
    left = np.flatnonzero(has_next)
    left = left[node_of[left + 1] >= 0]
    return node_of[left], node_of[left + 1]


def nodes_of_tokens(node_tokens: Array, tokens: int) -> Array:
    """``(tokens,)``: the node of each token, -1 for a token that has none.

    Args:
        node_tokens: ``(nodes,)``, each node's token, -1 for none.
        tokens: The number of tokens.
    """
    node_of = np.full(tokens, -1, dtype=np.int64)
    with_word = np.flatnonzero(node_tokens >= 0)
    node_of[node_tokens[with_word]] = with_word
    return node_of


def _ancestors(
    edges: tuple[Array, Array, Array], nodes: int, hops: int
) -> tuple[Array, Array, Array]:
    """Nodes and their ancestors, two to ``hops`` edges above them by the shortest way.

    Returns:
        ``(pairs,)`` each: the ancestor, the node, and the relation by which the way reaches the node.
    """
    head, dependent, relation = edges
    by_head, begin = _grouped(head, nodes)
    seen = np.union1d(dependent * nodes + head, np.arange(nodes) * (nodes + 1))
    found = []
    above, below, reached = head, dependent, relation
    for _ in range(hops - 1):
        # Every pair once for each edge that leads on from its lower node.
        count = begin[below + 1] - begin[below]
        place = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
        edge = by_head[np.repeat(begin[below], count) + place]
        above, below, reached = np.repeat(above, count), dependent[edge], relation[edge]
        pairs, first = np.unique(below * nodes + above, return_index=True)
        first = first[~np.isin(pairs, seen, assume_unique=True)]
        above, below, reached = above[first], below[first], reached[first]
        seen = np.union1d(seen, below * nodes + above)
        found.append((above, below, reached))
    above, below, reached = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return above, below, reached
