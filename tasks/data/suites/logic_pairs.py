"""Propositional logic: how are two formulas related?

``( a and b )`` and ``( b or c )``: the second follows from the first. The answer is one of the seven
relations of natural logic (MacCartney and Manning 2009) between the sets of assignments under which
the formulas are true; both are true under some and false under others, so that exactly one holds.

=============  =====================================================
``equal``      the sets are the same
``entails``    the first is a part of the second
``entailed``   the second is a part of the first
``negation``   every assignment is in exactly one of them
``exclusive``  none is in both, and some are in neither
``cover``      every assignment is in one of them, and some in both
``independent``  none of these
=============  =====================================================

Formulas of *not*, *and* and *or* over three of six variables, each *and* and *or* in brackets of
its own; the two are never the same string. In the split ``longer`` the two have more tokens than in
train and the same depths, in ``deeper`` the same numbers of tokens and greater depths.

**Trees.** Those of :mod:`tasks.data.suites.logic`, for each formula.

**What can be reached.** Majority one seventh. The symbols of both formulas tell something, since few
formulas of few symbols are related by chance, so a bag of words is above that: boosted trees on the
counts of symbols in both, their products and differences are right on 42 % of test (``same lengths``
65, ``longer`` 33, ``deeper`` 28). On either gold tree everything can be represented: a phrase is its
truth table, eight bits.

**Elsewhere.** Bowman, Potts and Manning (2015) have pairs of formulas over six variables, four at most
in a pair, train on formulas of up to four connectives and test on up to twelve; relations there are as
frequent as they come. Tree networks with tensors hold on longer formulas, sums of words don't. The
figures don't compare: here all relations are equally frequent.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from tasks.data.examples import Dataset
from tasks.data.questions import Question
from tasks.data.suites.logic import formula, value_of
from tasks.data.suites.phrases import Phrase
from tasks.data.suites.sampling import Bounds, Drawn, assemble_by_bounds

__all__ = ["RELATIONS", "SPLITS", "generate", "relation"]

VARIABLES = ("a", "b", "c", "d", "e", "f")
IN_A_PAIR = 3
"""From how many variables a pair is made."""

RELATIONS = ("equal", "entails", "entailed", "negation", "exclusive", "cover", "independent")

SPLITS = (
    Bounds("same lengths", (6, 28), (1, 3)),
    Bounds("longer", (29, 60), (1, 3)),
    Bounds("deeper", (6, 28), (4, 5)),
)


def generate(train: int = 7000, dev: int = 700, test: int = 2100, seed: int = 0) -> Dataset:
    """Make the suite.

    Args:
        train: Pairs to train on.
        dev: Pairs like those of train.
        test: Pairs of the three splits, in equal parts.
        seed: One seed gives one set.

    Returns:
        The data, with the columns ``split``, ``length`` (tokens of both), ``depth`` (connectives within
        each other, in the deeper of the two) and ``variables`` (how many occur).

    Raises:
        DataError: Fewer than seven pairs in a split, or more than there are.
    """
    sizes = {"train": train, "dev": dev, "test": test}
    question = Question("pair")
    return assemble_by_bounds(
        "logic-pairs", _draw, SPLITS, RELATIONS, sizes, seed=seed, question=question
    )


def _draw(rng: random.Random, bounds: Bounds) -> Sequence[Drawn]:
    """Two formulas over the same variables, either of which may be the deeper one."""
    variables = rng.sample(VARIABLES, IN_A_PAIR)
    depth = rng.randint(*bounds.depths)
    depths = [depth, rng.randint(1, depth)]
    rng.shuffle(depths)
    one, other = (formula(of_one, rng, variables) for of_one in depths)
    assert isinstance(one, Phrase)
    assert isinstance(other, Phrase)
    length = len(one.tokens) + len(other.tokens)
    if one.tokens == other.tokens or not bounds.hold(length, depth):
        return ()
    found = relation(one.tokens, other.tokens)
    if found is None:
        return ()
    occur = len({*one.tokens, *other.tokens} & {*VARIABLES})
    columns = {"length": str(length), "depth": str(depth), "variables": str(occur)}
    return (Drawn(one, found, columns, other),)


def relation(one: Sequence[str], other: Sequence[str]) -> str | None:
    """The relation of two formulas; None where one of them is always true, or never."""
    variables = sorted({*one, *other} & {*VARIABLES})
    count = 2 ** len(variables)
    every = 2**count - 1
    # Bit k of a number stands for assignment k, and variable v is bit v of k.
    bits = {
        name: sum(1 << k for k in range(count) if k >> place & 1)
        for place, name in enumerate(variables)
    }
    first, second = (value_of(iter(words), bits, every) for words in (one, other))
    if {first, second} & {0, every}:
        return None
    if first == second:
        return "equal"
    if not first & ~second:
        return "entails"
    if not second & ~first:
        return "entailed"
    exhaustive = first | second == every
    if not first & second:
        return "negation" if exhaustive else "exclusive"
    return "cover" if exhaustive else "independent"
