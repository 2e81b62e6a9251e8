"""The trees and graphs of sentences as numbers, one behind the other, in flat arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from structnn import SentenceGraph, Tree
from tasks.data.structures import TreeField

__all__ = ["COUNTS", "PARTS", "Labels", "numbers_of", "structure_from"]

PARTS: Mapping[TreeField, Mapping[str, str | None]] = {
    "dependencies": {"parents": "words", "labels": "words"},
    "constituency": {"nodes": None, "parents": "nodes", "tokens": "nodes", "labels": "nodes"},
    "graph": {
        **{"nodes": None, "tokens": "nodes"},
        **{"edges": None, "sources": "edges", "targets": "edges", "labels": "edges"},
    },
}
"""The arrays of a structure, each with what it has an entry for; None for an entry a sentence."""

COUNTS = ("nodes", "edges")
"""Those that say how many entries of others belong to each sentence."""


class Labels:
    """Numbers of labels in the order in which they occur; 0 is that of no label.

    Attributes:
        names: The labels, each in the place that is its number.
        trained: Those that occur in train.
    """

    def __init__(self) -> None:
        self._numbers = {"": 0}
        self.trained: set[str] = set()

    @property
    def names(self) -> list[str]:
        return list(self._numbers)

    def of(self, structure: Tree | SentenceGraph, size: int, counted: bool) -> list[int]:
        """The numbers of a structure's labels; new ones are added.

        Args:
            structure: The structure.
            size: How many numbers are wanted where it has no labels.
            counted: Whether it is of train.
        """
        if structure.labels is None:
            return [0] * size
        if counted:
            self.trained.update(structure.labels)
        return [self._numbers.setdefault(label, len(self._numbers)) for label in structure.labels]


def numbers_of(
    structure: Tree | SentenceGraph, field: TreeField, labels: Labels, counted: bool
) -> dict[str, list[int]]:
    """The entries of the arrays of :data:`PARTS` for one sentence.

    Args:
        structure: Its tree or graph.
        field: The field of the sentence that it is in.
        labels: Numbers of labels; new ones are added.
        counted: Whether the sentence is of train.
    """
    ends = structure.edges if isinstance(structure, SentenceGraph) else structure.parents
    own = {
        "nodes": [len(structure)],
        "tokens": list(structure.tokens),
        "edges": [len(ends)],
        "labels": labels.of(structure, len(ends), counted),
    }
    if isinstance(structure, SentenceGraph):
        own |= {
            "sources": [source for source, _ in structure.edges],
            "targets": [target for _, target in structure.edges],
        }
    else:
        own["parents"] = list(structure.parents)
    return {name: own[name] for name in PARTS[field]}


def structure_from(
    read: Callable[[str], Sequence[int]], field: TreeField, labels: Sequence[str]
) -> Tree | SentenceGraph:
    """What :func:`numbers_of` was given.

    Args:
        read: Gives the entries of an array for the sentence.
        field: The field of the sentence.
        labels: The labels, each in the place that is its number.
    """
    named = [labels[number] for number in read("labels")]
    if field == "graph":
        edges = list(zip(read("sources"), read("targets"), strict=True))
        return SentenceGraph(read("tokens"), edges, named)
    if field == "constituency":
        return Tree(read("parents"), read("tokens"), named)
    return Tree(read("parents"), labels=named)
