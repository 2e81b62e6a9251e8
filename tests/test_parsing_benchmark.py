"""The benchmark of parsing: what it reads, and that its contenders agree."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from benchmarks.parsing import main, read_texts
from parsers.stanza.models import SHIPPED_MODELS

pytestmark = pytest.mark.slow


def test_texts_are_read_from_lines_and_from_treebanks(tmp_path: Path) -> None:
    lines = tmp_path / "texts.txt"
    lines.write_text("Dogs bark.\n\n  \nCats don't.\n")
    treebank = tmp_path / "texts.conllu"
    treebank.write_text("# text = Dogs bark.\n1\tDogs\t_\n\n# text = Cats don't.\n1\tCats\t_\n\n")
    assert read_texts(lines) == read_texts(treebank) == ["Dogs bark.", "Cats don't."]


@pytest.mark.skipif(
    not (SHIPPED_MODELS / "resources.json").is_file(), reason="the shipped models are not here"
)
def test_the_benchmark_runs(tmp_path: Path) -> None:
    (tmp_path / "texts.txt").write_text("Dogs bark.\nCats don't.\nWhat is it?\n")
    app = typer.Typer()
    app.command()(main)
    result = CliRunner().invoke(app, [str(tmp_path / "texts.txt"), "--out", str(tmp_path)])
    assert result.exit_code == 0, result.output
    written = json.loads((tmp_path / "parsing.json").read_text())
    assert written["sentences"] == 3
    assert written["contenders"]["StanzaParser"]["ratio"]["median"] > 0
    assert 0 < written["profile"]["parser"] < 1
