"""A classifier in a folder: its model as ``structnn`` reads it, and beside it what Python needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.data.examples import DataError
from tasks.data.questions import Question
from tasks.estimators.columns import names_of
from tasks.json_records import as_record
from tasks.models.model import SavedModel, model_in, save_model
from tasks.models.options import ModelOptions
from tasks.sealing import read_sealed, write_sealed
from tasks.storage import StorageError

__all__ = ["read_classifier", "write_classifier"]

FILE = "classifier.json"
SAVE_AGAIN = "save the classifier again"

Parameters = dict[str, Any]


@dataclass(frozen=True)
class _ClassifierFile:
    """What ``classifier.json`` holds.

    Attributes:
        classes: The classes.
        dtype: The type of their array.
        parameters: The parameters of the estimator; mappings whose keys are not strings as pairs.
    """

    classes: Sequence[object]
    dtype: str
    parameters: Mapping[str, object]


def write_classifier(
    folder: Path, model: SavedModel, classes: NDArray[Any], parameters: Parameters
) -> None:
    """Write a model, its classes and the parameters of its estimator.

    Raises:
        StorageError: The folder holds a run of an experiment, or can't be written.
        DataError: A class is no string, number or truth value.
    """
    if (folder / "run.json").exists():
        raise StorageError(f"{folder} holds a run of an experiment; save in another folder")
    for value in classes.tolist():
        if not isinstance(value, str | int | float):
            raise DataError(
                f"the class {value!r} can't be saved, since it is of type {type(value).__name__}: train "
                "with classes that are strings, numbers or truth values"
            )
    weights = parameters["class_weight"]
    if isinstance(weights, Mapping):
        weights = [[_plain(value), float(weight)] for value, weight in weights.items()]
    plain = {name: _plain(value) for name, value in parameters.items()} | {"class_weight": weights}
    file = _ClassifierFile(classes.tolist(), classes.dtype.str, plain)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        raise StorageError(f"{folder} can't be made: {fault.strerror or fault}") from None
    save_model(folder, model)
    write_sealed(folder / FILE, asdict(file), ["model.json"])


def read_classifier(folder: Path) -> tuple[SavedModel, NDArray[Any], Parameters]:
    """Read what :func:`write_classifier` wrote, or the model of a run, whose classes are strings.

    Raises:
        StorageError: There is no model in it, a file is damaged, or files don't belong together.
        DataError: The model answers other questions than for the label of a sentence.
    """
    model = model_in(folder)
    labels = list(model.classifier.labels)
    if model.task.question != Question():
        raise DataError(
            f"{folder} answers questions of another kind: {model.task.question.in_words(labels)}. A "
            "StructuredClassifier gives a label to a sentence; structnn predict gives such answers"
        )
    if not (folder / FILE).exists():
        own = {field.name: getattr(model.options, field.name) for field in fields(ModelOptions)}
        return model, np.array(labels), {**own, **vars(model.parser), "structure": model.structure}
    content, seal = read_sealed(folder / FILE, SAVE_AGAIN)
    file = as_record(_ClassifierFile, content, folder / FILE, SAVE_AGAIN)
    seal.check("model.json")
    try:
        classes = np.empty(len(file.classes), dtype=object)
        classes[:] = list(file.classes)
        classes = classes.astype(np.dtype(file.dtype))
        if names_of(classes) != labels:
            raise ValueError(f"its classes are {names_of(classes)}, those of the model {labels}")
    except (TypeError, ValueError) as fault:
        raise StorageError(f"{folder / FILE} doesn't fit ({fault}); {SAVE_AGAIN}") from None
    parameters = dict(file.parameters)
    weights = parameters["class_weight"]
    if isinstance(weights, list):
        parameters["class_weight"] = dict(weights)
    return model, classes, parameters


def _plain(value: object) -> object:
    """A parameter as JSON has it."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    return str(value) if isinstance(value, Path) else value
