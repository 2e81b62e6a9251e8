r"""Means, intervals and tests of saved predictions, by the scores of examples.

All functions are pure. A *matrix of scores* is ``(seeds, examples)``: the score of each test example
in the run of each seed. It may be any number, such as the absolute error of a prediction; for accuracy
it is 1 where the prediction is right and 0 where it is wrong. Functions that hold for such scores
alone say so.

Two things vary: another seed gives another run, and another sample of examples another test set. A
difference is believed if it is large beside **both**: :mod:`tasks.results.verdicts` decides, and
:func:`compare_pairs` puts beside the decision what else is asked of two encoders:

- :func:`permutation_test` exchanges the two encoders example by example: it asks whether *these runs*
  would differ on other examples;
- :func:`mcnemar` does so for one run of each, where scores are 0 or 1;
- :func:`almost_stochastic_order` compares the runs' means alone.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from statistics import fmean, stdev

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tasks.data.examples import counted
from tasks.metrics import ACCURACY, AnyMetric, Unit
from tasks.results.verdicts import (
    FEWEST_SEEDS,
    Verdict,
    check_share,
    decide,
    mean_scores,
    numbered,
    summed,
)

__all__ = [
    "Comparison",
    "OverSeeds",
    "accuracy_interval",
    "almost_stochastic_order",
    "cohens_h",
    "compare_pairs",
    "expected_best",
    "is_binary",
    "mcnemar",
    "mean_interval",
    "over_seeds",
    "permutation_test",
]

Floats = NDArray[np.float64]

ORDER_SEEDS = 5
"""With fewer seeds stochastic order is not told: the bootstrap knows too little of the distributions."""

_LONGEST_SUM = 10**7
"""The sizes of gains times their sum: with more, the exact distribution takes seconds and gigabytes."""


def is_binary(scores: ArrayLike) -> bool:
    """Whether all scores are 0 or 1, as those of accuracy are.

    Other metrics may have these values too: :meth:`tasks.metrics.Metric.is_right_or_wrong` says what
    they mean.
    """
    values = np.asarray(scores, dtype=float)
    return bool(((values == 0) | (values == 1)).all())


@dataclass(frozen=True)
class OverSeeds:
    """A value over several seeds.

    Args:
        mean: Its mean.
        sd: Its sample standard deviation; None with one seed.
        low: Lower end of the confidence interval of the mean; None with one seed.
        high: Upper end.
        seeds: How many seeds.
    """

    mean: float
    sd: float | None
    low: float | None
    high: float | None
    seeds: int


def over_seeds(values: Sequence[float], confidence: float = 0.95) -> OverSeeds:
    r"""Mean, standard deviation and Student's interval of a value for each seed.

    .. math:: \bar{v} \pm t \, s / \sqrt{S}

    with the sample standard deviation *s* of the *S* seeds, and the quantile *t* of Student's
    distribution with *S* - 1 degrees of freedom.

    Args:
        values: The value of each seed.
        confidence: The share of such intervals that hold the true mean, above 0 and below 1.

    Raises:
        ValueError: ``confidence`` is not in its range.
    """
    from scipy import stats

    check_share("confidence", confidence)
    mean, count = fmean(values), len(values)
    if count == 1:
        return OverSeeds(mean, None, None, None, 1)
    sd = stdev(values)
    half = float(stats.t.ppf((1 + confidence) / 2, count - 1)) * sd / math.sqrt(count)
    return OverSeeds(mean, sd, mean - half, mean + half, count)


def mean_interval(
    scores: ArrayLike,
    confidence: float = 0.95,
    clusters: Sequence[Hashable] | None = None,
    *,
    right_or_wrong: bool | None = None,
) -> tuple[float, float]:
    r"""The confidence interval of one encoder's mean score, over both seeds and examples.

    For scores of right and wrong it is :func:`accuracy_interval`. For others it is Student's,

    .. math:: \bar{a} \pm t \sqrt{s_a^2/S + s_d^2/n}

    with the variances of the runs' means and of the examples' means over seeds (of groups of examples
    as in :func:`tasks.results.verdicts.mean_scores`), and degrees of freedom by Satterthwaite's formula.
    With one seed the first term is unknown and left out, and nothing is said of other seeds.

    Args:
        scores: Matrix of scores, of at least one example.
        confidence: The share of such intervals that hold the true mean, above 0 and below 1.
        clusters: See :func:`tasks.results.verdicts.mean_scores`.
        right_or_wrong: Whether scores are 1 and 0 as examples are right or wrong:
            :meth:`tasks.metrics.Metric.is_right_or_wrong` knows. By default scores that are all 0 or 1
            are taken for such.

    Raises:
        ValueError: ``confidence`` is not in its range.
    """
    from scipy import stats

    check_share("confidence", confidence)
    matrix = np.atleast_2d(np.asarray(scores, dtype=float))
    if is_binary(matrix) if right_or_wrong is None else right_or_wrong:
        return accuracy_interval(matrix, confidence, clusters)
    variance, degrees, _ = _variance(matrix, clusters)
    mean = float(matrix.mean())
    if variance == 0:
        return mean, mean
    half = float(stats.t.ppf((1 + confidence) / 2, degrees)) * math.sqrt(variance)
    return mean - half, mean + half


def accuracy_interval(
    correct: ArrayLike,
    confidence: float = 0.95,
    clusters: Sequence[Hashable] | None = None,
) -> tuple[float, float]:
    r"""The confidence interval of one encoder's mean accuracy, over both seeds and examples.

    It is Wilson's (1927), which holds near 100 % and for the few examples of a slice, with the
    effective number of examples (Korn and Graubard 1998) in place of their number :math:`n`:

    .. math:: n^* = \frac{\bar{a} (1 - \bar{a})}{s_a^2/S + s_d^2/n}
        \left( \frac{t_{n-1}}{t_d} \right)^2

    with the variances of the runs' accuracies and of the examples' means over seeds, and quantiles of
    Student's distribution: with the degrees of freedom of the variance, *d*, which are few where runs
    or groups of examples are few, it is less certain than that of *n* examples. Where nothing varies
    it is :math:`n`; or, where examples come in groups, the number of groups of equal size that tell as
    much, whose variance is then that of examples. With one seed, nothing is said of other seeds. It
    holds for scores of 0 and 1 alone; see :func:`mean_interval`.

    Args:
        correct: Matrix of scores that are 0 or 1, of at least one example.
        confidence: The share of such intervals that hold the true accuracy, above 0 and below 1.
        clusters: See :func:`tasks.results.verdicts.mean_scores`.

    Raises:
        ValueError: ``confidence`` is not in its range.
    """
    from scipy import stats

    check_share("confidence", confidence)
    matrix = np.atleast_2d(np.asarray(correct, dtype=float))
    seeds, examples = matrix.shape
    variance, degrees, effective = _variance(matrix, clusters)
    mean, size = float(matrix.mean()), effective
    if effective > 1 and variance > 0:
        size = min(mean * (1 - mean) / variance, float(seeds * examples))
        certain, uncertain = stats.t.ppf((1 + confidence) / 2, [examples - 1, degrees])
        size *= float(min(certain / uncertain, 1)) ** 2
    elif effective > 1 and 0 < mean < 1:  # groups that all have the same share
        size = float(examples)
    z = float(stats.norm.ppf((1 + confidence) / 2))
    middle = (mean + z**2 / (2 * size)) / (1 + z**2 / size)
    half = z / (1 + z**2 / size) * math.sqrt(mean * (1 - mean) / size + z**2 / (4 * size**2))
    return max(middle - half, 0.0), min(middle + half, 1.0)


def expected_best(scores: Sequence[float]) -> list[float]:
    r"""The best score to expect of 1, 2, ... trials of a random search (Dodge et al. 2019).

    .. math:: E[v^*_n] = \sum_i v_{(i)} \left( (i/N)^n - ((i-1)/N)^n \right)

    over the :math:`N` scores found, sorted: the mean of the best of :math:`n` draws from them.

    Args:
        scores: The dev score of each trial.

    Returns:
        A value for each number of trials, up to as many as there were.
    """
    ordered = np.sort(np.asarray(scores, dtype=float))
    ranks = np.arange(len(ordered) + 1) / len(ordered)
    return [float(np.diff(ranks**trials) @ ordered) for trials in range(1, len(ordered) + 1)]


def permutation_test(
    first: ArrayLike, second: ArrayLike, *, samples: int = 10_000, seed: int = 0
) -> float:
    """Whether the two encoders could be exchanged, example by example.

    Where there is no difference, each example's scores might as well have come from the other
    encoder, all seeds of the example together (for a run that is good is good on many examples).
    The p-value is the share of all those exchanges that give a difference of means at least as large.
    Where scores are whole numbers, and not so large that it would take long, it is exact, summed over
    the distribution of that difference; otherwise exchanges are sampled. With one seed each, and
    scores of 0 and 1, it is McNemar's.

    Args:
        first: Matrix of scores of one encoder.
        second: That of the other.
        samples: How many exchanges are sampled, where they are.
        seed: Decides them.

    Returns:
        The two-sided p.
    """
    from scipy import signal, stats

    a, b = _matrices(first, second)
    scale = math.lcm(len(a), len(b))
    gains = np.rint(a.mean(0) * scale) - np.rint(b.mean(0) * scale)
    sizes, counts = np.unique(np.abs(gains[gains != 0]), return_counts=True)
    whole = all(np.array_equal(scores, np.rint(scores)) for scores in (a, b))
    if not whole or len(sizes) * float(sizes @ counts) > _LONGEST_SUM:
        sampled = stats.permutation_test(
            (a.mean(0) - b.mean(0),),
            lambda gains, axis: gains.mean(axis),
            permutation_type="samples",
            vectorized=True,
            n_resamples=samples,
            batch=1000,
            random_state=np.random.default_rng(seed),
        )
        return float(sampled.pvalue)
    # How many of the gains of one size keep their sign is binomial; sums convolve.
    distribution = np.ones(1)
    for size, count in zip(sizes.astype(int).tolist(), counts.tolist(), strict=True):
        kept = np.zeros(size * count + 1)
        kept[::size] = stats.binom.pmf(np.arange(count + 1), count, 0.5)
        distribution = signal.fftconvolve(distribution, kept)
    totals = 2 * np.arange(len(distribution)) - len(distribution) + 1
    p = float(distribution[np.abs(totals) >= abs(int(gains.sum()))].sum())
    return min(max(p, 0.0), 1.0)


def mcnemar(first: ArrayLike, second: ArrayLike) -> float:
    r"""McNemar's exact test of two runs: of the examples that only one got right, are half the first's?

    .. math:: p = \min\Bigl(1, \; 2 \sum_{k \le \min(b, c)} \binom{b + c}{k} 2^{-(b + c)}\Bigr)

    where *b* examples are right in the first run alone, and *c* in the second.

    Args:
        first: For each example, whether the one run was right: scores are 0 or 1.
        second: The same for the other.

    Returns:
        The two-sided p.

    Raises:
        ValueError: Some score is neither 0 nor 1.
    """
    from scipy import stats

    if not (is_binary(first) and is_binary(second)):
        raise ValueError("McNemar's test is for right and wrong: scores must be 0 or 1")
    a, b = np.asarray(first, dtype=bool), np.asarray(second, dtype=bool)
    only_first, only_second = int((a & ~b).sum()), int((b & ~a).sum())
    if only_first + only_second == 0:
        return 1.0
    return float(stats.binomtest(only_first, only_first + only_second).pvalue)


def cohens_h(first: float, second: float) -> float:
    r"""Cohen's effect size of two shares: 0.2 is small, 0.5 medium, 0.8 large (Cohen 1988, ch. 6).

    .. math:: h = 2 \arcsin \sqrt{p_1} - 2 \arcsin \sqrt{p_2}

    It is chosen over *d* because accuracies are shares: two points mean more near 100 % than near
    50 %, and the effect doesn't grow when runs happen to vary little.
    """
    return 2 * math.asin(math.sqrt(first)) - 2 * math.asin(math.sqrt(second))


def almost_stochastic_order(
    first: ArrayLike,
    second: ArrayLike,
    *,
    level: float = 0.05,
    samples: int = 1000,
    seed: int = 0,
) -> float:
    r"""How far the scores of the first are from being higher at every quantile (Dror et al. 2019).

    .. math:: \varepsilon = \frac{\int_{F^{-1} < G^{-1}} (F^{-1} - G^{-1})^2}{\int (F^{-1} - G^{-1})^2}

    is 0 if the first's scores are higher at every quantile and 1 if the second's are; its upper
    confidence bound is returned, with the standard error by bootstrap. Below 0.5 the first is almost
    stochastically better; below 0.2 it is so with few errors (Ulmer et al. 2022). With three or five
    seeds the bootstrap knows little of the distributions: read it as a description.

    Args:
        first: A score for each seed of the first.
        second: The same for the second.
        level: Significance level of the bound, above 0 and below 1.
        samples: Samples of the bootstrap.
        seed: Decides them.

    Returns:
        The bound, from 0 to 1; 0.5 if all scores are the same.

    Raises:
        ValueError: ``level`` is not in its range.
    """
    from scipy import stats

    check_share("level", level)
    a, b = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    rng = np.random.default_rng(seed)
    drawn = _violation(rng.choice(a, size=(samples, len(a))), rng.choice(b, size=(samples, len(b))))
    bound = float(_violation(a, b)) - float(stats.norm.ppf(level)) * float(np.std(drawn))
    return min(max(bound, 0.0), 1.0)


@dataclass(frozen=True)
class Comparison:
    """Two encoders on the same test examples.

    Args:
        first: Name of the one.
        second: Name of the other.
        difference: Mean score of the first less that of the second.
        low: Lower end of the difference's interval, which holds for all pairs together.
        high: Upper end.
        p: Of no difference, all pairs considered.
        verdict: What can be said; the better is the one with the better score, be it higher or lower.
        margin: The difference, in units of the scores, that counts as none.
        detectable: The true difference that is found four times in five.
        detectable_with_any_seeds: The same with more seeds than anyone has: only more test examples
            could show less.
        p_permutation: Of :func:`permutation_test`, which exchanges groups as a whole.
        p_mcnemar: The median of :func:`mcnemar` over runs of the same rank; None where scores don't say
            right or wrong, or examples come in groups.
        effect: :func:`cohens_h` of the two accuracies; None where scores don't say right or wrong.
        order: :func:`almost_stochastic_order` of the better's means over the other's; None with fewer
            than five seeds.
        examples: How many test examples.
        clusters: How many groups they come in; as many as examples where each stands for itself.
        seeds: How many seeds, the fewer of the two.
        pairs: How many pairs were decided together.
        level: The share of experiments in which any two of them may be told apart wrongly.
        metric: What the scores are.
    """

    first: str
    second: str
    difference: float
    low: float
    high: float
    p: float
    verdict: Verdict
    margin: float
    detectable: float
    detectable_with_any_seeds: float
    p_permutation: float
    p_mcnemar: float | None
    effect: float | None
    order: float | None
    examples: int
    clusters: int
    seeds: int
    pairs: int
    level: float
    metric: AnyMetric = ACCURACY

    @property
    def told_apart(self) -> bool:
        """Whether one of the two is better."""
        return self.verdict in (Verdict.BETTER, Verdict.WORSE)

    @property
    def gain(self) -> tuple[float, float, float]:
        """What the first has more than the second, or less where that is better; its interval's ends."""
        low, high = sorted((self.metric.sign * self.low, self.metric.sign * self.high))
        return self.metric.sign * self.difference, low, high

    @property
    def size(self) -> str:
        """Of how many examples and seeds it is; of how many groups, where examples come in some."""
        groups = f" in {self.clusters} groups" if self.clusters < self.examples else ""
        return f"n = {self.examples}{groups} x {counted(self.seeds, 'seed')}"

    @property
    def least_detectable(self) -> str | None:
        """``detectable_with_any_seeds`` in words; None where examples vary too little to tell.

        There it is 0, or is rounded to it, but no number of seeds finds a difference of nothing.
        """
        least = self.metric.unit.distance(self.detectable_with_any_seeds)
        return None if least == self.metric.unit.distance(0) else least

    def detectable_with(self, seeds: int) -> float:
        """The true difference that would be found four times in five with so many seeds, about."""
        floor = self.detectable_with_any_seeds
        return math.sqrt(floor**2 + (self.detectable**2 - floor**2) * self.seeds / seeds)

    def reversed(self) -> Comparison:
        """The same of the second and the first."""
        return replace(
            self,
            first=self.second,
            second=self.first,
            difference=-self.difference,
            low=-self.high,
            high=-self.low,
            verdict=self.verdict.reversed,
            effect=None if self.effect is None else -self.effect,
        )

    def __str__(self) -> str:
        names, unit = f"{self.first} and {self.second}", self.metric.unit
        size = self.size
        interval = f"{_end(unit, self.low)} to {_end(unit, self.high)}"
        if self.verdict is Verdict.NONE:
            return (
                f"{names} differ by {unit.distance(self.difference)} in these runs; a verdict takes "
                f"{FEWEST_SEEDS} seeds ({size})"
            )
        if self.verdict is Verdict.EQUAL:
            return (
                f"{names} are equal to within {unit.distance(self.margin)} on this data "
                f"(95 % interval of the difference {interval}; {size})"
            )
        if self.verdict is Verdict.UNDECIDED:
            return (
                f"{names}: undecided on this data (difference {unit.signed(self.difference)}, "
                f"95 % interval {interval}; {_p(self.p)}, {size})"
            )
        better = self if self.verdict is Verdict.BETTER else self.reversed()
        _, low, high = better.gain
        return (
            f"{better.first} is better than {better.second} on this data by "
            f"{unit.distance(self.difference)} (95 % interval {_end(unit, low).removeprefix('+')} to "
            f"{_end(unit, high).removeprefix('+')}; "
            f"{_p(self.p)}, {size})"
        )


def compare_pairs(
    scores: Mapping[str, ArrayLike],
    *,
    pairs: Iterable[tuple[str, str]] | None = None,
    metric: AnyMetric = ACCURACY,
    margin: float = 0.01,
    clusters: Sequence[Hashable] | None = None,
    level: float = 0.05,
    seed: int = 0,
) -> list[Comparison]:
    """Compare every two encoders; ``str`` of a comparison says the result in words.

    Args:
        scores: For each encoder its matrix of scores, all on the same examples in one order.
        pairs: Which two to compare, where not every two.
        metric: What the scores are: its unit, its direction, and whether they say right or wrong.
        margin: See :func:`tasks.results.verdicts.decide`.
        clusters: See :func:`tasks.results.verdicts.mean_scores`.
        level: Significance level of the verdicts, all pairs together, above 0 and below 1.
        seed: Decides what is drawn.

    Returns:
        A comparison for each pair, in their order, decided together.

    Raises:
        ValueError: The matrices don't fit each other, or have fewer than two examples; or ``level`` is
            not in its range.
    """
    check_share("level", level)
    pairs = list(combinations(scores, 2) if pairs is None else pairs)
    matrices = {name: _matrix(scores[name]) for pair in pairs for name in pair}
    if not matrices:
        return []
    for matrix in matrices.values():
        _check_same_examples(next(iter(matrices.values())), matrix)
    signed = {name: metric.sign * matrix for name, matrix in matrices.items()}
    sure = metric.is_right_or_wrong(np.concatenate([m.ravel() for m in matrices.values()]))
    means = mean_scores(signed, clusters, right_or_wrong=sure)
    together = means.examples < next(iter(matrices.values())).shape[1]
    decisions = decide(means, pairs, margin=margin, level=level, seed=seed)
    found = []
    for decision in decisions:
        a, b = matrices[decision.first], matrices[decision.second]
        binary = metric.is_right_or_wrong(a) and metric.is_right_or_wrong(b)
        low, high = sorted((metric.sign * decision.low, metric.sign * decision.high))
        found.append(
            Comparison(
                first=decision.first,
                second=decision.second,
                difference=metric.sign * decision.difference,
                low=low,
                high=high,
                p=decision.p,
                verdict=decision.verdict,
                margin=margin,
                detectable=decision.detectable,
                detectable_with_any_seeds=decision.detectable_with_any_seeds,
                p_permutation=permutation_test(_sums(a, clusters), _sums(b, clusters)),
                p_mcnemar=_median_mcnemar(a, b) if binary and not together else None,
                effect=cohens_h(float(a.mean()), float(b.mean())) if binary else None,
                order=_order(signed[decision.first], signed[decision.second], level, seed),
                examples=a.shape[1],
                clusters=means.examples,
                seeds=min(len(a), len(b)),
                pairs=len(pairs),
                level=level,
                metric=metric,
            )
        )
    return found


def _sums(scores: Floats, clusters: Sequence[Hashable] | None) -> Floats:
    """``(seeds, examples)`` to ``(seeds, clusters)``."""
    return scores if clusters is None else summed(scores, numbered(clusters))


def _median_mcnemar(a: Floats, b: Floats) -> float:
    return float(np.median([mcnemar(x, y) for x, y in zip(a, b, strict=False)]))


def _order(a: Floats, b: Floats, level: float, seed: int) -> float | None:
    """The stochastic order of the better over the other, where seeds are enough."""
    if min(len(a), len(b)) < ORDER_SEEDS:
        return None
    better, other = (a, b) if a.mean() >= b.mean() else (b, a)
    return almost_stochastic_order(better.mean(1), other.mean(1), level=level, seed=seed)


def _variance(matrix: Floats, clusters: Sequence[Hashable] | None) -> tuple[float, float, float]:
    """How uncertain the mean of a matrix of scores is.

    Returns:
        Its squared standard error, the degrees of freedom of that by Satterthwaite's formula, and the
        number of examples, or of groups of equal size that would tell as much.
    """
    seeds, examples = matrix.shape
    of_seeds = float(matrix.mean(1).var(ddof=1)) / seeds if seeds > 1 else 0.0
    terms = [(of_seeds, seeds - 1)]
    effective = 1.0
    if len(set(range(examples) if clusters is None else clusters)) > 1:
        means = mean_scores({"": matrix}, clusters)
        effective = means.effective or float(means.examples)
        terms.append((float(means.of_examples[0, 0]), means.degrees_of_examples))
    terms = [(term, degrees) for term, degrees in terms if term > 0]
    variance = sum(term for term, _ in terms)
    spread = sum(term**2 / degrees for term, degrees in terms)
    return variance, variance**2 / spread if spread else 1.0, effective


def _matrices(first: ArrayLike, second: ArrayLike) -> tuple[Floats, Floats]:
    a, b = _matrix(first), _matrix(second)
    _check_same_examples(a, b)
    return a, b


def _matrix(values: ArrayLike) -> Floats:
    matrix = np.atleast_2d(np.asarray(values, dtype=float))
    if matrix.ndim != 2 or matrix.shape[0] < 1 or matrix.shape[1] < 2:
        raise ValueError(
            f"a matrix of scores is (seeds, examples) with at least two examples, not "
            f"{matrix.shape}"
        )
    return matrix


def _check_same_examples(a: Floats, b: Floats) -> None:
    if a.shape[1] != b.shape[1]:
        raise ValueError(
            f"the two were tested on {a.shape[1]} and {b.shape[1]} examples; compare them on the same"
        )


def _violation(a: Floats, b: Floats) -> Floats:
    """The share of the squared distance of two quantile functions where the first is the lower.

    Scores are along the last dimension; 0.5 where the two functions are the same.
    """
    # Both are steps: between these levels neither changes.
    m, n = a.shape[-1], b.shape[-1]
    levels = np.union1d(np.arange(m + 1) / m, np.arange(n + 1) / n)
    levels = levels[np.append(True, np.diff(levels) > 1e-12)]
    middles, widths = (levels[1:] + levels[:-1]) / 2, np.diff(levels)
    ours = np.sort(a, axis=-1)[..., (middles * m).astype(int)]
    theirs = np.sort(b, axis=-1)[..., (middles * n).astype(int)]
    squares = widths * (ours - theirs) ** 2
    total, lower = squares.sum(-1), np.where(ours < theirs, squares, 0.0).sum(-1)
    shares: Floats = np.where(total > 0, lower / np.where(total > 0, total, 1.0), 0.5)
    return shares


def _p(p: float) -> str:
    """Two digits, and three where two would not show on which side of a level it is."""
    if p < 0.001:
        return "p < 0.001"
    return f"p = {p:.3f}" if p < 0.01 or 0.045 <= p < 0.055 else f"p = {p:.2f}"


def _end(unit: Unit, end: float) -> str:
    """An end of an interval with its sign; with more digits where it would be rounded to 0."""
    digits = unit.digits
    while 0 < abs(unit.factor * end) < 0.5 * 10**-digits and digits < unit.digits + 2:
        digits += 1
    return replace(unit, digits=digits).signed(end)
