"""What tests ask of a scene: do its labels overlap, is everything within it."""

from __future__ import annotations

import numpy as np
from matplotlib.text import Text

from parsers.drawing.raster import figure_of
from parsers.drawing.scene import Scene


def overlaps(boxes: list[tuple[float, float, float, float]]) -> bool:
    corners = np.array(boxes)
    low, high = corners[:, None, :2], corners[:, None, 2:]
    shared = np.minimum(high, high.swapaxes(0, 1)) - np.maximum(low, low.swapaxes(0, 1))
    meet = (shared > 0).all(axis=2)
    np.fill_diagonal(meet, False)
    return bool(meet.any())


def label_boxes(scene: Scene) -> list[tuple[float, float, float, float]]:
    halves = [(label, label.width / 2, label.size / 2) for label in scene.labels]
    return [(label.x - w, label.y - h, label.x + w, label.y + h) for label, w, h in halves]


def measured_boxes(scene: Scene) -> list[tuple[float, float, float, float]]:
    """Of the letters, as matplotlib draws them."""
    figure = figure_of(scene)
    figure.set_dpi(72)
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    texts = [artist for artist in figure.axes[0].get_children() if isinstance(artist, Text)]
    return [tuple(text.get_window_extent(renderer).extents) for text in texts if text.get_text()]


def within(scene: Scene) -> bool:
    return all(
        left >= 0 and top >= 0 and right <= scene.width and bottom <= scene.height
        for left, top, right, bottom in label_boxes(scene)
    )
