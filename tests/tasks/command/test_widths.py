"""Every command that prints a table, in terminals of 60, 80 and 100 columns."""

from __future__ import annotations

import json

import pytest

from tasks.console import show_table
from tasks.experiments.display import show_summary
from tasks.report.groups import groups_of
from tasks.report.map import map_rows, map_table
from tasks.results.folder import load_results
from tasks.results.measures import measure
from tasks.results.summary import summarise
from tests.tasks import made_up
from tests.tasks.command.test_cli import QUICK, here, questions
from tests.tasks.made_up import make_examples, make_grid, write_experiment
from tests.tasks.terminals import WIDTHS, check_width, rows_of, terminal

__all__ = ["here", "questions"]  # fixtures

STRUCTURES = ("parse", "left_chain", "balanced", "random", "shuffled")
ENCODERS = {
    "bag": [],
    "cnn": ["sequence"],
    "bilstm(readout='attention')": ["sequence"],
    "transformer": ["sequence"],
    "self_attentive": ["sequence"],
    "bidirectional_tree_lstm": ["tree"],
    "child_sum_tree_lstm": ["tree"],
    "nary_tree_lstm(arity=3)": ["tree"],
    "gat": ["graph"],
    "syntactic_gcn": ["graph"],
    "bilstm(layers=2)>gat(heads=8)": ["graph", "sequence"],
    "gcn": ["graph"],
}
"""Twelve, with long names among them."""


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """An experiment of twelve encoders and five structures."""
    folder = tmp_path_factory.mktemp("grid")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(made_up, "READS", ENCODERS)
        conditions = make_grid(encoders=tuple(ENCODERS), structures=STRUCTURES)
        write_experiment(folder, {"toys": make_examples(24)}, conditions, seeds=3)
    return measure(load_results(folder))


@pytest.fixture(params=WIDTHS)
def narrow(request, here):
    """Runs the command in a terminal; gives what it printed, and the rows of its first table."""

    def run(*arguments: object):
        with terminal(request.param):
            said = here(*arguments)
        check_width(said.out, request.param)
        return said.out, rows_of(said.out)

    run.width = request.param
    return run


@pytest.mark.parametrize("width", WIDTHS)
def test_results(measured, capsys, width):
    """As compare, report and demo print them."""
    with terminal(width):
        show_summary(summarise(measured))
    said = capsys.readouterr().out
    check_width(said, width)
    rows = rows_of(said)
    assert len(rows) == 5 + 7 * 5
    assert not any("…" in row for row in rows)
    hidden = {
        60: "params, dev %, train/s, infer/s",
        80: "params, train/s, infer/s",
        100: "infer/s",
    }[width]
    assert f"(hidden: {hidden}. A wider terminal" in " ".join(said.split())


@pytest.mark.parametrize("width", WIDTHS)
def test_map(measured, capsys, width):
    table = map_table(map_rows(groups_of(measured)))
    with terminal(width):
        show_table(table, "map.csv")
    said = capsys.readouterr().out
    check_width(said, width)
    rows = rows_of(said)
    assert len(rows) == 7 * 4 + 1
    assert all(row.split()[-1] in ("helps", "harms", "difference", "undecided") for row in rows)


def test_encoders(narrow):
    from structnn import ENCODERS

    _, rows = narrow("encoders")
    assert len(rows) == len(list(ENCODERS))
    for name in ENCODERS:
        assert any(row.split()[0] == name for row in rows)


def test_options_of_an_encoder_are_no_table(here):
    for width in WIDTHS:
        with terminal(width):
            said = here("encoders", "gat").out
        check_width(said, width)
        assert "  Attention heads of each layer." in said


def test_commands_of_a_run(here, questions, tmp_path):
    with terminal(60):
        said = here("train", "--data", questions, "--encoder", "bag", *QUICK, "--out", "one")
    check_width(said.out + said.err, 60)
    texts = ["The fog comes again.", "The cat stops " + "very " * 40 + "often."]
    rows = [{"id": f"x{n}", "writer": "somebody", "text": text} for n, text in enumerate(texts)]
    (tmp_path / "new.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    run = "one/bag/seed-0"
    for width in WIDTHS:
        with terminal(width):
            said = here("predict", run, "--file", "new.jsonl", "--keep", "writer").out
            check_width(said, width)
            rows = rows_of(said)
            assert len(rows) == 2
            assert "The fog comes again." in rows[0]
            assert "weather" in rows[0]
            assert "…" in rows[1]
            assert ("writer" in said.partition("──")[0]) == (width == 100)
            said = here("explain", run, texts[0], "-o", "why").out
            check_width(said, width)
            assert [row.split()[0] for row in rows_of(said)] == [
                "The",
                "fog",
                "comes",
                "again",
                ".",
            ]
    piped = here("predict", run, "--file", "new.jsonl", "--keep", "writer").out
    assert "somebody" in piped
    assert texts[1] in piped


@pytest.mark.parametrize("name", ["gradient-flow", "path-length", "receptive-field"])
def test_lab(here, name, tmp_path):
    (tmp_path / "some.conllu").write_text(
        "1\tDogs\t_\t_\t_\t_\t2\tnsubj\t_\t_\n2\tbark\t_\t_\t_\t_\t0\troot\t_\t_\n\n" * 3
    )
    encoders = "lstm,cnn(widths=(2,3),readout='mean'),bidirectional_tree_lstm"
    given = ("--data", "some.conllu", "--encoders", encoders, "--seeds", 1, "--hidden-dim", 4)
    with terminal(60):
        said = here("lab", name, *given, "--embedding-dim", 4, "--out", "lab").out
    check_width(said, 60)
    assert len(rows_of(said)) == 3


def test_a_plan(here, questions):
    given = ("--data", questions, "--encoders", "bag,cnn", "--structure", "left_chain", *QUICK)
    with terminal(60):
        said = here("compare", *given, "--tune", 2, "--dry-run", "--out", "planned")
    check_width(said.out + said.err, 60)
