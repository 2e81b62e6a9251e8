"""What a metric is: a score of each example, or a value of a whole set."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Never, TypeAlias, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "PERCENT",
    "PLAIN",
    "Answer",
    "AnyMetric",
    "Counts",
    "Floats",
    "Metric",
    "Unit",
    "f1_of",
    "mean_f1_of",
    "metric_of_counts",
    "share",
]

Floats = NDArray[np.float64]


Answer = TypeVar("Answer", contravariant=True)
"""What is predicted: a label, say."""


@dataclass(frozen=True)
class Unit:
    """How values of a metric are written.

    Args:
        factor: What a value is multiplied by: 100 for percent.
        digits: Decimal places.
        symbol: Stands after a value, in the heading of a table or the label of an axis.
        difference: Stands after a difference of two values: percentages differ by points.
    """

    factor: float
    digits: int
    symbol: str = ""
    difference: str = ""

    def text(self, value: float) -> str:
        """The value as a number: ``"91.3"``."""
        return f"{self.factor * value:.{self.digits}f}"

    def full(self, value: float) -> str:
        """The value with its unit: ``"91.3 %"``."""
        return f"{self.text(value)} {self.symbol}".rstrip()

    def signed(self, difference: float) -> str:
        """A difference as a number with its sign: ``"+1.2"``; zero is ``"+0.0"``."""
        return f"{round(self.factor * difference, self.digits) + 0.0:+.{self.digits}f}"

    def distance(self, difference: float) -> str:
        """The size of a difference, with its unit: ``"1.2 points"``."""
        return f"{self.text(abs(difference))} {self.difference}".rstrip()

    def heading(self, name: str) -> str:
        """The heading of a column of values: ``"test %"``."""
        return f"{name} {self.symbol}".rstrip()

    def axis(self, name: str) -> str:
        """The label of an axis of values: ``"test accuracy, %"``."""
        return f"{name}, {self.symbol}" if self.symbol else name


PERCENT = Unit(100, 1, "%", "points")
"""For shares, from 0 to 1."""


PLAIN = Unit(1, 3)
"""For all other numbers."""


@dataclass(frozen=True)
class Metric(Generic[Answer]):
    """A measure of predictions.

    Either each example has a score, and the metric is their mean (accuracy, absolute error); or the
    metric is a function of the whole set (F1, correlations). Exactly one of ``score`` and ``over_set``
    is given.

    Args:
        name: Its name in tables and text: ``"accuracy"``.
        key: Its name in files: ``"macro_f1"``.
        unit: How its values are written.
        score: The score of one example from its gold answer and the predicted one.
        over_set: The value of a set from its gold answers and the predicted ones, in the same order.
        higher_is_better: Whether it is, or lower.
        about: How it is defined, where the name doesn't say so.
        by_example: For a metric over a set one of the same answers in which each example has a score:
            what is said of a few examples, or of one.
        left_out: For a metric over a set its value without each one of the examples, where that is
            quicker than to compute it anew.
        defined: For a metric over a set whether it is defined, by the gold answers; by default it is.
        right_or_wrong: The scores that say of an example that it is right, or that it is wrong: see
            :meth:`is_right_or_wrong`. By default 0 and 1 where each example has a score, and none for a
            metric over a set, whose values of 0 and 1 may mean something else.
        extent: The least and the greatest value that it can have; by default 0 and 1 in percent, and any
            in another unit.

    Raises:
        ValueError: Both of ``score`` and ``over_set`` are given, or none.
    """

    name: str
    key: str
    unit: Unit = PLAIN
    score: Callable[[Answer, Answer], float] | None = None
    over_set: Callable[[Sequence[Answer], Sequence[Answer]], float] | None = None
    higher_is_better: bool = True
    about: str = ""
    by_example: Metric[Answer] | None = None
    left_out: Callable[[Sequence[Answer], Sequence[Answer]], Floats] | None = None
    defined: Callable[[Sequence[Answer]], bool] | None = None
    right_or_wrong: tuple[float, ...] | None = None
    extent: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if (self.score is None) == (self.over_set is None):
            raise ValueError(f"metric {self.name!r} needs exactly one of score and over_set")

    @property
    def sign(self) -> int:
        """1 where higher is better, -1 where lower is: ``sign * value`` is larger for the better."""
        return 1 if self.higher_is_better else -1

    def possible(self, low: float, high: float) -> tuple[float, float]:
        """The part of an interval in which there are values of this metric.

        It holds the true value as often as the whole interval.
        """
        least, most = self.extent or ((0.0, 1.0) if self.unit is PERCENT else (-math.inf, math.inf))
        return min(max(low, least), most), max(min(high, most), least)

    def is_defined(self, gold: Sequence[Answer]) -> bool:
        """Whether it has a value where these are the right answers, which says something of a set."""
        return self.defined is None or self.defined(gold)

    def is_right_or_wrong(self, scores: ArrayLike) -> bool:
        """Whether these scores say of each example that it is right or that it is wrong.

        Their mean is then a share of examples, and has the intervals and tests of one. Numbers alone
        don't tell: predictions that are all the same have a correlation of 0, which is not the share of
        examples that are right; errors of numbers may be 0 and 1 by chance.

        Args:
            scores: Scores of this metric, of whatever shape.
        """
        tells = self.right_or_wrong
        if tells is None:
            tells = (0.0, 1.0) if self.score is not None else ()
        return bool(tells) and bool(np.isin(np.asarray(scores, dtype=float), tells).all())

    def scores(self, gold: Sequence[Answer], predictions: Sequence[Answer]) -> Floats:
        r"""The score of each example; their mean is the value of the set.

        An example has no score of its own in a metric of a whole set. There it is what the example adds
        to the value, by the jackknife: with the value :math:`T` of all :math:`n` examples, and
        :math:`T_{-i}` without one of them,

        .. math:: T + (n - 1) \left( \frac{1}{n} \sum_j T_{-j} - T_{-i} \right)

        whose variance over examples is that of the metric (Tukey 1958; Efron and Stein 1981).

        Args:
            gold: The right answers.
            predictions: The predicted ones, in the same order.

        Returns:
            ``(examples,)``
        """
        pairs = list(zip(gold, predictions, strict=True))
        if self.score is not None:
            return np.array([self.score(wanted, found) for wanted, found in pairs], np.float64)
        if self.left_out is not None:
            left = self.left_out(gold, predictions)
        else:
            without: dict[tuple[Answer, Answer], float] = {}
            for place, pair in enumerate(pairs):
                if pair not in without:  # all examples with the same two answers count the same
                    rest = pairs[:place] + pairs[place + 1 :]
                    without[pair] = self([one for one, _ in rest], [other for _, other in rest])
            left = np.array([without[pair] for pair in pairs], np.float64)
        scores: Floats = self(gold, predictions) + (len(pairs) - 1) * (left.mean() - left)
        return scores

    def __call__(self, gold: Sequence[Answer], predictions: Sequence[Answer]) -> float:
        """The value over a set of examples; see :meth:`scores`."""
        if self.over_set is not None:
            return self.over_set(gold, predictions)
        return float(self.scores(gold, predictions).mean())


AnyMetric: TypeAlias = Metric[Never]
"""A metric of whatever kind of answers, where only its name, unit and direction matter."""


Counts: TypeAlias = Callable[[str, str], Floats]
"""What is counted of one example from its gold answer and the predicted one, ``(counts, ...)``."""


def metric_of_counts(
    name: str,
    key: str,
    counts: Counts,
    value: Callable[[Floats], Floats],
    *,
    about: str,
    by_example: Metric[str] | None = None,
) -> Metric[str]:
    """A metric that is a function of counts, summed over a set: such as hits and tokens.

    An example is not one of the things that are counted, but has several of them: a sentence with its
    tokens. So the metric is over a set, and its jackknife leaves out a whole example at a time.

    Args:
        name: See :class:`Metric`.
        key: See :class:`Metric`.
        counts: What is counted of one example; of all examples the same number of counts.
        value: The metric, from 0 to 1, of each row of counts: ``(rows, counts, ...)`` to ``(rows,)``.
        about: See :class:`Metric`.
        by_example: What is said of one example; by default the metric of its own counts.
    """

    def each(gold: Sequence[str], predictions: Sequence[str]) -> Floats:
        pairs = zip(gold, predictions, strict=True)
        return np.array([counts(wanted, found) for wanted, found in pairs], np.float64)

    def over_set(gold: Sequence[str], predictions: Sequence[str]) -> float:
        return float(value(each(gold, predictions).sum(0)[None])[0]) if gold else 0.0

    def left_out(gold: Sequence[str], predictions: Sequence[str]) -> Floats:
        own = each(gold, predictions)
        return value(own.sum(0) - own)

    def of_one(gold: str, prediction: str) -> float:
        return float(value(counts(gold, prediction)[None])[0])

    return Metric(
        name,
        key,
        PERCENT,
        over_set=over_set,
        about=about,
        by_example=by_example
        or Metric(name, key, PERCENT, score=of_one, about=f"{about}; the mean over examples"),
        left_out=left_out,
        right_or_wrong=(0, 1),
    )


def share(counts: Floats) -> Floats:
    """The share of hits, ``(rows,)``, from hits and all, ``(rows, 2)``; 1 where there are none."""
    hits, of_all = counts[..., 0], counts[..., 1]
    shares: Floats = np.divide(hits, of_all, out=np.ones_like(hits), where=of_all > 0)
    return shares


def f1_of(counts: Floats) -> Floats:
    """F1, ``(rows,)``, from hits, gold and predicted ones, ``(rows, 3)``; 0 where there are none."""
    hits, both = counts[..., 0], counts[..., 1] + counts[..., 2]
    values: Floats = np.divide(2 * hits, both, out=np.zeros_like(hits), where=both > 0)
    return values


def mean_f1_of(counts: Floats) -> Floats:
    """The mean over labels of their F1, ``(rows,)``, from ``(rows, labels, 3)``; see :func:`f1_of`."""
    occurs = counts.sum(-1) > 0  # (rows, labels); others have no F1
    means: Floats = f1_of(counts).sum(-1) / np.maximum(occurs.sum(-1), 1)
    return means
