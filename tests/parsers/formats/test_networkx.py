"""networkx graphs: they hold all that is known, and give the sentence back."""

from __future__ import annotations

import contextlib
import io
import json
import warnings
from collections.abc import Callable
from typing import Any

import networkx
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from parsers.formats.enhanced import enhanced_graph
from parsers.formats.networkx import from_networkx, to_networkx
from structnn import EDGE_TYPES, SentenceGraph
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
        "structure": "dependencies", "text": "dogs chase cats", "metadata": '{"sent_id": "1"}'
    }  # fmt: skip


def test_constituency_and_controls() -> None:
    graph = to_networkx(DOGS, "constituency")
    assert [graph.nodes[node]["token"] for node in graph] == ["", "dogs", "", "chase", "cats"]
    assert [graph.nodes[node]["position"] for node in graph] == [-1, 0, -1, 1, 2]
    assert graph.nodes[0] == {
        "level": 0, "height": 2, "constituent": "S",
        "position": -1, "token": "", "lemma": "", "tag": "",
    }  # fmt: skip
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


# What XML can hold, which GraphML and GEXF are.
in_xml = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"))


@settings(deadline=None, max_examples=30)
@given(sentences(characters=in_xml), st.sampled_from(["dependencies", "constituency", "graph"]))
def test_every_writer_takes_every_graph(sentence: Sentence, structure: str) -> None:
    kept = "constituency" if structure == "constituency" else "dependencies"
    other = {"constituency": "dependencies", "dependencies": "constituency"}[kept]
    assume(getattr(sentence, kept) is not None)
    expected = sentence.replace(**{other: None})
    graph = to_networkx(sentence, structure)
    for write, read in (
        (networkx.write_graphml, networkx.read_graphml),
        (networkx.write_gml, networkx.read_gml),
    ):
        write(graph, file := io.BytesIO())
        file.seek(0)
        assert from_networkx(read(file)) == expected
    networkx.write_gexf(graph, file := io.BytesIO())
    file.seek(0)
    read = networkx.read_gexf(file)
    read.graph |= graph.graph  # GEXF has no attributes of a graph
    assert from_networkx(read) == expected
    for write, read in (
        (networkx.node_link_data, networkx.node_link_graph),
        (networkx.adjacency_data, networkx.adjacency_graph),
        (networkx.cytoscape_data, networkx.cytoscape_graph),
    ):
        assert from_networkx(read(json.loads(json.dumps(write(graph))))) == expected
    networkx.write_adjlist(graph, io.BytesIO())
    networkx.write_edgelist(graph, io.BytesIO())
    with warnings.catch_warnings(action="ignore"):  # Pajek's leaves numbers out, and says so
        list(networkx.generate_pajek(graph))


@settings(deadline=None, max_examples=20)
@given(sentences(), st.sampled_from(["dependencies", "constituency", "graph"]))
def test_pytorch_geometric_takes_every_graph(sentence: Sentence, structure: str) -> None:
    kept = "constituency" if structure == "constituency" else "dependencies"
    assume(getattr(sentence, kept) is not None)
    from torch_geometric.utils import from_networkx as to_data

    graph = to_networkx(sentence, structure)
    data = to_data(graph)
    assert data.num_nodes == len(graph)
    assert data.num_edges == graph.number_of_edges()
    assert data.level.tolist() == list(getattr(sentence, kept).depths)


def test_a_graph_of_version_0_2_0_is_read() -> None:
    graph = to_networkx(DOGS, "constituency")
    graph.graph["metadata"] = {"sent_id": "1"}
    for node in (0, 2):
        for name in ("token", "lemma", "tag", "position"):
            del graph.nodes[node][name]
    assert from_networkx(graph) == DOGS.replace(dependencies=None)
    graph.nodes[0]["token"] = None  # as others may write it
    assert from_networkx(graph) == DOGS.replace(dependencies=None)


def test_an_undirected_graph_needs_its_root() -> None:
    for structure in ("dependencies", "constituency", "graph"):
        graph = to_networkx(DOGS, structure)
        tree = DOGS.constituency if structure == "constituency" else DOGS.dependencies
        sentence = from_networkx(graph)
        undirected = graph.to_undirected()
        with pytest.raises(StructureError, match=r"undirected.*name the root"):
            from_networkx(undirected)
        assert tree is not None
        assert from_networkx(undirected, root=tree.root) == sentence
        assert from_networkx(graph, root=tree.root) == sentence
        with pytest.raises(StructureError, match="not a node of the graph"):
            from_networkx(undirected, root="x")
        with pytest.raises(StructureError, match=rf"to be 2, but.*from {tree.root}"):
            from_networkx(graph, root=2)
    graph = networkx.cycle_graph(3)
    networkx.set_node_attributes(graph, "word", "token")
    with pytest.raises(StructureError, match="form a cycle"):
        from_networkx(graph, root=0)
    graph.remove_edges_from(list(graph.edges))
    with pytest.raises(StructureError, match="exactly one root"):
        from_networkx(graph, root=0)


def test_what_is_no_tree_is_told_by_the_names_of_its_nodes() -> None:
    graph = networkx.DiGraph([("the", "dogs"), (5, 3)])
    networkx.set_node_attributes(graph, "word", "token")
    with pytest.raises(StructureError, match="neither node 'the' nor node 5 has a head"):
        from_networkx(graph)
    with pytest.raises(StructureError, match="no edges lead from 'dogs' to 5"):  # and no cycle
        from_networkx(graph.to_undirected(), root="dogs")
    graph.add_edge(3, 5)
    with pytest.raises(StructureError, match=r"node 5 is not below the root 'the'.*a cycle"):
        from_networkx(graph)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"position": 1}, "nodes 0 and 1 both have the position 1"),
        ({"position": "0"}, "positions of words can't be put in order"),
        ({"token": 1984}, "`tokens` must hold strings, but entry 0 is 1984"),
        ({"tag": 5}, "`tags` must hold strings"),
    ],
)
def test_attributes_of_the_wrong_type(change: dict[str, object], message: str) -> None:
    graph = to_networkx(DOGS)
    graph.nodes[0].update(change)
    with pytest.raises(StructureError, match=message):
        from_networkx(graph)


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ("{", "is not JSON"),
        ("[1]", "must map names"),
        ({"a": 1}, "must hold strings"),
        (3, "must map"),
    ],
)
def test_metadata_of_the_wrong_type(metadata: object, message: str) -> None:
    graph = to_networkx(DOGS)
    graph.graph["metadata"] = metadata
    with pytest.raises(StructureError, match=message):
        from_networkx(graph)


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
        ValueError, match=r"unknown structure 'x'.*dependencies, constituency, enhanced, graph"
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


values = (
    st.none() | st.text(max_size=3) | st.integers() | st.floats() | st.lists(st.text(max_size=2))
)
names = ["token", "position", "tag", "lemma", "misc", "relation", "constituent", "kind"]
attributes = st.dictionaries(st.sampled_from([*names, "metadata", "text", "structure"]), values)


@settings(deadline=None)
@given(
    st.sampled_from([networkx.DiGraph, networkx.Graph, networkx.MultiDiGraph, networkx.MultiGraph]),
    attributes,
    st.lists(
        attributes | st.fixed_dictionaries({"token": st.text(), "position": st.integers(0, 9)})
    ),
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), attributes), max_size=6),
    st.none() | st.integers(0, 6),
)
def test_whatever_the_graph_there_is_a_sentence_or_the_error_of_one(
    kind: type[networkx.Graph],
    of_graph: dict[str, object],
    of_nodes: list[dict[str, object]],
    edges: list[tuple[int, int, dict[str, object]]],
    root: int | None,
) -> None:
    graph = kind(**of_graph)
    graph.add_nodes_from(enumerate(of_nodes))
    graph.add_edges_from(edges)
    with contextlib.suppress(StructureError):
        sentence = from_networkx(graph, root=root)
        structure = "constituency" if sentence.dependencies is None else "dependencies"
        assert from_networkx(to_networkx(sentence, structure)) == sentence


@pytest.mark.parametrize("kind", ["head", "part"])
def test_kinds_of_edges_of_version_0_1_0_are_read(kind):
    graph = networkx.DiGraph()
    graph.add_node(0, token="dogs", position=0)
    graph.add_node(1, token="bark", position=1)
    graph.add_edge(1, 0, kind=kind, relation="nsubj")
    assert from_networkx(graph).dependencies.parents == (1, -1)


@pytest.mark.parametrize(
    "through",
    [
        lambda graph: graph,
        lambda graph: networkx.node_link_graph(
            networkx.node_link_data(graph, edges="edges"), edges="edges"
        ),
        lambda graph: networkx.parse_graphml("\n".join(networkx.generate_graphml(graph))),
        lambda graph: networkx.relabel_nodes(graph, lambda node: f"n{-node}"),
    ],
    ids=["networkx", "json", "graphml", "other names"],
)
def test_graphs_that_are_no_trees(through: Callable[[networkx.Graph], networkx.Graph]) -> None:
    @settings(deadline=None)
    @given(sentences(characters=st.text("ab<&", min_size=1), graphs=True))
    def check(sentence: Sentence) -> None:
        if sentence.graph is not None:
            again = from_networkx(through(to_networkx(sentence, "graph")))
            assert again == sentence.replace(
                dependencies=None, constituency=None, text=again.text, metadata=again.metadata
            )

    check()


def test_any_graph_of_ones_own() -> None:
    """An AMR graph: concepts are no words, and one of them has two heads."""
    graph = networkx.DiGraph([("w", "b"), ("w", "g"), ("g", "b")])
    networkx.set_edge_attributes(
        graph, {("w", "b"): "ARG0", ("w", "g"): "ARG1", ("g", "b"): "ARG0"}, "relation"
    )
    graph.nodes["w"]["root"] = 1
    networkx.set_node_attributes(graph, {"w": "want-01", "g": "go-02"}, "name")
    for node, token in enumerate(["the", "boy", "wants", "to", "go"]):
        graph.add_node(node, token=token, in_graph=0)
    graph.add_node("b", token="boy", position=5)
    graph.remove_node(1)
    for node, position in {0: 0, "b": 1, 2: 2, 3: 3, 4: 4}.items():
        graph.nodes[node]["position"] = position
    sentence = from_networkx(graph, structure="graph")
    assert sentence.tokens == ("the", "boy", "wants", "to", "go")
    assert sentence.graph == SentenceGraph(
        [-1, 1, -1],
        [(0, 1), (0, 2), (2, 1)],
        ["ARG0", "ARG1", "ARG0"],
        ["want-01", "", "go-02"],
        [0],
    )
    words = networkx.DiGraph([("w", "b"), ("g", "b")])
    networkx.set_node_attributes(words, "x", "token")
    with pytest.raises(StructureError, match=r"'b' has two heads.*structure='graph'"):
        from_networkx(words)
    with pytest.raises(StructureError, match=r"is undirected.*to_directed"):
        from_networkx(graph.to_undirected(), structure="graph")
    graph.nodes["b"]["in_graph"] = 0
    unknown: Any = "x"
    with pytest.raises(StructureError, match=r"from 'w' to 'b' has the end 'b'.*not in the graph"):
        from_networkx(graph, structure="graph")
    with pytest.raises(ValueError, match="'tree' or 'graph', but is 'x'"):
        from_networkx(graph, structure=unknown)


def test_enhanced_dependencies() -> None:
    sentence = Sentence(["a", "b"], columns={"deps": ["2:x|0:root", "1:y"]})
    graph = to_networkx(sentence, "enhanced")
    assert sorted(graph.edges(data="relation")) == [(0, 1, "y"), (1, 0, "x")]
    assert from_networkx(graph) == sentence.replace(graph=enhanced_graph(sentence))
