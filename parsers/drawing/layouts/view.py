"""The input of a layout: a tree with everything that is shown of it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from parsers.drawing.fonts import text_width
from parsers.drawing.scene import SMALL_SIZE, WORD_SIZE
from parsers.drawing.theme import Theme
from structnn.sentence import Tree

# In points.
CHIP = 22.0  # the height of a chip, the box that holds a word
PADDING = 7.0  # between a word and the sides of its chip

Pair = tuple[int, int]
"""Two nodes: where an edge begins, and where it ends."""


@dataclass(frozen=True)
class Stroke:
    """How the line of an edge is drawn.

    Args:
        width: Its width in points.
        dashed: Whether it is dashed: its number is below 0.
        title: What a reader sees who hovers over it.
    """

    width: float = 1.2
    dashed: bool = False
    title: str = ""


@dataclass(frozen=True)
class View:
    """A tree with everything that is shown of it.

    Args:
        tree: The tree.
        words: ``(nodes,)``, the word of each node; None for a node with no word.
        captions: ``(nodes,)``, the relation or phrase label of each; ``""`` for none.
        notes: ``(nodes,)``, the text below each word, such as a part of speech.
        fills: ``(nodes,)``, the colour of each chip.
        plain: The line of an edge of the tree that has no number.
        strokes: The lines of edges that have numbers, ``(from, to)``: from a parent to its child, from
            a child to its parent, or between two nodes that no edge of the tree joins.
        marked: The nodes that are marked, with the edge from the parent.
        theme: The colours.
        mirrored: Whether the words run from right to left.
        width: The width in points at which lines of words are broken.
        cells: For edges with a number, its colour, and the text that says it.
    """

    tree: Tree
    words: Sequence[str | None]
    captions: Sequence[str]
    notes: Sequence[str]
    fills: Sequence[str]
    plain: Stroke
    strokes: Mapping[Pair, Stroke]
    marked: frozenset[int]
    theme: Theme
    mirrored: bool
    width: float = math.inf
    cells: Mapping[Pair, tuple[str, str]] = field(default_factory=dict)

    def stroke(self, node: int) -> Stroke:
        """The line from a node's parent to the node."""
        return self.strokes.get((self.tree.parents[node], node), self.plain)

    @cached_property
    def upward(self) -> Mapping[int, Stroke]:
        """The line from a node to its parent, for each node that has one."""
        return {
            node: self.strokes[node, parent]
            for node, parent in enumerate(self.tree.parents)
            if parent != -1 and (node, parent) in self.strokes
        }

    @cached_property
    def extra(self) -> Mapping[Pair, Stroke]:
        """The lines between nodes that no edge of the tree joins."""
        return {
            pair: stroke for pair, stroke in self.strokes.items() if not _is_joined(self.tree, pair)
        }

    def by_position(self) -> list[int]:
        """The nodes that have a word, in the order of the words."""
        words = [node for node, token in enumerate(self.tree.tokens) if token != -1]
        return sorted(words, key=self.tree.tokens.__getitem__)

    def block_width(self, node: int) -> float:
        """The width in points of the wider of a node's chip and caption."""
        return max(chip_width(self, node), text_width(self.captions[node], SMALL_SIZE) + 2)

    def line_color(self, node: int) -> str:
        """The colour of a node's outline and of the edge from its parent."""
        return self.theme.accent if node in self.marked else self.theme.line


def chip_width(view: View, node: int) -> float:
    """The width in points of a node's chip; one with no word is as wide as high."""
    word = view.words[node]
    return text_width(word, WORD_SIZE) + 2 * PADDING if word else CHIP


def is_dense(tree: Tree, pairs: Iterable[Pair]) -> bool:
    """Whether edges are too many for lines: more than two a word that are not edges of the tree."""
    return sum(not _is_joined(tree, pair) for pair in pairs) > 2 * len(tree)


def _is_joined(tree: Tree, pair: Pair) -> bool:
    """Whether two nodes are one, or an edge of the tree joins them."""
    head, tail = pair
    return head == tail or tree.parents[tail] == head or tree.parents[head] == tail
