"""Pictures by matplotlib: PNG and PDF."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from typing import Any

from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, PathPatch
from matplotlib.path import Path
from matplotlib.text import Text

from parsers.drawing.fonts import families_for
from parsers.drawing.scene import Chip, Curve, Scene

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
        if chip.radius:
            axes.add_artist(
                FancyBboxPatch(
                    (chip.x - chip.width / 2, chip.y - chip.height / 2), chip.width, chip.height,
                    boxstyle=f"round,pad=0,rounding_size={chip.radius}",
                    facecolor=chip.fill, edgecolor=chip.stroke, linewidth=chip.line, zorder=3,
                )
            )  # fmt: skip
    axes.add_collection(_rectangles([chip for chip in scene.chips if not chip.radius]))
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
        below = label.size * 0.36  # the baseline, from the centre
        x, y = (label.x + below, label.y) if label.vertical else (label.x, label.y + below)
        axes.add_artist(
            Text(
                x, y, label.text, rotation=90 if label.vertical else 0, rotation_mode="anchor",
                size=label.size, color=label.color, weight="bold" if label.bold else "normal",
                family=families, ha="center", va="baseline", zorder=4, parse_math=False,
            )
        )  # fmt: skip
    return figure


def raster_file(scene: Scene, format: str) -> bytes:
    """The content of a file of a scene, by matplotlib.

    Args:
        scene: The scene.
        format: ``png`` or ``pdf``.

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
    options: dict[str, Any] = {"metadata": {"CreationDate": None}} if format == "pdf" else {}
    figure, file = figure_of(scene), io.BytesIO()
    with warnings.catch_warnings(), rc_context({"pdf.fonttype": 42}):
        # families_for has warned of missing glyphs already, and named the font to install.
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        figure.savefig(file, format=format, dpi=resolution, **options)
    return file.getvalue()


def _rectangles(chips: Sequence[Chip]) -> PolyCollection:
    """Chips with sharp corners, of which a heat map has thousands, as one artist."""
    corners = [(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)]
    return PolyCollection(
        [[(one.x + x * one.width, one.y + y * one.height) for x, y in corners] for one in chips],
        facecolors=[one.fill for one in chips],
        edgecolors=[one.stroke for one in chips],
        linewidths=[one.line for one in chips],
        joinstyle="miter",
        zorder=3,
    )


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
