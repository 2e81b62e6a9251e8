"""Options: declared once, checked where they arrive, and given on the command line."""

from __future__ import annotations

import math
import pickle
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Literal

import pytest
import typer
from typer.testing import CliRunner

from tasks.command.cli import app
from tasks.data.options import DataOptions
from tasks.experiments.options import CompareOptions, ExperimentOptions
from tasks.experiments.search import SEARCHABLE
from tasks.models.options import ModelOptions, ModelSettings
from tasks.options import OptionError, Options, Range, cli_option, names_in, part, spread, value_in
from tasks.training.options import TrainingOptions


@dataclass(frozen=True, kw_only=True)
class Toys(Options):
    """A dataclass with an option of each kind."""

    name: Annotated[str, cli_option("Toys", "A name.")]
    count: Annotated[int, Range(least=1), cli_option("Toys", "A number.")] = 3
    rate: Annotated[float, Range(least=0, below=1), cli_option("Toys", "A rate.")] = 0.5
    limit: Annotated[float | None, Range(above=0), cli_option("Toys", "A limit.")] = None
    kind: Annotated[Literal["bear", "doll"], cli_option("Toys", "bear or doll.")] = "bear"
    folder: Annotated[Path | None, cli_option("Toys", "A folder.")] = None
    soft: Annotated[bool, cli_option("Toys", "Soft.", "--soft")] = False
    hidden: int = 0


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"count": 0}, "count must be at least 1, but is 0"),
        ({"count": 1.5}, "count must be a whole number, but is 1.5"),
        ({"count": True}, "count must be a whole number, but is True"),
        ({"rate": 1}, "rate must be at least 0 and below 1, but is 1"),
        ({"rate": math.nan}, "rate must be at least 0 and below 1, but is nan"),
        ({"rate": "much"}, "rate must be a number, but is 'much'"),
        ({"limit": 0.0}, "limit must be above 0, but is 0.0"),
        ({"limit": math.inf}, "limit must be above 0, but is inf"),
        ({"kind": "ball"}, "kind must be 'bear' or 'doll', but is 'ball'"),
        ({"folder": "here"}, "folder must be a Path, but is 'here'"),
        ({"soft": "yes"}, "soft must be true or false, but is 'yes'"),
        ({"name": None}, "name must be a string, but is None"),
        ({"hidden": "x"}, "hidden must be a whole number, but is 'x'"),
    ],
)
def test_wrong_values_are_told(given, message):
    with pytest.raises(OptionError) as caught:
        Toys(**{"name": "a", **given})
    assert str(caught.value) == message
    assert str(pickle.loads(pickle.dumps(caught.value))) == message  # from another process


def test_the_command_line_names_the_option():
    app = typer.Typer()
    seen = []

    @app.command()
    @spread(Toys)
    def play(options: Toys, out: Annotated[str, typer.Option()]) -> None:
        seen.append((options, out))
        if out == "bad":
            raise OptionError("elsewhere", "is wrong")

    run = CliRunner().invoke
    assert run(app, ["--name", "a", "--out", "x", "--soft", "--rate", "0.1"]).exit_code == 0
    assert seen == [(Toys(name="a", rate=0.1, soft=True), "x")]
    wrong = run(app, ["--name", "a", "--out", "x", "--count", "0"])
    assert str(wrong.exception) == "--count must be at least 1, but is 0"
    assert str(run(app, ["--name", "a", "--out", "bad"]).exception) == "elsewhere is wrong"
    assert run(app, ["--name", "a", "--out", "x", "--hidden", "1"]).exit_code == 2
    assert run(app, ["--out", "x"]).exit_code == 2


def test_texts_are_read():
    assert names_in(" bag, cnn(widths=(2,3),layers=2) ,") == ["bag", "cnn(widths=(2,3),layers=2)"]
    nested = "gat(heads=2,readout='k_max(k=5)')"
    assert names_in(f"{nested},bag") == [nested, "bag"]
    assert value_in("[" * 100_000) == "[" * 100_000
    assert [value_in(text) for text in ("2", "0.1", "true", "[2, 3]", "max")] == [
        2,
        0.1,
        True,
        (2, 3),
        "max",
    ]


def options_of(command: str) -> dict[str, set[str]]:
    """For each parameter of a command how it is written."""
    params = typer.main.get_command(app).commands[command].params
    return {param.name: set(param.opts) for param in params}


def test_help_begins_with_what_must_be_given():
    names = list(options_of("compare"))
    required = [name for name in names if name in ("out", "encoders", "data")]
    assert required == ["out", "encoders", "data"]
    first = [names.index(name) for name in ("data", "folds", "embedding", "epochs", "workers")]
    assert first == sorted(first)  # its own options before those of all runs


@pytest.mark.parametrize("command", ["train", "compare"])
def test_what_can_be_searched_can_be_set(command):
    written = options_of(command)
    for name, declared in SEARCHABLE.items():
        assert f"--{name.replace('_', '-')}" in written[name]
        assert name in {field.name for field in fields(declared)}
    assert {"word_dropout", "min_count", "lowercase"} <= set(SEARCHABLE)


def test_options_of_a_command_are_those_that_are_used():
    options = ExperimentOptions(
        data="x.csv", batch_size=7, min_count=2, dev_fraction=0.3, embedding_dim=20
    )
    assert part(DataOptions, options) == DataOptions(dev_fraction=0.3)
    assert options.training == TrainingOptions(batch_size=7)
    expected = ModelOptions(encoder="bag", min_count=2, embedding_dim=20)
    assert options.model("bag") == expected
    for declared in (TrainingOptions, ModelSettings, DataOptions):
        assert issubclass(CompareOptions, declared)  # which is how a default stands once


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"embedding": "glove"}, "must be one of learned, vectors, wordllama"),
        ({"vectors": "v.txt"}, "vectors and the embedding 'vectors' go together"),
        ({"dropout": 1.0}, "dropout must be at least 0 and below 1"),
        ({"word_dropout": -1.0}, "word_dropout must be at least 0"),
    ],
)
def test_wrong_options_of_a_model_are_told(given, message):
    with pytest.raises(OptionError, match=message):
        ModelOptions(encoder="bag", **given)
