"""From a sentence to a picture: which structure, what the colours and widths mean, and the legend."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from parsers.drawing import layouts
from parsers.drawing.fonts import text_width
from parsers.drawing.layouts import MARGIN, Pair, View
from parsers.drawing.scene import SMALL_SIZE, WORD_SIZE, Chip, Curve, Label, Scene, straight
from parsers.drawing.terminal import printable
from parsers.drawing.theme import DARK, LIGHT, Theme, blend, word_class
from parsers.formats.networkx import to_networkx
from structnn.sentence import Sentence, Tree

Numbers = Sequence[float] | Mapping[int, float]
"""A number for each node, or for some."""

EdgeNumbers = Sequence[float] | Mapping[Pair, float]
"""A number for the edge to each node from its parent, or for some edges (from, to)."""

LAYOUTS: dict[str, Callable[[View], Scene]] = {
    "tree": layouts.tree_layout,
    "aligned": layouts.aligned_layout,
    "arcs": layouts.arcs_layout,
    "constituency": layouts.constituency_layout,
}
"""The layouts of our own, by name."""

Legend = list[tuple[Scene, str]]
"""Signs and what they mean."""

WIDEST = 4.5  # points
THINNEST = 0.5


def picture(
    sentence: Sentence,
    *,
    layout: str | None = None,
    structure: str | None = None,
    node_values: Numbers | None = None,
    node_title: str = "",
    node_range: tuple[float, float] | None = None,
    edge_values: EdgeNumbers | None = None,
    edge_title: str = "",
    edge_range: tuple[float, float] | None = None,
    marked: Mapping[int, str] | None = None,
    dark: bool = False,
) -> tuple[Scene, Legend]:
    """Lay out a sentence: see :func:`parsers.drawing.draw` for the arguments.

    Args:
        sentence: The sentence.
        layout: See there.
        structure: See there.
        node_values: See there.
        node_title: See there.
        node_range: See there.
        edge_values: See there.
        edge_title: See there.
        edge_range: See there.
        marked: Nodes to mark, each with why.
        dark: See there.

    Returns:
        The picture, and the entries of its legend, for :func:`decorated`.
    """
    theme = DARK if dark else LIGHT
    structure = structure or _usual_structure(sentence, layout)
    graph = to_networkx(sentence, structure)
    tree = _tree_of(graph)
    layout = layout or ("tree" if structure != "constituency" else "constituency")
    colors, number_legend = _node_colors(tree, node_values, node_range, node_title, theme)
    extra: dict[Pair, float] = {}
    widths, dashed = [1.2] * len(tree), set[int]()
    if edge_values is not None:
        widths, dashed, extra = _edge_widths(tree, edge_values, edge_range)
    tags = [str(graph.nodes[node].get("tag", "")) for node in range(len(tree))]
    by_class = node_values is None and any(tags)
    view = View(
        tree=tree,
        words=[_shown(graph.nodes[node].get("token")) for node in range(len(tree))],
        captions=[
            (_shown(label) or "") if label else "" for label in tree.labels or [""] * len(tree)
        ],
        notes=tags,
        fills=[
            colors.get(node)
            or (theme.word_classes[word_class(tag)] if by_class and tag else theme.plain)
            for node, tag in enumerate(tags)
        ],
        widths=widths,
        dashed=frozenset(dashed),
        marked=frozenset(marked or ()),
        extra=extra,
        theme=theme,
        mirrored=_right_to_left(sentence),
    )
    scene = _laid_out(view, layout, structure, graph)
    node_numbers = _numbered(node_values, len(tree)) if node_values is not None else {}
    edge_numbers = _paired(tree, edge_values) if edge_values is not None else {}
    for node in scene.parents:
        details = {key: str(value) for key, value in graph.nodes[node].items()}
        if node in node_numbers:
            details[node_title or "value"] = f"{node_numbers[node]:.4g}"
        if (tree.parents[node], node) in edge_numbers:
            details[edge_title or "edge"] = f"{edge_numbers[tree.parents[node], node]:.4g}"
        if marked and node in marked:
            details["differs"] = marked[node]
        scene.details[node] = details
    legend: Legend = []
    if by_class:
        present = {word_class(tag) for tag in tags if tag}
        legend += [
            (_swatch(fill, theme), name)
            for name, fill in theme.word_classes.items()
            if name in present
        ]
    legend += number_legend
    if edge_numbers:
        title = edge_title or "value of the edge"
        most = max(map(abs, edge_range or edge_numbers.values()))
        legend += _edge_legend(title, most, bool(dashed), bool(extra), theme)
    if marked is not None:
        legend.append((_line(theme.accent, 2, False, theme), "differs (head or relation)"))
    return scene, legend


def decorated(scene: Scene, title: str, legend: Legend, theme: Theme) -> Scene:
    """A scene with a title above and a legend below."""
    if title:
        width = text_width(title, WORD_SIZE + 1, bold=True)
        whole = Scene(
            max(scene.width, width + 2 * MARGIN), scene.height + 28, scene.background, scene.ink
        )
        whole.labels.append(
            Label(title, MARGIN + width / 2, 20, WORD_SIZE + 1, theme.ink, width, bold=True)
        )
        whole.add(scene, 0, 28)
        scene = whole
    if not legend:
        return scene
    least = max(sign.width + text_width(name, SMALL_SIZE) for sign, name in legend) + 8
    scene.width = max(scene.width, least + 2 * MARGIN)
    x, y = MARGIN, scene.height + 4
    for sign, name in legend:
        wide = sign.width + 5 + text_width(name, SMALL_SIZE)
        if x > MARGIN and x + wide > scene.width - MARGIN:
            x, y = MARGIN, y + 18
        scene.add(sign, x, y - sign.height / 2)
        half = text_width(name, SMALL_SIZE) / 2
        scene.labels.append(
            Label(name, x + sign.width + 5 + half, y, SMALL_SIZE, theme.muted, 2 * half)
        )
        x += wide + 16
    scene.height = y + MARGIN
    return scene


def _usual_structure(sentence: Sentence, layout: str | None) -> str:
    if layout == "constituency" or (layout not in LAYOUTS and sentence.dependencies is None):
        return "constituency"
    return "dependencies"


def _tree_of(graph: Any) -> Tree:
    """The tree of a graph that ``to_networkx`` made."""
    parents = [-1] * len(graph)
    for head, tail, attributes in graph.edges(data=True):
        if attributes["kind"] in ("head", "part"):
            parents[tail] = head
    nodes = [graph.nodes[node] for node in range(len(graph))]
    labels = [node.get("relation", node.get("constituent")) for node in nodes]
    tokens = [node.get("position", -1) for node in nodes]
    return Tree(parents, tokens, None if None in labels else labels)


def _laid_out(view: View, layout: str, structure: str, graph: Any) -> Scene:
    if layout in LAYOUTS:
        if (layout == "constituency") != (structure == "constituency"):
            fitting = [
                name
                for name in LAYOUTS
                if (name == "constituency") == (structure == "constituency")
            ]
            raise ValueError(
                f"the layout {layout!r} doesn't suit the structure {structure!r}; choose "
                f"{', '.join(fitting)} or a layout of networkx, such as kamada_kawai"
            )
        return LAYOUTS[layout](view)
    import networkx

    function = getattr(networkx, f"{layout}_layout", None)
    if function is None:
        names = sorted(
            name.removesuffix("_layout")
            for name in dir(networkx)
            if name.endswith("_layout") and name not in ("rescale_layout", "bipartite_layout")
        )
        raise ValueError(
            f"unknown layout {layout!r}; the layouts are {', '.join(LAYOUTS)}, and networkx's "
            f"{', '.join(names)}"
        )
    options: dict[str, Any] = {}
    if layout in ("spring", "fruchterman_reingold", "arf", "forceatlas2", "random"):
        options["seed"] = 0
    elif layout == "bfs":
        options["start"] = view.tree.root
    elif layout == "multipartite":
        options["subset_key"] = "level"
    places = function(graph, **options)
    return layouts.spread_layout(
        view, {node: (float(x), float(y)) for node, (x, y) in places.items()}
    )


def _shown(text: str | None) -> str | None:
    """A word as it is drawn: on one line, and not nothing."""
    if text is None:
        return None
    shown = printable(text)
    return shown[:60] + "…" if len(shown) > 60 else shown or "∅"


def _right_to_left(sentence: Sentence) -> bool:
    kinds = [unicodedata.bidirectional(character) for word in sentence.tokens for character in word]
    return sum(kind in ("R", "AL") for kind in kinds) > kinds.count("L")


# Numbers.


def _numbered(values: Numbers, size: int) -> dict[int, float]:
    if isinstance(values, Mapping):
        numbers = {int(node): float(value) for node, value in values.items()}
        if wrong := [node for node in numbers if not 0 <= node < size]:
            raise ValueError(f"node_values has node {wrong[0]}, but nodes are 0 to {size - 1}")
        return numbers
    if len(values) != size:
        raise ValueError(
            f"node_values has {len(values)} numbers for {size} nodes; give one for each node, or a "
            "mapping from nodes to numbers"
        )
    return {node: float(value) for node, value in enumerate(values)}


def _paired(tree: Tree, values: EdgeNumbers) -> dict[Pair, float]:
    if isinstance(values, Mapping):
        pairs = {(int(head), int(tail)): float(value) for (head, tail), value in values.items()}
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
        (tree.parents[node], node): float(value)
        for node, value in enumerate(values)
        if tree.parents[node] != -1
    }


def _range(numbers: Sequence[float], given: tuple[float, float] | None) -> tuple[float, float]:
    """From where to where colours run: around 0, where there are numbers on both sides of it."""
    if given is not None:
        return given
    low, high = min(numbers), max(numbers)
    if low < 0 < high:
        high = max(-low, high)
        low = -high
    return low, high


def _node_colors(
    tree: Tree,
    values: Numbers | None,
    given: tuple[float, float] | None,
    title: str,
    theme: Theme,
) -> tuple[dict[int, str], Legend]:
    """Fills by number, and the legend's entry for them."""
    if values is None or not (numbers := _numbered(values, len(tree))):
        return {}, []
    low, high = _range(list(numbers.values()), given)
    middle = (low + high) / 2
    colors = theme.diverging if low < 0 < high or given else theme.ramp
    span = (high - low) or 1.0
    fills = {node: blend(colors, (value - low) / span) for node, value in numbers.items()}
    bar = Scene(120, 26, theme.background, theme.ink)
    for step in range(40):
        bar.chips.append(
            Chip(
                1.5 + step * 3,
                7,
                3.2,
                10,
                blend(colors, step / 39),
                blend(colors, step / 39),
                line=0,
                radius=0,
            )
        )
    for x, value in ((0.0, low), (60.0, middle), (120.0, high)):
        text = f"{value:.3g}"
        width = text_width(text, SMALL_SIZE - 1)
        x = min(max(x, width / 2), 120 - width / 2)
        bar.labels.append(Label(text, x, 20, SMALL_SIZE - 1, theme.muted, width))
    return fills, [(bar, title or "value of the node")]


def _edge_widths(
    tree: Tree, values: EdgeNumbers, given: tuple[float, float] | None
) -> tuple[list[float], set[int], dict[Pair, float]]:
    """Widths by size, nodes whose edge is below 0, and the widths of edges that the tree lacks."""
    pairs = _paired(tree, values)
    most = max((abs(bound) for bound in given or pairs.values()), default=1.0) or 1.0
    widths = [THINNEST] * len(tree)
    dashed, extra = set(), {}
    for (head, tail), value in pairs.items():
        width = THINNEST + (WIDEST - THINNEST) * min(abs(value) / most, 1.0)
        if tree.parents[tail] == head:
            widths[tail] = width
            if value < 0:
                dashed.add(tail)
        else:
            extra[head, tail] = width
    return widths, dashed, extra


def _edge_legend(title: str, most: float, dashed: bool, extra: bool, theme: Theme) -> Legend:
    entries = []
    for share, name in ((1.0, f"{title}: {most:.3g}"), (0.5, f"{most / 2:.3g}")):
        width = THINNEST + (WIDEST - THINNEST) * share
        entries.append((_line(theme.line, width, False, theme), name))
    if dashed:
        entries.append((_line(theme.line, 1.5, True, theme), "below 0"))
    if extra:
        entries.append((_line(theme.accent_2, 2, False, theme), "not an edge of the tree"))
    return entries


def _swatch(fill: str, theme: Theme) -> Scene:
    scene = Scene(14, 12, theme.background, theme.ink)
    scene.chips.append(Chip(7, 6, 13, 10, fill, theme.line, radius=3))
    return scene


def _line(color: str, width: float, dashed: bool, theme: Theme) -> Scene:
    scene = Scene(22, 8, theme.background, theme.ink)
    scene.curves.append(Curve(straight((0, 4), (22, 4)), color, width, dashed))
    return scene
