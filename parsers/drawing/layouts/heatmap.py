"""The layout of many numbers between words: a table of colours."""

from __future__ import annotations

from parsers.drawing.fonts import text_width
from parsers.drawing.layouts.parts import MARGIN, empty_scene
from parsers.drawing.layouts.view import View
from parsers.drawing.scene import SMALL_SIZE, Chip, Label, Scene
from parsers.drawing.theme import ink_on

# In points.
CELL = 16.0
HEADING = SMALL_SIZE + 1.5  # the size of the letters of words
NEAR = 4.0  # between words and cells


def heatmap_layout(view: View) -> Scene:
    """A row for the word that each edge reaches, a column for the word that it leaves.

    Edges of the tree are outlined. The number of a cell is shown when hovering over it.

    Raises:
        ValueError: No edge has a number.
    """
    if not view.cells:
        raise ValueError(
            "the layout 'heatmap' shows numbers of edges; give edge_values for some, or another layout"
        )
    order = view.by_position()
    place = {node: rank for rank, node in enumerate(order)}
    words = [view.words[node] or "" for node in order]
    reach = max(text_width(word, HEADING) for word in words) + 10
    corner = text_width("from", SMALL_SIZE) + text_width("to", SMALL_SIZE) + 14
    left = MARGIN + max(reach, corner)
    top = MARGIN + reach
    scene = empty_scene(view, place)
    size = CELL * len(order)
    scene.width, scene.height = left + NEAR + size + MARGIN, top + NEAR + size + MARGIN

    def x_of(x: float) -> float:
        return scene.width - x if view.mirrored else x

    theme = view.theme
    for at, x, y in (
        ("from", left - text_width("from", SMALL_SIZE) / 2, top - SMALL_SIZE - 3),
        ("to", left - text_width("from", SMALL_SIZE) - 8, top - 2),
    ):
        scene.labels.append(
            Label(at, x_of(x), y, SMALL_SIZE, theme.muted, text_width(at, SMALL_SIZE))
        )
    for node, word in zip(order, words, strict=True):
        wide = text_width(word, HEADING)
        middle = CELL * (place[node] + 0.5)
        ink, fill = ink_on(view.fills[node]), view.fills[node]
        for x, y, vertical in (
            (x_of(left - wide / 2 - 5), top + NEAR + middle, False),
            (x_of(left + NEAR + middle), top - wide / 2 - 5, True),
        ):
            box = (CELL - 2, wide + 8) if vertical else (wide + 8, CELL - 2)
            scene.chips.append(Chip(x, y, *box, fill, theme.line, node, line=0.5, radius=4))
            scene.labels.append(Label(word, x, y, HEADING, ink, wide, node=node, vertical=vertical))
    cells = (*_plain(view, place), *_numbered(view, place))
    for column, row, fill, stroke, line, title in cells:
        scene.chips.append(
            Chip(
                x_of(left + NEAR + CELL * (column + 0.5)), top + NEAR + CELL * (row + 0.5),
                CELL - 1 - line, CELL - 1 - line, fill, stroke, line=line, radius=0, title=title,
            )
        )  # fmt: skip
    return scene


Cell = tuple[int, int, str, str, float, str]
"""Column, row, the colours inside and of the outline, the width of the outline, the text on hovering."""


def _numbered(view: View, place: dict[int, int]) -> list[Cell]:
    cells = []
    for (head, tail), (fill, title) in view.cells.items():
        if head in place and tail in place:
            inside = view.tree.parents[tail] == head
            stroke, line = (view.theme.accent, 1.6) if inside else (fill, 0.0)
            cells.append((place[head], place[tail], fill, stroke, line, title))
    return cells


def _plain(view: View, place: dict[int, int]) -> list[Cell]:
    """The edges of the tree that have no number: an outline."""
    edges = [(view.tree.parents[node], node) for node in place]
    back = view.theme.background
    return [
        (place[head], place[tail], back, view.theme.accent, 1.6, "")
        for head, tail in edges
        if head in place and (head, tail) not in view.cells
    ]
