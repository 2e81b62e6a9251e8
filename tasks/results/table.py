"""Tables: what stands in them, once; and how they are written, in each format."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from markupsafe import Markup

if TYPE_CHECKING:
    from rich.table import Table as RichTable

    from tasks.metrics import Unit
    from tasks.results.statistics import OverSeeds

__all__ = [
    "Column",
    "Entry",
    "Fitted",
    "Table",
    "as_markdown",
    "mean_and_sd",
    "number",
    "over_seeds_text",
    "text_table",
]

LEAST_PROSE = 24
"""The number of cells that running text keeps before columns are hidden for it."""


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Args:
        name: Its heading.
        align: Where its entries stand: names to the left, figures to the right.
        meaning: How to read it, where the heading doesn't say it all.
        rank: Which columns a narrow terminal hides: those of the greatest rank first, of the same rank
            the rightmost first, and never one of rank 0 or the first column.
        prose: Whether it holds running text, which a narrow terminal cuts at its end before it hides
            a column.
    """

    name: str
    align: Literal["left", "right"] = "right"
    meaning: str = ""
    rank: int = 1
    prose: bool = False


@dataclass(frozen=True)
class Entry:
    """What stands in one row and one column.

    Args:
        text: What is shown.
        values: The values behind it, by the names that JSON has for them: ``"85.8 ± 1.3"`` shows two.
    """

    text: str
    values: Mapping[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Table:
    """A table, for every format.

    Args:
        title: What it shows.
        columns: Its columns; the first one names the rows.
        rows: For each row an entry in each column.

    Raises:
        ValueError: A row has more or fewer entries than there are columns.
    """

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Entry, ...], ...]

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(
                    f"{self.title}: a row has {len(row)} entries, but there are {len(self.columns)} "
                    "columns"
                )

    @property
    def header(self) -> tuple[str, ...]:
        """The headings."""
        return tuple(column.name for column in self.columns)

    @property
    def notes(self) -> tuple[str, ...]:
        """How to read the columns; those with the same meaning together."""
        names: dict[str, list[str]] = {}
        for column in self.columns:
            if column.meaning:
                names.setdefault(column.meaning, []).append(column.name)
        return tuple(f"{', '.join(alike)}: {meaning}" for meaning, alike in names.items())

    def to_rich(self) -> RichTable:
        """For a terminal, through rich: without vertical lines, to be narrow."""
        from rich import box
        from rich.markup import escape
        from rich.table import Table as RichTable

        table = RichTable(title=escape(self.title) or None, box=box.SIMPLE_HEAD, pad_edge=False)
        for column in self.columns:
            table.add_column(escape(column.name), justify=column.align, no_wrap=True)
        for row in self.rows:
            table.add_row(*(escape(entry.text) for entry in row))
        return table

    def fitted(self, width: int) -> Fitted:
        """The table in a limited width, with every row on one line.

        Columns are hidden in the order of their ranks (see :class:`Column`) until the others fit. If
        those that are never hidden don't fit either, the widest are cut: running text at its end, all
        else in the middle, so that names that begin alike are told apart.

        Args:
            width: The width of the terminal, in cells.
        """
        from rich.cells import cell_len

        widths = [
            max(cell_len(text) for text in (column.name, *(str(row[place]) for row in self.rows)))
            for place, column in enumerate(self.columns)
        ]
        least = [
            min(cells, LEAST_PROSE) if column.prose else cells
            for cells, column in zip(widths, self.columns, strict=True)
        ]
        shown = list(range(len(self.columns)))
        leaving = sorted(
            (place for place in shown[1:] if self.columns[place].rank),
            key=lambda place: (self.columns[place].rank, place),
        )
        while leaving and sum(least[place] for place in shown) > _room(width, len(shown)):
            shown.remove(leaving.pop())
        limits = _limits(
            [widths[place] for place in shown],
            [least[place] for place in shown],
            _room(width, len(shown)),
        )
        cut = any(limit < widths[place] for limit, place in zip(limits, shown, strict=True))

        def fit(texts: Iterable[str]) -> list[str]:
            return [
                _cut(text, limit, at_end=self.columns[place].prose)
                for text, limit, place in zip(texts, limits, shown, strict=True)
            ]

        names = fit(self.columns[place].name for place in shown)
        table = Table(
            self.title,
            tuple(
                replace(self.columns[place], name=name)
                for place, name in zip(shown, names, strict=True)
            ),
            tuple(
                tuple(
                    Entry(text, row[place].values)
                    for text, place in zip(
                        fit(str(row[place]) for place in shown), shown, strict=True
                    )
                )
                for row in self.rows
            ),
        )
        hidden = tuple(
            column.name for place, column in enumerate(self.columns) if place not in shown
        )
        return Fitted(table, hidden, cut)

    def to_markdown(self) -> str:
        """Markdown, without the title; below the table are the notes."""
        rule = {"left": " --- ", "right": " ---: "}
        lines = [
            _markdown_row(self.header),
            "|" + "|".join(rule[column.align] for column in self.columns) + "|",
            *(_markdown_row(map(str, row)) for row in self.rows),
        ]
        if self.notes:
            lines += ["", *(f"- {note}" for note in self.notes)]
        return "\n".join(lines) + "\n"

    def to_latex(self) -> str:
        """LaTeX, for the package booktabs; notes are comments."""
        lines = [
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{_latex(self.title)}}}",
            rf"\begin{{tabular}}{{{''.join(column.align[0] for column in self.columns)}}}",
            r"\toprule",
            _latex_row(self.header),
            r"\midrule",
            *(_latex_row(map(str, row)) for row in self.rows),
            r"\bottomrule",
            r"\end{tabular}",
            *(f"% {note}" for note in self.notes),
            r"\end{table}",
        ]
        return "\n".join(lines) + "\n"

    def to_csv(self) -> str:
        """CSV of what is shown, with a header."""
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        writer.writerow(self.header)
        writer.writerows([entry.text for entry in row] for row in self.rows)
        return buffer.getvalue()

    def to_json(self) -> list[dict[str, object]]:
        """For each row its values by name, to be written as JSON."""
        return [
            {name: value for entry in row for name, value in entry.values.items()}
            for row in self.rows
        ]

    def to_html(self) -> Markup:
        """HTML: a ``table`` with a caption; to the right is the default of the page's style."""
        head = [
            Markup('<th scope="col"{}>{}</th>').format(_html_class(column), column.name)
            for column in self.columns
        ]
        return Markup(
            '<table class="sortable">\n<caption>{}</caption>\n<thead><tr>{}</tr></thead>\n'
            "<tbody>\n{}\n</tbody>\n</table>"
        ).format(
            self.title, Markup("").join(head), Markup("\n").join(map(self._html_row, self.rows))
        )

    def _html_row(self, row: Sequence[Entry]) -> Markup:
        first, *others = row
        cells = [Markup('<th scope="row">{}</th>').format(first.text)]
        cells += [
            Markup("<td{}>{}</td>").format(_html_class(column), entry.text)
            for column, entry in zip(self.columns[1:], others, strict=True)
        ]
        return Markup("<tr>{}</tr>").format(Markup("").join(cells))


@dataclass(frozen=True)
class Fitted:
    """A table in a limited width.

    Attributes:
        table: What fits.
        hidden: The headings of the columns that don't.
        cut: Whether texts or headings were cut; an ellipsis stands for what is left out.
    """

    table: Table
    hidden: tuple[str, ...]
    cut: bool


def text_table(title: str, header: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    """A table of texts: names in the first column, figures in the others.

    Args:
        title: What it shows.
        header: The headings.
        rows: The texts of each row; in JSON they go by the headings.
    """
    columns = tuple(Column(name, "right" if place else "left") for place, name in enumerate(header))
    entries = (
        tuple(Entry(text, {name: text}) for name, text in zip(header, row, strict=True))
        for row in rows
    )
    return Table(title, columns, tuple(entries))


def number(name: str, value: float | None, form: str = ",.0f") -> Entry:
    """A number; empty if there is none.

    Args:
        name: What JSON calls it.
        value: The number.
        form: How it is shown, as a format specification.
    """
    return Entry("" if value is None else f"{value:{form}}", {name: value})


def mean_and_sd(name: str, found: OverSeeds | None, unit: Unit) -> Entry:
    """A mean over seeds with its standard deviation: ``85.8 ± 1.3``.

    Args:
        name: What JSON calls the mean; the standard deviation is ``NAME_sd``.
        found: The two; none is shown as ``-``.
        unit: How they are written.
    """
    if found is None:
        return Entry("-", {name: None, f"{name}_sd": None})
    return Entry(over_seeds_text(found, unit), {name: found.mean, f"{name}_sd": found.sd})


def over_seeds_text(found: OverSeeds, unit: Unit) -> str:
    """A mean over seeds with its standard deviation, as text; one seed has none."""
    sd = "" if found.sd is None else f" ± {unit.text(found.sd)}"
    return unit.text(found.mean) + sd


def _room(width: int, columns: int) -> int:
    """The cells that remain for texts: rich puts one at each end and three between columns."""
    return width - 2 - 3 * (columns - 1)


def _limits(widths: Sequence[int], least: Sequence[int], room: int) -> list[int]:
    """The width of each column: of the least that it takes, cut to one limit where that isn't there."""
    limits = list(least)
    limit = max(limits)
    while limit > 1 and sum(min(cells, limit) for cells in limits) > room:
        limit -= 1
    limits = [min(cells, limit) for cells in limits]
    spare = room - sum(limits)
    for place, cells in enumerate(widths):
        if limits[place] == least[place] < cells and spare > 0:  # running text takes what is left
            more = min(spare, cells - limits[place])
            limits[place] += more
            spare -= more
    return limits


def _cut(text: str, cells: int, *, at_end: bool) -> str:
    """A text in so many cells, with an ellipsis for what is left out."""
    from rich.cells import cell_len

    if cell_len(text) <= cells:
        return text
    left = cells - 1 if at_end else cells // 2
    first = _prefix(text, left)
    last = "" if at_end else _prefix(text[::-1], cells - 1 - left)[::-1]
    return f"{first}…{last}"


def _prefix(text: str, cells: int) -> str:
    from rich.cells import cell_len

    end = 0
    for end in range(min(len(text), cells), -1, -1):
        if cell_len(text[:end]) <= cells:
            break
    return text[:end]


def _markdown_row(texts: Iterable[str]) -> str:
    return "| " + " | ".join(map(as_markdown, texts)) + " |"


def as_markdown(text: str) -> str:
    """A text as Markdown shows it on one line: what begins HTML, emphasis, code or a cell is escaped."""
    return " ".join(text.translate(_MARKDOWN).split("\n"))


_MARKDOWN = str.maketrans({character: "\\" + character for character in "\\`*<|"})


def _html_class(column: Column) -> Markup:
    return Markup(' class="left"' if column.align == "left" else "")


def _latex_row(texts: Iterable[str]) -> str:
    return " & ".join(map(_latex, texts)) + r" \\"


_LATEX = str.maketrans(
    {
        **{character: "\\" + character for character in "&%$#_{}"},
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "<": r"\textless{}",
        "|": r"\textbar{}",
        ">": r"\textgreater{}",
        "±": r"$\pm$",
    }
)


def _latex(text: str) -> str:
    return text.translate(_LATEX)
