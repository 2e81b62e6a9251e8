"""The figures of a report: what each shows, as a drawing and in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean
from typing import TYPE_CHECKING

import numpy as np

from tasks.metrics import PERCENT, AnyMetric
from tasks.report.canvas import (
    COLOURS,
    DASHES,
    INK,
    MARKS,
    MUTED,
    SMALL,
    WIDTH,
    Figure,
    dashed_line,
    drawn,
    forest,
    interval,
    legend,
    name_rows,
    names_beside,
    short,
    thousands,
    wrapped,
)
from tasks.report.groups import Group
from tasks.report.words import listed
from tasks.results.measures import ScoredCell, of_examples
from tasks.results.slices import Dimension, name_of_others
from tasks.results.statistics import expected_best
from tasks.results.verdicts import Verdict
from tasks.training.epoch import Epoch

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

__all__ = [
    "accuracy",
    "conditions",
    "confusions",
    "curves",
    "losses",
    "pairs",
    "slices",
    "trade_off",
    "scatter",
    "training",
    "tuning",
]


EQUAL = "#e4e4e4"


def accuracy(group: Group) -> Figure:
    """The metric on test of each encoder, with its interval and every seed."""
    rows, metric, unit = group.members, group.metric, group.metric.unit

    def paint(canvas: Canvas) -> None:
        axes = canvas.add_subplot()
        forest(axes, [(row, row.whole) for row in rows], unit.factor)
        means = np.concatenate([row.scores.mean(1) for row in rows])
        places = np.repeat(np.arange(len(rows)), [len(row.seeds) for row in rows])
        axes.plot(unit.factor * means, places, "|", color=INK, ms=5, mew=0.7)
        name_rows(axes, [row.encoder for row in rows])
        axes.set_xlabel(unit.axis(f"test {metric.name}"))
        legend(axes, rows)

    text = "; ".join(
        f"{row.encoder} {unit.text(row.test.mean)} ({unit.text(row.low)} to {unit.text(row.high)})"
        for row in rows
    )
    return drawn(
        f"accuracy-{group.name}",
        group.name,
        f"{_on_test(group)} with 95 % intervals over seeds and examples: {text}.",
        paint,
        height=0.9 + 0.27 * len(rows),
    )


def pairs(group: Group) -> Figure:
    """The difference of every two encoders, coloured by its verdict."""
    metric, unit = group.metric, group.metric.unit
    rows = sorted(group.members, key=lambda row: -metric.sign * row.test.mean)
    place = {row.encoder: i for i, row in enumerate(rows)}
    size = len(rows)

    def paint(canvas: Canvas) -> None:
        axes = canvas.add_subplot()
        axes.grid(visible=False)
        for first, second, pair in group.pairs:
            for sign, one, other in ((1, first, second), (-1, second, first)):
                difference, x, y = sign * pair.difference, place[other.encoder], place[one.encoder]
                fill, ink = (
                    ("#0072b2", "white") if metric.sign * difference > 0 else ("#f6d3b8", INK)
                )
                equal = pair.verdict is Verdict.EQUAL
                if equal:
                    fill, ink = EQUAL, INK
                if pair.told_apart or equal:
                    axes.fill([x, x + 1, x + 1, x], [y, y, y + 1, y + 1], color=fill, lw=0)
                weight = "bold" if pair.told_apart else "normal"
                axes.text(
                    *(x + 0.5, y + 0.5, unit.signed(difference)),
                    color=ink if pair.told_apart or equal else MUTED,
                    fontweight=weight,
                    ha="center",
                    va="center",
                    size=SMALL,
                )
        axes.hlines(range(size + 1), 0, size, color="white", lw=1.5)
        axes.vlines(range(size + 1), 0, size, color="white", lw=1.5)
        axes.set_xlim(0, size)
        axes.set_ylim(size, 0)
        names = [short(row.encoder, 20) for row in rows]
        axes.set_xticks(np.arange(size) + 0.5, names, rotation=40, ha="right", size=SMALL)
        axes.set_yticks(np.arange(size) + 0.5, names, size=SMALL)
        axes.spines[:].set_visible(False)

    beaten: dict[str, list[str]] = {}
    for first, second, pair in group.pairs:
        if pair.told_apart:
            won = pair.verdict is Verdict.BETTER
            better, worse = (first, second) if won else (second, first)
            beaten.setdefault(better.encoder, []).append(worse.encoder)
    told = [
        f"{row.encoder} than {listed(beaten[row.encoder])}" for row in rows if row.encoder in beaten
    ]
    return drawn(
        f"pairs-{group.name}",
        group.name,
        f"Mean {metric.name} of the encoder of a row minus that of a column"
        + (f", in {unit.difference}" if unit.difference else "")
        + "; blue where the row is better, orange where it is worse, grey where the two are equal to "
        f"within {unit.distance(group.margin)}, without colour where that is undecided. "
        + (f"Better are {'; '.join(told)}." if told else "No two are told apart."),
        paint,
        height=1.1 + 0.3 * size,
        width=max(WIDTH, 1.7 + 0.54 * size),
    )


def trade_off(group: Group, kind: str) -> Figure:
    """The metric against the number of parameters, or sentences a second; with the Pareto front.

    Args:
        group: The encoders.
        kind: ``parameters`` or ``speed``.
    """
    cheap = kind == "parameters"
    title = "parameters of the encoder" if cheap else "sentences a second in inference"
    rows, metric, unit = group.members, group.metric, group.metric.unit
    costs = [float(row.parameters if cheap else row.inference_speed) for row in rows]
    values = [unit.factor * row.test.mean for row in rows]
    goodness = [metric.sign * value for value in values]
    # From the cheapest on, what is better than all that are cheaper.
    order = sorted(range(len(rows)), key=lambda i: (costs[i] if cheap else -costs[i], -goodness[i]))
    front: list[int] = []
    for place in order:
        if not front or goodness[place] > goodness[front[-1]]:
            front.append(place)

    # A logarithmic axis has no 0: what has no parameters stands before all others.
    least = min(filter(None, costs), default=1.0)
    places = [cost or least / 3 for cost in costs]
    nothing = [row.encoder for row, cost in zip(rows, costs, strict=True) if not cost]

    def paint(canvas: Canvas) -> None:
        axes = canvas.add_subplot()
        axes.set_xscale("log")
        axes.step(
            [places[i] for i in front],
            [values[i] for i in front],
            where="post" if cheap else "pre",
            color="#b8c0ca",
            lw=1.2,
            zorder=1,
        )
        for row, place in zip(rows, places, strict=True):
            interval(axes, place, row)
        axes.margins(x=0.12)
        names = [
            (row.encoder, places[i], values[i], COLOURS[row.kind], i in front)
            for i, row in enumerate(rows)
        ]
        names_beside(axes, names)
        axes.set_xlabel(title)
        axes.set_ylabel(unit.axis(f"test {metric.name}"))
        thousands(axes)

    return drawn(
        f"accuracy-{kind}-{group.name}",
        f"{group.name}: {'size' if cheap else 'speed'}",
        f"Test {metric.name} against {title}. On the Pareto front, where none is both better and "
        f"{'smaller' if cheap else 'faster'}: {listed(rows[i].encoder for i in front)} (in bold)."
        + (f" Without any, at the left: {listed(nothing)}." if nothing else ""),
        paint,
        height=3.4,
    )


def conditions(
    group: Group,
    name: str,
    title: str,
    panels: Mapping[str, Sequence[tuple[str, ScoredCell]]],
    varied: str,
) -> Figure:
    """The metric of encoders in several conditions, such as structures: a panel for each encoder.

    Args:
        group: The encoders.
        name: The stem of its files.
        title: What stands above it.
        panels: For each encoder the conditions, by name.
        varied: What differs between them, for the text.
    """
    metric, unit = group.metric, group.metric.unit
    count = max(map(len, panels.values()))

    def paint(canvas: Canvas) -> None:
        grid = canvas.subplots(len(panels), 1, sharex=True, squeeze=False)
        for axes, (encoder, cells) in zip(grid[:, 0], panels.items(), strict=True):
            forest(axes, [(cell, cell.whole) for _, cell in cells], unit.factor)
            name_rows(axes, [label for label, _ in cells])
            axes.set_title(encoder, fontweight="bold", color=COLOURS[cells[0][1].kind])
            dashed_line(axes, unit.factor * cells[0][1].test.mean)
        grid[-1, 0].set_xlabel(unit.axis(f"test {metric.name}"))

    text = " ".join(
        f"{encoder}: "
        + ", ".join(f"{label} {unit.text(cell.test.mean)}" for label, cell in cells)
        + "."
        for encoder, cells in panels.items()
    )
    about = f"{_on_test(group)} by {varied}. {text}"
    return drawn(name, title, about, paint, 0.5 + len(panels) * (0.35 + 0.23 * count))


def curves(
    group: Group,
    name: str,
    series: Mapping[str, Sequence[ScoredCell]],
    place: Callable[[ScoredCell], float],
    label: str,
) -> Figure:
    """The metric of each encoder against something that was varied, such as the share of train.

    Args:
        group: The encoders.
        name: The stem of its files.
        series: For each encoder its cells in order.
        place: Where a cell stands on the horizontal axis, in percent; the axis is logarithmic if none
            stands at 0.
        label: What that is.
    """
    metric, unit = group.metric, group.metric.unit

    def paint(canvas: Canvas) -> None:
        axes = canvas.add_subplot()
        ticks = sorted({place(cell) for cells in series.values() for cell in cells})
        if ticks[0] > 0:
            axes.set_xscale("log")
        ends = []
        for number, (encoder, cells) in enumerate(series.items()):
            colour = COLOURS[cells[0].kind]
            places = [place(cell) for cell in cells]
            means = [unit.factor * cell.test.mean for cell in cells]
            axes.plot(places, means, color=colour, lw=1.3, ls=DASHES[number % len(DASHES)])
            for x, cell in zip(places, cells, strict=True):
                interval(axes, x, cell, faint=True)
            ends.append((encoder, places[-1], means[-1], colour, False))
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.minorticks_off()
        names_beside(axes, ends)
        axes.set_xlabel(label)
        axes.set_ylabel(unit.axis(f"test {metric.name}"))

    text = " ".join(
        f"{encoder}: "
        + ", ".join(f"{unit.text(cell.test.mean)} at {place(cell):g}" for cell in cells)
        + "."
        for encoder, cells in series.items()
    )
    about = f"{_on_test(group)} against {label}. {text}"
    return drawn(name, group.name, about, paint, 3.5)


def slices(group: Group, dimension: Dimension) -> Figure:
    """The metric of every encoder in every slice: a panel for each slice."""
    rows, parts, metric = group.members, dimension.slices, of_examples(group.metric)
    unit = metric.unit
    columns = min(len(parts), 2)
    lines = -(-len(parts) // columns)

    def paint(canvas: Canvas) -> None:
        grid = canvas.subplots(lines, columns, sharex=True, sharey=True, squeeze=False)
        for axes in grid.ravel()[len(parts) :]:
            axes.set_visible(False)
        for place, (axes, part) in enumerate(zip(grid.ravel(), parts, strict=False)):
            forest(axes, [(row, row.part(part.members)) for row in rows], unit.factor)
            axes.set_title(f"{wrapped(part.name)}\nn = {len(part)}", fontsize=SMALL)
            whole = [row.own_scores[:, list(part.members)].mean() for row in rows]
            dashed_line(axes, unit.factor * float(np.mean(whole)))
            axes.tick_params(axis="x", labelsize=SMALL, labelbottom=place >= len(parts) - columns)
        for axes in grid[:, 0]:
            name_rows(axes, [row.encoder for row in rows])
        axis = unit.axis(metric.name)
        canvas.supxlabel(f"{axis}; dashed: mean of all encoders in the slice", fontsize=SMALL)

    best = []
    for part in parts:
        means = [float(row.own_scores[:, list(part.members)].mean()) for row in rows]
        top = int(np.argmax([metric.sign * mean for mean in means]))
        best.append(f"{part.name} (n = {len(part)}): {rows[top].encoder}, {unit.text(means[top])}")
    return drawn(
        f"slice-{dimension.name}-{group.name}",
        "",
        f"{metric.name.capitalize()} on the test set of {group.data} by {dimension.name}. The best mean "
        f"in each slice: {'; '.join(best)}. "
        "All numbers are in the table below.",
        paint,
        height=0.5 + lines * (0.6 + 0.22 * len(rows)),
    )


def confusions(group: Group, member: ScoredCell, limit: int = 10) -> Figure:
    """The confusion matrix of an encoder over all seeds, in percent of each label.

    Args:
        group: The encoders.
        member: One of them.
        limit: The most labels to show; of more, those with the fewest errors are joined.
    """
    pairs = Counter(
        (gold, predicted)
        for predictions in member.predictions
        for gold, predicted in zip(
            group.labels_of(group.gold), group.labels_of(predictions), strict=True
        )
    )
    labels = list(group.labels)
    if len(labels) > limit:
        wrong = Counter(
            {
                label: sum(n for pair, n in pairs.items() if label in pair and pair[0] != pair[1])
                for label in labels
            }
        )
        worst = {label for label, _ in wrong.most_common(limit - 1)}
        labels = [label for label in labels if label in worst]
        others = name_of_others(labels)
        pairs = _joined(pairs, worst, others)
        labels.append(others)
    matrix = np.array(
        [[pairs[gold, predicted] for predicted in labels] for gold in labels], dtype=float
    )
    shares = 100 * matrix / np.maximum(matrix.sum(1, keepdims=True), 1)

    def paint(canvas: Canvas) -> None:
        axes = canvas.add_subplot()
        axes.grid(visible=False)
        axes.pcolormesh(shares, cmap="Blues", vmin=0, vmax=100, edgecolors="white", linewidth=1)
        axes.invert_yaxis()
        for (row, column), share in np.ndenumerate(shares):
            if share >= 0.5:
                colour = "white" if share > 55 else INK
                where = (column + 0.5, row + 0.5)
                axes.text(
                    *where, f"{share:.0f}", ha="center", va="center", color=colour, size=SMALL
                )
        middles = np.arange(len(labels)) + 0.5
        names = [short(label, 12) for label in labels]
        axes.set_xticks(middles, names, rotation=45 if max(map(len, names)) > 4 else 0, ha="center")
        axes.set_yticks(middles, names)
        axes.spines[:].set_visible(False)
        axes.set_xlabel("predicted")
        axes.set_ylabel("label")

    totals = Counter[str]()  # over all seeds, and of joined labels together
    for (gold, _), n in pairs.items():
        totals[gold] += n
    errors = [(pair, n) for pair, n in pairs.most_common() if pair[0] != pair[1]]
    most = "; ".join(
        f"{gold} taken for {predicted}, {100 * n / totals[gold]:.0f} %"
        for (gold, predicted), n in errors[:3]
    )
    return drawn(
        f"confusion-{member.encoder}-{group.name}",
        member.encoder,
        f"Confusion matrix of {member.encoder} in percent of each label. "
        + (f"The most frequent errors: {most}." if most else "There are no errors."),
        paint,
        height=3.0 if len(labels) <= 6 else 4.2,
        width=3.2 if len(labels) <= 6 else WIDTH,
    )


def scatter(group: Group, member: ScoredCell) -> Figure:
    """The predicted number of each test example, against the gold one."""
    gold = np.array(group.gold, dtype=float)
    predicted = np.array(member.predictions[0], dtype=float)

    def paint(canvas: Canvas) -> None:
        axes = canvas.add_subplot()
        low, high = float(min(gold.min(), predicted.min())), float(max(gold.max(), predicted.max()))
        axes.plot([low, high], [low, high], color=MUTED, linewidth=1)
        axes.plot(gold, predicted, ".", color=COLOURS[member.kind], alpha=0.35, markersize=4, mew=0)
        axes.set_xlabel("gold")
        axes.set_ylabel("predicted")

    values = "; ".join(
        f"{metric.name} {metric.unit.text(member.values[metric.key][0])}"
        for metric in group.metrics
    )
    return drawn(
        f"scatter-{member.encoder}-{group.name}",
        member.encoder,
        f"Numbers that {member.encoder} predicts, against the gold ones; on the line both are equal. "
        f"{values}.",
        paint,
        height=3.0,
        width=3.2,
    )


def training(group: Group) -> Figure:
    """The metric that selects on dev, by epoch, for each encoder; a line for each run."""
    metric = group.members[0].selecting
    factor = metric.sign * metric.unit.factor
    text = "; ".join(
        f"{row.encoder} {metric.unit.text(_kept(row))}, kept after epoch "
        + listed(str(run.result.best_epoch) for run in row.cell.runs)
        for row in group.members
        if all(run.history for run in row.cell.runs)
    )
    return _by_epoch(
        group,
        "training",
        f"{metric.name} on dev",
        metric.unit.axis(f"dev {metric.name}"),
        f"Dev {metric.name} by epoch; a line for each run, a dot at the epoch that was kept. {text}.",
        {"-": lambda epoch: factor * epoch.dev_score},
    )


def _kept(row: ScoredCell) -> float:
    """The metric that selects on dev, after the epochs that were kept; the mean over runs."""
    best = (max(run.history, key=lambda epoch: epoch.merit) for run in row.cell.runs)
    return row.selecting.sign * fmean(epoch.dev_score for epoch in best)


def losses(group: Group) -> Figure:
    """Loss on train, and on dev, by epoch, for each encoder; two lines for each run."""
    text = "; ".join(
        f"{row.encoder} {fmean(run.history[0].train_loss for run in row.cell.runs):.2f} to "
        f"{fmean(run.history[-1].train_loss for run in row.cell.runs):.2f}"
        for row in group.members
        if all(run.history for run in row.cell.runs)
    )
    return _by_epoch(
        group,
        "loss",
        "loss on train and on dev (dashed)",
        "loss",
        "Loss by epoch, on train (solid) and on dev (dashed); two lines for each run, a dot at "
        f"the epoch that was kept. Mean train loss, from the first epoch to the last: {text}.",
        {"-": lambda epoch: epoch.train_loss, "--": lambda epoch: epoch.dev_loss},
    )


def _by_epoch(
    group: Group,
    name: str,
    title: str,
    label: str,
    text: str,
    lines: Mapping[str, Callable[[Epoch], float]],
) -> Figure:
    """What was measured after each epoch: a panel for each encoder, lines for each run.

    Args:
        group: The encoders.
        name: What the file's name begins with.
        title: What is shown.
        label: The label of the vertical axis.
        text: The figure in words.
        lines: For each style of a line what it shows.
    """
    rows = group.members
    columns = min(2, len(rows))
    height = -(-len(rows) // columns)

    def paint(canvas: Canvas) -> None:
        from matplotlib.ticker import MaxNLocator

        grid = canvas.subplots(height, columns, sharex=True, sharey=True, squeeze=False).ravel()
        for axes in grid[len(rows) :]:
            axes.set_visible(False)
        for place, (axes, row) in enumerate(zip(grid, rows, strict=False)):
            for run in row.cell.runs:
                epochs = [epoch.number for epoch in run.history]
                # One epoch is no line.
                marker = "." if len(epochs) == 1 else ""
                for style, value in lines.items():
                    values = [value(epoch) for epoch in run.history]
                    axes.plot(
                        *(epochs, values, style),
                        marker=marker,
                        color=COLOURS[row.kind],
                        lw=0.9,
                        alpha=0.75,
                    )
                    best = run.result.best_epoch
                    if best in epochs:
                        axes.plot(best, values[epochs.index(best)], "o", color=INK, ms=2.5)
            axes.set_title(short(row.encoder, 22), fontsize=SMALL)
            axes.tick_params(labelsize=SMALL)
            axes.xaxis.set_major_locator(MaxNLocator(4, integer=True, min_n_ticks=1))
            if place >= len(rows) - columns:
                axes.xaxis.set_tick_params(labelbottom=True)
        canvas.supxlabel("epoch", fontsize=SMALL)
        canvas.supylabel(label, fontsize=SMALL)

    return drawn(
        f"{name}-{group.name}",
        f"{group.name}: {title}",
        text,
        paint,
        height=max(0.6 + 1.25 * height, 2.2),
    )


def _on_test(group: Group) -> str:
    metric = group.metric
    return f"Test {metric.name}{' in percent' if metric.unit == PERCENT else ''}"


def _joined(pairs: Counter[tuple[str, str]], kept: set[str], rest: str) -> Counter[tuple[str, str]]:
    found: Counter[tuple[str, str]] = Counter()
    for (gold, predicted), count in pairs.items():
        found[gold if gold in kept else rest, predicted if predicted in kept else rest] += count
    return found


def tuning(
    name: str, trials: Mapping[str, Sequence[float]], kinds: Mapping[str, str], metric: AnyMetric
) -> Figure:
    """The best score on dev to expect of a number of trials of tuning, for each encoder.

    Args:
        name: What they were tuned on.
        trials: For each encoder the score of each of its trials on dev.
        kinds: The kind of each encoder.
        metric: What the scores are of.
    """
    unit = metric.unit
    found = {
        encoder: [unit.factor * best for best in expected_best(scores)]
        for encoder, scores in trials.items()
    }

    def paint(canvas: Canvas) -> None:
        from matplotlib.ticker import MaxNLocator

        axes = canvas.add_subplot()
        ends = []
        for number, (encoder, values) in enumerate(found.items()):
            colour = COLOURS[kinds[encoder]]
            places = range(1, len(values) + 1)
            axes.plot(places, values, color=colour, lw=1.4, ls=DASHES[number % len(DASHES)])
            axes.plot(places, values, MARKS[kinds[encoder]], color=colour, ms=3)
            ends.append((encoder, len(values), values[-1], colour, False))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        names_beside(axes, ends)
        axes.set_xlabel("trials")
        axes.set_ylabel(unit.axis(f"expected best dev {metric.name}"))

    text = " ".join(
        f"{encoder}: {values[0]:.{unit.digits}f} with one trial, {values[-1]:.{unit.digits}f} with "
        f"{len(values)}."
        for encoder, values in found.items()
    )
    return drawn(
        f"tuning-{name}",
        name,
        f"Expected best dev {metric.name} against trials. {text}",
        paint,
        3.4,
    )
