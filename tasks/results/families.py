"""Which comparisons are made, and which of them are corrected together.

A family is one question to one data set, such as *which encoders differ?*: its verdicts are made
together, and wrong together in about 5 % of experiments. Two conditions are compared in at most one
family, so that a comparison has the same verdict everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike

from tasks.data.examples import counted
from tasks.data.structures import structure_of
from tasks.metrics import ACCURACY, AnyMetric
from tasks.models.options import INIT
from tasks.results.condition import Condition
from tasks.results.options import VerdictOptions
from tasks.results.records import KINDS
from tasks.results.statistics import Comparison, compare_pairs

__all__ = [
    "KINDS_QUESTION",
    "Family",
    "Pair",
    "comparisons_in",
    "families_of",
    "label",
    "on_equal_terms",
    "usual",
]

Pair = tuple[Condition, Condition]

KINDS_QUESTION = "kinds of encoders"
"""The question of the planned contrast: sequence, tree and graph encoders, each the mean of its kind."""


@dataclass(frozen=True)
class Family:
    """Comparisons that ask one question, decided together.

    Attributes:
        data: The data set.
        question: What is compared, in the plural: ``"encoders"``, :data:`KINDS_QUESTION`,
            ``"structures"``, ``"embeddings"``, ``"amounts of parse noise"``; followed by the vectors and
            the part of train, where they are not the usual ones.
        pairs: Every two conditions, compared on the test examples. Those of a kind of encoders have
            its name in place of an encoder's.
    """

    data: str
    question: str
    pairs: Mapping[Pair, Comparison]


def families_of(
    scores: Mapping[Condition, ArrayLike],
    kinds: Mapping[str, str],
    metric: AnyMetric = ACCURACY,
    options: VerdictOptions | None = None,
    clusters: Mapping[str, Sequence[Hashable] | None] | None = None,
) -> tuple[Family, ...]:
    """All comparisons of an experiment.

    With each embedding, a family each:

    - every two encoders, or each one and the reference;
    - every two kinds of encoders (sequence, tree, graph), each by the mean of its encoders, where some
      kind has several;
    - each encoder on the usual structure, against every other structure;
    - each encoder on the parse, against every noisier parse;
    - every two encoders on a part of train, for each part.

    Then each encoder with the first embedding, against every other embedding (or language model that
    it begins from), on each part of train. All else is as usual: see :func:`usual`.

    Args:
        scores: For each condition its matrix of scores, ``(seeds, examples)``.
        kinds: The kind of each encoder, one of :data:`tasks.results.records.KINDS`.
        metric: What the scores are: see :func:`tasks.results.statistics.compare_pairs`.
        options: The margin, and the reference.
        clusters: For each data set what its examples belong to, where they come in groups.
    """
    options = options or VerdictOptions()
    structured = {encoder for encoder, kind in kinds.items() if kind in KINDS[2:]}
    families = []
    for data in dict.fromkeys(condition.data for condition in scores):
        own = {condition: rows for condition, rows in scores.items() if condition.data == data}
        plain = usual(list(own))
        of_kinds = _means_of_kinds(own, kinds, plain, structured)
        questions = [
            *_questions(list(own), plain, structured, options.reference),
            (KINDS_QUESTION, list(combinations(of_kinds, 2))),
        ]
        for question, pairs in questions:
            if pairs:
                # Beside a control, the real structure is named too.
                beside = question.startswith("structures")
                names = {
                    one: label(
                        one,
                        replace(plain, structure="") if beside else plain,
                        reads_trees=one.encoder in structured,
                    )
                    for one in dict.fromkeys(one for pair in pairs for one in pair)
                }
                everything = {**own, **of_kinds}
                found = compare_pairs(
                    {name: everything[one] for one, name in names.items()},
                    pairs=[(names[one], names[other]) for one, other in pairs],
                    metric=metric,
                    margin=options.margin,
                    clusters=(clusters or {}).get(data),
                )
                families.append(Family(data, question, dict(zip(pairs, found, strict=True))))
    return tuple(families)


def comparisons_in(families: Iterable[Family]) -> dict[Pair, Comparison]:
    """The comparison of every two conditions that are compared."""
    return {pair: found for family in families for pair, found in family.pairs.items()}


def usual(conditions: Sequence[Condition]) -> Condition:
    """The condition that all others of a data set are variations of; its encoder is of no meaning.

    It has the first embedding, all of train, no noise, and the first structure that is no
    control (:attr:`tasks.data.structures.Structure.is_syntax`); if none is, the first control.
    """
    most = max(condition.fraction for condition in conditions)
    whole = [condition for condition in conditions if condition.fraction == most]
    first = next((c for c in whole if structure_of(c.structure).is_syntax), whole[0])
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
        if condition.embedding.startswith(INIT):
            yield f" from {condition.embedding.removeprefix(INIT)}"
        else:
            yield f" with {condition.embedding} vectors"
    if condition.fraction != plain.fraction:
        yield f" on {100 * condition.fraction:g}% of train"


def _questions(
    conditions: Sequence[Condition],
    plain: Condition,
    structured: Collection[str],
    reference: str | None,
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

    def every_two(found: Sequence[Condition]) -> list[Pair]:
        known = [one for one in found if one.encoder == reference]
        if not known:
            return list(combinations(found, 2))
        return [(one, known[0]) for one in found if one != known[0]]

    for terms in usuals:
        where = "".join(_elsewhere(terms, plain))
        yield f"encoders{where}", every_two(alike(terms))
        on_trees = [c for c in alike(terms, "structure") if c.encoder in structured]
        yield f"structures{where}", beside(on_trees, partial(replace, structure=terms.structure))
        on_parses = alike(replace(terms, structure="parse"), "noise")
        yield f"amounts of parse noise{where}", beside(on_parses, partial(replace, noise=0.0))
        for fraction in fractions[1:]:
            part = replace(terms, fraction=fraction)
            where = "".join(_elsewhere(part, plain))
            yield f"encoders{where}", every_two(alike(part))
    for fraction in fractions:
        terms = replace(plain, fraction=fraction)
        yield (
            f"embeddings{''.join(_elsewhere(terms, plain))}",
            beside(alike(terms, "embedding"), partial(replace, embedding=plain.embedding)),
        )


def _means_of_kinds(
    scores: Mapping[Condition, ArrayLike],
    kinds: Mapping[str, str],
    plain: Condition,
    structured: Collection[str],
) -> dict[Condition, ArrayLike]:
    """For sequence, tree and graph encoders the mean scores of those on equal terms, seed by seed.

    They are a statement about these encoders, not about others of their kind.
    """
    members: dict[str, list[np.ndarray[tuple[int, ...], np.dtype[np.float64]]]] = {}
    for condition, rows in scores.items():
        kind = kinds.get(condition.encoder)
        if kind in KINDS[1:4] and on_equal_terms(condition, plain, structured):
            members.setdefault(kind, []).append(np.atleast_2d(np.asarray(rows, np.float64)))
    if all(len(of_kind) == 1 for of_kind in members.values()):
        return {}
    found: dict[Condition, ArrayLike] = {}
    for kind, of_kind in members.items():
        seeds = min(map(len, of_kind))
        name = f"the mean of {counted(len(of_kind), f'{kind} encoder')}"
        found[replace(plain, encoder=name)] = np.mean([rows[:seeds] for rows in of_kind], axis=0)
    return found
