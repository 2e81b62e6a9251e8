"""Draw one sentence, or two with their differences."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any

from parsers.controls import tree_of
from parsers.drawing.dot import to_dot
from parsers.drawing.interactive import html_page
from parsers.drawing.legend import decorated
from parsers.drawing.numbers import (
    EdgeNumbers,
    Numbers,
    Range,
    numbered_nodes,
)
from parsers.drawing.picture import GRAPHS, Picture, drawn_edges, picture, structure_for
from parsers.drawing.scene import Scene
from parsers.drawing.svg import svg_file, svg_text
from parsers.drawing.theme import DARK, LIGHT, Theme
from parsers.drawing.tikz import to_tikz
from parsers.formats.atomic import is_stream, replacing
from structnn.sentence import Sentence, Tree

FORMATS = ("png", "svg", "pdf", "html", "tex", "dot", "gv")
"""The endings of the files that a drawing can be saved to."""


class Drawing:
    """A picture, as :func:`draw` returns it: a notebook shows it, and it can be saved to a file.

    Args:
        scene: The shapes and texts of the picture.
        sentences: The sentences that it shows, each with the name of its structure.
        title: The title of the HTML page; by default the words of the first sentence.
        pictures: What the scene is made of, for files of TikZ.
        in_dark: Makes the same scene in dark colours, for pages that follow the reader's preference;
            by default they don't.
    """

    def __init__(
        self,
        scene: Scene,
        sentences: Sequence[tuple[Sentence, str]],
        title: str = "",
        *,
        pictures: Sequence[Picture] = (),
        in_dark: Callable[[], Scene] | None = None,
    ) -> None:
        self.scene = scene
        self._sentences = sentences
        self._pictures = pictures
        self._in_dark = in_dark
        self._title = title or " ".join(sentences[0][0].tokens)

    def __repr__(self) -> str:
        structures = ", ".join(structure for _, structure in self._sentences)
        size = f"{self.scene.width:.0f} x {self.scene.height:.0f} points"
        return f"Drawing({self._title[:60]!r}, {structures}, {size})"

    def save(self, path: str | PathLike[str]) -> None:
        """Save the picture; the ending of the file's name gives the format.

        Args:
            path: A file that ends in ``.png``, ``.svg``, ``.pdf``, ``.html`` (interactive), ``.tex``
                (for LaTeX), or in ``.dot`` or ``.gv`` (for Graphviz). Its folder is made if there is
                none.

        Raises:
            ValueError: The name has another ending, LaTeX can't draw this layout, or a sentence has a
                graph and no dependencies, which only DOT can show.
        """
        path = Path(path)
        suffix = path.suffix.lower().removeprefix(".")
        if suffix not in FORMATS:
            endings = ", ".join("." + name for name in FORMATS)
            raise ValueError(f"{path}: the name of the file must end in one of {endings}")
        if suffix not in ("dot", "gv") and any(
            structure in GRAPHS and sentence.dependencies is None
            for sentence, structure in self._sentences
        ):
            raise ValueError(
                f"{path}: a graph that need not be a tree is drawn by Graphviz; save it as .dot"
            )
        texts = {"html": self.html, "dot": self.dot, "gv": self.dot, "tex": self.tex}
        texts["svg"] = partial(svg_file, self.scene)
        if suffix in texts:
            content = texts[suffix]().encode()
        else:
            # The other formats need none of matplotlib but its fonts.
            from parsers.drawing.raster import raster_file

            content = raster_file(self.scene, suffix)
        with nullcontext(path) if is_stream(path) else replacing(path) as new:
            new.write_bytes(content)

    def svg(self) -> str:
        """The picture as SVG, with text that can be searched and that the viewer's fonts show."""
        return svg_text(self.scene)

    def html(self) -> str:
        """The picture as one HTML page that needs no other file: hover for details, click to fold.

        It follows the reader's preference for dark pages, if the picture is not dark anyway.
        """
        dark = self._in_dark() if self._in_dark is not None else None
        return html_page(self.scene, self._title, dark)

    def png(self) -> bytes:
        """The picture as the bytes of a PNG file."""
        from parsers.drawing.raster import raster_file

        return raster_file(self.scene, "png")

    def dot(self) -> str:
        """The structure in DOT, for Graphviz to lay out."""
        return to_dot(self._sentences)

    def tex(self) -> str:
        """The structure as a LaTeX document: tikz-dependency for arcs, forest for the other trees.

        Raises:
            ValueError: LaTeX can't draw this layout.
        """
        return to_tikz([(one.view, one.layout) for one in self._pictures])

    def figure(self) -> object:
        """The picture as a ``matplotlib.figure.Figure``, to which more can be added."""
        from parsers.drawing.raster import figure_of

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
    node_range: Range | None = None,
    edge_values: EdgeNumbers | None = None,
    edge_title: str = "",
    edge_range: tuple[float, float] | None = None,
    title: str = "",
    width: float | None = None,
    dark: bool = False,
) -> Drawing:
    """Draw the structure of a sentence.

    Nodes are coloured by part of speech, or by ``node_values``.

    Args:
        sentence: The sentence.
        path: Where to save the picture: a file that ends in ``.png``, ``.svg``, ``.pdf``, ``.html``,
            ``.tex``, ``.dot`` or ``.gv``. By default it is not saved. Of the layouts, ``.tex`` takes
            arcs (for the package tikz-dependency), tree and constituency (for forest).
        layout: ``"tree"`` (nodes by depth, the default for dependencies), ``"aligned"`` (nodes by depth,
            words along the bottom), ``"arcs"`` (words in lines, arcs above), ``"constituency"``
            (phrases, words along the bottom, the default for constituency trees), ``"heatmap"``
            (``edge_values`` as the colours of a table of words by words; the default if more than two
            edges a word that have numbers are not edges of the tree), or the name of a layout of
            networkx, such as ``"kamada_kawai"``.
        structure: ``"dependencies"``, ``"constituency"``, the name of a control structure, or
            ``"graph"`` or ``"enhanced"`` (in ``.dot`` files; others show the dependencies), as for
            :func:`parsers.to_networkx`. By default the constituency tree for the layout
            ``"constituency"`` and for a sentence that has no dependencies, and otherwise the
            dependencies.
        node_values: ``(nodes,)`` numbers, shown as colours: a list, an array or a tensor; or a mapping
            from nodes to numbers. If they have both signs, 0 is in the middle of the colours.
        node_title: The name of these numbers in the legend.
        node_range: The numbers at the two ends of the colours, to compare pictures; or three, with one
            between them at which colours part, such as the middle of a rating. Where the ends have
            both signs, they part at 0.
        edge_values: ``(nodes,)`` numbers for the edge to each node from its parent, shown as widths;
            or a mapping from edges, ``(from, to)``, to numbers. An edge from a child to its parent, as
            of attention, is drawn beside that from the parent to the child, and each has an arrow;
            edges between other nodes have a colour of their own. Edges with a number below 0 are
            dashed, and no others. In SVG and HTML a line shows its number when hovered over.
        edge_title: The name of these numbers in the legend.
        edge_range: Two numbers; the larger magnitude of the two is that of the widest edge.
        title: A title above the picture.
        width: The width in points at which lines of arcs are broken, by default 800; ``math.inf`` for
            one line. An arc between two lines is drawn at both of its words, with its label and the
            word to which it leads.
        dark: Use a dark background. HTML pages follow the reader's preference otherwise.

    Returns:
        The drawing, which a notebook shows.

    Raises:
        StructureError: The sentence lacks the structure.
        ValueError: The layout, the structure or the format is not known, or the numbers don't fit the
            tree.

    Example:
        >>> draw(sentence, "tree.png")  # doctest: +SKIP
        >>> draw(sentence, layout="arcs", edge_values=weights)  # doctest: +SKIP
    """

    def made(*, dark: bool) -> tuple[Picture, Scene]:
        made = picture(
            sentence,
            layout=layout,
            structure=structure,
            node_values=node_values,
            node_title=node_title,
            node_range=node_range,
            edge_values=edge_values,
            edge_title=edge_title,
            edge_range=edge_range,
            width=width,
            dark=dark,
        )
        return made, decorated(made.scene, title, made.legend, DARK if dark else LIGHT)

    drawn_picture, scene = made(dark=dark)
    drawing = Drawing(
        scene,
        [(sentence, structure or structure_for(sentence, layout))],
        title,
        pictures=[drawn_picture],
        in_dark=None if dark else lambda: made(dark=True)[1],
    )
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
    structure: str | None = None,
    node_values: tuple[Numbers, Numbers] | None = None,
    node_title: str = "",
    edge_values: tuple[EdgeNumbers, EdgeNumbers] | None = None,
    edge_title: str = "",
    width: float | None = None,
    dark: bool = False,
) -> Drawing:
    """Draw two sentences, two parses of one sentence, or the numbers of two models, in one picture.

    If both sentences have the same tokens, tokens that differ in their head or relation are marked.
    Colours and widths have the same scale in both.

    Args:
        first: A sentence.
        second: Another sentence, or the same one with another parse or other numbers.
        path: Where to save the picture, as for :func:`draw`.
        titles: The titles of the two, such as the names of two parsers.
        layout: As for :func:`draw`.
        structure: As for :func:`draw`.
        node_values: The numbers of each of the two, as for :func:`draw`.
        node_title: As for :func:`draw`.
        edge_values: The numbers of each of the two, as for :func:`draw`.
        edge_title: As for :func:`draw`.
        width: As for :func:`draw`.
        dark: As for :func:`draw`.

    Returns:
        The drawing: side by side where both fit into 1,100 points, otherwise one above the other.

    Raises:
        StructureError: A sentence lacks the structure.
        ValueError: As for :func:`draw`.

    Example:
        >>> draw_pair(gold, parsed, "pair.png", titles=("gold", "parser"))  # doctest: +SKIP
    """
    pair = (first, second)
    structures = [structure or structure_for(sentence, layout) for sentence in pair]
    of_parses = all(name in ("dependencies", "parse") for name in structures)
    marks = _differences(first, second) if of_parses else None
    node_range = edge_range = None
    drawn = list(zip(pair, structures, strict=True))
    if node_values is not None:
        node_range = _common_range(
            numbered_nodes(values, len(_shown_tree(*one)))
            for values, one in zip(node_values, drawn, strict=True)
        )
    if edge_values is not None:
        # Without the number for the edge to a root, which is not drawn.
        edge_range = _common_range(
            drawn_edges(_shown_tree(*one), one[1], values, layout)[0]
            for values, one in zip(edge_values, drawn, strict=True)
        )

    def made(*, dark: bool) -> list[Picture]:
        return [
            picture(
                sentence,
                layout=layout,
                structure=structures[side],
                node_values=node_values[side] if node_values is not None else None,
                node_title=node_title,
                node_range=node_range,
                edge_values=edge_values[side] if edge_values is not None else None,
                edge_title=edge_title,
                edge_range=edge_range,
                marked=marks[side] if marks is not None else None,
                width=width,
                dark=dark,
            )
            for side, sentence in enumerate(pair)
        ]

    pictures = made(dark=dark)
    drawing = Drawing(
        _both(pictures, titles, DARK if dark else LIGHT),
        drawn,
        " | ".join(titles),
        pictures=pictures,
        in_dark=None if dark else lambda: _both(made(dark=True), titles, DARK),
    )
    if path is not None:
        drawing.save(path)
    return drawing


def _both(pictures: Sequence[Picture], titles: Sequence[str], theme: Theme) -> Scene:
    """Two pictures side by side where both fit, otherwise one above the other, and their legend."""
    scenes = [
        decorated(picture.scene, title, [], theme)
        for picture, title in zip(pictures, titles, strict=True)
    ]
    one, other = scenes
    if one.width + other.width <= 1100:
        place = one.width, 0.0
        size = one.width + other.width, max(one.height, other.height)
    else:
        place = 0.0, one.height
        size = max(one.width, other.width), one.height + other.height
    whole = Scene(*size, theme.background, theme.ink)
    whole.add(one, 0, 0)
    whole.add(other, *place)
    # An entry of both legends is shown once.
    legend = {name: sign for picture in pictures for sign, name in picture.legend}
    return decorated(whole, "", [(sign, name) for name, sign in legend.items()], theme)


def svg_of(sentence: Sentence) -> str:
    """The default drawing of a sentence as SVG; of its words alone if it has no tree."""
    return draw(_with_any_tree(sentence)).svg()


def html_of(sentence: Sentence) -> str:
    """The default drawing of a sentence as one interactive HTML page."""
    return draw(_with_any_tree(sentence)).html()


def _with_any_tree(sentence: Sentence) -> Sentence:
    if sentence.dependencies is None and sentence.constituency is None:
        return sentence.replace(dependencies=Tree([-1] + [0] * (len(sentence) - 1)))
    return sentence


def _differences(first: Sentence, second: Sentence) -> tuple[dict[int, str], ...] | None:
    """For each sentence the nodes that differ in the other one, with their relation and head there.

    None if the two can't be compared.
    """
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


def _shown_tree(sentence: Sentence, structure: str) -> Tree:
    """The tree that a picture shows of a structure."""
    return tree_of(sentence, "dependencies" if structure in GRAPHS else structure)


def _common_range(values: Iterable[Mapping[Any, float]]) -> tuple[float, float] | None:
    """The range of the numbers of both; None where there is no number."""
    numbers = [number for some in values for number in some.values()]
    if not numbers:
        return None
    low, high = min(numbers), max(numbers)
    return (-max(-low, high), max(-low, high)) if low < 0 < high else (low, high)
