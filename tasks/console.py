"""The terminal: standard output and error, a progress bar, tables."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from tasks.results.table import Table

__all__ = [
    "Interrupted",
    "progress",
    "quietly",
    "reopen_streams",
    "results",
    "resumable",
    "show_table",
    "status",
    "warnings_in_a_line",
]

UNBOUND = 100_000
"""Cells that no table is wide."""

# Results go to standard output, all else to standard error, so that either can be redirected. A terminal
# has lines that end between words; what goes elsewhere has a line for each, however long.
# Python has None for a stream that is closed.
results = Console(highlight=False, soft_wrap=not (sys.stdout and sys.stdout.isatty()))
status = Console(stderr=True, highlight=False, soft_wrap=not (sys.stderr and sys.stderr.isatty()))


def reopen_streams() -> None:
    """Let standard streams that are closed be empty.

    Else a file that is opened later has the number of one, and what libraries print goes into it.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            # It takes the lowest number that is free: that of the stream.
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode, encoding="utf-8"))


def show_table(table: Table, elsewhere: str) -> None:
    """Print a table: in a terminal what fits into its width, else all of it.

    Args:
        table: The table. :meth:`tasks.results.table.Table.fitted` says which columns are hidden.
        elsewhere: What shows all of it, such as ``"report.html and table.csv"``, for the line below a
            table that is not whole.
    """
    if not results.is_terminal:
        shown = table.to_rich()
        shown.title = None  # which rich would break where the table is narrower
        if table.title:
            results.print(escape(table.title))
        unbound = results.options.update(max_width=UNBOUND)
        results.width = max(results.width, results.measure(shown, options=unbound).maximum)
        results.print(shown, soft_wrap=False)
        return
    fitted = table.fitted(results.width)
    results.print(fitted.table.to_rich(), soft_wrap=False)
    lacks = [f"hidden: {', '.join(fitted.hidden)}"] if fitted.hidden else []
    lacks += ["… stands for what was cut"] if fitted.cut else []
    if lacks:
        note = f"({'; '.join(lacks)}. A wider terminal shows more, and {elsewhere} all.)"
        results.print(escape(note), style="dim", soft_wrap=False)


def warnings_in_a_line() -> None:
    """Show warnings to users: what they say, once, without the line of code that gave them."""
    told: set[str] = set()

    def in_a_line(message: Warning | str, *_: object, **__: object) -> str:
        # Python forgets what it has shown wherever warnings are caught, as they are for each picture.
        if str(message) in told:
            return ""
        told.add(str(message))
        return f"warning: {message}\n"

    warnings.formatwarning = in_a_line


@contextmanager
def quietly() -> Iterator[None]:
    """Print nothing, neither results nor progress."""
    before = results.quiet, status.quiet
    results.quiet = status.quiet = True
    try:
        yield
    finally:
        results.quiet, status.quiet = before


class Interrupted(KeyboardInterrupt):
    """Ctrl-C in work that can be resumed; the message says how."""


@contextmanager
def resumable() -> Iterator[None]:
    """Let Ctrl-C say that the same command resumes.

    Raises:
        Interrupted: It was pressed.
    """
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted("interrupted; the same command resumes from here") from None


@contextmanager
def progress(what: str, total: int | None = None) -> Iterator[Callable[[int, int], None]]:
    """Show a progress bar if standard error is a terminal.

    Args:
        what: What is counted, such as ``"runs"``.
        total: How many there are, if that is known already.

    Yields:
        A function to call with how many are done and how many there are; less than ``total``, if they
        come part by part.
    """
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(
        *columns, console=status, transient=True, disable=status.quiet or not status.is_terminal
    ) as bar:
        task = bar.add_task(what, total=total)
        before = 0  # in parts that are done

        def show(done: int, of: int) -> None:
            nonlocal before
            bar.update(task, completed=before + done, total=max(before + of, total or 0))
            if done == of and before + done < (total or 0):
                before += done

        yield show
