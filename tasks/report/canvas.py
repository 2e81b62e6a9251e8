"""What the figures of a report are drawn with: colours, marks, names beside lines; and their files.

Colours and marks stand for the kind of an encoder, the colours as in all figures (:mod:`tasks.palette`);
every line has the name of its encoder beside it.
"""

from __future__ import annotations

import io
import re
import textwrap
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tasks.palette import FAMILIES
from tasks.results.measures import ScoredCell
from tasks.results.records import KINDS
from tasks.storage import write_bytes, write_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

__all__ = [
    "COLOURS",
    "DASHES",
    "INK",
    "MARKS",
    "MUTED",
    "SMALL",
    "WIDTH",
    "Figure",
    "dashed_line",
    "drawn",
    "forest",
    "interval",
    "legend",
    "name_rows",
    "names_beside",
    "short",
    "thousands",
    "wrapped",
]

COLOURS = {kind: FAMILIES[kind][0] for kind in KINDS}
MARKS = dict(zip(KINDS, "osD^P", strict=True))
DASHES: tuple[str | tuple[float, tuple[float, ...]], ...] = (
    "-",
    (0, (4, 1.5)),
    (0, (1, 1.2)),
    (0, (5, 1.5, 1, 1.5)),
)
INK, MUTED, LINE = "#1f2937", "#5b6472", "#d7dce2"
WIDTH = 4.4
"""Inches: two side by side on a wide page, and as wide as a phone when drawn at three quarters."""

SMALL = 9.0
"""Points, the size of the smallest text: 9 pixels at three quarters, which pages draw at the least."""

_STYLE: dict[Any, Any] = {
    "font.size": 9.5,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "axes.edgecolor": LINE,
    "axes.labelcolor": MUTED,
    "axes.labelsize": SMALL,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
    "axes.titley": 1.0,  # where it is anyway; else each drawing measures all ticks to keep clear of them
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#eceff3",
    "xtick.color": MUTED,
    "ytick.color": INK,
    "text.color": INK,
    "xtick.bottom": False,
    "ytick.left": False,
    "xtick.major.size": 0,  # or names would keep clear of them
    "ytick.major.size": 0,
    "figure.facecolor": "white",
    "svg.fonttype": "none",
    "text.parse_math": False,  # a dollar sign in a name is a dollar sign
}


@dataclass(frozen=True)
class Figure:
    """A figure, drawn.

    Args:
        name: The stem of its files.
        title: What stands above it.
        text: What it shows, in words, for those who can't see it.
        svg: As one ``svg`` element whose letters are text.
        png: The same as PNG.
        width: How wide it is meant to be, in inches.
    """

    name: str
    title: str
    text: str
    svg: str
    png: bytes
    width: float = WIDTH

    def save(self, folder: Path, name: str | None = None) -> list[Path]:
        """Write it as PNG and as SVG, under its own name or another, and give both files."""
        paths = [folder / f"{name or self.name}{ending}" for ending in (".png", ".svg")]
        write_bytes(paths[0], self.png)
        write_text(paths[1], self.svg)
        return paths


def drawn(
    name: str,
    title: str,
    text: str,
    paint: Callable[[Canvas], None],
    height: float,
    width: float = WIDTH,
) -> Figure:
    """Make a figure.

    Args:
        name: What to call its files.
        title: What stands above it.
        text: What it shows, in words.
        paint: Draws it.
        height: In inches.
        width: In inches.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure as Canvas

    stem = re.sub(r"[\W_]+", "-", name.lower()).strip("-")
    # Ids in an SVG are hashes; salted by the name, they differ between the figures of one page.
    with mpl.rc_context({**_STYLE, "svg.hashsalt": stem}), warnings.catch_warnings():
        # Letters that matplotlib's font lacks are in the SVG all the same, for the reader's fonts.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        canvas = Canvas(figsize=(width, height), layout="constrained")
        paint(canvas)
        _leave_empty_labels(canvas)
        svg, png = io.StringIO(), io.BytesIO()
        # Not savefig: where there is a layout, it draws each file twice, the first time for that alone.
        vectors: Any = FigureCanvasSVG(canvas)  # matplotlib's backends have no types
        vectors.print_svg(svg, metadata={"Date": None, "Creator": None})
        canvas.set_layout_engine("none")  # laid out already
        canvas.dpi = 160
        pixels: Any = FigureCanvasAgg(canvas)
        pixels.print_png(png)
    return Figure(stem, title, text, _element(svg.getvalue()), png.getvalue(), width)


def _leave_empty_labels(canvas: Canvas) -> None:
    """Place the labels of axes that have none, for which each drawing would measure all ticks."""
    for axes in canvas.axes:
        for axis in (axes.xaxis, axes.yaxis):
            if not axis.label.get_text():
                axis.set_label_coords(0, 0)


def _element(svg: str) -> str:
    """The element without ids that are never referred to, as a page holds many such elements."""
    element = svg[svg.index("<svg") :]
    used = set(re.findall(r"#([\w.-]+)", element))
    element = re.sub(
        r' id="([\w.-]+)"', lambda found: found[0] if found[1] in used else "", element
    )
    return re.sub(r"<metadata>.*?</metadata>", "", element, flags=re.DOTALL).strip()


def forest(
    axes: Axes, rows: Sequence[tuple[ScoredCell, tuple[float, float, float]]], factor: float
) -> None:
    """A line for each row: a mean and the ends of its interval, times a factor."""
    estimates = factor * np.array([estimate for _, estimate in rows])
    colours = [COLOURS[cell.kind] for cell, _ in rows]
    axes.hlines(
        range(len(rows)), estimates[:, 1], estimates[:, 2], colors=colours, lw=2, alpha=0.45
    )
    # One line of marks for each kind, since a drawing takes its time for each line.
    for kind in dict.fromkeys(cell.kind for cell, _ in rows):
        places = [y for y, (cell, _) in enumerate(rows) if cell.kind == kind]
        axes.plot(estimates[places, 0], places, MARKS[kind], color=COLOURS[kind], ms=5.5)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.grid(axis="y", visible=False)


def name_rows(axes: Axes, names: Sequence[str]) -> None:
    """What the rows of :func:`forest` are called."""
    axes.set_yticks(range(len(names)), [short(name) for name in names])


def interval(axes: Axes, place: float, cell: ScoredCell, *, faint: bool = False) -> None:
    """The mean of a cell on test as a mark on a vertical line that is its interval."""
    factor, colour = cell.metric.unit.factor, COLOURS[cell.kind]
    ends = [factor * cell.low, factor * cell.high]
    axes.plot([place, place], ends, color=colour, lw=1.3, alpha=0.2 if faint else 0.4)
    axes.plot(place, factor * cell.test.mean, MARKS[cell.kind], color=colour, ms=4 if faint else 6)


def dashed_line(axes: Axes, place: float) -> None:
    """A vertical line to compare with."""
    axes.axvline(place, color=MUTED, lw=0.7, ls=(0, (3, 3)), zorder=0)


def names_beside(axes: Axes, points: Sequence[tuple[str, float, float, str, bool]]) -> None:
    """Names in a column to the right, in the order of their points' heights, a thin line to each.

    Args:
        axes: The axes, with all else drawn.
        points: For each name its point, its colour, and whether it is bold.
    """
    low, high = axes.get_ylim()
    # As far apart as a line of text is high; the axes are some three quarters of the figure.
    figure = axes.get_figure(root=True)
    assert figure is not None
    gap = 12 / (figure.get_figheight() * 54) * (high - low)
    order = sorted(range(len(points)), key=lambda i: points[i][2])
    places = [points[i][2] for i in order]
    for _ in range(200):
        for above in range(1, len(places)):
            overlap = gap - (places[above] - places[above - 1])
            if overlap > 0:
                places[above - 1] -= overlap / 2
                places[above] += overlap / 2
    # Within the height of the axes, as far as that goes.
    beyond = max(places[-1] - high, 0) - max(low - places[0], 0)
    places = [place - beyond for place in places]
    axes.set_ylim(low, high)
    axes.set_xlim(axes.get_xlim())
    for place, i in zip(places, order, strict=True):
        name, x, y, colour, bold = points[i]
        line = {"arrowstyle": "-", "color": colour, "lw": 0.5, "alpha": 0.5}
        axes.annotate(
            short(name),
            (x, y),
            (1.03, place),
            textcoords=axes.get_yaxis_transform(),
            va="center",
            color=colour,
            fontsize=SMALL,
            fontweight="bold" if bold else "normal",
            annotation_clip=False,
            arrowprops={**line, "relpos": (0, 0.5), "shrinkA": 1, "shrinkB": 4},
        )


def legend(axes: Axes, rows: Iterable[ScoredCell]) -> None:
    """What colours and marks stand for, below the figure; nothing if all rows are of one kind."""
    from matplotlib.lines import Line2D

    present = {row.kind for row in rows}
    kinds = [kind for kind in KINDS if kind in present]
    if len(kinds) > 1:
        handles = [
            Line2D([], [], color=COLOURS[kind], marker=MARKS[kind], ls="", ms=5) for kind in kinds
        ]
        axes.figure.legend(
            handles,
            kinds,
            loc="outside lower center",
            ncols=len(kinds),
            frameon=False,
            fontsize=SMALL,
            handletextpad=0.1,
            columnspacing=1.0,
        )


def thousands(axes: Axes) -> None:
    """Round numbers on a logarithmic horizontal axis: 5k, 200k, 1M."""
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator

    def rounded(value: float, _: object) -> str:
        for size, suffix in ((1e6, "M"), (1e3, "k")):
            if value >= size:
                return f"{value / size:g}{suffix}"
        return f"{value:g}"

    low, high = axes.get_xlim()
    if high < 5 * low:
        # There may be one such number or none; matplotlib then takes others, however wide they are.
        axes.xaxis.set_major_locator(MaxNLocator(4))
    else:
        # Fewer of each power of ten, where more would overlap.
        digits = (1, 2, 5) if high < 60 * low else (1, 3) if high < 600 * low else (1,)
        axes.xaxis.set_major_locator(LogLocator(subs=digits))
    axes.xaxis.set_major_formatter(FuncFormatter(rounded))
    axes.minorticks_off()


def short(name: str, limit: int = 26) -> str:
    """The name, cut in the middle where it is too long: names that begin alike are told apart."""
    if len(name) <= limit:
        return name
    last = (limit - 1) // 2
    return f"{name[: limit - 1 - last]}…{name[-last:]}"


def wrapped(name: str, limit: int = 16) -> str:
    """The name in two short lines."""
    return "\n".join(textwrap.wrap(name, limit, max_lines=2, placeholder="…"))
