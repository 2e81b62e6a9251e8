"""The layout of constituency trees."""

from __future__ import annotations

from parsers.drawing.layouts.parts import (
    CAPTION,
    GAP,
    add_extra_edges,
    add_node,
    back_curves,
    beside,
    column_centres,
    edge_curve,
    empty_scene,
    framed,
    half_height,
    node_width,
)
from parsers.drawing.layouts.view import CHIP, View
from parsers.drawing.scene import Scene, drop
from structnn.sentence import Tree


def constituency_layout(view: View) -> Scene:
    """Phrases above their words, with all words in one row at the bottom.

    Each node stays within the columns of its own words, and edges run sideways only just below the
    parent, so phrases don't overlap.
    """
    tree = view.tree
    leaves = _leaves(tree)
    columns = {leaf: view.block_width(leaf) for leaf in leaves}
    spans: dict[int, set[int]] = {leaf: {leaf} for leaf in leaves}
    for node in reversed(tree.top_down):
        if node not in spans:
            spans[node] = set().union(*(spans[child] for child in tree.children[node]))
        short = node_width(view, node) - sum(columns[leaf] + GAP for leaf in spans[node]) + GAP
        if short > 0:
            for leaf in spans[node]:
                columns[leaf] += short / len(spans[node])
    xs = dict(zip(leaves, column_centres([columns[leaf] for leaf in leaves]), strict=True))
    for node in reversed(tree.top_down):
        if node not in xs:
            parts = [xs[child] for child in tree.children[node]]
            half = node_width(view, node) / 2
            first = min(xs[leaf] - columns[leaf] / 2 for leaf in spans[node]) + half
            last = max(xs[leaf] + columns[leaf] / 2 for leaf in spans[node]) - half
            xs[node] = min(max((min(parts) + max(parts)) / 2, first), max(first, last))
    row = CHIP + (CAPTION if any(map(view.words.__getitem__, set(xs) - set(leaves))) else 0) + 24
    bottom = max(tree.heights) * row + CHIP / 2 + (CAPTION if len(tree) > 1 else 0)
    places = {
        node: (x, bottom - tree.heights[node] * row - (CAPTION if tree.heights[node] else 0))
        for node, x in xs.items()
    }
    scene = empty_scene(view, places)
    places = framed(view, scene, places, below=CHIP / 2)
    for node, (x, y) in places.items():
        parent = tree.parents[node]
        if parent != -1:
            start = (places[parent][0], places[parent][1] + half_height(view, parent))
            captioned = bool(view.words[node]) and bool(view.captions[node])
            end = (x, y - half_height(view, node) - (CAPTION if captioned else 0))
            points = drop(start, end, min(start[1] + 24, end[1]))
            scene.curves.append(edge_curve(view, node, points))
            scene.curves += back_curves(view, node, beside(points))
        add_node(view, scene, node, x, y)
    add_extra_edges(view, scene, places)
    return scene


def _leaves(tree: Tree) -> list[int]:
    """The leaves in the order of their words; a leaf with no word follows the leaf before it."""
    leaves, stack, last = [], [tree.root], -1
    while stack:
        node = stack.pop()
        stack.extend(reversed(tree.children[node]))
        if not tree.children[node]:
            last = max(last, tree.tokens[node])
            leaves.append((tree.tokens[node] if tree.tokens[node] != -1 else last, node))
    return [node for _, node in sorted(leaves, key=lambda leaf: leaf[0])]
