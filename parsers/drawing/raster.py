"""Pictures by matplotlib: PNG, PDF, and SVG with letters as outlines."""

from __future__ import annotations

import warnings
from os import PathLike
from typing import IO, Any

from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, PathPatch
from matplotlib.path import Path
from matplotlib.text import Text

from parsers.drawing.fonts import families_for
from parsers.drawing.scene import Curve, Scene

RESOLUTION = 160.0  # pixels per inch
LEGIBLE = 70.0  # pixels per inch; with fewer, letters are hard to read
_LONGEST_SIDE = 60_000  # pixels; matplotlib's limit is 65,536
_LARGEST_AREA = 100e6  # pixels: 400 MB while the picture is drawn


def figure_of(scene: Scene) -> Figure:
    """A matplotlib figure that shows a scene; one unit of its axes is a point."""
    figure = Figure((scene.width / 72, scene.height / 72), facecolor=scene.background)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, scene.width), ylim=(scene.height, 0))
    axes.set_axis_off()
    for curve in scene.curves:
        axes.add_artist(_curve(curve))
    for chip in scene.chips:
        axes.add_artist(
            FancyBboxPatch(
                (chip.x - chip.width / 2, chip.y - chip.height / 2), chip.width, chip.height,
                boxstyle=f"round,pad=0,rounding_size={chip.radius}" if chip.radius else "square,pad=0",
                facecolor=chip.fill, edgecolor=chip.stroke, linewidth=chip.line, zorder=3,
            )
        )  # fmt: skip
    families = families_for("".join(label.text for label in scene.labels))
    for label in scene.labels:
        if label.background is not None:
            wide, high = label.width + 4, label.size * 1.15
            axes.add_artist(
                FancyBboxPatch(
                    (label.x - wide / 2, label.y - high / 2), wide, high, boxstyle="square,pad=0",
                    facecolor=label.background, edgecolor="none", zorder=2.5,
                )
            )  # fmt: skip
        axes.add_artist(
            Text(
                label.x, label.y + label.size * 0.36, label.text,
                size=label.size, color=label.color, weight="bold" if label.bold else "normal",
                family=families, ha="center", va="baseline", zorder=4, parse_math=False,
            )
        )  # fmt: skip
    return figure


def save(scene: Scene, path: str | PathLike[str] | IO[bytes], format: str) -> None:
    """Save a scene through matplotlib.

    Args:
        scene: The scene.
        path: A path, or an open binary file.
        format: ``png``, ``svg`` or ``pdf``.

    Warns:
        UserWarning: The picture is too large for its letters to be legible as PNG.
    """
    width, height = scene.width / 72, scene.height / 72
    resolution = min(
        RESOLUTION, _LONGEST_SIDE / max(width, height), (_LARGEST_AREA / (width * height)) ** 0.5
    )
    if format == "png" and resolution < LEGIBLE:
        warnings.warn(
            f"the picture is {width:.0f} by {height:.0f} inches, too large to be legible as PNG; save "
            "it as .svg, .pdf or .html instead",
            stacklevel=4,
        )
    options: dict[str, Any] = {"metadata": {"Date": None}} if format == "svg" else {}
    if format == "pdf":
        options = {"metadata": {"CreationDate": None}}
    figure = figure_of(scene)
    with warnings.catch_warnings(), rc_context({"svg.hashsalt": "structnn", "pdf.fonttype": 42}):
        # families_for has warned of missing glyphs already, and named the font to install.
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        figure.savefig(path, format=format, dpi=resolution, **options)


def _curve(curve: Curve) -> PathPatch | FancyArrowPatch:
    path = Path(list(curve.points), [Path.MOVETO] + [Path.CURVE4] * (len(curve.points) - 1))
    style: Any = {
        "linewidth": curve.width,
        "linestyle": (0, (3, 2)) if curve.dashed else "solid",
        "capstyle": "butt" if curve.dashed else "round",
        "zorder": 1,
    }
    if curve.arrow:
        head = f"-|>,head_length={3.4 + curve.width * 0.4},head_width={1.5 + curve.width * 0.35}"
        return FancyArrowPatch(
            path=path, arrowstyle=head, mutation_scale=1, color=curve.color, shrinkA=0, shrinkB=0,
            joinstyle="miter", **style,
        )  # fmt: skip
    return PathPatch(path, facecolor="none", edgecolor=curve.color, **style)
