"""Sequences of symbols, to be written in reverse: see :mod:`tasks.data.suites.transduction`."""

from __future__ import annotations

from tasks.data.examples import Dataset
from tasks.data.suites.transduction import generate_transduction

__all__ = ["generate"]


def generate(train: int = 4000, dev: int = 200, test: int = 1000, seed: int = 0) -> Dataset:
    """Make the suite.

    Args:
        train: Examples to train on.
        dev: Examples like those of train.
        test: Examples of both splits, in equal parts.
        seed: One seed gives one set.
    """
    sizes = {"train": train, "dev": dev, "test": test}
    return generate_transduction("reversal", lambda symbols: symbols[::-1], sizes, seed)
