"""What an experiment prints while it parses and runs, and at its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.markup import escape

from tasks.console import progress, results, resumable, show_table, status
from tasks.data.examples import Dataset
from tasks.data.parsing import ParsedDataset, parse_dataset
from tasks.data.setting import check_structures
from tasks.data.structures import needs_parser
from tasks.experiments.execution import Failure, execute_all
from tasks.experiments.options import CompareOptions, ExecutionOptions, ExperimentOptions
from tasks.metrics import ACCURACY, PERCENT, AnyMetric, metrics_for
from tasks.models.parser import cached_parser
from tasks.options import names_in
from tasks.results.power import expected_decision
from tasks.results.run import Run, RunResult
from tasks.results.summary import Summary, seeds_in_words
from tasks.results.verdicts import FEWEST_SEEDS

__all__ = [
    "execute_and_show",
    "outcome_line",
    "parse_and_show",
    "parsed",
    "show_power",
    "show_sizes",
    "show_summary",
]


def parse_and_show(dataset: Dataset, options: ExperimentOptions, folds: int = 0) -> ParsedDataset:
    """Parse a data set, unless only trees in the data are wanted, and show progress."""
    show_sizes(dataset, folds)
    return parsed(dataset, options)


def show_sizes(dataset: Dataset, folds: int = 0) -> None:
    """Print how many examples a data set has.

    Args:
        dataset: The data set.
        folds: In how many folds all of them are tested; 0 where its own split is used.
    """
    splits = {split: len(getattr(dataset, split)) for split in ("train", "dev", "test")}
    sizes = ", ".join(f"{size} {split}" for split, size in splits.items())
    if folds:
        sizes = f"{sum(splits.values())} examples in {folds} folds"
    asked = dataset.question.in_short(dataset.labels)
    status.print(escape(f"{dataset.name}: {sizes}, {asked}"))


def show_power(dataset: Dataset, options: CompareOptions) -> None:
    """Print which difference of two encoders an experiment will find, with its seeds and with others."""
    everything = dataset.train + dataset.dev + dataset.test
    examples = everything if options.folds else dataset.test
    clusters = len({example.cluster for example in examples})
    encoders = len(names_in(options.encoders))
    if clusters < 2 or encoders < 2:
        return
    if not dataset.question.is_one_label:
        results.print(
            "- which difference it can find is not estimated: that is known of accuracy alone"
        )
        return
    found = {
        seeds: expected_decision(encoders, seeds, clusters, reference=options.reference is not None)
        for seeds in sorted({FEWEST_SEEDS, 5, 10, 20, options.seeds})
    }
    own = found[options.seeds]
    others = ", ".join(
        f"{seeds} seeds {PERCENT.distance(decision.detectable)}"
        for seeds, decision in found.items()
        if seeds != options.seeds
    )
    verdict = "" if options.seeds >= FEWEST_SEEDS else " (but there is no verdict below 3 seeds)"
    groups = f" in {clusters} groups" if clusters < len(examples) else ""
    results.print(
        f"- {seeds_in_words(options.seeds)} of {encoders} encoders on {len(examples)} test examples"
        f"{groups} find a true difference of about {PERCENT.distance(own.detectable)} four times in "
        f"five{verdict}; "
        f"{others}, any number {PERCENT.distance(own.detectable_with_any_seeds)}"
    )
    results.print(
        "- this assumes that scores vary as those in docs/results.md do, at accuracies near 85 %"
    )


def parsed(dataset: Dataset, options: ExperimentOptions) -> ParsedDataset:
    """Parse a data set, or take the trees in it if no parse is wanted beside them."""
    structures = names_in(options.read_structure)
    check_structures(structures, dataset)
    if not needs_parser(structures, dataset.question):
        return parse_dataset(dataset, None)
    texts = len(dataset.train) + len(dataset.dev) + len(dataset.test)
    texts *= 2 if dataset.question.reads == "pair" else 1
    with resumable(), progress("parsing", texts) as show:
        return parse_dataset(dataset, cached_parser(options, show))


def execute_and_show(
    runs: Sequence[Run],
    data: Mapping[str, ParsedDataset],
    options: ExperimentOptions,
    out: Path,
    *,
    done: Mapping[Path, RunResult] | None = None,
    execution: ExecutionOptions | None = None,
) -> list[RunResult | Failure]:
    """Execute runs and print a line for each when it ends.

    Args:
        runs: The runs.
        data: The parsed data, by the names in the runs' settings.
        options: Options of the parser, and plugins.
        out: The folder of the experiment.
        done: See :func:`tasks.experiments.execution.execute_all`.
        execution: Where runs are executed.
    """
    outcomes: list[RunResult | Failure] = []
    runs_by_folder = {run.folder: run for run in runs}
    with resumable(), progress("runs", len(runs)) as show:
        for outcome in execute_all(
            runs,
            data,
            out,
            parser=options.parser_options,
            done=done,
            plugins=options.plugin or (),
            execution=execution,
            track=options.track,
        ):
            outcomes.append(outcome)
            name = f"{len(outcomes)}/{len(runs)} {escape(' '.join(outcome.folder.parts))}"
            if isinstance(outcome, Failure):
                status.print(f"{name}: failed: {escape(outcome.error)}")
            else:
                dataset = data[runs_by_folder[outcome.folder].setting.data].dataset
                metric = metrics_for(dataset.question, dataset.labels)[0]
                status.print(f"{name}: {outcome_line(outcome, metric)}")
            show(len(outcomes), len(runs))
    return outcomes


def show_summary(summary: Summary) -> None:
    """Print for each data set its table, what it shows, and notes."""
    for name, notes in summary.notes.items():
        show_table(summary.table(name), "table.md")
        for line in (*summary.words(name), *notes):
            results.print(f"- {escape(line)}")


def outcome_line(result: RunResult, metric: AnyMetric = ACCURACY) -> str:
    """The result of a run in a line.

    Args:
        result: The result.
        metric: What it is measured by.
    """
    name = "" if metric is ACCURACY else f"{metric.name} "
    test = ""
    if result.test_score is not None:
        test = f", test {metric.unit.full(result.test_score)}"
    return (
        f"{name}dev {metric.unit.full(result.dev_score)}{test} "
        f"(epoch {result.best_epoch} of {result.epochs}, {result.train_speed:,.0f} sentences/s)"
    )
