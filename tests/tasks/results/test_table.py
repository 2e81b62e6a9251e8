"""One table in every format."""

from __future__ import annotations

import csv
import io

import pytest
from rich.console import Console

from tasks.metrics import PERCENT
from tasks.results.statistics import over_seeds
from tasks.results.table import Column, Entry, Table, mean_and_sd, number, text_table


@pytest.fixture
def table() -> Table:
    return Table(
        "dogs & [b]cats[/b]",
        (
            Column("encoder", "left"),
            Column("reads", "left"),
            Column("test %", meaning="over seeds"),
            Column("dev %", meaning="over seeds"),
            Column("train/s", meaning="sentences a second"),
        ),
        (
            (
                Entry("a>b_c|d", {"encoder": "a>b_c|d", "seeds": 2}),
                Entry("[tree]"),
                mean_and_sd("test", over_seeds([0.5, 0.75]), PERCENT),
                mean_and_sd("dev", over_seeds([0.5]), PERCENT),
                number("train_speed", 12345.6),
            ),
            (
                Entry("<b>", {"encoder": "<b>"}),
                Entry("graph"),
                mean_and_sd("test", None, PERCENT),
                mean_and_sd("dev", over_seeds([1.0]), PERCENT),
                number("train_speed", None),
            ),
        ),
    )


def test_markdown(table):
    assert table.to_markdown().splitlines() == [
        "| encoder | reads | test % | dev % | train/s |",
        "| --- | --- | ---: | ---: | ---: |",
        r"| a>b_c\|d | [tree] | 62.5 ± 17.7 | 50.0 | 12,346 |",
        "| <b> | graph | - | 100.0 |  |",
        "",
        "- test %, dev %: over seeds",
        "- train/s: sentences a second",
    ]


def test_latex(table):
    lines = table.to_latex().splitlines()
    assert r"\caption{dogs \& [b]cats[/b]}" in lines
    assert r"\begin{tabular}{llrrr}" in lines
    assert r"encoder & reads & test \% & dev \% & train/s \\" in lines
    assert r"a\textgreater{}b\_c|d & [tree] & 62.5 $\pm$ 17.7 & 50.0 & 12,346 \\" in lines
    assert "% train/s: sentences a second" in lines


def test_csv_is_what_is_shown(table):
    header, *rows = csv.reader(io.StringIO(table.to_csv()))
    assert tuple(header) == table.header
    assert rows == [[entry.text for entry in row] for row in table.rows]
    assert rows[0][4] == "12,346"


def test_json_is_the_values(table):
    first, second = table.to_json()
    assert first == {
        "encoder": "a>b_c|d",
        "seeds": 2,
        "test": 0.625,
        "test_sd": pytest.approx(0.125 * 2**0.5),
        "dev": 0.5,
        "dev_sd": None,
        "train_speed": 12345.6,
    }
    assert second["test"] is second["test_sd"] is second["train_speed"] is None


def test_html_is_escaped(table):
    html = table.to_html()
    assert "<caption>dogs &amp; [b]cats[/b]</caption>" in html
    assert '<th scope="row">&lt;b&gt;</th><td class="left">graph</td><td>-</td>' in html
    assert html.count("<tr>") == html.count("</tr>") == 3


def test_terminal(table):
    console = Console(width=100, file=io.StringIO(), highlight=False)
    console.print(table.to_rich())
    lines = console.file.getvalue().splitlines()
    assert lines[0].strip() == "dogs & [b]cats[/b]"
    (heading,) = (line for line in lines if "train/s" in line)
    (row,) = (line for line in lines if "12,346" in line)
    assert row.split() == ["a>b_c|d", "[tree]", "62.5", "±", "17.7", "50.0", "12,346"]
    # Names begin and figures end where their heading does.
    assert heading.index("reads") == row.index("[tree]")
    assert heading.index("train/s") + len("train/s") == row.index("12,346") + len("12,346")


def test_a_row_has_an_entry_in_each_column():
    with pytest.raises(ValueError, match="speeds: a row has 1 entries, but there are 2 columns"):
        Table("speeds", (Column("a"), Column("b")), ((Entry("1"),),))


def test_a_table_of_texts():
    table = text_table("speeds", ("encoder", "train/s"), [("gat", "12")])
    assert [column.align for column in table.columns] == ["left", "right"]
    assert table.to_json() == [{"encoder": "gat", "train/s": "12"}]
    assert table.notes == ()
