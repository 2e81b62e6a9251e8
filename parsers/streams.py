"""Parsing more texts than fit into memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from parsers.cache import Parser, ParserInput, check_texts
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

    Raises:
        TypeError: ``texts`` is one string.
        ValueError: ``at_once`` is less than 1.

    Example:
        >>> from parsers import StanzaParser
        >>> texts = (f"Dog {number} barks." for number in range(3))
        >>> [sentence.tokens[1] for sentence in parse_each(StanzaParser("en"), texts)]
        ['0', '1', '2']
    """
    if isinstance(texts, str | bytes):
        raise TypeError("parse_each takes many texts: give an iterable of strings, not one string")
    if at_once < 1:
        raise ValueError(f"at_once must be at least 1, but is {at_once}")
    return _parsed_in_parts(parser, iter(texts), at_once)


def _parsed_in_parts(
    parser: Parser, rest: Iterator[ParserInput], at_once: int
) -> Iterator[Sentence]:
    first = 0
    while part := list(islice(rest, at_once)):
        check_texts(parser, part, first)  # an error has the number that the text has among all
        yield from parser.parse(part)
        first += len(part)
