"""An estimator in a folder: its model as ``structnn`` reads it, and beside it what Python needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tasks.data.examples import DataError
from tasks.estimators.answers import LabelSets, Numbers, OfClasses, Values, values_for
from tasks.json_records import as_record
from tasks.models.hub import fetched
from tasks.models.model import SavedModel, model_in, save_model
from tasks.models.options import ModelOptions
from tasks.sealing import read_sealed, write_sealed
from tasks.storage import StorageError

__all__ = ["StoredEstimator", "read_estimator", "write_estimator"]

FILE = "estimator.json"
EARLIER = "classifier.json"
"""What the file was called until version 0.5.0, when there were classifiers alone."""
SAVE_AGAIN = "save the estimator again"

Parameters = dict[str, Any]


@dataclass(frozen=True)
class _EstimatorFile:
    """What ``estimator.json`` holds.

    Attributes:
        parameters: The parameters of the estimator; mappings whose keys are not strings as pairs.
        classes: The classes; None where answers are not classes.
        dtype: The type of their array.
        is_matrix: Whether answers are rows of a matrix.
        estimator: The name of its class.
        figures: Figures of its training, for the model card.
    """

    parameters: Mapping[str, object]
    classes: Sequence[object] | None = None
    dtype: str | None = None
    is_matrix: bool = False
    estimator: str = "StructuredClassifier"
    figures: Mapping[str, float] = field(default_factory=dict)


class StoredEstimator(NamedTuple):
    """What is stored of an estimator.

    Attributes:
        model: Its model.
        values: What the answers of the model stand for.
        parameters: Its parameters.
        figures: Figures of its training, by what they are called.
    """

    model: SavedModel
    values: Values
    parameters: Parameters
    figures: Mapping[str, float]


def write_estimator(folder: Path, name: str, stored: StoredEstimator) -> None:
    """Write a model, what its answers stand for, and the parameters of its estimator.

    Args:
        folder: Where; it is made if it isn't there.
        name: The name of the class of the estimator.
        stored: The estimator.

    Raises:
        StorageError: The folder holds a run of an experiment, or can't be written.
        DataError: A class is no string, number or truth value.
    """
    if (folder / "run.json").exists():
        raise StorageError(f"{folder} holds a run of an experiment; save in another folder")
    model, values, parameters, figures = stored
    classes = values.classes if isinstance(values, OfClasses) else None
    for value in () if classes is None else classes.tolist():
        if not isinstance(value, str | int | float):
            raise DataError(
                f"the class {value!r} can't be saved, since it is of type {type(value).__name__}: train "
                "with classes that are strings, numbers or truth values"
            )
    plain = {key: _plain(value) for key, value in parameters.items()}
    if isinstance(weights := parameters.get("class_weight"), Mapping):
        plain["class_weight"] = [[_plain(one), float(weight)] for one, weight in weights.items()]
    file = _EstimatorFile(
        plain,
        None if classes is None else classes.tolist(),
        None if classes is None else classes.dtype.str,
        isinstance(values, LabelSets) and values.is_matrix,
        name,
        dict(figures),
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / EARLIER).unlink(missing_ok=True)
    except OSError as fault:
        raise StorageError(f"{folder} can't be made: {fault.strerror or fault}") from None
    save_model(folder, model)
    write_sealed(folder / FILE, asdict(file), ["model.json"])


def read_estimator(folder: Path) -> StoredEstimator:
    """Read what :func:`write_estimator` wrote, or the model of a run, whose classes are strings.

    Raises:
        StorageError: There is no model in it, a file is damaged, or files don't belong together.
    """
    folder = fetched(folder)
    model = model_in(folder)
    question = model.task.question
    labels = list(model.classifier.labels)
    kind = values_for(question)
    path = next((folder / name for name in (FILE, EARLIER) if (folder / name).exists()), None)
    if path is None:
        own = {field.name: getattr(model.options, field.name) for field in fields(ModelOptions)}
        asked = {"reads": question.reads, "answer": question.answer}
        parameters = {**own, **vars(model.parser), **asked, "structure": model.structure}
        values = _values(kind, np.array(labels), model, is_matrix=False)
        return StoredEstimator(model, values, parameters, {})
    content, seal = read_sealed(path, SAVE_AGAIN)
    file = as_record(_EstimatorFile, content, path, SAVE_AGAIN)
    seal.check("model.json")
    try:
        classes = np.empty(len(file.classes or ()), dtype=object)
        classes[:] = list(file.classes or ())
        dtype = file.dtype or ""  # NumPy can't read what it calls strings of any length
        classes = classes.astype(np.dtype("T" if dtype.startswith("StringDType") else file.dtype))
        values = _values(kind, classes, model, is_matrix=file.is_matrix)
        if (values.labels or []) != labels:
            raise ValueError(f"its classes are {values.labels}, those of the model {labels}")
    except (TypeError, ValueError) as fault:
        raise StorageError(f"{path} doesn't fit ({fault}); {SAVE_AGAIN}") from None
    parameters = dict(file.parameters)
    if isinstance(weights := parameters.get("class_weight"), list):
        parameters["class_weight"] = dict(weights)
    return StoredEstimator(model, values, parameters, file.figures)


def _values(kind: type[Values], classes: Any, model: SavedModel, *, is_matrix: bool) -> Values:
    """The answers of a model."""
    if kind is LabelSets:
        return LabelSets(classes, is_matrix)
    if kind is Numbers:
        return Numbers(model.task.question.answer)
    return kind(classes) if issubclass(kind, OfClasses) else kind()


def _plain(value: object) -> object:
    """A parameter as JSON has it."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.random.RandomState):
        return None  # which draws a seed too
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    return str(value) if isinstance(value, Path) else value
