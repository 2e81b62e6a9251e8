"""Questions about the nodes of a given tree: their answers in order, and the words below each node."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from structnn import StructureError, Tree
from tasks.data.questions import NO_LABEL, ROW_SEPARATOR

__all__ = ["answer_of", "in_preorder", "phrases_of"]


def in_preorder(tree: Tree) -> Tree:
    """The same tree with its nodes in the order in which brackets open: the root first."""
    order: list[int] = []
    stack = [tree.root]
    while stack:
        node = stack.pop()
        order.append(node)
        stack += reversed(tree.children[node])
    if order == list(range(len(tree))):
        return tree
    place = {node: number for number, node in enumerate(order)}
    return Tree(
        [place.get(tree.parents[node], -1) for node in order],
        [tree.tokens[node] for node in order],
        None if tree.labels is None else [tree.labels[node] for node in order],
    )


def answer_of(tree: Tree, classes: Mapping[str, str] | None = None) -> str:
    """The labels of a tree's nodes as the answer of an example.

    Args:
        tree: The tree, its nodes in preorder.
        classes: The class that each label stands for; by default labels are classes. A node with
            another label, or an empty one, has none.

    Raises:
        StructureError: The tree has no labels, or one has white space in it.
    """
    if tree.labels is None or not any(tree.labels):
        raise StructureError("no node of the tree has a label")
    found = tree.labels if classes is None else [classes.get(label, "") for label in tree.labels]
    if broken := next((label for label in found if label and label.split() != [label]), None):
        raise StructureError(
            f"the label {broken!r} has white space in it; give each node one without"
        )
    return ROW_SEPARATOR.join(label or NO_LABEL for label in found)


def phrases_of(tree: Tree, tokens: Sequence[str]) -> tuple[str, ...]:
    """The words below each node, in the order of the nodes.

    Args:
        tree: The tree.
        tokens: The words of the sentence.
    """
    below: list[list[int]] = [[token] if token >= 0 else [] for token in tree.tokens]
    for node in reversed(tree.top_down):
        if (parent := tree.parents[node]) >= 0:
            below[parent] += below[node]
    return tuple(" ".join(tokens[place] for place in sorted(own)) for own in below)
