"""The sentences of a data set: tuples, or columns in files where a parser made them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain

from parsers import on_disk
from structnn import Sentence, Vocabulary
from structnn.data.columns import SentenceColumns
from tasks.data.examples import Example

__all__ = ["changed", "chosen", "joined", "kept", "tokens_of", "vocabulary_of"]

_AT_ONCE = 1000  # sentences that are changed together


def kept(sentences: Iterable[Sentence], examples: Iterable[Example]) -> Sequence[Sentence]:
    """Sentences that are gone through once, kept for training.

    Args:
        sentences: The sentences.
        examples: Their examples. Where these come with structures, they are in memory anyway, and may be
            more than columns have; if not, the sentences are put into files.
    """
    if any(one.sentence is not None or one.sentence2 is not None for one in examples):
        return tuple(sentences)
    return on_disk(sentences)


def changed(
    sentences: Sequence[Sentence], change: Callable[[list[Sentence]], Iterable[Sentence]]
) -> Sequence[Sentence]:
    """What a function makes of sentences, each for itself: columns of columns."""
    if not isinstance(sentences, SentenceColumns):
        return tuple(change(list(sentences)))
    begins = range(0, len(sentences), _AT_ONCE)
    parts = (change(list(sentences[begin : begin + _AT_ONCE])) for begin in begins)
    return on_disk(chain.from_iterable(parts))


def joined(first: Sequence[Sentence], second: Sequence[Sentence]) -> Sequence[Sentence]:
    """Sentences and behind them others; columns, if all of them are of the same ones."""
    if not second:
        return first
    if isinstance(first, SentenceColumns) and isinstance(second, SentenceColumns):
        return first.followed_by(second)
    return (*first, *second)


def chosen(sentences: Sequence[Sentence], places: Sequence[int]) -> Sequence[Sentence]:
    """The sentences at these places."""
    if isinstance(sentences, SentenceColumns):
        return sentences.at(places)
    return tuple(sentences[place] for place in places)


def tokens_of(sentences: Sequence[Sentence]) -> Iterator[Sequence[str]]:
    """The tokens of each sentence."""
    if isinstance(sentences, SentenceColumns):
        return sentences.token_lists()
    return (sentence.tokens for sentence in sentences)


def vocabulary_of(
    sentences: Sequence[Sentence], *, min_count: int = 1, lowercase: bool = False
) -> Vocabulary:
    """See :meth:`structnn.Vocabulary.from_tokens`."""
    if isinstance(sentences, SentenceColumns):
        return sentences.vocabulary(min_count=min_count, lowercase=lowercase)
    return Vocabulary.from_tokens(tokens_of(sentences), min_count=min_count, lowercase=lowercase)
