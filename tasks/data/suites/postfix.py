"""Arithmetic to be written without brackets: each operator behind its operands.

``( 2 * ( 4 - 1 ) )`` has the target ``2 4 1 - *``. The expressions, their trees and the splits
``longer`` and ``deeper`` are those of :mod:`tasks.data.suites.arithmetic`; targets have at most 15
pieces in train, and 17 to 31 in ``longer``.

**What can be reached.** Everything: the target is what the gold tree says when each node is written
behind those below it. Digits keep their order; what has to be found is where each operator goes.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

from tasks.data.examples import Dataset
from tasks.data.questions import Question
from tasks.data.suites.arithmetic import SPLITS, draw
from tasks.data.suites.phrases import Part
from tasks.data.suites.sampling import Bounds, Drawn, assemble_by_bounds

__all__ = ["generate"]


def generate(train: int = 4000, dev: int = 200, test: int = 1500, seed: int = 0) -> Dataset:
    """Make the suite.

    Args:
        train: Examples to train on.
        dev: Examples like those of train.
        test: Examples of the three splits, in equal parts.
        seed: One seed gives one set.

    Returns:
        The data, with the columns ``split``, ``length`` (tokens) and ``depth`` (operations within each
        other).

    Raises:
        DataError: Too few examples, or more than there are.
    """
    sizes = {"train": train, "dev": dev, "test": test}
    question = Question(answer="sequence")
    return assemble_by_bounds("postfix", _draw, SPLITS, (), sizes, seed=seed, question=question)


def _draw(rng: random.Random, bounds: Bounds) -> Sequence[Drawn]:
    return [replace(one, label=" ".join(_written(one.phrase))) for one in draw(rng, bounds)]


def _written(part: Part) -> list[str]:
    """The operands, then the operator."""
    if isinstance(part, str):
        return [part]
    _, left, operator, right, _ = part.parts
    return [*_written(left), *_written(right), *_written(operator)]
