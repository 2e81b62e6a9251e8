"""Texts that run from right to left, within sentences that don't."""

from __future__ import annotations

import unicodedata

__all__ = ["isolated"]


def isolated(text: str) -> str:
    """A text that leaves the order of what stands round it as it is.

    Numbers and punctuation behind a word from right to left would be shown before it: ``"× 1"`` behind
    an Arabic label would be read as ``"1 ×"``. Other texts are given back as they are.
    """
    kinds = {unicodedata.bidirectional(character) for character in text}
    return f"\u2068{text}\u2069" if kinds & {"R", "AL"} else text
