"""Layouts in which the depth of a node decides its height."""

from __future__ import annotations

from collections import defaultdict

from parsers.drawing.layouts.parts import (
    CAPTION,
    GAP,
    add_caption,
    add_chip,
    add_extra_edges,
    add_word,
    back_curves,
    beside,
    column_centres,
    edge_curve,
    empty_scene,
    framed,
)
from parsers.drawing.layouts.view import CHIP, View
from parsers.drawing.scene import Chip, Curve, Scene, drop, straight


def tree_layout(view: View) -> Scene:
    """Nodes by depth, with the words from left to right in the order of the sentence.

    Words are as close as they fit: only nodes of the same depth must not overlap. Edges of a projective
    tree never cross.
    """
    row = CAPTION + CHIP + 32
    xs: dict[int, float] = {}
    edge_of_row: dict[int, float] = defaultdict(lambda: 0.0)
    last = 0.0
    for node in view.by_position():
        depth, half = view.tree.depths[node], view.block_width(node) / 2
        last = max(last + 8, edge_of_row[depth] + half)
        xs[node] = last
        edge_of_row[depth] = last + half + GAP
    places = {
        node: (x, CAPTION + CHIP / 2 + row * view.tree.depths[node]) for node, x in xs.items()
    }
    scene = empty_scene(view, places)
    places = framed(view, scene, places, below=CHIP / 2)
    for node, (x, y) in places.items():
        parent = view.tree.parents[node]
        if parent != -1:
            head_x, head_y = places[parent]
            points = drop((head_x, head_y + CHIP / 2), (x, y - CHIP / 2 - CAPTION - 1))
            scene.curves.append(edge_curve(view, node, points))
            scene.curves += back_curves(view, node, beside(points))
        add_word(view, scene, node, x, y)
    add_extra_edges(view, scene, places)
    return scene


def aligned_layout(view: View) -> Scene:
    """Nodes by depth as dots, with the words along the bottom, each below its dot."""
    row = CAPTION + 40
    order = view.by_position()
    xs = column_centres([view.block_width(node) for node in order])
    bottom = row * max(view.tree.depths) + CAPTION + 44
    dots = {
        node: (x, CAPTION + 6 + row * view.tree.depths[node])
        for node, x in zip(order, xs, strict=True)
    }
    scene = empty_scene(view, dots)
    dots = framed(view, scene, dots, below=bottom - max(y for _, y in dots.values()) + CHIP)
    top = min(y for _, y in dots.values()) - CAPTION - 6
    for node, (x, y) in dots.items():
        word_y = top + bottom + CHIP / 2
        guide = straight((x, y + 6), (x, word_y - CHIP / 2))
        scene.curves.append(Curve(guide, view.theme.plain, 1.2, node=node))
        parent = view.tree.parents[node]
        if parent != -1:
            head_x, head_y = dots[parent]
            points = drop((head_x, head_y + 5), (x, y - 6 - CAPTION))
            scene.curves.append(edge_curve(view, node, points))
            scene.curves += back_curves(view, node, beside(points))
        fill = view.fills[node]
        scene.chips.append(Chip(x, y, 10, 10, fill, view.line_color(node), node, 1.4, radius=5))
        add_caption(view, scene, node, x, y - 6 - CAPTION / 2)
        add_chip(view, scene, node, x, word_y)
    add_extra_edges(view, scene, dots)
    return scene
