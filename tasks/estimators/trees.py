"""The trees of rows, where they or the labels of their nodes are asked about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from structnn import StructureError, Tree
from tasks.data.columns import HEADS, RELATIONS, TREE, Columns
from tasks.data.examples import DataError
from tasks.data.files import text_in
from tasks.data.given import given_constituents, given_structure
from tasks.data.nodes import in_preorder

if TYPE_CHECKING:
    from tasks.estimators.columns import Row

__all__ = ["answers_in", "put_labels", "put_tree"]


def answers_in(rows: Sequence[Row], columns: Columns, name: str) -> list[object]:
    """The answers that stand in rows: trees, or the label of each node of them, None for no class.

    Args:
        rows: Sentences with trees, or rows with columns of them.
        columns: Which column is what, where trees or their nodes are asked about.
        name: What messages call the rows.

    Raises:
        DataError: A row has no tree, or a tree without labels.
    """
    answer_in = _labels_in if columns.question.reads == "nodes" else _tree_in
    return [answer_in(row, columns.text, f"{name}[{place}]") for place, row in enumerate(rows)]


def put_tree(row: Row, text: str, tree: Tree | None, where: str) -> None:
    """Give a row the columns of a dependency tree.

    Args:
        row: The row.
        text: The column of its tokens; a string is divided at white space.
        tree: The tree; None if it isn't known.
        where: What messages call the row.

    Raises:
        DataError: There are no tokens.
    """
    tokens = text_in(row.get(text), where)
    tokens = tuple(tokens.split()) if isinstance(tokens, str) else tokens
    if not tokens:
        raise DataError(f"{where}: the text is empty; give a list of tokens, or leave it out")
    if tree is None:
        tree = Tree(range(-1, len(tokens) - 1), labels=["?"] * len(tokens))
    row[text] = list(tokens)
    row[HEADS] = [parent + 1 for parent in tree.parents]
    row[RELATIONS] = list(tree.labels or ())


def put_labels(row: Row, text: str, labels: Sequence[str] | None, where: str) -> None:
    """Give the nodes of a row's constituency tree labels.

    Args:
        row: The row.
        text: The column of its tokens.
        labels: The label of each node in preorder, empty for none; None if they aren't known.
        where: What messages call the row.

    Raises:
        DataError: There is no tree, or another number of labels.
    """
    tree = _nodes_in(row, text, where)
    try:
        tree = replace(tree, labels=["?"] * len(tree) if labels is None else labels)
    except StructureError as fault:
        raise DataError(f"{where}: the answers don't fit the tree: {fault}") from None
    row[TREE] = {"parents": tree.parents, "tokens": tree.tokens, "labels": tree.labels}


def _tree_in(row: Row, text: str, where: str) -> Tree:
    """The dependency tree of a row."""
    sentence = row.sentences.get(text)
    if sentence is None:
        sentence = given_structure(row, text_in(row.get(text), where), where)
    if sentence is None or sentence.dependencies is None:
        raise DataError(
            f"{where}: there is no tree, which is what is asked about: give trees as y, sentences with "
            f"dependencies, or the columns {HEADS!r} and {RELATIONS!r}"
        )
    return sentence.dependencies


def _labels_in(row: Row, text: str, where: str) -> list[str]:
    """The labels of the nodes of a row's constituency tree."""
    labels = _nodes_in(row, text, where).labels
    if labels is None:
        raise DataError(f"{where}: the tree has no labels; give those of its nodes as y")
    return list(labels)


def _nodes_in(row: Row, text: str, where: str) -> Tree:
    """The constituency tree of a row, nodes in preorder; the row is given its tokens."""
    sentence = row.sentences.get(text)
    if sentence is None or sentence.constituency is None:
        sentence = given_constituents(row, text_in(row.get(text), where), where)
    if sentence is None or sentence.constituency is None:
        raise DataError(
            f"{where}: there is no tree whose nodes are asked about: give a Sentence with "
            f"`constituency`, or a column {TREE!r}"
        )
    row[text] = list(sentence.tokens)
    return in_preorder(sentence.constituency)
