"""What a release says of itself agrees: the version, the changelog and the citation."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import yaml

import structnn
from tasks.results.run import versions

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
HEADING = re.compile(r"^## (Unreleased|(\d+\.\d+\.\d+) \((\d{4}-\d\d-\d\d)\))$")


def test_the_version_stands_in_one_place():
    assert "version" not in PYPROJECT["project"]
    assert PYPROJECT["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "structnn.__version__"}


def test_a_checkout_knows_its_version_without_installation():
    # -S: nothing that is installed can be imported.
    code = "import structnn; print(structnn.__version__)"
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == structnn.__version__


def test_the_changelog_is_in_order():
    lines = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").splitlines()
    headings = [HEADING.match(line) for line in lines if line.startswith("## ")]
    assert all(headings)
    released = [found for found in headings if found[2]]
    assert headings[-len(released) :] == released  # "Unreleased", if there, comes first
    assert len(headings) - len(released) <= 1
    versions = [tuple(map(int, found[2].split("."))) for found in released]
    assert versions == sorted(set(versions), reverse=True)
    dates = [found[3] for found in released]
    assert dates == sorted(dates, reverse=True)


def test_the_citation_agrees_with_the_package():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["cff-version"] == "1.2.0"
    assert {"authors", "message", "title"} <= set(citation)  # what the format requires
    # That of the code; the metadata has the parser model's, too.
    assert citation["license"] == PYPROJECT["project"]["license"].split(" AND ")[0]
    assert citation["keywords"] == PYPROJECT["project"]["keywords"]
    (author,) = citation["authors"]
    assert author["name"] in (ROOT / "LICENSE").read_text(encoding="utf-8")


def test_hooks_run_what_make_lint_runs():
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    (local,) = (repo["hooks"] for repo in config["repos"] if repo["repo"] == "local")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    lint = makefile.partition("\nlint:")[2].partition("\n\n")[0]
    for hook in local:
        command = hook["entry"].removeprefix(".venv/bin/").removesuffix(" --fix")
        assert f"$(BIN)/{command}" in lint
    assert len(local) == lint.count("$(BIN)/")


def test_a_run_notes_the_version_that_made_it(monkeypatch):
    monkeypatch.setattr(structnn, "__version__", "9.9.9")  # whatever is installed
    assert versions()["structnn"] == "9.9.9"


def test_a_source_distribution_holds_what_is_installed_and_no_more(tmp_path):
    setup = "import setuptools; setuptools.setup()"
    subprocess.run(
        [sys.executable, "-c", setup, "--quiet", "egg_info", "--egg-base", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    listed = next(tmp_path.glob("*/SOURCES.txt")).read_text(encoding="utf-8").split()
    packages = {name: (ROOT / name).rglob("*.py") for name in ("structnn", "parsers", "tasks")}
    modules = {str(file.relative_to(ROOT)) for files in packages.values() for file in files}
    assert modules <= set(listed)
    others = {name for name in set(listed) - modules if "egg-info" not in name}
    tops = {name.partition("/")[0] for name in others}
    assert tops <= {*packages, "LICENSE", "MANIFEST.in", "README.md", "pyproject.toml"}
    suffixes = {Path(name).suffix for name in others}
    assert {".pt", ".cpp", ".h", ".html", ".css", ".js", ".conllu", ".typed"} <= suffixes
