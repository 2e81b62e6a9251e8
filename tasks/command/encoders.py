"""``structnn encoders``: the encoders and readouts, and the options of each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich import box
from rich.markup import escape
from rich.table import Table

from tasks.console import results

__all__ = ["show_all", "show_one"]


def show_all() -> None:
    """Print a line for each encoder and each readout."""
    from structnn import ENCODERS, READOUTS
    from structnn.catalogue import describe, encoders_by_structure, plain, reads_of

    rows = [
        (name, reads_of(name), plain(describe(ENCODERS, name))) for name in encoders_by_structure()
    ]
    _show("encoders", ("name", "reads", "what it is"), rows)
    readouts = [(name, plain(describe(READOUTS, name))) for name in READOUTS]
    _show("readouts, for the option readout of any encoder", ("name", "what it is"), readouts)
    results.print("structnn encoders NAME shows the options of one")


def show_one(name: str) -> None:
    """Print the options of an encoder or a readout.

    Raises:
        UnknownNameError: There is neither of this name; the message lists the encoders.
    """
    from structnn import ENCODERS, READOUTS
    from structnn.catalogue import describe, plain

    kinds = [registry for registry in (ENCODERS, READOUTS) if name in registry] or [ENCODERS]
    for registry in kinds:
        title = f"{registry.kind} {name}: {plain(describe(registry, name))}"
        options = registry.options(name).values()
        rows = [(o.name, repr(o.default), o.accepts, plain(o.description)) for o in options]
        _show(title, ("option", "default", "accepts", "meaning"), rows)


def _show(title: str, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table whose last column wraps."""
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in header:
        table.add_column(column, no_wrap=column in ("name", "option"))
    for row in rows:
        table.add_row(*map(escape, row))
    results.print(table, soft_wrap=False)
