"""Metrics of labels: accuracy, F1, correlation, calibration."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from tasks.data.examples import quote
from tasks.data.questions import PLAIN_QUESTION, Question
from tasks.metrics.metric import PERCENT, Floats, Metric, f1_of, mean_f1_of, metric_of_counts
from tasks.options import OptionError

__all__ = [
    "ACCURACY",
    "EXACT",
    "MACRO_F1",
    "MCC",
    "MICRO_F1",
    "calibration_error",
    "class_f1",
    "f1_without",
    "macro_f1",
    "matthews",
    "mean_absolute_error",
    "micro_f1",
]


def class_f1(
    gold: Sequence[str], predictions: Sequence[str], question: Question = PLAIN_QUESTION
) -> dict[str, float]:
    r"""F1 of each label that occurs in ``gold`` or in ``predictions``.

    .. math:: F_1 = 2 \cdot \mathrm{hits} / (\mathrm{gold} + \mathrm{predicted})

    Args:
        gold: The right answers.
        predictions: The predicted ones.
        question: What was asked: an answer may have several labels.
    """
    counts = _counts(gold, predictions, question)
    return {label: _f1(*counts[label]) for label in sorted(counts)}


def _counts(
    gold: Sequence[str], predictions: Sequence[str], question: Question
) -> dict[str, tuple[int, int, int]]:
    """For each label how often it is predicted rightly, how often it is right, and predicted."""
    wanted, found, hits = Counter[str](), Counter[str](), Counter[str]()
    for one, other in zip(gold, predictions, strict=True):
        right, said = question.labels_in(one), question.labels_in(question.masked(one, other))
        wanted.update(right)
        found.update(said)
        if question.has_parts:
            pairs = question.compared(one, other)
            hits.update(label for label, (a, b) in zip(right, pairs, strict=True) if a == b)
        else:
            hits.update(set(right) & set(said))
    return {label: (hits[label], wanted[label], found[label]) for label in wanted | found}


def _f1(hits: int, wanted: int, found: int) -> float:
    return 2 * hits / (wanted + found) if wanted + found else 0.0


def macro_f1(
    gold: Sequence[str], predictions: Sequence[str], question: Question = PLAIN_QUESTION
) -> float:
    """The unweighted mean of :func:`class_f1` over labels."""
    values = class_f1(gold, predictions, question).values()
    return float(np.mean(list(values))) if values else 0.0


def micro_f1(
    gold: Sequence[str], predictions: Sequence[str], question: Question = PLAIN_QUESTION
) -> float:
    """F1 over all labels of all examples together."""
    counts = _counts(gold, predictions, question).values()
    return _f1(*map(sum, zip(*counts, strict=True))) if counts else 0.0


ACCURACY: Metric[object] = Metric(
    "accuracy",
    "accuracy",
    PERCENT,
    score=lambda gold, prediction: float(gold == prediction),
    about="the share of examples that are right",
)


EXACT: Metric[str] = Metric(
    "exact match",
    "exact_match",
    PERCENT,
    score=lambda gold, prediction: float(gold == prediction),
    about="the share of examples all of whose labels are right, and no others predicted",
)


def matthews(gold: Sequence[str], predictions: Sequence[str]) -> float:
    r"""Matthews' correlation coefficient; for several labels Gorodkin's (2004).

    .. math:: \frac{c n - \sum_k p_k g_k}{\sqrt{(n^2 - \sum_k p_k^2)(n^2 - \sum_k g_k^2)}}

    where *c* of *n* answers are right, and label *k* is predicted :math:`p_k` times and right
    :math:`g_k` times; 0 where only one label is predicted, or right.
    """
    from sklearn.metrics import matthews_corrcoef

    if len({*gold}) < 2 or len({*predictions}) < 2:  # by its definition, without a warning
        return 0.0
    return float(matthews_corrcoef(list(gold), list(predictions)))


MACRO_F1: Metric[str] = Metric(
    "macro-F1",
    "macro_f1",
    PERCENT,
    over_set=macro_f1,
    right_or_wrong=(0, 1),
    about="the unweighted mean of the labels' F1, in percent",
)


MICRO_F1: Metric[str] = Metric(
    "micro-F1",
    "micro_f1",
    PERCENT,
    over_set=micro_f1,
    right_or_wrong=(0, 1),
    about="F1 over all labels of all examples together, in percent",
)


_WITHOUT = re.compile(
    r"(macro_f1|micro_f1)\(\s*without\s*=\s*(.+?)\s*(,\s*directions\s*=\s*folded\s*)?\)"
)


_DIRECTED = re.compile(r"(.+?)\s*\(e[12],\s*e[12]\)")


def f1_without(spec: str, labels: Sequence[str], option: str) -> Metric[str] | None:
    """F1 over all labels but one, which says that there is nothing to find; None for another spec.

    ``macro_f1(without=Other, directions=folded)`` is the official measure of SemEval-2010 Task 8: the
    two directions of a relation, ``Cause-Effect(e1,e2)`` and ``Cause-Effect(e2,e1)``, are counted
    together, and an answer with the right relation and the wrong direction is wrong.
    ``micro_f1(without=no_relation)`` is that of TACRED.

    Args:
        spec: ``macro_f1(without=LABEL)`` or ``micro_f1(without=LABEL)``; either with
            ``, directions=folded``.
        labels: The labels of the data.
        option: The option that has the spec, for messages.

    Raises:
        OptionError: There is no such label, or no label has a direction; the message lists them.
    """
    match = _WITHOUT.fullmatch(spec)
    if match is None:
        return None
    kind, without, folded = match[1], match[2].strip("'\""), match[3] is not None
    if without not in labels:
        raise OptionError(option, f"leaves out {without!r}, but the labels are {quote(labels)}")
    relation = {label: label for label in labels}
    if folded:
        directed = {label: found[1] for label in labels if (found := _DIRECTED.fullmatch(label))}
        if not directed:
            raise OptionError(
                option,
                f"folds directions, but no label ends in (e1,e2) or (e2,e1): they are {quote(labels)}",
            )
        relation |= directed
    places = {one: place for place, one in enumerate(dict.fromkeys(relation.values()))}
    nothing = places[relation[without]]

    def counts(gold: str, prediction: str) -> Floats:
        found: Floats = np.zeros((len(places), 3))
        found[places[relation[gold]], 1] += 1
        found[places[relation[prediction]], 2] += 1
        found[places[relation[gold]], 0] += gold == prediction
        found[nothing] = 0
        return found

    def value(counts: Floats) -> Floats:
        return f1_of(counts.sum(-2)) if kind == "micro_f1" else mean_f1_of(counts)

    name = kind.replace("_f1", "-F1")
    key = f"{kind}(without={without}{', directions=folded' if folded else ''})"
    how = "the unweighted mean of the labels' F1" if kind == "macro_f1" else "F1 over all labels"
    return metric_of_counts(
        f"{name} without {without}",
        key,
        counts,
        value,
        about=f"{how}, that of {without} left out"
        + (", the two directions of a relation counted together" if folded else "")
        + ", in percent",
        by_example=ACCURACY,
    )


MCC: Metric[str] = Metric(
    "MCC",
    "mcc",
    over_set=matthews,
    right_or_wrong=(1,),  # 0 is that of one label for all, of which some are right
    about="Matthews' correlation coefficient; a constant prediction has 0",
    extent=(-1.0, 1.0),
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
        extent=(0.0, len(labels) - 1.0),
    )


def calibration_error(correct: ArrayLike, confidence: ArrayLike, bins: int = 15) -> float:
    r"""Expected calibration error (Guo et al. 2017): how far confidence is from accuracy.

    .. math:: \sum_b \frac{n_b}{n} \, |\mathrm{acc}(b) - \mathrm{conf}(b)|

    over the intervals *b* of confidence, with :math:`n_b` of the *n* examples in each.

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
