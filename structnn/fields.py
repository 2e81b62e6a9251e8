"""Fields of sentences and structures, checked: what is given becomes tuples of integers and strings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from sys import intern
from typing import Any

from structnn.errors import InputError

__all__ = ["StructureError", "integers", "mapping", "shorten", "shorten_text", "strings"]


class StructureError(InputError):
    """A sentence or its structure is not valid, or lacks what is asked of it; the message says why."""


def integers(name: str, values: Iterable[int]) -> tuple[int, ...]:
    """Integers as a tuple; ``name`` is the field's, for the message.

    Raises:
        StructureError: They are none.
    """
    try:
        return tuple(value.__index__() for value in values)
    except (AttributeError, TypeError):
        raise StructureError(
            f"`{name}` must be a sequence of integers, but is {values!r}"
        ) from None


def strings(name: str, values: Iterable[str]) -> tuple[str, ...]:
    """Strings as a tuple, equal ones as one object; ``name`` is the field's, for the message.

    Words, labels and tags come again and again, and each reader makes them anew: of a treebank in memory
    they would be the largest part.

    Raises:
        StructureError: They are none, or one string.
    """
    if isinstance(values, str):
        raise StructureError(
            f"`{name}` must be a sequence of strings, but is the one string "
            f"{shorten_text(values)!r}; split it into tokens first"
        )
    try:
        values = tuple(values)
    except TypeError:
        raise StructureError(f"`{name}` must be a sequence of strings, but is {values!r}") from None
    try:
        return tuple(map(intern, values))
    except TypeError:  # something is no string, or of a class derived from it
        for position, value in enumerate(values):
            if not isinstance(value, str):
                raise StructureError(
                    f"`{name}` must hold strings, but entry {position} is {value!r}"
                ) from None
        return values


def mapping(name: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of a mapping; ``name`` is the field's, for the message.

    Raises:
        StructureError: It is none.
    """
    if not isinstance(values, Mapping):
        raise StructureError(f"`{name}` must map names to values, but is {values!r}")
    return dict(values)


def shorten(values: Sequence[int], limit: int = 12) -> str:
    """Numbers in a message: the first of them, where they are many."""
    return str(list(values[:limit]))[:-1] + (", ...]" if len(values) > limit else "]")


def shorten_text(text: str, limit: int = 60) -> str:
    """A text in a message, cut where it is long."""
    return text if len(text) <= limit else text[: limit - 3] + "..."
