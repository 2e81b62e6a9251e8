"""One table in every format."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
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
        r"| \<b> | graph | - | 100.0 |  |",
        "",
        "- test %, dev %: over seeds",
        "- train/s: sentences a second",
    ]


def test_latex(table):
    lines = table.to_latex().splitlines()
    assert r"\caption{dogs \& [b]cats[/b]}" in lines
    assert r"\begin{tabular}{llrrr}" in lines
    assert r"encoder & reads & test \% & dev \% & train/s \\" in lines
    assert r"a\textgreater{}b\_c\textbar{}d & [tree] & 62.5 $\pm$ 17.7 & 50.0 & 12,346 \\" in lines
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


def texts(*rows, ranks=(), prose=()):
    """A table of texts whose first row is the heading."""
    header, *lines = rows
    columns = tuple(
        Column(name, rank=dict(ranks).get(name, 1), prose=name in prose) for name in header
    )
    return Table("", columns, tuple(tuple(map(Entry, line)) for line in lines))


class TestFitted:
    """Tables in a terminal that is too narrow for them."""

    wide = (("name", "a", "b", "c"), ("child_sum_tree_lstm", "aaaaaaaa", "bbbbbbbb", "cccccccc"))

    def test_where_there_is_room_nothing_changes(self, table):
        fitted = table.fitted(100)
        assert (fitted.table, fitted.hidden, fitted.cut) == (table, (), False)

    def test_of_one_rank_the_rightmost_is_hidden_first(self):
        widths = {100: (), 54: (), 53: ("c",), 43: ("c",), 42: ("b", "c"), 31: ("a", "b", "c")}
        for width, hidden in widths.items():
            assert texts(*self.wide).fitted(width).hidden == hidden

    def test_the_greatest_rank_is_hidden_first_and_rank_0_never(self):
        table = texts(*self.wide, ranks={"a": 3, "b": 0, "c": 2}.items())
        assert [table.fitted(width).hidden for width in (53, 42, 25)] == [
            ("a",),
            ("a", "c"),
            ("a", "c"),
        ]

    def test_names_are_cut_in_the_middle_and_last(self):
        fitted = texts(*self.wide).fitted(15)
        assert fitted.hidden == ("a", "b", "c")
        assert fitted.cut
        assert fitted.table.rows[0][0].text == "child_…e_lstm"

    def test_running_text_is_cut_at_its_end_and_first(self):
        prose = "one of the sentences that somebody wrote"
        table = texts(("n", "text", "x"), ("1", prose, "xxxxx"), prose={"text"})
        fitted = table.fitted(46)
        assert (fitted.hidden, fitted.cut) == ((), True)
        assert fitted.table.rows[0][1].text == "one of the sentences that someb…"
        assert table.fitted(37).hidden == ("x",)

    def test_wide_characters_count_twice(self):
        table = texts(("n", "b"), ("喜欢猫的人", "x"))
        assert table.fitted(16).hidden == ()
        assert table.fitted(15).hidden == ("b",)
        assert table.fitted(9).table.rows[0][0].text == "喜…人"

    @given(
        st.lists(
            st.lists(st.text(st.sampled_from("ab 猫e\u0301"), max_size=30), min_size=4, max_size=4),
            min_size=1,
            max_size=4,
        ),
        st.lists(st.integers(0, 3), min_size=4, max_size=4),
        st.sets(st.integers(0, 3)),
        st.integers(20, 90),
    )
    def test_each_row_is_a_line_of_the_width(self, rows, ranks, prose, width):
        columns = tuple(Column(f"c{n}", rank=ranks[n], prose=n in prose) for n in range(4))
        table = Table("", columns, tuple(tuple(map(Entry, row)) for row in rows))
        fitted = table.fitted(width)
        file = io.StringIO()
        Console(width=width, file=file).print(fitted.table.to_rich())
        lines = file.getvalue().splitlines()
        assert len(lines) == 4 + len(rows)  # the headings, a rule, and empty lines above and below
        assert all(cell_len(line) <= width for line in lines)
        assert fitted.table.to_json() == [{} for _ in rows]
