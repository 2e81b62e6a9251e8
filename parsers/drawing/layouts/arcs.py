"""The layout with the words in lines and an arc for each edge."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from parsers.drawing.fonts import text_width
from parsers.drawing.layouts.lines import RADIUS, STEP, Arc, Piece, Side, lines_of
from parsers.drawing.layouts.parts import (
    BESIDE,
    CAPTION,
    MARGIN,
    add_caption,
    add_chip,
    add_text,
    back_curves,
    edge_curve,
    empty_scene,
    extra_curve,
)
from parsers.drawing.layouts.view import CHIP, Pair, View, chip_width, is_dense
from parsers.drawing.scene import SMALL_SIZE, Curve, Point, Scene, bridge, half_bridge, straight

# In points.
RISE = CAPTION + 13  # from one level of arcs to the next
EXTRA_RISE = 16.0  # the same below the words
BETWEEN_LINES = 20.0


def arcs_layout(view: View) -> Scene:
    """The words in lines, and an arc for each edge, the higher the more words it spans.

    Edges that are not edges of the tree run below the words. An arc between two lines is drawn at both
    words, each time to the edge of the line, with its label and the word to which it leads.
    """
    order = view.by_position()
    place = {node: rank for rank, node in enumerate(order)}
    root = view.tree.root

    above, below, pairs = _sides(view, place)
    step = above.step
    columns, leasts = [], []
    for node in order:
        legs = max(above.legs(place[node]), below.legs(place[node]))
        leasts.append(step * (legs + 0.6))
        note = text_width(view.notes[node], SMALL_SIZE)
        columns.append(max(chip_width(view, node), note, step * (legs + 1)))
    # The root's label stands above its leg, which may be off the word's centre.
    reach = text_width(view.captions[root], SMALL_SIZE) / 2
    reach += abs(above.offset(root, place[root]))
    lines = lines_of(columns, (above, below), {place[root]: reach}, view.width)
    width = max(line.width for line in lines)

    def mirrored(x: float) -> float:
        return MARGIN + (width - x if view.mirrored else x)

    centres: dict[int, Point] = {}
    scene = empty_scene(view, place)
    scene.width = width + 2 * MARGIN
    labels: list[tuple[int, str, float, float]] = []
    top = MARGIN
    for line in lines:
        pieces = list(above.pieces(line, width))
        extra = list(below.pieces(line, width))
        base = top + RISE * max((piece.level for piece in pieces), default=0) + CAPTION
        if line.first <= place[root] < line.end:
            base += RISE
        y = base + 1 + CHIP / 2
        for here in range(line.first, line.end):
            centres[order[here]] = (mirrored(line.x(here)), y)
            if order[here] == root:
                x = mirrored(line.x(here) + above.offset(root, here))
                start = top + CAPTION + 1  # above all arcs
                scene.curves.append(
                    edge_curve(view, root, straight((x, start), (x, base)), arrow=True)
                )
                labels.append((root, view.captions[root], x, start - CAPTION / 2 - 1))
        for piece in pieces:
            peak = base - RISE * piece.level
            scene.curves += _tree_edge(view, piece, above.arcs[piece.arc], base, peak, mirrored)
            labels.append((piece.arc, piece.text, mirrored(piece.x), peak))
        under = y + CHIP / 2 + CAPTION + 3
        for piece in extra:
            pair, arc = pairs[piece.arc], below.arcs[piece.arc]
            peak = under + EXTRA_RISE * piece.level
            points = _points(piece, arc, under, peak, mirrored)
            arrow = piece.ends[arc.end == arc.right]
            scene.curves.append(extra_curve(view, pair, points, arrow=arrow))
            labels.append((pair[1], piece.text, mirrored(piece.x), peak))
        deepest = max((piece.level for piece in extra), default=0)
        top = y + CHIP / 2 + CAPTION + EXTRA_RISE * deepest + 6 * bool(extra) + BETWEEN_LINES
    scene.height = top - BETWEEN_LINES + MARGIN
    for node, (x, y) in centres.items():
        add_chip(view, scene, node, x, y, least=leasts[place[node]])
        if view.notes[node]:
            below_chip = y + CHIP / 2 + CAPTION / 2 + 1
            add_text(scene, view.notes[node], x, below_chip, node, view.theme.muted)
    for node, text, x, y in labels:
        add_caption(view, scene, node, x, y, text)
    return scene


def _sides(view: View, place: Mapping[int, int]) -> tuple[Side, Side, list[Pair]]:
    """The arcs above the words, by node, those below, by number, and the edges that these show."""
    root = view.tree.root

    def arc(head: int, tail: int, label: str, *, named: bool = True) -> Arc:
        names = (_cut(view.words[head]), _cut(view.words[tail])) if named else None
        return Arc(place[head], place[tail], label, names)

    # Between two legs there is room for the leg of an edge from child to parent.
    step = STEP + BESIDE * bool(view.upward)
    above = Side(
        {
            node: arc(view.tree.parents[node], node, view.captions[node])
            for node in place
            if node != root
        },
        root=(place[root], root),
        step=step,
    )
    pairs = [
        pair for pair in view.extra if pair[0] != pair[1] and pair[0] in place and pair[1] in place
    ]
    named = not is_dense(view.tree, pairs)
    below = Side(
        {index: arc(*pair, "", named=named) for index, pair in enumerate(pairs)}, step=step
    )
    return above, below, pairs


def _tree_edge(
    view: View,
    piece: Piece,
    arc: Arc,
    base: float,
    peak: float,
    mirrored: Callable[[float], float],
) -> list[Curve]:
    """A piece of an arc from parent to child, and within it of the edge from child to parent."""
    at_tail = arc.end == arc.right
    points = _points(piece, arc, base, peak, mirrored)
    down = edge_curve(view, piece.arc, points, arrow=piece.ends[at_tail])
    lower = peak + CAPTION / 2 + 4
    points = _points(piece, arc, base, lower, mirrored, inwards=BESIDE)
    up = back_curves(view, piece.arc, points)
    return [down, *(replace(curve, arrow=piece.ends[not at_tail]) for curve in up)]


def _points(
    piece: Piece,
    arc: Arc,
    base: float,
    peak: float,
    mirrored: Callable[[float], float],
    inwards: float = 0.0,
) -> list[Point]:
    """The points of a piece, from the side where its arc starts.

    Args:
        piece: The piece.
        arc: Its arc.
        base: Where its legs end.
        peak: Its height.
        mirrored: Where a place is in the scene.
        inwards: How far its legs are moved towards each other.
    """
    left, right = mirrored(piece.left), mirrored(piece.right)
    inwards = min(inwards, abs(right - left) / 3) * (1 if right > left else -1)
    start, end = (left + inwards, base), (right - inwards, base)
    radius = RADIUS - abs(inwards) / 2
    if all(piece.ends):
        points = bridge(start, end, peak, radius)
    elif piece.ends[0]:
        points = half_bridge(start, peak, right, radius)
    else:
        points = half_bridge(end, peak, left, radius)[::-1]
    return points if arc.start < arc.end else points[::-1]


def _cut(word: str | None) -> str:
    """A word as it is named at the other end of an arc."""
    word = word or ""
    return word if len(word) <= 14 else word[:13] + "…"
