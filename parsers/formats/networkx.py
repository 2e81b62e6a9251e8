"""Sentences to networkx graphs, and back."""

from __future__ import annotations

import json
from collections.abc import Hashable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

from parsers.controls import CONTROLS, tree_of
from parsers.formats.enhanced import enhanced_graph
from parsers.formats.files import shown
from structnn.sentence import COLUMNS, Sentence, StructureError, Tree
from structnn.sentence_graph import SentenceGraph

if TYPE_CHECKING:
    import networkx

__all__ = ["from_networkx", "to_networkx"]

Edge = tuple[Hashable, Hashable, dict[str, Any]]


def to_networkx(
    sentence: Sentence, structure: str = "dependencies", *, seed: int = 0
) -> networkx.DiGraph:
    """Convert a tree or a graph of a sentence to a networkx graph.

    Nodes have the numbers that they have in the tree, and these attributes, where known:

    - ``token``, ``lemma``, ``tag``, the other columns of CoNLL-U by their names (``xpos``, ``feats``,
      ``deps``, ``misc``), and ``position``, the index of the token in the sentence; a node with no word
      has the position -1 and empty strings;
    - ``relation``, to the head; or ``constituent``, the label of a node of a constituency tree;
    - ``level``, the number of edges to the root, and ``height``, that to the deepest leaf.

    Edges go from each node to its children. Their attributes are ``kind``, one of
    :data:`structnn.EDGE_TYPES` (``"head_to_dependent"`` for the edges of any tree), and ``relation``.
    Attributes of the graph are ``structure``, ``text`` and ``metadata``, which is JSON.

    A :class:`~structnn.SentenceGraph` has no levels, and these attributes instead, where they are
    known: ``name`` and, 1 or 0, ``root`` at nodes, and ``relation`` at edges. If it leaves out tokens,
    these are nodes without edges, and ``in_graph`` tells them, with 0, from those of the graph, with 1.

    All nodes have the same attributes, as have all edges, and all values are strings or integers, so
    that every writer of networkx and ``torch_geometric.utils.from_networkx`` take the graph. (XML can't
    hold control characters: GraphML and GEXF need a sentence without them.)

    Args:
        sentence: The sentence.
        structure: ``"dependencies"``, ``"constituency"``, or the name of a control structure, as in
            :func:`parsers.with_structure`; ``"enhanced"``, see :func:`parsers.enhanced_graph`; or
            ``"graph"``: the :attr:`Sentence.graph`, or of a sentence that has none, the dependencies
            with the other edges that graph encoders read, of the kinds ``"dependent_to_head"``,
            ``"self"``, ``"next"`` and ``"previous"``, with the kind of each edge as its key.
        seed: The random seed of the control structures ``"random"`` and ``"shuffled"``.

    Returns:
        A ``networkx.DiGraph``; for ``"graph"`` and ``"enhanced"`` a ``networkx.MultiDiGraph``.

    Raises:
        StructureError: The sentence lacks the structure.
        ValueError: The structure is not known.

    Example:
        >>> sentence = Sentence(["dogs", "bark"], dependencies=Tree([1, -1]))
        >>> list(to_networkx(sentence).edges(data="kind"))
        [(1, 0, 'head_to_dependent')]
    """
    import networkx

    known = ("dependencies", "parse", "constituency", "enhanced", "graph", *CONTROLS)
    if structure not in known:
        names = ", ".join(name for name in known if name != "parse")
        raise ValueError(f"unknown structure {structure!r}; the structures are {names}")
    own = enhanced_graph(sentence) if structure == "enhanced" else sentence.graph
    if own is not None and structure in ("graph", "enhanced"):
        return _of_graph(sentence, own)
    tree = tree_of(sentence, "dependencies" if structure == "graph" else structure, seed)
    graph = networkx.MultiDiGraph() if structure == "graph" else networkx.DiGraph()
    graph.graph |= _facts(sentence, structure)
    label = "constituent" if structure == "constituency" else "relation"
    for node, position in enumerate(tree.tokens):
        attributes: dict[str, Any] = {"level": tree.depths[node], "height": tree.heights[node]}
        if tree.labels is not None:
            attributes[label] = tree.labels[node]
        graph.add_node(node, **attributes, **_of_word(sentence, position))

    def add(source: int, target: int, kind: str, relation: str) -> None:
        known = tree.labels is not None and label == "relation"
        labelled = {"relation": relation} if known else {}
        key = {"key": kind} if structure == "graph" else {}
        graph.add_edge(source, target, kind=kind, **labelled, **key)

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


def _facts(sentence: Sentence, structure: str) -> dict[str, Any]:
    """The attributes of a graph as a whole."""
    facts = {"structure": structure}
    if sentence.text is not None:
        facts["text"] = sentence.text
    if sentence.metadata:
        facts["metadata"] = json.dumps(dict(sentence.metadata))
    return facts


def _of_word(sentence: Sentence, position: int) -> dict[str, Any]:
    """The attributes of a node that are those of its token."""
    columns = {"token": sentence.tokens, "lemma": sentence.lemmas, "tag": sentence.tags}
    attributes: dict[str, Any] = {"position": position}
    for name, values in (columns | dict(sentence.columns)).items():
        if values is not None:
            attributes[name] = values[position] if position != -1 else ""
    return attributes


def _of_graph(sentence: Sentence, own: SentenceGraph) -> networkx.MultiDiGraph:
    """What :func:`to_networkx` makes of a graph that need not be a tree."""
    import networkx

    graph = networkx.MultiDiGraph()
    graph.graph |= _facts(sentence, _SENTENCE_GRAPH)
    left_out = sorted(set(range(len(sentence))) - set(own.tokens))
    for node, position in enumerate([*own.tokens, *left_out]):
        attributes = _of_word(sentence, position)
        if own.names is not None:
            attributes["name"] = own.names[node] if node < len(own) else ""
        if own.roots:
            attributes["root"] = int(node in own.roots)
        if left_out:
            attributes["in_graph"] = int(node < len(own))
        graph.add_node(node, **attributes)
    for number, (source, target) in enumerate(own.edges):
        relation = {} if own.labels is None else {"relation": own.labels[number]}
        graph.add_edge(source, target, kind="head_to_dependent", **relation)
    return graph


_SENTENCE_GRAPH = "sentence_graph"  # the attribute `structure` of what need not be a tree
_OF_THE_TREE = ("head_to_dependent", "head", "part")  # the last two as version 0.1.0 wrote them


def from_networkx(
    graph: networkx.Graph,
    *,
    root: Hashable = None,
    structure: Literal["tree", "graph"] | None = None,
) -> Sentence:
    """Convert a networkx graph to a sentence: a graph of :func:`to_networkx`, or any with words.

    Tokens are the nodes with an attribute ``token``, but for those with the ``position`` -1; they are in
    the order of their ``position`` where all have one, and otherwise in the order of the graph's nodes.
    If every node has a token, the tree is ``dependencies``, and otherwise ``constituency``. Edges with a
    ``kind`` other than ``"head_to_dependent"`` are left out. Other attributes are read as
    :func:`to_networkx` writes them.

    A graph that need not be a tree becomes the sentence's ``graph``, with all of its nodes and edges;
    the nodes keep their order.

    Args:
        graph: The graph, with edges from heads to dependents; nodes may be any objects.
        root: The node that is the root. It must be given for an undirected graph, whose edges then lead
            away from it; a directed graph says itself which node that is.
        structure: ``"graph"`` to read any directed graph as the sentence's ``graph``; ``"tree"`` to read
            it as a tree. By default the graph says it, if :func:`to_networkx` made it, and else it is
            read as a tree.

    Returns:
        The sentence, with that one tree or graph.

    Raises:
        StructureError: No node has a token, a node has several heads, the edges are not a tree, the
            graph is undirected and ``root`` isn't one of its nodes, or an attribute is of the wrong
            type.
        ValueError: ``structure`` is none of these.

    Example:
        >>> import networkx
        >>> graph = networkx.Graph([("bark", "dogs")])
        >>> networkx.set_node_attributes(graph, {node: node for node in graph}, "token")
        >>> from_networkx(graph, root="bark").dependencies.parents
        (-1, 0)
    """
    if structure not in (None, "tree", "graph"):
        raise ValueError(f"structure must be 'tree' or 'graph', but is {structure!r}")
    words = _words(graph)
    if structure is None and graph.graph.get("structure") == _SENTENCE_GRAPH:
        structure = "graph"
    if structure == "graph":
        return _sentence(graph, words, "graph", _graph_in(graph, words))
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
                "has one edge to each node but the root; read a graph that is none with "
                "structure='graph'"
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
    _check_one_tree(order, parents)
    tree = Tree(
        parents,
        tokens=[position.get(node, -1) for node in order],
        labels=known if len(known) == len(order) else None,
    )
    if root is not None and order[tree.root] != root:
        raise StructureError(
            f"the root is to be {root!r}, but the edges lead away from {order[tree.root]!r}"
        )

    return _sentence(graph, words, "dependencies" if is_dependency else "constituency", tree)


def _sentence(
    graph: networkx.Graph, words: Sequence[Hashable], field: str, structure: Tree | SentenceGraph
) -> Sentence:
    """The sentence of a graph's words, with a structure in this field."""

    def column(name: str) -> list[str] | None:
        values = [graph.nodes[node].get(name) for node in words]
        return None if None in values else values

    tokens = column("token")
    assert tokens is not None
    columns = {name: column(name) for name in COLUMNS}
    made = Sentence(
        tokens,
        tags=column("tag"),
        lemmas=column("lemma"),
        text=graph.graph.get("text"),
        metadata=_metadata(graph),
        columns={name: values for name, values in columns.items() if values is not None},
    )
    return made.replace(**{field: structure})


def _graph_in(graph: networkx.Graph, words: Sequence[Hashable]) -> SentenceGraph:
    """The graph itself, of which every edge and every node is kept."""
    if not graph.is_directed():
        raise StructureError(
            "the graph is undirected, so its edges don't say which of two nodes is the head; give a "
            "networkx.DiGraph, or graph.to_directed() for edges both ways"
        )
    nodes = [node for node in graph if graph.nodes[node].get("in_graph", 1)]
    index = {node: number for number, node in enumerate(nodes)}
    position = {node: number for number, node in enumerate(words)}
    edges, labels = [], []
    for source, target, attributes in graph.edges(data=True):
        for node in (source, target):
            if node not in index:
                raise StructureError(
                    f"the edge from {source!r} to {target!r} has the end {node!r}, which is not in the "
                    "graph: its attribute 'in_graph' is 0"
                )
        edges.append((index[source], index[target]))
        labels.append(attributes.get("relation"))
    names = [graph.nodes[node].get("name") for node in nodes]

    def texts(values: Sequence[object]) -> list[str] | None:
        if all(value is None for value in values):
            return None
        return ["" if value is None else str(value) for value in values]

    return SentenceGraph(
        [position.get(node, -1) for node in nodes],
        edges,
        texts(labels),
        texts(names),
        [index[node] for node in nodes if graph.nodes[node].get("root")],
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


def _check_one_tree(order: Sequence[Hashable], parents: Sequence[int]) -> None:
    """Check that all nodes are below one root; messages call nodes what the graph calls them."""
    roots = [node for node, parent in enumerate(parents) if parent == -1]
    if len(roots) > 1:
        one, other = (order[node] for node in roots[:2])
        raise StructureError(
            f"a tree has exactly one root, but neither node {one!r} nor node {other!r} has a head; "
            "connect them, or read the graph with structure='graph'"
        )
    below: list[list[int]] = [[] for _ in parents]
    for node, parent in enumerate(parents):
        if parent != -1:
            below[parent].append(node)
    reached = list(roots)
    for node in reached:  # the list grows while it is read
        reached += below[node]
    if roots and len(reached) < len(order):
        apart = min(set(range(len(order))) - set(reached))
        raise StructureError(
            f"node {order[apart]!r} is not below the root {order[roots[0]]!r}: the edges above it form "
            "a cycle; leave one out, or read the graph with structure='graph'"
        )


def _away_from(root: Hashable, graph: networkx.Graph, edges: Sequence[Edge]) -> list[Edge]:
    """The edges of an undirected graph, each in the direction that leads away from the root."""
    if root is None:
        raise StructureError(
            "the graph is undirected, so its edges don't say which of two nodes is the head; name the "
            "root, as in from_networkx(graph, root=0), or give a networkx.DiGraph"
        )
    if root not in graph:
        raise StructureError(f"the root {root!r} is not a node of the graph")
    at: dict[Hashable, list[tuple[Hashable, dict[str, Any]]]] = {node: [] for node in graph}
    for one, other, attributes in edges:
        at[one].append((other, attributes))
        at[other].append((one, attributes))
    found: list[Edge] = []
    reached = {root}
    queue = [root]
    for node in queue:  # the list grows while it is read
        for other, attributes in at[node]:
            if other not in reached:
                reached.add(other)
                found.append((node, other, attributes))
                queue.append(other)
    if len(reached) < len(graph):
        apart = next(node for node in graph if node not in reached)
        raise StructureError(
            f"a tree has exactly one root, but no edges lead from {root!r} to {apart!r}; connect them, "
            "or leave one out"
        )
    if len(found) < len(edges):
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
