"""What the measurements say of each encoder: curves, and the few numbers that tell them apart."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from tasks.lab.curves import Array, Curve, curve_of, factor_per_step, radius_of
from tasks.lab.experiments import Measured, by_name

__all__ = [
    "FieldSummary",
    "FlowSummary",
    "PathSummary",
    "common_reach",
    "field_summaries",
    "flow_summaries",
    "path_summaries",
]


@dataclass(frozen=True)
class FlowSummary:
    """How the gradient of the sentence vector depends on where a word is.

    Attributes:
        name: The subject's.
        seeds: How many.
        from_end: By distance from the end of the sentence, in words.
        from_root: By distance from the root, in words.
        depth: By distance from the root along the tree, in edges.
        path: The mean path length; None where nothing is known of it.
        per_step: By what each further step multiplies the gradient; None where paths are all of one
            length.
    """

    name: str
    seeds: int
    from_end: Curve
    from_root: Curve
    depth: Curve
    path: float | None
    per_step: float | None


@dataclass(frozen=True)
class PathSummary:
    """How long the paths are.

    Attributes:
        name: The subject's.
        least: Of all words of all sentences that the sentence vector sees.
        mean: Of these.
        greatest: Of these.
        lengths: The lengths of the sentences, ascending.
        by_length: The mean path length in sentences of each.
        growth: By how much the mean grows with each word of length: a straight line by least squares.
        reached: The share of words that the sentence vector sees.
        seen: The share of its sentence's words that a word's state sees, on average.
    """

    name: str
    least: float
    mean: float
    greatest: float
    lengths: Array
    by_length: Array
    growth: float
    reached: float
    seen: float


@dataclass(frozen=True)
class FieldSummary:
    """How far a word's state sees.

    Attributes:
        name: The subject's.
        seeds: How many.
        apart: By place relative to the word, negative before it.
        words: By distance in the sentence.
        edges: By distance in the tree.
        reached: The share of words that move the state at all.
        within_words: Within how many words 90 % of the gradient is, that of all distances, also of those
            that too few sentences have for a mean; None where there is no gradient.
        within_edges: The same, in the tree.
    """

    name: str
    seeds: int
    apart: Curve
    words: Curve
    edges: Curve
    reached: float
    within_words: int | None
    within_edges: int | None


def flow_summaries(measured: Iterable[Measured]) -> list[FlowSummary]:
    """Of what :func:`~tasks.lab.experiments.gradient_flow` measured."""
    found = []
    for name, tables in by_name(measured).items():
        path = per_step = None
        if "path" in tables[0].columns:
            path = float(_reached(tables[0].columns["path"]).mean())
            per_step = factor_per_step(_curve([_seen(table) for table in tables], "path"))
        end, root, depth = (_curve(tables, c) for c in ("from_end", "from_root", "depth"))
        found.append(FlowSummary(name, len(tables), end, root, depth, path, per_step))
    return found


def path_summaries(measured: Iterable[Measured]) -> list[PathSummary]:
    """Of what :func:`~tasks.lab.experiments.path_length` measured: paths are the same for any seed."""
    found = []
    for name, (table, *_) in by_name(measured).items():
        paths, length = table.columns["path"], table.columns["length"]
        reached = _reached(paths)
        lengths = np.unique(length[np.isfinite(paths)])
        by_length = np.array([_reached(paths[length == size]).mean() for size in lengths])
        growth = float(np.polyfit(lengths, by_length, 1)[0]) if len(lengths) > 1 else 0.0
        found.append(
            PathSummary(
                name,
                least=float(reached.min()),
                mean=float(reached.mean()),
                greatest=float(reached.max()),
                lengths=lengths,
                by_length=by_length,
                growth=growth,
                reached=float(np.isfinite(paths).mean()),
                seen=float(table.columns["seen"].mean()),
            )
        )
    return found


def field_summaries(measured: Iterable[Measured]) -> list[FieldSummary]:
    """Of what :func:`~tasks.lab.experiments.receptive_field` measured."""
    found = []
    for name, tables in by_name(measured).items():
        apart, words = _curve(tables, "apart"), _curve(tables, "apart", absolute=True)
        edges = _curve(tables, "edges")
        reached = float(np.mean([(table.columns["gradient"] > 0).mean() for table in tables]))
        within = [
            radius_of(_curve(tables, column, 1, absolute=True)) for column in ("apart", "edges")
        ]
        found.append(FieldSummary(name, len(tables), apart, words, edges, reached, *within))
    return found


def common_reach(curves: Iterable[Curve]) -> int:
    """The greatest distance that all of these curves have."""
    return min(int(curve.distances.max(initial=0)) for curve in curves)


def _curve(
    tables: list[Measured], column: str, least: int | None = None, *, absolute: bool = False
) -> Curve:
    """Means by a column; those of distances that fewer than ``least`` sentences have are left out."""
    if least is None:  # a mean over fewer sentences says more of these than of the distance
        least = min(5, len(np.unique(tables[0].columns["sentence"])))
    distances = [table.columns[column] for table in tables]
    return curve_of(
        [table.columns["share"] for table in tables],
        [np.abs(distance) for distance in distances] if absolute else distances,
        [table.columns["sentence"] for table in tables],
        least,
    )


def _seen(table: Measured) -> Measured:
    """The words that the sentence vector sees."""
    there = np.isfinite(table.columns["path"])
    return replace(table, columns={name: values[there] for name, values in table.columns.items()})


def _reached(paths: Array) -> Array:
    return paths[np.isfinite(paths)]
