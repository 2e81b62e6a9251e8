"""An experiment in a table and in words: means, spreads, and what can be told apart."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass

from structnn import ENCODERS, UnknownNameError
from tasks.results.condition import Condition
from tasks.results.families import Family
from tasks.results.folder import Cell, Results
from tasks.storage import write_json, write_text

__all__ = ["Row", "Summary", "summarise"]


_FEW = 4  # pairs that can't be told apart and are named; more are counted


@dataclass(frozen=True)
class Row:
    """One condition over all its seeds; accuracies from 0 to 1, spreads are standard deviations.

    Attributes:
        condition: What was varied.
        reads_trees: Whether its encoder reads the structure at all.
        seeds: How many there are.
        parameters: Trained parameters of the encoder alone.
        dev: Mean dev accuracy.
        dev_sd: Its spread over seeds; None for one seed.
        test: Mean test accuracy; None where there is no test set.
        test_sd: Its spread over seeds.
        train_speed: Median of training sentences a second.
        inference_speed: Median of sentences a second in inference.
    """

    condition: Condition
    reads_trees: bool
    seeds: int
    parameters: int
    dev: float
    dev_sd: float | None
    test: float | None
    test_sd: float | None
    train_speed: float
    inference_speed: float


@dataclass(frozen=True)
class Summary:
    """The outcome of an experiment.

    Attributes:
        rows: One for each condition that has a result, in the order planned.
        families: What can be said of the differences; none where there is no test set.
        varied: The names of what differs between rows, beside the encoder.
        notes: For each data set what must be said of it and of how it was parsed.
    """

    rows: tuple[Row, ...]
    families: tuple[Family, ...]
    varied: tuple[str, ...]
    notes: dict[str, tuple[str, ...]]

    @property
    def header(self) -> tuple[str, ...]:
        """The columns of the table."""
        return ("encoder", *self._shown, "params", "dev %", "test %", "train/s", "infer/s")

    @property
    def _shown(self) -> tuple[str, ...]:
        # Noise is shown with the structure that has it.
        names = ["structure" if name == "noise" else name for name in self.varied]
        return tuple(dict.fromkeys(name for name in names if name != "data"))

    def table(self, data: str) -> list[tuple[str, ...]]:
        """The rows of one data set as text."""
        return [
            (
                row.condition.encoder,
                *(_shown(row, name) for name in self._shown),
                f"{row.parameters:,}",
                _percent(row.dev, row.dev_sd),
                "-" if row.test is None else _percent(row.test, row.test_sd),
                f"{row.train_speed:,.0f}",
                f"{row.inference_speed:,.0f}",
            )
            for row in self.rows
            if row.condition.data == data
        ]

    def words(self, data: str) -> list[str]:
        """What can be said of one data set: whatever can be told apart, and how much can't."""
        lines: list[str] = []
        for family in self.families:
            if family.data != data:
                continue
            pairs = list(family.pairs.values())
            apart = [pair for pair in pairs if pair.told_apart]
            rest = [pair for pair in pairs if not pair.told_apart]
            lines += map(str, apart)
            if len(rest) <= _FEW:
                lines += map(str, rest)
            else:
                least = min(pair.p_corrected for pair in rest)
                which = "the other" if apart else "all"
                lines.append(
                    f"{which} {len(rest)} pairs of {family.question} can't be told apart on this data "
                    f"(p = {least:.2f} and more, n = {rest[0].examples} x {rest[0].seeds} seeds)"
                )
            smallest = statistics.median(pair.detectable for pair in pairs)
            lines.append(
                f"a true difference between two {family.question} must be about "
                f"{100 * smallest:.1f} points to be found four times in five"
            )
        return lines

    def to_markdown(self) -> str:
        """The tables and all that can be said, as Markdown."""
        lines = []
        for data, notes in self.notes.items():
            if len(self.notes) > 1:
                lines += [f"## {data}", ""]
            lines += ["| " + " | ".join(self.header) + " |", "|" + " --- |" * len(self.header)]
            lines += ["| " + " | ".join(row) + " |" for row in self.table(data)]
            pairs = [
                pair
                for family in self.families
                if family.data == data
                for pair in family.pairs.values()
            ]
            lines += ["", *(f"- {pair}" for pair in pairs), *(f"- {note}" for note in notes), ""]
        return "\n".join(lines).rstrip() + "\n"


def summarise(results: Results) -> Summary:
    """The summary of an experiment, also written as ``table.md``, ``table.json``, ``runs.csv``."""
    rows = tuple(_row(results, cell) for cell in results.cells)
    names = [name for name in asdict(rows[0].condition) if name != "encoder"] if rows else []
    varied = tuple(
        name for name in names if len({getattr(row.condition, name) for row in rows}) > 1
    )
    summary = Summary(
        rows=rows,
        families=results.families,
        varied=varied,
        notes={
            name: (*known["notes"], *_remarks(results.of_data(name)))
            for name, known in results.data.items()
        },
    )
    write_text(results.folder / "table.md", summary.to_markdown())
    write_text(results.folder / "runs.csv", _runs_csv(results))
    write_json(
        results.folder / "table.json",
        {
            "rows": [asdict(row) for row in rows],
            "families": [
                {
                    "data": family.data,
                    "question": family.question,
                    "pairs": [asdict(pair) for pair in family.pairs.values()],
                }
                for family in summary.families
            ],
            "notes": summary.notes,
        },
    )
    return summary


def _shown(row: Row, name: str) -> str:
    if name == "structure":
        if not row.reads_trees:
            return "-"
        noise = f", {100 * row.condition.noise:g}% wrong" if row.condition.noise else ""
        return row.condition.structure + noise
    value = getattr(row.condition, name)
    return f"{100 * value:g}%" if name == "fraction" else str(value)


def _row(results: Results, cell: Cell) -> Row:
    found = [run.result for run in cell.runs]
    return Row(
        condition=cell.condition,
        reads_trees=cell.condition.encoder in results.structured,
        seeds=len(cell.seeds),
        parameters=found[0]["parameters"]["encoder"],
        dev=statistics.fmean(cell.dev),
        dev_sd=_spread(cell.dev),
        test=statistics.fmean(cell.test) if cell.test else None,
        test_sd=_spread(cell.test),
        train_speed=statistics.median(result["train_speed"] for result in found),
        inference_speed=statistics.median(result["inference_speed"] for result in found),
    )


def _remarks(cells: Sequence[Cell]) -> list[str]:
    """What must be said of some encoders alone: scores of nodes, and trees made narrower."""
    remarks = []
    for cell in cells:
        nodes = [run.result.get("node_accuracy") for run in cell.runs]
        right = [share for share in nodes if share is not None]
        if right:
            remarks.append(
                f"{cell.condition.encoder}: {_percent(statistics.fmean(right), _spread(right))} % of "
                "the labelled nodes are right, roots among them; accuracies are of sentences"
            )
    placed = dict.fromkeys(
        cell.condition.encoder
        for cell in cells
        if cell.condition.structure != "constituency" and _has_places(cell.condition.encoder)
    )
    if placed:
        remarks.append(
            f"{', '.join(placed)}: where a node has more children than there are places for, each "
            "one too many hangs on the sibling before it"
        )
    return remarks


def _has_places(encoder: str) -> bool:
    with suppress(UnknownNameError):  # a plugin that isn't there when results are read
        return any("arity" in ENCODERS.options(name) for name, _ in ENCODERS.parse(encoder, ">"))
    return False


def _runs_csv(results: Results) -> str:
    lines = [
        "data,encoder,structure,noise,embedding,fraction,seed,fold,parameters,"
        "dev_accuracy,test_accuracy,epochs,train_speed,inference_speed"
    ]
    for cell in results.cells:
        for run in cell.runs:
            result = run.result
            test = result["test_accuracy"]
            condition = cell.condition
            fields = (
                condition.data,
                f'"{condition.encoder}"' if "," in condition.encoder else condition.encoder,
                condition.structure,
                f"{condition.noise:g}",
                condition.embedding,
                f"{condition.fraction:g}",
                f"{run.seed}",
                "" if run.fold is None else f"{run.fold}",
                f"{result['parameters']['encoder']}",
                f"{result['dev_accuracy']:.6f}",
                "" if test is None else f"{test:.6f}",
                f"{result['epochs']}",
                f"{result['train_speed']:.1f}",
                f"{result['inference_speed']:.1f}",
            )
            lines.append(",".join(fields))
    return "\n".join(lines) + "\n"


def _spread(values: Sequence[float]) -> float | None:
    return statistics.stdev(values) if len(values) > 1 else None


def _percent(mean: float, deviation: float | None) -> str:
    spread = "" if deviation is None else f" ± {100 * deviation:.1f}"
    return f"{100 * mean:.1f}{spread}"
