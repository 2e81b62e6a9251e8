"""How often verdicts on a metric of a whole set are wrong, where all encoders are equal.

``python -m benchmarks.set_metrics`` simulates experiments. What a run finds easy is, for each part of an
example (the example itself, a token, an entity), the sum of what its run, the example, the part, the
encoder on that part, and chance make of it. All encoders are drawn alike, so a difference that is found
is none.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from tasks.console import results
from tasks.data.questions import ROW_SEPARATOR, Question
from tasks.metrics import LAS, MACRO_F1, PEARSON, Metric, entity_f1
from tasks.results.table import text_table
from tasks.results.verdicts import Verdict, decide, mean_scores

__all__ = ["QUESTIONS", "main", "wrong_share"]

Floats: TypeAlias = NDArray[np.float64]
Generator: TypeAlias = np.random.Generator

SIZES = ((2, 5, 300), (5, 3, 500), (5, 5, 500))
"""Encoders, seeds and examples."""

CLASSES = np.array([0.5, 0.25, 0.15, 0.07, 0.03])
"""How frequent the classes are of which macro-F1 is the mean."""


@dataclass(frozen=True)
class Drawn:
    """A test set.

    Attributes:
        gold: The right answers.
        lengths: How many parts each example has.
        answers: Predictions, from how easy each part is.
    """

    gold: list[str]
    lengths: NDArray[np.int64]
    answers: Callable[[Floats], list[str]]


def numbers(generator: Generator, examples: int) -> Drawn:
    """A number for each example."""
    gold = generator.normal(size=examples)

    def answers(ease: Floats) -> list[str]:
        return list(map(str, gold + ease))

    return Drawn(list(map(str, gold)), np.ones(examples, np.int64), answers)


def labels(generator: Generator, examples: int) -> Drawn:
    """One of five classes of very different size."""
    gold, other = generator.choice(len(CLASSES), size=(2, examples), p=CLASSES)

    def answers(ease: Floats) -> list[str]:
        return list(map(str, np.where(ease > -0.7, gold, other)))

    return Drawn(list(map(str, gold)), np.ones(examples, np.int64), answers)


def trees(generator: Generator, examples: int) -> Drawn:
    """The head of each token of sentences of 3 to 25 tokens."""
    lengths = generator.integers(3, 26, size=examples)

    def answers(ease: Floats) -> list[str]:
        arcs = np.where(ease > -1, "0:root", "1:dep")
        return [ROW_SEPARATOR.join(own) for own in np.split(arcs, lengths.cumsum()[:-1])]

    return Drawn(answers(np.zeros(lengths.sum())), lengths, answers)


def entities(generator: Generator, examples: int) -> Drawn:
    """Sentences of 1 to 5 places, at half of which an entity is; what is hard is missed, or made up."""
    lengths = generator.integers(1, 6, size=examples)
    there = generator.random(lengths.sum()) < 0.5

    def answers(ease: Floats) -> list[str]:
        tags = np.where(there == (ease > -1), "B-X", "O")
        return [ROW_SEPARATOR.join(own) for own in np.split(tags, lengths.cumsum()[:-1])]

    return Drawn(answers(np.zeros(lengths.sum())), lengths, answers)


QUESTIONS: dict[str, tuple[Metric[str], Callable[[Generator, int], Drawn]]] = {
    "Pearson's r": (PEARSON, numbers),
    "macro-F1": (MACRO_F1, labels),
    "entity F1": (entity_f1(Question("tokens")), entities),
    "LAS": (LAS, trees),
}


def wrong_share(
    question: str, encoders: int, seeds: int, examples: int, repeats: int, seed: int = 0
) -> float:
    """The share of experiments in which some two encoders that are equal are told apart.

    Args:
        question: One of :data:`QUESTIONS`.
        encoders: How many there are.
        seeds: The runs of each.
        examples: The test examples.
        repeats: The number of experiments.
        seed: Decides what is drawn.
    """
    metric, draw = QUESTIONS[question]
    generator = np.random.default_rng(seed)
    wrong = 0
    for _ in range(repeats):
        drawn = draw(generator, examples)
        parts = int(drawn.lengths.sum())
        alike = np.repeat(0.3 * generator.normal(size=examples), drawn.lengths)
        alike += 0.4 * generator.normal(size=parts)
        scores = {}
        for name in map(str, range(encoders)):
            own = alike + 0.3 * generator.normal(size=parts)
            runs = [
                own + generator.normal(0, 0.03) + generator.normal(0.35, 0.03) * chance
                for chance in generator.normal(size=(seeds, parts))
            ]
            scores[name] = np.array([metric.scores(drawn.gold, drawn.answers(run)) for run in runs])
        sure = all(map(metric.is_right_or_wrong, scores.values()))
        means = mean_scores(scores, right_or_wrong=sure)
        found = decide(means, list(combinations(scores, 2)), draws=1000)
        wrong += any(one.verdict in (Verdict.BETTER, Verdict.WORSE) for one in found)
    return wrong / repeats


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the share for several sizes of each question."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=400, help="experiments of each size")
    parser.add_argument("--questions", default=",".join(QUESTIONS), help="some of these metrics")
    given = parser.parse_args(arguments)
    rows = [
        (name, *map(str, size), f"{100 * wrong_share(name, *size, given.repeats):.1f}")
        for name in given.questions.split(",")
        for size in SIZES
    ]
    header = ("metric", "encoders", "seeds", "examples", "wrong %")
    results.print(text_table("told apart, %", header, rows).to_markdown())


if __name__ == "__main__":
    main()
