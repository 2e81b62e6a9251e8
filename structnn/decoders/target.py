"""The pieces that a target is made of, and their numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, cast

from structnn.data.vocabulary import Vocabulary

__all__ = ["TargetVocabulary"]

Unit = Literal["words", "characters"]


class TargetVocabulary:
    """Pieces of targets, words or characters; the end of a sequence has the number behind the last.

    Number 0 stands for every piece that is not listed. The number of the end also stands before the
    first piece. Numbers behind it are those of source words that are not listed but can be copied:
    they differ from one source to the next.

    Args:
        vocabulary: The pieces.
        unit: ``"words"``, separated by white space, or ``"characters"``.
        longest: The number of pieces of the longest target of train: a prediction may be twice as
            long.

    Example:
        >>> target = TargetVocabulary.from_texts(["dogs bark", "dogs sleep"])
        >>> target.encode("dogs meow", source=["cats", "meow"])
        [1, 6, 4]
        >>> target.decode([1, 6], source=["cats", "meow"])
        'dogs meow'
    """

    labels: tuple[str, ...] = ()
    """There are no classes: see :class:`~structnn.Answer`."""

    def __init__(self, vocabulary: Vocabulary, *, unit: Unit = "words", longest: int = 100) -> None:
        self.vocabulary = vocabulary
        self.unit: Unit = unit
        self.longest = longest

    @classmethod
    def from_texts(
        cls, texts: Iterable[str], *, unit: Unit = "words", min_count: int = 1
    ) -> TargetVocabulary:
        """The vocabulary of these texts, the targets of train; most frequent pieces first.

        Args:
            texts: The texts.
            unit: What pieces are.
            min_count: Pieces that occur less often are left out.
        """
        divided = [pieces_of(text, unit) for text in texts]
        longest = max(map(len, divided), default=1)
        vocabulary = Vocabulary.from_tokens(divided, min_count=min_count)
        return cls(vocabulary, unit=unit, longest=max(longest, 1))

    @property
    def end(self) -> int:
        """The number of the end of a sequence."""
        return len(self.vocabulary)

    def __len__(self) -> int:
        """How many numbers there are, without those of copied words."""
        return len(self.vocabulary) + 1

    def __repr__(self) -> str:
        return f"TargetVocabulary({len(self.vocabulary) - 1:,} {self.unit})"

    def encode(self, text: str, source: Sequence[str] = ()) -> list[int]:
        """The numbers of a text's pieces, and the end.

        Args:
            text: The text.
            source: The words that can be copied, if any.
        """
        return [*self.encode_pieces(pieces_of(text, self.unit), source), self.end]

    def encode_pieces(self, pieces: Iterable[str], source: Sequence[str] = ()) -> list[int]:
        """The numbers of pieces; arguments as for :meth:`encode`."""
        copied = self.copied(source)
        return [self.vocabulary[piece] or copied.get(piece, 0) for piece in pieces]

    def decode(self, numbers: Iterable[int], source: Sequence[str] = ()) -> str:
        """The text that numbers, without the end, stand for."""
        return (" " if self.unit == "words" else "").join(self.decode_pieces(numbers, source))

    def decode_pieces(self, numbers: Iterable[int], source: Sequence[str] = ()) -> tuple[str, ...]:
        """The pieces that numbers, without the end, stand for."""
        copied = {number: word for word, number in self.copied(source).items()}
        return tuple(
            self.vocabulary.words[number] if number < self.end else copied[number]
            for number in numbers
        )

    def numbers_of(self, source: Sequence[str]) -> list[int]:
        """The number of each source word, as one that can be copied."""
        copied = self.copied(source)
        return [self.vocabulary[word] or copied[word] for word in source]

    def copied(self, source: Sequence[str]) -> dict[str, int]:
        """The numbers of the source words that are not listed, in the order in which they occur."""
        unknown = Counter(word for word in source if not self.vocabulary[word])
        return {word: len(self) + place for place, word in enumerate(unknown)}

    def to_json(self) -> dict[str, object]:
        """As a JSON object, which :meth:`from_json` reads."""
        return {
            "vocabulary": self.vocabulary.to_json(),
            "unit": self.unit,
            "longest": self.longest,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> TargetVocabulary:
        """What :meth:`to_json` wrote."""
        vocabulary = Vocabulary.from_json(value["vocabulary"])
        return cls(vocabulary, unit=cast(Unit, value["unit"]), longest=int(value["longest"]))


def pieces_of(text: str, unit: Unit) -> list[str]:
    """The pieces of a text; white space between words counts once."""
    return text.split() if unit == "words" else list(text)
