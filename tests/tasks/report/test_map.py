"""Several experiments in one map."""

from __future__ import annotations

import dataclasses
import re

import pytest

from tasks.metrics import mean_absolute_error
from tasks.report.groups import groups_of
from tasks.report.map import (
    BEST,
    load_groups,
    map_figure,
    map_rows,
    map_table,
    what_is_missing,
    write_map,
)
from tasks.results.folder import load_results
from tasks.results.measures import measure
from tests.tasks.made_up import make_examples, make_grid, write_experiment


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    folder = tmp_path_factory.mktemp("map")
    examples = make_examples(120)
    toys = make_grid(encoders=("bilstm", "gat", "gcn"), structures=("parse", "random"))
    games = make_grid(("games",), encoders=("cnn", "gat"), structures=("parse", "random", "flat"))
    one = write_experiment(folder / "one", {"toys": examples}, toys, seeds=3)
    other = write_experiment(folder / "other", {"games": examples}, games, seeds=3)
    return [one, other]


@pytest.fixture(scope="module")
def rows(folders):
    return map_rows(
        group for folder in folders for group in groups_of(measure(load_results(folder)))
    )


def test_a_row_for_each_data_set_and_a_column_for_each_control(rows):
    assert [(row.data, row.real) for row in rows] == [("toys", "parse"), ("games", "parse")]
    assert list(rows[0].cells) == ["gat, random", "gcn, random", BEST]
    assert list(rows[1].cells) == ["gat, random", "gat, flat", BEST]
    assert rows[1].best == "gat - cnn"
    table = map_table(rows)
    assert [[entry.text for entry in row[:4]] for row in table.rows] == [
        ["toys", "parse", "gat", "random"],
        ["toys", "parse", "gcn", "random"],
        ["toys", "parse", *rows[0].best.split(" - ")],
        ["games", "parse", "gat", "random"],
        ["games", "parse", "gat", "flat"],
        ["games", "parse", "gat", "cnn"],
    ]


def test_experiments_on_one_data_set_share_a_row(folders):
    groups = [group for folder in folders for group in groups_of(measure(load_results(folder)))]
    again = dataclasses.replace(groups[1], name="toys")
    (row,) = map_rows([groups[0], again])
    assert list(row.cells) == ["gat, random", "gcn, random", BEST, "gat, flat"]
    assert row.best == "gat - cnn"


def test_other_examples_of_the_same_name_have_a_row_of_their_own(folders):
    groups = [group for folder in folders for group in groups_of(measure(load_results(folder)))]
    again = dataclasses.replace(groups[1], name="toys", fingerprint="of other examples")
    rows = map_rows([groups[0], again, groups[0]])
    assert [row.data for row in rows] == [f"toys, {folder}" for folder in folders]
    assert [row.best for row in rows] == [row.best for one in groups for row in map_rows([one])]


def test_cells_are_the_verdicts_of_the_experiments(rows, folders):
    (group,) = groups_of(measure(load_results(folders[0])))
    real, control = group.with_structures()["gat"]
    pair = group.between(real, control)
    assert rows[0].cells["gat, random"] == pair
    words = {
        "better": "helps",
        "worse": "harms",
        "equal": "no difference",
        "undecided": "undecided",
    }
    assert map_table(rows).rows[0][6].text == words[pair.verdict]


def test_the_picture_has_every_gain(rows):
    figure = map_figure(rows)
    gains = {
        pair.metric.unit.signed(pair.difference) for row in rows for pair in row.cells.values()
    }
    assert gains <= set(re.findall(r">([-+][\d.]+)</text>", figure.svg))
    assert "toys: gat, random" in figure.text


def test_a_smaller_error_is_a_gain(rows):
    error = mean_absolute_error(["1", "2", "3"])
    cells = {
        name: dataclasses.replace(pair, metric=error, difference=-0.2, low=-0.3, high=-0.1)
        for name, pair in rows[0].cells.items()
    }
    fewer = [dataclasses.replace(rows[0], cells=cells)]
    for entries in map_table(fewer).rows:
        assert entries[4].values == {"gain": 0.2}
        assert entries[5].values == {"low": 0.1, "high": 0.3}
    assert "gat, random +0.2" in map_figure(fewer).text


def test_files(folders, tmp_path):
    groups, damaged = load_groups(folders)
    assert damaged == []
    table = write_map(groups, tmp_path)
    assert {file.name for file in tmp_path.iterdir()} == {"map.md", "map.csv", "map.svg", "map.png"}
    assert (tmp_path / "map.md").read_text() == table.to_markdown()


def test_nothing_to_map(tmp_path):
    write_experiment(tmp_path, {"toys": make_examples(20)}, make_grid(encoders=["gat", "gcn"]))
    with pytest.raises(ValueError, match="there is nothing to map"):
        write_map(load_groups([tmp_path])[0], tmp_path / "map")


def test_a_control_alone_is_no_real_structure(tmp_path):
    grid = make_grid(encoders=["bilstm", "gat"], structures=["random", "flat"])
    write_experiment(tmp_path / "one", {"toys": make_examples(20)}, grid, seeds=3)
    grid = make_grid(encoders=["bilstm", "gat"])
    write_experiment(tmp_path / "other", {"toys": make_examples(20)}, grid, seeds=3)
    groups = [load_groups([tmp_path / name])[0] for name in ("one", "other")]
    told = []
    assert map_rows(groups[0], on_missing=lambda *missing: told.append(missing)) == []
    assert told == [(groups[0][0], "no real structure beside the controls")]
    assert what_is_missing(groups[0][0]) == "no real structure beside the controls"
    assert [row.real for row in map_rows([*groups[0], *groups[1]])] == ["parse"]


def test_damaged_runs_are_named(tmp_path):
    write_experiment(tmp_path, {"toys": make_examples(20)}, make_grid(encoders=["gat"]), seeds=2)
    file = next(tmp_path.rglob("test.jsonl"))
    file.write_text(file.read_text()[:-40])
    with pytest.warns(UserWarning, match="a run is left out"):
        _, damaged = load_groups([tmp_path])
    assert damaged == [file.parent]
