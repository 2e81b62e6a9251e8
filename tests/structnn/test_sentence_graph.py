"""Graphs of sentences: what they hold, and what they refuse."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given

from structnn import Sentence, SentenceGraph, StructureError
from tests.structnn.examples import sentence_graphs, sentence_of


def test_any_graph_will_do():
    """Several heads, a cycle, a loop, two edges of one direction, a lone node, one without a word."""
    graph = SentenceGraph(
        [1, 0, -1, 3],
        [(1, 0), (0, 1), (2, 2), (2, 0), (1, 0)],
        ["b", "c", "d", "e", "a"],
        names=["", "", "go", ""],
        roots=[2, 0, 2],
    )
    assert graph.edges == ((0, 1), (1, 0), (1, 0), (2, 0), (2, 2))
    assert graph.labels == ("c", "a", "b", "e", "d")
    assert graph.heads(0) == (1, 1, 2)
    assert graph.roots == (0, 2)
    sentence = Sentence(["a", "b", "c", "d"], graph=graph)
    assert pickle.loads(pickle.dumps(sentence)) == sentence
    assert sentence.replace(graph=None) != sentence
    assert len({sentence, sentence.replace()}) == 1


@given(sentence_graphs())
def test_the_order_of_edges_is_immaterial(graph):
    labels = None if graph.labels is None else graph.labels[::-1]
    again = SentenceGraph(graph.tokens, graph.edges[::-1], labels, graph.names, graph.roots)
    assert again == graph
    assert sentence_of(graph).graph is graph


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([[]], "at least one node"),
        ([[0, 0]], "nodes 0 and 1 both have the token 0"),
        ([[0, -2]], "node 1 has the token -2"),
        ([[0], [(0, 1)]], "edge 0 has the target 1, which is no node: nodes are 0 to 0"),
        ([[0], [(0, 0), (-1, 0)], ["a", "b"]], r"edge 1 \('b'\) has the source -1"),
        ([[0], [(0, 0, 0)]], "edge 0 has 3 ends"),
        ([[0], [7]], r"`edges\[0\]` must be a sequence of integers, but is 7"),
        ([[0], 7], "`edges` must be a sequence of pairs of nodes, but is 7"),
        ([[0], [(0, 0)], []], "`labels` has 0 entries for 1 edges"),
        ([[0], [], None, []], "`names` has 0 entries for 1 nodes"),
        ([[0], [], None, None, [1]], "the root 1 is no node"),
        ([["a"]], "`tokens` must be a sequence of integers"),
    ],
)
def test_what_is_no_graph(arguments, message):
    with pytest.raises(StructureError, match=message):
        SentenceGraph(*arguments)


def test_graphs_that_do_not_fit_the_sentence():
    with pytest.raises(StructureError, match="node 1 of `graph` has the token 2, but 'a b' has 2"):
        Sentence(["a", "b"], graph=SentenceGraph([0, 2]))
    with pytest.raises(StructureError, match="`graph` must be a SentenceGraph, but is 7"):
        Sentence(["a"], graph=7)
