"""Trees as LaTeX: arcs for the package tikz-dependency, trees and phrases for the package forest."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from parsers.drawing.fonts import text_width, wanted_family
from parsers.drawing.layouts import Pair, Stroke, View
from parsers.drawing.layouts.lines import Arc, Side
from parsers.drawing.numbers import WIDEST
from parsers.drawing.scene import SMALL_SIZE, WORD_SIZE
from parsers.drawing.theme import ink_on

_SPECIAL = {
    "∅": r"$\emptyset$",  # an empty word
    "␣": r"\textvisiblespace{}",
    "&": r"\symbol{38}",  # \& ends a cell of tikz-dependency's table
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "|": r"\textbar{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    **{character: "\\" + character for character in "{}$#_%"},
}
# Scripts whose letters change their shapes or places beside others, if fontspec is told of the script.
_SHAPED = frozenset(
    "Arabic Bengali Devanagari Gujarati Gurmukhi Hebrew Kannada Khmer Malayalam Myanmar Oriya Sinhala "
    "Syriac Tamil Telugu Thaana Tibetan".split()
)
_TO_THE_LEFT = frozenset(
    ("Adlam", "Arabic", "Hebrew", "Mandaic", "Nko", "Samaritan", "Syriac", "Thaana")
)
_RISE = 3  # from one level of arcs to the next, in the height of an x


def escaped(text: str) -> str:
    """A text as LaTeX sets it: special characters escaped, no ligatures of hyphens."""
    text = "".join(_SPECIAL.get(character, character) for character in text)
    return re.sub("-(?=-)", "-{}", text)


def _typeset(text: str) -> str:
    """A text as LaTeX sets it, in a font of its script where it needs one.

    Only LuaLaTeX has to be told that a text runs to the left.
    """
    if (wanted := wanted_family(text)) is None:
        return escaped(text)
    script, family = wanted
    direction = r"\treetoleft" if script in _TO_THE_LEFT else ""
    return f"{{{_font(family)}{direction} {escaped(text)}}}"


def _font(family: str) -> str:
    """The command that chooses a font family."""
    return r"\tree" + re.sub("[^A-Za-z]", "", family)


def to_tikz(pictures: Sequence[tuple[View, str]]) -> str:
    r"""A LaTeX document with the trees of sentences.

    It stands alone, and ``\input`` takes it into another document that loads the packages ``standalone``
    and ``tikz-dependency`` or ``forest``. Numbers of nodes are colours behind words, numbers of edges
    widths; there is no legend.

    Args:
        pictures: For each sentence what is shown, and the name of the layout.

    Returns:
        The text of the document.

    Raises:
        ValueError: There is no such layout in LaTeX.
    """
    for _, layout in pictures:
        if layout not in LAYOUTS:
            raise ValueError(
                f".tex can't show the layout {layout!r}; it takes {', '.join(LAYOUTS)}, as in "
                "layout='arcs'"
            )
    colors: dict[str, str] = {}
    bodies = [LAYOUTS[layout][1](view, colors) for view, layout in pictures]
    packages = sorted({LAYOUTS[layout][0] for _, layout in pictures})
    texts = (
        text or "" for view, _ in pictures for text in (*view.words, *view.captions, *view.notes)
    )
    fonts = list(dict.fromkeys(filter(None, map(wanted_family, texts))))
    lines = [r"\documentclass[border=4pt]{standalone}", r"\usepackage{iftex}"]
    if fonts:
        lines.append(
            "% Some words have letters beyond Latin: use lualatex or xelatex, and a font with them."
        )
    lines += [
        r"\ifPDFTeX",
        r"  \usepackage[T1]{fontenc}",
        r"  \IfFileExists{lmodern.sty}{\usepackage{lmodern}}{}",
        r"\else",
        r"  \usepackage{fontspec}",
        *(rf"  \IfFontExistsTF{{{font[1]}}}{{{_new_font(*font)}}}{{}}" for font in fonts),
        r"\fi",
        *(rf"\usepackage{{{package}}}" for package in packages),
        r"\begin{document}",
        # A paper that inputs this leaves out all that is above.
        *(
            rf"\definecolor{{{name}}}{{HTML}}{{{color.removeprefix('#').upper()}}}%"
            for color, name in colors.items()
        ),
        *(rf"\providecommand{_font(family)}{{}}%" for _, family in fonts),
    ]
    if any(script in _TO_THE_LEFT for script, _ in fonts):
        lines.append(r"\providecommand\treetoleft{\ifdefined\textdir\textdir TRT\fi}%")
    return "\n".join([*lines, "\n\\qquad\n".join(bodies), r"\end{document}", ""])


def _new_font(script: str, family: str) -> str:
    """The definition of the command that chooses a font."""
    option = f"[Script={script}]" if script in _SHAPED else ""
    return rf"\newfontfamily{_font(family)}{{{family}}}{option}"


def _dependency(view: View, colors: dict[str, str]) -> str:
    """The environment of tikz-dependency: a row of words, a row of tags, and an edge a line."""
    order = view.by_position()
    if view.mirrored:
        order.reverse()
    place = {node: rank for rank, node in enumerate(order, start=1)}
    heights, below = _heights(view, place)
    root_height = 1 + max(heights.values(), default=0)
    lines = [
        r"\begin{dependency}",
        rf"  \begin{{deptext}}[column sep={_separation(view, order):.0f}pt, row sep=2pt]",
        "    " + r" \& ".join(_word(view, node, colors) for node in order) + r" \\",
    ]
    if any(view.notes):
        tags = (rf"{{\scriptsize {_typeset(view.notes[node])}}}" for node in order)
        lines.append("    " + r" \& ".join(tags) + r" \\")
    lines.append(r"  \end{deptext}")
    for node in order:
        label = _typeset(view.captions[node])
        style = _style(view, node, colors)
        options = f", edge style={{{style}}}" if style else ""
        if (parent := view.tree.parents[node]) == -1:
            height = f"edge height={root_height * _RISE}ex"
            lines.append(rf"  \deproot[{height}{options}]{{{place[node]}}}{{{label}}}")
        else:
            height = f"edge height={heights[node] * _RISE}ex"
            ends = f"{{{place[parent]}}}{{{place[node]}}}"
            lines.append(rf"  \depedge[{height}{options}]{ends}{{{label}}}")
    others = _others(view)
    for (head, tail), level in below.items():
        style = _line(*others[head, tail], colors)
        options = f"edge below, hide label, edge height={level * _RISE}ex, edge style={{{style}}}"
        lines.append(rf"  \depedge[{options}]{{{place[head]}}}{{{place[tail]}}}{{}}")
    return "\n".join([*lines, r"\end{dependency}"])


def _heights(view: View, place: Mapping[int, int]) -> tuple[dict[int, int], dict[Pair, int]]:
    """The levels of edges above the words, and of those below: arcs over one word differ in height."""
    above = {
        node: Arc(place[view.tree.parents[node]], place[node])
        for node in place
        if node != view.tree.root
    }
    pairs = [pair for pair in _others(view) if set(pair) <= set(place)]
    below = {index: Arc(place[head], place[tail]) for index, (head, tail) in enumerate(pairs)}

    def levels(arcs: Mapping[int, Arc]) -> dict[int, int]:
        return Side(arcs).levels({name: (arc.left, arc.right) for name, arc in arcs.items()})

    return levels(above), {pairs[index]: level for index, level in levels(below).items()}


def _separation(view: View, order: Sequence[int]) -> float:
    """The space between words in points: labels of arcs between neighbours must fit."""
    rank = {node: number for number, node in enumerate(order)}
    space = 10.0
    for node in order:
        parent = view.tree.parents[node]
        if parent in rank and abs(rank[parent] - rank[node]) == 1:
            words = sum(text_width(view.words[one] or "", WORD_SIZE) for one in (node, parent)) / 2
            # The package sets labels in 7 points and words in 10.
            label = text_width(view.captions[node], SMALL_SIZE) * 7 / SMALL_SIZE
            space = max(space, label + 8 - words * 10 / WORD_SIZE)
    return space


def _tree(view: View, colors: dict[str, str]) -> str:
    """The environment of forest with relations above words."""

    def content(node: int) -> list[str]:
        label = _typeset(view.captions[node])
        relation = rf"{{\scriptsize {label}}}\\" if label else ""
        return [f"{{{relation}{_word(view, node, colors)}}}"]

    return _forest(view, colors, content)


def _phrases(view: View, colors: dict[str, str]) -> str:
    """The environment of forest with all words in a row at the bottom."""

    def content(node: int) -> list[str]:
        label = _filled(view, node, _typeset(view.captions[node]), colors)
        if not view.words[node]:
            return [label]
        word = f"{_word(view, node, colors)}, tier=word"
        return [label, word] if view.captions[node] else [word]

    return _forest(view, colors, content)


def _forest(view: View, colors: dict[str, str], content: Callable[[int], list[str]]) -> str:
    """The environment of forest.

    Args:
        view: The tree.
        colors: The names of the colours used so far.
        content: Gives what a node shows, and maybe what stands below it, as a leaf.
    """
    lines = [
        r"\begin{forest}",
        "  for tree={align=center, parent anchor=south, child anchor=north}",
    ]
    named = {node for pair in _others(view) for node in pair}
    stack: list[tuple[int, int]] = [(view.tree.root, 1)]  # node and depth; node -1 closes a bracket
    while stack:
        node, depth = stack.pop()
        indent = "  " * depth
        if node == -1:
            lines.append(indent + "]")
            continue
        options = [f"name=n{node}"] if node in named else []
        if style := _style(view, node, colors):
            options.append(f"edge={{{style}}}")
        shown, *leaf = content(node)
        lines.append(indent + "[" + ", ".join([shown, *options]))
        lines += [f"{indent}  [{one}]" for one in leaf]
        stack.append((-1, depth))
        children = view.tree.children[node]
        from_last = children if view.mirrored else reversed(children)
        stack += [(child, depth + 1) for child in from_last]
    for (head, tail), (color, stroke) in _others(view).items():
        style = _line(color, stroke, colors)
        lines.append(rf"  \draw[->, {style}] (n{head}) to[bend left] (n{tail});")
    return "\n".join([*lines, r"\end{forest}"])


def _word(view: View, node: int, colors: dict[str, str]) -> str:
    return _filled(view, node, _typeset(view.words[node] or ""), colors)


def _filled(view: View, node: int, text: str, colors: dict[str, str]) -> str:
    """A text in braces, on the colour of its number if it has one."""
    fill = view.fills[node]
    if fill in (view.theme.plain, *view.theme.word_classes.values()):
        return f"{{{text}}}"
    ink = _color(ink_on(fill), colors)
    return rf"{{\colorbox{{{_color(fill, colors)}}}{{\textcolor{{{ink}}}{{\strut {text}}}}}}}"


def _others(view: View) -> dict[Pair, tuple[str, Stroke]]:
    """Lines beside those from parents to children: their colours, and how they are drawn."""
    upward = {
        (node, view.tree.parents[node]): (view.theme.accent_3, stroke)
        for node, stroke in view.upward.items()
    }
    extra = {pair: (view.theme.accent_2, stroke) for pair, stroke in view.extra.items()}
    return upward | extra


def _line(color: str, stroke: Stroke, colors: dict[str, str]) -> str:
    dashed = ", dashed" if stroke.dashed else ""
    return f"{_color(color, colors)}, line width={_points(stroke.width)}{dashed}"


def _style(view: View, node: int, colors: dict[str, str]) -> str:
    """How the edge to a node is drawn, ``""`` for as usual."""
    parts = []
    if node in view.marked:
        parts.append(_color(view.theme.accent, colors))
    stroke = view.stroke(node)
    if stroke.width != Stroke.width:
        parts.append(f"line width={_points(stroke.width)}")
    if stroke.dashed:
        parts.append("dashed")
    return ", ".join(parts)


def _points(width: float) -> str:
    return f"{max(width / WIDEST * 2.4, 0.2):.2f}pt"


def _color(color: str, colors: dict[str, str]) -> str:
    """The name of a colour in the document."""
    letters = ""
    rest = len(colors)
    while not letters or rest:
        letters, rest = chr(ord("a") + rest % 26) + letters, rest // 26
    return colors.setdefault(color, f"tree{letters}")


LAYOUTS: Mapping[str, tuple[str, Callable[[View, dict[str, str]], str]]] = {
    "arcs": ("tikz-dependency", _dependency),
    "tree": ("forest", _tree),
    "constituency": ("forest", _phrases),
}
"""The package and the function of each layout."""
