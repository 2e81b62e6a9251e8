r"""Which difference an experiment will find, before it is run.

What decides is how much scores vary. It is taken from the runs in docs/results: of the variance
:math:`p (1 - p)` of a prediction that is right or wrong, 29 % are chance that another seed changes and
8 % are of examples that are harder for one encoder than for others; and on any number of examples the
accuracy of a run would vary by 0.7 points over seeds.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np

from tasks.results.verdicts import Decision, MeanScores, decide

__all__ = ["expected_decision"]

CHANCE, OWN, RUN = 0.29, 0.08, 0.007
ACCURACY = 0.85


def expected_decision(
    encoders: int, seeds: int, examples: int, *, reference: bool = False
) -> Decision:
    """What is decided of two encoders that are equal, in an experiment that varies as ours do.

    Args:
        encoders: Number of encoders, at least two.
        seeds: Number of seeds of each.
        examples: Number of test examples, or of clusters of them; at least two.
        reference: Whether each is compared with one alone, in place of every two.

    Returns:
        The decision; its attributes ``detectable`` and ``detectable_with_any_seeds`` are the answer.
    """
    of_one = ACCURACY * (1 - ACCURACY)
    of_chance = CHANCE * of_one / (seeds * examples)
    shared = (1 - CHANCE - OWN) * of_one / examples
    names = tuple(f"{number}" for number in range(encoders))
    means = MeanScores(
        names=names,
        means=np.full(encoders, ACCURACY),
        seeds=np.full(encoders, seeds),
        examples=examples,
        of_examples=np.full((encoders, encoders), shared)
        + np.diag(np.full(encoders, OWN * of_one / examples + of_chance)),
        of_runs=np.full(encoders, RUN**2 + of_chance * seeds),
        of_chance=np.full(encoders, of_chance),
        least=0.0,
        least_of_examples=0.0,
    )
    pairs = [(names[0], other) for other in names[1:]] if reference else combinations(names, 2)
    return decide(means, pairs)[0]
