"""The rules of the house: who may import whom, and what an import may cost."""

from __future__ import annotations

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import networkx as nx
import pytest

ROOT = Path(__file__).parents[1]
MAY_IMPORT = {
    "structnn": {"structnn"},
    "parsers": {"parsers", "structnn"},
    "tasks": {"tasks", "parsers", "structnn"},
}


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_imports_go_one_way(package):
    for path, line, name, _ in imports_of(package):
        top = name.partition(".")[0]
        allowed = top not in MAY_IMPORT or top in MAY_IMPORT[package]
        # The command starts here, where it can be seen whether tasks and parsers are ours.
        allowed = allowed or path == ROOT / "structnn" / "__main__.py"
        assert allowed, f"{path.relative_to(ROOT)}:{line} imports {name}"


ROOMS = (
    *(
        ("options",),
        ("palette",),
        ("folders", "directions"),
        ("storage",),
        ("json_records", "sealing", "tensors"),
        ("console",),
        ("data",),
        ("metrics",),
        ("training",),
        ("models",),
        ("pretraining",),
    ),
    *(("results",), ("report",), ("explain", "lab"), ("serve",), ("experiments",), ("estimators",)),
    ("command",),
)
"""The rooms of tasks from the bottom up: each may import those below it, and itself."""


def test_rooms_of_tasks_go_one_way():
    floor = {room: number for number, rooms in enumerate(ROOMS) for room in rooms}
    for path, line, name, typing_only in imports_of("tasks"):
        room = path.relative_to(ROOT / "tasks").parts[0].removesuffix(".py")
        if room in ("__init__", "__main__") or not name.startswith("tasks.") or typing_only:
            continue
        other = name.split(".")[1]
        allowed = other == room or floor[other] < floor[room]
        assert allowed, f"{path.relative_to(ROOT)}:{line} imports {name}, which is not below it"


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_no_modules_import_each_other_in_a_circle(package):
    """At whatever place in a module, but for types alone."""
    imported: dict[str, set[str]] = {}
    for path, _, name, typing_only in imports_of(package):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        if not typing_only and module_file(name) is not None:
            imported.setdefault(module.removesuffix(".__init__"), set()).add(name)
    graph = nx.DiGraph([(one, other) for one, names in imported.items() for other in names])
    # A package imports its modules, and these may import each other through it.
    graph.remove_nodes_from([name for name in list(graph) if module_file(name).stem == "__init__"])
    assert list(nx.simple_cycles(graph)) == []


@cache
def imports_of(package):
    """Every import of a package's modules: the file, the line, the module, and if for types alone."""
    found = []
    for path in sorted((ROOT / package).rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for_types = {
            id(inner)
            for node in ast.walk(tree)
            if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
            for inner in ast.walk(node)
        }
        for node in ast.walk(tree):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                # A name may be that of a module, or of something in it.
                parts = [f"{node.module}.{alias.name}" for alias in node.names]
                names = [part if module_file(part) else node.module for part in parts]
            for name in names:
                found.append((path, node.lineno, name, id(node) in for_types))
    return found


@cache
def module_file(name):
    base = ROOT / Path(*name.split("."))
    for file in (base.with_suffix(".py"), base / "__init__.py"):
        if file.exists():
            return file
    return None


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("structnn", ["torch", "stanza", "networkx", "matplotlib", "sklearn"]),
        ("structnn.encoders", ["torch_geometric", "stanza", "networkx.drawing", "sklearn"]),
        ("structnn.__main__", ["torch", "stanza", "sklearn", "accelerate"]),
        ("parsers", ["torch", "stanza", "networkx", "matplotlib", "nltk"]),
        ("tasks", ["torch", "stanza", "sklearn", "accelerate"]),
        ("tasks.command.cli", ["torch", "stanza", "sklearn", "accelerate"]),
    ],
)
def test_imports_stay_cheap(module, heavy):
    code = f"import sys, {module}; print([name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_packages_are_typed(package):
    assert (ROOT / package / "py.typed").exists()
