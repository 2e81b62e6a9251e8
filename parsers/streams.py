"""Parsing more texts than fit into memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from parsers.cache import Parser, ParserInput
from structnn.sentence import Sentence

__all__ = ["parse_each"]


def parse_each(
    parser: Parser, texts: Iterable[ParserInput], *, at_once: int = 10_000
) -> Iterator[Sentence]:
    """The sentence of each text, in order, of texts that are read when they are needed.

    Args:
        parser: The parser; with :class:`~parsers.CachedParser` an interrupted pass goes on quickly.
        texts: Texts, or lists of tokens; they are gone through once.
        at_once: How many are parsed, and in memory, together.

    Example:
        >>> from parsers import StanzaParser
        >>> texts = (f"Dog {number} barks." for number in range(3))
        >>> [sentence.tokens[1] for sentence in parse_each(StanzaParser("en"), texts)]
        ['0', '1', '2']
    """
    rest = iter(texts)
    while part := list(islice(rest, at_once)):
        yield from parser.parse(part)
