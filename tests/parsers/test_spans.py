from __future__ import annotations

import math

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsers import path_between, rerooted, span_head
from structnn import Sentence, SentenceGraph, StructureError, Tree
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


def pruned(tree, one, other, within):
    """The tokens that are kept, by networkx: shortest paths, and distances from all of these."""
    down = nx.DiGraph((parent, child) for child, parent in enumerate(tree.parents) if parent >= 0)
    down.add_nodes_from(range(len(tree)))
    tokens = [*range(*one), *range(*other)]
    lowest = tokens[0]
    for token in tokens:
        lowest = nx.lowest_common_ancestor(down, lowest, token)
    path = {step for token in tokens for step in nx.shortest_path(down, lowest, token)}
    far = nx.multi_source_dijkstra_path_length(down, path)
    return sorted(token for token, distance in far.items() if distance <= within), lowest


@given(sentences(), st.data())
def test_the_path_between_two_spans(sentence, data):
    tree = sentence.dependencies
    if tree is None:
        return
    ends = st.integers(0, len(tree) - 1).flatmap(
        lambda begin: st.tuples(st.just(begin), st.integers(begin + 1, len(tree)))
    )
    one, other = data.draw(ends), data.draw(ends)
    within = data.draw(st.sampled_from([0, 1, 2, math.inf]))
    kept, lowest = pruned(tree, one, other, within)
    found = path_between(sentence, one, other, within=within)
    assert list(found.graph.tokens) == kept
    assert found.graph.roots == (kept.index(lowest),)
    edges = [(kept[head], kept[token]) for head, token in found.graph.edges]
    assert sorted(edges) == sorted(
        (tree.parents[token], token) for token in kept if token != lowest
    )
    if tree.labels and edges:
        assert list(found.graph.labels) == [tree.labels[token] for _, token in edges]
    assert found.replace(graph=sentence.graph) == sentence
    assert path_between(sentence, other, one, within=within) == found


def test_more_and_more_of_the_tree():
    """The root is above the lowest common ancestor (2), and never part of it; 6 is two edges off."""
    tree = Tree([2, 2, 8, 2, 3, 3, 7, 3, -1], labels=list("abcdefghi"))
    sentence = Sentence(list("abcdefghi"), dependencies=tree)
    kept = [
        path_between(sentence, (0, 1), (4, 5), within=within).graph.tokens
        for within in (0, 1, 2, math.inf)
    ]
    assert kept == [
        (0, 2, 3, 4),
        (0, 1, 2, 3, 4, 5, 7),
        (0, 1, 2, 3, 4, 5, 6, 7),
        (0, 1, 2, 3, 4, 5, 6, 7),
    ]
    assert path_between(sentence, (0, 1), (4, 5)).graph == SentenceGraph(
        [0, 2, 3, 4], [(1, 0), (1, 2), (2, 3)], ["a", "d", "e"], roots=[1]
    )


def test_paths_that_can_not_be_found():
    sentence = Sentence(["a", "b"], dependencies=Tree([1, -1]))
    with pytest.raises(StructureError, match="from 1 to 3 is not in a sentence of 2 tokens"):
        path_between(sentence, (0, 1), (1, 3))
    with pytest.raises(ValueError, match="within must be at least 0, but is -1"):
        path_between(sentence, (0, 1), (1, 2), within=-1)
    with pytest.raises(StructureError, match="'a b' has no dependencies to find the path"):
        path_between(sentence.replace(dependencies=None), (0, 1), (1, 2))
