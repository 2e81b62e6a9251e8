"""Slices of the test set: its examples divided by properties of their sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from structnn import Tree
from tasks.data.questions import Question, without_marks
from tasks.results.records import ExampleDescription

__all__ = [
    "Dimension",
    "Slice",
    "divide",
    "dividing_columns",
    "gaps",
    "name_of_others",
    "opposed",
]

NEGATIONS = frozenset(
    "barely cannot hardly neither never no nobody none nor not nothing nowhere without".split()
)
"""English words of negation; those that end in *n't* count too."""

QUESTION_WORDS = "who whom whose what which when where why how".split()
"""English question words."""

CLAUSES = frozenset({"acl", "advcl", "ccomp", "csubj", "xcomp"})
"""The relations of Universal Dependencies that attach a subordinate clause to its head."""

_RARE = 5

SMALLEST_SHARE, SMALLEST = 0.02, 5
"""Values that a smaller share of the examples has, or fewer examples, are joined as "others"."""


@dataclass(frozen=True)
class Slice:
    """A part of the test examples.

    Args:
        name: What its examples have in common.
        members: Their positions.
    """

    name: str
    members: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.members)


@dataclass(frozen=True)
class Dimension:
    """One way to divide the test examples.

    Args:
        name: The property by which they are divided.
        slices: The parts; they may overlap, as sentences with one relation and with another do.
        about: How it is measured, if that needs explanation.
    """

    name: str
    slices: tuple[Slice, ...]
    about: str = ""


def divide(
    examples: Sequence[ExampleDescription], question: Question | None = None
) -> list[Dimension]:
    """Every way to divide the examples into at least two slices.

    By length, depth of the tree, distance of the root from the middle, subordinate clauses,
    coordination, relations, negation, question word, unknown words, overlap with train, label, and
    each column of the data (see :func:`dividing_columns`). If some example has no parse, nothing that
    needs one is used. Where the question is about two spans, by the words between them; where it is
    about one, the target, by its length, the number of targets that are asked about in the same text,
    and how often train asks about the same words.

    Args:
        examples: The test examples.
        question: What is asked of them; by default one label for a sentence.
    """
    question = question or Question()
    dimensions = [
        _by_number("sentence length", [len(row.tokens) for row in examples], "token", "tokens")
    ]
    trees = [tree for row in examples if (tree := row.dependencies)]
    if len(trees) == len(examples):
        dimensions += _by_tree(trees)
    dimensions += [
        _by_value(
            "negation",
            [_negation(row) for row in examples],
            "by a list of English words",
            order=["negated", "not negated"],
        ),
        _by_value(
            "question word",
            [_question_word(row) for row in examples],
            "the first one, in texts that end with a question mark",
            order=[*QUESTION_WORDS, "none", "not a question"],
        ),
        _by_value(
            "unknown words",
            [_unknown(row.unknown_share) for row in examples],
            "share of tokens that train lacks",
            order=["none", "up to 10 %", "up to 25 %", "over 25 %"],
        ),
        _by_value(
            "overlap with train",
            ["text occurs in train" if row.overlap else "new text" for row in examples],
            order=["new text", "text occurs in train"],
        ),
    ]
    if question.is_number:
        dimensions.append(_by_number("score", [float(row.label) for row in examples]))
    elif question.is_sequence:
        sizes = [float(len(row.label.split())) for row in examples]
        dimensions.append(_by_number("target length", sizes, "word", "words"))
    elif not question.has_parts:
        dimensions.append(_by_value("label", [row.label for row in examples]))
    if question.reads == "spans":
        between = [_between(row.text) for row in examples]
        dimensions.append(_by_number("words between the spans", between, "word", "words"))
    if question.reads == "span":
        dimensions += _by_target(examples)
    for column in dividing_columns(examples):
        dimensions.append(_by_column(column, [row.columns.get(column, "") for row in examples]))
    return [dimension for dimension in dimensions if len(dimension.slices) > 1]


def _by_target(examples: Sequence[ExampleDescription]) -> list[Dimension]:
    texts, lengths = [], []
    for row in examples:
        plain, ((begin, end),) = without_marks(row.text)
        texts.append(plain)
        lengths.append(len(plain[begin:end].split()))
    of_text = Counter(texts)
    found = [
        _by_number("length of the target", lengths, "word", "words"),
        _by_number(
            "targets of the text",
            [of_text[text] for text in texts],
            "target",
            "targets",
            "how many test examples ask about the same text",
        ),
    ]
    counts = [row.target_count for row in examples if row.target_count is not None]
    if len(counts) == len(examples):
        names = ["unseen", f"rare (up to {_RARE} times)", f"frequent (over {_RARE} times)"]
        values = [names[0 if not count else 1 if count <= _RARE else 2] for count in counts]
        about = "how often train asks about the same words, in any case of letters"
        found.append(_by_value("target in train", values, about, order=names))
    return found


def _between(text: str) -> int:
    """How many words stand between two marked spans."""
    plain, spans = without_marks(text)
    (_, end), (begin, _) = sorted(spans)
    return len(plain[end:begin].split())


def dividing_columns(examples: Sequence[ExampleDescription]) -> list[str]:
    """The columns of the data that slices are made of.

    These are columns of numbers, and those in which at least half of the examples have a frequent
    value. Columns of identifiers or remarks have too many different values.
    """
    found = []
    for column in dict.fromkeys(name for row in examples for name in row.columns):
        values = [row.columns.get(column, "") for row in examples]
        counts = Counter(values)
        covered = sum(count for count in counts.values() if _frequent(count, len(values)))
        if covered >= len(values) / 2 or _numbers(values) is not None:
            found.append(column)
    return found


def opposed(
    correct: Mapping[str, ArrayLike], ones: Collection[str], others: Collection[str]
) -> list[int]:
    """The examples that all of ``ones`` get right and all of ``others`` get wrong, in most seeds.

    Args:
        correct: For each encoder its matrix of scores that are 0 or 1.
        ones: Some of the encoders.
        others: Some other ones.

    Returns:
        Their positions, those first where the two differ in most runs; none where either is empty.
    """
    if not ones or not others:
        return []
    shares = _shares(correct)
    above = np.min([shares[name] for name in ones], axis=0)
    below = np.max([shares[name] for name in others], axis=0)
    unanimous = set(np.flatnonzero((above > 0.5) & (below <= 0.5)).tolist())
    return [place for place, _ in gaps(correct, ones, others) if place in unanimous]


def gaps(
    correct: Mapping[str, ArrayLike], ones: Collection[str], others: Collection[str]
) -> list[tuple[int, float]]:
    """Every example, with the share of runs of ``ones`` that are right less that of ``others``.

    Args:
        correct: For each encoder its matrix of scores that are 0 or 1.
        ones: Some of the encoders, at least one.
        others: Some other ones, at least one.

    Returns:
        Positions and gaps, the largest gap first.
    """
    shares = _shares(correct)
    gap = np.mean([shares[name] for name in ones], axis=0) - np.mean(
        [shares[name] for name in others], axis=0
    )
    return sorted(enumerate(gap.tolist()), key=lambda found: (-found[1], found[0]))


def _shares(correct: Mapping[str, ArrayLike]) -> dict[str, NDArray[np.float64]]:
    """For each encoder, of each example, the share of seeds that are right."""
    return {
        name: np.atleast_2d(np.asarray(rows, dtype=float)).mean(0) for name, rows in correct.items()
    }


def _by_tree(trees: Sequence[Tree]) -> list[Dimension]:
    relations = [
        Counter(relation.partition(":")[0] for relation in tree.labels or ()) for tree in trees
    ]
    return [
        _by_number(
            "tree depth",
            [max(tree.depths) for tree in trees],
            "edge",
            "edges",
            "edges from the root to the deepest word",
        ),
        _by_value(
            "place of the root",
            [_eccentricity(tree) for tree in trees],
            "distance of the root from the middle, as a share of half the sentence",
            order=["in the middle (up to 1/3)", "between", "near an end (over 2/3)"],
        ),
        _by_count(
            "subordinate clauses",
            [sum(found[name] for name in CLAUSES) for found in relations],
            f"relations {', '.join(sorted(CLAUSES))}",
        ),
        _by_count("coordinations", [found["conj"] for found in relations], "relation conj"),
        _by_relation(relations),
    ]


def _by_relation(relations: Sequence[Counter[str]]) -> Dimension:
    """Sentences that have a relation, for those that neither nearly all have nor nearly none."""
    size = len(relations)
    present = Counter(name for found in relations for name in found)
    telling = [
        name
        for name, count in present.most_common()
        if max(SMALLEST, 0.1 * size) <= count <= 0.9 * size
    ]
    slices = tuple(
        Slice(f"with {name}", tuple(i for i, found in enumerate(relations) if found[name]))
        for name in telling[:8]
    )
    return Dimension(
        "relations", slices, "sentences that have the relation; one sentence is in several slices"
    )


def _by_number(
    name: str, values: Sequence[float], unit: str = "", units: str = "", about: str = ""
) -> Dimension:
    """Four parts of about the same size; fewer where many values are equal."""
    ordered = np.sort(np.asarray(values, dtype=float))
    bounds = np.unique(np.quantile(ordered, [0.25, 0.5, 0.75], method="inverted_cdf"))
    part = np.searchsorted(bounds, values, side="left")
    slices = []
    for number in range(len(bounds) + 1):
        members = tuple(np.flatnonzero(part == number).tolist())
        if members:
            low, high = min(values[i] for i in members), max(values[i] for i in members)
            span = f"{low:g}" if low == high else f"{low:g} to {high:g}"
            title = f"{span} {unit if high == 1 else units}".strip()
            slices.append(Slice(title, members))
    return Dimension(name, tuple(slices), about)


def _by_count(name: str, counts: Sequence[int], about: str) -> Dimension:
    """None, one, or more, as far as there are enough of each."""
    most = 2 if sum(count > 1 for count in counts) >= SMALLEST else 1
    values = [f"{most} or more" if count >= most else str(count) for count in counts]
    return _by_value(name, values, about, order=["0", "1", f"{most} or more"])


def _by_value(
    name: str, values: Sequence[str], about: str = "", order: Sequence[str] | None = None
) -> Dimension:
    """A part for each frequent value, and one for all others."""
    counts = Counter(values)
    frequent = [
        value for value in counts if order is not None or _frequent(counts[value], len(values))
    ]
    ranked = [value for value in order if value in counts] if order else sorted(frequent)
    slices = [
        Slice(value, tuple(i for i, found in enumerate(values) if found == value))
        for value in ranked
    ]
    others = tuple(i for i, value in enumerate(values) if value not in ranked)
    if others:
        slices.append(Slice(name_of_others(ranked), others))
    return Dimension(name, tuple(slices), about)


def name_of_others(names: Collection[str]) -> str:
    """What all others are called beside some names, of which one may be "others" itself."""
    return _apart("others", "all", names)


def _apart(name: str, word: str, names: Collection[str]) -> str:
    """A name that is none of some others, with a word before it as often as that takes."""
    while name in names:
        name = f"{word} {name}"
    return name


def _by_column(name: str, values: Sequence[str]) -> Dimension:
    numbers = _numbers(values)
    shown = f"column {name}"
    if numbers is not None:
        return _by_number(shown, numbers)
    empty = _apart("empty", "left", values)
    return _by_value(shown, [value or empty for value in values])


def _numbers(values: Sequence[str]) -> list[float] | None:
    """The values as numbers, if all are and they are too many to be names of classes."""
    try:
        numbers = [float(value) for value in values]
    except ValueError:
        return None
    return numbers if len(set(numbers)) > 8 and all(map(np.isfinite, numbers)) else None


def _frequent(count: int, size: int) -> bool:
    return count >= max(SMALLEST_SHARE * size, SMALLEST)


def _negation(row: ExampleDescription) -> str:
    words = (token.lower().replace("\u2019", "'") for token in row.tokens)
    denies = any(word in NEGATIONS or word.endswith("n't") for word in words)
    return "negated" if denies else "not negated"


def _question_word(row: ExampleDescription) -> str:
    if not row.text.rstrip().endswith("?"):
        return "not a question"
    words = (token.lower() for token in row.tokens)
    return next((word for word in words if word in QUESTION_WORDS), "none")


def _eccentricity(tree: Tree) -> str:
    middle = (len(tree) - 1) / 2
    share = abs(tree.parents.index(-1) - middle) / middle if middle else 0.0
    if share <= 1 / 3:
        return "in the middle (up to 1/3)"
    return "between" if share <= 2 / 3 else "near an end (over 2/3)"


def _unknown(share: float) -> str:
    if share == 0:
        return "none"
    return "up to 10 %" if share <= 0.1 else "up to 25 %" if share <= 0.25 else "over 25 %"
