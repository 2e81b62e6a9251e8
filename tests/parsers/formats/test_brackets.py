"""Bracketed trees: what is written is read again, and bad brackets are an error with their line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parsers.formats.brackets import (
    BracketsError,
    from_nltk,
    read_brackets,
    to_brackets,
    to_nltk,
    write_brackets,
)
from structnn.sentence import Sentence, StructureError, Tree
from tests.parsers.sentence_strategies import constituency_trees

SST = Path(__file__).parents[3].parent / "shared" / "sst" / "trees"

# Escapes are for these, so words that hold the escapes themselves can't be told apart.
leaves = st.text(st.sampled_from("ab()[]{}/\\*é\u00a0中🙂_"), min_size=1, max_size=5)


@settings(deadline=None)
@given(st.data())
def test_all_trees_come_back(data: st.DataObject) -> None:
    words = data.draw(st.lists(leaves, min_size=1, max_size=7))
    sentence = Sentence(words, constituency=data.draw(constituency_trees(len(words))))
    assert read_brackets([to_brackets(sentence)]) == [sentence]
    assert from_nltk(to_nltk(sentence)) == sentence


def test_a_word_and_its_label_are_one_node() -> None:
    (sentence,) = read_brackets(["(3 (2 It) (4 (2 's)", "  (4 lovely)))"])
    assert sentence.tokens == ("It", "'s", "lovely")
    assert sentence.constituency == Tree(
        [-1, 0, 0, 2, 2], tokens=[-1, 0, -1, 1, 2], labels=["3", "2", "4", "2", "4"]
    )


def test_penn_habits() -> None:
    text = "( (S (NP-SBJ-1 (NN 1\\/2)) (-LRB- -LRB-) (VP barks loudly)) )"
    (sentence,) = read_brackets([text])
    assert sentence.tokens == ("1/2", "(", "barks", "loudly")
    assert sentence.constituency is not None
    assert sentence.constituency.labels == ("S", "NP-SBJ-1", "NN", "-LRB-", "VP", "", "")
    assert read_brackets([to_brackets(sentence)]) == [sentence]


def test_binarised_and_collapsed() -> None:
    flat = ["(S (X a) (X b) (X c))"]
    right, left = (read_brackets(flat, binarise=side)[0].constituency for side in ("right", "left"))
    assert right is not None
    assert left is not None
    assert right.parents == (-1, 0, 0, 2, 2)
    assert left.parents == (-1, 0, 1, 1, 0)
    chain = ["(ROOT (S (NP (NN dogs)) (VP (VB bark))))"]
    (sentence,) = read_brackets(chain, collapse_unaries=True)
    assert sentence.constituency is not None
    assert sentence.constituency.labels == ("ROOT+S", "NP", "NN", "VP", "VB")
    with pytest.raises(ValueError, match="binarise must be None, 'left' or 'right', but is 'up'"):
        read_brackets(chain, binarise="up")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", 0, "no tree in it"),
        ("(S a)\n\n(S (X b)\n", 3, "lacks 1 closing bracket$"),
        ("(S a)\n(S b))\n", 2, "no opening one"),
        ("(S a)\n(S b) (S c)\n", 2, "not one bracketed tree"),
        ("(S a)\nhello\n", 2, "not one bracketed tree"),
        ("(S (X) (Y b))\n", 1, r"phrase \(X\) has neither a word"),
        ("()\n", 1, "neither a word nor a phrase"),
    ],
)
def test_errors_give_file_and_line(text: str, line: int, message: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.txt"
    path.write_text(text)
    with pytest.raises(BracketsError, match=message) as caught:
        read_brackets(path)
    assert str(caught.value).startswith(f"{path}:{line}: " if line else f"{path}: ")


@pytest.mark.parametrize(
    ("sentence", "message"),
    [
        (Sentence(["a"]), "has no constituency tree"),
        (Sentence(["a b"], constituency=Tree([-1], [0])), "white space"),
        (Sentence(["a"], constituency=Tree([-1], [0], ["N P"])), "label 'N P'"),
        (Sentence(["a", "b"], constituency=Tree([-1, 0], [0, 1])), "either children or a word"),
        (Sentence(["a", "b"], constituency=Tree([-1, 0, 0], [-1, 1, 0])), "not in the order"),
    ],
)
def test_what_brackets_cannot_hold(sentence: Sentence, message: str, tmp_path: Path) -> None:
    with pytest.raises(StructureError, match=message):
        write_brackets([sentence], tmp_path / "out.txt")
    assert not any(tmp_path.iterdir())


@pytest.mark.skipif(
    not SST.exists(), reason="needs the Stanford Sentiment Treebank in ../shared/sst"
)
def test_the_sentiment_treebank(tmp_path: Path) -> None:
    trees = read_brackets(SST / "dev.txt")
    assert len(trees) == 1101
    assert sum(len(tree.constituency or ()) for tree in trees) == 41447
    write_brackets(trees, tmp_path / "again.txt")
    assert (tmp_path / "again.txt").read_text() == (SST / "dev.txt").read_text()
