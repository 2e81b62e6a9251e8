"""What tests ask of a scene: do labels overlap or lie on edges, is everything within it."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.text import Text

from parsers.drawing.raster import figure_of
from parsers.drawing.scene import Curve, Label, Scene


def overlaps(boxes: list[tuple[float, float, float, float]]) -> bool:
    corners = np.array(boxes)
    low, high = corners[:, None, :2], corners[:, None, 2:]
    shared = np.minimum(high, high.swapaxes(0, 1)) - np.maximum(low, low.swapaxes(0, 1))
    meet = (shared > 0).all(axis=2)
    np.fill_diagonal(meet, False)
    return bool(meet.any())


def label_boxes(scene: Scene) -> list[tuple[float, float, float, float]]:
    halves = [
        (label, *((label.size, label.width) if label.vertical else (label.width, label.size)))
        for label in scene.labels
    ]
    halves = [(label, w / 2, h / 2) for label, w, h in halves]
    return [(label.x - w, label.y - h, label.x + w, label.y + h) for label, w, h in halves]


def measured_boxes(scene: Scene) -> list[tuple[float, float, float, float]]:
    """Of the letters, as matplotlib draws them."""
    figure = figure_of(scene)
    figure.set_dpi(72)
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    texts = [artist for artist in figure.axes[0].get_children() if isinstance(artist, Text)]
    return [tuple(text.get_window_extent(renderer).extents) for text in texts if text.get_text()]


def crossed_labels(scene: Scene, *, covered: bool = False) -> list[str]:
    """Labels that lie on an edge to another node, and may be taken for its label.

    Args:
        scene: The scene.
        covered: Whether a label may lie on an edge that it hides, having a background of its own.
    """
    found = []
    boxes = zip(scene.labels, np.array(label_boxes(scene)).reshape(-1, 4), strict=True)
    lines = [(curve.node, points_of(curve)) for curve in scene.curves]
    for label, (left, top, right, bottom) in boxes:
        # Words stand on chips, which are drawn over the edges.
        if label.node is None or on_chip(scene, label) or (covered and label.background):
            continue
        for node, points in lines:
            x, y = points.T
            inside = (x > left) & (x < right) & (y > top) & (y < bottom)
            if node != label.node and inside.any():
                found.append(label.text)
    return found


def on_chip(scene: Scene, label: Label) -> bool:
    return any(
        abs(chip.x - label.x) < chip.width / 2 and abs(chip.y - label.y) < chip.height / 2
        for chip in scene.chips
    )


def points_of(curve: Curve) -> np.ndarray:
    """Points along a curve, close to each other."""
    pieces = []
    for first in range(0, len(curve.points) - 1, 3):
        a, b, c, d = np.array(curve.points[first : first + 4])
        steps = 2 + int(np.abs(d - a).sum())
        t = np.linspace(0, 1, steps + 1)[:, None]
        s = 1 - t
        pieces.append(s**3 * a + 3 * s * s * t * b + 3 * s * t * t * c + t**3 * d)
    return np.concatenate(pieces)


def cross(one: Curve, other: Curve) -> bool:
    """Whether two curves cross or touch."""
    a, b = (points_of(curve) for curve in (one, other))

    def side(start: Any, end: Any, point: Any) -> Any:
        (dx, dy), (px, py) = (end - start).T, np.moveaxis(point - start[None], -1, 0)
        return np.sign(dx * py - dy * px)

    # Each segment has the ends of the other on its two sides.
    first = side(a[:-1], a[1:], b[:-1, None]) != side(a[:-1], a[1:], b[1:, None])
    second = side(b[:-1], b[1:], a[:-1, None]) != side(b[:-1], b[1:], a[1:, None])
    return bool((first & second.T).any())


def within(scene: Scene) -> bool:
    return all(
        left >= 0 and top >= 0 and right <= scene.width and bottom <= scene.height
        for left, top, right, bottom in label_boxes(scene)
    )
