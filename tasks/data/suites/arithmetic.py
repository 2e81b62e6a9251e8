"""Arithmetic: what is the value of an expression modulo 5?

``( 2 * ( 4 - 1 ) )`` is 1. Sums, differences and products of digits from 0 to 4, each in brackets
of its own. The label is the value. In the split ``longer`` expressions have more tokens than in
train and the same depths, in ``deeper`` the same numbers of tokens and greater depths.

**Trees.** As dependencies an operator heads its left operand (``nsubj``), its right operand
(``obj``) and its brackets (``punct``). As constituents an expression is binary and branches to the
left, ``(((( 2) *) 3) ))``.

**What can be reached.** Majority 20 %; labels are equally frequent in each split. A bag of words is
little above that. With the gold constituents each step is a table of at most 75 entries, an operand
and its operator with the other operand: every tree network can be right throughout. With the gold
dependencies one that sees neither order nor relations can't tell *a - b* from *b - a*: with both
equally likely it can expect about 63 % at most, 47 % where expressions are longer and 53 % where
they are deeper. One that sees either has no such bound, but must compute an operation of two
operands in one step. A graph network of *n* layers knows what is at most *n* edges away: operations
nested deeper it can only guess. Sums modulo 5 are learned late and all at once: dev accuracy may
stand near 30 to 40 % for ten epochs before it rises, and stopping early ends the run there.

**Elsewhere.** Delétang et al. (2023) have such expressions among their context-free tasks: plain
recurrent networks, LSTMs and Transformers that were trained on short ones did not carry over to
long ones; networks with a stack came nearest. They have other lengths, so their figures don't
compare.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from tasks.data.examples import Dataset
from tasks.data.suites.phrases import Part, Phrase
from tasks.data.suites.sampling import Bounds, Drawn, assemble_by_bounds

__all__ = ["SPLITS", "draw", "generate"]

MODULUS = 5
OPERATORS = ("+", "-", "*")

SPLITS = (
    Bounds("same lengths", (5, 29), (1, 4)),
    Bounds("longer", (33, 61), (1, 4)),
    Bounds("deeper", (5, 29), (5, 7)),
)


def generate(train: int = 6000, dev: int = 600, test: int = 1500, seed: int = 0) -> Dataset:
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
        DataError: Fewer than five examples in a split, or more than there are.
    """
    sizes = {"train": train, "dev": dev, "test": test}
    return assemble_by_bounds(
        "arithmetic", draw, SPLITS, tuple(map(str, range(MODULUS))), sizes, seed=seed
    )


def draw(rng: random.Random, bounds: Bounds) -> Sequence[Drawn]:
    """An expression with its value; none where the drawn one is not within the bounds."""
    depth = rng.randint(*bounds.depths)
    phrase, value = _operation(depth, rng)
    if not bounds.hold(len(phrase.tokens), depth):
        return ()
    columns = {"length": str(len(phrase.tokens)), "depth": str(depth)}
    return (Drawn(phrase, str(value), columns),)


def _operation(depth: int, rng: random.Random) -> tuple[Phrase, int]:
    """An expression of exactly this depth, at least 1, and its value."""
    depths = [depth - 1, rng.randrange(depth)]
    rng.shuffle(depths)
    (left, a), (right, b) = (_operand(inner, rng) for inner in depths)
    operator = rng.choice(OPERATORS)
    value = {"+": a + b, "-": a - b, "*": a * b}[operator] % MODULUS
    parts = ("(", left, operator, right, ")")
    return Phrase(parts, 2, ("punct", "nsubj", "", "obj", "punct")), value


def _operand(depth: int, rng: random.Random) -> tuple[Part, int]:
    if depth:
        return _operation(depth, rng)
    digit = rng.randrange(MODULUS)
    return str(digit), digit
