"""The tables of a report, and how they are written as CSV, Markdown and LaTeX."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

from tasks.report.measures import Group, Measured
from tasks.report.words import percent, points, standing
from tasks.results.slices import Dimension
from tasks.results.statistics import Spread, accuracy_interval

__all__ = [
    "Table",
    "class_table",
    "encoder_table",
    "pair_table",
    "results_csv",
    "series_table",
    "slice_table",
    "to_latex",
    "to_markdown",
]


@dataclass(frozen=True)
class Table:
    """A table of text.

    Args:
        title: What it shows.
        header: The names of its columns; the first one names the rows.
        rows: The cells.
        notes: How to read it.
    """

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()


def encoder_table(group: Group) -> Table:
    """A row for each encoder: size, accuracy, other measures, speed, and whether it is the best."""
    header = ["encoder", "reads", "parameters", "dev %", "test %", "95 % interval"]
    header += ["beside the best"] * (len(group.members) > 1) + ["macro-F1", "ECE"]
    header += ["abs. error"] * group.ordered + ["train/s", "infer/s"]
    rows = []
    for member in group.members:
        row = [
            member.encoder,
            member.family,
            f"{member.parameters:,}",
            _spread(member.dev),
            _spread(member.test),
            f"{percent(member.low)} to {percent(member.high)}",
        ]
        if len(group.members) > 1:
            row.append(standing(group, member))
        row += [percent(fmean(member.macro_f1)), f"{fmean(member.calibration_error):.3f}"]
        if member.mean_absolute_error is not None:
            row.append(f"{fmean(member.mean_absolute_error):.3f}")
        row += [f"{member.train_speed:,.0f}", f"{member.inference_speed:,.0f}"]
        rows.append(tuple(row))
    notes = [
        "dev, test: mean ± standard deviation over seeds; the interval is over seeds and examples",
        "macro-F1: mean over labels, in percent; ECE: expected calibration error, in 15 bins",
        "parameters: of the encoder alone; train/s, infer/s: sentences a second",
    ]
    if group.ordered:
        notes.append("abs. error: by how many steps of the scale a prediction is wrong, on average")
    return Table(group.name, tuple(header), tuple(rows), tuple(notes))


def pair_table(group: Group) -> Table:
    """A row for each two encoders, with every test."""
    header = (
        "pair",
        "difference",
        "95 % interval",
        "p, corrected",
        "p",
        "p, permutation",
        "p, bootstrap",
        "p, McNemar",
        "Cohen's h",
        "ASO",
        "detectable",
    )
    rows = tuple(
        (
            f"{one.encoder} - {other.encoder}",
            points(pair.difference),
            f"{points(pair.low)} to {points(pair.high)}",
            *(
                f"{p:.4f}"
                for p in (
                    pair.p_corrected,
                    pair.p,
                    pair.p_permutation,
                    pair.p_bootstrap,
                    pair.p_mcnemar,
                )
            ),
            f"{pair.effect:+.2f}",
            f"{pair.order:.2f}",
            f"{100 * pair.detectable:.1f}",
        )
        for one, other, pair in group.pairs
    )
    notes = (
        "difference: accuracy of the first less that of the second, in points; interval by bootstrap "
        "over seeds and examples",
        "p: a t-test over both seeds and examples; corrected by Holm for the number of pairs, it "
        "decides what is told apart",
        "permutation: exchanges the two example by example; McNemar: single runs, the median; both "
        "ask about these runs alone",
        "ASO: upper bound of the violation of stochastic order (Dror et al. 2019); below 0.5 the "
        "better one is better at almost every quantile of its seeds",
        "detectable: the smallest true difference, in points, that is found four times in five "
        "(before correction)",
    )
    return Table(f"{group.name}: all pairs", header, rows, notes)


def class_table(group: Group) -> Table:
    """F1 of each label, for each encoder."""
    rows = tuple(
        (
            label,
            str(group.gold.count(label)),
            *(
                percent(member.class_f1[label]) if label in member.class_f1 else ""
                for member in group.members
            ),
        )
        for label in group.labels
    )
    header = ("label", "test examples", *(member.encoder for member in group.members))
    return Table(f"{group.name}: F1 of each label, in percent", header, rows)


def slice_table(group: Group, dimension: Dimension) -> Table:
    """Accuracy with its interval in every slice of a dimension, for each encoder."""
    header = ("slice", "examples", *(member.encoder for member in group.members))
    rows = tuple(
        (
            part.name,
            str(len(part)),
            *(_in_slice(member, part.members) for member in group.members),
        )
        for part in dimension.slices
    )
    return Table(f"{group.name}: {dimension.name}", header, rows)


def series_table(
    title: str, columns: Sequence[str], cells: dict[str, list[Measured | None]]
) -> Table:
    """Test accuracy of each encoder in several conditions; empty where there was no run."""
    rows = tuple(
        (
            encoder,
            *(
                ""
                if cell is None
                else f"{percent(cell.test.mean)} ({percent(cell.low)} to {percent(cell.high)})"
                for cell in row
            ),
        )
        for encoder, row in cells.items()
    )
    return Table(title, ("encoder", *columns), rows)


def results_csv(groups: Iterable[Group]) -> str:
    """A line for each cell and seed; the folds of a seed are one line."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(
        "data,embedding,encoder,structure,noise,fraction,seed,folds,parameters,dev_accuracy,"
        "test_accuracy,macro_f1,calibration_error,mean_absolute_error,node_accuracy,epochs,"
        "train_speed,inference_speed".split(",")
    )
    for group in groups:
        for cell in group.varied:
            condition = cell.condition
            for place, seed in enumerate(cell.seeds):
                runs = [run.result for run in cell.cell.of_seed(seed)]
                nodes = [r["node_accuracy"] for r in runs if r["node_accuracy"] is not None]
                errors = cell.mean_absolute_error
                writer.writerow(
                    [
                        condition.data,
                        condition.embedding,
                        condition.encoder,
                        condition.structure,
                        f"{condition.noise:g}",
                        f"{condition.fraction:g}",
                        seed,
                        len(runs),
                        cell.parameters,
                        f"{cell.cell.dev[place]:.6f}",
                        f"{cell.correct[place].mean():.6f}",
                        f"{cell.macro_f1[place]:.6f}",
                        f"{cell.calibration_error[place]:.6f}",
                        f"{errors[place]:.6f}" if errors else "",
                        f"{fmean(nodes):.6f}" if nodes else "",
                        f"{fmean(run['epochs'] for run in runs):g}",
                        f"{fmean(run['train_speed'] for run in runs):.1f}",
                        f"{fmean(run['inference_speed'] for run in runs):.1f}",
                    ]
                )
    return buffer.getvalue()


def to_markdown(table: Table) -> str:
    """The table in Markdown, its notes below."""
    lines = [f"## {table.title}", "", _markdown_row(table.header)]
    lines.append("|" + "|".join([" --- ", *[" ---: "] * (len(table.header) - 1)]) + "|")
    lines += map(_markdown_row, table.rows)
    if table.notes:
        lines += ["", *(f"- {note}" for note in table.notes)]
    return "\n".join(lines) + "\n"


def to_latex(table: Table) -> str:
    """The table in LaTeX, for the package booktabs."""
    columns = "l" + "r" * (len(table.header) - 1)
    lines = [
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{_latex(table.title)}}}",
        rf"\begin{{tabular}}{{{columns}}}",
        r"\toprule",
        _latex_row(table.header),
        r"\midrule",
        *map(_latex_row, table.rows),
        r"\bottomrule",
        r"\end{tabular}",
        *(f"% {note}" for note in table.notes),
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _spread(spread: Spread) -> str:
    deviation = "" if spread.sd is None else f" ± {percent(spread.sd)}"
    return percent(spread.mean) + deviation


def _in_slice(member: Measured, places: tuple[int, ...]) -> str:
    part = member.correct[:, list(places)]
    low, high = accuracy_interval(part)
    return f"{percent(float(part.mean()))} ({percent(low)} to {percent(high)})"


def _markdown_row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"


def _latex_row(cells: Iterable[str]) -> str:
    return " & ".join(map(_latex, cells)) + r" \\"


_LATEX = str.maketrans(
    {
        **{character: "\\" + character for character in "&%$#_{}"},
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "±": r"$\pm$",
    }
)


def _latex(text: str) -> str:
    return text.translate(_LATEX)
