"""Where a module of the user's has the name of one of our packages, the command says so."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from structnn.shadowing import standing_in_the_way

ROOT = Path(__file__).parents[1]
INVOKE = "from invoke_that_is_not_there import task\n"  # as a project's own tasks.py may begin
SCRIPT = "import sys\nfrom structnn.__main__ import main\nsys.exit(main())\n"  # as pip writes it


def python(folder: Path, *arguments: str):
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": f".{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("name", ["tasks", "parsers"])
@pytest.mark.parametrize("form", ["{}.py", "{}/__init__.py"])
@pytest.mark.parametrize("start", [["-m", "structnn"], ["bin/structnn"]], ids=["module", "script"])
def test_the_file_in_the_way_is_named(tmp_path, name, form, start):
    script = tmp_path / "bin" / "structnn"
    script.parent.mkdir()
    script.write_text(SCRIPT)
    file = tmp_path / form.format(name)
    file.parent.mkdir(exist_ok=True)
    file.write_text(INVOKE)
    done = python(tmp_path, *start, "draw", "Dogs bark.", "--text")
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("error:")
    assert file.name in line
    for way in ("another folder", "PYTHONPATH", "python -P"):
        assert way in line


def test_without_the_folder_on_the_path_the_command_runs(tmp_path):
    (tmp_path / "tasks.py").write_text(INVOKE)
    done = subprocess.run(
        [sys.executable, "-P", "-m", "structnn", "--help"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0
    assert "compare" in done.stdout


def test_ours_are_ours():
    assert standing_in_the_way("tasks") is None
    assert standing_in_the_way("parsers") is None


def test_an_import_says_so_too(tmp_path):
    (tmp_path / "parsers.py").write_text(INVOKE)
    done = python(tmp_path, "-c", "import tasks.data.examples")
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("structnn.shadowing.ShadowedError:")
    assert "parsers.py stands in the way of structnn's package 'parsers'" in last
