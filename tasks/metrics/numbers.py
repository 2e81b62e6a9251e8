"""Metrics of numbers: correlations and errors."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tasks.metrics.metric import Floats, Metric

__all__ = ["MSE", "PEARSON", "SPEARMAN", "pearson", "spearman"]


def _numbers(gold: Sequence[str], predictions: Sequence[str]) -> tuple[Floats, Floats]:
    return np.array(gold, dtype=np.float64), np.array(predictions, dtype=np.float64)


def _correlation(x: Floats, y: Floats) -> float:
    """Pearson's correlation; 0 where one of the two is constant, for which it is not defined."""
    if _is_constant(x) or _is_constant(y):
        return 0.0
    x, y = x - x.mean(), y - y.mean()
    # Of whatever size: squares of very small or large numbers would be 0 or infinite.
    x, y = x / np.abs(x).max(), y / np.abs(y).max()
    return float(np.clip(x @ y / np.sqrt((x @ x) * (y @ y)), -1, 1))


def _is_constant(x: Floats) -> bool:
    """Whether numbers differ by no more than rounding, which is in proportion to them."""
    return len(x) < 2 or float(np.ptp(x)) <= 1e-13 * float(np.abs(x).max())


def _varies(gold: Sequence[str]) -> bool:
    """Whether a correlation with these says something; that with two numbers is always 1, -1 or 0."""
    return len(gold) != 2 and not _is_constant(np.array(gold, dtype=np.float64))


def pearson(gold: Sequence[str], predictions: Sequence[str]) -> float:
    r"""Pearson's correlation of two lists of numbers; 0 where one of them is constant.

    .. math:: r = \frac{\sum_i (x_i - \bar x)(y_i - \bar y)}
        {\sqrt{\sum_i (x_i - \bar x)^2 \sum_i (y_i - \bar y)^2}}
    """
    return _correlation(*_numbers(gold, predictions))


def spearman(gold: Sequence[str], predictions: Sequence[str]) -> float:
    """Spearman's correlation, :func:`pearson` of ranks; 0 where one list is constant.

    Equal numbers share the mean of their ranks.
    """
    x, y = _numbers(gold, predictions)
    return _correlation(_ranks(x), _ranks(y))


def _ranks(x: Floats) -> Floats:
    from scipy.stats import rankdata

    ranks: Floats = rankdata(x)
    return ranks


def _pearson_left_out(gold: Sequence[str], predictions: Sequence[str]) -> Floats:
    """Pearson's correlation without each one of the examples."""
    numbers = _numbers(gold, predictions)
    if any(map(_is_constant, numbers)):
        return np.zeros(len(gold))
    x, y = (of_one - of_one.mean() for of_one in numbers)
    x, y = x / np.abs(x).max(), y / np.abs(y).max()
    # Without an example, the mean of the others moves away from it.
    share = len(x) / (len(x) - 1)
    xx, yy, xy = x @ x - share * x * x, y @ y - share * y * y, x @ y - share * x * y
    # Where one example is nearly all that varies, rounding leaves little of the rest.
    far = (xx < 1e-6 * (x @ x)) | (yy < 1e-6 * (y @ y))
    left: Floats = np.clip(xy / np.sqrt(np.where(far, 1, xx * yy)), -1, 1)
    for place in np.flatnonzero(far):
        left[place] = _correlation(*(np.delete(of_one, place) for of_one in numbers))
    return left


def _spearman_left_out(gold: Sequence[str], predictions: Sequence[str]) -> Floats:
    """Spearman's correlation without each one of the examples."""
    x, y = _numbers(gold, predictions)
    ranks = _ranks(x), _ranks(y)

    def without(place: int) -> float:
        # Whoever was ranked above moves down by one, whoever shared the rank by a half.
        rest = [
            np.delete(rank - (own > own[place]) - 0.5 * (own == own[place]), place)
            for rank, own in zip(ranks, (x, y), strict=True)
        ]
        return _correlation(*rest)

    return np.array([without(place) for place in range(len(x))], np.float64)


MSE: Metric[str] = Metric(
    "MSE",
    "mse",
    score=lambda gold, prediction: (float(gold) - float(prediction)) ** 2,
    higher_is_better=False,
    about="the mean squared error",
    right_or_wrong=(),
    extent=(0.0, math.inf),
)


PEARSON: Metric[str] = Metric(
    "Pearson's r",
    "pearson",
    over_set=pearson,
    by_example=MSE,
    left_out=_pearson_left_out,
    defined=_varies,
    about="the correlation of predicted and gold numbers; constant predictions have 0",
    extent=(-1.0, 1.0),
)


SPEARMAN: Metric[str] = Metric(
    "Spearman's rho",
    "spearman",
    over_set=spearman,
    by_example=MSE,
    left_out=_spearman_left_out,
    defined=_varies,
    about="the correlation of the ranks of predicted and gold numbers; constant predictions have 0",
    extent=(-1.0, 1.0),
)
