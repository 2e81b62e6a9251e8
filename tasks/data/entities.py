"""Entities that the tags of tokens mark: BIO, IOB2, IOBES and BILOU."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence

__all__ = ["entities", "mark_entities"]

OUTSIDE = "O"
_TAG = re.compile(r"([BIESLU])-(.+)")
_BEGIN = frozenset("BSU")
_END = frozenset("ESUL")


def mark_entities(tags: Collection[str]) -> bool:
    """Whether tags look like those of entities: ``O``, some ``B-``, and else only such prefixes."""
    inside = [tag for tag in tags if tag != OUTSIDE]
    return (
        OUTSIDE in tags
        and all(map(_TAG.fullmatch, inside))
        and any(tag.startswith("B-") for tag in inside)
    )


def entities(tags: Sequence[str]) -> set[tuple[str, int, int]]:
    """The entities of a sentence: the type of each, where it begins, and the token after its last.

    As conlleval counts them: an entity begins at ``B-``, ``S-`` or ``U-``, and also at any other tag of
    an entity whose predecessor is of another type, outside, or the end of an entity (``E-``, ``L-``,
    ``S-``, ``U-``). So a prediction that isn't well formed has entities too.

    Args:
        tags: The tag of each token.

    Example:
        >>> sorted(entities(["B-PER", "I-PER", "O", "I-LOC"]))
        [('LOC', 3, 4), ('PER', 0, 2)]
    """
    return set(_entities(tags))


def _entities(tags: Sequence[str]) -> Iterable[tuple[str, int, int]]:
    kind, begin, ended = "", 0, True  # of the entity before a token; "" outside
    for place, tag in enumerate([*tags, OUTSIDE]):
        found = _TAG.fullmatch(tag)
        prefix, own = found.groups() if found else ("", "")
        if kind and (own != kind or prefix in _BEGIN or ended):
            yield kind, begin, place
            kind = ""
        if own and not kind:
            kind, begin = own, place
        ended = prefix in _END
