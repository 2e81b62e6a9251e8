"""Vocabularies: the index of a word or of a label."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from structnn.fields import strings

__all__ = ["UNIVERSAL_RELATIONS", "UNKNOWN", "Vocabulary"]

UNKNOWN = "<unknown>"
"""The entry at index 0, which stands for every string that a vocabulary does not list."""


class Vocabulary:
    """A fixed list of strings; index 0 stands for every string that is not in it.

    Args:
        words: The strings, without the unknown one, in the order of their indices (from 1).
        counts: How often each string occurs in the training set, for the word dropout of
            :class:`~structnn.WordEmbedding`; 1 where not given.
        lowercase: List every string, and look it up, in lower case.

    Raises:
        StructureError: ``words`` are one string, or hold something else than strings.
        ValueError: A string is listed twice, or a count is below 0.

    Example:
        >>> vocabulary = Vocabulary(["dogs", "bark"])
        >>> vocabulary["bark"], vocabulary["meow"]
        (2, 0)
    """

    def __init__(
        self,
        words: Iterable[str],
        counts: Mapping[str, int] | None = None,
        *,
        lowercase: bool = False,
    ) -> None:
        given = strings("words", words)
        self.words = (UNKNOWN, *(map(str.lower, given) if lowercase else given))
        self.lowercase = lowercase
        self.counts = (0, *((counts or {}).get(word, 1) for word in given))
        self._index = {word: index for index, word in enumerate(self.words)}
        if len(self._index) != len(self.words):
            repeated = next(word for word, count in Counter(self.words).items() if count > 1)
            raise ValueError(f"a vocabulary lists each word once, but {repeated!r} is repeated")
        if min(self.counts) < 0:
            word = self.words[self.counts.index(min(self.counts))]
            raise ValueError(
                f"counts must be at least 0, but that of {word!r} is {min(self.counts)}"
            )

    @classmethod
    def from_tokens(
        cls, sentences: Iterable[Sequence[str]], *, min_count: int = 1, lowercase: bool = False
    ) -> Vocabulary:
        """The vocabulary of these sentences, most frequent words first, ties in order of appearance.

        Args:
            sentences: The tokens of each sentence of the training set.
            min_count: Words that occur less often are left out.
            lowercase: Count and look up words in lower case.
        """
        counts: Counter[str] = Counter()
        for tokens in sentences:
            counts.update(map(str.lower, tokens) if lowercase else tokens)
        return cls.from_counts(counts, min_count=min_count, lowercase=lowercase)

    @classmethod
    def from_counts(
        cls, counts: Counter[str], *, min_count: int = 1, lowercase: bool = False
    ) -> Vocabulary:
        """As :meth:`from_tokens`, of words that are counted already, in their order of appearance."""
        words = [word for word, count in counts.most_common() if count >= min_count]
        return cls((word for word in words if word != UNKNOWN), counts, lowercase=lowercase)

    def __len__(self) -> int:
        return len(self.words)

    def __repr__(self) -> str:
        lowercase = ", lowercase" if self.lowercase else ""
        return f"Vocabulary({len(self) - 1:,} words{lowercase})"  # without the unknown one

    def __iter__(self) -> Iterator[str]:
        return iter(self.words)

    def __getitem__(self, word: str) -> int:
        return self._index.get(word.lower() if self.lowercase else word, 0)

    def __contains__(self, word: str) -> bool:
        return self[word] != 0

    def to_json(self) -> dict[str, object]:
        """The vocabulary as a JSON object, which :meth:`from_json` reads."""
        return {
            "words": list(self.words[1:]),
            "counts": list(self.counts[1:]),
            "lowercase": self.lowercase,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Vocabulary:
        """The vocabulary that :meth:`to_json` wrote."""
        counts = dict(zip(value["words"], value["counts"], strict=True))
        return cls(value["words"], counts, lowercase=bool(value["lowercase"]))


class _Relations(Vocabulary):
    """Looks a relation with an unlisted subtype up without it: ``nsubj:pass`` as ``nsubj``."""

    def __getitem__(self, word: str) -> int:
        return super().__getitem__(word) or super().__getitem__(word.partition(":")[0])


UNIVERSAL_RELATIONS: Vocabulary = _Relations(
    "root nsubj obj iobj csubj ccomp xcomp obl vocative expl dislocated advcl advmod discourse aux "
    "cop mark nmod appos nummod acl amod det clf case conj cc fixed flat list parataxis compound "
    "orphan goeswith reparandum punct dep".split()
)
"""The 37 relations of Universal Dependencies 2 (universaldependencies.org/u/dep), the default vocabulary
of labels. It is fixed, so that a model and its batches agree on it without saving it."""
