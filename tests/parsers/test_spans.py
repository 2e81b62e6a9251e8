from __future__ import annotations

import networkx as nx
import pytest
from hypothesis import given

from parsers import rerooted, span_head
from structnn import Sentence, StructureError, Tree
from tests.parsers.sentence_strategies import sentences


def graph(tree):
    edges = [(child, parent) for child, parent in enumerate(tree.parents) if parent >= 0]
    made = nx.Graph(edges)
    made.add_nodes_from(range(len(tree)))
    return made


def relations(tree):
    """The relation of each edge, whichever way it is read."""
    return {
        frozenset((child, parent)): tree.labels[child]
        for child, parent in enumerate(tree.parents)
        if parent >= 0
    }


@given(sentences())
def test_the_same_edges_seen_from_elsewhere(sentence):
    if sentence.dependencies is None:
        return
    tree = sentence.dependencies
    for begin in range(len(tree)):
        for end in range(begin + 1, len(tree) + 1):
            found = rerooted(sentence, (begin, end)).dependencies
            head = span_head(tree, (begin, end))
            assert begin <= head < end
            assert found.root == head
            assert nx.utils.graphs_equal(graph(found), graph(tree))
            assert list(found.depths) == [
                nx.shortest_path_length(graph(tree), head, token) for token in range(len(tree))
            ]
            if tree.labels is not None:
                assert relations(found) == relations(tree)
                assert found.labels[head] == tree.labels[tree.root]


def test_the_head_of_a_span_is_the_word_that_hangs_outside():
    tree = Tree([2, 2, 3, -1, 3])  # the good food arrived late
    assert span_head(tree, (0, 3)) == 2
    assert span_head(tree, (0, 1)) == 0
    assert span_head(tree, (0, 5)) == 3


def test_what_can_not_be_is_told():
    with pytest.raises(StructureError, match="from 1 to 1 is not in a sentence of 2"):
        span_head(Tree([-1, 0]), (1, 1))
    with pytest.raises(StructureError, match="'a b' has no dependencies to hang"):
        rerooted(Sentence(["a", "b"]), (0, 1))
