"""How much a request may ask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Limits", "TooLargeError"]


class TooLargeError(ValueError):
    """A request asks for more than the service gives at once."""


@dataclass(frozen=True)
class Limits:
    """How much a request may ask, and how many may wait.

    Args:
        texts: Texts of a request.
        characters: Characters of a text.
        waiting: Requests that wait for the model.
    """

    texts: int = 256
    characters: int = 5000
    waiting: int = 256

    @property
    def body(self) -> int:
        """The most bytes of a request: JSON may take 12 for a character, and texts may be pairs."""
        return 2 * self.texts * (12 * self.characters + 16)

    def check(self, texts: Sequence[str], second: Sequence[str] = ()) -> None:
        """Make sure that texts are within the limits, and can be written again.

        Args:
            texts: The texts of a request.
            second: Its second texts.

        Raises:
            TooLargeError: There are too many, or one is too long.
            ValueError: One is not Unicode.
        """
        for name, given in (("texts", texts), ("second", second)):
            if len(given) > self.texts:
                raise TooLargeError(
                    f"{name} has {len(given):,} texts, and a request may have {self.texts:,}: divide "
                    "them among several requests"
                )
            for number, text in enumerate(given, start=1):
                if len(text) > self.characters:
                    raise TooLargeError(
                        f"text {number} of {name} has {len(text):,} characters, and a text may have "
                        f"{self.characters:,}: shorten it, or give its sentences one by one"
                    )
                if any("\ud800" <= character <= "\udfff" for character in text):
                    raise ValueError(
                        f"text {number} of {name} has half of a character (a lone surrogate, such as "
                        "\\ud83d without its second half): write the character whole"
                    )
