"""What all layouts draw: chips, captions, edges and the margin."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from parsers.drawing.fonts import text_width
from parsers.drawing.layouts.view import CHIP, Pair, View, chip_width
from parsers.drawing.scene import LINE, SMALL_SIZE, WORD_SIZE, Chip, Curve, Label, Point, Scene
from parsers.drawing.theme import ink_on

# In points.
GAP = 10.0  # between neighbouring nodes
CAPTION = SMALL_SIZE * LINE  # the height of a caption
MARGIN = 16.0  # around the picture
BESIDE = 7.0  # between the two directions of an edge


def empty_scene(view: View, places: Iterable[int]) -> Scene:
    """A scene with the parents of the nodes that will be drawn, and nothing drawn yet."""
    scene = Scene(0, 0, view.theme.background, view.theme.ink)
    scene.parents = {node: view.tree.parents[node] for node in places}
    return scene


def framed(view: View, scene: Scene, places: Mapping[int, Point], below: float) -> dict[int, Point]:
    """Set the size of a scene so that all nodes fit, and move the nodes inside its margins.

    Args:
        view: The tree; the places are mirrored where its words run from right to left.
        scene: The scene, whose size is set.
        places: The centre of each node.
        below: The height in points that the lowest node needs below its centre.

    Returns:
        The new centre of each node.
    """
    halves = {node: node_width(view, node) / 2 for node in places}
    left = min(x - halves[node] for node, (x, _) in places.items())
    right = max(x + halves[node] for node, (x, _) in places.items())
    top = min(y for _, y in places.values()) - (CHIP / 2 + CAPTION)
    bottom = max(y for _, y in places.values()) + below
    scene.width, scene.height = right - left + 2 * MARGIN, bottom - top + 2 * MARGIN

    def moved(x: float, y: float) -> Point:
        x = right - x if view.mirrored else x - left
        return x + MARGIN, y - top + MARGIN

    return {node: moved(x, y) for node, (x, y) in places.items()}


def add_node(view: View, scene: Scene, node: int, x: float, y: float) -> None:
    """Draw a node, with or without a word."""
    (add_word if view.words[node] else add_phrase)(view, scene, node, x, y)


def add_word(view: View, scene: Scene, node: int, x: float, y: float) -> None:
    """Draw a node's word on its chip, and the caption above."""
    add_chip(view, scene, node, x, y)
    add_caption(view, scene, node, x, y - CHIP / 2 - CAPTION / 2)


def add_chip(view: View, scene: Scene, node: int, x: float, y: float, least: float = 0.0) -> None:
    """Draw a node's word on its chip, at least ``least`` points wide."""
    fill, word = view.fills[node], view.words[node] or ""
    wide = max(chip_width(view, node), least)
    scene.chips.append(Chip(x, y, wide, CHIP, fill, view.line_color(node), node))
    width = text_width(word, WORD_SIZE)
    scene.labels.append(Label(word, x, y, WORD_SIZE, ink_on(fill), width, node=node))


def add_phrase(view: View, scene: Scene, node: int, x: float, y: float) -> None:
    """Draw a node with no word: its caption on a chip."""
    fill, text = view.fills[node], view.captions[node]
    wide, high = node_width(view, node), 2 * half_height(view, node)
    scene.chips.append(Chip(x, y, wide, high, fill, view.line_color(node), node))
    size = SMALL_SIZE + 1
    width = text_width(text, size, bold=True)
    scene.labels.append(Label(text, x, y, size, ink_on(fill), width, bold=True, node=node))


def half_height(view: View, node: int) -> float:
    """Half the height of a node's chip: a phrase's is a little smaller than a word's."""
    return CHIP / 2 if view.words[node] else CHIP / 2 - 2


def node_width(view: View, node: int) -> float:
    """The width of a node in points, with or without a word."""
    if view.words[node] is not None:
        return view.block_width(node)
    return max(text_width(view.captions[node], SMALL_SIZE + 1, bold=True) + 12, CHIP - 4)


def add_caption(
    view: View,
    scene: Scene,
    node: int,
    x: float,
    y: float,
    text: str | None = None,
) -> None:
    """Draw a node's caption, or another text in its place, so that it hides lines behind it."""
    color = view.theme.accent if node in view.marked else view.theme.muted
    shown = view.captions[node] if text is None else text
    add_text(scene, shown, x, y, node, color, view.theme.background)


def add_text(
    scene: Scene,
    text: str,
    x: float,
    y: float,
    node: int,
    color: str,
    background: str | None = None,
) -> None:
    """Draw a line of small text, centred; nothing for an empty text."""
    if text:
        width = text_width(text, SMALL_SIZE)
        scene.labels.append(
            Label(text, x, y, SMALL_SIZE, color, width, background=background, node=node)
        )


def edge_curve(view: View, node: int, points: Sequence[Point], arrow: bool | None = None) -> Curve:
    """The edge from a node's parent, along a curve.

    Args:
        view: The tree.
        node: The node.
        points: The curve.
        arrow: Whether it ends in an arrow; by default where edges have two directions, so that each
            says which is its own.
    """
    stroke = view.stroke(node)
    arrow = bool(view.upward) if arrow is None else arrow
    color = view.line_color(node)
    return Curve(points, color, stroke.width, stroke.dashed, arrow, node, stroke.title)


def back_curves(view: View, node: int, points: Sequence[Point]) -> list[Curve]:
    """The edge from a node to its parent, if it has a number.

    Args:
        view: The tree.
        node: The node.
        points: Where it runs, from the parent to the node.
    """
    stroke = view.upward.get(node)
    if stroke is None:
        return []
    points, color = points[::-1], view.theme.accent_3
    return [
        Curve(points, color, stroke.width, stroke.dashed, arrow=True, node=node, title=stroke.title)
    ]


def beside(points: Sequence[Point]) -> list[Point]:
    """A curve next to one of :func:`parsers.drawing.scene.drop`, on the side on which that one ends."""
    side = BESIDE if points[-1][0] >= points[0][0] else -BESIDE
    # It runs sideways between its first two control points: that part is next to the other's higher up.
    up = (0.0, BESIDE, BESIDE)
    return [
        (x + side, y - (up[place] if place < len(up) else 0.0))
        for place, (x, y) in enumerate(points)
    ]


def extra_curve(view: View, pair: Pair, points: Sequence[Point], *, arrow: bool = True) -> Curve:
    """An edge that is not an edge of the tree, along a curve."""
    stroke, color = view.extra[pair], view.theme.accent_2
    return Curve(points, color, stroke.width, stroke.dashed, arrow, pair[1], stroke.title)


def add_extra_edges(view: View, scene: Scene, places: Mapping[int, Point]) -> None:
    """Draw the edges that are not edges of the tree, as curves from chip to chip."""
    for head, tail in view.extra:
        if head not in places or tail not in places:
            continue
        (x1, y1), (x2, y2) = places[head], places[tail]
        bow = 0.18
        middle = ((x1 + x2) / 2 + bow * (y2 - y1), (y1 + y2) / 2 - bow * (x2 - x1) - 12)
        half = CHIP / 2 + 1
        sign_1 = 1 if middle[1] > y1 else -1
        sign_2 = 1 if middle[1] > y2 else -1
        points = [(x1, y1 + sign_1 * half), middle, middle, (x2, y2 + sign_2 * half)]
        scene.curves.append(extra_curve(view, (head, tail), points))


def column_centres(widths: Sequence[float]) -> list[float]:
    """The centres of columns of these widths, side by side."""
    xs, edge = [], 0.0
    for width in widths:
        xs.append(edge + width / 2)
        edge += width + GAP
    return xs
