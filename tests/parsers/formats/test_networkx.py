"""networkx graphs: they hold all that is known, and give the sentence back."""

from __future__ import annotations

import networkx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parsers.formats.networkx import from_networkx, to_networkx
from structnn import EDGE_TYPES
from structnn.sentence import Sentence, StructureError, Tree
from tests.parsers.sentence_strategies import sentences

DOGS = Sentence(
    ["dogs", "chase", "cats"],
    dependencies=Tree([1, -1, 1], labels=["nsubj", "root", "obj"]),
    constituency=Tree([-1, 0, 0, 2, 2], [-1, 0, -1, 1, 2], ["S", "NP", "VP", "V", "NP"]),
    tags=["NOUN", "VERB", "NOUN"],
    lemmas=["dog", "chase", "cat"],
    text="dogs chase cats",
    metadata={"sent_id": "1"},
)


def test_dependencies() -> None:
    graph = to_networkx(DOGS)
    assert isinstance(graph, networkx.DiGraph)
    assert networkx.is_arborescence(graph)
    assert dict(graph.nodes[0]) == {
        "level": 1, "height": 0, "relation": "nsubj", "position": 0,
        "token": "dogs", "lemma": "dog", "tag": "NOUN",
    }  # fmt: skip
    assert list(graph.edges(data=True)) == [
        (1, 0, {"kind": "head_to_dependent", "relation": "nsubj"}),
        (1, 2, {"kind": "head_to_dependent", "relation": "obj"}),
    ]
    assert graph.graph == {
        "structure": "dependencies", "text": "dogs chase cats", "metadata": {"sent_id": "1"}
    }  # fmt: skip


def test_constituency_and_controls() -> None:
    graph = to_networkx(DOGS, "constituency")
    assert [graph.nodes[node].get("token") for node in graph] == [
        None,
        "dogs",
        None,
        "chase",
        "cats",
    ]
    assert graph.nodes[0] == {"level": 0, "height": 2, "constituent": "S"}
    assert set(graph.edges) == {(0, 1), (0, 2), (2, 3), (2, 4)}
    assert set(to_networkx(DOGS, "left_chain").edges) == {(1, 0), (2, 1)}
    assert to_networkx(DOGS, "parse").edges == to_networkx(DOGS).edges
    assert to_networkx(DOGS, "random", seed=1).graph["structure"] == "random"


def test_the_full_graph_tells_kinds_of_edges_apart() -> None:
    graph = to_networkx(DOGS, "graph")
    assert isinstance(graph, networkx.MultiDiGraph)
    kinds = sorted((kind, head, tail) for head, tail, kind in graph.edges(keys=True))
    assert kinds == sorted(
        [("head_to_dependent", 1, 0), ("head_to_dependent", 1, 2)]
        + [("dependent_to_head", 0, 1), ("dependent_to_head", 2, 1)]
        + [("self", node, node) for node in range(3)]
        + [("next", 0, 1), ("next", 1, 2), ("previous", 1, 0), ("previous", 2, 1)]
    )
    assert {kind for _, _, kind in graph.edges(keys=True)} <= set(EDGE_TYPES)
    assert {kind for *_, kind in to_networkx(DOGS, "constituency").edges(data="kind")} <= {
        *EDGE_TYPES
    }
    assert from_networkx(graph) == DOGS.replace(constituency=None)


@settings(deadline=None)
@given(sentences(), st.sampled_from(["dependencies", "constituency", "graph"]))
def test_there_and_back(sentence: Sentence, structure: str) -> None:
    kept = "constituency" if structure == "constituency" else "dependencies"
    other = {"constituency": "dependencies", "dependencies": "constituency"}[kept]
    if getattr(sentence, kept) is None:
        with pytest.raises(StructureError, match="parse it first"):
            to_networkx(sentence, structure)
    else:
        assert from_networkx(to_networkx(sentence, structure)) == sentence.replace(**{other: None})


def test_a_graph_made_by_hand() -> None:
    graph = networkx.DiGraph()
    for node, token in {"x": "dogs", "y": "bark"}.items():
        graph.add_node(node, token=token)
    graph.add_edge("y", "x", relation="nsubj")
    assert from_networkx(graph) == Sentence(
        ["dogs", "bark"], dependencies=Tree([1, -1], labels=["nsubj", "root"])
    )
    relabelled = networkx.relabel_nodes(to_networkx(DOGS), {0: "c", 1: "a", 2: "b"})
    assert from_networkx(relabelled) == DOGS.replace(constituency=None)


def test_errors() -> None:
    with pytest.raises(
        ValueError, match=r"unknown structure 'x'.*dependencies, constituency, graph"
    ):
        to_networkx(DOGS, "x")
    with pytest.raises(StructureError, match="'a' has no dependencies; parse it"):
        to_networkx(Sentence(["a"]))
    graph = networkx.DiGraph([(0, 1)])
    with pytest.raises(StructureError, match="attribute 'token'"):
        from_networkx(graph)
    networkx.set_node_attributes(graph, "word", "token")
    graph.add_edge(1, 0)
    with pytest.raises(StructureError, match="no node has parent -1"):
        from_networkx(graph)
    graph.add_edge(1, 1)
    with pytest.raises(StructureError, match="node 1 has two heads, 0 and 1"):
        from_networkx(graph)


@pytest.mark.parametrize("kind", ["head", "part"])
def test_kinds_of_edges_of_version_0_1_0_are_read(kind):
    graph = networkx.DiGraph()
    graph.add_node(0, token="dogs", position=0)
    graph.add_node(1, token="bark", position=1)
    graph.add_edge(1, 0, kind=kind, relation="nsubj")
    assert from_networkx(graph).dependencies.parents == (1, -1)
