"""One figure for each experiment, in colours that colour-blind readers can tell apart."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from textwrap import fill
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure, FigureBase
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

from structnn import Sentence
from tasks.lab.alignment import AlignedExample, AlignmentSummary
from tasks.lab.backpropagation import BackpropagationSummary
from tasks.lab.curves import VANISHED, Array, Curve
from tasks.lab.decoding import DecodingSummary
from tasks.lab.subjects import AFTER, BEFORE
from tasks.lab.summaries import FieldSummary, FlowSummary, PathSummary
from tasks.palette import colour_of
from tasks.storage import atomically

__all__ = [
    "ExamplePaths",
    "draw_alignment",
    "draw_backpropagation",
    "draw_decoding",
    "draw_field",
    "draw_flow",
    "draw_paths",
    "save_figure",
]

_MARKERS = "osD^vPX"
_INK, _MUTED = "#1c2430", "#5b6675"
_SMOOTHED = 20  # losses that are averaged
_FLOOR = 1e-6  # of the largest: what is below it is off the picture, and as good as nothing

_STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.edgecolor": _MUTED,
    "axes.labelcolor": _INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e4e8ec",
    "grid.linewidth": 0.6,
    "xtick.color": _MUTED,
    "ytick.color": _MUTED,
    "text.color": _INK,
    "legend.frameon": False,
    "svg.hashsalt": "structnn",  # the same figure is the same file
}


@dataclass(frozen=True)
class ExamplePaths:
    """The path length of each word of one sentence.

    Attributes:
        sentence: The sentence.
        paths: For each encoder ``(tokens,)``.
    """

    sentence: Sentence
    paths: Mapping[str, Array]


def save_figure(figure: Figure, path: Path) -> list[Path]:
    """Write a figure as PNG and as SVG, under this name without its ending."""
    written = []
    with rc_context(_STYLE):
        for form, metadata in (("png", {}), ("svg", {"Date": None})):
            write = partial(figure.savefig, format=form, dpi=160, metadata=metadata)
            written.append(path.with_suffix(f".{form}"))
            atomically(written[-1], write)
    return written


def draw_flow(summaries: Sequence[FlowSummary], caption: str) -> Figure:
    """The gradient of the sentence vector by where a word is, in three ways."""
    panels: tuple[tuple[str, str, Callable[[FlowSummary], Curve]], ...] = (
        ("from the end", "words between it and the end", lambda s: s.from_end),
        ("from the root", "words between it and the root", lambda s: s.from_root),
        ("along the tree", "edges between it and the root", lambda s: s.depth),
    )
    title = "How much of its gradient the sentence vector sends to a word"
    return _by_distance(summaries, panels, title, caption)


def draw_field(summaries: Sequence[FieldSummary], caption: str) -> Figure:
    """The gradient of a word's state with respect to others, by how far they are."""
    panels: tuple[tuple[str, str, Callable[[FieldSummary], Curve]], ...] = (
        ("in the sentence", "words before it (-) or behind it (+)", lambda s: s.apart),
        ("along the tree", "edges between them", lambda s: s.edges),
    )
    title = "How much of its gradient the state of a word sends to another word"
    return _by_distance(summaries, panels, title, caption)


def draw_paths(
    summaries: Sequence[PathSummary],
    example: ExamplePaths,
    within: Mapping[str, Array],
    caption: str,
) -> Figure:
    """Path lengths in one sentence and by the length of sentences, and how far graphs see.

    Args:
        summaries: Of all sentences.
        example: One of them.
        within: Shares of words within 1, 2, 3 ... edges of a tree, by what they are counted from.
        caption: What was measured.
    """
    with rc_context(_STYLE):
        rows = len(summaries)
        height = 1.3 + 0.3 * rows
        figure = Figure(figsize=(10, height + 3.9), layout="constrained")
        top, bottom = figure.subfigures(2, 1, height_ratios=[height, 3.9], squeeze=False)[:, 0]
        _title(figure, "How many steps lie between a word and the sentence vector")
        _matrix(top.subplots(), example)
        left, right = bottom.subplots(1, 2, width_ratios=[1.25, 1])
        lines = _lines(summaries)
        for place, summary in enumerate(summaries):
            _plot(left, summary.lengths, summary.by_length, lines[place], place)
        left.set(
            title="by the length of the sentence",
            xlabel="words in the sentence",
            ylabel="mean path length (steps)",
            yscale="log",
        )
        left.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        left.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        left.yaxis.set_minor_locator(NullLocator())
        for (name, shares), dashes in zip(within.items(), ("-", "--"), strict=True):
            layers = np.arange(1, len(shares) + 1)
            right.plot(layers, 100 * shares, dashes, color=_MUTED, marker=".", label=name)
        right.set(
            title="what a graph network of so many layers sees",
            xlabel="layers (edges of the tree)",
            ylabel="words seen, of a sentence (%)",
            ylim=(0, 103),
        )
        right.legend(loc="lower right", handlelength=3)
        for axes in (left, right):
            _whole(axes)
        _legend_of(bottom, lines, caption)
        return figure


def _by_distance(
    summaries: Sequence[FlowSummary] | Sequence[FieldSummary],
    panels: Sequence[tuple[str, str, Callable[..., Curve]]],
    title: str,
    caption: str,
) -> Figure:
    with rc_context(_STYLE):
        figure = Figure(figsize=(3.6 * len(panels) + 0.6, 4.9), layout="constrained")
        _title(figure, title)
        lines = _lines(summaries)
        means = np.concatenate([of(summary).means for _, _, of in panels for summary in summaries])
        least = means[means > 0].min()
        lowest = np.clip(10 ** np.floor(np.log10(least)), _FLOOR, VANISHED / 10)
        all_axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
        for axes, (panel, label, curve_of) in zip(all_axes, panels, strict=True):
            for place, summary in enumerate(summaries):
                _curve(axes, curve_of(summary), lines[place], place)
            axes.axhline(VANISHED, color=_MUTED, linewidth=0.8, zorder=1)
            axes.set(title=panel, xlabel=label, yscale="log", ylim=(lowest, 2))
            _whole(axes)
        first = all_axes[0]
        first.set_ylabel("norm of the gradient, largest mean = 1")
        first.annotate(
            "1 %",
            (1, VANISHED),
            xycoords=("axes fraction", "data"),
            xytext=(0, -3),
            textcoords="offset points",
            ha="right",
            va="top",
            color=_MUTED,
        )
        _legend_of(figure, lines, caption)
        return figure


TITLE = 40
"""Letters that fit above a panel; a decoder with many options has a name of several lines."""


def draw_alignment(summaries: Sequence[AlignmentSummary], longest: int, caption: str) -> Figure:
    """Where each decoder looked, the true places framed; and how much is right, by length.

    Args:
        summaries: The runs.
        longest: The largest length in train.
        caption: What the figure is of.
    """
    examples = [(s, s.example) for s in summaries if s.example is not None][:3]
    with rc_context(_STYLE):
        panels = len(examples) + 1
        figure = Figure(figsize=(4 * panels, 4.4), layout="constrained")
        _title(figure, "Where a decoder looks while it writes, and how much it gets right")
        *heats, last = figure.subplots(1, panels, squeeze=False)[0]
        for axes, (summary, example) in zip(heats, examples, strict=True):
            _heat(axes, example)
            name = f"{summary.name}, seed {summary.seed}"
            axes.set_title(fill(re.sub(r",(?=\S)", ", ", name), TITLE))
        for place, summary in enumerate(summaries):
            line = {
                "label": f"{summary.name}, seed {summary.seed}",
                "marker": _MARKERS[place % len(_MARKERS)],
                "markersize": 4,
            }
            last.plot(summary.lengths, 100 * summary.right, **line)
        _shade_beyond(last, longest, max(int(s.lengths.max()) for s in summaries))
        last.set(title="sequences right, by length", ylabel="%", ylim=(-3, 103))
        _legend(figure, caption, ncols=2)
        return figure


def draw_decoding(summaries: Sequence[DecodingSummary], longest: int, caption: str) -> Figure:
    """What is right by the length of the sequence; and how far one vector reaches, by its width.

    Args:
        summaries: The runs.
        longest: The largest length in train.
        caption: What the figure is of.
    """
    widths = {summary.width for summary in summaries}
    with rc_context(_STYLE):
        panels = 2 if len(widths) > 1 else 1
        figure = Figure(figsize=(5.2 * panels + 0.4, 4.6), layout="constrained")
        _title(figure, "How long a sequence a decoder can write")
        left, *right = figure.subplots(1, panels, squeeze=False)[0]
        named: dict[tuple[str, int], str] = {}
        for summary in summaries:
            kind = (summary.name, summary.width)
            place = list(dict.fromkeys((s.name, s.width) for s in summaries)).index(kind)
            left.plot(
                summary.lengths,
                100 * summary.right,
                color=f"C{place % 10}",
                linestyle="-" if summary.attends else "--",
                marker=_MARKERS[place % len(_MARKERS)],
                markersize=4,
                label=None if kind in named else summary.label,
            )
            named[kind] = summary.label
        _shade_beyond(left, longest, max(int(s.lengths.max()) for s in summaries))
        left.set(title="sequences right, by length", ylabel="%", ylim=(-3, 103))
        for axes in right:
            kinds = ((True, "with attention", "D-"), (False, "one vector", "o--"))
            for attends, name, line in kinds:
                chosen = [summary for summary in summaries if summary.attends == attends]
                if not chosen:
                    continue
                x = sorted({summary.width for summary in chosen})
                means = [np.mean([s.reach for s in chosen if s.width == width]) for width in x]
                axes.plot(x, means, line, color=_INK, label=name)
            axes.axhline(longest, color=_MUTED, linewidth=0.8, zorder=1)
            axes.set(
                title="half or more right, up to this length",
                xlabel="width of the states (line: the longest in train)",
                ylabel="symbols",
                xscale="log",
            )
            axes.set_xticks(sorted(widths), [f"{width}" for width in sorted(widths)])
            axes.xaxis.set_minor_locator(NullLocator())
            axes.set_ylim(bottom=0)
            axes.yaxis.set_major_locator(MaxNLocator(integer=True))
            axes.legend(handlelength=3)
        _legend_below(figure, left, caption)
        return figure


def draw_backpropagation(summaries: Sequence[BackpropagationSummary], caption: str) -> Figure:
    """The gradients of training in the largest parts; losses, and what is remembered, in all of them.

    Args:
        summaries: The runs; of those that differ in their seeds alone, the first is drawn on the left
            and in the middle, and the mean on the right.
        caption: What the figure is of.
    """
    kinds: dict[str, list[BackpropagationSummary]] = {}
    for summary in summaries:
        kinds.setdefault(summary.label, []).append(summary)
    windows = sorted({summary.window for summary in summaries})
    clips = list(dict.fromkeys(summary.clip for summary in summaries))
    with rc_context(_STYLE):
        figure = Figure(figsize=(13, 4.6), layout="constrained")
        _title(figure, "What clipping and truncating do to backpropagation through time")
        left, middle, right = figure.subplots(1, 3)
        for first, *others in kinds.values():
            line = {
                "color": f"C{windows.index(first.window) % 10}",
                "linestyle": "--" if first.clip is None else "-",
                "alpha": 1 - 0.6 * clips.index(first.clip) / len(clips),
            }
            updates = np.arange(1, len(first.norms) + 1)
            middle.plot(updates, _smooth(first.losses), **line)
            if first.window == windows[-1]:
                left.plot(updates, first.norms, **line, linewidth=0.8)
                if first.clip is not None:
                    left.axhline(first.clip, color=_MUTED, linewidth=0.8, zorder=1)
            means = np.mean([one.recalled for one in (first, *others)], axis=0)
            right.plot(first.distances, 100 * means, **line, marker=".", label=first.label)
        for window in windows:
            if window <= max(int(summary.distances[-1]) for summary in summaries):
                colour = f"C{windows.index(window) % 10}"
                right.axvline(window - 0.5, color=colour, linewidth=0.8, zorder=1)
        title = f"norm of the gradient, parts of {windows[-1]} words"
        left.set(title=title, xlabel="update", yscale="log")
        middle.set(
            title=f"loss, mean of {_SMOOTHED} updates",
            xlabel="update",
            ylabel="nats",
            ylim=(0, None),
        )
        right.set(
            title="symbols remembered (line: as far as gradients go)",
            xlabel="steps between the symbol and its mark",
            ylabel="%",
            ylim=(-3, 103),
        )
        for axes in (left, middle, right):
            _whole(axes)
        _legend_below(figure, right, caption)
        return figure


def _smooth(values: Array) -> Array:
    """The mean of each value and of those before it."""
    ends = range(1, len(values) + 1)
    return np.array([values[max(0, end - _SMOOTHED) : end].mean() for end in ends])


def _legend_below(figure: Figure, axes: Axes, caption: str) -> None:
    """The lines of some axes, below all of them."""
    handles, labels = axes.get_legend_handles_labels()
    _legend(figure, caption, handles=handles, labels=labels, ncols=2, handlelength=3)


def _shade_beyond(axes: Axes, longest: int, greatest: int) -> None:
    """Shade the lengths that train lacks."""
    xlabel = "words"
    if greatest > longest:
        axes.axvspan(longest + 0.5, greatest + 0.5, color="#eef1f4", zorder=0)
        xlabel += " (shaded: longer than in train)"
    axes.set(xlabel=xlabel)
    _whole(axes)


def _whole(axes: Axes) -> None:
    """Tick whole numbers alone, where the x-axis counts words, edges or updates."""
    axes.xaxis.set_major_locator(
        MaxNLocator("auto", integer=True, steps=[1, 2, 5, 10], min_n_ticks=1)
    )


def _heat(axes: Axes, example: AlignedExample) -> None:
    """A row for each word written, a column for each word read."""
    axes.imshow(example.weights, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for row, column in zip(*example.true.nonzero(), strict=True):
        corner = (column - 0.5, row - 0.5)
        axes.add_patch(Rectangle(corner, 1, 1, fill=False, edgecolor="#c2410c", linewidth=1))
    turned = 90 if max(map(len, example.source)) > 2 else 0  # words would overlap
    axes.set_xticks(range(len(example.source)), example.source, rotation=turned)
    axes.set_yticks(range(len(example.written)), example.written)
    axes.set(xlabel="read", ylabel="written")
    axes.tick_params(length=0)
    axes.grid(visible=False)


def _curve(axes: Axes, curve: Curve, line: dict[str, Any], place: int) -> None:
    # Nothing has no logarithm: the line breaks where no gradient comes through.
    _plot(axes, curve.distances, np.where(curve.means > 0, curve.means, np.nan), line, place)
    axes.fill_between(
        curve.distances,
        np.maximum(curve.lowest, _FLOOR / 10),
        np.maximum(curve.highest, _FLOOR / 10),
        where=(curve.means > 0).tolist(),
        color=line["color"],
        alpha=0.15,
        linewidth=0,
    )


def _plot(axes: Axes, x: Array, y: Array, line: dict[str, Any], place: int) -> None:
    every = max(1, len(x) // 8)
    # Lines that lie on each other are told apart by marks at different places.
    axes.plot(x, y, **line, markevery=(place % every, every))


def _matrix(axes: Axes, example: ExamplePaths) -> None:
    """A row for each encoder, a column for each word, the steps in the cells."""
    names = list(example.paths)
    steps = np.stack([example.paths[name] for name in names])
    seen = np.isfinite(steps)
    shades = np.ma.masked_array(np.where(seen, steps, 0), ~seen)
    greatest = max(float(shades.max()), 2.0)
    axes.imshow(shades, cmap="Blues", aspect="auto", vmin=0, vmax=1.6 * greatest)
    for row, column in np.ndindex(*steps.shape):
        text = f"{steps[row, column]:g}" if seen[row, column] else "-"
        axes.text(column, row, text, ha="center", va="center", color=_INK)
    axes.set_xticks(range(steps.shape[1]), example.sentence.tokens, color=_INK)
    axes.set_yticks(range(len(names)), names, color=_INK)
    axes.set_title("in one sentence (-: not seen)")
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    if sum(len(token) for token in example.sentence.tokens) > 80:
        axes.tick_params(axis="x", rotation=40)


def _lines(summaries: Sequence[FlowSummary | FieldSummary | PathSummary]) -> list[dict[str, Any]]:
    """How each line is drawn: a run before its training is dashed, in its colour after it."""
    lines = []
    encoders: dict[str, int] = {}
    users: dict[str, str] = {}  # the first encoder of each colour
    for summary in summaries:
        encoder = summary.name.removesuffix(BEFORE).removesuffix(AFTER)
        place = encoders.setdefault(encoder, len(encoders))
        colour = colour_of(encoder.partition(" with ")[0].partition(" on ")[0])
        # Of one encoder with different options, dots tell others from the first.
        dashes = "-" if users.setdefault(colour, encoder) == encoder else ":"
        dashes = "--" if summary.name.endswith(BEFORE) else dashes
        lines.append(
            {
                "label": summary.name,
                "color": colour,
                "marker": _MARKERS[place % len(_MARKERS)],
                "linestyle": dashes,
                "markersize": 4.5,
                "linewidth": 1.5,
            }
        )
    return lines


def _legend(figure: FigureBase, caption: str, **options: Any) -> None:
    figure.legend(
        loc="outside lower left", title=caption, title_fontsize=8, alignment="left", **options
    )


def _legend_of(figure: FigureBase, lines: Sequence[dict[str, Any]], caption: str) -> None:
    handles = [Line2D([], [], **line) for line in lines]
    widest = max(len(line["label"]) for line in lines)
    columns = max(1, min(4, 110 // (widest + 8)))
    _legend(figure, caption, handles=handles, ncols=columns, handlelength=3)


def _title(figure: Figure, title: str) -> None:
    figure.suptitle(title, x=0.01, ha="left", fontsize=12, fontweight="bold")
