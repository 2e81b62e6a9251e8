"""Metrics: what is measured of predictions, example by example or over a whole set."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Generic, Never, TypeAlias, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from structnn.arcs import arc_of
from tasks.data.entities import entities, mark_entities
from tasks.data.examples import quote
from tasks.data.questions import PLAIN_QUESTION, ROW_SEPARATOR, Question
from tasks.options import OptionError

__all__ = [
    "ACCURACY",
    "LAS",
    "MACRO_F1",
    "MCC",
    "MICRO_F1",
    "MSE",
    "PEARSON",
    "PERCENT",
    "PLAIN",
    "SPEARMAN",
    "UAS",
    "AnyMetric",
    "Metric",
    "Unit",
    "calibration_error",
    "chosen_metric",
    "class_f1",
    "entity_f1",
    "f1_without",
    "macro_f1",
    "matthews",
    "mean_absolute_error",
    "metric_of_counts",
    "metrics_for",
    "micro_f1",
    "pearson",
    "share",
    "spearman",
    "tag_accuracy",
    "tag_macro_f1",
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


def class_f1(
    gold: Sequence[str], predictions: Sequence[str], question: Question = PLAIN_QUESTION
) -> dict[str, float]:
    """F1 of each label that occurs in ``gold`` or in ``predictions``.

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
        right, said = question.labels_in(one), question.labels_in(other)
        wanted.update(right)
        found.update(said)
        if question.has_parts:
            parts = zip(right, question.parts_of(one), question.parts_of(other), strict=True)
            hits.update(label for label, a, b in parts if a == b)
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


MICRO_F1: Metric[str] = Metric(
    "micro-F1",
    "micro_f1",
    PERCENT,
    over_set=micro_f1,
    about="F1 over all labels of all examples together, in percent",
)


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


def tag_accuracy(question: Question) -> Metric[str]:
    """The share of all tags that are right."""

    def counts(gold: str, prediction: str) -> Floats:
        pairs = list(zip(question.parts_of(gold), question.parts_of(prediction), strict=True))
        return np.array([sum(one == other for one, other in pairs), len(pairs)], np.float64)

    return metric_of_counts(
        "accuracy", "accuracy", counts, share, about="the share of all tokens whose tag is right"
    )


def tag_macro_f1(question: Question, labels: Sequence[str], by_example: Metric[str]) -> Metric[str]:
    """The unweighted mean over tags of F1 over all tokens."""
    number = {label: place for place, label in enumerate(labels)}

    def counts(gold: str, prediction: str) -> Floats:
        found: Floats = np.zeros((len(number), 3))
        for one, other in zip(question.parts_of(gold), question.parts_of(prediction), strict=True):
            found[number[one], 1] += 1
            found[number[other], 2] += 1
            found[number[one], 0] += one == other
        return found

    def value(counts: Floats) -> Floats:
        occurs = counts.sum(-1) > 0  # (rows, labels); others have no F1
        total = f1_of(counts).sum(-1)
        mean: Floats = total / np.maximum(occurs.sum(-1), 1)
        return mean

    return metric_of_counts(
        "macro-F1",
        "macro_f1",
        counts,
        value,
        about="the unweighted mean of the tags' F1 over all tokens, in percent",
        by_example=by_example,
    )


def entity_f1(question: Question) -> Metric[str]:
    """F1 of entities, as conlleval counts them: type, beginning and end must be right."""

    def counts(gold: str, prediction: str) -> Floats:
        wanted = entities(question.parts_of(gold))
        found = entities(question.parts_of(prediction))
        return np.array([len(wanted & found), len(wanted), len(found)], np.float64)

    return metric_of_counts(
        "entity F1",
        "entity_f1",
        counts,
        f1_of,
        about="F1 of entities whose type, beginning and end are right, in percent",
        by_example=tag_accuracy(question).by_example,
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
        if kind == "micro_f1":
            return f1_of(counts.sum(-2))
        occurs = counts.sum(-1) > 0  # (rows, labels); others have no F1
        mean: Floats = f1_of(counts).sum(-1) / np.maximum(occurs.sum(-1), 1)
        return mean

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


def _attachments(gold: str, prediction: str, *, relations: bool) -> Floats:
    """The tokens of a sentence whose head, and if wanted whose relation, is right; and all tokens."""
    wanted, found = (
        [arc_of(arc) for arc in answer.split(ROW_SEPARATOR)] for answer in (gold, prediction)
    )
    hits = sum(
        head == other and (not relations or universal(relation) == universal(guess))
        for (head, relation), (other, guess) in zip(wanted, found, strict=True)
    )
    return np.array([hits, len(wanted)], np.float64)


def universal(relation: str) -> str:
    """A relation without its subtype: ``"nsubj"`` of ``"nsubj:pass"``."""
    return relation.partition(":")[0]


LAS = metric_of_counts(
    "LAS",
    "las",
    partial(_attachments, relations=True),
    share,
    about="the share of all words whose head and relation are right, subtypes of relations left out "
    "(as in CoNLL 2018)",
)

UAS = metric_of_counts(
    "UAS",
    "uas",
    partial(_attachments, relations=False),
    share,
    about="the share of all words whose head is right",
)


EXACT_SEQUENCE: Metric[str] = replace(
    EXACT, about="the share of sequences that are right throughout"
)


def _ngrams(text: str, size: int) -> Counter[tuple[str, ...]]:
    words = text.split()
    return Counter(tuple(words[at : at + size]) for at in range(len(words) - size + 1))


def _bleu_counts(gold: Sequence[str], predictions: Sequence[str]) -> Floats:
    """``(examples, 4, 3)``: for each n from 1 to 4 the n-grams that match, those predicted, and gold."""
    counts = np.zeros((len(gold), 4, 3))
    for place, (right, found) in enumerate(zip(gold, predictions, strict=True)):
        for size in range(1, 5):
            wanted, said = _ngrams(right, size), _ngrams(found, size)
            counts[place, size - 1] = (wanted & said).total(), said.total(), wanted.total()
    return counts


def _bleu_of(sums: Floats) -> Floats:
    """BLEU from sums of counts, ``(..., 4, 3)`` to ``(...)``."""
    hits, said, wanted = np.moveaxis(sums, -1, 0)  # (..., 4)
    some = (wanted > 0).astype(float)  # sizes that no gold text has are left out
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.where(hits > 0, np.log(hits / said), -np.inf)
        mean = (np.where(some > 0, logs, 0) * some).sum(-1) / some.sum(-1)
        brevity = np.minimum(0, 1 - wanted[..., 0] / said[..., 0])
        values: Floats = np.nan_to_num(np.exp(mean + brevity), nan=0.0)
    return values


def bleu(gold: Sequence[str], predictions: Sequence[str]) -> float:
    r"""BLEU of a set (Papineni et al. 2002), of words between white space, with one reference each.

    .. math:: \min\bigl(1, e^{1 - r / c}\bigr) \prod_{n=1}^4 p_n^{1/4}

    The precision :math:`p_n` is the share of predicted n-grams that the gold text has, over the whole
    set; *c* and *r* are the numbers of predicted and of gold words. Sizes that no gold text of the set
    has are left out, and nothing is smoothed: where no n-gram of a size is right, BLEU is 0.
    """
    return float(_bleu_of(_bleu_counts(gold, predictions).sum(0)))


def _bleu_left_out(gold: Sequence[str], predictions: Sequence[str]) -> Floats:
    counts = _bleu_counts(gold, predictions)
    return _bleu_of(counts.sum(0) - counts)


def edit_distance(gold: str, prediction: str) -> float:
    """How many words have to be inserted, removed or replaced (Levenshtein 1966)."""
    from nltk.metrics import edit_distance as distance

    return 0.0 if gold == prediction else float(distance(gold.split(), prediction.split()))


EDIT_DISTANCE: Metric[str] = Metric(
    "edit distance",
    "edit_distance",
    Unit(1, 2),
    score=edit_distance,
    higher_is_better=False,
    about="how many words have to be inserted, removed or replaced, in the mean",
)

BLEU: Metric[str] = Metric(
    "BLEU",
    "bleu",
    Unit(100, 1, "", "points"),
    over_set=bleu,
    by_example=EDIT_DISTANCE,
    left_out=_bleu_left_out,
    about="corpus BLEU of words between white space, from 0 to 100, unsmoothed",
)


def metrics_for(
    question: Question, labels: Sequence[str], *, ordered: bool = False
) -> tuple[Metric[str], ...]:
    """The metrics of answers to a question; unless another is chosen, the first selects and is tested.

    Args:
        question: What is asked.
        labels: The labels; none where answers are numbers or texts.
        ordered: Whether the labels are a scale: then absolute errors can be measured.
    """
    if question.is_number:
        return (PEARSON, SPEARMAN, MSE)
    if question.is_sequence:
        return (EXACT_SEQUENCE, BLEU, EDIT_DISTANCE)
    if question.reads == "tokens":
        accuracy = tag_accuracy(question)
        assert accuracy.by_example is not None
        of_entities = (entity_f1(question),) if mark_entities(labels) else ()
        return (*of_entities, accuracy, tag_macro_f1(question, labels, accuracy.by_example))
    if question.reads == "arcs":
        return (LAS, UAS)
    if question.answer == "labels":

        def macro(gold: Sequence[str], predictions: Sequence[str]) -> float:
            return macro_f1(gold, predictions, question)

        def micro(gold: Sequence[str], predictions: Sequence[str]) -> float:
            return micro_f1(gold, predictions, question)

        return (
            replace(MICRO_F1, over_set=micro, by_example=EXACT),
            replace(MACRO_F1, over_set=macro, by_example=EXACT),
            EXACT,
        )
    scale = (mean_absolute_error(labels),) if ordered else ()
    return (ACCURACY, MACRO_F1, MCC, *scale)


def chosen_metric(
    key: str | None,
    question: Question,
    labels: Sequence[str],
    *,
    ordered: bool = False,
    option: str = "metric",
) -> Metric[str]:
    """The metric with this key; by default the first one of the question.

    Of answers that are one label each, F1 may leave one label out: see :func:`f1_without`.

    Raises:
        OptionError: Answers to the question have no such metric; the message lists those they have.
    """
    if key and question.answer == "label" and question.reads != "tokens":
        without = f1_without(key, labels, option)
        if without is not None:
            return without
    known = metrics_for(question, labels, ordered=ordered)
    found = next((metric for metric in known if metric.key == (key or known[0].key)), None)
    if found is None:
        why = f" of {question.in_words(labels)}"
        if question.answer == "label" and key == "mean_absolute_error":
            why = f", since the labels ({quote(labels, 6)}) are no scale"
        raise OptionError(
            option,
            f"can't be {key}{why}; there are {', '.join(metric.key for metric in known)}",
        )
    return found


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
