"""The notebooks of the course are whole: executed, without errors, the same in both languages."""

from __future__ import annotations

import ast
import importlib
import json
import re
from pathlib import Path
from typing import Any

import matplotlib
import pytest
from matplotlib import pyplot

import tasks
from tasks import StructuredClassifier, compare_encoders
from tests.test_site import anchors

ROOT = Path(__file__).parents[1]
COURSE = ROOT / "course"
ENGLISH = sorted(COURSE.glob("*.ipynb"))
CHINESE = sorted((COURSE / "zh").glob("*.ipynb"))
BOTH = [*ENGLISH, *CHINESE]
OURS = {"structnn", "parsers", "tasks"}


def name_of(file: Path) -> str:
    return str(file.relative_to(COURSE))


def cells(file: Path, kind: str) -> list[dict[str, Any]]:
    notebook = json.loads(file.read_text(encoding="utf-8"))
    return [cell for cell in notebook["cells"] if cell["cell_type"] == kind]


def source(cell: dict[str, Any]) -> str:
    text = cell["source"]
    return text if isinstance(text, str) else "".join(text)


def prose(file: Path) -> str:
    return "\n\n".join(map(source, cells(file, "markdown")))


def run(file: Path) -> dict[str, Any]:
    """What the names of a notebook stand for after it has run."""
    names: dict[str, Any] = {}
    backend = matplotlib.get_backend()
    matplotlib.use("Agg")
    try:
        with matplotlib.rc_context():
            for cell in cells(file, "code"):
                exec(compile(source(cell), file.name, "exec"), names)
            pyplot.close("all")
    finally:
        matplotlib.use(backend)
    return names


def test_there_are_notebooks_in_both_languages():
    assert [file.name for file in ENGLISH] == [file.name for file in CHINESE]
    numbers = [int(file.name[:2]) for file in ENGLISH]
    assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize("file", BOTH, ids=name_of)
def test_it_is_a_notebook_of_format_4(file):
    notebook = json.loads(file.read_text(encoding="utf-8"))
    assert notebook["nbformat"] == 4
    assert notebook["nbformat_minor"] >= 5
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    ids = [cell["id"] for cell in notebook["cells"]]
    assert len(set(ids)) == len(ids)
    assert {cell["cell_type"] for cell in notebook["cells"]} == {"code", "markdown"}


@pytest.mark.parametrize("file", BOTH, ids=name_of)
def test_it_was_executed_from_top_to_bottom_without_errors(file):
    code = cells(file, "code")
    assert 3 <= len(code) <= 10
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell["outputs"]]
    assert {output["output_type"] for output in outputs} <= {
        "stream",
        "display_data",
        "execute_result",
    }
    assert not [output for output in outputs if output.get("name") == "stderr"]
    figures = [o for o in outputs if {"image/png", "image/svg+xml"} & set(o.get("data", {}))]
    assert 1 <= len(figures) <= 3


@pytest.mark.parametrize("file", ENGLISH, ids=name_of)
def test_what_it_imports_is_there(file):
    for cell in cells(file, "code"):
        for node in ast.walk(ast.parse(source(cell))):
            if isinstance(node, ast.ImportFrom) and str(node.module).split(".")[0] in OURS:
                module = importlib.import_module(str(node.module))
                for alias in node.names:
                    assert hasattr(module, alias.name), f"{node.module} has no {alias.name}"


@pytest.mark.parametrize("file", BOTH, ids=name_of)
def test_no_path_of_a_machine_is_in_it(file):
    text = re.sub(r'"image/png": "[^"]*"', "", file.read_text(encoding="utf-8"))
    assert not re.search(r"/(work|tmp|home|root|usr)/|[A-Z]:\\\\", text)


@pytest.mark.parametrize("file", ENGLISH, ids=name_of)
def test_both_languages_have_the_same_code_and_outputs(file):
    for one, other in zip(
        cells(file, "code"), cells(COURSE / "zh" / file.name, "code"), strict=True
    ):
        assert source(one) == source(other)
        assert one["outputs"] == other["outputs"]


@pytest.mark.parametrize("file", BOTH, ids=name_of)
def test_it_asks_first_and_answers_with_exercises(file):
    text = prose(file)
    title = text.partition("\n")[0]
    assert title.startswith(f"# {int(file.name[:2])}. ")
    assert title.endswith(("?", "\uff1f"))
    chinese = file in CHINESE
    for word in (
        ("先作预测", "## 答案", "## 练习")
        if chinese
        else (
            "Your prediction",
            "## The answer",
            "## Exercises",
        )
    ):
        assert word in text
    assert "$$" in text  # equations
    exercises = text.partition("## 练习" if chinese else "## Exercises")[2]
    assert re.search(r"^1\. ", exercises, flags=re.M)
    assert re.search(r"^2\. ", exercises, flags=re.M)
    assert bool(re.search(r"[\u4e00-\u9fff]", text)) == chinese


@pytest.mark.parametrize("file", BOTH, ids=name_of)
def test_links_lead_somewhere(file):
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(file)):
        path, _, anchor = target.partition("#")
        if not target.startswith("http"):
            assert (file.parent / path).exists(), target
            assert not anchor or anchor in anchors(file.parent / path), target


def test_the_course_is_small():
    assert sum(file.stat().st_size for file in BOTH) < 1_500_000


@pytest.fixture
def _small(monkeypatch):
    """Notebooks train on little: results mean nothing, but all code is run."""
    fit = StructuredClassifier.fit
    monkeypatch.setattr(StructuredClassifier, "fit", lambda self, X, y: fit(self, X[:24], y[:24]))

    def compare(texts, labels, encoders, *, dev, test, **options):
        options |= {"seeds": 2, "epochs": 1, "hidden_dim": 4, "workers": 1}
        few = [column[:8] for column in (texts, labels, *dev, *test)]
        return compare_encoders(*few[:2], encoders, dev=few[2:4], test=few[4:], **options)

    monkeypatch.setattr(tasks, "compare_encoders", compare)


@pytest.mark.slow
@pytest.mark.usefixtures("_small")
@pytest.mark.filterwarnings("ignore:FigureCanvasAgg is non-interactive")
@pytest.mark.parametrize("number", [7, 8])  # they use what others don't: records, verdicts
def test_it_runs_on_little(number):
    run(ENGLISH[number - 1])


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:FigureCanvasAgg is non-interactive")
def test_the_first_notebook_runs():
    names = run(ENGLISH[0])
    counted = names["scores"]["counted neighbours"]
    learned = names["scores"]["learned from the labels"]
    assert min(test for _, test in counted) > max(test for _, test in learned)
