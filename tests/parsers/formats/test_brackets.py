"""Bracketed trees: what is written is read again, and bad brackets are an error with their line."""

from __future__ import annotations

import contextlib
import io
import warnings
from pathlib import Path
from typing import Literal

import nltk
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from parsers.formats.brackets import (
    BracketsError,
    escape,
    from_nltk,
    iter_brackets,
    read_brackets,
    to_brackets,
    to_nltk,
    write_brackets,
)
from structnn import InputError
from structnn.sentence import Sentence, StructureError, Tree
from tests.parsers.sentence_strategies import constituency_trees

SST = Path(__file__).parents[3].parent / "shared" / "sst" / "trees"

fragments = st.sampled_from(
    [*"ab()[]{}/\\*é\u00a0\u2028\x85中🙂_-", "LRB", "-LRB-", "RCB", "-ESC-", "ESC"]
)
leaves = st.lists(fragments, min_size=1, max_size=5).map("".join)


@settings(deadline=None)
@given(st.data())
def test_all_trees_come_back(data: st.DataObject) -> None:
    words = data.draw(st.lists(leaves, min_size=1, max_size=7))
    sentence = Sentence(words, constituency=data.draw(constituency_trees(len(words))))
    assert read_brackets([to_brackets(sentence)]) == [sentence]
    assert from_nltk(to_nltk(sentence)) == sentence


# As a treebank may have them: any label and word, several words beside each other, and chains.
labels = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters=" \t\n\r\v\f()"), min_size=1
)
phrases = st.recursive(
    st.tuples(labels, leaves.map(escape)).map(" ".join),
    lambda inner: st.tuples(
        labels, st.lists(inner.map("({})".format) | st.just("w"), min_size=1, max_size=4)
    ).map(lambda node: " ".join([node[0], *node[1]])),
    max_leaves=8,
).map("({})".format)


@settings(deadline=None)
@given(phrases)
def test_what_is_read_can_be_written_and_is_the_same_again(text: str) -> None:
    read = read_brackets([text])
    assert read_brackets([to_brackets(sentence) for sentence in read]) == read
    assert [from_nltk(to_nltk(sentence)) for sentence in read] == read


@settings(deadline=None)
@given(phrases, st.sampled_from([None, "left", "right"]), st.booleans())
def test_binarised_and_collapsed_as_by_nltk(
    text: str, binarise: Literal["left", "right"] | None, collapse: bool
) -> None:
    assume(text.split() == text.split(" "))  # NLTK reads no other space at the beginning of a label
    pattern = r"[^ \t\n\r\v\f()]+"
    tree = nltk.Tree.fromstring(
        text, node_pattern=pattern, leaf_pattern=pattern, remove_empty_top_bracketing=True
    )
    if collapse:
        tree.collapse_unary(collapsePOS=False, collapseRoot=True)
    if binarise:
        tree.chomsky_normal_form(factor=binarise)
    assert read_brackets([text], binarise=binarise, collapse_unaries=collapse) == [from_nltk(tree)]


@pytest.mark.parametrize("options", [{}, {"binarise": "left"}, {"binarise": "right"}])
def test_trees_of_any_depth(options: dict[str, Literal["left", "right"]], tmp_path: Path) -> None:
    text = "(S a " * 5000 + "(X b)" + " c)" * 5000
    path = tmp_path / "deep.txt"
    path.write_text(text, encoding="utf-8")
    (sentence,) = read_brackets(path, **options)
    assert sentence.constituency is not None
    assert max(sentence.constituency.heights) == (10_000 if options else 5000)
    write_brackets([sentence], tmp_path / "again.txt")
    assert read_brackets(tmp_path / "again.txt") == [sentence]
    assert from_nltk(to_nltk(sentence)) == sentence
    (chain,) = read_brackets(["(S " * 5000 + "(X b)" + ")" * 5000], collapse_unaries=True)
    assert chain.constituency is not None
    assert chain.constituency.parents == (-1, 0)
    wide = read_brackets([f"(S {'(X b) ' * 5000})"], binarise="right")[0].constituency
    assert wide is not None
    assert wide.heights[0] == 4999


def test_trees_of_nltk_with_all_that_they_may_hold() -> None:
    tree = nltk.Tree(
        nltk.grammar.Nonterminal("S"),
        [
            nltk.Tree(3, [("dogs", "NNS")]),
            ("bark", None),
            r"\(",
            nltk.Tree("X", ["-LRB-", ("(", "(")]),
        ],
    )
    sentence = from_nltk(tree)
    assert sentence.tokens == ("dogs", "bark", "(", "(", "(")
    assert sentence.constituency == Tree(
        [-1, 0, 1, 0, 0, 0, 5, 5],
        [-1, -1, 0, 1, 2, -1, 3, 4],
        ["S", "3", "NNS", "", "", "X", "", "("],
    )
    for leaf in (5, ("a", "b", "c"), (1, "NN"), None):
        with pytest.raises(StructureError, match="is neither a word nor a pair"):
            from_nltk(nltk.Tree("S", [leaf]))
    with pytest.raises(StructureError, match="neither a word nor a phrase"):
        from_nltk(nltk.Tree("S", []))
    unlabelled = from_nltk(nltk.Tree(None, ["a", nltk.Tree(None, ["b"]), ("c", None)]))
    assert unlabelled.constituency is not None
    assert unlabelled.constituency.labels is None


leaf = (
    st.text(max_size=3)
    | st.none()
    | st.integers()
    | st.tuples(st.text(max_size=3), st.text(max_size=3))
)


@settings(deadline=None)
@given(
    st.recursive(
        st.builds(
            nltk.Tree,
            st.text() | st.integers() | st.builds(nltk.grammar.Nonterminal, st.text()),
            st.lists(leaf),
        ),
        lambda inner: st.builds(nltk.Tree, st.text(max_size=3), st.lists(inner | leaf, max_size=3)),
        max_leaves=5,
    )
)
def test_whatever_the_tree_of_nltk_there_is_a_sentence_or_the_error_of_one(tree: nltk.Tree) -> None:
    with contextlib.suppress(StructureError):
        sentence = from_nltk(tree)
        with contextlib.suppress(StructureError):  # of words and labels that hold white space
            assert from_nltk(to_nltk(sentence)) == sentence
            assert read_brackets(to_brackets(sentence).split("\n")) == [sentence]


def test_a_bracket_in_a_word_as_nltk_writes_it() -> None:
    (sentence,) = read_brackets([r"(S (X a\(b) (Y \) (Z \\())"])
    assert sentence.tokens == ("a(b", "\\", "\\(")


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
        (")(\n", 1, "no opening one"),
        ("(S (X a\n  b)))\n", 2, "no opening one"),
        ("(S a)) ((S b)\n", 1, "no opening one"),
        ("(S (X a\n(S b)\n", 1, "lacks 2 closing brackets;"),
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


def test_faulty_trees_are_skipped_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "faulty.txt"
    lines = [
        "(S a)",
        "(S (X) b)",
        "(S c)",
        "(S (X d)",
        "(S e)",
        "caf\xe9",
        "(S f)",
        "(S g))",
        "(S h)",
    ]
    path.write_bytes("\n".join(lines).encode("latin-1"))
    with pytest.warns(UserWarning, match=r"4 of 9 records are faulty.*:2: the phrase \(X\)"):
        sentences = read_brackets(path, on_error="skip")
    assert [sentence.tokens[0] for sentence in sentences] == ["a", "c", "e", "f", "h"]
    faults: list[InputError] = []
    assert read_brackets(path, on_error=faults.append) == sentences
    assert sorted(fault.line for fault in faults if isinstance(fault, BracketsError)) == [
        2,
        4,
        6,
        8,
    ]
    trees = iter_brackets(path)
    assert next(trees).tokens == ("a",)
    with pytest.raises(BracketsError, match=":2: "):
        next(trees)
    assert next(trees).tokens == ("c",)


def test_a_tree_takes_in_no_others() -> None:
    lines = ["(S a)", "(S (X b)", "(S c)", "(S d))", "(S", " (X e))", "(S f)"]
    with pytest.raises(
        BracketsError, match=r":2: .*lacks 1 closing bracket; .*indent the lines within"
    ):
        read_brackets(lines)
    faults: list[InputError] = []
    sentences = read_brackets(lines, on_error=faults.append)
    assert [sentence.tokens for sentence in sentences] == [("a",), ("c",), ("e",), ("f",)]
    assert [fault.line for fault in faults if isinstance(fault, BracketsError)] == [2, 4]


def test_parts_of_a_faulty_tree_are_no_trees() -> None:
    lines = ["(S", "(NP a)", "(VP b))", "(S", "(NP c)", "(VP d)", "(S e)"]
    with pytest.warns(
        UserWarning, match=r"1 of 2 records are faulty.*:4: .*lacks 1 closing bracket"
    ):
        (sentence,) = read_brackets(lines, on_error="skip")
    assert sentence.tokens == ("a", "b")


parts = st.sampled_from(
    ["(", ")", "(S ", " a", "(S a)", "\n", "\\", "\\(", " ", "_", "\x85", "\0", "\x0b"]
)


@settings(deadline=None)
@given(st.lists(parts.map(str.encode) | st.binary(max_size=4), max_size=20).map(b"".join))
def test_whatever_the_bytes_the_reader_gives_trees_or_its_own_error(content: bytes) -> None:
    for options in ({}, {"binarise": "left", "collapse_unaries": True}):
        with contextlib.suppress(BracketsError):
            for sentence in iter_brackets(io.BytesIO(content), **options):
                assert read_brackets([to_brackets(sentence)]) == [sentence]
    with warnings.catch_warnings(action="ignore"), contextlib.suppress(BracketsError):
        read_brackets(io.BytesIO(content), on_error="skip")


def test_half_a_character_is_told(tmp_path: Path) -> None:
    with pytest.raises(StructureError, match=r"can't be written as UTF-8.*half a character"):
        write_brackets([Sentence(["\ud83d"], constituency=Tree([-1], [0]))], tmp_path / "out.txt")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(
    not SST.exists(), reason="needs the Stanford Sentiment Treebank in ../shared/sst"
)
def test_the_sentiment_treebank(tmp_path: Path) -> None:
    trees = read_brackets(SST / "dev.txt")
    assert len(trees) == 1101
    assert sum(len(tree.constituency or ()) for tree in trees) == 41447
    write_brackets(trees, tmp_path / "again.txt")
    assert (tmp_path / "again.txt").read_text() == (SST / "dev.txt").read_text()
