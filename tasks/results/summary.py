"""An experiment in tables and in words: means over seeds, and what is decided of their differences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from statistics import fmean

from tasks.data.structures import structure_of
from tasks.metrics import ACCURACY, AnyMetric
from tasks.models.options import INIT
from tasks.results.condition import Condition
from tasks.results.families import Family, label, usual
from tasks.results.folder import FinishedRun, Results
from tasks.results.measures import (
    CellMeasures,
    MajorityClass,
    Measures,
    ScoredCell,
    why_undefined,
)
from tasks.results.statistics import Comparison
from tasks.results.table import (
    Column,
    Entry,
    Table,
    mean_and_sd,
    number,
    over_seeds_text,
    text_table,
)
from tasks.results.verdicts import FEWEST_SEEDS, Verdict
from tasks.storage import write_json, write_text

__all__ = [
    "ENOUGH_SEEDS",
    "Summary",
    "family_in_words",
    "median_pair",
    "notes_on",
    "runs_without_result",
    "seeds_in_words",
    "summarise",
]


_FEW = 4  # undecided pairs, and pairs that are equal, that are named; more are counted
ENOUGH_SEEDS = 5
"""With fewer seeds, verdicts are possible and few."""


@dataclass(frozen=True)
class Summary:
    """The outcome of an experiment.

    Attributes:
        rows: The cells that have a result, in the order planned.
        families: The comparisons; none where there is no test set.
        notes: For each data set what must be said of it and of how it was parsed.
        majority: For each data set its most frequent label, as far as it is known.
        uncompared: See :attr:`tasks.results.measures.Measures.uncompared`.
    """

    rows: tuple[CellMeasures, ...]
    families: tuple[Family, ...]
    notes: Mapping[str, tuple[str, ...]]
    majority: Mapping[str, MajorityClass]
    uncompared: Mapping[str, str]

    @property
    def varied(self) -> tuple[str, ...]:
        """The names of what differs between rows, beside the encoder."""
        names = [field.name for field in fields(Condition) if field.name != "encoder"]
        return tuple(
            name for name in names if len({getattr(row.condition, name) for row in self.rows}) > 1
        )

    def table(self, data: str) -> Table:
        """The table of one data set: a row for each cell."""
        rows = [row for row in self.rows if row.condition.data == data]
        on_dev = rows[0].dev_metric if rows else ACCURACY
        metric = next((row.metric for row in rows if isinstance(row, ScoredCell)), on_dev)
        # Noise is shown with the structure that has it.
        names = ["structure" if name == "noise" else name for name in self.varied]
        shown = [name for name in dict.fromkeys(names) if name != "data"]
        # Dev has the first metric of the question: where another is tested, both say which they are.
        one = on_dev.key == metric.key
        dev, test = ("dev", "test") if one else (f"dev {on_dev.name}", f"test {metric.name}")
        known = self.majority.get(data)
        majority = [] if known is None else [_majority(known, metric, shown)]
        # With the ranks by which a narrow terminal hides columns: what tells rows apart, and test, stay.
        columns = (
            Column("encoder", "left", rank=0),
            *(Column(name, rank=0) for name in shown),
            Column("params", rank=2),
            Column(on_dev.unit.heading(dev), rank=1),
            Column(metric.unit.heading(test), rank=0),
            Column("train/s", rank=3),
            Column("infer/s", rank=3),
        )
        seeds = max((len(row.seeds) for row in rows), default=0)
        over = f"mean ± standard deviation of {seeds} seeds" if seeds > 1 else "one seed"
        return Table(
            title=f"{data}: {over}; sentences a second",
            columns=columns,
            rows=(*majority, *(_entries(row, shown) for row in rows)),
        )

    def words(self, data: str) -> list[str]:
        """The comparisons of one data set: who is better, and a few others; or why there are none."""
        families = [family for family in self.families if family.data == data]
        decided = [line for family in families for line in family_in_words(family)]
        return [*decided, *self._without_verdict(data)]

    def _without_verdict(self, data: str) -> list[str]:
        """Why the rows of one data set aren't compared, where its test set doesn't allow it."""
        if not _tells_why(self.uncompared, self.rows, data):
            return []
        return [
            f"no verdict: {self.uncompared[data]}, which doesn't show what others would change, so the "
            "figures describe these runs alone; give a larger or more varied test set"
        ]

    def to_markdown(self) -> str:
        """The tables, with all comparisons and notes, as Markdown."""
        lines = []
        for data, notes in self.notes.items():
            if len(self.notes) > 1:
                lines += [f"## {data}", ""]
            pairs = [
                pair
                for family in self.families
                if family.data == data
                for pair in family.pairs.values()
            ]
            lines += [self.table(data).to_markdown()]
            said = [*map(str, pairs), *self._without_verdict(data), *notes]
            lines += [*(f"- {line}" for line in said), ""]
        return "\n".join(lines).rstrip() + "\n"

    def to_json(self) -> dict[str, object]:
        """All rows, comparisons and notes, with full precision."""
        return {
            "rows": [
                row
                for data in self.notes
                for row in self.table(data).to_json()
                if "condition" in row  # the majority is below
            ],
            "families": [
                {
                    "data": family.data,
                    "question": family.question,
                    "pairs": [_numbers(pair) for pair in family.pairs.values()],
                }
                for family in self.families
            ],
            "notes": self.notes,
            "majority": {name: asdict(found) for name, found in self.majority.items()},
            "uncompared": self.uncompared,
        }


def _tells_why(uncompared: Mapping[str, str], rows: Sequence[CellMeasures], data: str) -> bool:
    """Whether a line says why there is no verdict on a data set: one row has nothing to compare."""
    return data in uncompared and sum(row.condition.data == data for row in rows) > 1


def family_in_words(family: Family) -> list[str]:
    """The verdicts of a family; of pairs that are equal or undecided, many are counted."""
    pairs = list(family.pairs.values())
    sure = [pair for pair in pairs if pair.seeds >= FEWEST_SEEDS]
    if not sure:
        seeds = min(pair.seeds for pair in pairs)
        return [
            f"no verdict on {family.question}: {seeds_in_words(seeds)} can't show what another seed "
            f"would change, so the figures describe these runs alone; give at least {FEWEST_SEEDS} "
            f"seeds, better {ENOUGH_SEEDS}"
        ]
    unit = pairs[0].metric.unit
    lines = [str(pair) for pair in pairs if pair.told_apart]
    told = (
        (Verdict.EQUAL, f"equal to within {unit.distance(pairs[0].margin)}"),
        (Verdict.UNDECIDED, "undecided: neither a difference nor equality is shown"),
        (Verdict.NONE, f"without a verdict, which takes {FEWEST_SEEDS} seeds,"),
    )
    for verdict, meaning in told:
        alike = [pair for pair in pairs if pair.verdict is verdict]
        if len(alike) <= _FEW:
            lines += map(str, alike)
        else:
            which = "all" if len(alike) == len(pairs) else f"{len(alike)} of"
            size = min(alike, key=lambda pair: pair.seeds).size
            lines.append(
                f"{which} {len(pairs)} pairs of {family.question} are {meaning} on this data ({size})"
            )
    lines.append(_sensitivity(family.question, sure))
    seeds = min(pair.seeds for pair in sure)
    if seeds < ENOUGH_SEEDS:
        lines.append(
            f"{seeds_in_words(seeds)} are few: with {ENOUGH_SEEDS} and more, fewer pairs stay undecided"
        )
    return lines


def seeds_in_words(number: int) -> str:
    """``one seed``, ``2 seeds``."""
    return "one seed" if number == 1 else f"{number} seeds"


def _share_of_seeds(number: int, seeds: int) -> str:
    """`` in 2 of 3 seeds``; nothing where there is one."""
    return f" in {number} of {seeds} seeds" if seeds > 1 else ""


def median_pair(pairs: Sequence[Comparison]) -> Comparison:
    """The pair in the middle by the difference that would be found: it stands for all."""
    return sorted(pairs, key=lambda pair: pair.detectable)[len(pairs) // 2]


def _sensitivity(question: str, pairs: Sequence[Comparison]) -> str:
    """The difference that is found four times in five, with these seeds and with more."""
    middle = median_pair(pairs)
    unit, more = middle.metric.unit, 2 * middle.seeds
    least = middle.least_detectable
    end = f"{least} with any number" if least else "less with more"
    return (
        f"a true difference of {unit.distance(middle.detectable)} between two {question} is found four "
        f"times in five (the median pair, all {middle.pairs} considered; "
        f"{unit.distance(middle.detectable_with(more))} with {more} seeds, {end})"
    ).replace(", all 1 considered", "")


def summarise(measures: Measures) -> Summary:
    """The summary of an experiment, also written as ``table.md``, ``table.json``, ``runs.csv``."""
    folder, data = measures.results.folder, measures.results.data
    notes = {
        name: (*notes_on(measures, name), *runs_without_result(measures.results, name))
        for name in data
    }
    summary = Summary(
        measures.cells, measures.families, notes, measures.majority, measures.uncompared
    )
    write_text(folder / "table.md", summary.to_markdown())
    write_text(folder / "runs.csv", _runs(measures.cells).to_csv())
    write_json(folder / "table.json", summary.to_json())
    return summary


def notes_on(measures: Measures, data: str) -> tuple[str, ...]:
    """What must be said of a data set, of how it was parsed, and of some encoders."""
    return (*measures.results.data[data].notes, *_remarks(measures, data))


def runs_without_result(results: Results, data: str) -> list[str]:
    """Which runs on a data set a table lacks: a line for each reason, with the first few of them.

    Args:
        results: What the experiment's folder holds.
        data: The data set.
    """
    planned = [run for run in results.experiment.runs if run.condition.data == data]
    unfinished = set(results.unfinished)
    by_reason: dict[str, list[str]] = {}
    for run in planned:
        folder = results.folder / run.folder
        if folder in unfinished:
            why = results.error(folder) or "not run yet"
            if (folder / "error.txt").exists() and folder not in results.damaged:
                why = f"{why.rstrip('.')}; see error.txt there"
            by_reason.setdefault(why, []).append(run.folder)
    lines = []
    for why, folders in by_reason.items():
        more = f" and {len(folders) - _FEW} more" if len(folders) > _FEW else ""
        lines.append(
            f"without a result, and not in the table: {len(folders)} of {len(planned)} runs, "
            f"{', '.join(folders[:_FEW])}{more} ({why})"
        )
    return lines


def _majority(found: MajorityClass, metric: AnyMetric, shown: Sequence[str]) -> tuple[Entry, ...]:
    """The row of the most frequent label."""
    dev, test = found.dev, None if found.test is None else found.test[metric.key]
    return (
        Entry(f"({found.label})", {"majority": found.label}),
        *(Entry("-") for _ in shown),
        Entry("-", {"parameters": 0}),
        Entry("-" if dev is None else ACCURACY.unit.text(dev), {"dev": dev}),
        Entry("-" if test is None else metric.unit.text(test), {"test": test}),
        Entry("-"),
        Entry("-"),
    )


def _entries(row: CellMeasures, shown: Sequence[str]) -> tuple[Entry, ...]:
    condition = row.condition
    about = {
        "condition": asdict(condition),
        "reads_trees": row.structured,
        "seeds": len(row.seeds),
    }
    test = mean_and_sd("test", None, row.dev_metric.unit)
    if isinstance(row, ScoredCell):
        test = mean_and_sd("test", row.test, row.metric.unit)
    return (
        Entry(condition.encoder, about),
        *(Entry(_shown(row, name)) for name in shown),
        number("parameters", row.parameters),
        mean_and_sd("dev", row.dev, row.dev_metric.unit),
        test,
        number("train_speed", row.train_speed),
        number("inference_speed", row.inference_speed),
    )


def _shown(row: CellMeasures, name: str) -> str:
    """What was varied, as text: one of the fields of a condition."""
    condition = row.condition
    if name == "structure":
        if not row.structured:
            return "-"
        noise = f", {100 * condition.noise:g}% wrong" if condition.noise else ""
        return condition.structure + noise
    if name == "fraction":
        return f"{100 * condition.fraction:g}%"
    return str(getattr(condition, name))


def _numbers(pair: Comparison) -> dict[str, object]:
    """A comparison as JSON has it."""
    return {name: value for name, value in vars(pair).items() if name != "metric"} | {
        "metric": pair.metric.key
    }


def _remarks(measures: Measures, data: str) -> list[str]:
    """What must be said of some encoders: constant predictions, nodes, numbers of children."""
    cells = [cell for cell in measures.cells if cell.condition.data == data]
    plain = usual([cell.condition for cell in cells]) if cells else None
    # Where all have one answer, to give one answer is no fault.
    varied = len({example.label for example in measures.results.examples[data]}) > 1
    remarks = [
        f"{label(cell.condition, plain, reads_trees=cell.structured)} predicts one label for every test "
        f"example{_share_of_seeds(cell.constant, len(cell.predictions))}: nothing was learned there"
        for cell in cells
        if plain is not None and varied and isinstance(cell, ScoredCell) and cell.constant
    ]
    why = why_undefined(measures.metrics[data][0], measures.results, data)
    told = _tells_why(measures.uncompared, cells, data) and measures.uncompared[data] == why
    if why and not told:
        remarks.append(why)
    remarks += [
        f"{cell.encoder}: {over_seeds_text(cell.node_accuracy, ACCURACY.unit)} % of "
        "the labelled nodes are right, roots among them; accuracies are of sentences"
        for cell in cells
        if cell.node_accuracy is not None
    ]
    for cell in cells:
        known = [run.result.words_with_vectors or 0.0 for run in cell.cell.runs]
        whole = plain is not None and cell.condition.fraction == plain.fraction
        if plain is not None and whole and cell.condition.embedding.startswith(INIT):
            remarks.append(
                f"{label(cell.condition, plain, reads_trees=cell.structured)}: {fmean(known):.1%} of "
                "the data's words are among those of pretraining; the others begin with new vectors"
            )
    for constituents, remedy in (
        (False, "each further one is attached to the sibling before it"),
        (True, "the last ones are grouped under a new node"),
    ):
        limited = dict.fromkeys(
            cell.encoder
            for cell in cells
            if cell.description.arity is not None
            and (structure_of(cell.condition.structure).field == "constituency") == constituents
        )
        if limited:
            remarks.append(
                f"{', '.join(limited)}: where a {'constituent' if constituents else 'node'} has more "
                f"children than the encoder has places for, {remedy}"
            )
    return remarks


def _runs(cells: Sequence[CellMeasures]) -> Table:
    """A row for each run, for ``runs.csv``."""
    header = (
        "data,encoder,structure,noise,embedding,fraction,seed,fold,parameters,"
        "dev_score,test_score,epochs,train_speed,inference_speed"
    ).split(",")
    rows = [_run(cell.condition, run) for cell in cells for run in cell.cell.runs]
    return text_table("runs", header, rows)


def _run(condition: Condition, run: FinishedRun) -> tuple[str, ...]:
    result = run.result
    return (
        condition.data,
        condition.encoder,
        condition.structure,
        f"{condition.noise:g}",
        condition.embedding,
        f"{condition.fraction:g}",
        f"{run.seed}",
        "" if run.fold is None else f"{run.fold}",
        f"{result.parameters['encoder']}",
        f"{result.dev_score:.6f}",
        "" if result.test_score is None else f"{result.test_score:.6f}",
        f"{result.epochs}",
        f"{result.train_speed:.1f}",
        f"{result.inference_speed:.1f}",
    )
