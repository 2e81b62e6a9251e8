"""Dyck: is a string of two kinds of brackets well formed?

Examples come in pairs: in ``( ( ) [ [ ] ( ) ( ) ] )`` two brackets that both open or both close, of
unlike kinds, are swapped to make ``( ( ) [ [ ] ( ) ( ) ) ]``, which is ill-formed. Two brackets
that don't match have at least three pairs between them, so that a few words in a row don't show it.
In the split ``longer`` strings have more tokens than in train and the same depths, in ``deeper``
the same numbers of tokens and greater depths.

**Trees.** The gold tree of an ill-formed string is that of its well-formed partner, place by place:
the matching of opening and closing brackets whatever their kinds are. The shape of a tree therefore
says nothing of the label. As dependencies an opening bracket heads the groups inside it (``obj``)
and the bracket that closes it (``punct``); of groups in a row that stand in no bracket the first
heads the others (``conj``). As constituents a group is binary and branches to the left, ``((( [..])
[..]) ))``.

**What can be reached.** Majority 50 %, and a bag of words exactly 50 %, for both strings of a pair
get one answer; so does whatever sees the shape of the tree alone. With either gold tree every tree
network can be right throughout, whatever the length and the depth: it remembers a bracket until the
one that closes it, and whether all was well so far. In the gold dependencies both are neighbours,
so that a graph network of one layer suffices. A sequence model needs a stack: with a state of fixed
size it can keep one of bounded depth, and has to learn it.

**Elsewhere.** Of many kinds of networks only those with a stack or a tape carried over to longer
strings of context-free languages (Delétang et al. 2023). A recurrent network can hold the stack of
a bracket language of *k* kinds and depth *m* in a state of order *m* log *k* (Hewitt et al. 2020);
whether training finds it is another question.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from tasks.data.examples import Dataset
from tasks.data.suites.phrases import Phrase
from tasks.data.suites.sampling import Bounds, Drawn, assemble_by_bounds

__all__ = ["SPLITS", "generate"]

KINDS = (("(", ")"), ("[", "]"))
LABELS = ("ill-formed", "well-formed")

SPLITS = (
    Bounds("same lengths", (16, 32), (3, 6)),
    Bounds("longer", (34, 60), (3, 6)),
    Bounds("deeper", (16, 32), (7, 10)),
)
NEAREST = 7
"""What is between two brackets that don't match is at least three pairs: more than a few words show."""


def generate(train: int = 2000, dev: int = 400, test: int = 1500, seed: int = 0) -> Dataset:
    """Make the suite.

    Args:
        train: Examples to train on, twice as many as pairs.
        dev: Examples like those of train.
        test: Examples of the three splits, in equal parts to within a pair.
        seed: One seed gives one set.

    Returns:
        The data, with the columns ``split``, ``length`` (tokens), ``depth`` (brackets that are open at
        once), ``distance`` (from an opening bracket to its closing one, the smaller of the two pairs
        that are swapped) and ``pair``.

    Raises:
        DataError: An odd number of examples, fewer than two in a split, or more than there are.
    """
    sizes = {"train": train, "dev": dev, "test": test}
    return assemble_by_bounds("dyck", _draw, SPLITS, LABELS, sizes, seed=seed, group=2)


def _draw(rng: random.Random, bounds: Bounds) -> Sequence[Drawn]:
    """A well-formed string, and the same with two brackets swapped."""
    groups = _groups(rng.randint(bounds.lengths[0] // 2, bounds.lengths[1] // 2), rng)
    depth = _depth(groups)
    relations = ("", *["conj"] * (len(groups) - 1))
    phrase = groups[0] if len(groups) == 1 else Phrase(groups, 0, relations)
    tokens = phrase.tokens
    if not bounds.hold(len(tokens), depth):
        return ()
    pairs = [pair for pair in matching(tokens) if pair[1] - pair[0] >= NEAREST]
    if len({tokens[first] for first, _ in pairs}) < 2:
        return ()
    one = rng.choice(pairs)
    other = rng.choice([pair for pair in pairs if tokens[pair[0]] != tokens[one[0]]])
    end = rng.randrange(2)
    swapped = list(tokens)
    swapped[one[end]], swapped[other[end]] = tokens[other[end]], tokens[one[end]]
    columns = {
        "length": str(len(tokens)),
        "depth": str(depth),
        "distance": str(min(last - first for first, last in (one, other))),
    }
    return (
        Drawn(phrase, "well-formed", columns),
        Drawn(phrase.with_tokens(swapped), "ill-formed", columns),
    )


def _groups(pairs: int, rng: random.Random) -> tuple[Phrase, ...]:
    """Brackets, ``pairs`` pairs of them, as a row of groups."""
    if pairs == 0:
        return ()
    inside = rng.randrange(pairs)
    opening, closing = rng.choice(KINDS)
    content = _groups(inside, rng)
    first = Phrase((opening, *content, closing), 0, ("", *["obj"] * len(content), "punct"))
    return (first, *_groups(pairs - 1 - inside, rng))


def _depth(groups: Sequence[Phrase]) -> int:
    """How many brackets are open at once at most."""
    inside = ([part for part in group.parts if isinstance(part, Phrase)] for group in groups)
    return max((1 + _depth(within) for within in inside), default=0)


def matching(tokens: Sequence[str]) -> list[tuple[int, int]]:
    """The places of each opening bracket and of the one that closes it, whatever their kinds are."""
    openings = {opening for opening, _ in KINDS}
    found, stack = [], []
    for place, token in enumerate(tokens):
        if token in openings:
            stack.append(place)
        else:
            found.append((stack.pop(), place))
    return found
