"""The numbers that an option takes, without torch."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["Range"]


@dataclass(frozen=True)
class Range:
    """The numbers that an option takes; they are finite.

    Args:
        least: The smallest.
        most: The largest.
        above: All are larger than this.
        below: All are smaller than this.
    """

    least: float = -math.inf
    most: float = math.inf
    above: float = -math.inf
    below: float = math.inf

    def __contains__(self, number: float) -> bool:
        in_range = self.least <= number <= self.most and self.above < number < self.below
        return in_range and math.isfinite(number)

    def __str__(self) -> str:
        words = (
            ("at least", self.least),
            ("above", self.above),
            ("at most", self.most),
            ("below", self.below),
        )
        ends = [f"{word} {_in_words(bound)}" for word, bound in words if math.isfinite(bound)]
        return " and ".join(ends) or "finite"


def _in_words(bound: float) -> str:
    return f"{bound:,.0f}" if float(bound).is_integer() else f"{bound:g}"
