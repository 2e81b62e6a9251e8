"""How often verdicts on a correlation are wrong, where all encoders are equal.

``python -m benchmarks.correlations`` simulates experiments on a question whose answer is a number. A
prediction is the gold number with a weight of its own run, what all encoders make of an example alike,
what one encoder makes of it, and chance. All encoders are drawn alike, so a difference that is found
is none.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from itertools import combinations

import numpy as np

from tasks.console import results
from tasks.metrics import PEARSON
from tasks.results.table import text_table
from tasks.results.verdicts import Verdict, decide, mean_scores

__all__ = ["main", "wrong_share"]

SIZES = ((2, 5, 300), (5, 3, 500), (5, 5, 500), (5, 5, 2000))
"""Encoders, seeds and examples."""


def wrong_share(encoders: int, seeds: int, examples: int, repeats: int, seed: int = 0) -> float:
    """The share of experiments in which some two encoders that are equal are told apart.

    Args:
        encoders: How many there are.
        seeds: The runs of each.
        examples: The test examples.
        repeats: The number of experiments.
        seed: Decides what is drawn.
    """
    generator = np.random.default_rng(seed)
    wrong = 0
    for _ in range(repeats):
        gold, alike = generator.normal(size=(2, examples))
        answers = list(map(str, gold))
        scores = {}
        for name in map(str, range(encoders)):
            own = 0.3 * generator.normal(size=examples)
            rows = [
                generator.normal(1, 0.06) * gold
                + 0.5 * alike
                + own
                + 0.35 * generator.normal(size=examples)
                for _ in range(seeds)
            ]
            scores[name] = np.array([PEARSON.scores(answers, list(map(str, row))) for row in rows])
        found = decide(mean_scores(scores), list(combinations(scores, 2)), draws=1000)
        wrong += any(one.verdict in (Verdict.BETTER, Verdict.WORSE) for one in found)
    return wrong / repeats


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the share for several sizes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=400, help="experiments of each size")
    repeats = parser.parse_args(arguments).repeats
    rows = [(*map(str, size), f"{100 * wrong_share(*size, repeats):.1f}") for size in SIZES]
    table = text_table("told apart, %", ("encoders", "seeds", "examples", "wrong"), rows)
    results.print(table.to_markdown())


if __name__ == "__main__":
    main()
