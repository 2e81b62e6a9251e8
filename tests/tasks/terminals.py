"""Terminals of a given width, as the command sees them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from rich.cells import cell_len

from tasks.console import results, status

WIDTHS = (60, 80, 100)


@contextmanager
def terminal(width: int) -> Iterator[None]:
    """Standard output and error are terminals of this width."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FORCE_COLOR", "1")
        patch.setenv("NO_COLOR", "1")
        for console in (results, status):
            patch.setattr(console, "_width", width)
            patch.setattr(console, "soft_wrap", False)
            patch.setattr(console, "_color_system", None)
        yield


def check_width(printed: str, width: int) -> None:
    """Make sure that no line is longer than a terminal is wide."""
    for line in re.sub(r"\x1b\[[?\d;]*[a-zA-Z]", "", printed).splitlines():
        assert cell_len(line.rstrip()) <= width, line


def rows_of(printed: str) -> list[str]:
    """The rows of the first table: what stands between its rule and the next empty line."""
    lines = printed.splitlines()
    first = next(number for number, line in enumerate(lines) if line.strip().startswith("──"))
    rest = lines[first + 1 :]
    end = next((number for number, line in enumerate(rest) if not line.strip()), len(rest))
    return rest[:end]
