"""Which comparisons are made, and which of them are corrected together.

A family is one question to one data set, such as *which encoders differ?*: its p-values are corrected
together, by Holm's method. Two conditions are compared in at most one family, so that a comparison has
the same p-value everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations

from numpy.typing import ArrayLike

from tasks.data.setting import GIVEN_STRUCTURES
from tasks.results.condition import Condition
from tasks.results.metrics import ACCURACY, AnyMetric
from tasks.results.statistics import Comparison, compare_pairs

__all__ = [
    "REAL_STRUCTURES",
    "Family",
    "Pair",
    "comparisons_in",
    "families_of",
    "label",
    "on_equal_terms",
    "usual",
]

Pair = tuple[Condition, Condition]

REAL_STRUCTURES = ("parse", *GIVEN_STRUCTURES)
"""Syntactic structures; all others are controls."""


@dataclass(frozen=True)
class Family:
    """Comparisons that ask one question, their p-values corrected together.

    Attributes:
        data: The data set.
        question: What is compared, in the plural: ``"encoders"``, ``"structures"``, ``"embeddings"``,
            ``"amounts of parse noise"``; followed by the vectors and the part of train, where they are
            not the usual ones.
        pairs: Every two conditions, compared on the test examples.
    """

    data: str
    question: str
    pairs: Mapping[Pair, Comparison]


def families_of(
    scores: Mapping[Condition, ArrayLike],
    structured: Collection[str],
    metric: AnyMetric = ACCURACY,
) -> tuple[Family, ...]:
    """All comparisons of an experiment.

    With each embedding, a family each:

    - every two encoders;
    - each encoder on the usual structure, against every other structure;
    - each encoder on the parse, against every noisier parse;
    - every two encoders on a part of train, for each part.

    Then each encoder with the first embedding, against every other embedding. All else is as usual:
    see :func:`usual`.

    Args:
        scores: For each condition its matrix of scores, ``(seeds, examples)``.
        structured: The encoders that read a tree or a graph.
        metric: What the scores are: its unit and direction are used.
    """
    families = []
    for data in dict.fromkeys(condition.data for condition in scores):
        conditions = [condition for condition in scores if condition.data == data]
        plain = usual(conditions)
        for question, pairs in _questions(conditions, plain, structured):
            if pairs:
                found = _compared(scores, pairs, plain, structured, metric)
                families.append(Family(data, question, found))
    return tuple(families)


def comparisons_in(families: Iterable[Family]) -> dict[Pair, Comparison]:
    """The comparison of every two conditions that are compared."""
    return {pair: found for family in families for pair, found in family.pairs.items()}


def usual(conditions: Sequence[Condition]) -> Condition:
    """The condition that all others of a data set are variations of; its encoder is of no meaning.

    It has the first embedding, all of train, no noise, and the first structure that is one of
    :data:`REAL_STRUCTURES`; if none is, the first control.
    """
    most = max(condition.fraction for condition in conditions)
    whole = [condition for condition in conditions if condition.fraction == most]
    first = next((c for c in whole if c.structure in REAL_STRUCTURES), whole[0])
    return replace(first, embedding=conditions[0].embedding, noise=0.0)


def on_equal_terms(
    condition: Condition, plain: Condition, structured: Collection[str], *but: str
) -> bool:
    """Whether a condition differs from the usual one in its encoder alone.

    Args:
        condition: The condition.
        plain: What is usual.
        structured: The encoders that read a tree or a graph; for others the structure doesn't count.
        but: What else may differ: ``"structure"``, ``"noise"``, ``"embedding"``, ``"fraction"``.
    """
    names = ["noise", "embedding", "fraction"]
    names += ["structure"] * (condition.encoder in structured)
    return all(
        getattr(condition, name) == getattr(plain, name) for name in names if name not in but
    )


def label(condition: Condition, plain: Condition, *, reads_trees: bool = True) -> str:
    """The name of a condition: its encoder, and how it differs from the usual condition."""
    told = [condition.encoder]
    if reads_trees and condition.structure != plain.structure:
        told.append(f"on {condition.structure}")
    if condition.noise:
        told.append(f"with {100 * condition.noise:g}% wrong heads")
    return " ".join(told) + "".join(_elsewhere(condition, plain))


def _elsewhere(condition: Condition, plain: Condition) -> Iterator[str]:
    """The vectors and the part of train, where they differ from the usual ones."""
    if condition.embedding != plain.embedding:
        yield f" with {condition.embedding} vectors"
    if condition.fraction != plain.fraction:
        yield f" on {100 * condition.fraction:g}% of train"


def _questions(
    conditions: Sequence[Condition], plain: Condition, structured: Collection[str]
) -> Iterator[tuple[str, list[Pair]]]:
    embeddings = dict.fromkeys(condition.embedding for condition in conditions)
    fractions = sorted({condition.fraction for condition in conditions}, reverse=True)
    usuals = [replace(plain, embedding=embedding) for embedding in embeddings]

    def alike(terms: Condition, *but: str) -> list[Condition]:
        return [c for c in conditions if on_equal_terms(c, terms, structured, *but)]

    def beside(
        others: Iterable[Condition], made_usual: Callable[[Condition], Condition]
    ) -> list[Pair]:
        pairs = [(made_usual(other), other) for other in others]
        return [(one, other) for one, other in pairs if one != other and one in conditions]

    for terms in usuals:
        where = "".join(_elsewhere(terms, plain))
        yield f"encoders{where}", list(combinations(alike(terms), 2))
        on_trees = [c for c in alike(terms, "structure") if c.encoder in structured]
        yield f"structures{where}", beside(on_trees, partial(replace, structure=terms.structure))
        on_parses = alike(replace(terms, structure="parse"), "noise")
        yield f"amounts of parse noise{where}", beside(on_parses, partial(replace, noise=0.0))
        for fraction in fractions[1:]:
            part = replace(terms, fraction=fraction)
            where = "".join(_elsewhere(part, plain))
            yield f"encoders{where}", list(combinations(alike(part), 2))
    yield (
        "embeddings",
        beside(alike(plain, "embedding"), partial(replace, embedding=plain.embedding)),
    )


def _compared(
    scores: Mapping[Condition, ArrayLike],
    pairs: Sequence[Pair],
    plain: Condition,
    structured: Collection[str],
    metric: AnyMetric,
) -> dict[Pair, Comparison]:
    names = {
        condition: label(condition, plain, reads_trees=condition.encoder in structured)
        for pair in pairs
        for condition in pair
    }
    matrices = {name: scores[condition] for condition, name in names.items()}
    named = [(names[one], names[other]) for one, other in pairs]
    found = compare_pairs(matrices, pairs=named, metric=metric)
    return dict(zip(pairs, found, strict=True))
