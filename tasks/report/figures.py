"""The figures of a report: what each shows, as a drawing and in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from tasks.report.canvas import (
    COLOURS,
    DASHES,
    INK,
    MARKS,
    MUTED,
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
from tasks.report.measures import Group, Measured
from tasks.report.words import listed, percent, points
from tasks.results.slices import Dimension
from tasks.results.statistics import expected_best

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

__all__ = [
    "accuracy",
    "conditions",
    "confusions",
    "curves",
    "pairs",
    "slices",
    "trade_off",
    "training",
    "tuning",
]


def accuracy(group: Group) -> Figure:
    """Test accuracy of each encoder, with its interval and every seed."""
    rows = group.members

    def paint(canvas: Canvas) -> None:
        axes = canvas.add_subplot()
        forest(axes, [(row, row.correct) for row in rows])
        for y, row in enumerate(rows):
            axes.plot(
                100 * row.correct.mean(1), [y] * len(row.seeds), "|", color=INK, ms=5, mew=0.7
            )
        name_rows(axes, [row.encoder for row in rows])
        axes.set_xlabel("test accuracy, %")
        legend(axes, rows)

    text = "; ".join(
        f"{row.encoder} {percent(row.test.mean)} ({percent(row.low)} to {percent(row.high)})"
        for row in rows
    )
    return drawn(
        f"accuracy-{group.name}",
        group.name,
        f"Test accuracy in percent with 95 % intervals over seeds and examples: {text}.",
        paint,
        height=0.9 + 0.27 * len(rows),
    )


def pairs(group: Group) -> Figure:
    """The difference of every two encoders, coloured where they can be told apart."""
    rows = sorted(group.members, key=lambda row: -row.test.mean)
    place = {row.encoder: i for i, row in enumerate(rows)}
    size = len(rows)

    def paint(canvas: Canvas) -> None:
        axes = canvas.add_subplot()
        axes.grid(False)
        for first, second, pair in group.pairs:
            for sign, one, other in ((1, first, second), (-1, second, first)):
                difference, x, y = sign * pair.difference, place[other.encoder], place[one.encoder]
                fill, ink = ("#0072b2", "white") if difference > 0 else ("#f6d3b8", INK)
                if pair.told_apart:
                    axes.fill([x, x + 1, x + 1, x], [y, y, y + 1, y + 1], color=fill, lw=0)
                weight = "bold" if pair.told_apart else "normal"
                axes.text(
                    *(x + 0.5, y + 0.5, points(difference)),
                    color=ink if pair.told_apart else MUTED,
                    fontweight=weight,
                    ha="center",
                    va="center",
                    size=7.5,
                )
        for line in range(size + 1):
            axes.plot([0, size], [line, line], color="white", lw=1.5)
            axes.plot([line, line], [0, size], color="white", lw=1.5)
        axes.set_xlim(0, size)
        axes.set_ylim(size, 0)
        names = [short(row.encoder, 20) for row in rows]
        axes.set_xticks(np.arange(size) + 0.5, names, rotation=40, ha="right", size=8)
        axes.set_yticks(np.arange(size) + 0.5, names, size=8.5)
        axes.spines[:].set_visible(False)

    beaten: dict[str, list[str]] = {}
    for first, second, pair in group.pairs:
        if pair.told_apart:
            better, worse = (first, second) if pair.difference > 0 else (second, first)
            beaten.setdefault(better.encoder, []).append(worse.encoder)
    told = [
        f"{row.encoder} than {listed(beaten[row.encoder])}" for row in rows if row.encoder in beaten
    ]
    return drawn(
        f"pairs-{group.name}",
        group.name,
        "Points by which the encoder of a row is more accurate than that of a column; coloured and "
        "bold where the two can be told apart, blue where the row is better. "
        + (f"Better are {'; '.join(told)}." if told else "No two can be told apart."),
        paint,
        height=1.1 + 0.3 * size,
        width=max(5.0, 1.6 + 0.47 * size),
    )


def trade_off(group: Group, kind: str) -> Figure:
    """Accuracy against the number of parameters, or against sentences a second; with the Pareto front.

    Args:
        group: The encoders.
        kind: ``parameters`` or ``speed``.
    """
    cheap = kind == "parameters"
    title = "parameters of the encoder" if cheap else "sentences a second in inference"
    rows = group.members
    costs = [float(row.parameters if cheap else row.inference_speed) for row in rows]
    scores = [100 * row.test.mean for row in rows]
    # From the cheapest on, what is better than all that are cheaper.
    order = sorted(range(len(rows)), key=lambda i: (costs[i] if cheap else -costs[i], -scores[i]))
    front: list[int] = []
    for place in order:
        if not front or scores[place] > scores[front[-1]]:
            front.append(place)

    def paint(canvas: Canvas) -> None:
        axes = canvas.add_subplot()
        axes.set_xscale("log")
        axes.step(
            [costs[i] for i in front],
            [scores[i] for i in front],
            where="post" if cheap else "pre",
            color="#b8c0ca",
            lw=1.2,
            zorder=1,
        )
        for row, cost in zip(rows, costs, strict=True):
            interval(axes, cost, row)
        axes.margins(x=0.12)
        names = [
            (row.encoder, costs[i], scores[i], COLOURS[row.family], i in front)
            for i, row in enumerate(rows)
        ]
        names_beside(axes, names)
        axes.set_xlabel(title)
        axes.set_ylabel("test accuracy, %")
        thousands(axes)

    return drawn(
        f"accuracy-{kind}-{group.name}",
        group.name,
        f"Test accuracy against {title}. On the Pareto front, where none is both better and "
        f"{'smaller' if cheap else 'faster'}: {listed(rows[i].encoder for i in front)} (in bold).",
        paint,
        height=3.4,
    )


def conditions(
    name: str, title: str, panels: Mapping[str, Sequence[tuple[str, Measured]]], about: str
) -> Figure:
    """Test accuracy of encoders in several conditions, such as structures: a panel for each encoder.

    Args:
        name: The stem of its files.
        title: What stands above it.
        panels: For each encoder the conditions, by name.
        about: What is compared, for the text.
    """
    count = max(map(len, panels.values()))

    def paint(canvas: Canvas) -> None:
        grid = canvas.subplots(len(panels), 1, sharex=True, squeeze=False)
        for axes, (encoder, cells) in zip(grid[:, 0], panels.items(), strict=True):
            forest(axes, [(cell, cell.correct) for _, cell in cells])
            name_rows(axes, [label for label, _ in cells])
            axes.set_title(encoder, fontweight="bold", color=COLOURS[cells[0][1].family])
            dashed_line(axes, 100 * cells[0][1].test.mean)
        grid[-1, 0].set_xlabel("test accuracy, %")

    text = " ".join(
        f"{encoder}: "
        + ", ".join(f"{label} {percent(cell.test.mean)}" for label, cell in cells)
        + "."
        for encoder, cells in panels.items()
    )
    return drawn(name, title, f"{about} {text}", paint, 0.5 + len(panels) * (0.35 + 0.23 * count))


def curves(
    name: str,
    title: str,
    series: Mapping[str, Sequence[Measured]],
    place: Callable[[Measured], float],
    label: str,
) -> Figure:
    """Test accuracy of each encoder against something that was varied, such as the share of train.

    Args:
        name: The stem of its files.
        title: What stands above it.
        series: For each encoder its cells in order.
        place: Where a cell stands on the horizontal axis, in percent; the axis is logarithmic if none
            stands at 0.
        label: What that is.
    """

    def paint(canvas: Canvas) -> None:
        axes = canvas.add_subplot()
        ticks = sorted({place(cell) for cells in series.values() for cell in cells})
        if ticks[0] > 0:
            axes.set_xscale("log")
        ends = []
        for number, (encoder, cells) in enumerate(series.items()):
            colour, family = COLOURS[cells[0].family], cells[0].family
            places = [place(cell) for cell in cells]
            means = [100 * cell.test.mean for cell in cells]
            axes.plot(places, means, color=colour, lw=1.3, ls=DASHES[number % len(DASHES)])
            for x, cell in zip(places, cells, strict=True):
                interval(axes, x, cell, faint=True)
            ends.append((encoder, places[-1], means[-1], COLOURS[family], False))
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.minorticks_off()
        names_beside(axes, ends)
        axes.set_xlabel(label)
        axes.set_ylabel("test accuracy, %")

    text = " ".join(
        f"{encoder}: "
        + ", ".join(f"{percent(cell.test.mean)} at {place(cell):g}" for cell in cells)
        + "."
        for encoder, cells in series.items()
    )
    return drawn(name, title, f"Test accuracy in percent against {label}. {text}", paint, 3.5)


def slices(group: Group, dimension: Dimension) -> Figure:
    """Accuracy of every encoder in every slice: a panel for each slice."""
    rows, parts = group.members, dimension.slices
    columns = min(len(parts), 4)
    lines = -(-len(parts) // columns)

    def paint(canvas: Canvas) -> None:
        grid = canvas.subplots(lines, columns, sharex=True, sharey=True, squeeze=False)
        for axes in grid.ravel()[len(parts) :]:
            axes.set_visible(False)
        for place, (axes, part) in enumerate(zip(grid.ravel(), parts, strict=False)):
            forest(axes, [(row, row.correct[:, list(part.members)]) for row in rows])
            axes.set_title(f"{wrapped(part.name)}\nn = {len(part)}", fontsize=9)
            whole = [row.correct[:, list(part.members)].mean() for row in rows]
            dashed_line(axes, 100 * float(np.mean(whole)))
            axes.tick_params(axis="x", labelsize=8, labelbottom=place >= len(parts) - columns)
        for axes in grid[:, 0]:
            name_rows(axes, [row.encoder for row in rows])
        canvas.supxlabel("accuracy, %; dashed: mean of all encoders in the slice", fontsize=9)

    best = []
    for part in parts:
        means = [float(row.correct[:, list(part.members)].mean()) for row in rows]
        top = int(np.argmax(means))
        best.append(f"{part.name} (n = {len(part)}): {rows[top].encoder}, {percent(means[top])}")
    return drawn(
        f"slice-{dimension.name}-{group.name}",
        "",
        f"Accuracy by {dimension.name}. The best mean in each slice: {'; '.join(best)}. "
        "All numbers are in the table below.",
        paint,
        height=0.5 + lines * (0.6 + 0.22 * len(rows)),
        width=1.6 + max(1.55 * columns, 3.4),
    )


def confusions(group: Group, member: Measured, limit: int = 10) -> Figure:
    """How often each label was taken for each other, over all seeds, in percent of the label.

    Args:
        group: The encoders.
        member: One of them.
        limit: Labels beyond this many, those with the fewest errors, are joined.
    """
    pairs = Counter(
        (gold, guess)
        for guesses in member.guesses
        for gold, guess in zip(group.gold, guesses, strict=True)
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
        pairs = _joined(pairs, worst, "others")
        labels.append("others")
    matrix = np.array([[pairs[gold, guess] for guess in labels] for gold in labels], dtype=float)
    shares = 100 * matrix / np.maximum(matrix.sum(1, keepdims=True), 1)

    def paint(canvas: Canvas) -> None:
        axes = canvas.add_subplot()
        axes.grid(False)
        axes.pcolormesh(shares, cmap="Blues", vmin=0, vmax=100, edgecolors="white", linewidth=1)
        axes.invert_yaxis()
        size = 8 if len(labels) <= 6 else 6.5
        for (row, column), share in np.ndenumerate(shares):
            if share >= 0.5:
                colour = "white" if share > 55 else INK
                where = (column + 0.5, row + 0.5)
                axes.text(*where, f"{share:.0f}", ha="center", va="center", color=colour, size=size)
        middles = np.arange(len(labels)) + 0.5
        names = [short(label, 12) for label in labels]
        axes.set_xticks(middles, names, rotation=45 if max(map(len, names)) > 4 else 0, ha="center")
        axes.set_yticks(middles, names)
        axes.spines[:].set_visible(False)
        axes.set_xlabel("predicted")
        axes.set_ylabel("label")

    totals = Counter(group.gold)
    errors = [(pair, n) for pair, n in pairs.most_common() if pair[0] != pair[1]]
    most = "; ".join(
        f"{gold} taken for {guess}, {100 * n / (totals[gold] * len(member.guesses)):.0f} %"
        for (gold, guess), n in errors[:3]
    )
    return drawn(
        f"confusion-{member.encoder}-{group.name}",
        member.encoder,
        f"Confusion matrix of {member.encoder} in percent of each label. "
        + (f"The most frequent errors: {most}." if most else "There are no errors."),
        paint,
        height=3.0,
        width=3.2,
    )


def training(group: Group) -> Figure:
    """Accuracy on dev and loss on train by epoch, for each encoder; every seed is a line."""
    rows = group.members
    columns = min(3, len(rows))
    lines = -(-len(rows) // columns)

    def paint(canvas: Canvas) -> None:
        from matplotlib.ticker import MaxNLocator

        grid = canvas.subplots(lines, columns, sharex=True, sharey=True, squeeze=False).ravel()
        for axes in grid[len(rows) :]:
            axes.set_visible(False)
        for place, (axes, row) in enumerate(zip(grid, rows, strict=False)):
            for run in row.cell.runs:
                epochs = [epoch["number"] for epoch in run.history]
                accuracy = [100 * epoch["dev_accuracy"] for epoch in run.history]
                axes.plot(epochs, accuracy, color=COLOURS[row.family], lw=0.9, alpha=0.75)
                best = run.result["best_epoch"]
                if best in epochs:
                    axes.plot(best, accuracy[epochs.index(best)], "o", color=INK, ms=2.5)
            axes.set_title(short(row.encoder, 22), fontsize=8.5)
            axes.tick_params(labelsize=8)
            axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
            if place >= len(rows) - columns:
                axes.xaxis.set_tick_params(labelbottom=True)
        canvas.supxlabel("epoch", fontsize=9)
        canvas.supylabel("dev accuracy, %", fontsize=9)

    text = "; ".join(
        f"{row.encoder} {percent(row.dev.mean)}, kept after epoch "
        + listed(str(run.result["best_epoch"]) for run in row.cell.runs)
        for row in rows
    )
    return drawn(
        f"training-{group.name}",
        group.name,
        f"Dev accuracy by epoch; a line for each run, a dot at the epoch that was kept. {text}.",
        paint,
        height=0.6 + 1.25 * lines,
        width=6.4,
    )


def _joined(pairs: Counter[tuple[str, str]], kept: set[str], rest: str) -> Counter[tuple[str, str]]:
    found: Counter[tuple[str, str]] = Counter()
    for (gold, guess), count in pairs.items():
        found[gold if gold in kept else rest, guess if guess in kept else rest] += count
    return found


def tuning(name: str, trials: Mapping[str, Sequence[float]], families: Mapping[str, str]) -> Figure:
    """The best dev accuracy to expect of so many trials of tuning, for each encoder.

    Args:
        name: What they were tuned on.
        trials: For each encoder the dev accuracy of each of its trials.
        families: What each encoder reads.
    """
    found = {
        encoder: [100 * best for best in expected_best(scores)]
        for encoder, scores in trials.items()
    }

    def paint(canvas: Canvas) -> None:
        from matplotlib.ticker import MaxNLocator

        axes = canvas.add_subplot()
        ends = []
        for number, (encoder, values) in enumerate(found.items()):
            colour = COLOURS[families[encoder]]
            places = range(1, len(values) + 1)
            axes.plot(places, values, color=colour, lw=1.4, ls=DASHES[number % len(DASHES)])
            axes.plot(places, values, MARKS[families[encoder]], color=colour, ms=3)
            ends.append((encoder, len(values), values[-1], colour, False))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        names_beside(axes, ends)
        axes.set_xlabel("trials")
        axes.set_ylabel("expected best dev accuracy, %")

    text = " ".join(
        f"{encoder}: {values[0]:.1f} with one trial, {values[-1]:.1f} with {len(values)}."
        for encoder, values in found.items()
    )
    return drawn(
        f"tuning-{name}", name, f"Expected best dev accuracy against trials. {text}", paint, 3.4
    )
