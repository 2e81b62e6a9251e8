"""From a sentence to a scene: its structure, colours and widths, the layout, and the legend."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from parsers.controls import right_chain, tree_of
from parsers.drawing import layouts
from parsers.drawing.layouts import Pair, Stroke, View
from parsers.drawing.legend import Legend, line_sign, swatch
from parsers.drawing.numbers import (
    THINNEST,
    EdgeNumbers,
    Numbers,
    Range,
    check_range,
    edge_colors,
    edge_legend,
    edge_strokes,
    in_digits,
    node_colors,
    numbered_edges,
    numbered_nodes,
)
from parsers.drawing.scene import Chip, Scene
from parsers.drawing.terminal import printable, usual_structure
from parsers.drawing.theme import DARK, LIGHT, Theme, word_class
from parsers.formats.networkx import to_networkx
from structnn.sentence import Sentence, Tree

LAYOUTS: dict[str, Callable[[View], Scene]] = {
    "tree": layouts.tree_layout,
    "aligned": layouts.aligned_layout,
    "arcs": layouts.arcs_layout,
    "constituency": layouts.constituency_layout,
    "heatmap": layouts.heatmap_layout,
}
"""The layouts of this package, by name; other names are those of networkx's layouts."""

GRAPHS = ("graph", "enhanced")
"""The structures that need not be trees: pictures show the dependencies in their place."""

WIDTH = 800.0
"""The width in points of lines of arcs, where no other is given: that of a page."""


class Picture(NamedTuple):
    """The structure of a sentence, laid out.

    Attributes:
        scene: The shapes and texts.
        legend: What stands below.
        view: What is shown, without places.
        layout: The name of the layout.
    """

    scene: Scene
    legend: Legend
    view: View
    layout: str


def picture(
    sentence: Sentence,
    *,
    layout: str | None = None,
    structure: str | None = None,
    node_values: Numbers | None = None,
    node_title: str = "",
    node_range: Range | None = None,
    edge_values: EdgeNumbers | None = None,
    edge_title: str = "",
    edge_range: tuple[float, float] | None = None,
    marked: Mapping[int, str] | None = None,
    width: float | None = None,
    dark: bool = False,
) -> Picture:
    """Lay out the structure of a sentence.

    Nodes in ``marked`` are marked, and each has a text that says in what it differs. The other arguments
    are those of :func:`parsers.draw`.

    Returns:
        The scene with its legend, and what they are made from.

    Raises:
        StructureError: The sentence lacks the structure.
        ValueError: The layout or the structure is not known, they don't fit each other, or the numbers
            don't fit the tree.
    """
    theme = DARK if dark else LIGHT
    structure = structure or structure_for(sentence, layout)
    check_range("node_range", node_range)
    check_range("edge_range", edge_range)
    if structure in GRAPHS:
        to_networkx(sentence, structure)  # tells if the sentence lacks it
        if sentence.dependencies is None:
            return _words_alone(sentence, dark=dark)
        structure = "dependencies"
    graph = to_networkx(sentence, structure)
    tree = tree_of(sentence, structure)
    values = {} if edge_values is None else edge_values
    edge_numbers, fitting = drawn_edges(tree, structure, values, layout)
    many = layout is None and fitting == "heatmap"
    layout = fitting
    if width is not None and layout != "arcs":
        raise ValueError(f"width breaks lines of arcs: choose layout='arcs' in place of {layout!r}")
    if width is not None and not width > 0:
        raise ValueError(f"width is {width:g} points; give a number above 0, such as {WIDTH:g}")
    colors, number_legend = node_colors(tree, node_values, node_range, node_title, theme)
    words = [
        None if position == -1 else _shown(sentence.tokens[position]) for position in tree.tokens
    ]
    captions = [_shown(label) if label else "" for label in tree.labels or [""] * len(tree)]
    plain, strokes = Stroke(), dict[Pair, Stroke]()
    if edge_values is not None:
        names = [word or caption for word, caption in zip(words, captions, strict=True)]
        plain, strokes = Stroke(THINNEST), edge_strokes(edge_numbers, edge_range, names)
    cells: dict[Pair, tuple[str, str]] = {}
    if layout == "heatmap" and edge_numbers:
        edge_fills, edge_bar = edge_colors(edge_numbers, edge_range, edge_title, theme)
        number_legend = number_legend + edge_bar
        cells = {
            (head, tail): (fill, _in_words(sentence, tree, head, tail, edge_numbers[head, tail]))
            for (head, tail), fill in edge_fills.items()
        }
    tags = [str(graph.nodes[node].get("tag", "")) for node in range(len(tree))]
    by_class = node_values is None and any(tags)
    view = View(
        tree=tree,
        words=words,
        captions=captions,
        notes=[_shown(tag) if tag else "" for tag in tags],
        fills=[
            colors.get(node)
            or (theme.word_classes[word_class(tag)] if by_class and tag else theme.plain)
            for node, tag in enumerate(tags)
        ],
        plain=plain,
        strokes=strokes,
        marked=frozenset(marked or ()),
        theme=theme,
        mirrored=_right_to_left(sentence),
        width=WIDTH if width is None else width,
        cells=cells,
    )
    scene = _laid_out(view, layout, structure, graph)
    node_numbers = numbered_nodes(node_values, len(tree)) if node_values is not None else {}
    for node in scene.parents:
        parent = tree.parents[node]
        numbers = [
            (node_title or "value", node_numbers.get(node)),
            (edge_title or "edge", edge_numbers.get((parent, node))),
            (f"{edge_title or 'edge'}, to the parent", edge_numbers.get((node, parent))),
        ]
        scene.details[node] = _details(graph.nodes[node], numbers)
        if marked and node in marked:
            scene.details[node]["differs"] = marked[node]
    legend = _class_legend(tags, theme) if by_class else []
    legend += number_legend
    if layout == "heatmap":
        legend.append((_outline(theme), "edge of the tree"))
    if many:
        others = sum(tree.parents[tail] != head != tail for head, tail in edge_numbers)
        text = f"a heat map, as {others} edges beside those of the tree are too many for lines"
        legend.append((Scene(0, 12, theme.background, theme.ink), text))
    if layout != "heatmap" and edge_numbers:
        title = edge_title or "value of the edge"
        most = max(map(abs, edge_range or edge_numbers.values()))
        legend += edge_legend(title, most, view)
    if marked is not None:
        legend.append((line_sign(theme.accent, 2, theme), "differs (head or relation)"))
    return Picture(scene, legend, view, layout)


def drawn_edges(
    tree: Tree, structure: str, values: EdgeNumbers, layout: str | None
) -> tuple[dict[Pair, float], str]:
    """The numbers of the edges that are drawn, and the layout: the given one, or what fits them.

    Only a heat map has a place for an edge from a node to itself.
    """
    numbers = numbered_edges(tree, values)
    if layout is None and structure == "constituency":
        layout = "constituency"
    elif layout is None:
        layout = "heatmap" if layouts.is_dense(tree, numbers) else "tree"
    if layout != "heatmap":
        numbers = {pair: number for pair, number in numbers.items() if pair[0] != pair[1]}
    return numbers, layout


def _words_alone(sentence: Sentence, *, dark: bool) -> Picture:
    """The words of a sentence in lines, without a tree."""
    made = picture(sentence.replace(dependencies=right_chain(sentence)), layout="arcs", dark=dark)
    made.scene.curves.clear()
    return made


def _in_words(sentence: Sentence, tree: Tree, head: int, tail: int, value: float) -> str:
    """What a number is for: from which word to which."""
    start, end = (sentence.tokens[tree.tokens[node]] for node in (head, tail))
    return f"{_shown(start)} → {_shown(end)}: {in_digits(value, 4)}"


def _details(
    known: Mapping[str, object], numbers: Iterable[tuple[str, float | None]]
) -> dict[str, str]:
    """What is told of a node: what is known of it, and the numbers that it and its edges have."""
    details = {key: str(value) for key, value in known.items() if value not in ("", "_", -1)}
    return details | {key: in_digits(one, 4) for key, one in numbers if one is not None}


def _class_legend(tags: Sequence[str], theme: Theme) -> Legend:
    """The colours of the groups of parts of speech that there are."""
    present = {word_class(tag) for tag in tags if tag}
    classes = theme.word_classes.items()
    return [(swatch(fill, theme), name) for name, fill in classes if name in present]


def _outline(theme: Theme) -> Scene:
    """The sign of an outlined cell."""
    scene = Scene(14, 12, theme.background, theme.ink)
    scene.chips.append(Chip(7, 6, 11, 10, theme.background, theme.accent, line=1.6, radius=0))
    return scene


def structure_for(sentence: Sentence, layout: str | None) -> str:
    """The structure that is drawn in a layout where none is named."""
    if layout in LAYOUTS:
        return "constituency" if layout == "constituency" else "dependencies"
    return usual_structure(sentence)


def _laid_out(view: View, layout: str, structure: str, graph: Any) -> Scene:
    if layout in LAYOUTS:
        if (layout == "constituency") != (structure == "constituency"):
            fitting = [
                name
                for name in LAYOUTS
                if (name == "constituency") == (structure == "constituency")
            ]
            raise ValueError(
                f"the layout {layout!r} can't show the structure {structure!r}; choose "
                f"{', '.join(fitting)} or a layout of networkx, such as kamada_kawai"
            )
        return LAYOUTS[layout](view)
    import networkx

    function = getattr(networkx, f"{layout}_layout", None)
    if function is None or layout == "rescale":  # which changes places that are given
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


def _shown(text: str) -> str:
    """A word as it is drawn: on one line, shortened where it is long, ``∅`` where it is empty."""
    shown = printable(text)
    return shown[:60] + "…" if len(shown) > 60 else shown or "∅"


def _right_to_left(sentence: Sentence) -> bool:
    kinds = [unicodedata.bidirectional(character) for word in sentence.tokens for character in word]
    return sum(kind in ("R", "AL") for kind in kinds) > kinds.count("L")
