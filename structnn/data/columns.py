"""Sentences as columns of numbers, each made when it is asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar, overload

import numpy as np
from numpy.typing import ArrayLike

from structnn.data.vocabulary import Vocabulary
from structnn.sentence import Sentence, Tree

__all__ = ["NO_TREE", "Column", "SentenceColumns", "places_in"]

NO_TREE = -2
"""The head of each token of a sentence without a tree."""

_COUNTED = 1000  # sentences whose words are counted together

Column = np.ndarray[Any, np.dtype[Any]]
Self = TypeVar("Self", bound="SentenceColumns")


class SentenceColumns(Sequence[Sentence]):
    """Tokens and dependency trees as flat arrays, which may be files that are mapped into memory.

    A :class:`~structnn.Corpus` of them makes its batches from the columns, and no sentence. See
    :class:`parsers.StoredSentences`, which keeps the columns in a folder.

    Args:
        lengths: ``(sentences,)``, the number of tokens of each.
        words: ``(tokens,)``, the place of each word in the lexicon.
        heads: ``(tokens,)``, the place of each token's head in its sentence, -1 for the root;
            :data:`NO_TREE` throughout a sentence that has none.
        heights: ``(tokens,)``, the number of edges from each to its deepest leaf.
        labels: ``(tokens,)``, the place of each token's relation among the relations.
        lexicon: The distinct words.
        relations: The distinct relations; the first is empty, for trees without labels.
        tags: ``(tokens,)``, the place of each part of speech among the tags; None without any.
        tagset: The distinct tags; the first is empty, for sentences without tags.
    """

    def __init__(
        self,
        *,
        lengths: Column,
        words: Column,
        heads: Column,
        heights: Column,
        labels: Column,
        lexicon: Sequence[str],
        relations: Sequence[str],
        tags: Column | None = None,
        tagset: Sequence[str] = ("",),
    ) -> None:
        self.token_ptr = np.zeros(len(lengths) + 1, dtype=np.int64)
        np.cumsum(lengths, out=self.token_ptr[1:])
        self.words, self.heads, self.heights, self.labels = words, heads, heights, labels
        self.tags = tags
        self.lexicon, self.relations, self.tagset = map(tuple, (lexicon, relations, tagset))
        # One object for all parts of them: joblib, which maps arrays into the processes of an
        # experiment, knows it again, but no array.
        self._columns = dict(vars(self))
        self.places = np.arange(len(lengths))
        """``(sentences,)``: where the tokens of each begin: its place in ``token_ptr``."""

    def __getstate__(self) -> dict[str, Any]:
        return {"_columns": self._columns, "places": self.places}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state["_columns"], **state)

    def __len__(self) -> int:
        return len(self.places)

    @overload
    def __getitem__(self, index: int) -> Sentence: ...

    @overload
    def __getitem__(self: Self, index: slice) -> Self: ...

    def __getitem__(self: Self, index: int | slice) -> Sentence | Self:
        if isinstance(index, slice):
            return self.at(np.arange(len(self))[index])
        place = self.places[index]
        own = slice(self.token_ptr[place], self.token_ptr[place + 1])
        tokens = [self.lexicon[number] for number in self.words[own].tolist()]
        tags = None if self.tags is None else _named(self.tags[own], self.tagset)
        heads = self.heads[own].tolist()
        if heads[0] == NO_TREE:
            return Sentence(tokens, tags=tags)
        tree = Tree(heads, labels=_named(self.labels[own], self.relations))
        return Sentence(tokens, dependencies=tree, tags=tags)

    def __iter__(self) -> Iterator[Sentence]:
        return (self[index] for index in range(len(self)))

    def at(self: Self, indices: ArrayLike) -> Self:
        """The sentences at these indices, in this order, of the same columns.

        Args:
            indices: The indices, or a truth value for each sentence: see :func:`places_in`.

        Raises:
            IndexError: There is no such sentence.
            ValueError: They are no indices.
        """
        made = object.__new__(type(self))
        made.__dict__.update(self.__dict__)
        made.places = self.places[places_in(len(self), indices)]
        return made

    def followed_by(self: Self, others: Self) -> Self:
        """These sentences and behind them others, of the same columns.

        Raises:
            ValueError: The others are of other columns.
        """
        if others._columns is not self._columns:
            raise ValueError("the sentences are of other columns: write all of them together")
        made = self.at([])
        made.places = np.concatenate([self.places, others.places])
        return made

    def token_lists(self) -> Iterator[tuple[str, ...]]:
        """The tokens of each sentence, without what else is known of it."""
        ends = zip(self.token_ptr[self.places], self.token_ptr[self.places + 1], strict=True)
        for begin, end in ends:
            yield tuple(self.lexicon[number] for number in self.words[begin:end].tolist())

    def vocabulary(self, *, min_count: int = 1, lowercase: bool = False) -> Vocabulary:
        """What :meth:`Vocabulary.from_tokens` makes of the tokens, counted in the columns."""
        counts = np.zeros(len(self.lexicon), dtype=np.int64)
        first_seen = np.full(len(self.lexicon), len(self.words))
        seen = 0
        for begin in range(0, len(self), _COUNTED):
            places = self.places[begin : begin + _COUNTED]
            sizes = self.token_ptr[places + 1] - self.token_ptr[places]
            first = np.repeat(self.token_ptr[places] - (sizes.cumsum() - sizes), sizes)
            own = self.words[first + np.arange(len(first))]
            counts += np.bincount(own, minlength=len(counts))
            np.minimum.at(first_seen, own, seen + np.arange(len(own)))
            seen += len(own)
        of_words: Counter[str] = Counter()
        for number in np.argsort(first_seen, kind="stable")[: np.count_nonzero(counts)].tolist():
            word = self.lexicon[number]
            of_words[word.lower() if lowercase else word] += int(counts[number])
        return Vocabulary.from_counts(of_words, min_count=min_count, lowercase=lowercase)


def places_in(size: int, indices: ArrayLike) -> Column:
    """Which sentences indices mean, as those of a NumPy array do: ``(indices,)``, from 0.

    Args:
        size: The number of sentences.
        indices: Whole numbers, from the end where they are below 0; or a truth value for each sentence.

    Raises:
        IndexError: There is no such sentence.
        ValueError: They are no indices.
    """
    given = np.asarray(indices)
    if given.dtype == bool and given.shape == (size,):
        return np.flatnonzero(given)
    if given.ndim != 1 or (given.size and given.dtype.kind not in "iu"):
        raise ValueError(
            f"indices of sentences must be a list of whole numbers, or of {size} truth values, one for "
            f"each sentence, but are {indices!r:.60}"
        )
    places = given.astype(np.int64)
    if outside := places[(places < -size) | (places >= size)].tolist():
        raise IndexError(f"there is no sentence {outside[0]}: there are {size}, which count from 0")
    return np.where(places < 0, places + size, places)


def _named(numbers: Column, names: Sequence[str]) -> list[str] | None:
    """What numbers stand for; None where all are 0, which is nothing."""
    found = numbers.tolist()
    return [names[number] for number in found] if any(found) else None
