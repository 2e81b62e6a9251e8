"""The tables of a report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean

from tasks.metrics import ACCURACY, PERCENT, Metric
from tasks.report.groups import Group
from tasks.report.words import standing
from tasks.results.measures import ScoredCell, of_examples
from tasks.results.slices import Dimension
from tasks.results.table import Column, Entry, Table, mean_and_sd, number, text_table
from tasks.results.verdicts import Verdict

__all__ = [
    "class_table",
    "encoder_table",
    "pair_table",
    "results_table",
    "series_table",
    "slice_table",
]

_SPEED = "sentences a second"
_OVER_SEEDS = "mean ± standard deviation over seeds"


def encoder_table(group: Group) -> Table:
    """A row for each encoder: size, metrics, speed, and the verdict beside the best or the reference.

    Before them is a row for the most frequent label.
    """
    tested, *others = group.metrics
    on_dev = group.members[0].dev_metric
    several = len(group.members) > 1
    against = "reference" if group.reference else "best"
    one_label = group.question.is_one_label
    columns = (
        Column("encoder", "left"),
        # What a reader came for stands first: a phone shows two columns.
        Column(tested.unit.heading("test"), meaning=f"{tested.name}, {_OVER_SEEDS}"),
        Column("95 % interval", meaning="of the mean on test, over seeds and examples"),
        *[Column(f"vs. {against}", meaning=_verdicts(group, against))] * several,
        *(Column(metric.name, meaning=metric.about) for metric in others),
        *[Column("ECE", meaning="expected calibration error, in 15 bins")] * one_label,
        Column(on_dev.unit.heading("dev"), meaning=f"{on_dev.name}, {_OVER_SEEDS}"),
        Column("reads"),
        Column("parameters", meaning="trained parameters of the encoder alone"),
        Column("train/s", meaning=_SPEED),
        Column("infer/s", meaning=_SPEED),
    )
    rows = []
    if group.majority is not None:
        of_metrics, dev = group.majority.test or {}, group.majority.dev
        rows.append(
            (
                Entry(f'always "{group.majority.label}"', {"majority": group.majority.label}),
                _value(tested, of_metrics),
                *(Entry("") for _ in range(1 + several)),
                *(_value(metric, of_metrics) for metric in others),
                *[Entry("")] * one_label,
                Entry("" if dev is None else on_dev.unit.text(dev), {"dev": dev}),
                *(Entry("") for _ in range(4)),
            )
        )
    for member in group.members:
        beside = [Entry(standing(group, member))] * several
        calibration = fmean(member.calibration_error) if one_label else None
        rows.append(
            (
                Entry(member.encoder, {"encoder": member.encoder}),
                mean_and_sd("test", member.test, tested.unit),
                _interval(group, member.low, member.high),
                *beside,
                *(_mean(member, metric) for metric in others),
                *[number("calibration_error", calibration, ".3f")] * one_label,
                mean_and_sd("dev", member.dev, on_dev.unit),
                Entry(member.kind, {"reads": sorted(member.description.reads)}),
                number("parameters", member.parameters),
                number("train_speed", member.train_speed),
                number("inference_speed", member.inference_speed),
            )
        )
    return Table(group.name, columns, tuple(rows))


def pair_table(group: Group) -> Table:
    """A row for each two encoders, with every test; those that don't hold for the metric left out."""
    pairs, unit = group.pairs, group.metric.unit
    binary = all(pair.p_mcnemar is not None for *_, pair in pairs)
    effects = all(pair.effect is not None for *_, pair in pairs)
    orders = all(pair.order is not None for *_, pair in pairs)
    these_runs = "asks about these runs alone"
    columns = (
        Column("pair", "left"),
        Column(
            "difference",
            meaning=f"mean {group.metric.name} of the first minus that of the second"
            + (f", in {unit.difference}" if unit.difference else ""),
        ),
        Column("95 % interval", meaning="of the difference; it holds for all pairs together"),
        Column("p", meaning="of no difference, all pairs considered"),
        Column(
            "verdict",
            meaning=f"of the first: equal is a difference of less than {unit.distance(group.margin)}",
        ),
        Column("detectable", meaning="the true difference that is found four times in five"),
        Column(
            "p, permutation", meaning=f"exchanges the two encoders in each example; {these_runs}"
        ),
        *[Column("p, McNemar", meaning=f"single runs, the median; {these_runs}")] * binary,
        *[Column("Cohen's h", meaning="effect size: 0.2 is small, 0.5 medium, 0.8 large")]
        * effects,
        *[
            Column(
                "ASO",
                meaning="upper bound of the violation of stochastic order (Dror et al. 2019); below 0.5 "
                "the better one is better at almost every quantile of its seeds",
            )
        ]
        * orders,
    )
    rows = tuple(
        (
            Entry(f"{one.encoder} - {other.encoder}", {"first": pair.first, "second": pair.second}),
            Entry(unit.signed(pair.difference), {"difference": pair.difference}),
            Entry(
                f"{unit.signed(pair.low)} to {unit.signed(pair.high)}",
                {"low": pair.low, "high": pair.high},
            ),
            number("p", pair.p, ".4f"),
            Entry("-" if pair.verdict is Verdict.NONE else pair.verdict, {"verdict": pair.verdict}),
            Entry(unit.text(pair.detectable), {"detectable": pair.detectable}),
            number("p_permutation", pair.p_permutation, ".4f"),
            *[number("p_mcnemar", pair.p_mcnemar, ".4f")] * binary,
            *[number("effect", pair.effect, "+.2f")] * effects,
            *[number("order", pair.order, ".2f")] * orders,
        )
        for one, other, pair in pairs
    )
    return Table(f"{group.name}: all pairs", columns, rows)


def class_table(group: Group) -> Table:
    """F1 of each label, for each encoder."""
    what = f"test {group.question.part}s"
    header = ("label", what, *(member.encoder for member in group.members))
    counts = Counter(group.labels_of(group.gold))
    rows = [
        (
            label,
            str(counts[label]),
            *(
                PERCENT.text(member.class_f1[label]) if label in member.class_f1 else ""
                for member in group.members
            ),
        )
        for label in group.labels
    ]
    return text_table(f"{group.name}: F1 of each label, in percent", header, rows)


def slice_table(group: Group, dimension: Dimension) -> Table:
    """The metric with its interval in every slice of a dimension, for each encoder."""
    header = ("slice", "examples", *(member.encoder for member in group.members))
    rows = [
        (
            part.name,
            str(len(part)),
            *(_in_slice(group, member, part.members) for member in group.members),
        )
        for part in dimension.slices
    ]
    return text_table(f"{group.name}: {dimension.name}", header, rows)


def series_table(
    group: Group,
    title: str,
    columns: Sequence[str],
    cells: Mapping[str, Sequence[ScoredCell | None]],
) -> Table:
    """The metric on test of each encoder in several conditions; empty where there was no run.

    Args:
        group: The encoders.
        title: What the table shows.
        columns: The conditions.
        cells: For each encoder a cell in each condition.
    """
    rows = [
        (encoder, *("" if cell is None else _with_interval(group, cell) for cell in row))
        for encoder, row in cells.items()
    ]
    return text_table(title, ("encoder", *columns), rows)


def results_table(groups: Iterable[Group]) -> Table:
    """A row for each cell and seed, for ``results.csv``; the folds of a seed are one row."""
    header = (
        "data,embedding,encoder,structure,noise,fraction,seed,folds,parameters,dev_score,"
        "test_accuracy,macro_f1,mcc,calibration_error,mean_absolute_error,node_accuracy,epochs,"
        "train_speed,inference_speed"
    ).split(",")
    cells = [cell for group in groups for cell in group.varied]
    # Metrics of questions that aren't answered by one label stand last.
    more = dict.fromkeys(
        key for cell in cells for key in cell.values if key not in (*header, ACCURACY.key)
    )
    rows = [
        (*_of_seed(cell, place, seed), *(_number_of(cell, key, place) for key in more))
        for cell in cells
        for place, seed in enumerate(cell.seeds)
    ]
    return text_table("results", (*header, *more), rows)


def _number_of(cell: ScoredCell, key: str, place: int) -> str:
    """A metric of one seed; empty where it isn't measured."""
    return f"{cell.values[key][place]:.6f}" if key in cell.values else ""


def _of_seed(cell: ScoredCell, place: int, seed: int) -> tuple[str, ...]:
    condition, runs = cell.condition, [run.result for run in cell.cell.of_seed(seed)]
    nodes = [run.node_accuracy for run in runs if run.node_accuracy is not None]
    return (
        condition.data,
        condition.embedding,
        condition.encoder,
        condition.structure,
        f"{condition.noise:g}",
        f"{condition.fraction:g}",
        str(seed),
        str(len(runs)),
        str(cell.parameters),
        f"{fmean(run.dev_score for run in runs):.6f}",
        *(_number_of(cell, key, place) for key in ("accuracy", "macro_f1", "mcc")),
        f"{cell.calibration_error[place]:.6f}" if cell.calibration_error else "",
        _number_of(cell, "mean_absolute_error", place),
        f"{fmean(nodes):.6f}" if nodes else "",
        f"{fmean(run.epochs for run in runs):g}",
        f"{fmean(run.train_speed for run in runs):.1f}",
        f"{fmean(run.inference_speed for run in runs):.1f}",
    )


def _verdicts(group: Group, against: str) -> str:
    margin = group.metric.unit.distance(group.margin)
    return (
        f"better or worse than the {against}, equal to it to within {margin}, or undecided; all "
        "verdicts together are right in about 95 % of experiments"
    )


def _value(metric: Metric[str], values: Mapping[str, float]) -> Entry:
    value = values.get(metric.key)
    return Entry("" if value is None else metric.unit.text(value), {metric.key: value})


def _mean(member: ScoredCell, metric: Metric[str]) -> Entry:
    mean = fmean(member.values[metric.key])
    return Entry(metric.unit.text(mean), {metric.key: mean})


def _interval(group: Group, low: float, high: float) -> Entry:
    unit = group.metric.unit
    return Entry(f"{unit.text(low)} to {unit.text(high)}", {"low": low, "high": high})


def _with_interval(group: Group, cell: ScoredCell) -> str:
    return f"{group.metric.unit.text(cell.test.mean)} ({_interval(group, cell.low, cell.high)})"


def _in_slice(group: Group, member: ScoredCell, places: Sequence[int]) -> str:
    mean, low, high = member.part(places)
    unit = of_examples(group.metric).unit
    return f"{unit.text(mean)} ({unit.text(low)} to {unit.text(high)})"
