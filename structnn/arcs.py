"""Dependency trees as a string for each token: ``"2:nsubj"``, its head and its relation."""

from __future__ import annotations

from collections.abc import Sequence

from structnn.fields import shorten_text
from structnn.sentence import Tree

__all__ = ["arc_of", "arcs_of", "tree_of"]

_MOST_DIGITS = 18
"""Of the number of a head: no sentence is longer, and Python reads no number of thousands of digits."""


def arc_of(arc: str) -> tuple[int, str]:
    """The head and the relation of a token: ``(2, "nsubj")`` of ``"2:nsubj"``.

    Args:
        arc: The number of the head in the sentence, from 1, or 0 where the token is the root; and behind
            the first colon the relation.

    Raises:
        ValueError: It is none such.
    """
    head, _, relation = arc.partition(":")
    if not (head.isascii() and head.isdecimal() and len(head) <= _MOST_DIGITS and relation):
        shown = repr(shorten_text(arc))
        raise ValueError(
            f"{shown} is no arc: write the number of the head, 0 for the root, a colon and the "
            "relation, such as 2:nsubj"
        )
    return int(head), relation


def arcs_of(tree: Tree) -> list[str]:
    """The arc of each token, as :func:`arc_of` reads it.

    Raises:
        ValueError: The tree has no relations.
    """
    if tree.labels is None:
        raise ValueError("the tree has heads, but no relations")
    return [
        f"{parent + 1}:{label}" for parent, label in zip(tree.parents, tree.labels, strict=True)
    ]


def tree_of(arcs: Sequence[str]) -> Tree:
    """The tree that the arcs of the tokens of a sentence form.

    Raises:
        ValueError: One is no arc, or there is none.
        StructureError: They form no tree with one root.
    """
    if not arcs:
        raise ValueError("there are no arcs: give one for each token of a sentence")
    heads, relations = zip(*map(arc_of, arcs), strict=True)
    return Tree([head - 1 for head in heads], labels=relations)
