"""The layout of nodes near given positions, such as those of networkx's layouts."""

from __future__ import annotations

from collections.abc import Mapping

from parsers.drawing.layouts.parts import (
    BESIDE,
    CAPTION,
    GAP,
    add_extra_edges,
    add_node,
    back_curves,
    edge_curve,
    empty_scene,
    framed,
    node_width,
)
from parsers.drawing.layouts.view import CHIP, View
from parsers.drawing.scene import Point, Scene, straight


def spread_layout(view: View, positions: Mapping[int, Point]) -> Scene:
    """Nodes near the given positions, moved apart until none overlap.

    Args:
        view: The tree.
        positions: The position of each node, in any unit; y points upwards, as in networkx.
    """
    high = CHIP + 2 * CAPTION + GAP  # the caption above, and as much below, to keep the centre
    sizes = {node: (node_width(view, node) + GAP, high) for node in positions}
    places = _apart(positions, sizes)
    scene = empty_scene(view, places)
    places = framed(view, scene, places, below=CHIP / 2)
    for node, place in places.items():
        parent = view.tree.parents[node]
        if parent != -1:
            ends = _between(places[parent], place, sizes[parent], sizes[node])
            scene.curves.append(edge_curve(view, node, straight(*ends), arrow=True))
            scene.curves += back_curves(view, node, straight(*_beside(*ends)))
    for node, (x, y) in places.items():
        add_node(view, scene, node, x, y)
    add_extra_edges(view, scene, places)
    return scene


def _apart(
    positions: Mapping[int, Point], sizes: Mapping[int, tuple[float, float]]
) -> dict[int, Point]:
    """Scale positions to a fitting area, then move overlapping boxes apart along the shorter way."""
    nodes = list(positions)
    spread = max(
        max(p[axis] for p in positions.values()) - min(p[axis] for p in positions.values())
        for axis in (0, 1)
    )
    area = sum(width * height for width, height in sizes.values())
    scale = 1.9 * area**0.5 / spread if spread else 0.0
    # Tilted a little, so that no two nodes have the same position and none is right above another.
    places = {
        node: [x * scale + 0.1 * rank, -y * scale * 0.8 + 0.013 * rank]
        for rank, (node, (x, y)) in enumerate(positions.items())
    }
    for _ in range(2000):
        moved = False
        for rank, one in enumerate(nodes):
            for other in nodes[rank + 1 :]:
                dx = places[other][0] - places[one][0]
                dy = places[other][1] - places[one][1]
                over_x = (sizes[one][0] + sizes[other][0]) / 2 - abs(dx)
                over_y = (sizes[one][1] + sizes[other][1]) / 2 - abs(dy)
                if over_x <= 0.01 or over_y <= 0.01:
                    continue
                moved = True
                axis, over, way = (0, over_x, dx) if over_x < over_y else (1, over_y, dy)
                push = (over / 2 + 0.1) * (1 if way >= 0 else -1)
                places[one][axis] -= push
                places[other][axis] += push
        if not moved:
            break
        for place in places.values():  # a little more space each time, or crowds would not dissolve
            place[0] *= 1.01
            place[1] *= 1.01
    return {node: (x, y) for node, (x, y) in places.items()}


def _between(
    start: Point, end: Point, from_size: tuple[float, float], to_size: tuple[float, float]
) -> tuple[Point, Point]:
    """The part of a straight line that lies outside the boxes at its ends."""
    dx, dy = end[0] - start[0], end[1] - start[1]

    def leaving(size: tuple[float, float], above: bool) -> float:
        half_x = (size[0] - GAP) / 2 + 2
        half_y = CHIP / 2 + 2 + (CAPTION if above else 0)
        return min(
            half_x / abs(dx) if dx else float("inf"), half_y / abs(dy) if dy else float("inf")
        )

    first, last = leaving(from_size, dy < 0), leaving(to_size, dy > 0)
    if first + last >= 1:
        first = last = 0.4
    return (
        (start[0] + dx * first, start[1] + dy * first),
        (end[0] - dx * last, end[1] - dy * last),
    )


def _beside(start: Point, end: Point) -> tuple[Point, Point]:
    """A line parallel to another one."""
    (x1, y1), (x2, y2) = start, end
    length = ((x2 - x1) ** 2 + (y2 - y1) ** 2) ** 0.5 or 1.0
    dx, dy = BESIDE * (y1 - y2) / length, BESIDE * (x2 - x1) / length
    return (x1 + dx, y1 + dy), (x2 + dx, y2 + dy)
