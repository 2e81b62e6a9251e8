"""Where the nodes of a tree go, and how its edges run: one function for each layout."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from parsers.drawing.fonts import text_width
from parsers.drawing.scene import (
    LINE,
    SMALL_SIZE,
    WORD_SIZE,
    Chip,
    Curve,
    Label,
    Point,
    Scene,
    bridge,
    drop,
    straight,
)
from parsers.drawing.theme import Theme, ink_on
from structnn.sentence import Tree

CHIP = 22.0  # the height of a chip, which holds a word
PADDING = 7.0  # within a chip, beside its word
GAP = 10.0  # between neighbours
CAPTION = SMALL_SIZE * LINE
MARGIN = 16.0

Pair = tuple[int, int]


@dataclass(frozen=True)
class View:
    """A tree with what shall be seen of it.

    Args:
        tree: The tree.
        words: For each node its word, ``None`` where it has none.
        captions: For each node its relation or phrase label, ``""`` where it has none.
        notes: For each node what stands below its word, such as a part of speech.
        fills: For each node the colour of its chip.
        widths: For each node the width of the edge to it.
        dashed: Nodes whose edge is dashed.
        marked: Nodes whose edge is marked.
        extra: Further edges, with their widths.
        theme: The colours.
        mirrored: Whether the words go from right to left.
    """

    tree: Tree
    words: Sequence[str | None]
    captions: Sequence[str]
    notes: Sequence[str]
    fills: Sequence[str]
    widths: Sequence[float]
    dashed: frozenset[int]
    marked: frozenset[int]
    extra: Mapping[Pair, float]
    theme: Theme
    mirrored: bool

    def by_position(self) -> list[int]:
        """The nodes that have words, in the order of the words."""
        assert self.tree.tokens is not None
        words = [node for node, token in enumerate(self.tree.tokens) if token != -1]
        return sorted(words, key=self.tree.tokens.__getitem__)

    def block_width(self, node: int) -> float:
        """The width of a node's chip and caption."""
        return max(chip_width(self, node), text_width(self.captions[node], SMALL_SIZE) + 2)

    def edge_color(self, node: int) -> str:
        """The colour of the edge to a node."""
        return self.theme.accent if node in self.marked else self.theme.line


def chip_width(view: View, node: int) -> float:
    """The width of the chip of a node: round where it holds nothing."""
    word = view.words[node]
    return text_width(word, WORD_SIZE) + 2 * PADDING if word else CHIP


Layout = Callable[[View], Scene]


def tree_layout(view: View) -> Scene:
    """Nodes by depth, words from side to side in the order of the sentence, as close as they fit.

    A column is not kept free for each word: only neighbours at the same depth must not touch. As the
    order from side to side is that of the words, edges of projective trees never cross.
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
    scene = _canvas(view, places)
    places = _framed(view, scene, places, below=CHIP / 2)
    for node, (x, y) in places.items():
        parent = view.tree.parents[node]
        if parent != -1:
            head_x, head_y = places[parent]
            points = drop((head_x, head_y + CHIP / 2), (x, y - CHIP / 2 - CAPTION - 1))
            scene.curves.append(_edge(view, node, points))
        _block(view, scene, node, x, y)
    _extra_edges(view, scene, places)
    return scene


def aligned_layout(view: View) -> Scene:
    """Nodes by depth as dots, and the words along the bottom, each below its dot."""
    row = CAPTION + 40
    order = view.by_position()
    xs = _columns([view.block_width(node) for node in order])
    bottom = row * max(view.tree.depths) + CAPTION + 44
    dots = {
        node: (x, CAPTION + 6 + row * view.tree.depths[node])
        for node, x in zip(order, xs, strict=True)
    }
    scene = _canvas(view, dots)
    dots = _framed(view, scene, dots, below=bottom - max(y for _, y in dots.values()) + CHIP)
    top = min(y for _, y in dots.values()) - CAPTION - 6
    for node, (x, y) in dots.items():
        word_y = top + bottom + CHIP / 2
        guide = straight((x, y + 6), (x, word_y - CHIP / 2))
        scene.curves.append(Curve(guide, view.theme.plain, 1.2, node=node))
        parent = view.tree.parents[node]
        if parent != -1:
            head_x, head_y = dots[parent]
            scene.curves.append(_edge(view, node, drop((head_x, head_y + 5), (x, y - 6 - CAPTION))))
        fill = view.fills[node]
        scene.chips.append(Chip(x, y, 10, 10, fill, _outline(view, node), node, 1.4, radius=5))
        _caption(view, scene, node, x, y - 6 - CAPTION / 2)
        _chip(view, scene, node, x, word_y)
    _extra_edges(view, scene, dots)
    return scene


def arcs_layout(view: View) -> Scene:
    """The words in a row, and an arc for each edge, higher the more it spans; further edges below."""
    order = view.by_position()
    place = {node: rank for rank, node in enumerate(order)}
    arcs = {
        node: (place[view.tree.parents[node]], place[node])
        for node in order
        if view.tree.parents[node] != -1
    }
    below = [
        (place[head], place[tail])
        for head, tail in view.extra
        if head in place and tail in place and head != tail
    ]
    legs = _legs(arcs, root=(place[view.tree.root], view.tree.root))
    extra_legs = _legs(dict(enumerate(below)))
    step = 7.0
    widths = []
    for node in order:
        rank = place[node]
        most = max(len(legs.slots[rank]), len(extra_legs.slots[rank]))
        note = text_width(view.notes[node], SMALL_SIZE)
        widths.append(max(chip_width(view, node), note, step * (most + 1)))
    # The label of an arc must fit between its legs.
    needs: dict[int, list[tuple[int, float]]] = defaultdict(list)
    for node, (head, tail) in arcs.items():
        left, right = sorted((head, tail))
        shift = legs.offset(node, right, step) - legs.offset(node, left, step)
        needs[right].append((left, text_width(view.captions[node], SMALL_SIZE) + 16 - shift))
    xs: list[float] = []
    for rank, width in enumerate(widths):
        x = width / 2 if not rank else xs[-1] + (widths[rank - 1] + width) / 2 + GAP
        xs.append(max([x, *(xs[left] + need for left, need in needs[rank])]))
    levels, extra_levels = _levels(arcs), _levels(dict(enumerate(below)))
    rise = CAPTION + 13
    top = rise * (max(levels.values(), default=0) + 1) + CAPTION
    words = {node: (xs[place[node]], top + CHIP / 2) for node in order}
    scene = _canvas(view, words)
    depth = CHIP / 2 + CAPTION + 16 * max(extra_levels.values(), default=0) + 6 * bool(below)
    columns = dict(zip(order, widths, strict=True))
    # The root's label stands above its leg, which may be off the word's centre.
    off = abs(legs.offset(view.tree.root, place[view.tree.root], step))
    reach = text_width(view.captions[view.tree.root], SMALL_SIZE) + 2 * off
    columns[view.tree.root] = max(columns[view.tree.root], reach)
    words = _framed(view, scene, words, below=depth, above=top, columns=columns)
    side = -1 if view.mirrored else 1
    for node, (x, y) in words.items():
        legs_here = max(len(legs.slots[place[node]]), len(extra_legs.slots[place[node]]))
        _chip(view, scene, node, x, y, least=step * (legs_here + 0.6))
        if view.notes[node]:
            below_chip = y + CHIP / 2 + CAPTION / 2 + 1
            _text(scene, view.notes[node], x, below_chip, node, view.theme.muted)
    captions = []
    for node in order:
        base = words[node][1] - CHIP / 2 - 1
        end_x = words[node][0] + side * legs.offset(node, place[node], step)
        if node == view.tree.root:
            start = (end_x, base - top + CAPTION + 1)  # above all arcs
            scene.curves.append(_edge(view, node, straight(start, (end_x, base)), arrow=True))
            captions.append((node, end_x, start[1] - CAPTION / 2 - 1))
            continue
        head = view.tree.parents[node]
        start_x = words[head][0] + side * legs.offset(node, place[head], step)
        peak = base - rise * levels[node]
        points = bridge((start_x, base), (end_x, base), peak, 14)
        scene.curves.append(_edge(view, node, points, arrow=True))
        captions.append((node, (start_x + end_x) / 2, peak))
    for node, x, y in captions:
        _caption(view, scene, node, x, y, covering=True)
    for index, (head, tail) in enumerate(below):
        pair = (order[head], order[tail])
        base = words[pair[0]][1] + CHIP / 2 + CAPTION + 3
        ends = [
            (words[order[rank]][0] + side * extra_legs.offset(index, rank, step), base)
            for rank in (head, tail)
        ]
        points = bridge(ends[0], ends[1], base + 16 * extra_levels[index], 10)
        scene.curves.append(
            Curve(points, view.theme.accent_2, view.extra[pair], arrow=True, node=pair[1])
        )
    return scene


def constituency_layout(view: View) -> Scene:
    """Phrases above their words, all words in one row at the bottom.

    Each node stays within the columns of its own words, and edges run sideways only just below the
    phrase, so nothing of one phrase touches what belongs to another.
    """
    tree = view.tree
    leaves = _leaves(tree)
    columns = {leaf: view.block_width(leaf) for leaf in leaves}
    spans: dict[int, set[int]] = {leaf: {leaf} for leaf in leaves}
    for node in reversed(tree.top_down):
        if node not in spans:
            spans[node] = set().union(*(spans[child] for child in tree.children[node]))
        short = _phrase_width(view, node) - sum(columns[leaf] + GAP for leaf in spans[node]) + GAP
        if short > 0:
            for leaf in spans[node]:
                columns[leaf] += short / len(spans[node])
    xs = dict(zip(leaves, _columns([columns[leaf] for leaf in leaves]), strict=True))
    for node in reversed(tree.top_down):
        if node not in xs:
            parts = [xs[child] for child in tree.children[node]]
            half = _phrase_width(view, node) / 2
            first = min(xs[leaf] - columns[leaf] / 2 for leaf in spans[node]) + half
            last = max(xs[leaf] + columns[leaf] / 2 for leaf in spans[node]) - half
            xs[node] = min(max((min(parts) + max(parts)) / 2, first), max(first, last))
    row = CHIP + (CAPTION if any(map(view.words.__getitem__, set(xs) - set(leaves))) else 0) + 24
    bottom = max(tree.heights) * row + CHIP / 2 + (CAPTION if len(tree) > 1 else 0)
    places = {
        node: (x, bottom - tree.heights[node] * row - (CAPTION if tree.heights[node] else 0))
        for node, x in xs.items()
    }
    scene = _canvas(view, places)
    places = _framed(view, scene, places, below=CHIP / 2)
    for node, (x, y) in places.items():
        parent = tree.parents[node]
        if parent != -1:
            start = (places[parent][0], places[parent][1] + _half_height(view, parent))
            captioned = bool(view.words[node]) and bool(view.captions[node])
            end = (x, y - _half_height(view, node) - (CAPTION if captioned else 0))
            scene.curves.append(_edge(view, node, drop(start, end, min(start[1] + 24, end[1]))))
        if view.words[node]:
            _block(view, scene, node, x, y)
        else:
            _phrase(view, scene, node, x, y)
    _extra_edges(view, scene, places)
    return scene


def spread_layout(view: View, positions: Mapping[int, Point]) -> Scene:
    """Nodes near the given positions, pushed apart until no two touch.

    Args:
        view: The tree.
        positions: For each node a place, in any unit; y upwards, as networkx has it.
    """
    sizes = {
        node: (
            (view.block_width(node) if view.words[node] else _phrase_width(view, node)) + GAP,
            CHIP + 2 * CAPTION + GAP,  # the caption above, and as much below, to keep the centre
        )
        for node in positions
    }
    places = _apart(positions, sizes)
    scene = _canvas(view, places)
    places = _framed(view, scene, places, below=CHIP / 2)
    for node, place in places.items():
        parent = view.tree.parents[node]
        if parent != -1:
            ends = _between(places[parent], place, sizes[parent], sizes[node])
            scene.curves.append(_edge(view, node, straight(*ends), arrow=True))
    for node, (x, y) in places.items():
        if view.words[node]:
            _block(view, scene, node, x, y, covering=True)
        else:
            _phrase(view, scene, node, x, y)
    _extra_edges(view, scene, places)
    return scene


# The parts of a picture.


def _canvas(view: View, places: Mapping[int, Point]) -> Scene:
    """An empty scene that knows which nodes there will be."""
    scene = Scene(0, 0, view.theme.background, view.theme.ink)
    scene.parents = {node: view.tree.parents[node] for node in places}
    return scene


def _framed(
    view: View,
    scene: Scene,
    places: Mapping[int, Point],
    below: float,
    above: float = CHIP / 2 + CAPTION,
    columns: Mapping[int, float] | None = None,
) -> dict[int, Point]:
    """Set the scene's size, and move the nodes to within its margins.

    Args:
        view: Tells how wide the nodes are, and whether to mirror their places.
        scene: The scene.
        places: Of the nodes.
        below: The room that the lowest node needs.
        above: The room that the highest node needs.
        columns: The widths of nodes that need more than their chips and captions do.
    """
    halves = {
        node: max(_phrase_width(view, node), columns[node] if columns else 0.0) / 2
        for node in places
    }
    left = min(x - halves[node] for node, (x, _) in places.items())
    right = max(x + halves[node] for node, (x, _) in places.items())
    top = min(y for _, y in places.values()) - above
    bottom = max(y for _, y in places.values()) + below
    scene.width, scene.height = right - left + 2 * MARGIN, bottom - top + 2 * MARGIN

    def moved(x: float, y: float) -> Point:
        x = right - x if view.mirrored else x - left
        return x + MARGIN, y - top + MARGIN

    return {node: moved(x, y) for node, (x, y) in places.items()}


def _block(view: View, scene: Scene, node: int, x: float, y: float, covering: bool = False) -> None:
    """A node's word on its chip, and its caption above."""
    _chip(view, scene, node, x, y)
    _caption(view, scene, node, x, y - CHIP / 2 - CAPTION / 2, covering)


def _chip(view: View, scene: Scene, node: int, x: float, y: float, least: float = 0.0) -> None:
    fill, word = view.fills[node], view.words[node] or ""
    wide = max(chip_width(view, node), least)
    scene.chips.append(Chip(x, y, wide, CHIP, fill, _outline(view, node), node))
    width = text_width(word, WORD_SIZE)
    scene.labels.append(Label(word, x, y, WORD_SIZE, ink_on(fill), width, node=node))


def _phrase(view: View, scene: Scene, node: int, x: float, y: float) -> None:
    fill, text = view.fills[node], view.captions[node]
    width = _phrase_width(view, node)
    high = 2 * _half_height(view, node)
    scene.chips.append(Chip(x, y, width, high, fill, _outline(view, node), node))
    size = SMALL_SIZE + 1
    scene.labels.append(
        Label(text, x, y, size, ink_on(fill), text_width(text, size, True), bold=True, node=node)
    )


def _half_height(view: View, node: int) -> float:
    """Half the height of a node's chip: a phrase's is a little smaller than a word's."""
    return CHIP / 2 if view.words[node] else CHIP / 2 - 2


def _phrase_width(view: View, node: int) -> float:
    if view.words[node] is not None:
        return view.block_width(node)
    return max(text_width(view.captions[node], SMALL_SIZE + 1, bold=True) + 12, CHIP - 4)


def _caption(
    view: View, scene: Scene, node: int, x: float, y: float, covering: bool = False
) -> None:
    color = view.theme.accent if node in view.marked else view.theme.muted
    background = view.theme.background if covering else None
    _text(scene, view.captions[node], x, y, node, color, background)


def _text(
    scene: Scene,
    text: str,
    x: float,
    y: float,
    node: int,
    color: str,
    background: str | None = None,
) -> None:
    if text:
        width = text_width(text, SMALL_SIZE)
        scene.labels.append(
            Label(text, x, y, SMALL_SIZE, color, width, background=background, node=node)
        )


def _outline(view: View, node: int) -> str:
    return view.theme.accent if node in view.marked else view.theme.line


def _edge(view: View, node: int, points: Sequence[Point], arrow: bool = False) -> Curve:
    color, dashed = view.edge_color(node), node in view.dashed
    return Curve(points, color, view.widths[node], dashed, arrow, node)


def _extra_edges(view: View, scene: Scene, places: Mapping[int, Point]) -> None:
    """Further edges as bows, from chip to chip."""
    for (head, tail), width in view.extra.items():
        if head == tail or head not in places or tail not in places:
            continue
        (x1, y1), (x2, y2) = places[head], places[tail]
        bow = 0.18
        middle = ((x1 + x2) / 2 + bow * (y2 - y1), (y1 + y2) / 2 - bow * (x2 - x1) - 12)
        half = CHIP / 2 + 1
        sign_1 = 1 if middle[1] > y1 else -1
        sign_2 = 1 if middle[1] > y2 else -1
        points = [(x1, y1 + sign_1 * half), middle, middle, (x2, y2 + sign_2 * half)]
        scene.curves.append(
            Curve(points, view.theme.accent_2, width, dashed=True, arrow=True, node=tail)
        )


# Places.


def _columns(widths: Sequence[float]) -> list[float]:
    """The centres of columns side by side."""
    xs, edge = [], 0.0
    for width in widths:
        xs.append(edge + width / 2)
        edge += width + GAP
    return xs


def _leaves(tree: Tree) -> list[int]:
    """The leaves in the order of their words; one that has no word follows its neighbour."""
    assert tree.tokens is not None
    leaves, stack, last = [], [tree.root], -1
    while stack:
        node = stack.pop()
        stack.extend(reversed(tree.children[node]))
        if not tree.children[node]:
            last = max(last, tree.tokens[node])
            leaves.append((tree.tokens[node] if tree.tokens[node] != -1 else last, node))
    return [node for _, node in sorted(leaves, key=lambda leaf: leaf[0])]


@dataclass(frozen=True)
class _Legs:
    """At each word, the legs of arcs from left to right."""

    slots: Mapping[int, list[int]]

    def offset(self, arc: int, word: int, step: float) -> float:
        """How far from the centre of ``word`` the leg of ``arc`` stands."""
        slots = self.slots[word]
        return step * (slots.index(arc) - (len(slots) - 1) / 2)


def _legs(arcs: Mapping[int, Pair], root: tuple[int, int] | None = None) -> _Legs:
    """Legs ordered so that arcs that are nested don't cross: the longest nearest to the centre.

    Args:
        arcs: For each arc the words that it joins.
        root: The word, and the name of the arc, that comes from above.
    """
    slots: dict[int, list[tuple[float, int]]] = defaultdict(list)
    for arc, (head, tail) in arcs.items():
        for here, there in ((head, tail), (tail, head)):
            slots[here].append((1 / (there - here), arc))
    if root is not None:
        slots[root[0]].append((0.0, root[1]))
    ordered: dict[int, list[int]] = defaultdict(list)
    for word, legs in slots.items():
        ordered[word] = [arc for _, arc in sorted(legs)]
    return _Legs(ordered)


def _levels(arcs: Mapping[int, Pair]) -> dict[int, int]:
    """For each arc its level: above all arcs within it, and never on one level with one it meets."""
    levels: dict[int, int] = {}
    taken: dict[int, int] = defaultdict(int)  # the highest level so far, over each gap of words
    for arc, (head, tail) in sorted(arcs.items(), key=lambda item: abs(item[1][0] - item[1][1])):
        gaps = range(min(head, tail), max(head, tail))
        levels[arc] = 1 + max(taken[gap] for gap in gaps)
        for gap in gaps:
            taken[gap] = levels[arc]
    return levels


def _apart(
    positions: Mapping[int, Point], sizes: Mapping[int, tuple[float, float]]
) -> dict[int, Point]:
    """Scale positions to a fitting area, then push boxes that overlap apart along the shorter way."""
    nodes = list(positions)
    spread = max(
        max(p[axis] for p in positions.values()) - min(p[axis] for p in positions.values())
        for axis in (0, 1)
    )
    area = sum(width * height for width, height in sizes.values())
    scale = 1.9 * area**0.5 / spread if spread else 0.0
    # A little tilt, so that no two nodes are at one place and none is right above another.
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
        for place in places.values():  # a breath of air, so that crowds dissolve
            place[0] *= 1.01
            place[1] *= 1.01
    return {node: (x, y) for node, (x, y) in places.items()}


def _between(
    start: Point, end: Point, from_size: tuple[float, float], to_size: tuple[float, float]
) -> tuple[Point, Point]:
    """The part of a straight line that is outside the boxes at its ends."""
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
