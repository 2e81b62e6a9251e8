"""Numbers as colours of nodes and widths of edges, and their entries in the legend."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, SupportsFloat, TypeVar

from parsers.drawing.fonts import text_width
from parsers.drawing.layouts import Pair, Stroke, View
from parsers.drawing.legend import Legend, line_sign
from parsers.drawing.scene import SMALL_SIZE, Chip, Label, Scene
from parsers.drawing.theme import Theme, blend
from structnn.sentence import Tree

Numbers = Collection[SupportsFloat] | Mapping[int, SupportsFloat]
"""A number for each node (a list, an array or a tensor), or a mapping from some nodes to theirs."""

EdgeNumbers = Collection[SupportsFloat] | Mapping[Pair, SupportsFloat]
"""A number for the edge to each node from its parent, or a mapping from some edges, (from, to)."""

Range = tuple[float, float] | tuple[float, float, float]
"""The numbers at the two ends of the colours, with one between them perhaps at which colours part."""

_Key = TypeVar("_Key")

# Widths of edges, in points.
WIDEST = 4.5
THINNEST = 0.5


def numbered_nodes(values: Numbers, size: int) -> dict[int, float]:
    """The number of each node that has one.

    Args:
        values: The numbers.
        size: The number of nodes.

    Raises:
        ValueError: There are more or fewer numbers than nodes, a node does not exist, or a value is not
            a finite number.
    """
    if isinstance(values, Mapping):
        numbers = {int(node): _finite(f"node {node}", value) for node, value in values.items()}
        if wrong := [node for node in numbers if not 0 <= node < size]:
            raise ValueError(f"node_values has node {wrong[0]}, but nodes are 0 to {size - 1}")
        return numbers
    if len(values) != size:
        raise ValueError(
            f"node_values has {len(values)} numbers for {size} nodes; give one for each node, or a "
            "mapping from nodes to numbers"
        )
    return {node: _finite(f"node {node}", value) for node, value in enumerate(values)}


def numbered_edges(tree: Tree, values: EdgeNumbers) -> dict[Pair, float]:
    """The number of each edge that has one.

    Raises:
        ValueError: There are more or fewer numbers than nodes, a node does not exist, or a value is not
            a finite number.
    """
    if isinstance(values, Mapping):
        for pair in values:
            if not isinstance(pair, tuple) or len(pair) != 2:
                raise ValueError(
                    f"edge_values has the edge {pair!r}, but an edge is a pair of nodes, (from, to)"
                )
        pairs = {
            (int(head), int(tail)): _finite(f"edge ({head}, {tail})", value)
            for (head, tail), value in values.items()
        }
        for pair in pairs:
            if not all(0 <= node < len(tree) for node in pair):
                raise ValueError(f"edge_values has edge {pair}, but nodes are 0 to {len(tree) - 1}")
        return pairs
    if len(values) != len(tree):
        raise ValueError(
            f"edge_values has {len(values)} numbers for {len(tree)} nodes; give one for the edge to "
            "each node from its parent (any for the root), or a mapping from (from, to) to numbers"
        )
    return {
        (tree.parents[node], node): _finite(f"the edge to node {node}", value)
        for node, value in enumerate(values)
        if tree.parents[node] != -1
    }


def in_digits(value: float, digits: int = 3) -> str:
    """A number for a reader: ``0.125``, ``2,500``; with an exponent only where zeros would be many."""
    if 10**digits - 0.5 <= abs(value) < 10**6:  # where the general format has an exponent
        return f"{value:,.0f}"
    return f"{value:.{digits}g}"


def check_range(name: str, given: Range | None) -> None:
    """Check the numbers at the ends of colours or widths.

    Raises:
        ValueError: They are not two or three finite numbers.
    """
    if given is not None:
        if len(given) not in (2, 3):
            raise ValueError(f"{name} has {len(given)} numbers; give those at the two ends")
        for value in given:
            _finite(name, value)


def _finite(of: str, value: SupportsFloat) -> float:
    """A number that a colour or a width can show.

    Raises:
        ValueError: It is infinite, or no number.
    """
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(
            f"the value of {of} is {value!r}; give a finite number, or leave it out of a mapping"
        )
    return number


class _Scale(NamedTuple):
    """Colours for numbers.

    Attributes:
        ends: The numbers at the first colour, the one in the middle and the last.
        colors: The colours.
    """

    ends: tuple[float, float, float]
    colors: tuple[str, ...]

    def share(self, value: float) -> float:
        """How far on the way through the colours a number is, from 0 to 1."""
        low, middle, high = self.ends
        if value < middle:
            return 0.5 * (value - low) / (middle - low) if middle > low else 0.0
        return 0.5 + 0.5 * (value - middle) / (high - middle) if high > middle else 0.0


def _scale(numbers: Sequence[float], given: Range | None, theme: Theme) -> _Scale:
    """The colours of numbers; symmetric around 0 if they have both signs, and no range is given."""
    if given is None:
        low, high = min(numbers), max(numbers)
        if low < 0 < high:
            high = max(-low, high)
            low = -high
        given = low, high
    if len(given) == 3:
        return _Scale(given, theme.diverging)
    low, high = given
    if low < 0 < high:
        return _Scale((low, 0.0, high), theme.diverging)
    return _Scale((low, (low + high) / 2, high), theme.ramp)


def node_colors(
    tree: Tree,
    values: Numbers | None,
    given: Range | None,
    title: str,
    theme: Theme,
) -> tuple[dict[int, str], Legend]:
    """The colour of each node that has a number, and the legend."""
    if values is None or not (numbers := numbered_nodes(values, len(tree))):
        return {}, []
    scale = _scale(list(numbers.values()), given, theme)
    return _colored(numbers, scale, title or "value of the node", theme)


def edge_colors(
    numbers: Mapping[Pair, float], given: tuple[float, float] | None, title: str, theme: Theme
) -> tuple[dict[Pair, str], Legend]:
    """The colour of each edge that has a number, and the legend."""
    scale = _scale(list(numbers.values()), given, theme)
    return _colored(numbers, scale, title or "value of the edge", theme)


def _colored(
    numbers: Mapping[_Key, float], scale: _Scale, title: str, theme: Theme
) -> tuple[dict[_Key, str], Legend]:
    """Colours from the number at one end to that at the other, and the legend."""
    ends, colors = scale
    fills = {key: blend(colors, scale.share(value)) for key, value in numbers.items()}
    bar = Scene(120, 26, theme.background, theme.ink)
    for step in range(40):
        color = blend(colors, step / 39)
        bar.chips.append(Chip(1.5 + step * 3, 7, 3.2, 10, color, color, line=0, radius=0))
    for x, value in zip((0.0, 60.0, 120.0), ends, strict=True):
        text = in_digits(value)
        width = text_width(text, SMALL_SIZE - 1)
        x = min(max(x, width / 2), 120 - width / 2)
        bar.labels.append(Label(text, x, 20, SMALL_SIZE - 1, theme.muted, width))
    return fills, [(bar, title)]


def edge_strokes(
    numbers: Mapping[Pair, float], given: tuple[float, float] | None, names: Sequence[str]
) -> dict[Pair, Stroke]:
    """How to draw edges with numbers: wider for numbers of larger magnitude, dashed for those below 0.

    Args:
        numbers: The number of each edge.
        given: Two numbers; the larger magnitude of the two is that of the widest edge.
        names: ``(nodes,)``, what to call each node.

    Returns:
        The line of each edge, whether it is in the tree or not.
    """
    most = max((abs(bound) for bound in given or numbers.values()), default=1.0) or 1.0
    return {
        (head, tail): Stroke(
            THINNEST + (WIDEST - THINNEST) * min(abs(value) / most, 1.0),
            value < 0,
            f"{names[head]} → {names[tail]}: {in_digits(value)}",
        )
        for (head, tail), value in numbers.items()
    }


def edge_legend(title: str, most: float, view: View) -> Legend:
    """The legend of :func:`edge_strokes`; ``most`` is the number of the widest edge."""
    theme = view.theme
    entries = []
    for share, name in ((1.0, f"{title}: {in_digits(most)}"), (0.5, in_digits(most / 2))):
        width = THINNEST + (WIDEST - THINNEST) * share
        entries.append((line_sign(theme.line, width, theme), name))
    if any(stroke.dashed for stroke in view.strokes.values()):
        entries.append((line_sign(theme.line, 1.5, theme, dashed=True), "below 0"))
    if view.upward:
        entries.append((line_sign(theme.line, 2, theme), "from parent to child"))
        entries.append((line_sign(theme.accent_3, 2, theme), "from child to parent"))
    if view.extra:
        entries.append((line_sign(theme.accent_2, 2, theme), "not an edge of the tree"))
    return entries
