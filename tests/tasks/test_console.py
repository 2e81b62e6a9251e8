"""What the console shows."""

from __future__ import annotations

import warnings

import pytest

from tasks.console import Interrupted, progress, resumable, show_table, warnings_in_a_line
from tasks.results.table import Column, Entry, Table
from tests.tasks.terminals import check_width, rows_of, terminal


def test_an_interrupt_says_how_to_resume():
    with pytest.raises(Interrupted, match="the same command resumes"), resumable(), resumable():
        raise KeyboardInterrupt


def test_a_warning_is_shown_once(monkeypatch):
    monkeypatch.setattr(warnings, "formatwarning", warnings.formatwarning)  # put back afterwards
    warnings_in_a_line()
    shown = [
        warnings.formatwarning(message, UserWarning, "drawing.py", 1)
        for message in ("no font", "no font", "another")
    ]
    assert shown == ["warning: no font\n", "", "warning: another\n"]


def test_no_bar_without_a_terminal(capsys):
    with progress("runs", 2) as show:
        show(1, 2)
        show(2, 2)
    said = capsys.readouterr()
    assert (said.out.strip(), said.err.strip()) == ("", "")


TABLE = Table(
    "speeds",
    (Column("encoder", "left"), Column("test %", rank=0), Column("train/s", rank=2)),
    tuple(
        (Entry(f"bilstm>gat(heads={heads},readout='attention')"), Entry("85.0"), Entry("1,234"))
        for heads in range(3)
    ),
)


def test_elsewhere_a_table_is_whole(capsys):
    show_table(TABLE, "table.md")
    said = capsys.readouterr().out
    assert "heads=2,readout='attention')     85.0     1,234" in said
    assert "hidden" not in said


def test_elsewhere_a_title_is_a_line_however_narrow_the_table(capsys):
    title = "seq.tsv: mean of [2] seeds; sentences a second"
    show_table(Table(title, (Column("a", "left"),), ((Entry("b"),),)), "table.md")
    assert capsys.readouterr().out.splitlines()[0] == title


@pytest.mark.parametrize(
    ("width", "note"),
    [
        (60, ""),
        (59, "(hidden: train/s. A wider terminal shows more, and table.md all.)"),
        (
            30,
            "(hidden: train/s; … stands for what was cut. A wider terminal shows more, and table.md "
            "all.)",
        ),
    ],
)
def test_a_terminal_shows_what_fits_and_says_what_is_hidden(capsys, width, note):
    with terminal(width):
        show_table(TABLE, "table.md")
    said = capsys.readouterr().out
    check_width(said, width)
    rows = rows_of(said)
    assert [row.split()[1] for row in rows] == ["85.0"] * 3
    _, _, below = said.rpartition(rows[-1])
    assert " ".join(below.split()) == note
