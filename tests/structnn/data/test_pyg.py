"""Graphs as PyG's Data, and back."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from torch_geometric.data import Data
from torch_geometric.utils import from_networkx

from parsers import to_networkx
from structnn import SentenceGraph, StructureError, graph_from_pyg, graph_to_pyg
from tests.structnn.examples import sentence_graphs, sentence_of


@given(sentence_graphs())
def test_round_trip(graph):
    data = graph_to_pyg(graph)
    assert data.validate()
    assert graph_from_pyg(data) == graph


@given(sentence_graphs())
def test_through_networkx(graph):
    """The nodes that networkx has for tokens without a node are nodes of PyG's graph."""
    sentence = sentence_of(graph)
    found = graph_from_pyg(from_networkx(to_networkx(sentence, "graph")))
    assert found.edges == graph.edges
    assert found.tokens[: len(graph)] == graph.tokens
    assert sorted(found.tokens[len(graph) :]) == sorted(set(range(len(sentence))) - {*graph.tokens})
    assert found.roots == graph.roots


def test_a_graph_that_others_made():
    graph = graph_from_pyg(Data(edge_index=torch.tensor([[0, 1], [1, 0]]), num_nodes=3))
    assert graph == SentenceGraph([0, 1, 2], [(0, 1), (1, 0)])
    with pytest.raises(StructureError, match="no `edge_index`"):
        graph_from_pyg(Data(num_nodes=2))
    with pytest.raises(StructureError, match="edge 0 has the target 5"):
        graph_from_pyg(Data(edge_index=torch.tensor([[0], [5]]), num_nodes=3))
