"""The model card of a saved model: what it answers, its figures, its data, how it is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tasks.data.examples import quote
from tasks.data.questions import Question
from tasks.json_records import as_record
from tasks.metrics import metrics_for
from tasks.models.building import count_parameters
from tasks.models.hub import CARD, HUB
from tasks.models.model import SavedModel, model_in
from tasks.results.run import RUN_AGAIN, RunResult, versions
from tasks.results.table import as_markdown
from tasks.sealing import read_sealed
from tasks.storage import write_text

__all__ = ["estimator_for", "write_card"]

_TEXTS = {
    "pair": 'A text." --text2 "Another."',
    "span": 'A [[span]] of a text."',
    "spans": 'Two [[spans]] of a [[text]]."',
}

BEGINNING = "---\nlibrary_name: structnn"


def write_card(
    folder: Path, repository: str = "OWNER/NAME", figures: Mapping[str, object] | None = None
) -> Path:
    """Write ``README.md``, the model card, into the folder of a model; one of another kind stays.

    Args:
        folder: That of a run, or of a saved estimator.
        repository: What the model is called on the hub.
        figures: Figures of a model that is not of a run, by what they are called.

    Returns:
        The file.

    Raises:
        StorageError: There is no model in the folder, or a file can't be read or written.
    """
    file = folder / CARD
    if file.exists() and not file.read_text(encoding="utf-8").startswith(BEGINNING):
        return file
    model = model_in(folder)
    run, result = _content(folder / "run.json"), _result(folder / "result.json")
    data = run.get("data", {})
    estimator = estimator_for(model.task.question)
    example = _TEXTS.get(model.task.question.reads, 'A text."')
    lines = [
        *_header(model),
        f"# {model.options.encoder}" + (f" on {as_markdown(data['name'])}" if data else ""),
        "",
        f"A model of the Python package structnn. What it is asked: {_asked(model)}.",
        "",
        "## Figures",
        "",
        *_table({**_of_result(model, result), **(figures or {})}, "figure", "value"),
        *_of_data(data),
        "## How to load it",
        "",
        "```python",
        f"from tasks import {estimator}",
        "",
        f'model = {estimator}.from_pretrained("{repository}")',
        "```",
        "",
        "```console",
        f'$ structnn predict {HUB}{repository} "{example}',
        "```",
        "",
        f"{_reading(model)} The words of the",
        "training data that the model knows stand in `model.json`.",
        "",
        "## Options",
        "",
        *_table({**asdict(model.options), **run.get("training", {})}, "option", "value"),
        "## Versions",
        "",
        *_table(run.get("versions") or versions(), "package", "version"),
    ]
    write_text(file, "\n".join(lines).rstrip() + "\n")
    return file


def _content(file: Path) -> dict[str, Any]:
    """What a file of a run holds; empty where there is no such file."""
    if not file.exists():
        return {}
    content, _ = read_sealed(file, RUN_AGAIN)
    return content if isinstance(content, dict) else {}


def _result(file: Path) -> RunResult | None:
    """The result of a run; None where there is none."""
    content = _content(file)
    return as_record(RunResult, content, file, RUN_AGAIN, folder=Path()) if content else None


def _header(model: SavedModel) -> list[str]:
    """What the hub reads of a card."""
    names = dict.fromkeys(("structnn", model.options.encoder.partition("(")[0]))
    tags = [f"- {name}" for name in names if name.replace("_", "").isalnum()]
    return [BEGINNING, "tags:", *tags, "---", ""]


def _asked(model: SavedModel) -> str:
    labels = model.classifier.labels
    asked = model.task.question.in_words(labels)
    return f"{asked}: {as_markdown(quote(labels))}" if labels else asked


def _of_result(model: SavedModel, result: RunResult | None) -> dict[str, object]:
    """The figures of a run."""
    parts = count_parameters(model.classifier)
    found: dict[str, object] = {"trained parameters": f"{sum(parts.values()):,}"}
    if result is None:
        return found
    name = metrics_for(model.task.question, model.classifier.labels)[0].name
    found[f"dev {name}"] = f"{result.dev_score:.4f}"
    if result.test_score is not None:
        found[f"test {name}"] = f"{result.test_score:.4f}"
    return found | {"epochs": result.epochs, "best epoch": result.best_epoch}


def _of_data(data: Mapping[str, Any]) -> list[str]:
    if not data:
        return []
    return [
        "## Data",
        "",
        *_table(data, "data", "value"),
    ]


def estimator_for(question: Question) -> str:
    """The name of the estimator that answers such a question, and loads a model that does."""
    if question.has_parts:
        kinds = {"tokens": "Tagger", "arcs": "Parser", "nodes": "NodeClassifier"}
        return f"Structured{kinds[question.reads]}"
    if question.is_number:
        return "StructuredRegressor"
    return "StructuredTransducer" if question.is_sequence else "StructuredClassifier"


def _reading(model: SavedModel) -> str:
    """Which trees new texts have."""
    parsed = f"New texts are parsed with {_parser(model)}"
    if model.structure == "given":  # a text alone brings none
        return f"{parsed}, in place of the given trees of the training data."
    return f"{parsed}, and read as {model.structure!r}."


def _parser(model: SavedModel) -> str:
    parser = model.parser
    if parser.parser is not None:
        return f"the run {parser.parser}"
    package = f", package {parser.package}" if parser.package else ""
    return f"Stanza (language {parser.language}{package})"


def _table(rows: Mapping[str, object], *header: str) -> list[str]:
    shown = ((name, str(value)) for name, value in rows.items() if value not in (None, {}))
    cells = [header, ("---", "---"), *shown]
    return [*(f"| {as_markdown(name)} | {as_markdown(value)} |" for name, value in cells), ""]
