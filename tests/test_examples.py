"""The programs in examples/ run, on tiny settings."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from structnn import ENCODERS

EXAMPLES = Path(__file__).parents[1] / "examples"


def example(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_each_example_is_tested_and_says_how_to_run_it():
    names = {file.stem for file in EXAMPLES.glob("*.py")}
    assert names == {"compare", "drawing", "loop", "new_encoder", "parse_and_train"}
    for name in names:
        text = (EXAMPLES / f"{name}.py").read_text(encoding="utf-8")
        assert f"\npython examples/{name}.py" in text.split('"""')[1]


def test_a_loop_of_ones_own(capsys):
    assert 0 <= example("loop").main(train=40, epochs=2, width=4) <= 1
    assert capsys.readouterr().out.count("epoch") == 2


def test_a_new_encoder():
    assert 0 <= example("new_encoder").main(train=40, epochs=1) <= 1
    assert "ancestors" in ENCODERS


@pytest.mark.slow
def test_parse_and_train(tmp_path, capsys):
    answers = example("parse_and_train").main(tmp_path / "parses.sqlite", epochs=1)
    assert set(answers) <= {"person", "place"}
    assert "wrote" in capsys.readouterr().out


@pytest.mark.slow
def test_a_comparison(tmp_path):
    report = tmp_path / "report.html"
    result = example("compare").main(report, pairs=20, epochs=1, seeds=1, workers=1)
    assert report.stat().st_size > 1000
    assert len(result.summary.rows) == 3


@pytest.mark.slow
def test_drawing(tmp_path):
    names = [picture.name for picture in example("drawing").main(tmp_path / "pictures")]
    assert names == ["arcs.svg", "gates.svg", "pair.svg", "tree.svg"]
