"""Propositional logic: is a formula true under the assignment in front of it?

``p true q false r true : ( p and not q )`` is true. Formulas of *not*, *and* and *or* over three
variables, each *and* and *or* in brackets of its own. Examples come in pairs: two variables of the
formula, two connectives or the values of two variables are swapped so that the truth value changes.
In the split ``longer`` formulas have more tokens than in train and the same depths, in ``deeper``
the same numbers of tokens and greater depths.

*Why this question.* Whether a formula is valid or satisfiable is often given away by its symbols,
since few formulas of few symbols are not contingent. Its truth value can be asked so that symbols
and shape say nothing: both formulas of a pair have the same of each.

**Trees.** As dependencies a connective heads its operands (``nsubj``, ``obj``) and brackets
(``punct``), *not* its operand (``obj``), each variable of the assignment its value (``obj``), and
the colon the assignment (``nsubj``) and the formula (``obj``). As constituents every phrase is
binary and branches to the left.

**What can be reached.** Majority 50 %, and a bag of words exactly 50 %, for both formulas of a pair
get one answer; so does whatever sees the shape of the tree alone. With either gold tree the
assignment joins the formula at the root, so that a phrase must be represented by its truth table,
eight bits; each of the connectives is symmetric and works on each bit by itself. Every tree network
can be right throughout, an order-blind one too. A graph network of *n* layers knows what is at most
*n* edges away: formulas nested deeper it can only guess.

**Elsewhere.** Bowman, Potts and Manning (2015) and Bowman, Manning and Potts (2015) ask for the
relation of two formulas, one of seven, after training on formulas of up to four connectives. Tree
networks hold on longer formulas; a sequence LSTM learns the task too, with more training data, and
loses more on longer formulas. Their questions are other ones, so their figures don't compare.

*Pairs of formulas* are :mod:`tasks.data.suites.logic_pairs`.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence

from tasks.data.examples import Dataset
from tasks.data.suites.phrases import Part, Phrase
from tasks.data.suites.sampling import Bounds, Drawn, assemble_by_bounds

__all__ = ["SPLITS", "formula", "generate", "truth", "value_of"]

VARIABLES = ("p", "q", "r")
CONNECTIVES = ("and", "or")
VALUES = ("false", "true")

SPLITS = (
    Bounds("same lengths", (8, 30), (1, 4)),
    Bounds("longer", (31, 60), (1, 4)),
    Bounds("deeper", (8, 30), (5, 7)),
)
NEGATED = 0.25
"""How often a formula is a negation."""
ATTEMPTS = 10
"""How many swaps are tried for a formula before another one is drawn."""


def generate(train: int = 6000, dev: int = 600, test: int = 1500, seed: int = 0) -> Dataset:
    """Make the suite.

    Args:
        train: Examples to train on, twice as many as pairs.
        dev: Examples like those of train.
        test: Examples of the three splits, in equal parts to within a pair.
        seed: One seed gives one set.

    Returns:
        The data, with the columns ``split``, ``length`` (tokens), ``depth`` (connectives within each
        other) and ``pair``.

    Raises:
        DataError: An odd number of examples, fewer than two in a split, or more than there are.
    """
    sizes = {"train": train, "dev": dev, "test": test}
    return assemble_by_bounds("logic", _draw, SPLITS, VALUES, sizes, seed=seed, group=2)


def _draw(rng: random.Random, bounds: Bounds) -> Sequence[Drawn]:
    """A formula under an assignment, and another with two symbols swapped that has the other value."""
    depth = rng.randint(*bounds.depths)
    given = [Phrase((name, rng.choice(VALUES)), 0, ("", "obj")) for name in VARIABLES]
    relations = (*["nsubj"] * len(given), "", "obj")
    phrase = Phrase((*given, ":", formula(depth, rng, VARIABLES)), len(given), relations)
    tokens = phrase.tokens
    if not bounds.hold(len(tokens), depth):
        return ()
    value = truth(tokens)
    columns = {"length": str(len(tokens)), "depth": str(depth)}
    for _ in range(ATTEMPTS):
        swapped = _swapped(tokens, rng)
        if truth(swapped) != value:
            return (
                Drawn(phrase, VALUES[value], columns),
                Drawn(phrase.with_tokens(swapped), VALUES[not value], columns),
            )
    return ()


def formula(depth: int, rng: random.Random, variables: Sequence[str]) -> Part:
    """A formula of exactly this depth over these variables; one of them where it is 0."""
    if depth == 0:
        return rng.choice(variables)
    if rng.random() < NEGATED:
        return Phrase(("not", formula(depth - 1, rng, variables)), 0, ("", "obj"))
    depths = [depth - 1, rng.randrange(depth)]
    rng.shuffle(depths)
    left, right = (formula(inner, rng, variables) for inner in depths)
    parts = ("(", left, rng.choice(CONNECTIVES), right, ")")
    return Phrase(parts, 2, ("punct", "nsubj", "", "obj", "punct"))


def truth(tokens: Sequence[str]) -> bool:
    """Whether the formula behind the colon is true under the assignment before it."""
    words = iter(tokens)
    assignment = {}
    while (name := next(words)) != ":":
        assignment[name] = next(words) == "true"
    return bool(value_of(words, assignment))


def value_of(words: Iterator[str], assignment: Mapping[str, int], true: int = True) -> int:
    """The value of the formula that begins with the next word; its words are used up.

    Args:
        words: Of the formula, and what follows it.
        assignment: The value of each variable: a truth value, or a bit for each of many assignments.
        true: What is always true: ``True``, or all bits.
    """
    word = next(words)
    if word == "not":
        return true ^ value_of(words, assignment, true)
    if word != "(":
        return assignment[word]
    left = value_of(words, assignment, true)
    connective = next(words)
    right = value_of(words, assignment, true)
    next(words)  # the bracket that closes
    return left & right if connective == "and" else left | right


def _swapped(tokens: Sequence[str], rng: random.Random) -> list[str]:
    """The tokens with two unlike ones of a kind swapped, if there are any."""
    first_of_formula = 2 * len(VARIABLES)
    changed = list(tokens)
    kind = rng.choice((VARIABLES, CONNECTIVES, VALUES))
    places = [
        place
        for place, token in enumerate(tokens)
        if token in kind and (place > first_of_formula or kind is VALUES)
    ]
    if len(places) > 1:
        one, other = rng.sample(places, 2)
        changed[one], changed[other] = tokens[other], tokens[one]
    return changed
