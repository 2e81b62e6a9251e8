"""The pieces that a target is made of, and their numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, cast, get_args

from structnn.data.vocabulary import Vocabulary
from structnn.decoders.tokenizer import TokenizerPieces
from structnn.options import at_least

__all__ = ["TargetVocabulary"]

Unit = Literal["words", "characters", "tokenizer"]


class TargetVocabulary:
    """Pieces of targets; the end of a sequence has the number behind the last.

    Number 0 stands for every piece that is not listed. The number of the end also stands before the
    first piece. Numbers behind it are those of source words that are not listed but can be copied:
    they differ from one source to the next.

    Args:
        vocabulary: The pieces.
        unit: ``"words"``, separated by white space, ``"characters"``, or ``"tokenizer"``.
        longest: The number of pieces of the longest target of train: a prediction may be twice as
            long.
        tokenizer: The content of a ``tokenizer.json``, where pieces are those of a tokenizer.

    Raises:
        ValueError: ``unit`` is none of these; or it is ``"tokenizer"`` and ``tokenizer`` is missing or
            is not one, or ``tokenizer`` is given with another unit.
        ImportError: ``unit`` is ``"tokenizer"``, and the package ``tokenizers`` isn't installed.

    Example:
        >>> target = TargetVocabulary.from_texts(["dogs bark", "dogs sleep"])
        >>> target.encode("dogs meow", source=["cats", "meow"])
        [1, 6, 4]
        >>> target.decode([1, 6], source=["cats", "meow"])
        'dogs meow'
    """

    labels: tuple[str, ...] = ()
    """There are no classes: see :class:`~structnn.Answer`."""

    def __init__(
        self,
        vocabulary: Vocabulary,
        *,
        unit: Unit = "words",
        longest: int = 100,
        tokenizer: str | None = None,
    ) -> None:
        at_least(0, longest=longest)
        self._tokenizer = _tokenizer(unit, tokenizer)
        self.vocabulary = vocabulary
        self.unit: Unit = unit
        self.longest = longest

    @classmethod
    def from_texts(
        cls,
        texts: Iterable[str],
        *,
        unit: Unit = "words",
        min_count: int = 1,
        tokenizer: str | None = None,
    ) -> TargetVocabulary:
        """The vocabulary of these texts, the targets of train; most frequent pieces first.

        Args:
            texts: The texts.
            unit: What pieces are.
            min_count: Pieces that occur less often are left out.
            tokenizer: The content of a ``tokenizer.json``, where pieces are those of a tokenizer.

        Raises:
            ValueError: See above; or the tokenizer gives none of the texts back.
            ImportError: See above.
        """
        own = _tokenizer(unit, tokenizer)
        texts = list(texts)
        if own is not None:
            own.check(texts)
        divided = [_pieces_of(text, unit, own) for text in texts]
        longest = max(map(len, divided), default=1)
        vocabulary = Vocabulary.from_tokens(divided, min_count=min_count)
        return cls(vocabulary, unit=unit, longest=max(longest, 1), tokenizer=tokenizer)

    @property
    def end(self) -> int:
        """The number of the end of a sequence."""
        return len(self.vocabulary)

    def __len__(self) -> int:
        """How many numbers there are, without those of copied words."""
        return len(self.vocabulary) + 1

    def __repr__(self) -> str:
        what = "pieces of a tokenizer" if self.unit == "tokenizer" else self.unit
        return f"TargetVocabulary({len(self.vocabulary) - 1:,} {what})"

    def encode(self, text: str, source: Sequence[str] = ()) -> list[int]:
        """The numbers of a text's pieces, and the end.

        Args:
            text: The text.
            source: The words that can be copied, if any.
        """
        return [
            *self.encode_pieces(_pieces_of(text, self.unit, self._tokenizer), source),
            self.end,
        ]

    def encode_pieces(self, pieces: Iterable[str], source: Sequence[str] = ()) -> list[int]:
        """The numbers of pieces; arguments as for :meth:`encode`."""
        copied = self.copied(source)
        return [self.vocabulary[piece] or copied.get(piece, 0) for piece in pieces]

    def decode(self, numbers: Iterable[int], source: Sequence[str] = ()) -> str:
        """The text that numbers, without the end, stand for."""
        pieces = self.decode_pieces(numbers, source)
        if self._tokenizer is not None:
            return self._tokenizer.join(pieces)
        return (" " if self.unit == "words" else "").join(pieces)

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
            "tokenizer": None if self._tokenizer is None else self._tokenizer.definition,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> TargetVocabulary:
        """What :meth:`to_json` wrote."""
        vocabulary = Vocabulary.from_json(value["vocabulary"])
        return cls(
            vocabulary,
            unit=cast(Unit, value["unit"]),
            longest=int(value["longest"]),
            tokenizer=value.get("tokenizer"),
        )


def _tokenizer(unit: Unit, definition: str | None) -> TokenizerPieces | None:
    if unit not in get_args(Unit):
        raise ValueError(f"unit must be 'words', 'characters' or 'tokenizer', but is {unit!r}")
    if (unit == "tokenizer") != (definition is not None):
        raise ValueError("the unit 'tokenizer' and the definition of a tokenizer go together")
    return None if definition is None else TokenizerPieces(definition)


def _pieces_of(text: str, unit: Unit, tokenizer: TokenizerPieces | None) -> list[str]:
    """The pieces of a text; white space between words counts once."""
    if tokenizer is not None:
        return tokenizer.divide(text)
    return text.split() if unit == "words" else list(text)
