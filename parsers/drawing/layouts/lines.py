"""Words in lines, as wide as the arcs between them need, and the pieces of arcs in each line."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import pairwise

import numpy as np

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
        slots = {place: sorted(legs) for place, legs in slots.items()}
        self.slots = {place: [name for _, name in legs] for place, legs in slots.items()}
        self._directions = {place: [way for way, _ in legs] for place, legs in slots.items()}
        self._slot = {
            place: {name: number for number, name in enumerate(names)}
            for place, names in self.slots.items()
        }
        self._order = {name: number for number, name in enumerate(self.arcs)}
        self._names = list(self.arcs)
        self._lefts = np.array([arc.left for arc in self.arcs.values()], np.int64)
        self._rights = np.array([arc.right for arc in self.arcs.values()], np.int64)
        # How far the arcs at each place reach; the root's leg comes from outside of all.
        self._reach_left = np.arange(max(slots, default=0) + 1)
        self._reach_right = self._reach_left.copy()
        np.minimum.at(self._reach_left, self._rights, self._lefts)
        np.maximum.at(self._reach_right, self._lefts, self._rights)
        if self.root is not None:
            self._reach_left[self.root[0]] = -1
        self._crossed = cache(self._crossing)

    def legs(self, place: int) -> int:
        """The number of arcs that end at a place."""
        return len(self.slots.get(place, ()))

    def offset(self, name: int, place: int) -> float:
        """How far to the right of the centre of a word the leg of an arc stands, in points."""
        return self._offset(self._slot[place][name], place)

    def _offset(self, slot: int, place: int) -> float:
        return self.step * (slot - (len(self.slots[place]) - 1) / 2)

    def _crossing(self, name: int) -> list[tuple[int, float, float]]:
        """The places within an arc where legs of others cross it, and their outermost offsets."""
        left, right = self.arcs[name].left, self.arcs[name].right
        within = slice(left + 1, right)
        leave = (self._reach_left[within] < left) | (self._reach_right[within] > right)
        found = []
        for place in (np.flatnonzero(leave) + left + 1).tolist():
            # The legs of arcs that leave this one to the left or right are next to each other.
            directions = self._directions[place]
            first = bisect_right(directions, 1 / (left - place))
            last = bisect_left(directions, 1 / (right - place)) - 1
            found.append((place, self._offset(first, place), self._offset(last, place)))
        return found

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
        for number in np.flatnonzero((self._lefts < first) & (first <= self._rights)).tolist():
            name = self._names[number]
            arc = self.arcs[name]
            if text := arc.continued(arc.right):
                place, offset = arc.right, self.offset(name, arc.right)
                crossed = self._crossed(name)
                if (after := bisect_left(crossed, first, key=_place)) < len(crossed):
                    place, offset, _ = crossed[after]
                least[place] = max(least[place], _room(text) - offset)
        return least

    def leaving(self, line: Line) -> float:
        """The least width of a line, for the labels of arcs that go on in lines after it."""
        width = 0.0
        for name in self._at(line):
            arc = self.arcs[name]
            if line.first <= arc.left < line.end <= arc.right and (text := arc.continued(arc.left)):
                place, offset = arc.left, self.offset(name, arc.left)
                crossed = self._crossed(name)
                if before := bisect_left(crossed, line.end, key=_place):
                    place, _, offset = crossed[before - 1]
                width = max(width, line.x(place) + offset + _room(text))
        return width

    def _at(self, line: Line) -> list[int]:
        """The arcs that end at a word of a line, in the order of all arcs."""
        places = range(line.first, line.end)
        names = {
            name for place in places for name in self.slots.get(place, ())
        } & self._order.keys()
        return sorted(names, key=self._order.__getitem__)

    def pieces(self, line: Line, width: float) -> Iterator[Piece]:
        """The pieces of arcs in a line.

        Args:
            line: The line.
            width: Where its right edge is.
        """
        spans = {
            name: (max(self.arcs[name].left, line.first - 1), min(self.arcs[name].right, line.end))
            for name in self._at(line)
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
        first = min((start for start, _ in spans.values()), default=0)
        size = max((end for _, end in spans.values()), default=0) - first
        taken = np.zeros(size, np.int64)  # the highest level so far, over each gap

        def length(name: int) -> tuple[int, int]:
            return spans[name][1] - spans[name][0], self.arcs[name].right - self.arcs[name].left

        for name in sorted(spans, key=length):
            start, end = spans[name]
            gaps = taken[start - first : end - first]
            levels[name] = 1 + int(gaps.max())
            gaps[:] = levels[name]
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
        for place in range(first, len(columns)):
            half = columns[place] / 2
            x = xs[-1] + columns[place - 1] / 2 + half + GAP if xs else half
            x = max([x, caps.get(place, 0.0), *(least.get(place, 0.0) for least in entering)])
            for side, needs in zip(sides, inner, strict=True):
                for name, left, need in needs.get(place, ()):
                    if side.arcs[name].left >= first:
                        x = max(x, xs[left - first] + need)
            xs.append(x)
            if x + half > width:
                break
        line = _line(first, xs, columns, sides, caps)
        while line.width > width and len(line.xs) > 1:
            line = _line(first, line.xs[:-1], columns, sides, caps)
        lines.append(line)
    return lines


def _line(
    first: int,
    xs: Sequence[float],
    columns: Sequence[float],
    sides: Sequence[Side],
    caps: Mapping[int, float],
) -> Line:
    """A line of words with these centres, as wide as they and all labels need: see :func:`lines_of`."""
    line = Line(first, tuple(xs), xs[-1] + columns[first + len(xs) - 1] / 2)
    capped = [line.x(place) + cap for place, cap in caps.items() if first <= place < line.end]
    return replace(line, width=max([line.width, *capped, *(side.leaving(line) for side in sides)]))


def _place(crossing: tuple[int, float, float]) -> int:
    return crossing[0]


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
