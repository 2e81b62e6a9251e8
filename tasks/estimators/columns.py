"""Texts and their classes as Python has them: lists, NumPy arrays, pandas and Arrow columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from structnn import Sentence
from tasks.data.examples import DataError, Example, quote

__all__ = ["Column", "classes_in", "examples_of", "labels_in", "names_of", "numbers_in"]

Column: TypeAlias = Any
"""A column of texts or of classes: a list, or an object of NumPy, pandas or Arrow."""


def examples_of(X: Column, labels: Sequence[str] | None = None, name: str = "X") -> list[Example]:
    """Texts as examples.

    Args:
        X: A column of strings, token lists or sentences.
        labels: The label of each, as it is named in a model; None where it isn't known.
        name: What messages call the column.

    Raises:
        DataError: It is no such column, or there are not as many labels; or a text is missing or empty.
    """
    values = _values(X, name)
    if labels is not None and len(labels) != len(values):
        raise DataError(
            f"{name} has {len(values)} texts, but there are {len(labels)} labels: give each text one"
        )
    known = ["?"] * len(values) if labels is None else labels
    return [
        _example(value, label, f"{name}[{place}]")
        for place, (value, label) in enumerate(zip(values, known, strict=True))
    ]


def labels_in(y: Column, name: str = "y") -> NDArray[Any]:
    """A column of classes, as an array.

    Args:
        y: A column of strings, whole numbers, truth values or any other hashable objects.
        name: What messages call it.

    Raises:
        DataError: A class is missing.
        ValueError: It is not a column, or has numbers that are no classes, such as 0.5.
    """
    from sklearn.utils import column_or_1d
    from sklearn.utils.multiclass import check_classification_targets

    if y is None:
        raise ValueError(f"requires {name} to be passed, but the target {name} is None")
    if hasattr(y, "to_pylist"):
        y = y.to_pylist()
    elif hasattr(y, "to_numpy"):
        y = y.to_numpy()
    elif hasattr(y, "__array__"):
        y = np.asarray(y)
    if isinstance(y, np.ndarray):
        array: NDArray[Any] = column_or_1d(y, warn=True)
    else:
        values = list(_values(y, name))
        array = np.empty(len(values), dtype=object)
        array[:] = values
        if len(kinds := {type(value) for value in values}) == 1:
            (kind,) = kinds
            if issubclass(kind, str | int | float | np.generic):
                array = np.array(values)
    for place, value in enumerate(array.tolist()):
        if value is None or value != value:
            raise DataError(f"{name}[{place}] is {value}: give the text a class, or leave it out")
    if array.dtype.kind == "f":
        check_classification_targets(array)
    return array


def classes_in(y: NDArray[Any]) -> NDArray[Any]:
    """The classes that occur: sorted, or where they can't be compared, sorted by their names.

    Raises:
        DataError: Two have the same name (``1`` and ``"1"``).
    """
    try:
        classes: NDArray[Any] = np.unique(y)
    except TypeError:
        found = sorted(set(y.tolist()), key=str)
        classes = np.empty(len(found), dtype=object)
        classes[:] = found
    names = names_of(classes)
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise DataError(
            f"y has different classes with the same name: {quote(twice)}, as a number and as a string "
            "perhaps; make them one, or give them other names"
        )
    return classes


def names_of(classes: NDArray[Any]) -> list[str]:
    """The labels that stand for classes in a model and in its files."""
    return [str(value) for value in classes.tolist()]


def numbers_in(values: Column, count: int, name: str) -> list[float]:
    """The weight of each example.

    Raises:
        DataError: They are not as many as examples; or one is negative, infinite or no number; or all
            are 0.
    """
    try:
        weights = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as fault:
        raise DataError(f"{name} must be numbers ({fault})") from None
    if weights.ndim == 0:
        weights = np.full(count, weights)
    if weights.shape != (count,):
        raise DataError(
            f"{name}.shape == {weights.shape}, expected ({count},): give each text a weight"
        )
    if not np.isfinite(weights).all() or (weights < 0).any() or not weights.any():
        raise DataError(f"{name} must be finite and at least 0, and not all of them zero")
    return [float(weight) for weight in weights]


def _values(column: Column, name: str) -> list[Any]:
    """The values of a column, which messages call so."""
    if isinstance(column, str | bytes | Sentence):
        raise DataError(f"{name} is one text: give a list of texts, [{name}] perhaps")
    if hasattr(column, "to_pylist"):  # Arrow
        return list(column.to_pylist())
    if hasattr(column, "to_numpy"):  # pandas
        column = column.to_numpy()
    elif hasattr(column, "__array__"):
        column = np.asarray(column)
    if isinstance(column, np.ndarray):
        if column.ndim == 2 and column.shape[1] == 1:
            column = column[:, 0]
        if column.ndim != 1:
            raise DataError(
                f"{name} must be a column of texts, but is an array of shape {column.shape}; choose a "
                "column, as data['text']"
            )
        return list(column.tolist())
    if not isinstance(column, Iterable):
        raise DataError(f"{name} must be a list of texts, but is {column!r}")
    return list(column)


def _example(value: object, label: str, where: str) -> Example:
    if isinstance(value, Sentence):
        return Example(tuple(value.tokens), label, where, value)
    if isinstance(value, str):
        return Example(str(value), label, where)
    if isinstance(value, Sequence | np.ndarray):
        tokens = tuple(str(token) for token in value if isinstance(token, str))
        if len(tokens) == len(value):
            return Example(tokens, label, where)
    raise DataError(
        f"{where} must be a text, a list of tokens or a Sentence, but is {str(value)[:40]} (of type "
        f"{type(value).__name__})"
    )
