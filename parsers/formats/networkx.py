"""Sentences to networkx graphs, and back."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any

from parsers.controls import CONTROLS, tree_of
from structnn.sentence import Sentence, StructureError, Tree

if TYPE_CHECKING:
    import networkx

__all__ = ["from_networkx", "to_networkx"]


def to_networkx(
    sentence: Sentence, structure: str = "dependencies", *, seed: int = 0
) -> networkx.DiGraph:
    """Convert a tree of a sentence to a networkx graph.

    Nodes have the numbers that they have in the tree, and these attributes, where known:

    - ``token``, ``lemma``, ``tag``, and ``position``, the index of the token in the sentence;
    - ``relation``, to the head; or ``constituent``, the label of a node of a constituency tree;
    - ``level``, the number of edges to the root, and ``height``, that to the deepest leaf.

    Edges go from each node to its children. Their attributes are ``kind``, one of
    :data:`structnn.EDGE_TYPES` (``"head_to_dependent"`` for the edges of any tree), and ``relation``.
    Attributes of the graph are ``structure``, ``text`` and ``metadata``.

    Args:
        sentence: The sentence.
        structure: ``"dependencies"``, ``"constituency"``, or the name of a control structure, as in
            :func:`parsers.with_structure`; or ``"graph"``: the dependencies with the other edges that
            graph encoders read, of the kinds ``"dependent_to_head"``, ``"self"``, ``"next"`` and
            ``"previous"``, with the kind of each edge as its key.
        seed: The random seed of the control structures ``"random"`` and ``"shuffled"``.

    Returns:
        A ``networkx.DiGraph``; for ``"graph"`` a ``networkx.MultiDiGraph``.

    Raises:
        StructureError: The sentence lacks the structure.
        ValueError: The structure is not known.

    Example:
        >>> sentence = Sentence(["dogs", "bark"], dependencies=Tree([1, -1]))
        >>> list(to_networkx(sentence).edges(data="kind"))
        [(1, 0, 'head_to_dependent')]
    """
    import networkx

    known = ("dependencies", "parse", "constituency", "graph", *CONTROLS)
    if structure not in known:
        shown = ", ".join(name for name in known if name != "parse")
        raise ValueError(f"unknown structure {structure!r}; the structures are {shown}")
    tree = tree_of(sentence, "dependencies" if structure == "graph" else structure, seed)
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

    def add(source: int, target: int, kind: str, **attributes: str) -> None:
        graph.add_edge(source, target, key=kind, kind=kind, **attributes)

    for node in range(len(tree)):
        relation = {label: tree.labels[node]} if tree.labels and label == "relation" else {}
        parent = tree.parents[node]
        if structure == "graph":
            add(node, node, "self")
            if parent != -1:
                add(parent, node, "head_to_dependent", **relation)
                add(node, parent, "dependent_to_head", **relation)
            if node + 1 < len(tree):
                add(node, node + 1, "next")
                add(node + 1, node, "previous")
        elif parent != -1:
            graph.add_edge(parent, node, kind="head_to_dependent", **relation)
    return graph


_OF_THE_TREE = ("head_to_dependent", "head", "part")  # the last two as version 0.1.0 wrote them


def from_networkx(graph: networkx.DiGraph) -> Sentence:
    """Convert a networkx graph to a sentence: a graph of :func:`to_networkx`, or any tree with words.

    Tokens are the nodes with an attribute ``token``; they are in the order of their ``position`` where
    all have one, and otherwise in the order of the graph's nodes. If every node has a token, the tree is
    ``dependencies``, and otherwise ``constituency``. Edges with a ``kind`` other than
    ``"head_to_dependent"`` are left out. Other attributes are read as :func:`to_networkx` writes them.

    Args:
        graph: The graph, with edges from heads to dependents; nodes may be any objects.

    Returns:
        The sentence, with that one tree.

    Raises:
        StructureError: No node has a token, a node has several heads, or the edges are not a tree.
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
        if attributes.get("kind", "head_to_dependent") not in _OF_THE_TREE:
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
