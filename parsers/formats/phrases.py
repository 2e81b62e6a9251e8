"""Phrases as brackets have them: nested, and taken apart without recursion, however deep they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from structnn.sentence import Sentence, StructureError, Tree

__all__ = ["Phrase", "binarised", "collapsed", "sentence_of"]

# The most names in a label of NLTK's; also what keeps the labels of wide phrases small.
_LONGEST = 999


@dataclass(slots=True, eq=False, repr=False)
class Phrase:
    """A label, and the phrases and words under it, in order."""

    label: str
    children: list[Phrase | str]


def sentence_of(tree: Phrase, to_word: Callable[[str], str]) -> Sentence:
    """The sentence of a tree, with nodes in preorder.

    Args:
        tree: The tree; it is left as it is.
        to_word: Makes a word of what stands at a leaf.

    Raises:
        StructureError: There is a phrase with nothing in it.
    """
    words: list[str] = []
    parents: list[int] = []
    tokens: list[int] = []
    labels: list[str] = []
    stack: list[tuple[Phrase | str, int]] = [(tree, -1)]
    while stack:
        node, parent = stack.pop()
        index = len(parents)
        parents.append(parent)
        if isinstance(node, str):  # a bare word beside others, as in (NP the dog)
            labels.append("")
            word: str | None = node
        else:
            labels.append("" if node.label == "_" else node.label)
            if not node.children:
                raise StructureError(
                    f"the phrase ({node.label}) has neither a word nor a phrase in it; remove it"
                )
            only = node.children[0] if len(node.children) == 1 else None
            word = only if isinstance(only, str) else None
            if word is None:
                stack.extend((child, index) for child in reversed(node.children))
        tokens.append(-1 if word is None else len(words))
        if word is not None:
            words.append(to_word(word))
    tree_labels = labels if any(labels) else None
    return Sentence(words, constituency=Tree(parents, tokens, tree_labels))


def collapsed(tree: Phrase) -> None:
    """Merge each phrase that has a single phrase in it with that; labels are joined by ``+``.

    The phrase of a single word stays. It is NLTK's ``collapse_unary`` with ``collapseRoot``.
    """
    stack = [tree]
    while stack:
        node = stack.pop()
        labels = [node.label]
        while len(node.children) == 1:
            (only,) = node.children
            if isinstance(only, str) or (only.children and isinstance(only.children[0], str)):
                break
            labels.append(only.label)
            node.children = only.children
        node.label = "+".join(labels)
        stack.extend(child for child in node.children if isinstance(child, Phrase))


def binarised(tree: Phrase, side: Literal["left", "right"]) -> None:
    """Give each phrase at most two children, under new phrases with NLTK's labels: ``S|<NP-VP>``.

    Args:
        tree: The tree, which is changed.
        side: Which children are grouped: ``"right"`` the last ones, ``"left"`` the first.
    """
    stack = [tree]
    while stack:
        node = stack.pop()
        stack.extend(child for child in node.children if isinstance(child, Phrase))
        children = node.children
        if len(children) <= 2:
            continue
        names = [child if isinstance(child, str) else child.label for child in children]
        upper = node
        for taken in range(1, len(children) - 1):  # the children that are not under the new phrase
            rest = names[taken:] if side == "right" else names[:-taken]
            rest = rest[:_LONGEST] if side == "right" else rest[-_LONGEST:]
            inner = Phrase(f"{node.label}|<{'-'.join(rest)}>", [])
            pair: list[Phrase | str] = [children[taken - 1], inner]
            upper.children = pair if side == "right" else [inner, children[-taken]]
            upper = inner
        upper.children = children[-2:] if side == "right" else children[:2]
