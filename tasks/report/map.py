"""Where structure matters: the verdicts of several experiments in one table and one picture.

A row is a data set, a column an encoder with a control in the place of the real structure, and a cell
what the real structure gains over that control. The last column is the best encoder of trees or graphs
beside the best of sequences.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tasks.data.structures import structure_of
from tasks.report.canvas import INK, MUTED, SMALL, WIDTH, Figure, drawn, short
from tasks.report.groups import Group, groups_of
from tasks.report.words import structure_findings
from tasks.results.folder import load_results
from tasks.results.measures import measure
from tasks.results.statistics import Comparison
from tasks.results.table import Column, Entry, Table
from tasks.results.verdicts import Verdict
from tasks.storage import write_text

__all__ = [
    "MapRow",
    "load_groups",
    "map_figure",
    "map_rows",
    "map_table",
    "what_is_missing",
    "write_map",
]

BEST = "structure - sequence"
"""The column of the best encoder of either kind."""

_FILLS = {
    Verdict.BETTER: "#0072b2",
    Verdict.WORSE: "#f6d3b8",
    Verdict.EQUAL: "#dfe3e8",
}
_WORDS = {
    Verdict.BETTER: "helps",
    Verdict.WORSE: "harms",
    Verdict.EQUAL: "no difference",
    Verdict.UNDECIDED: "undecided",
    Verdict.NONE: "no verdict",
}


@dataclass(frozen=True)
class MapRow:
    """What is known of one data set.

    Attributes:
        data: The data set.
        real: The real structure: ``"parse"``, ``"given"`` or ``"constituency"``.
        cells: The real structure beside a control, by encoder and control; and, under :data:`BEST`, the
            best encoder of trees or graphs beside the best of sequences.
        best: The names of these two; empty where one is missing.
        examples: The fingerprint of the test examples.
        folder: That of the experiment, or of the first of several.
    """

    data: str
    real: str
    cells: Mapping[str, Comparison]
    best: str
    examples: str = ""
    folder: str = ""


def map_rows(
    groups: Iterable[Group], *, on_missing: Callable[[Group, str], None] | None = None
) -> list[MapRow]:
    """A row for each data set that was run on controls, or with encoders of both kinds.

    Experiments on one data set share a row; of what two of them say, the later stands. Where other
    examples have the same name, such as those with the labels of another column, the folders of the
    experiments tell them apart. One that has controls alone is left out: it says nothing of a real
    structure.

    Args:
        groups: The groups of experiments.
        on_missing: Called with each group that is left out, and the reason in words.
    """
    joined: dict[tuple[str, str, str], MapRow] = {}
    for group in groups:
        row = _row(group)
        if row is None:
            if on_missing is not None:
                on_missing(group, what_is_missing(group))
            continue
        key = row.data, row.real, row.examples
        before = joined.setdefault(key, row)
        cells = {**before.cells, **row.cells}
        joined[key] = replace(before, cells=cells, best=row.best or before.best)
    examples: dict[str, set[str]] = {}
    for row in joined.values():
        examples.setdefault(row.data, set()).add(row.examples)
    return [
        row if len(examples[row.data]) == 1 else replace(row, data=f"{row.data}, {row.folder}")
        for row in joined.values()
    ]


def _row(group: Group) -> MapRow | None:
    """What a group says of its data set; None where :func:`what_is_missing` says why."""
    if structure_of(group.usual.structure).is_control:
        return None
    cells = {
        f"{finding.encoder}, {control}": pair
        for finding in structure_findings(group)
        for control, pair in finding.controls.items()
    }
    best = ""
    structured, sequence = group.best_of(structured=True), group.best_of(structured=False)
    if structured and sequence and group.compared(structured, sequence):
        cells[BEST] = group.between(structured, sequence)
        best = f"{structured.encoder} - {sequence.encoder}"
    if not cells:
        return None
    real = group.usual.structure
    return MapRow(group.name, real, cells, best, group.fingerprint, str(group.folder))


def what_is_missing(group: Group) -> str:
    """Why a group has no row, in words."""
    if structure_of(group.usual.structure).is_control:
        return "no real structure beside the controls"
    return "no control structures, and no encoders of sequences beside those of trees or graphs"


def map_table(rows: Sequence[MapRow]) -> Table:
    """The map as a table: a row for each comparison."""
    header = (
        Column("data", "left", rank=0),
        Column("structure", "left", "given and constituency are gold trees, parse is the parser's"),
        Column("encoder", "left", rank=0),
        Column(
            "beside", "left", "a control in the structure's place, or the best of sequences", rank=0
        ),
        Column("gain", meaning="of the encoder over what it is beside", rank=0),
        Column("95 % interval", rank=2),
        Column("verdict", "left", "whether structure helps there", rank=0),
    )
    return Table(
        "Where structure helps",
        header,
        tuple(_entries(row, column, pair) for row in rows for column, pair in row.cells.items()),
    )


def map_figure(rows: Sequence[MapRow]) -> Figure:
    """The map as a picture: gains in cells that are coloured by their verdicts."""
    from matplotlib.figure import Figure as Canvas

    columns = _columns(rows)

    def paint(canvas: Canvas) -> None:
        axes = canvas.add_subplot()
        axes.grid(visible=False)
        for y, row in enumerate(rows):
            for x, column in enumerate(columns):
                pair = row.cells.get(column)
                if pair is None:
                    continue
                fill = _FILLS.get(pair.verdict, "white")
                axes.fill([x, x + 1, x + 1, x], [y, y, y + 1, y + 1], color=fill, lw=0)
                decided = pair.verdict in _FILLS
                ink = "white" if pair.verdict is Verdict.BETTER else INK if decided else MUTED
                text = pair.metric.unit.signed(pair.gain[0])
                axes.text(x + 0.5, y + 0.5, text, color=ink, ha="center", va="center", size=SMALL)
        for line in range(len(rows) + 1):
            axes.axhline(line, color="white", lw=2)
        for line in range(len(columns) + 1):
            axes.axvline(line, color="white", lw=2)
        axes.set_xlim(0, len(columns))
        axes.set_ylim(len(rows), 0)
        axes.set_xticks(
            [x + 0.5 for x in range(len(columns))],
            [column.replace(", ", "\n- ") for column in columns],
            rotation=40,
            ha="right",
            size=SMALL,
        )
        names = [f"{short(row.data, 24)} ({row.real})" for row in rows]
        axes.set_yticks([y + 0.5 for y in range(len(rows))], names, size=SMALL)
        axes.spines[:].set_visible(False)

    told = [
        f"{row.data}: "
        + ", ".join(
            f"{column} {pair.metric.unit.signed(pair.gain[0])} ({_WORDS[pair.verdict]})"
            for column, pair in row.cells.items()
        )
        for row in rows
    ]
    return drawn(
        "map",
        "Where structure helps",
        "Points that the real structure gains over a control, for each encoder; blue where it helps, "
        "orange where it harms, grey where there is no difference, without colour where that is "
        f"undecided. {'; '.join(told)}.",
        paint,
        height=1.6 + 0.34 * len(rows),
        width=max(WIDTH, 2.2 + 0.62 * len(columns)),
    )


def load_groups(folders: Sequence[Path]) -> tuple[list[Group], list[Path]]:
    """The groups of several experiments, and the runs that were left out since they are damaged.

    Args:
        folders: The folders of the experiments.

    Raises:
        StorageError: There is no experiment in a folder, or a file that all runs need is damaged.
    """
    loaded = [load_results(folder) for folder in folders]
    groups = [group for results in loaded for group in groups_of(measure(results))]
    return groups, [run for results in loaded for run in results.damaged]


def write_map(
    groups: Iterable[Group], out: Path, *, on_missing: Callable[[Group, str], None] | None = None
) -> Table:
    """Write ``map.md``, ``map.csv``, ``map.svg`` and ``map.png``.

    Args:
        groups: The groups of experiments.
        out: The folder to write to.
        on_missing: Called with each group that has nothing to show, and the reason in words.

    Raises:
        ValueError: No experiment has both a real structure and something to compare it with.
    """
    rows = map_rows(groups, on_missing=on_missing)
    if not rows:
        raise ValueError(
            "there is nothing to map: no experiment has a real structure beside a control "
            "(--structure parse,random,left_chain), or encoders of sequences beside those of trees or "
            "graphs"
        )
    table, figure = map_table(rows), map_figure(rows)
    write_text(out / "map.md", table.to_markdown())
    write_text(out / "map.csv", table.to_csv())
    figure.save(out, "map")
    return table


def _columns(rows: Sequence[MapRow]) -> list[str]:
    """All columns, the best two last."""
    found = dict.fromkeys(column for row in rows for column in row.cells if column != BEST)
    return [*found, *[BEST] * any(BEST in row.cells for row in rows)]


def _entries(row: MapRow, column: str, pair: Comparison) -> tuple[Entry, ...]:
    unit = pair.metric.unit
    encoder, beside = row.best.split(" - ") if column == BEST else column.rsplit(", ", 1)
    gain, low, high = pair.gain
    interval = f"{unit.signed(low)} to {unit.signed(high)}"
    return (
        Entry(row.data, {"data": row.data}),
        Entry(row.real, {"structure": row.real}),
        Entry(encoder, {"encoder": encoder}),
        Entry(beside, {"beside": beside}),
        Entry(unit.signed(gain), {"gain": gain}),
        Entry(interval, {"low": low, "high": high}),
        Entry(_WORDS[pair.verdict], {"verdict": pair.verdict}),
    )
