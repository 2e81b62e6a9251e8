"""Trees in characters."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parsers import text_tree
from structnn.sentence import Sentence, StructureError, Tree
from tests.parsers.sentence_strategies import constituency_trees, dependency_trees


def test_dependencies() -> None:
    sentence = Sentence(
        ["The", "dogs", "chase", "cats", "."],
        dependencies=Tree([1, 2, -1, 2, 2], labels=["det", "nsubj", "root", "obj", "punct"]),
        tags=["DET", "NOUN", "VERB", "NOUN", "PUNCT"],
    )
    assert text_tree(sentence).splitlines() == [
        " ┌─▶ The    DET    det",
        "┌┴─▶ dogs   NOUN   nsubj",
        "└┬─● chase  VERB   root",
        " ├─▶ cats   NOUN   obj",
        " └─▶ .      PUNCT  punct",
    ]


def test_wide_characters_line_up() -> None:
    sentence = Sentence(["我", "喜欢", "x"], dependencies=Tree([1, -1, 1], labels=["a", "b", "c"]))
    assert text_tree(sentence).splitlines() == ["┌─▶ 我    a", "├─● 喜欢  b", "└─▶ x     c"]


def test_constituency() -> None:
    tree = Tree([-1, 0, 0, 2, 2], [-1, 0, -1, 1, 2], ["S", "NP", "VP", "V", "NP"])
    sentence = Sentence(["dogs", "chase", "cats"], constituency=tree)
    expected = ["S", "├─ NP dogs", "└─ VP", "   ├─ V chase", "   └─ NP cats"]
    assert text_tree(sentence).splitlines() == expected
    labels = ["S", "", "", "", "NP"]  # as (S dogs (_ chase (NP cats))) has them
    sentence = sentence.replace(constituency=Tree(tree.parents, tree.tokens, labels))
    expected = ["S", "├─ · dogs", "└─ ·", "   ├─ · chase", "   └─ NP cats"]
    assert text_tree(sentence).splitlines() == expected


def test_one_word_and_no_tree() -> None:
    assert text_tree(Sentence(["Stop"], dependencies=Tree([-1]))) == " ● Stop"
    with pytest.raises(StructureError, match="has no dependencies; parse it first"):
        text_tree(Sentence(["a"]))
    with pytest.raises(StructureError, match="has no constituency tree; parse it first"):
        text_tree(Sentence(["a"]), "constituency")


def test_a_control() -> None:
    assert text_tree(Sentence(["a", "b"]), "left_chain").splitlines() == [
        "┌─▶ a  dep",
        "└─● b  root",
    ]


@settings(deadline=None)
@given(st.data())
def test_every_word_has_its_line(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 9))
    words = [f"w{position}" for position in range(size)]
    sentence = Sentence(
        words,
        dependencies=data.draw(dependency_trees(size)),
        constituency=data.draw(constituency_trees(size)),
    )
    lines = text_tree(sentence).splitlines()
    assert [
        line.split()[-1 if sentence.dependencies.labels is None else -2] for line in lines
    ] == words
    assert len(text_tree(sentence, "constituency").splitlines()) == len(sentence.constituency)
