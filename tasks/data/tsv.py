"""What quotation marks mean in a TSV file: they enclose fields, or belong to the texts."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from typing import Any

__all__ = ["Quotes", "quotes_in", "tsv_reader"]

_LINE_END = re.compile(r"[\r\n]")

_ENCLOSED = re.compile(r'(?<![^\t\r\n])"[^"]*+(?:""[^"]*+)*+"(?![^\t\r\n])')
"""A whole field in quotes, those inside it doubled."""


@dataclass(frozen=True)
class Quotes:
    """What the quotation marks of a TSV file are.

    Attributes:
        enclose: Whether they enclose fields, rather than belong to the texts.
        stray: The line of the first one that neither encloses a whole field nor is doubled inside one,
            where others of the file are such that texts hardly have; None where there is no doubt.
    """

    enclose: bool
    stray: int | None = None


def tsv_reader(text: str, *, enclosed: bool) -> Any:
    """A ``csv.reader`` of the rows of a TSV file.

    Args:
        text: The text of the file.
        enclosed: Whether quotes enclose fields: see :func:`quotes_in`.
    """
    lines = io.StringIO(text, newline="")
    if enclosed:
        return csv.reader(lines, delimiter="\t", strict=True)
    return csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)


def quotes_in(text: str) -> Quotes:
    """Whether the quotation marks of a TSV file enclose fields, or belong to the texts.

    Nothing in such a file says so. Programs that write tables, as pandas does, put a field in quotes if
    it has a tab, a line end or a quote in it, and double the quotes inside. In data of people's texts
    quotes are mostly what the author wrote, and a text may begin with one that ends in another row.

    Quotes enclose fields if all of them are those of whole fields, or doubled inside such, and

    - one is doubled in a field of one line, or the header has some: texts hardly have these; or
    - fewer rows then differ from the header in their number of fields. Not so where a field would reach
      over several lines of which the first and the last are whole rows by themselves: there two
      texts have a quote each, and the rows between them would be lost.

    Args:
        text: The text of the file.
    """
    every = text.count('"')
    if every == 0:
        return Quotes(enclose=False)
    inside, doubled, over_lines = 0, False, []
    for field in _ENCLOSED.finditer(text):
        count = field[0].count('"')
        inside += count
        if _LINE_END.search(field[0]):
            over_lines.append(field)
        else:
            doubled = doubled or count > 2
    if inside != every:
        return Quotes(enclose=False, stray=_line_of_stray(text) if doubled else None)
    if doubled or '"' in _LINE_END.split(text.lstrip(), maxsplit=1)[0]:
        return Quotes(enclose=True)
    literal = _widths(text, enclosed=False)
    if any(_joins_rows(field, literal[0]) for field in over_lines):
        return Quotes(enclose=False)
    return Quotes(enclose=_differing(_widths(text, enclosed=True)) < _differing(literal))


def _line_of_stray(text: str) -> int:
    """The line of the first quote that neither encloses a whole field nor is inside one."""
    others = _ENCLOSED.sub(lambda field: field[0].replace('"', " "), text)
    return len(re.findall(r"\r\n|[\r\n]", others[: others.index('"')])) + 1


def _widths(text: str, *, enclosed: bool) -> list[int]:
    """The number of fields of each row that is not blank, the header first."""
    return [len(row) for row in tsv_reader(text, enclosed=enclosed) if "".join(row).strip()]


def _differing(widths: list[int]) -> int:
    """How many rows have another number of fields than the header."""
    return len(widths) - widths.count(widths[0])


def _joins_rows(field: re.Match[str], width: int) -> bool:
    """Whether the lines on which a field begins and ends have as many fields as a row by themselves."""
    text, begin, end = field.string, field.start(), field.end()
    start = max(text.rfind("\n", 0, begin), text.rfind("\r", 0, begin)) + 1
    rest = _LINE_END.search(text, end)
    lines = _LINE_END.split(text[start : rest.start() if rest else len(text)])
    return all(line.count("\t") == width - 1 for line in (lines[0], lines[-1]))
