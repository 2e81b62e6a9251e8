"""The rules of the house: who may import whom, and what an import may cost."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAY_IMPORT = {
    "structnn": {"structnn"},
    "parsers": {"parsers", "structnn"},
    "tasks": {"tasks", "parsers", "structnn"},
}


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_imports_go_one_way(package):
    for path in sorted((ROOT / package).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            for name in names:
                top = name.partition(".")[0]
                allowed = top not in MAY_IMPORT or top in MAY_IMPORT[package]
                assert allowed, f"{path.relative_to(ROOT)}:{node.lineno} imports {name}"


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("structnn", ["torch_geometric", "stanza", "networkx.drawing", "matplotlib", "sklearn"]),
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
