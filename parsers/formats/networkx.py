"""Sentences as networkx graphs, and back."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any

from structnn.sentence import Sentence, StructureError, Tree

if TYPE_CHECKING:
    import networkx

__all__ = ["from_networkx", "to_networkx"]


def to_networkx(
    sentence: Sentence, structure: str = "dependencies", *, seed: int = 0
) -> networkx.DiGraph:
    """A sentence's structure as a networkx graph, on which any algorithm or layout works.

    Nodes are numbered as in the tree. Their attributes, where known: ``token``, ``lemma``, ``tag``,
    ``position`` (of the word in the sentence), ``relation`` (to the head) or ``constituent`` (the
    label of a node of a constituency tree), ``level`` (edges to the root), ``height`` (edges to the
    deepest leaf below). Edges go from head to dependent and from phrase to part, with ``relation``
    where there is one, and ``kind``. The graph's own attributes are ``structure``, ``text`` and
    ``metadata``.

    Args:
        sentence: The sentence.
        structure: ``dependencies``; ``constituency``; ``graph``, a ``MultiDiGraph`` with all kinds of
            edges that graph encoders use, keyed and named by kind: ``head`` (head to dependent),
            ``reverse``, ``self``, ``next`` and ``previous`` (neighbours in the sentence); or the name
            of a control, as :func:`parsers.controls.with_structure` takes it.
        seed: For controls that are random.

    Returns:
        A ``networkx.DiGraph``.

    Raises:
        StructureError: The sentence does not have that structure.
        ValueError: An unknown structure.
    """
    import networkx

    tree = _tree_of(sentence, structure, seed)
    assert tree.tokens is not None
    graph = networkx.MultiDiGraph() if structure == "graph" else networkx.DiGraph()
    graph.graph["structure"] = structure
    if sentence.text is not None:
        graph.graph["text"] = sentence.text
    if sentence.metadata:
        graph.graph["metadata"] = dict(sentence.metadata)
    label = "constituent" if structure == "constituency" else "relation"
    for node, position in enumerate(tree.tokens):
        attributes: dict[str, Any] = {"level": tree.depths[node], "height": tree.heights[node]}
        if tree.labels is not None:
            attributes[label] = tree.labels[node]
        if position != -1:
            attributes |= {"position": position, "token": sentence.tokens[position]}
            if sentence.lemmas is not None:
                attributes["lemma"] = sentence.lemmas[position]
            if sentence.tags is not None:
                attributes["tag"] = sentence.tags[position]
        graph.add_node(node, **attributes)
    kind = "part" if structure == "constituency" else "head"
    for node in range(len(tree)):
        relation = {label: tree.labels[node]} if tree.labels and label == "relation" else {}
        parent = tree.parents[node]
        if structure == "graph":
            graph.add_edge(node, node, key="self", kind="self")
            if parent != -1:
                graph.add_edge(parent, node, key="head", kind="head", **relation)
                graph.add_edge(node, parent, key="reverse", kind="reverse", **relation)
            if node + 1 < len(tree):
                graph.add_edge(node, node + 1, key="next", kind="next")
                graph.add_edge(node + 1, node, key="previous", kind="previous")
        elif parent != -1:
            graph.add_edge(parent, node, kind=kind, **relation)
    return graph


def from_networkx(graph: networkx.DiGraph) -> Sentence:
    """The sentence of a graph: one that :func:`to_networkx` made, or any tree whose nodes have words.

    Words are the nodes with ``token``. They, and the parts of each phrase, are in the order of
    ``position`` where all words have it, and of the graph's nodes otherwise. A graph in which every
    node has a word gives ``dependencies``, and any other ``constituency``. Edges whose ``kind`` is
    not ``head`` or ``part`` are left out; other attributes are read as :func:`to_networkx` writes
    them.

    Args:
        graph: The graph. Nodes may be any objects.

    Returns:
        The sentence, with that one structure.

    Raises:
        StructureError: Nodes that have no words, several heads of one node, or no tree.
    """
    nodes: list[Hashable] = list(graph)
    words = [node for node in nodes if "token" in graph.nodes[node]]
    if not words:
        raise StructureError(
            "no node of the graph has the attribute 'token'; give each word its node, as in "
            "graph.add_node(0, token='dogs')"
        )
    if all("position" in graph.nodes[node] for node in words):
        words.sort(key=lambda node: graph.nodes[node]["position"])
    is_dependency = len(words) == len(nodes) and graph.graph.get("structure") != "constituency"
    order = words if is_dependency else nodes
    index = {node: number for number, node in enumerate(order)}
    parents = [-1] * len(order)
    relations: dict[int, str] = {}
    for head, dependent, attributes in graph.edges(data=True):
        if attributes.get("kind", "head") not in ("head", "part"):
            continue
        child = index[dependent]
        if parents[child] != -1:
            raise StructureError(
                f"node {dependent!r} has two heads, {order[parents[child]]!r} and {head!r}; a tree "
                "has one edge to each node but the root"
            )
        parents[child] = index[head]
        if "relation" in attributes:
            relations[child] = attributes["relation"]
    label = "relation" if is_dependency else "constituent"
    labels: list[str | None] = [
        relations.get(child, graph.nodes[node].get(label)) for child, node in enumerate(order)
    ]
    if relations and parents.count(-1) == 1 and labels[parents.index(-1)] is None:
        labels[parents.index(-1)] = "root"  # the root's relation has no edge to stand on
    known = [str(label) for label in labels if label is not None]
    position = {node: number for number, node in enumerate(words)}
    tree = Tree(
        parents,
        tokens=[position.get(node, -1) for node in order],
        labels=known if len(known) == len(order) else None,
    )

    def column(name: str) -> list[str] | None:
        values = [graph.nodes[node].get(name) for node in words]
        return values if all(value is not None for value in values) else None

    tokens = column("token")
    assert tokens is not None
    return Sentence(
        tokens,
        dependencies=tree if is_dependency else None,
        constituency=None if is_dependency else tree,
        tags=column("tag"),
        lemmas=column("lemma"),
        text=graph.graph.get("text"),
        metadata=graph.graph.get("metadata", {}),
    )


def _tree_of(sentence: Sentence, structure: str, seed: int) -> Tree:
    from parsers.controls import STRUCTURES, with_structure

    if structure == "constituency":
        tree = sentence.constituency
    elif structure in ("dependencies", "graph"):
        tree = sentence.dependencies
    elif structure in STRUCTURES:
        tree = with_structure([sentence], structure, seed)[0].dependencies
    else:
        raise ValueError(
            f"unknown structure {structure!r}; the structures are dependencies, constituency, graph, "
            + ", ".join(STRUCTURES)
        )
    if tree is None:
        wanted = "constituency tree" if structure == "constituency" else "dependencies"
        raise StructureError(
            f"{' '.join(sentence.tokens)[:60]!r} has no {wanted}; parse it first, or read it from "
            "a file that has them"
        )
    return tree
