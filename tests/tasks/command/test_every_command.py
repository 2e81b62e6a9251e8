"""Each command once, as briefly as can be: what `make test-fast` knows of the command."""

from __future__ import annotations

import json
import re

import pytest
from typer.main import get_command

from structnn import ENCODERS, build_encoder
from tasks.command.cli import app
from tasks.data.datasets import DATASETS
from tasks.data.rows import FORMATS
from tests.tasks.command.test_cli import QUICK, here, questions

__all__ = ["here", "questions"]  # fixtures

ELSEWHERE = {
    "demo": "four encoders, each run in a process of its own: test_demo, which is slow",
    "draw": "test_draw",
    "lab": "tests/tasks/lab",
    "serve": "tests/tasks/serve",
}

WIDTHS = ("--hidden-dim", 4, "--embedding-dim", 4, "--epochs", 1, "--min-count", 1)


def test_each_once(tmp_path, questions, here):
    ran = []

    def run(command, *arguments, **expected):
        ran.append(command)
        return here(command, *arguments, **expected)

    (tmp_path / "two.txt").write_text("Dogs bark.\nThe cat sleeps.\n")
    run("parse", "two.txt", "-o", "two.conllu")
    assert "2 sentences" in run("explore", "two.conllu", "-o", "two.html").err
    assert "target" in run("shuffle", "two.conllu", "-o", "two.jsonl").err

    assert "gat" in run("encoders").out
    run("train", "--data", questions, "--encoder", "bag", *QUICK, "--out", "one")
    said = run("predict", "one/bag/seed-0", "--json", "The fog comes again.").out
    assert json.loads(said)["label"] == "weather"
    run("export", "one/bag/seed-0", "--out", "one.pt2")
    assert (tmp_path / "one.pt2").exists()
    run("push", "one/bag/seed-0", "somebody/fog", "--card-only")
    assert (tmp_path / "one/bag/seed-0/README.md").exists()
    run("explain", "one/bag/seed-0", "The fog comes again.", "-o", "why")
    assert (tmp_path / "why" / "explanation.json").exists()

    run(
        "pretrain", "two.conllu", "--dev", "two.conllu", "--encoder", "lstm", *WIDTHS, "--out", "lm"
    )
    assert len(run("sample", "lm", "--prompt", "Dogs", "--count", 2).out.splitlines()) == 2
    assert "1000000" in run("sample", "lm", "--length", 10**20, status=2).err

    begun = ("--data", questions, "--encoder", "lstm", *WIDTHS, "--init", "lm", "--out", "begun")
    assert "saved in begun/init=lm/lstm/seed-0" in run("train", *begun).out

    given = ("--data", questions, "--encoders", "bag", "--seeds", 1, "--workers", 1)
    assert "bag" in run("compare", *given, *QUICK, "--out", "many").out
    page = tmp_path / "many" / "report.html"
    page.unlink()
    run("report", "many")
    assert page.exists()
    assert "nothing to map" in run("map", "many", "--out", "map", status=1).err

    assert {*ran, *ELSEWHERE} == set(get_command(app).commands)


@pytest.mark.parametrize("command", ["train", "compare", "pretrain"])
def test_the_help_has_every_format_and_name_of_data(command):
    (data,) = (one for one in get_command(app).commands[command].params if one.name == "data")
    assert set(re.findall(r"\.\w+(?=[ ,])", data.help)) >= {*FORMATS} - {".ndjson"}  # as .jsonl
    if command != "pretrain":
        assert set(re.findall(r"[\w-]+", data.help)) >= {*DATASETS}


def test_the_help_of_pretrain_names_the_causal_encoders():
    params = get_command(app).commands["pretrain"].params
    (encoder,) = (one for one in params if one.name == "encoder")
    causal = {name for name in ENCODERS if build_encoder(name, 4, 4).causal}
    assert {*re.findall(r"\w+", encoder.help)} >= {*causal, "transformer"}


def test_the_help_of_predict_tells_of_every_answer():
    told = get_command(app).commands["predict"].help
    assert all(f"{answer}s" in told for answer in ("label", "tag", "tree", "number", "text"))


def test_the_help_of_the_demo_tells_of_foursomes():
    assert "four at a time" in get_command(app).commands["demo"].help


def test_each_is_told_in_the_same_ways_where_to_write():
    def commands(one):
        below = getattr(one, "commands", {}).values()
        return [one, *(found for command in below for found in commands(command))]

    writing = {}
    for command in commands(get_command(app)):
        for option in command.params:
            if option.name in ("out", "output"):
                writing[command.name] = set(option.opts)
    assert {"parse", "train", "export", "explore", "gradient-flow", "demo"} <= set(writing)
    assert all(ways == {"--output", "--out", "-o"} for ways in writing.values()), writing
