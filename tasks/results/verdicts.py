r"""Which encoders are better, which are equal to within a margin, and what can't be decided.

An encoder has a matrix of scores with a row for each seed and a column for each test example; its mean
score varies for three reasons: another seed gives another run, another sample of examples another test
set, and a run's score on one example is partly chance:

.. math:: y_{esi} = \mu_e + a_{es} + b_{ei} + \varepsilon_{esi}

:class:`MeanScores` holds the mean scores and what their covariance is made of,

.. math:: \mathrm{Cov}(\bar y_e, \bar y_f) = \frac{1}{n} \mathrm{Cov}(b_e, b_f)
    + [e = f] \left( \frac{\sigma_{a,e}^2}{S_e} + \frac{\sigma_{\varepsilon,e}^2}{S_e n} \right)

and :func:`decide` compares pairs of encoders. Standard error, p-value, interval, verdict and the
smallest difference that would be found follow from that matrix and from one critical value, so they
never contradict each other. The level holds for all pairs of a call together: the critical value is
that of the most extreme pair among those still undecided (step-down max-T, Westfall and Young 1993).
Its distribution is that of experiments like this one, means and variances drawn anew, in which all
encoders are equal.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from structnn.ranges import Range

__all__ = [
    "Decision",
    "MeanScores",
    "Verdict",
    "check_share",
    "decide",
    "mean_scores",
    "numbered",
    "squeeze_variances",
    "summed",
]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FEWEST_SEEDS = 3
"""With fewer seeds there is no verdict: their spread is not known well enough."""

_SHARE = Range(above=0, below=1)

MANY_EXAMPLES = 200
"""From so many on, other samples have nearly the same variance: intervals differ by under 1 %."""


class Verdict(StrEnum):
    """What can be said of a difference of two encoders."""

    BETTER = "better"
    """The first is better than the second: the interval is above 0."""
    WORSE = "worse"
    """The first is worse than the second: the interval is below 0."""
    EQUAL = "equal"
    """The difference is smaller than the margin: the interval lies within it."""
    UNDECIDED = "undecided"
    """The interval reaches from 0 to beyond the margin."""
    NONE = "none"
    """Too few seeds for a verdict."""

    @property
    def reversed(self) -> Verdict:
        """The verdict of the second and the first."""
        swapped = {Verdict.BETTER: Verdict.WORSE, Verdict.WORSE: Verdict.BETTER}
        return swapped.get(self, self)


@dataclass(frozen=True)
class MeanScores:
    """The mean scores of encoders, and how they vary.

    Attributes:
        names: The encoders.
        means: ``(encoders,)``, the mean over seeds and examples.
        seeds: ``(encoders,)``, the number of seeds.
        examples: Number of examples, or of clusters of examples.
        of_examples: ``(encoders, encoders)``: the covariance of the means over other examples. It
            contains the chance in single scores, divided by the seeds.
        of_runs: ``(encoders,)``: the variance of the mean of one run over other seeds. It contains the
            same chance, not divided.
        of_chance: ``(encoders,)``: that chance, divided by the seeds. It counts once.
        least: Smaller variances over seeds are not known: means are rounded to the number of examples.
        least_of_examples: The same of differences over examples, where scores are right or wrong: as if
            two examples more were told apart, one by each encoder (Bonett and Price 2012).
        effective: Where clusters are of unequal size, how many of equal size would tell as much; None
            for ``examples``.
    """

    names: tuple[str, ...]
    means: Floats
    seeds: NDArray[np.int64]
    examples: int
    of_examples: Floats
    of_runs: Floats
    of_chance: Floats
    least: float
    least_of_examples: float
    effective: float | None = None

    @property
    def degrees_of_examples(self) -> float:
        """The degrees of freedom of variances over examples."""
        return max((self.effective or self.examples) - 1.0, 1.0)

    @property
    def degrees(self) -> Floats:
        """``(encoders,)``: the degrees of freedom of ``of_runs``."""
        degrees: Floats = np.maximum(self.seeds - 1.0, 1.0)
        return degrees

    def parts(self, first: Ints, second: Ints) -> tuple[Floats, Floats]:
        """What the variance of a difference of means is made of.

        Args:
            first: ``(pairs,)``, the one encoder of each pair.
            second: ``(pairs,)``, the other.

        Returns:
            ``(pairs,)`` each: the part that other examples make, which more seeds leave as it is; and
            the part that other seeds make, which falls with their number.
        """
        squeezed, _ = squeeze_variances(np.maximum(self.of_runs[None], self.least), self.degrees)
        seeds = squeezed[0] / self.seeds
        examples = self._of_differences(first, second)
        chance = self.of_chance[first] + self.of_chance[second]
        known = np.maximum(examples - chance, self.least_of_examples)
        return known, seeds[first] + seeds[second]

    def _of_differences(self, first: Ints, second: Ints) -> Floats:
        """``(pairs,)``, the variance of differences of means over other examples."""
        own = np.diag(self.of_examples)
        variances: Floats = own[first] + own[second] - 2 * self.of_examples[first, second]
        return variances

    def errors(
        self, first: Ints, second: Ints, of_runs: Floats, of_examples: Floats | None = None
    ) -> tuple[Floats, Floats]:
        """Standard errors of differences of means, and their degrees of freedom.

        The variances over seeds are estimated from a few runs of each encoder, so those of all
        encoders support each other: see :func:`squeeze_variances`. Where the estimates of the parts
        don't fit each other, the largest part counts alone. Degrees of freedom are by Satterthwaite's
        formula.

        Args:
            first: ``(pairs,)``, the one encoder of each pair.
            second: ``(pairs,)``, the other.
            of_runs: ``(repeats, encoders)``: ``of_runs`` of this or of other experiments.
            of_examples: ``(repeats, pairs)``: of those experiments the variances of differences over
                examples; by default those of this one.

        Returns:
            ``(repeats, pairs)`` each.
        """
        squeezed, degrees = squeeze_variances(np.maximum(of_runs, self.least), self.degrees)
        squeezed = squeezed / self.seeds
        examples = self._of_differences(first, second) if of_examples is None else of_examples
        seeds = squeezed[:, first] + squeezed[:, second]
        variance = examples + seeds - self.of_chance[first] - self.of_chance[second]
        variance = np.maximum(variance, np.maximum(examples, seeds))
        share = squeezed**2 / degrees
        spread = examples**2 / self.degrees_of_examples + share[:, first] + share[:, second]
        return np.sqrt(variance), variance**2 / spread


def mean_scores(
    scores: Mapping[str, ArrayLike],
    clusters: Sequence[Hashable] | None = None,
    *,
    right_or_wrong: bool | None = None,
) -> MeanScores:
    """The mean scores of encoders and their covariance.

    Args:
        scores: For each encoder ``(seeds, examples)``, all on the same examples in one order.
        clusters: For each example what it belongs to, where examples come in groups (pairs of
            sentences, several questions to one text): other samples then have other groups.
        right_or_wrong: Whether scores are 1 and 0 (or -1, where lower is better) as examples are right
            or wrong: :meth:`tasks.metrics.Metric.is_right_or_wrong` knows. By default all scores are
            taken for such if they have these values.

    Raises:
        ValueError: The matrices don't fit each other, or have fewer than two examples.
    """
    matrices = {name: np.atleast_2d(np.asarray(given, float)) for name, given in scores.items()}
    sizes = {matrix.shape[1] for matrix in matrices.values()}
    if len(sizes) != 1 or min(sizes) < 2:
        raise ValueError(
            f"scores must be of the same examples, at least two, but are of {sorted(sizes)} examples"
        )
    (examples,) = sizes
    groups = np.arange(examples)
    if clusters is not None:
        if len(clusters) != examples:
            raise ValueError(f"there are {len(clusters)} clusters' names for {examples} examples")
        groups = numbered(clusters)
    count = int(groups.max()) + 1
    if count < 2:
        raise ValueError("all examples are of one cluster, so nothing is known of others")
    binary = right_or_wrong
    if binary is None:
        # Where lower is better, scores have the other sign.
        binary = any(
            all(((matrix == 0) | (matrix == one)).all() for matrix in matrices.values())
            for one in (1, -1)
        )
    shares = np.bincount(groups) / examples
    # A cluster moves the mean that it deviates from (Bell and McCaffrey 2002); of clusters of one
    # size it is the variance of a sample.
    correction = 1 / (1 - shares)
    over_seeds = np.stack([matrix.mean(0) for matrix in matrices.values()])
    means = over_seeds.mean(1)
    deviations = summed((over_seeds - means[:, None]) / examples, groups)
    of_examples = correction * deviations @ deviations.T
    if binary:
        of_examples = _with_rare_differences(of_examples, over_seeds, groups)
    seeds = np.array([len(matrix) for matrix in matrices.values()])
    variances, of_chance = np.zeros(len(seeds)), np.zeros(len(seeds))
    for row, matrix in enumerate(matrices.values()):
        runs = matrix.mean(1)
        if len(runs) > 1:
            variances[row] = runs.var(ddof=1)
            residuals = matrix - runs[:, None] - matrix.mean(0) + runs.mean()
            chance = (correction * summed(residuals / examples, groups) ** 2).sum() / (
                len(runs) - 1
            )
            of_chance[row] = chance / len(runs)
    largest = 1.0 if binary else max(float(np.ptp(matrix)) for matrix in matrices.values())
    return MeanScores(
        names=tuple(matrices),
        means=means,
        seeds=seeds,
        examples=count,
        of_examples=of_examples,
        of_runs=variances,
        of_chance=of_chance,
        least=max(largest, 1e-6) ** 2 / (12 * examples**2),
        least_of_examples=2 / (count + 2) ** 2 if binary else 0.0,
        effective=float(1 / (shares @ shares)),
    )


def _with_rare_differences(covariance: Floats, scores: Floats, groups: Ints) -> Floats:
    """The covariance enlarged for encoders that fewer than two clusters of examples tell apart.

    That none did doesn't say that none ever will.

    Args:
        covariance: ``(encoders, encoders)``, of the means over other examples.
        scores: ``(encoders, examples)``, the means over seeds.
        groups: ``(examples,)``, the cluster of each.
    """
    of_one = 1 / (int(groups.max()) + 3) ** 2
    own = np.diag(covariance)
    variances = own[:, None] + own - 2 * covariance
    missing = np.zeros_like(variances)
    for one, other in np.argwhere(np.triu(variances < 2 * of_one, 1)):
        told_apart = len(np.unique(groups[scores[one] != scores[other]]))
        least = max(2 - told_apart, 0) * of_one
        missing[one, other] = missing[other, one] = max(least - variances[one, other], 0)
    enlarged: Floats = covariance + np.diag(missing.max(1) / 2)
    return enlarged


def squeeze_variances(variances: Floats, degrees: Floats) -> tuple[Floats, Floats]:
    r"""Variances moved towards each other as far as they look alike (Smyth 2004).

    .. math:: \tilde s_e^2 = \frac{d_0 s_0^2 + d_e s_e^2}{d_0 + d_e}

    A scaled *F* distribution with the degrees of freedom :math:`d_0` and the common variance
    :math:`s_0^2` is fitted to the logarithms of the variances: where they differ no more than chance
    lets them, :math:`d_0` is infinite and all variances become their mean; where they differ much, it
    is small and each stays as it was.

    Args:
        variances: ``(repeats, groups)``, above 0; the groups of a repeat are moved together.
        degrees: ``(groups,)``, the degrees of freedom of each.

    Returns:
        The variances, and the degrees of freedom of each, at most those of all groups together;
        ``(repeats, groups)`` both.
    """
    from scipy import special

    repeats, groups = variances.shape
    if groups < 2:
        return variances, np.broadcast_to(degrees, variances.shape)
    total = float(degrees.sum())
    logs = np.log(variances) - special.digamma(degrees / 2) + np.log(degrees / 2)
    beyond_chance = logs.var(axis=1, ddof=1) - special.polygamma(1, degrees / 2).mean()
    differ = beyond_chance > 0
    pooled = (variances * degrees).sum(1) / total
    squeezed = np.repeat(pooled[:, None], groups, axis=1)
    freedom = np.full((repeats, groups), total)
    if differ.any():
        prior = 2 * _inverse_trigamma(beyond_chance[differ])
        common = np.exp(logs[differ].mean(1) + special.digamma(prior / 2) - np.log(prior / 2))
        joint = prior[:, None] + degrees
        own = degrees * variances[differ]
        squeezed[differ] = ((prior * common)[:, None] + own) / joint
        freedom[differ] = np.minimum(joint, total)
    return squeezed, freedom


@dataclass(frozen=True)
class Decision:
    """The comparison of two encoders.

    Attributes:
        first: Name of the one.
        second: Name of the other.
        difference: Mean score of the first less that of the second.
        low: Lower end of the interval of the difference, at the level at which the pair was decided.
        high: Upper end.
        p: The p-value of no difference, all pairs considered.
        detectable: The true difference that such an experiment finds four times in five.
        detectable_with_any_seeds: The same with more seeds than anyone has.
        verdict: See :class:`Verdict`.
    """

    first: str
    second: str
    difference: float
    low: float
    high: float
    p: float
    detectable: float
    detectable_with_any_seeds: float
    verdict: Verdict


def decide(
    means: MeanScores,
    pairs: Iterable[tuple[str, str]],
    *,
    margin: float = 0.01,
    level: float = 0.05,
    power: float = 0.8,
    draws: int = 10_000,
    seed: int = 0,
) -> list[Decision]:
    """Compare pairs of encoders; all pairs together are wrong in about ``level`` of experiments.

    Args:
        means: The mean scores.
        pairs: Names of the encoders to compare.
        margin: A difference smaller than this counts as none, in the units of the scores.
        level: The share of experiments in which any two encoders of equal mean may be told apart, above
            0 and below 1.
        power: With which chance a difference of the size ``detectable`` is found, above 0 and below 1.
        draws: How many experiments are drawn.
        seed: Decides what is drawn.

    Raises:
        ValueError: ``level`` or ``power`` is not in its range.
    """
    from scipy import stats

    check_share("level", level)
    check_share("power", power)
    pairs = list(pairs)
    if not pairs:
        return []
    place = {name: number for number, name in enumerate(means.names)}
    one, other = np.array([(place[first], place[second]) for first, second in pairs]).T
    differences = means.means[one] - means.means[other]
    all_errors, all_degrees = means.errors(one, other, means.of_runs[None])
    errors, degrees = all_errors[0], all_degrees[0]
    p = 2 * stats.t.sf(np.abs(differences) / errors, degrees)
    order = np.argsort(p, kind="stable")
    # Of each experiment drawn, the smallest p among the pairs from each place of the order on.
    drawn = _p_of_equal_encoders(means, one, other, draws, seed)[:, order]
    smallest = np.minimum.accumulate(drawn[:, ::-1], axis=1)[:, ::-1]
    levels = np.quantile(smallest, level, axis=0)
    decided = np.logical_and.accumulate(p[order] <= levels)
    # Pairs behind the first that is undecided are held to its level.
    levels[~decided] = levels[~decided][:1]
    shares = (1 + (smallest <= p[order]).sum(0)) / (1 + len(smallest))
    shares = np.maximum.accumulate(shares)
    shares = np.where(
        decided, np.minimum(shares, np.nextafter(level, 0)), np.maximum(shares, level)
    )
    corrected, used = np.empty(len(pairs)), np.empty(len(pairs))
    corrected[order], used[order] = shares, levels
    halves = stats.t.isf(used / 2, degrees) * errors
    strictest = np.quantile(smallest[:, 0], level)
    found = (stats.t.isf(strictest / 2, degrees) + stats.t.ppf(power, degrees)) * errors
    of_examples, of_seeds = means.parts(one, other)
    share = np.sqrt(of_examples / (of_examples + of_seeds))
    decisions = [
        Decision(
            first=first,
            second=second,
            difference=float(differences[number]),
            low=float(differences[number] - halves[number]),
            high=float(differences[number] + halves[number]),
            p=float(corrected[number]),
            detectable=float(found[number]),
            detectable_with_any_seeds=float(share[number] * found[number]),
            verdict=Verdict.NONE,
        )
        for number, (first, second) in enumerate(pairs)
    ]
    enough = np.minimum(means.seeds[one], means.seeds[other]) >= FEWEST_SEEDS
    return [
        replace(decision, verdict=_verdict(decision, margin)) if sure else decision
        for decision, sure in zip(decisions, enough, strict=True)
    ]


def _verdict(decision: Decision, margin: float) -> Verdict:
    if decision.low > 0:
        return Verdict.BETTER
    if decision.high < 0:
        return Verdict.WORSE
    if -margin < decision.low and decision.high < margin:
        return Verdict.EQUAL
    return Verdict.UNDECIDED


def _p_of_equal_encoders(
    means: MeanScores, one: Ints, other: Ints, draws: int, seed: int
) -> Floats:
    """``(draws, pairs)``: p-values in experiments like this one in which all encoders are equal."""
    from scipy import stats

    rng = np.random.default_rng(seed)
    squeezed, _ = squeeze_variances(np.maximum(means.of_runs[None], means.least), means.degrees)
    of_seeds = np.maximum(squeezed[0] / means.seeds - means.of_chance, 0)
    values, vectors = np.linalg.eigh(means.of_examples + np.diag(of_seeds))
    factor = vectors * np.sqrt(np.clip(values, 0, None))
    drawn = rng.standard_normal((draws, len(values))) @ factor.T
    spread = rng.chisquare(means.degrees, size=drawn.shape) / means.degrees
    of_examples = None
    if means.degrees_of_examples < MANY_EXAMPLES:
        of_examples = _drawn_differences(means, one, other, draws, rng)
    errors, degrees = means.errors(one, other, squeezed * spread, of_examples)
    p: Floats = 2 * stats.t.sf(np.abs(drawn[:, one] - drawn[:, other]) / errors, degrees)
    return p


def _drawn_differences(
    means: MeanScores, one: Ints, other: Ints, draws: int, rng: np.random.Generator
) -> Floats:
    """``(draws, pairs)``: variances of differences over examples, as other samples would have them.

    They are of covariances with Wishart's distribution, drawn by Bartlett's decomposition.
    """
    values, vectors = np.linalg.eigh(means.of_examples)
    factor = vectors * np.sqrt(np.clip(values, 0, None))
    degrees = max(round(means.degrees_of_examples), 1)
    drawn = np.zeros((draws, len(one)))
    for row in range(min(degrees, len(values))):
        part = rng.standard_normal((draws, len(values)))
        if degrees >= len(values):
            part[:, :row] = 0
            part[:, row] = np.sqrt(rng.chisquare(degrees - row, draws))
        moved = part @ factor.T
        drawn += (moved[:, one] - moved[:, other]) ** 2
    of_differences: Floats = drawn / degrees
    return of_differences


def check_share(name: str, value: float) -> None:
    """Check a share of experiments, such as a level of confidence.

    At 1 an interval would be all numbers, and at 0 a point: neither says anything.

    Args:
        name: Its argument, for the message.
        value: What was given.

    Raises:
        ValueError: It is not above 0 and below 1.
    """
    if value not in _SHARE:
        advice = f"; for {value:g} % give {value / 100:g}" if 1 < value < 100 else ""
        raise ValueError(f"{name} must be {_SHARE}, not {value}{advice}")


def summed(rows: Floats, groups: Ints) -> Floats:
    """``(rows, examples)`` to ``(rows, clusters)``, given the number of each example's cluster."""
    of_groups = np.zeros((int(groups.max()) + 1, len(rows)))
    np.add.at(of_groups, groups, rows.T)
    return of_groups.T


def numbered(clusters: Sequence[Hashable]) -> NDArray[np.int64]:
    """For each example the number of its cluster, from 0, in the order of their first examples."""
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(cluster, len(numbers)) for cluster in clusters])


def _inverse_trigamma(values: Floats) -> Floats:
    """The arguments at which the trigamma function has these values, by Newton's method."""
    from scipy import special

    arguments = 0.5 + 1 / values
    for _ in range(20):  # from below, and faster than quadratically in the end
        at = special.polygamma(1, arguments)
        arguments = arguments + at * (1 - at / values) / special.polygamma(2, arguments)
    return arguments
