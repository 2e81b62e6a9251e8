"""Trees for the terminal, in Unicode's box-drawing characters."""

from __future__ import annotations

import unicodedata
from collections import defaultdict

from structnn.structure import Sentence, StructureError, Tree

# The lines that leave a character cell: up, down, left and right as bits.
_UP, _DOWN, _LEFT, _RIGHT = 1, 2, 4, 8
_BOXES = {
    0: " ", _LEFT: "╴", _RIGHT: "╶", _UP: "╵", _DOWN: "╷",
    _UP | _DOWN: "│", _LEFT | _RIGHT: "─",
    _DOWN | _RIGHT: "┌", _UP | _RIGHT: "└", _DOWN | _LEFT: "┐", _UP | _LEFT: "┘",
    _UP | _DOWN | _RIGHT: "├", _UP | _DOWN | _LEFT: "┤",
    _DOWN | _LEFT | _RIGHT: "┬", _UP | _LEFT | _RIGHT: "┴", _UP | _DOWN | _LEFT | _RIGHT: "┼",
}  # fmt: skip


def text_tree(sentence: Sentence, structure: str | None = None) -> str:
    """Write the tree of a sentence in characters.

    Dependencies read downwards, a word a line, with a bracket from each head to its dependents;
    phrases are indented below the phrases that they belong to.

    Args:
        sentence: The sentence.
        structure: ``dependencies`` or ``constituency``; the first that it has, when not given.

    Returns:
        The lines.

    Raises:
        StructureError: The sentence does not have that tree.
    """
    if structure is None:
        structure = "dependencies" if sentence.dependencies is not None else "constituency"
    tree = getattr(sentence, structure, None)
    if not isinstance(tree, Tree):
        raise StructureError(
            f"{' '.join(sentence.tokens)[:60]!r} has no {structure} to draw; parse it first"
        )
    return _phrases(sentence, tree) if structure == "constituency" else _words(sentence, tree)


def _words(sentence: Sentence, tree: Tree) -> str:
    """Words a line each, and to their left the brackets: short ones near, long ones far."""
    columns = _columns(tree)
    width = max(columns.values(), default=0)
    cells: dict[tuple[int, int], int] = defaultdict(int)  # (line, distance from the word) -> lines

    for child, column in columns.items():
        first, last = sorted((child, tree.parents[child]))
        for line in range(first, last + 1):
            cells[line, column] |= _UP * (line > first) | _DOWN * (line < last)
        for line in (first, last):
            for nearer in range(column + 1):
                cells[line, nearer] |= _RIGHT | (_LEFT if nearer < column else 0)
    rows = []
    tokens = [_printable(token) for token in sentence.tokens]
    space = max(map(_width, tokens)) + 2
    tag_space = max(map(_width, sentence.tags or [""])) + 2
    for position, token in enumerate(tokens):
        boxes = "".join(_BOXES[cells[position, column]] for column in range(width, 0, -1))
        point = "▶" if tree.parents[position] != -1 else "●"
        head = "─" if cells[position, 0] else " "
        row = f"{boxes}{head}{point} {_padded(token, space)}"
        if sentence.tags is not None:
            row += _padded(_printable(sentence.tags[position]), tag_space)
        if tree.labels is not None:
            row += _printable(tree.labels[position])
        rows.append(row.rstrip())
    return "\n".join(rows)


def _columns(tree: Tree) -> dict[int, int]:
    """For each edge, by its child, the column of its bracket: no two brackets that meet share one."""
    columns: dict[int, int] = {}
    # A head's own brackets may share a column, as branches of one.
    taken: dict[int, set[tuple[int, int]]] = defaultdict(set)  # line -> (column, head)
    edges = [(child, parent) for child, parent in enumerate(tree.parents) if parent != -1]
    for child, parent in sorted(edges, key=lambda edge: abs(edge[0] - edge[1])):
        lines = range(min(child, parent), max(child, parent) + 1)
        inner = [column for line in lines for column, head in taken[line] if head != parent]
        same_side = [
            columns[other]
            for other in tree.children[parent]
            if other in columns and (other < parent) == (child < parent)
        ]
        column = columns[child] = max([1 + max(inner, default=0), *same_side])
        for line in lines:
            taken[line].add((column, parent))
    return columns


def _phrases(sentence: Sentence, tree: Tree) -> str:
    assert tree.tokens is not None
    lines = []
    stack: list[tuple[int, str, str]] = [(tree.root, "", "")]  # node, its own stem, its children's
    while stack:
        node, stem, below = stack.pop()
        label = _printable(tree.labels[node]) if tree.labels is not None else "·"
        word = tree.tokens[node]
        text = f"{label} {_printable(sentence.tokens[word])}" if word != -1 else label
        lines.append(f"{stem}{text}")
        children = tree.children[node]
        for child in reversed(children):
            last = child == children[-1]
            stack.append(
                (child, below + ("└─ " if last else "├─ "), below + ("   " if last else "│  "))
            )
    return "\n".join(lines)


def _printable(text: str) -> str:
    return "".join(
        "␣" if character.isspace() else character
        for character in text
        if unicodedata.category(character) != "Cc" or character.isspace()
    )


def _width(text: str) -> int:
    """How many columns of a terminal a text takes."""
    return sum(
        0
        if unicodedata.combining(character) or unicodedata.category(character) in ("Cf", "Mn")
        else 2
        if unicodedata.east_asian_width(character) in "WF"
        else 1
        for character in text
    )


def _padded(text: str, width: int) -> str:
    return text + " " * (width - _width(text))
