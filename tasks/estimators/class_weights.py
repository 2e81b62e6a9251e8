"""The weights of classes in the loss, as scikit-learn gives them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tasks.data.examples import quote
from tasks.estimators.answers import Values, numbers_in
from tasks.options import OptionError

__all__ = ["weights_of_labels"]


def weights_of_labels(
    given: str | Mapping[Any, float] | None, values: Values
) -> dict[str, float] | None:
    """The weight of each label, where they are given one by one.

    Args:
        given: None for equal ones, ``"balanced"``, or a mapping from classes to weights.
        values: The classes.

    Raises:
        OptionError: It is none of these, or names a class that isn't there.
    """
    if given is None or given == "balanced":
        return None
    if not isinstance(given, Mapping):
        raise OptionError(
            "class_weight", f"must be None, 'balanced' or a mapping, but is {given!r}"
        )
    names = values.labels or []
    weights = numbers_in(list(given.values()), len(given), "class_weight")
    found = dict(zip(map(str, given), weights, strict=True))
    if unknown := sorted(set(found) - set(names)):
        raise OptionError(
            "class_weight", f"names {quote(unknown)}, but the classes of y are {quote(names)}"
        )
    return found
