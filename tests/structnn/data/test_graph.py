from __future__ import annotations

import networkx as nx
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from structnn import (
    EDGE_TYPES,
    UNIVERSAL_RELATIONS,
    Batch,
    GraphConstruction,
    Sentence,
    SentenceGraph,
    StructureError,
)
from structnn.data.graph import Adjacency
from tests.structnn.examples import batch_of, phrase_trees, sentence_graphs, trees


def edges_of(graph):
    """Every edge as (kind, source, target, label)."""
    return sorted(
        (EDGE_TYPES[kind], source, target, label)
        for kind, (source, target), label in zip(
            graph.edge_type.tolist(),
            graph.edge_index.t().tolist(),
            graph.edge_label.tolist(),
            strict=True,
        )
    )


def expected_edges(batch, construction):
    parents, labels = batch.parents.tolist(), batch.node_labels.tolist()
    edges = []
    for node, parent in enumerate(parents):
        if construction.self_loops:
            edges.append(("self", node, node, 0))
        ancestor, hop = parent, 1
        while ancestor >= 0 and hop <= construction.hops:
            down, up = ("head_to_dependent", "dependent_to_head") if hop == 1 else EDGE_TYPES[5:]
            if construction.head_to_dependent:
                edges.append((down, ancestor, node, labels[node]))
            if construction.dependent_to_head:
                edges.append((up, node, ancestor, labels[node]))
            ancestor, hop = parents[ancestor], hop + 1
    if construction.neighbours:
        nodes, sentences = batch.token_nodes.tolist(), batch.token_batch.tolist()
        for token in range(batch.num_tokens - 1):
            if sentences[token] == sentences[token + 1]:
                edges.append(("next", nodes[token], nodes[token + 1], 0))
                edges.append(("previous", nodes[token + 1], nodes[token], 0))
    return sorted(edges)


constructions = st.builds(
    GraphConstruction,
    head_to_dependent=st.booleans(),
    dependent_to_head=st.booleans(),
    self_loops=st.booleans(),
    neighbours=st.booleans(),
    hops=st.integers(1, 4),
)
forests = st.lists(trees(), min_size=1, max_size=3) | st.lists(
    phrase_trees(), min_size=1, max_size=3
)


@given(forests, constructions)
def test_edges(forest, construction):
    batch = batch_of(forest)
    if not construction.reads_trees and not batch.nodes_are_tokens:
        return  # nodes are tokens then
    graph = batch.graph(construction)
    assert edges_of(graph) == expected_edges(batch, construction)
    assert {kind for kind, *_ in edges_of(graph)} <= set(construction.kinds)
    for kind in EDGE_TYPES:
        of_type = graph.edge_index[:, graph.edge_type == EDGE_TYPES.index(kind)]
        assert torch.equal(graph.of_type(kind), of_type)


def edges_of_graph(graph, tokens, construction):
    """The edges of one graph, each with the labels that it may have."""
    network = nx.DiGraph()
    network.add_nodes_from(range(len(graph)))
    network.add_edges_from(graph.edges)
    labels = [UNIVERSAL_RELATIONS[label] if label else 0 for label in graph.labels or ()]
    labels = labels or [0] * len(graph.edges)
    found = []
    for (head, dependent), label in zip(graph.edges, labels, strict=True):
        if construction.head_to_dependent:
            found.append(("head_to_dependent", head, dependent, {label}))
        if construction.dependent_to_head:
            found.append(("dependent_to_head", dependent, head, {label}))
    if construction.self_loops:
        found += [("self", node, node, {0}) for node in range(len(graph))]
    if construction.neighbours:
        for token in range(tokens - 1):
            if {token, token + 1} <= set(graph.tokens):
                left, right = graph.tokens.index(token), graph.tokens.index(token + 1)
                found += [("next", left, right, {0}), ("previous", right, left, {0})]
    for above, lengths in nx.all_pairs_shortest_path_length(network):
        for below, hops in lengths.items():
            if 2 <= hops <= construction.hops:
                last = {
                    label
                    for (head, dependent), label in zip(graph.edges, labels, strict=True)
                    if dependent == below and lengths.get(head) == hops - 1
                }
                if construction.head_to_dependent:
                    found.append(("ancestor_to_descendant", above, below, last))
                if construction.dependent_to_head:
                    found.append(("descendant_to_ancestor", below, above, last))
    return found


@given(st.lists(sentence_graphs(), min_size=1, max_size=3), constructions)
def test_edges_of_graphs(graphs, construction):
    """Each edge of each graph, and the shortest ways that networkx finds; the same in any batch."""
    if not construction.reads_trees:
        return
    batch = batch_of(graphs)
    expected = []
    for graph, first, tokens in zip(
        graphs, batch.node_ptr.tolist(), batch.lengths.tolist(), strict=False
    ):
        for kind, source, target, labels in edges_of_graph(graph, tokens, construction):
            expected.append((kind, source + first, target + first, labels))
    found = edges_of(batch.graph(construction))
    expected.sort(key=lambda edge: (*edge[:3], min(edge[3])))
    assert [edge[:3] for edge in found] == [edge[:3] for edge in expected]
    assert all(one[3] in other[3] for one, other in zip(found, expected, strict=True))


@given(trees(), constructions)
def test_a_tree_read_as_a_graph_has_the_same_edges(tree, construction):
    edges = [(parent, node) for node, parent in enumerate(tree.parents) if parent >= 0]
    graph = SentenceGraph(range(len(tree)), edges, [tree.labels[node] for _, node in edges])
    one, other = (edges_of(batch_of([each]).graph(construction)) for each in (tree, graph))
    assert one == other


def test_tokens_that_a_graph_leaves_out():
    graph = SentenceGraph([2, -1, 0], [(0, 1)])
    sentences = [
        Sentence(["a", "b", "c", "d"], graph=graph),
        Sentence(["e"], graph=SentenceGraph([0])),
    ]
    batch = Batch.from_sentences(sentences, structure="graph")
    assert batch.token_nodes.tolist() == [2, -1, 0, -1, 3]
    assert batch.node_tokens.tolist() == [2, -1, 0, 4]
    x = torch.arange(1.0, 6.0)[:, None]
    assert batch.to_nodes(x).flatten().tolist() == [3, 0, 1, 5]
    assert batch.to_tokens(batch.to_nodes(x)).flatten().tolist() == [1, 0, 3, 0, 5]


def test_graphs_are_no_trees():
    batch = batch_of([SentenceGraph([0, 1], [(0, 1), (1, 0)])])
    for name in ("trees", "parents", "schedule", "roots", "tree_distances"):
        with pytest.raises(StructureError, match=r"have graphs.*a tree encoder.*can't read them"):
            getattr(batch, name)
    lacking = Batch.from_sentences([Sentence(["a"])], structure="graph")
    with pytest.raises(StructureError, match=r"'a'.* has no graph.*give the Sentence a `graph`"):
        lacking.graph()
    with pytest.raises(StructureError, match=r"returned SentenceGraph.*which is no Tree"):
        Batch.from_sentences([Sentence(["a"])], structure=lambda sentence: SentenceGraph([0]))


def test_made_once():
    batch = batch_of([trees_example()])
    assert batch.graph(GraphConstruction()) is batch.graph(GraphConstruction())


def test_without_a_parse():
    batch = Batch.from_sentences([Sentence(["a", "b"]), Sentence(["c"])])
    construction = GraphConstruction(
        head_to_dependent=False, dependent_to_head=False, neighbours=True
    )
    assert batch.graph(construction).counts == (0, 0, 3, 1, 1, 0, 0)
    with pytest.raises(StructureError, match="parse it first"):
        batch.graph(GraphConstruction(head_to_dependent=False))


def test_hops_are_checked():
    with pytest.raises(ValueError, match="hops must be at least 1, but is 0"):
        GraphConstruction(hops=0)


def test_adjacency():
    edges = torch.tensor([[3, 0, 0, 1, 3], [1, 4, 1, 0, 4]])
    adjacency = Adjacency.of(edges, 6)
    assert torch.equal(torch.stack([adjacency.source, adjacency.target]), edges[:, adjacency.order])
    assert adjacency.target.tolist() == [0, 1, 1, 4, 4]
    assert adjacency.incoming.tolist() == [0, 1, 3, 3, 3, 5, 5]
    assert adjacency.source[adjacency.by_source].tolist() == [0, 0, 1, 3, 3]
    assert adjacency.outgoing.tolist() == [0, 2, 3, 3, 5, 5, 5]


def test_edges_beyond_the_nodes_are_told():
    with pytest.raises(ValueError, match="there are 2 nodes, but edges between numbers 0 to 2"):
        Adjacency.of(torch.tensor([[0, 1], [1, 2]]), 2)
    assert Adjacency.of(torch.zeros(2, 0, dtype=torch.int64), 2).incoming.tolist() == [0, 0, 0]


def test_adjacency_is_made_once():
    graph = batch_of([trees_example()]).graph(GraphConstruction())
    assert graph.adjacency(3) is graph.adjacency(3)


def test_repr():
    graph = batch_of([trees_example()]).graph(GraphConstruction())
    assert repr(graph) == "Graph(edges=7, head_to_dependent=2, dependent_to_head=2, self=3)"
    assert repr(graph.adjacency(3)) == "Adjacency(nodes=3, edges=7)"


def test_options_are_given_by_name():
    with pytest.raises(TypeError, match="positional"):
        GraphConstruction(True)


def trees_example():
    from structnn import Tree

    return Tree([1, -1, 1], labels=["nsubj", "root", "obj"])
