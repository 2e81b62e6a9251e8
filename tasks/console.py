"""The terminal: standard output and error, a progress bar, tables."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from tasks.results.table import Table

__all__ = [
    "progress",
    "results",
    "resumable",
    "show_table",
    "status",
    "warnings_in_a_line",
]

# Results go to standard output, all else to standard error, so that either can be redirected.
results = Console(highlight=False, soft_wrap=True)
status = Console(stderr=True, highlight=False, soft_wrap=True)


def show_table(table: Table) -> None:
    """Print a table."""
    shown = table.to_rich()
    # Rather wider than the terminal than cut.
    unbound = results.options.update(max_width=1000)
    results.width = max(results.width, results.measure(shown, options=unbound).maximum)
    results.print(shown)


def warnings_in_a_line() -> None:
    """Show warnings to users: what they say, without the line of code that gave them."""
    warnings.formatwarning = lambda message, *_, **__: f"warning: {message}\n"


@contextmanager
def resumable() -> Iterator[None]:
    """On Ctrl-C, print that the same command resumes."""
    try:
        yield
    except KeyboardInterrupt:
        status.print("interrupted; the same command resumes from here")
        raise


@contextmanager
def progress(what: str, total: int | None = None) -> Iterator[Callable[[int, int], None]]:
    """Show a progress bar if standard error is a terminal.

    Args:
        what: What is counted, such as ``"runs"``.
        total: How many there are, if that is known already.

    Yields:
        A function to call with how many are done and how many there are.
    """
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=status, transient=True, disable=not status.is_terminal) as bar:
        task = bar.add_task(what, total=total)
        yield lambda done, of: bar.update(task, completed=done, total=of)
