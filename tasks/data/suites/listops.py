"""ListOps (Nangia and Bowman 2018): what is the value of a nested list operation?

``[MAX 2 9 [MIN 4 7 ] 0 ]`` is 9. Operations are the greatest and the least value (MAX, MIN), the
median (MED; of an even number of values the mean of the middle two, rounded down) and the sum
modulo 10 (SM) of two to five digits or operations. An operator and its opening bracket are one
token. The label is the value, 0 to 9. In the split ``longer`` expressions have more tokens than in
train and the same depths, in ``deeper`` the same numbers of tokens and greater depths.

**Trees.** As dependencies an operator heads its arguments (``obj``) and its closing bracket
(``punct``). As constituents an operation is binary and branches to the left, ``((([MAX 2) 9) ])``,
as in the original data.

**What can be reached.** Majority 10 %; labels are equally frequent in each split. A bag of words is
above that, since high digits and MAX make a high value likely: about 27 %. With the gold
constituents each step is a table of an unfinished operation and a value, and the two are told apart
by what they are: every tree network can be right throughout, one that doesn't see the order of
children too. With the gold dependencies a node has all arguments at once. No operation depends on
their order, so that nothing is hidden from an order-blind tree network, but it needs the median or
the sum of five values in one step. A graph network of *n* layers knows what is at most *n* edges
away: operations nested deeper it can only guess. A sequence model has to find the brackets'
partners by itself.

**Elsewhere.** With 90,000 training examples of greater depth, sequence models have about 70 to 75
%, a Tree-LSTM that is given the trees 98 % and more (Nangia and Bowman 2018).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from tasks.data.examples import Dataset
from tasks.data.suites.phrases import Part, Phrase
from tasks.data.suites.sampling import Bounds, Drawn, assemble_by_bounds

__all__ = ["SPLITS", "generate"]

DIGITS = tuple("0123456789")
ARGUMENTS = {2: 4, 3: 3, 4: 2, 5: 1}
"""Numbers of arguments, and how often each is drawn. Short lists teach the operations."""
NESTED = 0.3
"""How often a further argument of an operation may be an operation."""

Operation = Callable[[Sequence[int]], int]

SPLITS = (
    Bounds("same lengths", (4, 25), (1, 3)),
    Bounds("longer", (26, 50), (1, 3)),
    Bounds("deeper", (4, 25), (4, 6)),
)


def _median(values: Sequence[int]) -> int:
    """The median; the mean of the middle two, rounded down, where there are two."""
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) // 2


OPERATORS: dict[str, Operation] = {
    "[MAX": max,
    "[MIN": min,
    "[MED": _median,
    "[SM": lambda values: sum(values) % 10,
}


def generate(train: int = 12000, dev: int = 800, test: int = 1500, seed: int = 0) -> Dataset:
    """Make the suite.

    Args:
        train: Examples to train on.
        dev: Examples like those of train.
        test: Examples of the three splits, in equal parts.
        seed: One seed gives one set.

    Returns:
        The data, with the columns ``split``, ``length`` (tokens), ``depth`` (operations within each
        other) and ``operator`` (the outermost).

    Raises:
        DataError: Fewer than ten examples in a split, or more than there are.
    """
    sizes = {"train": train, "dev": dev, "test": test}
    return assemble_by_bounds("listops", _draw, SPLITS, DIGITS, sizes, seed=seed)


def _draw(rng: random.Random, bounds: Bounds) -> Sequence[Drawn]:
    depth = rng.randint(*bounds.depths)
    phrase, value = _operation(depth, rng)
    if not bounds.hold(len(phrase.tokens), depth):
        return ()
    columns = {
        "length": str(len(phrase.tokens)),
        "depth": str(depth),
        "operator": phrase.tokens[0][1:],
    }
    return (Drawn(phrase, str(value), columns),)


def _operation(depth: int, rng: random.Random) -> tuple[Phrase, int]:
    """An operation of exactly this depth, at least 1, and its value."""
    operator = rng.choice(tuple(OPERATORS))
    (count,) = rng.choices(tuple(ARGUMENTS), tuple(ARGUMENTS.values()))
    # One argument is as deep as it must be, the others are digits more often than not.
    depths = [depth - 1]
    depths += [rng.randrange(depth) if rng.random() < NESTED else 0 for _ in range(count - 1)]
    rng.shuffle(depths)
    arguments = [_argument(inner, rng) for inner in depths]
    parts = (operator, *(part for part, _ in arguments), "]")
    value = OPERATORS[operator]([value for _, value in arguments])
    return Phrase(parts, 0, ("", *["obj"] * count, "punct")), value


def _argument(depth: int, rng: random.Random) -> tuple[Part, int]:
    if depth:
        return _operation(depth, rng)
    digit = rng.choice(DIGITS)
    return digit, int(digit)
