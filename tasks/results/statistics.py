r"""Means, intervals and tests of saved predictions, by the scores of examples.

All functions are pure. A *matrix of scores* is ``(seeds, examples)``: the score of each test example
in the run of each seed. It may be any number, such as the absolute error of a prediction; for accuracy
it is 1 where the prediction is right and 0 where it is wrong. Functions that hold for such scores
alone say so.

Two things vary: another seed gives another run, and another sample of examples another test set. A
difference is believed if it is large beside **both**, so the verdict of :func:`compare_pairs` is that
of :func:`two_way_test`, corrected for the number of pairs. The other tests are reported beside it:

- :func:`paired_bootstrap` resamples both, and gives the interval of the difference;
- :func:`permutation_test` exchanges the two encoders example by example: it asks whether *these runs*
  would differ on other examples;
- :func:`mcnemar` does so for one run of each, where scores are 0 or 1;
- :func:`almost_stochastic_order` compares the runs' means alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from statistics import fmean, stdev

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tasks.results.metrics import ACCURACY, AnyMetric

__all__ = [
    "Comparison",
    "Difference",
    "OverSeeds",
    "accuracy_interval",
    "almost_stochastic_order",
    "cohens_h",
    "compare_pairs",
    "expected_best",
    "holm",
    "is_binary",
    "mcnemar",
    "mean_interval",
    "minimum_detectable_difference",
    "over_seeds",
    "paired_bootstrap",
    "permutation_test",
    "two_way_test",
]

Floats = NDArray[np.float64]


def is_binary(scores: ArrayLike) -> bool:
    """Whether all scores are 0 or 1, as those of accuracy are."""
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
    """Mean, standard deviation and Student's interval of a value for each seed."""
    from scipy import stats

    mean, count = fmean(values), len(values)
    if count == 1:
        return OverSeeds(mean, None, None, None, 1)
    sd = stdev(values)
    half = float(stats.t.ppf((1 + confidence) / 2, count - 1)) * sd / math.sqrt(count)
    return OverSeeds(mean, sd, mean - half, mean + half, count)


def mean_interval(scores: ArrayLike, confidence: float = 0.95) -> tuple[float, float]:
    r"""The confidence interval of one encoder's mean score, over both seeds and examples.

    For scores of 0 and 1 it is :func:`accuracy_interval`. For others it is Student's,

    .. math:: \bar{a} \pm t \sqrt{s_a^2/S + s_d^2/n}

    with the variances of the runs' means and of the examples' means over seeds, and degrees of freedom
    by Satterthwaite's formula, as in :func:`two_way_test`. With one seed the first term is unknown
    and left out, and nothing is said of other seeds.

    Args:
        scores: Matrix of scores, of at least one example.
        confidence: The share of such intervals that hold the true mean.
    """
    from scipy import stats

    matrix = np.atleast_2d(np.asarray(scores, dtype=float))
    if is_binary(matrix):
        return accuracy_interval(matrix, confidence)
    variance, degrees = _variance(matrix.mean(0), [matrix.mean(1)])
    mean = float(matrix.mean())
    if variance == 0:
        return mean, mean
    half = float(stats.t.ppf((1 + confidence) / 2, degrees)) * math.sqrt(variance)
    return mean - half, mean + half


def accuracy_interval(correct: ArrayLike, confidence: float = 0.95) -> tuple[float, float]:
    r"""The confidence interval of one encoder's mean accuracy, over both seeds and examples.

    It is Wilson's (1927), which holds near 100 % and for the few examples of a slice, with the
    effective number of examples (Korn and Graubard 1998) in place of their number :math:`n`:

    .. math:: n^* = \frac{\bar{a} (1 - \bar{a})}{s_a^2/S + s_d^2/n}

    with the variances of the runs' accuracies and of the examples' means over seeds, as in
    :func:`two_way_test`. Where nothing varies it is :math:`n`. With one seed, nothing is said of
    other seeds. It holds for scores of 0 and 1 alone; see :func:`mean_interval`.

    Args:
        correct: Matrix of scores that are 0 or 1, of at least one example.
        confidence: The share of such intervals that hold the true accuracy.
    """
    from scipy import stats

    matrix = np.atleast_2d(np.asarray(correct, dtype=float))
    seeds, examples = matrix.shape
    mean, size = float(matrix.mean()), float(examples)
    variance = float(matrix.mean(0).var(ddof=1)) / examples if examples > 1 else 0.0
    if seeds > 1:
        variance += float(matrix.mean(1).var(ddof=1)) / seeds
    if variance > 0:
        size = min(mean * (1 - mean) / variance, float(seeds * examples))
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


@dataclass(frozen=True)
class Difference:
    """A difference of two mean scores, with its test.

    Args:
        value: The mean of the first less that of the second.
        standard_error: Its standard error, over seeds and examples.
        p: The probability of a difference at least as large if the true one is zero.
    """

    value: float
    standard_error: float
    p: float


def two_way_test(first: ArrayLike, second: ArrayLike) -> Difference:
    r"""A t-test of a difference of means, over both seeds and examples.

    .. math:: t = \frac{\bar{a} - \bar{b}}{\sqrt{s_a^2/S_a + s_b^2/S_b + s_d^2/n}}

    with the variances :math:`s_a^2, s_b^2` of the means of runs, and :math:`s_d^2` of the
    examples' differences (each the mean over seeds), and degrees of freedom by Satterthwaite's
    formula. This is the idea of Clark's (1973) :math:`\min F'`, with the two encoders' seeds kept
    apart as in Welch's test. It errs on the side of caution: the chance in single predictions
    enters both terms. With one seed the first two terms are unknown and left out, and nothing is
    said of other seeds.

    Args:
        first: Matrix of scores of one encoder.
        second: That of the other; it may have another number of seeds.

    Returns:
        The difference, its standard error and its two-sided p.
    """
    from scipy import stats

    a, b = _matrices(first, second)
    differences = a.mean(0) - b.mean(0)
    difference = float(differences.mean())
    variance, degrees = _variance(differences, [a.mean(1), b.mean(1)])
    if variance == 0:
        return Difference(difference, 0.0, 1.0 if difference == 0 else 0.0)
    error = math.sqrt(variance)
    return Difference(difference, error, 2 * float(stats.t.sf(abs(difference) / error, degrees)))


def permutation_test(
    first: ArrayLike, second: ArrayLike, *, samples: int = 10_000, seed: int = 0
) -> float:
    """Whether the two encoders could be exchanged, example by example.

    Where there is no difference, each example's scores might as well have come from the other
    encoder, all seeds of the example together (for a run that is good is good on many examples).
    The p-value is the share of all those exchanges that give a difference of means at least as large.
    Where scores are whole numbers it is exact, summed over the distribution of that difference;
    otherwise exchanges are sampled. With one seed each, and scores of 0 and 1, it is McNemar's.

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
    if not all(np.array_equal(scores, np.rint(scores)) for scores in (a, b)):
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
    scale = math.lcm(len(a), len(b))
    gains = np.rint(a.mean(0) * scale).astype(int) - np.rint(b.mean(0) * scale).astype(int)
    sizes, counts = np.unique(np.abs(gains[gains != 0]), return_counts=True)
    # How many of the gains of one size keep their sign is binomial; sums convolve.
    distribution = np.ones(1)
    for size, count in zip(sizes.tolist(), counts.tolist(), strict=True):
        kept = np.zeros(size * count + 1)
        kept[::size] = stats.binom.pmf(np.arange(count + 1), count, 0.5)
        distribution = signal.fftconvolve(distribution, kept)
    totals = 2 * np.arange(len(distribution)) - len(distribution) + 1
    p = float(distribution[np.abs(totals) >= abs(int(gains.sum()))].sum())
    return min(max(p, 0.0), 1.0)


def mcnemar(first: ArrayLike, second: ArrayLike) -> float:
    """McNemar's exact test of two runs: of the examples that only one got right, are half the first's?

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


def paired_bootstrap(
    first: ArrayLike,
    second: ArrayLike,
    *,
    confidence: float = 0.95,
    samples: int = 10_000,
    seed: int = 0,
) -> tuple[float, float, float]:
    """The interval of a difference, with examples and seeds resampled (Sellam et al. 2022).

    In each sample the examples are drawn with replacement, the same for both encoders, and the
    seeds of each encoder by themselves. With one seed each, this is the usual paired bootstrap.

    Args:
        first: Matrix of scores of one encoder.
        second: That of the other.
        confidence: The share of samples within the interval.
        samples: How many samples.
        seed: Decides the samples.

    Returns:
        Lower end, upper end (percentiles), and the two-sided p: twice the smaller share of samples
        on either side of no difference.
    """
    a, b = _matrices(first, second)
    a_drawn, b_drawn = _resampled([a, b], samples, seed)
    return _bootstrap_interval(a_drawn, b_drawn, confidence, seed)


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values corrected by Holm's method (1979), which controls the family-wise error rate."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    corrected = [0.0] * len(p_values)
    largest = 0.0
    for rank, i in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[i]))
        corrected[i] = largest
    return corrected


def cohens_h(first: float, second: float) -> float:
    """Cohen's effect size of two shares: 0.2 is small, 0.5 medium, 0.8 large (Cohen 1988, ch. 6).

    It is chosen over *d* because accuracies are shares: two points mean more near 100 % than near
    50 %, and the effect doesn't grow when runs happen to vary little.
    """
    return 2 * math.asin(math.sqrt(first)) - 2 * math.asin(math.sqrt(second))


def almost_stochastic_order(
    first: Sequence[float],
    second: Sequence[float],
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
        level: Significance level of the bound.
        samples: Samples of the bootstrap.
        seed: Decides them.

    Returns:
        The bound, from 0 to 1; 0.5 if all scores are the same.
    """
    from scipy import stats

    a, b = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    rng = np.random.default_rng(seed)
    drawn = _violation(rng.choice(a, size=(samples, len(a))), rng.choice(b, size=(samples, len(b))))
    bound = float(_violation(a, b)) - float(stats.norm.ppf(level)) * float(np.std(drawn))
    return min(max(bound, 0.0), 1.0)


def minimum_detectable_difference(
    standard_error: float, level: float = 0.05, power: float = 0.8
) -> float:
    """The smallest true difference that a test finds with this power.

    Args:
        standard_error: Of the difference, as :func:`two_way_test` gives it.
        level: Significance level, two-sided.
        power: The chance of finding it.
    """
    from scipy import stats

    return float(stats.norm.ppf(1 - level / 2) + stats.norm.ppf(power)) * standard_error


@dataclass(frozen=True)
class Comparison:
    """Two encoders on the same test examples.

    Args:
        first: Name of the one.
        second: Name of the other.
        difference: Mean score of the first less that of the second.
        low: Lower end of the difference's bootstrap interval.
        high: Upper end.
        p: Of :func:`two_way_test`.
        p_corrected: The same corrected by Holm's method over all pairs: it decides the verdict.
        p_permutation: Of :func:`permutation_test`.
        p_bootstrap: Of :func:`paired_bootstrap`.
        p_mcnemar: The median of :func:`mcnemar` over runs of the same rank; None where scores are not
            0 or 1.
        effect: :func:`cohens_h` of the two accuracies; None where scores are not 0 or 1.
        order: :func:`almost_stochastic_order` of the better's means over the other's.
        detectable: :func:`minimum_detectable_difference`.
        examples: How many test examples.
        seeds: How many seeds, the fewer of the two.
        pairs: Over how many pairs the p-value was corrected.
        level: The significance level.
        metric: What the scores are.
    """

    first: str
    second: str
    difference: float
    low: float
    high: float
    p: float
    p_corrected: float
    p_permutation: float
    p_bootstrap: float
    p_mcnemar: float | None
    effect: float | None
    order: float
    detectable: float
    examples: int
    seeds: int
    pairs: int
    level: float
    metric: AnyMetric = ACCURACY

    @property
    def significant(self) -> bool:
        """Whether the corrected p-value is below the level."""
        return self.p_corrected < self.level

    @property
    def verdict(self) -> int:
        """1 where the first is better, -1 where the second is, 0 where neither is significantly."""
        if not self.significant:
            return 0
        return 1 if self.metric.sign * self.difference > 0 else -1

    def reversed(self) -> Comparison:
        """The same of the second and the first."""
        return replace(
            self,
            first=self.second,
            second=self.first,
            difference=-self.difference,
            low=-self.high,
            high=-self.low,
            effect=None if self.effect is None else -self.effect,
        )

    def __str__(self) -> str:
        size = f"n = {self.examples} x {self.seeds} seed{'s' * (self.seeds != 1)}"
        evidence = f"{_p(self.p_corrected)}, {size}"
        if not self.significant:
            return f"{self.first} and {self.second} can't be told apart on this data ({evidence})"
        better, worse = self.first, self.second
        if self.verdict < 0:
            better, worse = worse, better
        sign = 1 if self.difference > 0 else -1
        low, high = sorted((sign * self.low, sign * self.high))
        unit = self.metric.unit
        return (
            f"{better} is better than {worse} on this data by {unit.distance(self.difference)} "
            f"(95 % interval {unit.text(low)} to {unit.text(high)}; {evidence})"
        )


def compare_pairs(
    scores: Mapping[str, ArrayLike],
    *,
    pairs: Iterable[tuple[str, str]] | None = None,
    metric: AnyMetric = ACCURACY,
    level: float = 0.05,
    samples: int = 10_000,
    seed: int = 0,
) -> list[Comparison]:
    """Compare every two encoders; ``str`` of a comparison says the result in words.

    Args:
        scores: For each encoder its matrix of scores, all on the same examples in one order.
        pairs: Which two to compare, where not every two.
        metric: What the scores are: its unit and direction are used.
        level: Significance level of the verdict.
        samples: Samples of the bootstrap.
        seed: Decides them.

    Returns:
        A comparison for each pair, in their order, with p-values corrected together.

    Raises:
        ValueError: The matrices don't fit each other, or have fewer than two examples.
    """
    pairs = list(combinations(scores, 2) if pairs is None else pairs)
    matrices = {name: _matrix(scores[name]) for pair in pairs for name in pair}
    for matrix in matrices.values():
        _check_same_examples(next(iter(matrices.values())), matrix)
    # The same samples of examples for all pairs.
    drawn = dict(zip(matrices, _resampled(list(matrices.values()), samples, seed), strict=True))
    compared = [
        _compare(
            (first, matrices[first], drawn[first]),
            (second, matrices[second], drawn[second]),
            metric,
            level,
            seed,
        )
        for first, second in pairs
    ]
    corrected = holm([comparison.p for comparison in compared])
    return [
        replace(comparison, p_corrected=p, pairs=len(pairs))
        for comparison, p in zip(compared, corrected, strict=True)
    ]


def _compare(
    one: tuple[str, Floats, Floats],
    other: tuple[str, Floats, Floats],
    metric: AnyMetric,
    level: float,
    seed: int,
) -> Comparison:
    (first, a, a_drawn), (second, b, b_drawn) = one, other
    test = two_way_test(a, b)
    low, high, p_bootstrap = _bootstrap_interval(a_drawn, b_drawn, 0.95, seed)
    binary = is_binary(a) and is_binary(b)
    means = [metric.sign * scores.mean(1) for scores in (a, b)]
    if metric.sign * test.value < 0:
        means.reverse()
    return Comparison(
        first=first,
        second=second,
        difference=test.value,
        low=low,
        high=high,
        p=test.p,
        p_corrected=test.p,
        p_permutation=permutation_test(a, b),
        p_bootstrap=p_bootstrap,
        p_mcnemar=float(np.median([mcnemar(x, y) for x, y in zip(a, b, strict=False)]))
        if binary
        else None,
        effect=cohens_h(float(a.mean()), float(b.mean())) if binary else None,
        order=almost_stochastic_order(*means, level=level, seed=seed),
        detectable=minimum_detectable_difference(test.standard_error, level),
        examples=a.shape[1],
        seeds=min(len(a), len(b)),
        pairs=1,
        level=level,
        metric=metric,
    )


def _variance(examples: Floats, runs: Iterable[Floats]) -> tuple[float, float]:
    """Squared standard error of a mean, and its degrees of freedom by Satterthwaite's formula.

    Args:
        examples: A value for each example, which have the mean.
        runs: For each encoder a value for each of its runs.
    """
    terms = [
        (float(values.var(ddof=1)) / len(values), len(values) - 1)
        for values in (examples, *runs)
        if len(values) > 1
    ]
    variance = sum(term for term, _ in terms)
    if variance == 0:
        return 0.0, 1.0
    return variance, variance**2 / sum(term**2 / freedom for term, freedom in terms)


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


def _resampled(matrices: Sequence[Floats], samples: int, seed: int) -> list[Floats]:
    """For each matrix ``(samples, seeds)``: its runs' means on examples drawn anew, the same for all."""
    if not matrices:
        return []
    rng = np.random.default_rng(seed)
    size = matrices[0].shape[1]
    found = [np.empty((samples, len(matrix))) for matrix in matrices]
    # In parts, for the drawn indices of all samples at once would be large.
    step = max(1, 2_000_000 // size)
    for start in range(0, samples, step):
        count = min(step, samples - start)
        cells = rng.integers(size, size=(count, size)) + size * np.arange(count)[:, None]
        weights = np.bincount(cells.ravel(), minlength=count * size).reshape(count, size)
        for means, matrix in zip(found, matrices, strict=True):
            means[start : start + count] = weights.astype(float) @ matrix.T / size
    return found


def _bootstrap_interval(
    first: Floats, second: Floats, confidence: float, seed: int
) -> tuple[float, float, float]:
    """Interval and p of a difference from the means of runs in each sample; draws the runs."""
    rng = np.random.default_rng((seed, 1))
    means = []
    for of_runs in (first, second):
        drawn = rng.integers(of_runs.shape[1], size=of_runs.shape)
        means.append(np.take_along_axis(of_runs, drawn, axis=1).mean(1))
    differences = means[0] - means[1]
    low, high = np.quantile(differences, [(1 - confidence) / 2, (1 + confidence) / 2])
    # Where no sample crosses, p is small and not nothing.
    beyond = min((differences <= 1e-12).sum(), (differences >= -1e-12).sum())
    return float(low), float(high), min(1.0, 2 * (float(beyond) + 1) / (len(differences) + 1))


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
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}" if p < 0.01 else f"p = {p:.2f}"
