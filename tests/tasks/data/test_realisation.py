from __future__ import annotations

import json

import networkx as nx
import pytest
from typer.testing import CliRunner

from parsers import write_conllu
from structnn import Sentence, Tree
from tasks.command.cli import app
from tasks.data.examples import DataError
from tasks.data.files import read_table
from tasks.data.realisation import shuffled_rows
from tests.structnn.examples import random_sentences


def test_the_tree_is_the_same_and_the_words_are():
    sentences = random_sentences(3, [1, 2, 5, 9, 20])
    rows = list(shuffled_rows(sentences))
    for row, sentence in zip(rows, sentences, strict=True):
        assert sorted(row["source"]) == sorted(sentence.tokens)
        assert row["target"].split() == list(sentence.tokens)
        edges = {
            (row["source"][head - 1] if head else None, word, relation)
            for word, head, relation in zip(
                row["source"], row["heads"], row["relations"], strict=True
            )
        }
        tree = sentence.dependencies
        assert edges == {
            (sentence.tokens[head] if head >= 0 else None, word, relation)
            for word, head, relation in zip(sentence.tokens, tree.parents, tree.labels, strict=True)
        }
        assert nx.is_arborescence(
            nx.DiGraph((head, node) for node, head in enumerate(row["heads"], start=1))
        )
    assert rows[4]["source"] != list(sentences[4].tokens)


def test_one_seed_gives_one_order():
    sentences = random_sentences(3, [20])
    one, same, other = (list(shuffled_rows(sentences, seed=seed)) for seed in (1, 1, 2))
    assert one == same != other


def test_lemmas_and_blanks():
    tree = Tree([1, -1], labels=["nsubj", "root"])
    sentence = Sentence(["10 000", "dogs"], dependencies=tree, lemmas=["10000", "dog"])
    (row,) = shuffled_rows([sentence])
    assert (sorted(row["source"]), row["target"]) == (["10_000", "dogs"], "10_000 dogs")
    (row,) = shuffled_rows([sentence], lemmas=True)
    assert (sorted(row["source"]), row["target"]) == (["10000", "dog"], "10_000 dogs")


def test_features_hang_from_their_words():
    """A treebank of German, with a multiword token, in which a word has no features."""
    tree = Tree([2, 2, -1], labels=["case", "det", "root"])
    sentence = Sentence(
        ["in", "dem", "Wald"],
        dependencies=tree,
        lemmas=["in", "der", "Wald"],
        columns={"feats": ["_", "Case=Dat|Gender=Masc", "Case=Dat"]},
    )
    bare = Sentence(["?"], dependencies=Tree([-1], labels=["root"]), lemmas=["?"])
    row, other = shuffled_rows([sentence, bare], lemmas=True, features=True)
    assert other["source"] == ["?"]  # a sentence may have none
    assert sorted(row["source"]) == ["Case=Dat", "Case=Dat", "Gender=Masc", "Wald", "der", "in"]
    nodes = list(zip(row["source"], row["heads"], row["relations"], strict=True))
    assert [relation for _, head, relation in nodes if head == 0] == ["root"]
    hangs = {(nodes[head - 1][0], word, relation) for word, head, relation in nodes if head}
    assert hangs == {
        ("Wald", "in", "case"),
        ("Wald", "der", "det"),
        ("Wald", "Case=Dat", "feature"),
        ("der", "Case=Dat", "feature"),
        ("der", "Gender=Masc", "feature"),
    }
    assert row["target"] == "in dem Wald"


def test_what_is_missing_is_told():
    plain = Sentence(["a"], dependencies=Tree([-1]))
    with pytest.raises(DataError, match="file: sentence 2 has no dependency tree: parse it first"):
        list(shuffled_rows([plain, Sentence(["a"])], name="file"))
    with pytest.raises(DataError, match="sentence 1 has no lemmas: give words"):
        list(shuffled_rows([plain], lemmas=True))
    with pytest.raises(DataError, match="no word has features: leave them out"):
        list(shuffled_rows([plain], features=True))


def test_the_command_writes_data(tmp_path):
    write_conllu(random_sentences(4, [3, 6, 4]), tmp_path / "in.conllu")
    out = tmp_path / "out.jsonl"
    done = CliRunner().invoke(app, ["shuffle", str(tmp_path / "in.conllu"), "-o", str(out)])
    assert done.exit_code == 0, done.output
    table = read_table(out)
    assert table.question.is_sequence
    for example, line in zip(table.examples, out.read_text().splitlines(), strict=True):
        row = json.loads(line)
        assert list(example.text) == row["source"]
        assert [head + 1 for head in example.sentence.dependencies.parents] == row["heads"]
        assert example.columns == {}
