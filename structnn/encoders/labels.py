"""The numbers of node and edge labels, and what is checked of them before they become indices."""

from __future__ import annotations

from structnn.data.vocabulary import UNIVERSAL_RELATIONS
from structnn.sentence import StructureError

__all__ = ["UNIVERSAL", "check_labels"]

UNIVERSAL = len(UNIVERSAL_RELATIONS)
"""The number of universal relations, the unknown one included."""


def check_labels(highest: int, relations: int) -> None:
    """Make sure that there are weights for all labels up to this one.

    Raises:
        StructureError: It is not below ``relations``.
    """
    if highest >= relations:
        raise StructureError(
            f"this batch has label number {highest}, but the encoder knows {relations} labels: "
            "build it with relations=len(vocabulary), for the vocabulary of labels that the batch "
            "was made with"
        )
