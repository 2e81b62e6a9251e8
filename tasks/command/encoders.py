"""``structnn encoders``: the encoders and readouts, and the options of each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.markup import escape
from rich.padding import Padding

from tasks.console import results, show_table

__all__ = ["show_all", "show_one"]


def show_all() -> None:
    """Print a line for each encoder and each readout."""
    from structnn import ENCODERS, READOUTS
    from structnn.catalogue import describe, encoders_by_structure, plain, reads_of

    rows = [
        (name, reads_of(name), plain(describe(ENCODERS, name))) for name in encoders_by_structure()
    ]
    readouts = [(name, plain(describe(READOUTS, name))) for name in READOUTS]
    _show("encoders", ("name", "reads", "what it is"), rows)
    _show("readouts, for the option readout of any encoder", ("name", "what it is"), readouts)
    results.print("structnn encoders NAME shows the options of one")


def show_one(name: str) -> None:
    """Print the options of an encoder or a readout, a paragraph for each.

    Raises:
        UnknownNameError: There is neither of this name; the message lists the encoders.
    """
    from structnn import ENCODERS, READOUTS
    from structnn.catalogue import describe, plain

    kinds = [registry for registry in (ENCODERS, READOUTS) if name in registry] or [ENCODERS]
    for registry in kinds:
        # Raised before anything is printed.
        options = registry.options(name).values()
        results.print(f"{registry.kind} [bold]{escape(name)}[/bold]")
        _paragraph(plain(describe(registry, name)))
        for option in options:
            results.print(f"\n[bold]{escape(f'{option.name}={option.default!r}')}[/bold]")
            _paragraph(plain(option.description))
            if option.accepts:
                _paragraph(f"accepts: {option.accepts}")


def _paragraph(text: str) -> None:
    """Print an indented text; in a terminal its lines end between words."""
    if results.soft_wrap:
        results.print(f"  {escape(text)}")
    else:
        results.print(Padding(escape(text), (0, 0, 0, 2)))


def _show(title: str, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table whose last column is running text."""
    from tasks.results.table import Column, Entry, Table

    columns = tuple(
        Column(name, "left", prose=name == header[-1], rank=0 if name == header[-1] else 1)
        for name in header
    )
    lines = tuple(tuple(map(Entry, row)) for row in rows)
    show_table(Table(title, columns, lines), "structnn encoders | cat")
