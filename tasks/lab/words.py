"""What was found, in sentences that are computed from the numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tasks.lab.curves import Array, Curve, factor_per_step, vanishes_at
from tasks.lab.summaries import FieldSummary, FlowSummary, PathSummary, common_reach

__all__ = [
    "field_in_words",
    "field_row",
    "flow_in_words",
    "flow_row",
    "path_row",
    "paths_in_words",
    "share",
]


def flow_in_words(summaries: Sequence[FlowSummary]) -> list[str]:
    """Where each gradient vanishes, and what keeps it."""
    lines = [_flow_line(summary) for summary in summaries]
    far = common_reach(summary.from_end for summary in summaries)
    kept = {summary.name: summary.from_end.at(far) for summary in summaries}
    ranked = sorted(kept.items(), key=lambda item: -(item[1] or 0.0))
    if far > 0 and len(summaries) > 1:
        listed = ", ".join(f"{name} {share(value)}" for name, value in ranked)
        lines.append(f"{far} words from the end there is left, of the largest: {listed}")
    steps = {s.name: s.per_step for s in summaries if s.per_step is not None}
    if len(steps) > 1:
        listed = ", ".join(
            f"{name} {factor:.2f}" for name, factor in sorted(steps.items(), key=lambda i: -i[1])
        )
        lines.append(
            f"an easier step: where paths differ, each further step multiplies by {listed}"
        )
    paths = {s.name: s.path for s in summaries if s.path is not None}
    if len(paths) > 1:
        listed = ", ".join(
            f"{name} {path:.3g}" for name, path in sorted(paths.items(), key=lambda i: i[1])
        )
        lines.append(
            f"a shorter path: steps from a word to the sentence vector, on average: {listed}"
        )
    return lines


def flow_row(summary: FlowSummary, far: int) -> list[str]:
    """The numbers of :func:`flow_in_words`: a row of the table that has these columns.

    ``steps``; what ``a step`` and ``a word`` multiply the gradient by; from how many words before the
    end on it is ``< 1 %``; what is left ``at`` so many words; the same of ``an edge`` and of depth.
    """
    return [
        summary.name,
        "?" if summary.path is None else f"{summary.path:.1f}",
        _factor(summary.per_step),
        _factor(factor_per_step(summary.from_end)),
        _distance(vanishes_at(summary.from_end)),
        share(summary.from_end.at(far)),
        _factor(factor_per_step(summary.depth)),
        _distance(vanishes_at(summary.depth)),
    ]


def paths_in_words(summaries: Sequence[PathSummary], within: Mapping[str, Array]) -> list[str]:
    """How long the paths are, how they grow, and what is not seen at all."""
    lines = []
    for summary in summaries:
        if summary.least == summary.greatest:
            line = (
                f"{summary.name}: {summary.least:g} {_plural(summary.least, 'step')} from any word"
            )
        else:
            growth = (
                f"{summary.growth:.2g} more with each word of the sentence"
                if abs(summary.growth) >= 0.005
                else "whatever the length of the sentence"
            )
            line = (
                f"{summary.name}: {summary.least:g} to {summary.greatest:g} steps, "
                f"{summary.mean:.1f} on average, {growth}"
            )
        if summary.reached < 1:
            line += f"; the sentence vector does not see {share(1 - summary.reached)} of the words"
        if summary.seen < 1:
            line += f"; the state of a word sees {share(summary.seen)} of its sentence"
        lines.append(line)
    for name, shares in within.items():
        for layers, reached in enumerate(shares, start=1):
            if reached >= 0.95:
                lines.append(
                    f"a graph network needs {layers} {_plural(layers, 'layer')} until "
                    f"{name} sees 95 % of the words; with 2 it sees {share(float(shares[1]))}"
                )
                break
    return lines


def path_row(summary: PathSummary) -> list[str]:
    """``least``, ``mean`` and ``greatest`` path, its growth a word, and what is seen."""
    return [
        summary.name,
        f"{summary.least:g}",
        f"{summary.mean:.1f}",
        f"{summary.greatest:g}",
        f"{round(summary.growth, 2) + 0:+.2f}",  # + 0: no -0.00
        share(summary.reached),
        share(summary.seen),
    ]


def field_in_words(summaries: Sequence[FieldSummary]) -> list[str]:
    """How far each state sees, and how far it sees in effect."""
    lines = []
    for summary in summaries:
        radius, edges = summary.within_words, summary.within_edges
        line = f"{summary.name}: a state is moved by {share(summary.reached)} of the words"
        if radius is not None and edges is not None:
            line += (
                f", and 90 % of its gradient is within {radius} {_plural(radius, 'word')} "
                f"({edges} {_plural(edges, 'edge')})"
            )
        faded = vanishes_at(summary.words)
        if faded is not None:
            line += f"; below 1 % of the largest from {faded} {_plural(faded, 'word')} on"
        lines.append(line)
    return lines


def field_row(summary: FieldSummary) -> list[str]:
    """``moved by``, ``90 % within`` words and edges, ``< 1 % from`` so many words and edges."""
    return [
        summary.name,
        share(summary.reached),
        _distance(summary.within_words),
        _distance(summary.within_edges),
        _distance(vanishes_at(summary.words)),
        _distance(vanishes_at(summary.edges)),
    ]


def share(value: float | None) -> str:
    """A share in percent with as many digits as tell something; a dash for None."""
    if value is None:
        return "-"
    percent = 100 * value
    if percent >= 10 or percent == 0:
        return f"{percent:.0f} %"
    return f"{percent:.1f} %" if percent >= 0.1 else f"{percent:.0e} %"


def _flow_line(summary: FlowSummary) -> str:
    in_sentence = _along(summary.from_end, "word from the end", "words from the end")
    in_tree = _along(summary.depth, "edge below the root", "edges below the root")
    return f"{summary.name}: {in_sentence}; {in_tree}"


def _along(curve: Curve, one: str, many: str) -> str:
    factor, faded = factor_per_step(curve), vanishes_at(curve)
    if faded is not None:
        line = f"below 1 % of its largest from {faded} {one if faded == 1 else many} on"
        return line if factor is None else f"{line} (times {factor:.2f} with each)"
    if len(curve.means) < 2:
        return f"no distance to lose anything over in {many}"
    last = int(curve.distances[-1])
    return f"still {share(float(curve.means[-1]))} of its largest at {last} {one if last == 1 else many}"


def _factor(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _distance(value: int | None) -> str:
    return "-" if value is None else str(value)


def _plural(count: float, noun: str) -> str:
    return noun if count == 1 else f"{noun}s"
