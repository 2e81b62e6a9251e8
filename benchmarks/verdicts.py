r"""How often verdicts are wrong, and how often differences are found: simulated experiments.

``python -m benchmarks.verdicts`` prints the tables of docs/experiments.md. In the world that is
simulated an encoder is right on an example if a sum is positive,

.. math:: z_{esi} = \mu_e + b_i + g_{ei} + a_{es} + \varepsilon_{esi}

of what makes the example easy for all encoders, or for this one; of the seed; and of chance. The
standard deviations are such that scores vary as those of the TREC runs in docs/results do: at 88 %, of
the variance of a prediction 29 % are chance and 8 % are of the encoder and the example, and on any
number of examples accuracies would vary by 0.7 points over seeds (1.0 on 500). Where examples come in
groups, the examples of a group share half of the variance of what makes them easy.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from tasks.results.statistics import mean_interval
from tasks.results.verdicts import Verdict, decide, mean_scores

Floats = NDArray[np.float64]

EASY, FOR_ONE, CHANCE = 4.0, 1.0, 1.15
LIKE_TREC, LARGE = 0.15, 0.4  # deviations of a seed
OF_GROUP = 0.5  # share of the variance of what makes an example easy
MARGIN = 0.01


@dataclass(frozen=True)
class World:
    """What is simulated.

    Attributes:
        encoders: Number of encoders.
        seeds: Number of seeds of each.
        examples: Number of test examples.
        deviation: Standard deviation of the seeds' part, of each encoder or of all.
        accuracy: Of the encoders that are equal.
        better: By how many points the first encoder is better than the others.
        groups: Where examples come in groups, how many are in each, the first ones first.
    """

    encoders: int
    seeds: int
    examples: int
    deviation: float | tuple[float, ...] = LIKE_TREC
    accuracy: float = 0.88
    better: float = 0.0
    groups: tuple[int, ...] = ()

    @property
    def clusters(self) -> list[int] | None:
        """The group of each example; None where each is drawn by itself."""
        if not self.groups:
            return None
        return np.repeat(range(len(self.groups)), self.groups).tolist()

    def draw(self, rng: np.random.Generator) -> Floats:
        """``(encoders, seeds, examples)``: whether each prediction is right."""
        deviations = np.broadcast_to(np.asarray(self.deviation, float), (self.encoders,))
        total = np.sqrt(EASY**2 + FOR_ONE**2 + CHANCE**2 + deviations**2)
        accuracy = np.full(self.encoders, self.accuracy)
        accuracy[0] += self.better / 100
        z = (stats.norm.ppf(accuracy) * total)[:, None, None]
        z = z + EASY * self._draw_ease(rng, ())
        z = z + FOR_ONE * self._draw_ease(rng, (self.encoders, 1))
        z = z + deviations[:, None, None] * rng.standard_normal((self.encoders, self.seeds, 1))
        z = z + CHANCE * rng.standard_normal((self.encoders, self.seeds, self.examples))
        return (z > 0).astype(float)

    def _draw_ease(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
        """``(*shape, examples)``, of variance 1."""
        own = rng.standard_normal((*shape, self.examples))
        if not self.groups:
            return own
        of_groups = rng.standard_normal((*shape, len(self.groups)))
        shared = np.repeat(of_groups, self.groups, axis=-1)
        return math.sqrt(OF_GROUP) * shared + math.sqrt(1 - OF_GROUP) * own


@dataclass(frozen=True)
class Outcome:
    """Shares of experiments, in percent.

    Attributes:
        wrong: Some pair of equal encoders is told apart.
        found: The better encoder is told from one of the others (mean over those pairs).
        covered: The interval of a pair holds the true difference (mean over all pairs).
        equal: A pair of equal encoders is said to be equal (mean over those pairs).
        falsely_equal: Some pair that differs by the margin or more is said to be equal.
        detectable: The median of the differences said to be found four times in five, in points.
        alone: The interval of the last encoder's accuracy holds the true one.
    """

    wrong: float
    found: float
    covered: float
    equal: float
    falsely_equal: float
    detectable: float
    alone: float


def simulate(world: World, repeats: int, draws: int = 2000, seed: int = 0) -> Outcome:
    """Repeat an experiment and count what its verdicts say."""
    rng = np.random.default_rng(seed)
    names = [f"e{number}" for number in range(world.encoders)]
    pairs = list(combinations(names, 2))
    counts = np.zeros(6)
    detectable = []
    for repeat in range(repeats):
        drawn = world.draw(rng)
        means = mean_scores(dict(zip(names, drawn, strict=True)), world.clusters)
        decisions = decide(means, pairs, margin=MARGIN, draws=draws, seed=repeat)
        true = [world.better / 100 if pair[0] == names[0] else 0.0 for pair in pairs]
        apart = np.array([d.low > 0 or d.high < 0 for d in decisions])
        better = np.array([d.low > 0 for d in decisions])
        equal = np.array([d.verdict is Verdict.EQUAL for d in decisions])
        covered = [d.low <= t <= d.high for d, t in zip(decisions, true, strict=True)]
        same = np.array([t == 0 for t in true])
        low, high = mean_interval(drawn[-1], clusters=world.clusters)
        counts += [
            (apart & same).any(),
            better[~same].mean() if (~same).any() else 0,
            np.mean(covered),
            equal[same].mean() if same.any() else 0,
            (equal & (np.abs(true) >= MARGIN)).any(),
            low <= world.accuracy <= high,
        ]
        detectable.append(np.median([d.detectable for d in decisions]))
    *shares, alone = map(float, 100 * counts / repeats)
    return Outcome(*shares, 100 * float(np.median(detectable)), alone)


def worlds_of_examples() -> Iterable[World]:
    """The rows of the first table, equal encoders first."""
    uneven = (0.0, 0.05, 0.15, 0.4, 0.4)
    worlds = [World(5, seeds, 500) for seeds in (2, 3, 5, 10)]
    worlds += [World(encoders, 5, 500) for encoders in (2, 12)]
    worlds += [World(5, 5, examples) for examples in (200, 2000)]
    worlds += [World(5, seeds, 500, LARGE, 0.75) for seeds in (3, 5)]
    worlds += [World(5, seeds, 500, uneven) for seeds in (3, 5)]
    for seeds in (3, 5, 10):
        worlds += [World(5, seeds, 500, better=4.0), World(12, seeds, 500, better=4.0)]
    worlds += [World(2, 5, 500, better=4.0), World(5, 5, 2000, better=2.0)]
    return [*worlds, World(5, 5, 200, better=4.0), World(5, 5, 2000, better=1.0)]


def worlds_of_groups() -> Iterable[World]:
    """The rows of the second table: few examples, and few or unequal groups of examples."""
    for examples in (20, 50, 100):
        yield World(5, 5, examples)
    halves = (80, *[4] * 20)
    for groups in ((20,) * 8, (5,) * 40, halves, (100, 50, 25, *[5] * 20), (5,) * 200):
        yield World(5, 5, sum(groups), groups=groups)


def described(groups: tuple[int, ...]) -> str:
    """Groups as words, one kind of size after the other."""
    sizes = dict.fromkeys(groups)
    return ", ".join(f"{groups.count(size)} of {size}" for size in sizes) or "none"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table, in Markdown."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=2000, help="experiments simulated for a row")
    repeats = parser.parse_args(arguments).repeats
    print(
        "| encoders | seeds | examples | seed deviation | better by | wrong % | found % | covered % | "
        "said equal % | falsely equal % | detectable |"
    )
    print("|" + " --- |" * 11)
    for world in worlds_of_examples():
        outcome = simulate(world, repeats)
        print(
            f"| {world.encoders} | {world.seeds} | {world.examples} | {world.deviation} | "
            f"{world.better:g} | {outcome.wrong:.1f} | "
            f"{format(outcome.found, '.0f') if world.better else '-'} | {outcome.covered:.1f} | "
            f"{outcome.equal:.0f} | {outcome.falsely_equal:.1f} | {outcome.detectable:.1f} |",
            flush=True,
        )
    print("\n| examples | groups | wrong % | one encoder covered % |")
    print("|" + " --- |" * 4)
    for world in worlds_of_groups():
        outcome = simulate(world, repeats)
        print(
            f"| {world.examples} | {described(world.groups)} | {outcome.wrong:.1f} | "
            f"{outcome.alone:.1f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
