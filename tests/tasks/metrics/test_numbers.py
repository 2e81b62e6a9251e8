"""Metrics of numbers against SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from tasks.metrics import PEARSON, SPEARMAN, Metric, pearson, spearman


def drawn(size: int = 30, seed: int = 0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(size)
    return x, 0.5 * x + rng.standard_normal(size)


def written(numbers) -> list[str]:
    return [repr(float(number)) for number in numbers]


def left_out(metric: Metric[str], x, y):
    """The correlation without each example, from the scores of the jackknife."""
    gold, predictions = written(x), written(y)
    scores, value = metric.scores(gold, predictions), metric(gold, predictions)
    assert scores.mean() == pytest.approx(value, abs=1e-9)
    return scores - scores.mean()


@pytest.mark.parametrize("scale", [1e-200, 1e-8, 1, 1e8, 1e200])
@pytest.mark.parametrize("middle", [0, 1000])
def test_correlations_are_those_of_numbers_of_any_size(scale, middle):
    x, y = (scale * (numbers + middle) for numbers in drawn())
    gold, predictions = written(x), written(y)
    ours, theirs = (numbers / scale for numbers in (x, y))
    assert pearson(gold, predictions) == pytest.approx(stats.pearsonr(ours, theirs)[0], rel=1e-9)
    assert spearman(gold, predictions) == pytest.approx(stats.spearmanr(ours, theirs)[0])


@pytest.mark.parametrize(
    ("metric", "of_scipy"), [(PEARSON, stats.pearsonr), (SPEARMAN, stats.spearmanr)]
)
@pytest.mark.parametrize("outlier", [None, 1e5])
def test_what_an_example_adds(metric, of_scipy, outlier):
    x, y = drawn()
    if outlier:  # nearly all that varies; without it the others are to be seen
        x[3] = y[3] = outlier
    rest = [of_scipy(np.delete(x, place), np.delete(y, place))[0] for place in range(len(x))]
    expected = (len(x) - 1) * (np.mean(rest) - np.array(rest))
    assert left_out(metric, x, y) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("metric", [PEARSON, SPEARMAN])
@pytest.mark.parametrize("constant", [0.0, 0.1, -1e-9, 123456.789])
def test_a_constant_has_no_correlation(metric, constant):
    x, _ = drawn()
    for one, other in ((x, [constant] * 30), ([constant] * 30, x), ([constant] * 30,) * 2):
        assert metric.scores(written(one), written(other)).tolist() == [0.0] * 30
        assert metric(written(one), written(other)) == 0.0


@pytest.mark.parametrize("metric", [PEARSON, SPEARMAN])
@pytest.mark.parametrize("size", [1, 2, 3])
def test_very_few_examples(metric, size):
    gold, predictions = ["1", "2", "4"][:size], ["1.5", "2.5", "2"][:size]
    scores = metric.scores(gold, predictions)
    assert scores.mean() == pytest.approx(metric(gold, predictions), abs=1e-12)
