"""What the commands show: a bar while they work, a line for each step, a table at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

# Whatever loads torch is imported when it is needed, so that --help answers at once.
if TYPE_CHECKING:
    from tasks.data.examples import Dataset
    from tasks.data.parsing import ParsedDataset
    from tasks.experiments.compare import Failure
    from tasks.experiments.options import ExperimentOptions
    from tasks.results.run import Run, RunResult
    from tasks.results.summary import Summary
    from tasks.results.table import Table

__all__ = [
    "execute_runs",
    "outcome_line",
    "parsed_data",
    "progress",
    "resumable",
    "results",
    "show_summary",
    "show_table",
    "status",
]

# Results go to standard output, all else to standard error, so that either can be redirected.
results = Console(highlight=False, soft_wrap=True)
status = Console(stderr=True, highlight=False, soft_wrap=True)


def execute_runs(
    runs: Sequence[Run],
    data: Mapping[str, ParsedDataset],
    options: ExperimentOptions,
    out: Path,
    execution: Mapping[str, Any],
) -> list[RunResult | Failure]:
    """Execute runs, telling of each as it ends.

    Args:
        runs: What to run.
        data: The parsed data, by the names in the runs' settings.
        options: Where the parser and the plugins are from.
        out: The folder of the experiment.
        execution: Further arguments of :func:`tasks.experiments.compare.compare`.
    """
    from tasks.experiments.compare import Failure, compare

    outcomes: list[RunResult | Failure] = []
    with resumable(), progress("runs", len(runs)) as show:
        for outcome in compare(
            runs,
            data,
            out,
            parser=options.parser(),
            plugins=options.plugin or (),
            **execution,
        ):
            outcomes.append(outcome)
            name = f"{len(outcomes)}/{len(runs)} {escape(' '.join(outcome.folder.parts))}"
            if isinstance(outcome, Failure):
                status.print(f"{name}: failed: {escape(outcome.error)}")
            else:
                status.print(f"{name}: {outcome_line(outcome)}")
            show(len(outcomes), len(runs))
    return outcomes


def show_summary(summary: Summary) -> None:
    """Print a table for each data set, and what can be said of it."""
    for name, notes in summary.notes.items():
        show_table(summary.table(name))
        for line in (*summary.words(name), *notes):
            results.print(f"- {escape(line)}")


def show_table(table: Table) -> None:
    """Print a table."""
    shown = table.to_rich()
    # Wider than the terminal rather than cut.
    unbound = results.options.update(max_width=1000)
    results.width = max(results.width, results.measure(shown, options=unbound).maximum)
    results.print(shown)


def parsed_data(dataset: Dataset, options: ExperimentOptions) -> ParsedDataset:
    """Parse a data set as the options say, telling how far it is."""
    from tasks.data.parsing import default_cache, make_parser, parse_dataset
    from tasks.data.settings import BROUGHT_ALONG
    from tasks.experiments.options import names_in

    wanted = names_in(options.structure)

    sizes = ", ".join(
        f"{len(getattr(dataset, split))} {split}" for split in ("train", "dev", "test")
    )
    status.print(f"{dataset.name}: {sizes}, {len(dataset.labels)} labels")
    with resumable(), progress("parsing") as show:
        return parse_dataset(
            dataset,
            make_parser(options.parser()),
            options.cache or default_cache(),
            parse=not set(wanted) <= set(BROUGHT_ALONG),
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
