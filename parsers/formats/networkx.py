"""Sentences to networkx graphs, and back."""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterable
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from parsers.controls import CONTROLS, tree_of
from parsers.formats.files import shown
from structnn.sentence import COLUMNS, Sentence, StructureError, Tree

if TYPE_CHECKING:
    import networkx

__all__ = ["from_networkx", "to_networkx"]

Edge = tuple[Hashable, Hashable, dict[str, Any]]


def to_networkx(
    sentence: Sentence, structure: str = "dependencies", *, seed: int = 0
) -> networkx.DiGraph:
    """Convert a tree of a sentence to a networkx graph.

    Nodes have the numbers that they have in the tree, and these attributes, where known:

    - ``token``, ``lemma``, ``tag``, the other columns of CoNLL-U by their names (``xpos``, ``feats``,
      ``deps``, ``misc``), and ``position``, the index of the token in the sentence; a node with no word
      has the position -1 and empty strings;
    - ``relation``, to the head; or ``constituent``, the label of a node of a constituency tree;
    - ``level``, the number of edges to the root, and ``height``, that to the deepest leaf.

    Edges go from each node to its children. Their attributes are ``kind``, one of
    :data:`structnn.EDGE_TYPES` (``"head_to_dependent"`` for the edges of any tree), and ``relation``.
    Attributes of the graph are ``structure``, ``text`` and ``metadata``, which is JSON.

    All nodes have the same attributes, as have all edges, and all values are strings or integers, so
    that every writer of networkx and ``torch_geometric.utils.from_networkx`` take the graph. (XML can't
    hold control characters: GraphML and GEXF need a sentence without them.)

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
        names = ", ".join(name for name in known if name != "parse")
        raise ValueError(f"unknown structure {structure!r}; the structures are {names}")
    tree = tree_of(sentence, "dependencies" if structure == "graph" else structure, seed)
    assert tree.tokens is not None
    graph = networkx.MultiDiGraph() if structure == "graph" else networkx.DiGraph()
    graph.graph["structure"] = structure
    if sentence.text is not None:
        graph.graph["text"] = sentence.text
    if sentence.metadata:
        graph.graph["metadata"] = json.dumps(dict(sentence.metadata))
    label = "constituent" if structure == "constituency" else "relation"
    columns = {"token": sentence.tokens, "lemma": sentence.lemmas, "tag": sentence.tags}
    columns |= sentence.columns
    for node, position in enumerate(tree.tokens):
        attributes: dict[str, Any] = {"level": tree.depths[node], "height": tree.heights[node]}
        if tree.labels is not None:
            attributes[label] = tree.labels[node]
        attributes["position"] = position
        for name, values in columns.items():
            if values is not None:
                attributes[name] = values[position] if position != -1 else ""
        graph.add_node(node, **attributes)

    def add(source: int, target: int, kind: str, relation: str) -> None:
        attributes = {"kind": kind}
        if tree.labels is not None and label == "relation":
            attributes["relation"] = relation
        graph.add_edge(
            source, target, **({"key": kind} if structure == "graph" else {}), **attributes
        )

    for node, parent in enumerate(tree.parents):
        relation = tree.labels[node] if tree.labels is not None else ""
        if structure == "graph":
            add(node, node, "self", "")
        if parent != -1:
            add(parent, node, "head_to_dependent", relation)
        if structure == "graph":
            if parent != -1:
                add(node, parent, "dependent_to_head", relation)
            if node + 1 < len(tree):
                add(node, node + 1, "next", "")
                add(node + 1, node, "previous", "")
    return graph


_OF_THE_TREE = ("head_to_dependent", "head", "part")  # the last two as version 0.1.0 wrote them


def from_networkx(graph: networkx.Graph, *, root: Hashable = None) -> Sentence:
    """Convert a networkx graph to a sentence: a graph of :func:`to_networkx`, or any tree with words.

    Tokens are the nodes with an attribute ``token``, but for those with the ``position`` -1; they are in
    the order of their ``position`` where all have one, and otherwise in the order of the graph's nodes.
    If every node has a token, the tree is ``dependencies``, and otherwise ``constituency``. Edges with a
    ``kind`` other than ``"head_to_dependent"`` are left out. Other attributes are read as
    :func:`to_networkx` writes them.

    Args:
        graph: The graph, with edges from heads to dependents; nodes may be any objects.
        root: The node that is the root. It must be given for an undirected graph, whose edges then lead
            away from it; a directed graph says itself which node that is.

    Returns:
        The sentence, with that one tree.

    Raises:
        StructureError: No node has a token, a node has several heads, the edges are not a tree, the
            graph is undirected and ``root`` isn't one of its nodes, or an attribute is of the wrong
            type.

    Example:
        >>> import networkx
        >>> graph = networkx.Graph([("bark", "dogs")])
        >>> networkx.set_node_attributes(graph, {node: node for node in graph}, "token")
        >>> from_networkx(graph, root="bark").dependencies.parents
        (-1, 0)
    """
    words = _words(graph)
    is_dependency = len(words) == len(graph) and not _has_phrases(graph)
    order = words if is_dependency else list(graph)
    index = {node: number for number, node in enumerate(order)}
    edges = [
        (head, dependent, attributes)
        for head, dependent, attributes in graph.edges(data=True)
        if attributes.get("kind", "head_to_dependent") in _OF_THE_TREE
    ]
    if not graph.is_directed():
        edges = _away_from(root, graph, edges)
    parents = [-1] * len(order)
    relations: dict[int, object] = {}
    for head, dependent, attributes in edges:
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
    labels: list[object] = [
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
    if root is not None and order[tree.root] != root:
        raise StructureError(
            f"the root is to be {root!r}, but the edges lead away from {order[tree.root]!r}"
        )

    def column(name: str) -> list[str] | None:
        values = [graph.nodes[node].get(name) for node in words]
        return None if None in values else values

    tokens = column("token")
    assert tokens is not None
    columns = {name: column(name) for name in COLUMNS}
    return Sentence(
        tokens,
        dependencies=tree if is_dependency else None,
        constituency=None if is_dependency else tree,
        tags=column("tag"),
        lemmas=column("lemma"),
        text=graph.graph.get("text"),
        metadata=_metadata(graph),
        columns={name: values for name, values in columns.items() if values is not None},
    )


def _words(graph: networkx.Graph) -> list[Hashable]:
    """The nodes that have a word, in the order of the sentence."""
    nodes = [node for node in graph if graph.nodes[node].get("token") is not None]
    positions = {node: graph.nodes[node].get("position") for node in nodes}
    words = [node for node in nodes if positions[node] != -1]
    if not words:
        raise StructureError(
            "no node of the graph has the attribute 'token'; give each word its node, as in "
            "graph.add_node(0, token='dogs')"
        )
    if any(positions[node] is None for node in words):
        return words
    try:
        ordered = sorted(words, key=lambda node: positions[node])
    except TypeError:
        raise StructureError(
            "the positions of words can't be put in order, since they are of several types; give "
            "each an integer"
        ) from None
    for one, other in pairwise(ordered):
        if positions[one] == positions[other]:
            raise StructureError(
                f"nodes {one!r} and {other!r} both have the position {positions[one]!r}; give each word "
                "a position of its own"
            )
    return ordered


def _has_phrases(graph: networkx.Graph) -> bool:
    """Whether a graph says that it is a constituency tree, even if all its nodes have words."""
    if "structure" in graph.graph:
        return bool(graph.graph["structure"] == "constituency")
    return any("constituent" in graph.nodes[node] for node in graph)


def _away_from(root: Hashable, graph: networkx.Graph, edges: Iterable[Edge]) -> list[Edge]:
    """The edges of an undirected graph, each in the direction that leads away from the root."""
    if root is None:
        raise StructureError(
            "the graph is undirected, so its edges don't say which of two nodes is the head; name the "
            "root, as in from_networkx(graph, root=0), or give a networkx.DiGraph"
        )
    if root not in graph:
        raise StructureError(f"the root {root!r} is not a node of the graph")
    at: dict[Hashable, list[tuple[Hashable, dict[str, Any]]]] = {node: [] for node in graph}
    count = 0
    for one, other, attributes in edges:
        at[one].append((other, attributes))
        at[other].append((one, attributes))
        count += 1
    found: list[Edge] = []
    reached = {root}
    queue = [root]
    for node in queue:  # the list grows while it is read
        for other, attributes in at[node]:
            if other not in reached:
                reached.add(other)
                found.append((node, other, attributes))
                queue.append(other)
    if len(found) < count:
        raise StructureError("the edges of the undirected graph are not a tree: they form a cycle")
    return found


def _metadata(graph: networkx.Graph) -> Any:
    """The metadata of a sentence; version 0.2.0 wrote them as a mapping, now they are JSON."""
    metadata = graph.graph.get("metadata", {})
    if not isinstance(metadata, str):
        return metadata
    try:
        return json.loads(metadata)
    except (ValueError, RecursionError):
        raise StructureError(
            f"the graph's attribute 'metadata' is not JSON: {shown(metadata)}"
        ) from None
