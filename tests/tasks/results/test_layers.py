"""The order of the modules of results: each imports those before it alone."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

TASKS = Path(__file__).parents[3] / "tasks"
RESULTS = (
    *(
        "condition",
        "options",
        "run",
        "records",
        "verdicts",
        "power",
        "statistics",
        "table",
        "card",
    ),
    *("folder", "families", "measures", "summary", "slices"),
)
REPORT = (
    *("shell", "canvas", "groups", "words", "tables", "browser"),
    *("figures", "map", "sections", "page"),
)


def imported(file: Path, package: str) -> set[str]:
    """The modules of a package that a file imports, at whatever place."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            names.append(node.module)
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        found |= {name.removeprefix(package).split(".")[0] for name in names if package in name}
    return found


@pytest.mark.parametrize(("room", "order"), [("results", RESULTS), ("report", REPORT)])
def test_modules_import_those_before_them_alone(room, order):
    files = {file.stem: file for file in (TASKS / room).glob("*.py") if file.stem != "__init__"}
    assert set(files) == set(order)
    for place, name in enumerate(order):
        above = imported(files[name], f"tasks.{room}.") & set(order[place:])
        assert not above, f"tasks/{room}/{name}.py imports {', '.join(sorted(above))}"


@pytest.mark.parametrize("room", ["results", "report"])
def test_nothing_above_is_imported(room):
    above = {"experiments", "console", "command", "explain", "lab"}
    above |= {"report"} if room == "results" else set()
    for file in (TASKS / room).glob("*.py"):
        assert not imported(file, "tasks.") & above, file
