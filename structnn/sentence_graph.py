"""Graphs over the tokens of a sentence, which need not be trees."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from structnn.fields import StructureError, integers, shorten, strings

__all__ = ["SentenceGraph"]


@dataclass(frozen=True)
class SentenceGraph:
    """Nodes and directed edges over the tokens of a sentence. Immutable.

    Any graph will do: nodes may have several heads or none, edges may form cycles, lead from a node to
    itself and stand beside each other, and parts may be disconnected. A node may have no word, such as
    the empty nodes of enhanced dependencies or the concepts of an AMR graph; and a token may have no
    node: it then takes no part in the graph.

    Graph encoders read it as they read a constituency tree: the vector of a word enters at its node, a
    node with no word begins with zeros, and sentence vectors are made of the states of all nodes. The
    state of a token that has no node is zero.

    Args:
        tokens: ``(nodes,)``, the index of each node's token, -1 for a node with no word. No token has
            two nodes.
        edges: ``(edges, 2)``, the source and the target of each edge, as from a head to its dependent.
            They are kept in order: two graphs that differ in the order of their edges alone are equal.
        labels: ``(edges,)``, the label of each edge, such as a relation; None where there is no edge.
        names: ``(nodes,)``, what each node is called, such as the form of an empty node or a concept.
            Encoders don't read it.
        roots: The nodes at which the graph begins, where it says so: those that the enhanced
            dependencies attach to 0, the top of an AMR graph.

    Raises:
        StructureError: There is no node, a node has a token that another one has, an edge is not one
            between two of the nodes, or lengths differ. The message names the node or the edge.

    Example:
        >>> graph = SentenceGraph([0, 1, -1], [(1, 0), (2, 0), (0, 2)], ["ARG0", "ARG0", "of"])
        >>> graph.heads(0)
        (1, 2)
    """

    tokens: Sequence[int]
    edges: Sequence[tuple[int, int]] = ()
    labels: Sequence[str] | None = None
    names: Sequence[str] | None = None
    roots: Sequence[int] = ()

    def __post_init__(self) -> None:
        tokens = integers("tokens", self.tokens)
        object.__setattr__(self, "tokens", tokens)
        if not tokens:
            raise StructureError("a graph needs at least one node, and `tokens` is empty")
        edges = _pairs(self.edges)
        labels = None if self.labels is None else strings("labels", self.labels)
        if labels is not None and len(labels) != len(edges):
            raise StructureError(
                f"`labels` has {len(labels)} entries for {len(edges)} edges; give one for each edge"
            )
        if self.names is not None:
            object.__setattr__(self, "names", strings("names", self.names))
        if self.names is not None and len(self.names) != len(tokens):
            raise StructureError(
                f"`names` has {len(self.names)} entries for {len(tokens)} nodes; give one for each node"
            )
        self._check_tokens()
        self._check_edges(edges, labels)
        roots = tuple(sorted(set(integers("roots", self.roots))))
        for root in roots:
            if not 0 <= root < len(tokens):
                raise StructureError(
                    f"the root {root} is no node: nodes are 0 to {len(tokens) - 1}"
                )
        object.__setattr__(self, "roots", roots)
        order = sorted(range(len(edges)), key=lambda edge: (edges[edge], labels and labels[edge]))
        object.__setattr__(self, "edges", tuple(edges[edge] for edge in order))
        own = None if labels is None else tuple(labels[edge] for edge in order)
        object.__setattr__(self, "labels", own or None)

    def __len__(self) -> int:
        return len(self.tokens)

    def heads(self, node: int) -> tuple[int, ...]:
        """The sources of the edges to a node, in order."""
        return tuple(source for source, target in self.edges if target == node)

    def _check_tokens(self) -> None:
        nodes: dict[int, int] = {}
        for node, token in enumerate(self.tokens):
            if token < -1:
                raise StructureError(
                    f"node {node} has the token {token}; tokens count from 0, and -1 is for a node with "
                    "no word"
                )
            if token >= 0 and nodes.setdefault(token, node) != node:
                raise StructureError(
                    f"nodes {nodes[token]} and {node} both have the token {token}; a token has one node "
                    "at most (give one of them -1, and edges to the other)"
                )

    def _check_edges(self, edges: Sequence[tuple[int, int]], labels: Sequence[str] | None) -> None:
        size = len(self.tokens)
        for edge, ends in enumerate(edges):
            for what, node in zip(("source", "target"), ends, strict=True):
                if not 0 <= node < size:
                    label = "" if labels is None else f" ({labels[edge]!r})"
                    raise StructureError(
                        f"edge {edge}{label} has the {what} {node}, which is no node: nodes are 0 to "
                        f"{size - 1}"
                    )


def _pairs(edges: Iterable[Sequence[int]]) -> tuple[tuple[int, int], ...]:
    pairs = []
    try:
        for number, edge in enumerate(edges):
            ends = integers(f"edges[{number}]", edge)
            if len(ends) != 2:
                raise StructureError(
                    f"edge {number} has {len(ends)} ends, {shorten(ends)}; give source and target"
                )
            pairs.append((ends[0], ends[1]))
    except TypeError:
        raise StructureError(
            f"`edges` must be a sequence of pairs of nodes, but is {edges!r}"
        ) from None
    return tuple(pairs)
