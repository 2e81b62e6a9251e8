"""Metrics of numbers: correlations and errors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tasks.metrics.metric import Floats, Metric

__all__ = ["MSE", "PEARSON", "SPEARMAN", "pearson", "spearman"]


def _numbers(gold: Sequence[str], predictions: Sequence[str]) -> tuple[Floats, Floats]:
    return np.array(gold, dtype=np.float64), np.array(predictions, dtype=np.float64)


def _correlation(x: Floats, y: Floats) -> float:
    """Pearson's correlation; 0 where one of the two is constant, for which it is not defined."""
    x, y = x - x.mean(), y - y.mean()
    norm = float(np.sqrt((x @ x) * (y @ y)))
    # Of a constant rounding leaves something, in proportion to it.
    constant = norm <= 1e-12 * max(1.0, float(np.abs(x).max() * np.abs(y).max())) * len(x)
    return 0.0 if constant else float(np.clip(x @ y / norm, -1, 1))


def pearson(gold: Sequence[str], predictions: Sequence[str]) -> float:
    """Pearson's correlation of two lists of numbers; 0 where one of them is constant."""
    return _correlation(*_numbers(gold, predictions))


def spearman(gold: Sequence[str], predictions: Sequence[str]) -> float:
    """The correlation of ranks, those of equal numbers averaged; 0 where one list is constant."""
    x, y = _numbers(gold, predictions)
    return _correlation(_ranks(x), _ranks(y))


def _ranks(x: Floats) -> Floats:
    from scipy.stats import rankdata

    ranks: Floats = rankdata(x)
    return ranks


def _pearson_left_out(gold: Sequence[str], predictions: Sequence[str]) -> Floats:
    """Pearson's correlation without each one of the examples."""
    x, y = _numbers(gold, predictions)
    x, y = x - x.mean(), y - y.mean()
    n = len(x) - 1
    sums = {
        "x": x.sum() - x,
        "y": y.sum() - y,
        "xx": x @ x - x * x,
        "yy": y @ y - y * y,
        "xy": x @ y - x * y,
    }
    products = n * sums["xy"] - sums["x"] * sums["y"]
    norms = (n * sums["xx"] - sums["x"] ** 2) * (n * sums["yy"] - sums["y"] ** 2)
    tiny = 1e-12 * max(float(norms.max(initial=0.0)), 1e-300)
    safe = np.where(norms > tiny, norms, np.inf)
    left: Floats = np.clip(products / np.sqrt(safe), -1, 1)
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
)


PEARSON: Metric[str] = Metric(
    "Pearson's r",
    "pearson",
    over_set=pearson,
    by_example=MSE,
    left_out=_pearson_left_out,
    about="the correlation of predicted and gold numbers; constant predictions have 0",
)


SPEARMAN: Metric[str] = Metric(
    "Spearman's rho",
    "spearman",
    over_set=spearman,
    by_example=MSE,
    left_out=_spearman_left_out,
    about="the correlation of the ranks of predicted and gold numbers; constant predictions have 0",
)
