"""Enhanced dependencies, as CoNLL-U has them."""

from __future__ import annotations

import pytest

from parsers import ConlluError, enhanced_graph, read_conllu
from parsers.formats.conllu import format_conllu
from parsers.formats.json import sentence_from_json, sentence_to_json
from structnn import Sentence, SentenceGraph, StructureError

ROWS = """
1 I _ _ _ _ 2 nsubj 2:nsubj|2.1:nsubj _
2 like _ _ _ _ 0 root 0:root _
2.1 like _ VERB _ _ _ _ 2:conj:and|3:acl:relcl _
3 tea _ _ _ _ 2 obj 2.1:obj|3.10:dep _
3.2 x _ _ _ _ _ _ 3:dep _
3.10 y _ _ _ _ _ _ 3.2:dep _
"""


def sentence_of(rows: str) -> Sentence:
    (sentence,) = read_conllu(line.replace(" ", "\t") for line in rows.strip().split("\n"))
    return sentence


def test_several_heads_cycles_and_empty_nodes() -> None:
    graph = enhanced_graph(sentence_of(ROWS))
    assert graph == SentenceGraph(
        [0, 1, 2, -1, -1, -1],
        [(1, 0), (3, 0), (1, 3), (2, 3), (3, 2), (5, 2), (2, 4), (4, 5)],
        ["nsubj", "nsubj", "conj:and", "acl:relcl", "obj", "dep", "dep", "dep"],
        ["", "", "", "like", "x", "y"],
        [1],
    )


def test_through_files() -> None:
    sentence = sentence_of(ROWS)
    sentence = sentence.replace(graph=enhanced_graph(sentence))
    assert read_conllu(format_conllu(sentence).split("\n")) == [sentence]
    assert sentence_from_json(sentence_to_json(sentence)) == sentence


@pytest.mark.parametrize(
    ("deps", "message"),
    [
        ("nsubj", "DEPS of word 1 of 'I like tea' have 'nsubj', which is not head:relation"),
        ("2:", "have '2:', which is not head:relation"),
        ("2:nsubj|", "have '', which is not"),
        ("-1:nsubj", "have '-1:nsubj', which is not"),
        ("7:nsubj", "DEPS of word 1 of 'I like tea' name the head 7, but there is no such word"),
        ("1.1:nsubj", "name the head 1.1, but there is no such word or empty node"),
    ],
)
def test_faulty_columns(deps: str, message: str) -> None:
    with pytest.raises(StructureError, match=message):
        enhanced_graph(sentence_of(ROWS.replace("2:nsubj|2.1:nsubj", deps)))


def test_without_the_column() -> None:
    with pytest.raises(StructureError, match="'dogs bark' has no enhanced dependencies: the DEPS"):
        enhanced_graph(Sentence(["dogs", "bark"]))


def test_faulty_graphs_in_files() -> None:
    row = "\n1\tdogs" + "\t_" * 8
    for graph, message in {
        "7": "input>:2: # sentence_graph is not the JSON of a graph",
        '{"tokens": [0], "edges": [[0, 3]]}': "edge 0 has the target 3",
        '{"tokens": [1]}': "it has the token 1 of 1",
        '{"nodes": [1]}': "unexpected keyword argument 'nodes'",
    }.items():
        lines = f"# a = b\n# sentence_graph = {graph}{row}".split("\n")
        with pytest.raises(ConlluError, match=message):
            read_conllu(lines)
