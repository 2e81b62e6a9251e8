"""The pictures that users make: draw one sentence, or two with their differences."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path

from parsers.drawing.dot import to_dot
from parsers.drawing.interactive import html_page
from parsers.drawing.picture import EdgeNumbers, Numbers, decorated, picture
from parsers.drawing.raster import figure_of, save
from parsers.drawing.scene import Scene
from parsers.drawing.svg import svg_text
from parsers.drawing.theme import DARK, LIGHT
from structnn.sentence import Sentence, Tree

FORMATS = ("png", "svg", "pdf", "html", "dot", "gv")
"""The kinds of files that a drawing can be saved as."""


class Drawing:
    """A picture, shown by itself in a notebook, and saved in any of the formats.

    Args:
        scene: What it shows.
        sentences: Of what, each with the name of its structure.
        title: Of the HTML page.
    """

    def __init__(
        self, scene: Scene, sentences: Sequence[tuple[Sentence, str]], title: str = ""
    ) -> None:
        self.scene = scene
        self._sentences = sentences
        self._title = title or " ".join(sentences[0][0].tokens)

    def save(self, path: str | PathLike[str]) -> None:
        """Save as PNG, SVG, PDF, interactive HTML or Graphviz DOT, as the name of the file ends.

        Args:
            path: The file.

        Raises:
            ValueError: The name ends otherwise.
        """
        path = Path(path)
        suffix = path.suffix.lower().removeprefix(".")
        if suffix not in FORMATS:
            endings = ", ".join("." + name for name in FORMATS)
            raise ValueError(f"{path}: a picture is saved by the ending of its name: {endings}")
        if suffix == "html":
            path.write_text(self.html(), encoding="utf-8")
        elif suffix in ("dot", "gv"):
            path.write_text(self.dot(), encoding="utf-8")
        else:
            save(self.scene, path, suffix)

    def svg(self) -> str:
        """The picture as SVG whose letters are text, in the fonts of whoever shows it."""
        return svg_text(self.scene)

    def html(self) -> str:
        """The picture as one page that needs no other file: hover for details, click to fold."""
        return html_page(self.scene, self._title)

    def png(self) -> bytes:
        """The picture as PNG."""
        buffer = io.BytesIO()
        save(self.scene, buffer, "png")
        return buffer.getvalue()

    def dot(self) -> str:
        """The structure, not the picture, for Graphviz."""
        return to_dot(self._sentences)

    def figure(self) -> object:
        """The picture as a ``matplotlib.figure.Figure``, to add to."""
        return figure_of(self.scene)

    def _repr_svg_(self) -> str:
        return self.svg()


def draw(
    sentence: Sentence,
    path: str | PathLike[str] | None = None,
    *,
    layout: str | None = None,
    structure: str | None = None,
    node_values: Numbers | None = None,
    node_title: str = "",
    node_range: tuple[float, float] | None = None,
    edge_values: EdgeNumbers | None = None,
    edge_title: str = "",
    edge_range: tuple[float, float] | None = None,
    title: str = "",
    dark: bool = False,
) -> Drawing:
    """Draw the structure of a sentence.

    Without numbers, words are coloured by part of speech.

    Args:
        sentence: The sentence.
        path: Where to save the picture, as ``.png``, ``.svg``, ``.pdf``, ``.html`` or ``.dot``.
        layout: ``tree`` (nodes by depth; the usual one), ``aligned`` (nodes by depth, words along
            the bottom), ``arcs`` (words in a row, arcs above), ``constituency`` (phrases, words along
            the bottom), or a layout of networkx by its name, such as ``kamada_kawai``.
        structure: As for :func:`parsers.to_networkx`: ``dependencies``, ``constituency`` or the name
            of a control. What the layout suits, and the sentence has, when not given.
        node_values: Numbers that colour the nodes: one each, or a mapping from nodes. Where some are
            below and some above 0, 0 is in the middle of the colours.
        node_title: What these numbers are, for the legend.
        node_range: The numbers at the two ends of the colours, to compare pictures.
        edge_values: Numbers that set the widths of edges: one for each node, for the edge from its
            parent, or a mapping from (from, to). Pairs that the tree does not join, as in attention,
            are drawn besides. Edges below 0 are dashed.
        edge_title: What these numbers are, for the legend.
        edge_range: The widest edge stands for the greater of these two in size.
        title: Stands above the picture.
        dark: Whether the background is dark.

    Returns:
        The drawing, to show or save.

    Raises:
        StructureError: The sentence does not have the structure.
        ValueError: An unknown layout, structure or format, or numbers that don't fit.

    Example:
        >>> draw(sentence, "tree.png")  # doctest: +SKIP
        >>> draw(sentence, layout="arcs", edge_values=attention, edge_title="attention")
        ... # doctest: +SKIP
    """
    scene, legend = picture(
        sentence,
        layout=layout,
        structure=structure,
        node_values=node_values,
        node_title=node_title,
        node_range=node_range,
        edge_values=edge_values,
        edge_title=edge_title,
        edge_range=edge_range,
        dark=dark,
    )
    scene = decorated(scene, title, legend, DARK if dark else LIGHT)
    drawn = structure or (
        "constituency"
        if layout == "constituency" or sentence.dependencies is None
        else "dependencies"
    )
    drawing = Drawing(scene, [(sentence, drawn)], title)
    if path is not None:
        drawing.save(path)
    return drawing


def draw_pair(
    first: Sentence,
    second: Sentence,
    path: str | PathLike[str] | None = None,
    *,
    titles: tuple[str, str] = ("first", "second"),
    layout: str | None = None,
    structure: str = "dependencies",
    node_values: tuple[Numbers, Numbers] | None = None,
    node_title: str = "",
    edge_values: tuple[EdgeNumbers, EdgeNumbers] | None = None,
    edge_title: str = "",
    dark: bool = False,
) -> Drawing:
    """Draw two sentences, two parses of one, or two models' numbers for it, and mark what differs.

    Words of which one has another head or relation than in the other are marked; words are matched
    by position where both sentences have the same tokens, and nothing is marked otherwise. Colours
    and widths mean the same in both.

    Args:
        first: A sentence.
        second: Another, or the same with another parse or other numbers.
        path: Where to save the picture: see :func:`draw`.
        titles: What the two are: the names of two parsers, say.
        layout: See :func:`draw`.
        structure: See :func:`draw`.
        node_values: For each of the two, as for :func:`draw`.
        node_title: See :func:`draw`.
        edge_values: For each of the two, as for :func:`draw`.
        edge_title: See :func:`draw`.
        dark: See :func:`draw`.

    Returns:
        The drawing. Narrow pictures stand side by side, wide ones one above the other.
    """
    theme = DARK if dark else LIGHT
    pair = (first, second)
    marks = _differences(first, second) if structure == "dependencies" else None
    node_range = edge_range = None
    if node_values is not None:
        node_range = _common_range(node_values)
    if edge_values is not None:
        edge_range = _common_range(edge_values)
    pictures = [
        picture(
            sentence,
            layout=layout,
            structure=structure,
            node_values=node_values[side] if node_values is not None else None,
            node_title=node_title,
            node_range=node_range,
            edge_values=edge_values[side] if edge_values is not None else None,
            edge_title=edge_title,
            edge_range=edge_range,
            marked=marks[side] if marks is not None else None,
            dark=dark,
        )
        for side, sentence in enumerate(pair)
    ]
    scenes = [
        decorated(scene, title, [], theme)
        for (scene, _), title in zip(pictures, titles, strict=True)
    ]
    whole = Scene(0, 0, theme.background, theme.ink)
    if sum(scene.width for scene in scenes) <= 1100:
        whole.add(scenes[0], 0, 0)
        whole.add(scenes[1], scenes[0].width, 0)
        whole.width = scenes[0].width + scenes[1].width
        whole.height = max(scene.height for scene in scenes)
    else:
        whole.add(scenes[0], 0, 0)
        whole.add(scenes[1], 0, scenes[0].height)
        whole.width = max(scene.width for scene in scenes)
        whole.height = scenes[0].height + scenes[1].height
    # What both legends say is said once.
    legend = {name: sign for _, entries in pictures for sign, name in entries}
    whole = decorated(whole, "", [(sign, name) for name, sign in legend.items()], theme)
    drawing = Drawing(whole, [(sentence, structure) for sentence in pair], " | ".join(titles))
    if path is not None:
        drawing.save(path)
    return drawing


def svg_of(sentence: Sentence) -> str:
    """SVG for a notebook: the usual drawing of a sentence; of its bare words when it has no tree."""
    return draw(_with_any_tree(sentence)).svg()


def html_of(sentence: Sentence) -> str:
    """The usual drawing of a sentence as one interactive HTML page."""
    return draw(_with_any_tree(sentence)).html()


def _with_any_tree(sentence: Sentence) -> Sentence:
    if sentence.dependencies is None and sentence.constituency is None:
        return sentence.replace(dependencies=Tree([-1] + [0] * (len(sentence) - 1)))
    return sentence


def _differences(first: Sentence, second: Sentence) -> tuple[dict[int, str], ...] | None:
    """For each sentence, the nodes that differ in the other, each with what they are there."""
    one, two = first.dependencies, second.dependencies
    if one is None or two is None or first.tokens != second.tokens:
        return None

    def described(sentence: Sentence, tree: Tree, node: int) -> str:
        head = tree.parents[node]
        label = tree.labels[node] if tree.labels is not None else "dependent"
        return f"{label} of {sentence.tokens[head]}" if head != -1 else label

    in_first = [described(first, one, node) for node in range(len(one))]
    in_second = [described(second, two, node) for node in range(len(two))]
    different = [
        node
        for node in range(len(one))
        if one.parents[node] != two.parents[node] or in_first[node] != in_second[node]
    ]
    return (
        {node: f"there: {in_second[node]}" for node in different},
        {node: f"there: {in_first[node]}" for node in different},
    )


def _common_range(values: tuple[Numbers | EdgeNumbers, ...]) -> tuple[float, float]:
    numbers = [
        float(number)
        for some in values
        for number in (some.values() if isinstance(some, Mapping) else some)
    ]
    low, high = min(numbers), max(numbers)
    return (-max(-low, high), max(-low, high)) if low < 0 < high else (low, high)
