"""Checks of options, where they arrive."""

from __future__ import annotations

__all__ = ["at_least", "probability"]


def at_least(least: int, **sizes: int) -> None:
    """Make sure that these options are large enough.

    Raises:
        ValueError: One is not; the message names it.
    """
    for name, size in sizes.items():
        if size < least:
            raise ValueError(f"{name} must be at least {least}, but is {size}")


def probability(**rates: float) -> None:
    """Make sure that these options are from 0 to 1.

    Raises:
        ValueError: One is not; the message names it.
    """
    for name, rate in rates.items():
        if not 0 <= rate <= 1:
            raise ValueError(f"{name} must be from 0 to 1, but is {rate}")
