"""How a decoder wrote a text, in pictures: where it looked, and the steps of its search."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from parsers.drawing.fonts import families_for
from tasks.explain.quantities import percent
from tasks.explain.writing import Fate, Writing
from tasks.report.canvas import INK, MUTED, SMALL, Figure, drawn

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

__all__ = ["STEPS", "writing_figures"]

STEPS = 60
"""How many steps of a search are drawn at most: a picture can't be wider than matplotlib allows."""

_FATES: dict[Fate, str] = {"kept": "#dbeafe", "ended": "#d1fae5", "dropped": "white"}
"""The colour of a candidate by what became of it."""


def writing_figures(writing: Writing, tokens: Sequence[str]) -> Iterator[Figure]:
    """The alignment, where there is attention, and the search.

    Args:
        writing: How a text was written.
        tokens: What was read.
    """
    if writing.alignment is not None:
        yield _alignment(writing, tokens)
    yield _search(writing)


def _alignment(writing: Writing, tokens: Sequence[str]) -> Figure:
    """A row for each piece written, a column for each word read."""
    assert writing.alignment is not None
    weights = writing.alignment.numpy()
    families = families_for(" ".join((*tokens, *writing.pieces)))

    def paint(canvas: Canvas) -> None:
        axes = canvas.subplots()
        axes.imshow(weights, cmap="Blues", vmin=0, vmax=1, aspect="auto")
        axes.set_xticks(range(len(tokens)), tokens, rotation=40, ha="right", fontfamily=families)
        axes.set_yticks(range(len(writing.pieces)), writing.pieces, fontfamily=families)
        axes.set(xlabel="read", ylabel="written")
        axes.grid(visible=False)
        axes.tick_params(length=0)

    return drawn(
        "alignment",
        "Where the decoder looked",
        "How much each word written looked at each word read: white is nothing, dark blue all.",
        paint,
        height=1.4 + 0.26 * len(writing.pieces),
        width=1.8 + 0.42 * len(tokens),
    )


def _search(writing: Writing) -> Figure:
    """A column for each step, its candidates from the top, and lines to what they continue."""
    steps = writing.steps[:STEPS]
    longest = max(map(len, steps), default=1)
    families = families_for(" ".join(one.piece for step in steps for one in step))

    def paint(canvas: Canvas) -> None:
        axes: Axes = canvas.subplots()
        for place, step in enumerate(steps):
            for rank, one in enumerate(step):
                if one.parent is not None:
                    line = {"color": INK, "linewidth": 1.6} if one.is_written else {"color": MUTED}
                    axes.plot([place - 1, place], [-one.parent, -rank], zorder=1, **line)
                axes.text(
                    place,
                    -rank,
                    f"{one.piece}\n{percent(one.share)}",
                    ha="center",
                    va="center",
                    fontsize=SMALL,
                    fontweight="bold" if one.is_written else "normal",
                    fontfamily=families,
                    bbox={
                        "boxstyle": "round",
                        "facecolor": _FATES[one.fate],
                        "edgecolor": INK if one.is_written else MUTED,
                        "linestyle": ":" if one.fate == "dropped" else "-",
                    },
                )
        axes.set(xlim=(-0.6, len(steps) - 0.4), ylim=(0.6 - longest, 0.6))
        axes.set_xticks(range(len(steps)), [f"{place + 1}" for place in range(len(steps))])
        axes.set_yticks([])
        axes.set_xlabel("step")
        axes.grid(visible=False)
        axes.spines[:].set_visible(False)

    more = len(writing.steps) - len(steps)
    return drawn(
        "search",
        "The search, step by step",
        "Candidates of each step, the most probable so far on top, with their probabilities: blue ones "
        "were kept, green ones ended, dotted ones were dropped; what was written is bold"
        + (f". {more} steps more are not drawn." if more else "."),
        paint,
        height=0.7 + 0.5 * longest,
        width=0.5 + 1.25 * max(1, len(steps)),
    )
