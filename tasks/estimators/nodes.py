"""A classifier of the nodes of trees, in the manner of scikit-learn's estimators."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

from tasks.data.questions import Reads
from tasks.estimators.answers import NodeLabels, Tags
from tasks.estimators.parts import PartsClassifier

__all__ = ["StructuredNodeClassifier"]


@dataclass(eq=False, repr=False)
class StructuredNodeClassifier(PartsClassifier):
    """A tree or graph encoder with a softmax layer for each node, such as the sentiment of each phrase.

    ``X`` are sentences with constituency trees (:func:`parsers.read_brackets` reads them), or rows with
    a column ``tree``, in brackets or, beside ``tokens``, as the fields of a :class:`structnn.Tree`.
    Answers are a list for each: the class of each node in preorder, the order in which brackets open,
    and None for a node without one; without ``y`` they are the labels of the trees. Of new trees only
    the shape is read.

    All arguments but these are those of :class:`StructuredEstimator`.

    Args:
        structure: ``"constituency"``.
        class_weight: Weight of each class in the loss: None for equal ones, ``"balanced"``, or a
            mapping from classes to weights, 1 for those that are not in it.
        focus: Exponent of the focal loss; 0 is cross-entropy.

    Attributes:
        classes_: The classes, sorted.

    Example:
        >>> from parsers import read_brackets
        >>> trees = list(read_brackets(f"(3 (2 so) (3 good{n}))" for n in range(20)))
        >>> made = StructuredNodeClassifier("child_sum_tree_lstm", epochs=1).fit(trees)
        >>> [len(labels) for labels in made.predict(trees[:1])]
        [3]
    """

    _: KW_ONLY
    structure: str = "constituency"

    _parts: ClassVar[Reads] = "nodes"
    _values_kind: ClassVar[type[Tags]] = NodeLabels
