"""Pieces of a tokenizer that is given, as the package ``tokenizers`` reads it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from structnn.fields import shorten_text

__all__ = ["TokenizerPieces"]


class TokenizerPieces:
    """Divides texts into the pieces of a tokenizer, and joins them again.

    Special tokens that the tokenizer puts round a text are left out.

    Args:
        definition: The content of a ``tokenizer.json``.

    Raises:
        ImportError: The package ``tokenizers`` isn't installed.
        ValueError: It is no definition of a tokenizer.
    """

    def __init__(self, definition: str) -> None:
        try:
            from tokenizers import Tokenizer
        except ImportError:
            raise ImportError(
                "pieces of a tokenizer need the package tokenizers: pip install tokenizers"
            ) from None
        try:
            self._tokenizer: Any = Tokenizer.from_str(definition)
        except Exception as fault:  # the tokenizers' errors have no class of their own
            raise ValueError(f"it is no tokenizer.json ({fault})") from None
        self.definition = definition

    def divide(self, text: str) -> list[str]:
        """The pieces of a text."""
        pieces: list[str] = self._tokenizer.encode(text, add_special_tokens=False).tokens
        return pieces

    def join(self, pieces: Sequence[str]) -> str:
        """The text of pieces, as the tokenizer's decoder writes it; white space in it counts once."""
        parts: list[str] = []
        known: list[int] = []
        for piece in pieces:
            number = self._tokenizer.token_to_id(piece)
            if number is not None:
                known.append(number)
                continue
            parts += [self._decoded(known), piece]
            known = []
        return " ".join(" ".join([*parts, self._decoded(known)]).split())

    def check(self, texts: Iterable[str]) -> None:
        """Make sure that texts can be written: that what is divided can be joined.

        Raises:
            ValueError: None of the texts is the same again.
        """
        text = ""
        for text in texts:
            text = " ".join(text.split())
            if self.join(self.divide(text)) == text:
                return
        if text:
            raise ValueError(
                f"it gives no target back: {shorten_text(text)!r} becomes "
                f"{shorten_text(self.join(self.divide(text)))!r}. "
                "It needs a decoder that fits its model, and may not change letters"
            )

    def _decoded(self, numbers: Sequence[int]) -> str:
        # Special tokens of a tokenizer, such as that of an unknown piece, are shown as such.
        text: str = self._tokenizer.decode(list(numbers), skip_special_tokens=False)
        return text
