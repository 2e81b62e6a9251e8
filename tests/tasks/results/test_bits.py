"""The bits of predictions in docs/results: verdicts can be made from them alone."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

import pytest

from tasks.results.folder import load_results
from tasks.results.measures import measure
from tasks.results.summary import family_in_words
from tests.tasks.made_up import make_examples, make_grid, write_experiment

ROOT = Path(__file__).parents[3]
BITS = runpy.run_path(str(ROOT / "docs/results/bits.py"))


def test_verdicts_from_bits_are_those_of_the_experiment(tmp_path):
    grid = make_grid(encoders=("bilstm", "gat", "gcn"), structures=("parse", "random"))
    folder = write_experiment(tmp_path, {"toys": make_examples(83)}, grid, seeds=3)
    file = tmp_path / "toys.jsonl"
    file.write_text("".join(BITS["json"].dumps(line) + "\n" for line in BITS["lines_of"](folder)))
    families = measure(load_results(folder)).families
    expected = [
        line
        for family in families
        for line in (f"## toys: {family.question}", *(f"- {w}" for w in family_in_words(family)))
    ]
    assert list(BITS["decide"](file)) == expected


def test_the_documented_verdicts_are_those_of_the_committed_bits():
    page = (ROOT / "docs/experiments.md").read_text(encoding="utf-8")
    told = list(BITS["decide"](ROOT / "docs/results/bits/trec-structures.jsonl"))
    lines = [line for line in told if line.startswith("- ")]
    assert len(lines) == 11
    assert all(line in page for line in lines)


@pytest.mark.parametrize(
    "file", sorted((ROOT / "docs/results/bits").iterdir()), ids=lambda f: f.stem
)
def test_every_file_of_bits_can_be_decided(file):
    lines = [json.loads(text) for text in file.read_text(encoding="utf-8").splitlines()]
    compared = {(line["encoder"], line.get("structure")) for line in lines if "seed" in line}
    told = [line for line in BITS["decide"](file) if "better than" in line or "undecided" in line]
    assert bool(told) == (len(compared) > 1)


def test_all_bits_together_are_small():
    assert sum(file.stat().st_size for file in (ROOT / "docs/results/bits").iterdir()) < 100_000
