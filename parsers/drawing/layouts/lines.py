"""Words in lines, as wide as the arcs between them need, and the pieces of arcs in each line."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import pairwise

from parsers.drawing.fonts import text_width
from parsers.drawing.layouts.parts import GAP
from parsers.drawing.scene import SMALL_SIZE

# In points.
STEP = 7.0  # between the legs of arcs at one word
RADIUS = 9.0  # of the corners of arcs
CLEAR = RADIUS + 2  # between a label and the legs beside it


@dataclass(frozen=True)
class Arc:
    """An edge between two words, which are given by their places in the sentence.

    Args:
        start: The place of the word that it leaves.
        end: The place of another word, which it reaches.
        label: The text on it, ``""`` for none.
        names: The two words, as they are named where the arc goes on in another line; None if it is
            continued without a text.
    """

    start: int
    end: int
    label: str = ""
    names: tuple[str, str] | None = None

    @property
    def left(self) -> int:
        """The first of the two places."""
        return min(self.start, self.end)

    @property
    def right(self) -> int:
        """The last of the two places."""
        return max(self.start, self.end)

    def continued(self, place: int) -> str:
        """The text on the piece at ``place`` of an arc that goes on in another line: where it leads."""
        if self.names is None:
            return ""
        start, end = self.names
        text = f"{self.label} → {end}" if place == self.start else f"{self.label} ← {start}"
        return text.lstrip()


@dataclass(frozen=True)
class Line:
    """Some words that follow each other.

    Args:
        first: The place of the first word.
        xs: The centre of each word, in points from the left edge of the line.
        width: The width of words and labels.
    """

    first: int
    xs: Sequence[float]
    width: float

    @property
    def end(self) -> int:
        """The place after that of the last word."""
        return self.first + len(self.xs)

    def x(self, place: int) -> float:
        """The centre of the word at a place."""
        return self.xs[place - self.first]


@dataclass(frozen=True)
class Piece:
    """The part of an arc that is in one line.

    Args:
        arc: The arc.
        left: The left end in points: a word's leg, or the left edge of the line.
        right: The right end.
        level: How far it is from the words, from 1.
        text: Its label.
        x: The centre of the label.
        ends: Whether the left end and the right end are at words.
    """

    arc: int
    left: float
    right: float
    level: int
    text: str
    x: float
    ends: tuple[bool, bool]


@dataclass
class Side:
    """The arcs on one side of the words: above, or below.

    Args:
        arcs: The arcs by their names.
        root: The place of the root, and the name of the leg that comes to it from outside.
        step: The distance between two legs at one word, in points.
    """

    arcs: Mapping[int, Arc]
    root: tuple[int, int] | None = None
    step: float = STEP
    slots: Mapping[int, Sequence[int]] = field(init=False)
    """For each place the arcs that end there, from left to right."""

    def __post_init__(self) -> None:
        # At each word the longest arc is nearest to the centre, so that nested arcs don't cross.
        slots: dict[int, list[tuple[float, int]]] = defaultdict(list)
        for name, arc in self.arcs.items():
            for here, there in ((arc.start, arc.end), (arc.end, arc.start)):
                slots[here].append((1 / (there - here), name))
        if self.root is not None:
            slots[self.root[0]].append((0.0, self.root[1]))
        self.slots = {place: [name for _, name in sorted(legs)] for place, legs in slots.items()}
        self._crossed = cache(self._crossing)

    def legs(self, place: int) -> int:
        """The number of arcs that end at a place."""
        return len(self.slots.get(place, ()))

    def offset(self, name: int, place: int) -> float:
        """How far to the right of the centre of a word the leg of an arc stands, in points."""
        slots = self.slots[place]
        return self.step * (slots.index(name) - (len(slots) - 1) / 2)

    def _crossing(self, name: int) -> list[tuple[int, float, float]]:
        """The places within an arc where legs of others cross it, and their outermost offsets."""
        arc = self.arcs[name]
        found: dict[int, list[float]] = defaultdict(list)
        for other, its in self.arcs.items():
            for here, there in ((its.left, its.right), (its.right, its.left)):
                if arc.left < here < arc.right and not arc.left <= there <= arc.right:
                    found[here].append(self.offset(other, here))
        if self.root is not None and arc.left < self.root[0] < arc.right:
            found[self.root[0]].append(self.offset(self.root[1], self.root[0]))
        return [(place, min(offsets), max(offsets)) for place, offsets in sorted(found.items())]

    def bounds(self, name: int) -> list[tuple[int, float, float]]:
        """The places between which the label of an arc can stand: its ends, and where it is crossed."""
        arc = self.arcs[name]
        left, right = (self.offset(name, place) for place in (arc.left, arc.right))
        return [(arc.left, left, left), *self._crossed(name), (arc.right, right, right)]

    def inner_needs(self, columns: Sequence[float]) -> dict[int, list[tuple[int, int, float]]]:
        """How far apart words must be for the labels of arcs within a line.

        Args:
            columns: The width of each word.

        Returns:
            For the place of a word: the arc, the place of a word to its left, and the least distance of
            their centres.
        """
        before = [0.0]
        for column in columns:
            before.append(before[-1] + column + GAP)
        needs: dict[int, list[tuple[int, int, float]]] = defaultdict(list)
        for name, arc in self.arcs.items():
            if arc.label:
                bounds = self.bounds(name)
                (left, _, inner), (right, outer, _) = max(
                    pairwise(bounds),
                    key=lambda pair: before[pair[1][0]] - before[pair[0][0]],
                )
                needs[right].append((name, left, _room(arc.label) + inner - outer))
        return needs

    def entering(self, first: int) -> dict[int, float]:
        """The least centres of words, for the labels of arcs that come from lines before ``first``."""
        least: dict[int, float] = defaultdict(float)
        for name, arc in self.arcs.items():
            if arc.left < first <= arc.right and (text := arc.continued(arc.right)):
                bounds = self.bounds(name)
                place, offset, _ = bounds[bisect_left(bounds, first, key=lambda bound: bound[0])]
                least[place] = max(least[place], _room(text) - offset)
        return least

    def leaving(self, line: Line) -> float:
        """The least width of a line, for the labels of arcs that go on in lines after it."""
        width = 0.0
        for name, arc in self.arcs.items():
            if line.first <= arc.left < line.end <= arc.right and (text := arc.continued(arc.left)):
                bounds = self.bounds(name)
                after = bisect_left(bounds, line.end, key=lambda bound: bound[0])
                place, _, offset = bounds[after - 1]
                width = max(width, line.x(place) + offset + _room(text))
        return width

    def pieces(self, line: Line, width: float) -> Iterator[Piece]:
        """The pieces of arcs in a line.

        Args:
            line: The line.
            width: Where its right edge is.
        """
        spans = {
            name: (max(arc.left, line.first - 1), min(arc.right, line.end))
            for name, arc in self.arcs.items()
            if line.first <= arc.left < line.end or line.first <= arc.right < line.end
        }
        levels = self.levels(spans)
        for name in spans:
            arc = self.arcs[name]
            ends = (arc.left >= line.first, arc.right < line.end)
            # Between the outermost legs at one word a label would stand on those in between.
            legs = [
                (line.x(place) + least, line.x(place) + most)
                for place, least, most in self.bounds(name)
                if line.first <= place < line.end
            ]
            legs = [(0.0, 0.0)] * (not ends[0]) + legs + [(width, width)] * (not ends[1])
            if all(ends):
                text = arc.label
                x = _nearest(
                    [(one[1], other[0]) for one, other in pairwise(legs)],
                    text_width(text, SMALL_SIZE),
                )
            else:  # at the edge
                text = arc.continued(arc.left if ends[0] else arc.right)
                half = text_width(text, SMALL_SIZE) / 2 + CLEAR
                x = width - half if ends[0] else half
            yield Piece(name, legs[0][0], legs[-1][1], levels[name], text, x, ends)

    def levels(self, spans: Mapping[int, tuple[int, int]]) -> dict[int, int]:
        """The level of each piece, from 1: above all shorter ones over a gap that both span.

        Args:
            spans: The places of the words, or of the edges of the line, where each piece ends.
        """
        levels: dict[int, int] = {}
        taken: dict[int, int] = defaultdict(int)  # the highest level so far, over each gap

        def length(name: int) -> tuple[int, int]:
            return spans[name][1] - spans[name][0], self.arcs[name].right - self.arcs[name].left

        for name in sorted(spans, key=length):
            gaps = range(*spans[name])
            levels[name] = 1 + max(taken[gap] for gap in gaps)
            for gap in gaps:
                taken[gap] = levels[name]
        return levels


def lines_of(
    columns: Sequence[float], sides: Sequence[Side], caps: Mapping[int, float], width: float
) -> list[Line]:
    """Break a sentence into lines, each with as many words as fit.

    Args:
        columns: The width of each word in points.
        sides: The arcs between the words.
        caps: For some places how far a label above the word reaches to either side of its centre.
        width: The width of a line; a single word that needs more has a wider line of its own.
    """
    inner = [side.inner_needs(columns) for side in sides]
    lines: list[Line] = []
    while not lines or lines[-1].end < len(columns):
        first = lines[-1].end if lines else 0
        entering = [side.entering(first) for side in sides]
        xs: list[float] = []
        best: Line | None = None
        for place in range(first, len(columns)):
            half = columns[place] / 2
            x = xs[-1] + columns[place - 1] / 2 + half + GAP if xs else half
            x = max([x, caps.get(place, 0.0), *(least.get(place, 0.0) for least in entering)])
            for side, needs in zip(sides, inner, strict=True):
                for name, left, need in needs.get(place, ()):
                    if side.arcs[name].left >= first:
                        x = max(x, xs[left - first] + need)
            xs.append(x)
            line = Line(first, tuple(xs), x + half)
            capped = [line.x(at) + cap for at, cap in caps.items() if first <= at <= place]
            line = replace(
                line, width=max([x + half, *capped, *(side.leaving(line) for side in sides)])
            )
            if best is None or line.width <= width:
                best = line
            elif x + half > width:
                break
        assert best is not None
        lines.append(best)
    return lines


def _room(text: str) -> float:
    return text_width(text, SMALL_SIZE) + 2 * CLEAR


def _nearest(gaps: Sequence[tuple[float, float]], width: float) -> float:
    """The centre of a label in one of the gaps: as near to the middle of all as it fits."""
    middle, half = (gaps[0][0] + gaps[-1][1]) / 2, width / 2 + CLEAR - 1e-6
    fitting = [
        min(max(middle, left + half), right - half)
        for left, right in gaps
        if right - left >= 2 * half
    ]
    return min(fitting, key=lambda x: abs(x - middle), default=middle)
