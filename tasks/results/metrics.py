"""Metrics: what is measured of predictions, example by example or over a whole set."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Never, TypeAlias, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "ACCURACY",
    "MACRO_F1",
    "MCC",
    "PERCENT",
    "PLAIN",
    "AnyMetric",
    "Metric",
    "Unit",
    "calibration_error",
    "class_f1",
    "macro_f1",
    "matthews",
    "mean_absolute_error",
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
    """

    name: str
    key: str
    unit: Unit = PLAIN
    score: Callable[[Answer, Answer], float] | None = None
    over_set: Callable[[Sequence[Answer], Sequence[Answer]], float] | None = None
    higher_is_better: bool = True
    about: str = ""

    def __post_init__(self) -> None:
        if (self.score is None) == (self.over_set is None):
            raise ValueError(f"metric {self.name!r} needs exactly one of score and over_set")

    @property
    def sign(self) -> int:
        """1 where higher is better, -1 where lower is: ``sign * value`` is larger for the better."""
        return 1 if self.higher_is_better else -1

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


def class_f1(gold: Sequence[str], predictions: Sequence[str]) -> dict[str, float]:
    """F1 of each label that occurs in ``gold`` or in ``predictions``."""
    from sklearn.metrics import f1_score

    labels = sorted({*gold, *predictions})
    scores = f1_score(list(gold), list(predictions), labels=labels, average=None, zero_division=0.0)
    return dict(zip(labels, map(float, scores), strict=True))


def macro_f1(gold: Sequence[str], predictions: Sequence[str]) -> float:
    """The unweighted mean of :func:`class_f1` over labels."""
    return float(np.mean(list(class_f1(gold, predictions).values())))


ACCURACY: Metric[object] = Metric(
    "accuracy",
    "accuracy",
    PERCENT,
    score=lambda gold, prediction: float(gold == prediction),
    about="the share of examples that are right",
)


def matthews(gold: Sequence[str], predictions: Sequence[str]) -> float:
    """Matthews' correlation coefficient; for several labels Gorodkin's (2004)."""
    from sklearn.metrics import matthews_corrcoef

    if len({*gold}) == 1 or len({*predictions}) == 1:  # by its definition, without a warning
        return 0.0
    return float(matthews_corrcoef(list(gold), list(predictions)))


MACRO_F1: Metric[str] = Metric(
    "macro-F1",
    "macro_f1",
    PERCENT,
    over_set=macro_f1,
    about="the unweighted mean of the labels' F1, in percent",
)


MCC: Metric[str] = Metric(
    "MCC",
    "mcc",
    over_set=matthews,
    about="Matthews' correlation coefficient; a constant prediction has 0",
)


def mean_absolute_error(labels: Sequence[str]) -> Metric[str]:
    """The mean absolute error, for labels that are a scale: the distance counts in steps of it.

    Args:
        labels: The labels in the order of the scale.
    """
    step = {label: position for position, label in enumerate(labels)}
    return Metric(
        "abs. error",
        "mean_absolute_error",
        score=lambda gold, prediction: float(abs(step[gold] - step[prediction])),
        higher_is_better=False,
        about="mean absolute error, in steps of the scale of labels",
    )


def calibration_error(correct: ArrayLike, confidence: ArrayLike, bins: int = 15) -> float:
    """Expected calibration error (Guo et al. 2017): how far confidence is from accuracy.

    Args:
        correct: For each example, whether the prediction is right.
        confidence: The probability that the model gave to its prediction.
        bins: Number of intervals of confidence, equally wide.

    Returns:
        The distance of mean confidence and accuracy within each interval, weighted by its examples.
    """
    right, confident = np.asarray(correct, dtype=float), np.asarray(confidence, dtype=float)
    interval = np.clip(np.ceil(confident * bins).astype(int) - 1, 0, bins - 1)
    gaps = np.bincount(interval, right - confident, minlength=bins)
    return float(np.abs(gaps).sum() / len(right))
