"""What the commands show: a bar while they work, a line for each step, a table at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

# Whatever loads torch is imported when it is needed, so that --help answers at once.
if TYPE_CHECKING:
    from tasks.compare import Summary
    from tasks.examples import Dataset
    from tasks.options import ExperimentOptions
    from tasks.parsing import ParsedDataset
    from tasks.runs import Run, RunResult

__all__ = [
    "outcome_line",
    "parsed_data",
    "progress",
    "resumable",
    "results",
    "run_comparison",
    "status",
]

# Results go to standard output, all else to standard error, so that either can be redirected.
results = Console(highlight=False, soft_wrap=True)
status = Console(stderr=True, highlight=False, soft_wrap=True)


def run_comparison(
    runs: Sequence[Run],
    parsed: ParsedDataset,
    options: ExperimentOptions,
    out: Path,
    workers: int | None = None,
) -> Summary:
    """Execute runs, telling of each as it ends, then print the table and say where it is."""
    from tasks.compare import HEADER, Failure, cells, summarise
    from tasks.compare import compare as execute_all

    outcomes = []
    with resumable(), progress("runs", len(runs)) as show:
        for outcome in execute_all(
            runs,
            parsed,
            out,
            parser=options.parser(),
            workers=workers,
            plugins=options.plugin or (),
        ):
            outcomes.append(outcome)
            name = (
                f"{len(outcomes)}/{len(runs)} {outcome.run.model.encoder}, seed {outcome.run.seed}"
            )
            if isinstance(outcome, Failure):
                status.print(f"{name}: failed: {escape(outcome.error)}")
            else:
                status.print(f"{name}: {outcome_line(outcome)}")
            show(len(outcomes), len(runs))
    summary = summarise(runs, outcomes, out, parsed.notes)
    seeds = len({run.seed for run in runs})
    # Without lines between the columns, names and figures fit into 80 characters.
    over = f"mean ± standard deviation of {seeds} seeds" if seeds > 1 else "one seed"
    title = f"{parsed.dataset.name}: {over}; sentences a second"
    table = Table(title=title, box=box.SIMPLE_HEAD, pad_edge=False)
    for place, name in enumerate(HEADER):
        table.add_column(name, justify="right" if place else "left", no_wrap=True)
    for row in summary.rows:
        table.add_row(*cells(row))
    results.print(table)
    for words in summary.against_best():
        results.print(f"- {words}")
    for note in parsed.notes:
        results.print(f"- {note}")
    for failure in summary.failures:
        where = out / failure.run.folder / "error.txt"
        results.print(f"- failed: {failure.run.folder}, see {where}")
    results.print(
        f"- saved in {out}: table.md (with all pairs), runs.csv, every prediction of every run"
    )
    return summary


def parsed_data(dataset: Dataset, options: ExperimentOptions) -> ParsedDataset:
    """Parse a data set as the options say, telling how far it is."""
    from tasks.parsing import default_cache, make_parser, parse_dataset

    sizes = ", ".join(
        f"{len(getattr(dataset, split))} {split}" for split in ("train", "dev", "test")
    )
    status.print(f"{dataset.name}: {sizes}, {len(dataset.labels)} labels")
    with resumable(), progress("parsing") as show:
        return parse_dataset(
            dataset,
            make_parser(options.parser()),
            options.cache or default_cache(),
            structure=options.structure,
            progress=show,
        )


def outcome_line(result: RunResult) -> str:
    """A finished run in a line."""
    test = "" if result.test_accuracy is None else f", test {100 * result.test_accuracy:.1f} %"
    return (
        f"dev {100 * result.dev_accuracy:.1f} %{test} "
        f"(epoch {result.best_epoch} of {result.epochs}, {result.train_speed:,.0f} sentences/s)"
    )


@contextmanager
def resumable() -> Iterator[None]:
    """Tell who presses Ctrl-C that nothing is lost."""
    try:
        yield
    except KeyboardInterrupt:
        status.print("stopped; the same command goes on from here")
        raise


@contextmanager
def progress(what: str, total: int | None = None) -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal; nothing elsewhere, where lines of their own tell what goes on."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=status, transient=True, disable=not status.is_terminal) as bar:
        task = bar.add_task(what, total=total)
        yield lambda done, of: bar.update(task, completed=done, total=of)
