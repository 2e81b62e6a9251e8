"""The numbers of node and edge labels, and what is checked of them before they become indices."""

from __future__ import annotations

from torch import Tensor

from structnn.data.vocabulary import UNIVERSAL_RELATIONS
from structnn.sentence import StructureError

__all__ = ["UNIVERSAL", "known_labels"]

UNIVERSAL = len(UNIVERSAL_RELATIONS)
"""The number of universal relations, the unknown one included."""


def known_labels(labels: Tensor, relations: int) -> Tensor:
    """These labels, if there are weights for all of them.

    Raises:
        StructureError: One is not below ``relations``.
    """
    highest = int(labels.max()) if len(labels) else 0
    if highest >= relations:
        raise StructureError(
            f"this batch has label number {highest}, but the encoder knows {relations} labels: "
            "build it with relations=len(vocabulary), for the vocabulary of labels that the batch "
            "was made with"
        )
    return labels
