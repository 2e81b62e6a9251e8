"""The sections of a report, in order; one with nothing to show is left out."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from tasks.folders import encoder_folder, folder_name
from tasks.metrics import PERCENT
from tasks.report import figures, tables, words
from tasks.report.browser import Opposition, oppositions
from tasks.report.canvas import Figure
from tasks.report.groups import Group
from tasks.results.folder import Results
from tasks.results.measures import ScoredCell, metrics_of
from tasks.results.slices import Dimension, dividing_columns
from tasks.results.table import Table

__all__ = ["Card", "Part", "Section", "cards", "reproduction", "sections"]

Findings = Mapping[str, list[words.StructureFinding]]
Series = Mapping[str, Sequence[ScoredCell]]

OPEN = 2
"""How many ways to divide the test set are shown at once; a reader unfolds the others."""


@dataclass(frozen=True)
class Part:
    """A part of a section, such as that of one data set.

    Args:
        title: Its heading; none if empty.
        lines: Its sentences.
        tables: Its tables, shown at once.
        figures: Its figures.
        oppositions: Examples that it shows.
        more: Its tables that a reader unfolds.
        folded: Whether a reader unfolds the part itself.
    """

    title: str = ""
    lines: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    figures: tuple[Figure, ...] = ()
    oppositions: tuple[Opposition, ...] = ()
    more: tuple[Table, ...] = ()
    folded: bool = False


@dataclass(frozen=True)
class Section:
    """A section of the report.

    Args:
        anchor: Its name in an address.
        title: Its heading.
        about: How to read it.
        parts: What it shows.
    """

    anchor: str
    title: str
    about: str
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Card:
    """The summary of one group.

    Args:
        title: The group.
        verdict: Whether structure helps, in a few words.
        structure: On what grounds.
        ranking: Which encoder is the best, and how the others compare.
        sensitivity: How large a difference must be to be found.
        telling: The slice that changes the differences between encoders most; empty where none does.
    """

    title: str
    verdict: str
    structure: tuple[str, ...]
    ranking: tuple[str, ...]
    sensitivity: str
    telling: str


def cards(
    groups: Iterable[Group], findings: Findings, dimensions: Mapping[str, Sequence[Dimension]]
) -> list[Card]:
    """The summary in words, a card for each group."""
    found = []
    for group in groups:
        verdict, grounds = words.structure_verdict(group, findings[group.name])
        found.append(
            Card(
                group.name,
                verdict,
                tuple(grounds),
                tuple(words.ranking(group)),
                words.sensitivity(group),
                words.telling_slice(group, dimensions[group.data]),
            )
        )
    return found


def sections(
    results: Results,
    groups: Sequence[Group],
    dimensions: Mapping[str, Sequence[Dimension]],
    findings: Findings,
) -> list[Section]:
    """All that the figures and tables show.

    Args:
        results: The experiment.
        groups: Its groups.
        dimensions: For each data set the ways to divide it.
        findings: How the parse does beside controls, for each group by its name.
    """
    several = [group for group in groups if len(group.members) > 1]
    names = {group.metric.name for group in groups}
    what = next(iter(names)) if len(names) == 1 else "the metric"
    what = what[0].upper() + what[1:]
    found = [
        Section(
            "table",
            "The table",
            "Every encoder on equal terms: the same data, embeddings, head and split."
            + (
                ' A row "always ..." gives everything that is asked about the most frequent label of '
                "train."
                if any(group.majority is not None for group in groups)
                else ""
            ),
            tuple(
                Part(
                    tables=(tables.encoder_table(group),),
                    more=(tables.class_table(group),) if group.labels else (),
                    lines=group.notes,
                )
                for group in groups
            ),
        ),
        Section(
            "slices",
            "Slices of the test set",
            "The test set, divided by properties of its sentences. First comes the division that "
            "changes the differences between encoders most. Lines are 95 % intervals over seeds and "
            "examples. With so many slices, some differ by chance: take them as hints where to look.",
            tuple(_slices(results, groups, dimensions)),
        ),
        Section(
            "accuracy",
            what,
            "Marks are means over seeds, ticks single seeds, lines 95 % intervals over seeds and "
            "examples. Intervals may overlap although one encoder is better, since all are tested on "
            "the same examples: see the pairwise differences.",
            tuple(Part(figures=(figures.accuracy(group),)) for group in groups),
        ),
        Section(
            "pairs",
            "Pairwise differences",
            "The mean of the row minus that of the column, the best encoder first. Filled cells are "
            "decided: the row is better, worse or equal. The verdicts of an experiment are all right in "
            "about 95 % of experiments.",
            tuple(
                Part(figures=(figures.pairs(group),), more=(tables.pair_table(group),))
                for group in several
            ),
        ),
        Section(
            "structures",
            "Real trees against controls",
            "The same encoder and the same words, with another tree in place of the real one. If a tree "
            "that knows no grammar does as well, grammar is not what helps.",
            tuple(
                _structures(group, series, findings[group.name])
                for group in groups
                if (series := group.with_structures())
            ),
        ),
        Section(
            "noise",
            "The quality of the parse",
            "What happens when some heads are reattached at random, in training and in test.",
            tuple(
                _curves(group, "noise", "wrong heads", series, words.noisy_parses(group))
                for group in groups
                if (series := group.with_noise())
            ),
        ),
        Section(
            "fractions",
            "Learning curves",
            "The metric on test after training on a part of train. What an encoder assumes about "
            "language counts most where data is scarce.",
            tuple(
                _curves(group, "fraction", "share of train", series, words.enough_train(group))
                for group in groups
                if (series := group.with_fractions())
            ),
        ),
        Section(
            "embeddings",
            "Embeddings",
            "The same encoders with other word vectors.",
            tuple(_embeddings(groups)),
        ),
        Section(
            "oppositions",
            "Where structure and sequence disagree",
            "Sentences that all encoders of one kind get right and all of the other kind get wrong, in "
            "most of their seeds. Those on which the two kinds differ most come first, of these the "
            "shortest.",
            tuple(
                Part(group.name, oppositions=tuple(found))
                for group in groups
                if (found := oppositions(group, results.examples[group.data]))
            ),
        ),
        Section(
            "cost",
            f"{what} against size and speed",
            "Encoders on the grey steps are the best for their cost: no other is both better and "
            "cheaper. Speeds are those of the machine that ran the experiment.",
            tuple(
                Part(
                    figures=(
                        figures.trade_off(group, "parameters"),
                        figures.trade_off(group, "speed"),
                    )
                )
                for group in several
            ),
        ),
        Section(
            "confusions",
            "Confusion matrices",
            "What was predicted of each label, in percent, over all seeds.",
            tuple(
                Part(
                    group.name,
                    figures=tuple(figures.confusions(group, member) for member in group.members),
                )
                for group in groups
                if group.question.answer == "label"
            ),
        ),
        Section(
            "scatter",
            "Predicted and gold numbers",
            "Of each test example, in the first seed.",
            tuple(
                Part(
                    group.name,
                    figures=tuple(figures.scatter(group, member) for member in group.members),
                )
                for group in groups
                if group.question.is_number
            ),
        ),
        Section(
            "training",
            "Training",
            "Loss on train and the metric on dev, by epoch: a line for each run, a dot at the epoch "
            "that was kept.",
            tuple(
                Part(figures=(figures.losses(group), figures.training(group))) for group in groups
            ),
        ),
        Section(
            "tuning",
            "Tuning",
            "The best score on dev to expect of a number of random trials (Dodge et al. 2019). All "
            "encoders had the same number of trials.",
            tuple(_tuning(results, groups)),
        ),
    ]
    return [section for section in found if section.parts]


def reproduction(results: Results) -> list[tuple[str, str]]:
    """What it takes to run the experiment again: names and values."""
    experiment = results.experiment
    seeds = sorted({run.seed for cell in results.cells for run in cell.runs})
    rows = [
        ("command", shlex.join(map(str, experiment.command))),
        ("seeds", ", ".join(map(str, seeds))),
        ("runs", f"{sum(len(cell.runs) for cell in results.cells)} finished"),
    ]
    for name, known in results.data.items():
        sizes = ", ".join(f"{size:,} {split}" for split, size in known.sizes.items())
        rows.append((f"data: {name}", f"{sizes}; SHA-256 {known.fingerprint}"))
        if known.parser:
            rows.append((f"parser of {name}", f"SHA-256 {known.parser}"))
    rows += [(name, str(version)) for name, version in experiment.versions.items()]
    rows += [
        (
            f"--{name.replace('_', '-')}",
            ", ".join(map(str, value)) if isinstance(value, list) else str(value),
        )
        for name, value in experiment.options.items()
    ]
    rows += [
        (f"width of {name}", str(encoder.width))
        for name, encoder in experiment.encoders.items()
        if encoder.width is not None
    ]
    return rows


def _structures(group: Group, series: Series, findings: Iterable[words.StructureFinding]) -> Part:
    """The metric on each structure, and what is found of the real one."""

    def structure(cell: ScoredCell) -> str:
        return cell.condition.structure

    named = {encoder: [(structure(c), c) for c in cells] for encoder, cells in series.items()}
    name = f"structures-{group.name}"
    return Part(
        lines=(
            *map(str, findings),
            *words.meanings(dict.fromkeys(map(structure, group.varied))),
        ),
        figures=(figures.conditions(group, name, group.name, named, "structure"),),
        more=(_table(group, "structures", series, structure),),
    )


def _curves(group: Group, varied: str, about: str, series: Series, lines: Iterable[str]) -> Part:
    """The metric against a share that was varied, ``noise`` or ``fraction``, and the numbers."""

    def percents(cell: ScoredCell) -> float:
        return 100 * float(getattr(cell.condition, varied))

    name = f"{varied}-{group.name}"
    figure = figures.curves(group, name, series, percents, f"{about}, %")
    table = _table(group, about, series, lambda cell: f"{percents(cell):g}%")
    return Part(lines=tuple(lines), figures=(figure,), more=(table,))


def _table(group: Group, what: str, series: Series, name: Callable[[ScoredCell], str]) -> Table:
    """The numbers of a figure over several conditions."""
    columns = list(dict.fromkeys(name(cell) for cells in series.values() for cell in cells))
    rows: dict[str, list[ScoredCell | None]] = {}
    for encoder, cells in series.items():
        by_name = {name(cell): cell for cell in cells}
        rows[encoder] = [by_name.get(column) for column in columns]
    metric = group.metric
    percent = ", in percent" if metric.unit == PERCENT else ""
    title = f"{group.name}: test {metric.name} by {what}{percent}, with 95 % interval"
    return tables.series_table(group, title, columns, rows)


def _embeddings(groups: Sequence[Group]) -> Iterable[Part]:
    by_data: dict[str, list[Group]] = {}
    for group in groups:
        by_data.setdefault(group.data, []).append(group)
    for data, alike in by_data.items():
        if len(alike) < 2:
            continue
        panels: dict[str, list[tuple[str, ScoredCell]]] = {}
        for group in alike:
            for member in group.members:
                panels.setdefault(member.encoder, []).append((group.embedding, member))
        panels = {encoder: cells for encoder, cells in panels.items() if len(cells) > 1}
        if panels:
            name = f"embeddings-{data}"
            figure = figures.conditions(alike[0], name, data, panels, "embedding")
            yield Part(figures=(figure,))


def _slices(
    results: Results, groups: Sequence[Group], dimensions: Mapping[str, Sequence[Dimension]]
) -> Iterable[Part]:
    for group in groups:
        examples = results.examples[group.data]
        used = dividing_columns(examples)
        unused = [
            name
            for name in dict.fromkeys(name for row in examples for name in row.columns)
            if name not in used
        ]
        ordered = sorted(dimensions[group.data], key=partial(words.spread, group), reverse=True)
        for place, dimension in enumerate(ordered):
            yield Part(
                f"{group.name}: {dimension.name}",
                (f"{dimension.about[0].upper()}{dimension.about[1:]}.",) if dimension.about else (),
                figures=(figures.slices(group, dimension),),
                more=(tables.slice_table(group, dimension),),
                folded=place >= OPEN,
            )
        if unused:
            yield Part(
                lines=(f"Columns with too many values for slices: {words.listed(unused)}.",),
            )


def _tuning(results: Results, groups: Sequence[Group]) -> Iterable[Part]:
    """A figure for each setting that was searched: a data set, or a structure of it."""
    kinds = {member.encoder: member.kind for group in groups for member in group.varied}
    names = {encoder_folder(encoder): encoder for encoder in kinds}
    searched: dict[str, dict[str, Sequence[float]]] = {}
    for folder, scores in results.experiment.tuning.items():
        setting, _, encoder = folder.rpartition("/")
        if encoder in names:
            searched.setdefault(setting, {})[names[encoder]] = scores
    of_data = {folder_name(data): metrics_of(known)[0] for data, known in results.data.items()}
    usual = next(iter(of_data.values()))
    for setting, trials in searched.items():
        metric = of_data.get(setting.partition("/")[0], usual)  # named only where there are several
        yield Part(figures=(figures.tuning(setting, trials, kinds, metric),))
