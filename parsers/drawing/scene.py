"""The shapes and texts of a picture, with their positions in points; y points downwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

Point = tuple[float, float]

WORD_SIZE = 12.0
SMALL_SIZE = 8.5
LINE = 1.35
"""The height of a line of text, as a multiple of the size of its letters in points."""


@dataclass(frozen=True)
class Label:
    """A line of text, centred at a point.

    Args:
        text: The text.
        x: The horizontal position of the centre.
        y: The vertical position of the centre.
        size: The size of the letters.
        color: The colour of the letters.
        width: The measured width of the text.
        bold: Whether the letters are bold.
        background: A colour that hides what lies behind, such as a line; None for none.
        node: The node that the label belongs to, if any.
        vertical: Whether the text is read from the bottom upwards.
    """

    text: str
    x: float
    y: float
    size: float
    color: str
    width: float
    bold: bool = False
    background: str | None = None
    node: int | None = None
    vertical: bool = False


@dataclass(frozen=True)
class Chip:
    """A rectangle with round corners, centred at a point: the box of a word, or a dot.

    Args:
        x: The horizontal position of the centre.
        y: The vertical position of the centre.
        width: The width.
        height: The height.
        fill: The colour inside.
        stroke: The colour of the outline.
        node: The node that the chip belongs to, if any.
        line: The width of the outline.
        radius: The radius of the corners.
        title: What is shown when hovering over it, in formats where that can be done.
    """

    x: float
    y: float
    width: float
    height: float
    fill: str
    stroke: str
    node: int | None = None
    line: float = 0.8
    radius: float = 7.0
    title: str = ""


@dataclass(frozen=True)
class Curve:
    """A line of cubic Bézier segments.

    Args:
        points: The start, and for each segment two control points and its end: 1 + 3n points.
        color: The colour of the line.
        width: The width of the line.
        dashed: Whether the line is dashed.
        arrow: Whether it ends in an arrow head.
        node: The node that the line leads to, if any.
        title: What a reader sees who hovers over the line in SVG; empty for nothing.
    """

    points: Sequence[Point]
    color: str
    width: float = 1.2
    dashed: bool = False
    arrow: bool = False
    node: int | None = None
    title: str = ""


@dataclass
class Scene:
    """A picture, from (0, 0) at the top left to (width, height)."""

    width: float
    height: float
    background: str
    ink: str
    curves: list[Curve] = field(default_factory=list)
    chips: list[Chip] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)
    parents: dict[int, int] = field(default_factory=dict)
    """The parent of each node that is drawn, -1 for a root."""
    details: dict[int, dict[str, str]] = field(default_factory=dict)
    """The attributes of each node, shown when hovering over it."""

    def add(self, other: Scene, x: float, y: float) -> None:
        """Add all of another scene, with its top left corner at (x, y)."""
        shift = 1 + max(self.parents, default=-1)

        def renumbered(node: int | None) -> int | None:
            return None if node is None else node + shift

        self.curves += [
            replace(
                curve,
                points=[(x + px, y + py) for px, py in curve.points],
                node=renumbered(curve.node),
            )
            for curve in other.curves
        ]
        self.chips += [
            replace(chip, x=x + chip.x, y=y + chip.y, node=renumbered(chip.node))
            for chip in other.chips
        ]
        self.labels += [
            replace(label, x=x + label.x, y=y + label.y, node=renumbered(label.node))
            for label in other.labels
        ]
        for node, parent in other.parents.items():
            self.parents[node + shift] = parent + shift if parent >= 0 else -1
        for node, details in other.details.items():
            self.details[node + shift] = details


def straight(start: Point, end: Point) -> list[Point]:
    """The points of a straight line."""
    # With its control points apart, so that an arrow at its end knows where it points.
    (x1, y1), (x2, y2) = start, end
    third, two_thirds = (
        (x1 + (x2 - x1) / 3, y1 + (y2 - y1) / 3),
        (x2 + (x1 - x2) / 3, y2 + (y1 - y2) / 3),
    )
    return [start, third, two_thirds, end]


def drop(start: Point, end: Point, bend: float | None = None) -> list[Point]:
    """The points of a curve that leaves ``start`` downwards and reaches ``end`` from above.

    All sideways movement is above the height ``bend``. Such curves between the same two heights
    cross only where straight lines would cross.
    """
    bottom = end[1] if bend is None else bend
    middle = (start[1] + bottom) / 2
    points = [start, (start[0], middle), (end[0], middle), (end[0], bottom)]
    if bottom < end[1]:
        points += straight((end[0], bottom), end)[1:]
    return points


def bridge(start: Point, end: Point, top: float, radius: float) -> list[Point]:
    """The points of a curve from ``start`` up to the height ``top``, across, and down to ``end``.

    Its corners are round. With ``top`` below both points it goes down and up instead.
    """
    middle = (start[0] + end[0]) / 2
    there = half_bridge(start, top, middle, radius)
    return there + half_bridge(end, top, middle, radius)[-2::-1]


def half_bridge(start: Point, top: float, end: float, radius: float) -> list[Point]:
    """The points of a curve from ``start`` up (or down) to the height ``top``, and across to ``end``."""
    x, y = start
    across = min(radius, abs(end - x)) * (1 if end >= x else -1)
    up = min(radius, abs(y - top)) * (1 if top <= y else -1)
    hold = 0.45  # of the way from the control point to the corner: a circle's quarter
    return [
        *straight(start, (x, top + up)),
        (x, top + up * hold), (x + across * hold, top), (x + across, top),
        *straight((x + across, top), (end, top))[1:],
    ]  # fmt: skip
