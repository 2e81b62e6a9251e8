"""What estimators share whose answers are classes: their weights in the loss, and their names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Any, Literal

from numpy.typing import NDArray

from tasks.data.examples import quote
from tasks.estimators.answers import (
    Classes,
    LabelSets,
    OfClasses,
    Tags,
    Values,
    numbers_in,
)
from tasks.estimators.base import StructuredEstimator
from tasks.options import OptionError
from tasks.training.options import TrainingOptions

__all__ = ["ClassesEstimator"]


@dataclass(eq=False, repr=False)
class ClassesEstimator(StructuredEstimator):
    """An estimator whose answers are classes.

    All arguments but these are those of :class:`StructuredEstimator`.

    Args:
        class_weight: Weight of each class in the loss: None for equal ones, ``"balanced"``, or a
            mapping from classes to weights, 1 for those that are not in it.
        focus: Exponent of the focal loss; 0 is cross-entropy.

    Attributes:
        classes_: The classes, sorted.
    """

    _: KW_ONLY
    class_weight: Literal["balanced"] | Mapping[Any, float] | None = None
    focus: float = TrainingOptions.focus

    def _class_weights(self, values: Values) -> dict[str, float] | None:
        given = self.class_weight
        if given is None:
            return None
        if isinstance(values, LabelSets):
            raise OptionError("class_weight", "is for examples with one class each; leave it out")
        if given == "balanced":
            return None
        if not isinstance(given, Mapping):
            raise OptionError(
                "class_weight", f"must be None, 'balanced' or a mapping, but is {given!r}"
            )
        assert isinstance(values, OfClasses)
        names, keys = values.labels, values.named(given)
        if twice := sorted({key for key in keys if keys.count(key) > 1}):
            raise OptionError(
                "class_weight", f"has two keys for {quote(twice)}: give each class one weight"
            )
        others = [one for one in names if one not in keys]
        both = [*given.values(), *(1 for _ in others)]  # not all of which may be 0
        weights = numbers_in(both, len(both), "class_weight")
        found = dict(zip(keys, weights, strict=False))
        if unknown := sorted(set(found) - set(names)):
            raise OptionError(
                "class_weight", f"names {quote(unknown)}, but the classes of y are {quote(names)}"
            )
        return found

    def _set_values(self, values: Values) -> None:
        super()._set_values(values)
        assert isinstance(values, Classes | LabelSets | Tags)
        self.classes_: NDArray[Any] = values.classes
