"""Trees for the terminal, in Unicode's box-drawing characters."""

from __future__ import annotations

import unicodedata
from collections import defaultdict

from parsers.controls import tree_of
from structnn.sentence import Sentence, Tree

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
    """The tree of a sentence in box-drawing characters, for a terminal.

    Dependencies have one word a line, with lines from each head to its dependents; the phrases of a
    constituency tree are indented below their parents.

    Args:
        sentence: The sentence.
        structure: ``"dependencies"``, ``"constituency"``, or the name of a control structure, as in
            :func:`parsers.with_structure`. By default the dependencies, or the constituency tree of a
            sentence without them.

    Returns:
        The lines, joined by line feeds.

    Raises:
        StructureError: The sentence lacks the structure.
        ValueError: The structure is not known.

    Example:
        >>> tree = Tree([1, -1], labels=["nsubj", "root"])
        >>> print(text_tree(Sentence(["dogs", "bark"], dependencies=tree)))
        ┌─▶ dogs  nsubj
        └─● bark  root
    """
    structure = usual_structure(sentence) if structure is None else structure
    tree = tree_of(sentence, structure)
    return _phrases(sentence, tree) if structure == "constituency" else _words(sentence, tree)


def usual_structure(sentence: Sentence) -> str:
    """The structure that is shown where none is named."""
    only_phrases = sentence.dependencies is None and sentence.constituency is not None
    return "constituency" if only_phrases else "dependencies"


def _words(sentence: Sentence, tree: Tree) -> str:
    """One word a line, with the lines from heads to dependents on the left: short ones nearest."""
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
    tokens = [printable(token) for token in sentence.tokens]
    space = max(map(_width, tokens)) + 2
    tag_space = max(map(_width, sentence.tags or [""])) + 2
    for position, token in enumerate(tokens):
        boxes = "".join(_BOXES[cells[position, column]] for column in range(width, 0, -1))
        point = "▶" if tree.parents[position] != -1 else "●"
        head = "─" if cells[position, 0] else " "
        row = f"{boxes}{head}{point} {_padded(token, space)}"
        if sentence.tags is not None:
            row += _padded(printable(sentence.tags[position]), tag_space)
        if tree.labels is not None:
            row += printable(tree.labels[position])
        rows.append(row.rstrip())
    return "\n".join(rows)


def _columns(tree: Tree) -> dict[int, int]:
    """For each child the column of the line from its head, counted from the words, from 1.

    A line is farther out than all lines that it spans, and lines that meet have different columns,
    except those of one head on one side, which are branches of one line.
    """
    columns: dict[int, int] = {}
    shared: dict[tuple[int, bool], int] = {}  # the column of a head's brackets on one side
    # For each line the columns that are taken, with their heads.
    taken: list[dict[int, int]] = [{} for _ in tree.parents]
    # For each line the outermost column, with its head, and the outermost of any other head.
    outer = [((0, -1), (0, -1)) for _ in tree.parents]
    edges = [(child, parent) for child, parent in enumerate(tree.parents) if parent != -1]
    for child, parent in sorted(edges, key=lambda edge: abs(edge[0] - edge[1])):
        first, last = min(child, parent), max(child, parent)
        side = (parent, child < parent)
        spanned = (outer[line][outer[line][0][1] == parent][0] for line in range(first + 1, last))
        column = max(1 + max(spanned, default=0), shared.get(side, 1))
        while any(taken[line].get(column, parent) != parent for line in (first, last)):
            column += 1
        columns[child] = shared[side] = column
        for line in range(first, last + 1):
            taken[line][column] = parent
            most, second = outer[line]
            if most[1] == parent:
                outer[line] = (max(most, (column, parent)), second)
            elif column > most[0]:
                outer[line] = ((column, parent), most)
            else:
                outer[line] = (most, max(second, (column, parent)))
    return columns


def _phrases(sentence: Sentence, tree: Tree) -> str:
    lines = []
    stack: list[tuple[int, str, str]] = [(tree.root, "", "")]  # node, its own stem, its children's
    while stack:
        node, stem, below = stack.pop()
        label = (printable(tree.labels[node]) if tree.labels is not None else "") or "·"
        word = tree.tokens[node]
        text = f"{label} {printable(sentence.tokens[word])}" if word != -1 else label
        lines.append(f"{stem}{text}")
        children = tree.children[node]
        for child in reversed(children):
            last = child == children[-1]
            stack.append(
                (child, below + ("└─ " if last else "├─ "), below + ("   " if last else "│  "))
            )
    return "\n".join(lines)


def printable(text: str) -> str:
    """A text on one line: white space is shown as ``␣``, control characters are left out."""
    shown = []
    for character in text:
        if character.isspace():
            shown.append("␣")
        elif (category := unicodedata.category(character)) == "Cs":  # half a character
            shown.append("\ufffd")
        elif category != "Cc":
            shown.append(character)
    return "".join(shown)


def _width(text: str) -> int:
    """The width of a text in columns of a terminal."""
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
