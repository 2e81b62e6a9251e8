"""What a picture consists of: labels, chips and curves at their places, in points, y downwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

Point = tuple[float, float]

WORD_SIZE = 12.0
SMALL_SIZE = 8.5
LINE = 1.35
"""The height of a line of text, as a multiple of the size of its letters."""


@dataclass(frozen=True)
class Label:
    """A line of text, centred at a point.

    Args:
        text: The text.
        x: The centre.
        y: The centre.
        size: The size of the letters.
        color: Of the letters.
        width: Of the text, as measured.
        bold: Whether the letters are bold.
        background: A colour to cover what lies behind, such as the line that the label belongs to.
        node: The node that it belongs to, if any.
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


@dataclass(frozen=True)
class Chip:
    """A rectangle with round corners, centred at a point, behind a word or alone as a dot."""

    x: float
    y: float
    width: float
    height: float
    fill: str
    stroke: str
    node: int | None = None
    line: float = 0.8
    radius: float = 7.0


@dataclass(frozen=True)
class Curve:
    """A line of cubic Bézier pieces: a point, and three more points for each piece.

    Args:
        points: 1 + 3 n points.
        color: Of the line.
        width: Of the line.
        dashed: Whether the line is dashed.
        arrow: Whether it ends in an arrow head.
        node: The node that it leads to, if any.
    """

    points: Sequence[Point]
    color: str
    width: float = 1.2
    dashed: bool = False
    arrow: bool = False
    node: int | None = None


@dataclass
class Scene:
    """A picture, from (0, 0) to (width, height)."""

    width: float
    height: float
    background: str
    ink: str
    curves: list[Curve] = field(default_factory=list)
    chips: list[Chip] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)
    parents: dict[int, int] = field(default_factory=dict)
    """For each node that can be hovered over its parent, -1 for a root."""
    details: dict[int, dict[str, str]] = field(default_factory=dict)
    """What is known of each node."""

    def add(self, other: Scene, x: float, y: float) -> None:
        """Put all of another scene into this one, its corner at a point."""
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
    """The points of a straight curve."""
    # With its control points apart, so that an arrow at its end knows where it points.
    (x1, y1), (x2, y2) = start, end
    third, two_thirds = (
        (x1 + (x2 - x1) / 3, y1 + (y2 - y1) / 3),
        (x2 + (x1 - x2) / 3, y2 + (y1 - y2) / 3),
    )
    return [start, third, two_thirds, end]


def drop(start: Point, end: Point, bend: float | None = None) -> list[Point]:
    """A curve that leaves ``start`` and reaches ``end`` upright.

    All sideways movement is above the height ``bend``. Curves between the same two heights that don't
    cross there as straight lines don't cross as such curves either.
    """
    bottom = end[1] if bend is None else bend
    middle = (start[1] + bottom) / 2
    points = [start, (start[0], middle), (end[0], middle), (end[0], bottom)]
    if bottom < end[1]:
        points += straight((end[0], bottom), end)[1:]
    return points


def bridge(start: Point, end: Point, top: float, radius: float) -> list[Point]:
    """A curve that goes up from ``start``, level at ``top`` with round corners, and down to ``end``.

    With ``top`` below both points it goes down and up instead.
    """
    side = 1 if end[0] >= start[0] else -1
    sign = 1 if top <= start[1] else -1
    across = min(radius, abs(end[0] - start[0]) / 2) * side
    up = min(radius, abs(start[1] - top)) * sign
    hold = 0.45  # of the way from the control point to the corner: a circle's quarter
    (x1, _), (x2, _) = start, end
    return [
        *straight(start, (x1, top + up)),
        (x1, top + up * hold), (x1 + across * hold, top), (x1 + across, top),
        *straight((x1 + across, top), (x2 - across, top))[1:],
        (x2 - across * hold, top), (x2, top + up * hold), (x2, top + up),
        *straight((x2, top + up), end)[1:],
    ]  # fmt: skip
