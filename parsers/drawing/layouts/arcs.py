"""The layout with the words in a row and an arc for each edge."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from parsers.drawing.fonts import text_width
from parsers.drawing.layouts.parts import (
    BESIDE,
    CAPTION,
    GAP,
    add_caption,
    add_chip,
    add_text,
    back_curves,
    edge_curve,
    empty_scene,
    framed,
)
from parsers.drawing.layouts.view import CHIP, Pair, View, chip_width
from parsers.drawing.scene import SMALL_SIZE, Curve, Scene, bridge, straight


def arcs_layout(view: View) -> Scene:
    """The words in a row, and an arc for each edge, the higher the more words it spans.

    Edges that are not edges of the tree run below the words.
    """
    order = view.by_position()
    place = {node: rank for rank, node in enumerate(order)}
    arcs = {
        node: (place[view.tree.parents[node]], place[node])
        for node in order
        if view.tree.parents[node] != -1
    }
    below = [
        (place[head], place[tail]) for head, tail in view.extra if head in place and tail in place
    ]
    legs = _legs(arcs, root=(place[view.tree.root], view.tree.root))
    extra_legs = _legs(dict(enumerate(below)))
    # Between two legs there is room for the leg of an edge from child to parent.
    step = 7.0 + BESIDE * bool(view.upward)
    widths = []
    for node in order:
        rank = place[node]
        most = max(len(legs.slots[rank]), len(extra_legs.slots[rank]))
        note = text_width(view.notes[node], SMALL_SIZE)
        widths.append(max(chip_width(view, node), note, step * (most + 1)))
    # The label of an arc must fit between its legs.
    needs: dict[int, list[tuple[int, float]]] = defaultdict(list)
    for node, (head, tail) in arcs.items():
        left, right = sorted((head, tail))
        shift = legs.offset(node, right, step) - legs.offset(node, left, step)
        needs[right].append((left, text_width(view.captions[node], SMALL_SIZE) + 16 - shift))
    xs: list[float] = []
    for rank, width in enumerate(widths):
        x = width / 2 if not rank else xs[-1] + (widths[rank - 1] + width) / 2 + GAP
        xs.append(max([x, *(xs[left] + need for left, need in needs[rank])]))
    levels, extra_levels = _levels(arcs), _levels(dict(enumerate(below)))
    rise = CAPTION + 13
    top = rise * (max(levels.values(), default=0) + 1) + CAPTION
    words = {node: (xs[place[node]], top + CHIP / 2) for node in order}
    scene = empty_scene(view, words)
    depth = CHIP / 2 + CAPTION + 16 * max(extra_levels.values(), default=0) + 6 * bool(below)
    columns = dict(zip(order, widths, strict=True))
    # The root's label stands above its leg, which may be off the word's centre.
    off = abs(legs.offset(view.tree.root, place[view.tree.root], step))
    reach = text_width(view.captions[view.tree.root], SMALL_SIZE) + 2 * off
    columns[view.tree.root] = max(columns[view.tree.root], reach)
    words = framed(view, scene, words, below=depth, above=top, columns=columns)
    side = -1 if view.mirrored else 1
    for node, (x, y) in words.items():
        legs_here = max(len(legs.slots[place[node]]), len(extra_legs.slots[place[node]]))
        add_chip(view, scene, node, x, y, least=step * (legs_here + 0.6))
        if view.notes[node]:
            below_chip = y + CHIP / 2 + CAPTION / 2 + 1
            add_text(scene, view.notes[node], x, below_chip, node, view.theme.muted)
    captions = []
    for node in order:
        base = words[node][1] - CHIP / 2 - 1
        end_x = words[node][0] + side * legs.offset(node, place[node], step)
        if node == view.tree.root:
            start = (end_x, base - top + CAPTION + 1)  # above all arcs
            scene.curves.append(edge_curve(view, node, straight(start, (end_x, base)), arrow=True))
            captions.append((node, end_x, start[1] - CAPTION / 2 - 1))
            continue
        head = view.tree.parents[node]
        start_x = words[head][0] + side * legs.offset(node, place[head], step)
        peak = base - rise * levels[node]
        points = bridge((start_x, base), (end_x, base), peak, 14)
        scene.curves.append(edge_curve(view, node, points, arrow=True))
        inwards = BESIDE if end_x > start_x else -BESIDE
        within = (start_x + inwards, base), (end_x - inwards, base)
        scene.curves += back_curves(view, node, bridge(*within, peak + CAPTION / 2 + 4, 9))
        captions.append((node, (start_x + end_x) / 2, peak))
    for node, x, y in captions:
        add_caption(view, scene, node, x, y, covering=True)
    for index, (head, tail) in enumerate(below):
        pair = (order[head], order[tail])
        base = words[pair[0]][1] + CHIP / 2 + CAPTION + 3
        ends = [
            (words[order[rank]][0] + side * extra_legs.offset(index, rank, step), base)
            for rank in (head, tail)
        ]
        points = bridge(ends[0], ends[1], base + 16 * extra_levels[index], 10)
        stroke = view.extra[pair]
        scene.curves.append(
            Curve(
                points,
                view.theme.accent_2,
                stroke.width,
                stroke.dashed,
                arrow=True,
                node=pair[1],
                title=stroke.title,
            )
        )
    return scene


@dataclass(frozen=True)
class _Legs:
    """Where the ends of arcs, their legs, stand at each word.

    Attributes:
        slots: For each word the arcs that end there, from left to right.
    """

    slots: Mapping[int, list[int]]

    def offset(self, arc: int, word: int, step: float) -> float:
        """How far to the right of the centre of ``word`` the leg of ``arc`` stands, in points."""
        slots = self.slots[word]
        return step * (slots.index(arc) - (len(slots) - 1) / 2)


def _legs(arcs: Mapping[int, Pair], root: tuple[int, int] | None = None) -> _Legs:
    """Order legs so that nested arcs don't cross: at each word the longest arc is nearest to the centre.

    Args:
        arcs: For each arc the words that it joins.
        root: The root's word, and the arc that comes to it from above.
    """
    slots: dict[int, list[tuple[float, int]]] = defaultdict(list)
    for arc, (head, tail) in arcs.items():
        for here, there in ((head, tail), (tail, head)):
            slots[here].append((1 / (there - here), arc))
    if root is not None:
        slots[root[0]].append((0.0, root[1]))
    ordered: dict[int, list[int]] = defaultdict(list)
    for word, legs in slots.items():
        ordered[word] = [arc for _, arc in sorted(legs)]
    return _Legs(ordered)


def _levels(arcs: Mapping[int, Pair]) -> dict[int, int]:
    """The level of each arc, from 1: above all shorter arcs with which it shares a gap between words."""
    levels: dict[int, int] = {}
    taken: dict[int, int] = defaultdict(int)  # the highest level so far, over each gap of words
    for arc, (head, tail) in sorted(arcs.items(), key=lambda item: abs(item[1][0] - item[1][1])):
        gaps = range(min(head, tail), max(head, tail))
        levels[arc] = 1 + max(taken[gap] for gap in gaps)
        for gap in gaps:
            taken[gap] = levels[arc]
    return levels
