"""What a head predicts: how scores become answers, and what wrong ones cost."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from structnn.options import at_least

__all__ = [
    "NO_ANSWER",
    "Answer",
    "DistributionAnswer",
    "LabelAnswer",
    "LabelsAnswer",
    "ScoreAnswer",
]

NO_ANSWER = -100
"""The class of what has none, as ``ignore_index`` of PyTorch's cross-entropy: it adds no loss."""


class Answer(Protocol):
    """What a kind of answer defines.

    Attributes:
        width: How many scores there are for each thing asked about.
        labels: The names of the classes; empty where a number is predicted.
    """

    width: int
    labels: tuple[str, ...]

    def loss(self, scores: Tensor, gold: Tensor, weights: Tensor | None = None) -> Tensor:
        """The mean loss of ``(rows, width)`` scores.

        Args:
            scores: ``(rows, width)``.
            gold: The right answers, as :meth:`encode` makes them.
            weights: ``(rows,)``, by which the loss of each row is multiplied; 1 by default.
        """
        ...

    def encode(self, gold: Sequence[str]) -> Tensor:
        """Gold answers as a tensor with a row for each."""
        ...

    def decode(self, scores: Tensor) -> list[str]:
        """The answer that each row of scores stands for."""
        ...

    def probabilities(self, scores: Tensor) -> Tensor | None:
        """``(rows, labels)``, the probability of each class; None where there are no classes."""
        ...

    def calibrate(self, scores: Tensor, gold: Tensor) -> None:
        """Fit to dev examples what isn't learned in training, such as thresholds."""
        ...


class _Uncalibrated(nn.Module):
    """For answers all of whose parts are learned in training, or fixed."""

    def calibrate(self, scores: Tensor, gold: Tensor) -> None:
        """Nothing to do."""


class LabelAnswer(_Uncalibrated):
    r"""One of several classes, by the softmax of the scores and cross-entropy.

    With the weight *w* of a class and the focusing parameter :math:`\gamma` (Lin et al. 2017) the loss
    of a row whose class has the probability *p* is

    .. math:: -w \, (1 - p)^\gamma \log p,

    and that of a batch the mean, weighted by *w*.

    Args:
        labels: The names of the classes.
        weights: The weight of each class; 1 by default.
        focus: :math:`\gamma`; 0 is cross-entropy.

    Raises:
        ValueError: There are fewer than two classes, a class is there twice or has an empty name, there
            are not as many weights as classes, or a weight or ``focus`` is below 0 or not finite.

    Example:
        >>> answer = LabelAnswer(["no", "yes"])
        >>> answer.encode(["yes", "no"])
        tensor([1, 0])
        >>> answer.decode(torch.tensor([[0.2, 1.5]]))
        ['yes']
    """

    def __init__(
        self, labels: Sequence[str], *, weights: Sequence[float] | None = None, focus: float = 0.0
    ) -> None:
        super().__init__()
        check_labels("labels", labels)
        if len(labels) < 2:
            raise ValueError(f"a classifier needs at least two labels, but got {list(labels)}")
        if weights is not None and len(weights) != len(labels):
            raise ValueError(
                f"there are {len(weights)} weights for {len(labels)} labels; give one for each"
            )
        if weights is not None and not all(0 <= weight < math.inf for weight in weights):
            raise ValueError(f"weights must be finite and at least 0, but are {list(weights)}")
        if not 0 <= focus < math.inf:
            raise ValueError(f"focus must be finite and at least 0, but is {focus}")
        self.labels = tuple(labels)
        self.width = len(self.labels)
        self.focus = focus
        # Only training reads them, so they are no part of what is saved.
        self.register_buffer(
            "weights", None if weights is None else torch.tensor(weights), persistent=False
        )
        self.weights: Tensor | None

    def loss(self, scores: Tensor, gold: Tensor, weights: Tensor | None = None) -> Tensor:
        """The mean loss, 0 where no answer weighs anything; see :class:`Answer`."""
        answered = gold != NO_ANSWER
        # Their sum is a number of rows, which half precision hasn't got.
        weight = answered.to(torch.promote_types(scores.dtype, torch.float32))
        if self.weights is not None:
            weight = weight * self.weights[gold.clamp_min(0)]
        if self.focus == 0 and weights is None:
            # Not the mean of cross_entropy: where all weights are 0, that isn't a number.
            total = F.cross_entropy(
                scores, gold, self.weights, ignore_index=NO_ANSWER, reduction="sum"
            )
            return total / weight.sum().clamp_min(torch.finfo(weight.dtype).tiny)
        rows = answered.nonzero()[:, 0]
        gold, weight = gold.index_select(0, rows), weight.index_select(0, rows)
        surprise = F.cross_entropy(scores.index_select(0, rows), gold, reduction="none")  # -log p
        doubt = -torch.expm1(-surprise)  # 1 - p
        if self.focus < 1:  # at 0 its power has no slope
            doubt = doubt.clamp_min(torch.finfo(doubt.dtype).tiny)
        focused = weight * doubt**self.focus * surprise
        if weights is not None:
            focused = focused * weights.index_select(0, rows)
        return focused.sum() / weight.sum().clamp_min(torch.finfo(weight.dtype).tiny)

    def encode(self, gold: Sequence[str]) -> Tensor:
        """``(rows,)``, the number of each label; an empty label is :data:`NO_ANSWER`.

        Raises:
            ValueError: A label is not one of :attr:`labels`.
        """
        index = {label: number for number, label in enumerate(self.labels)}
        index.setdefault("", NO_ANSWER)
        for label in gold:
            if label not in index:
                raise ValueError(f"{label!r} is none of the labels {', '.join(self.labels)}")
        return torch.tensor([index[label] for label in gold], dtype=torch.long)

    def decode(self, scores: Tensor) -> list[str]:
        """The label with the highest score in each row."""
        return [self.labels[place] for place in scores.argmax(1).tolist()]

    def probabilities(self, scores: Tensor) -> Tensor | None:
        """``(rows, labels)``, the softmax of the scores."""
        return scores.softmax(1)

    def extra_repr(self) -> str:
        """The labels."""
        return f"labels={self.labels}"


def check_labels(name: str, labels: Sequence[str]) -> None:
    """Make sure that labels are several strings, none of them empty, each there once.

    Raises:
        ValueError: They are not; the message has the name.
    """
    if isinstance(labels, str):  # each character would be one
        raise ValueError(f"{name} must be a list of strings, but is the one string {labels!r}")
    for label in labels:
        if not isinstance(label, str) or not label:
            raise ValueError(f"{name} must be strings that aren't empty, but are {list(labels)}")
    if len(set(labels)) < len(labels):
        raise ValueError(f"each label must be there once, but {name} are {list(labels)}")


class LabelsAnswer(nn.Module):
    r"""Any number of several classes: for each a logistic regression, and binary cross-entropy.

    The loss is the mean over rows and classes of

    .. math:: -y \log \sigma(s) - (1 - y) \log(1 - \sigma(s)),

    where *s* is the score of a class, and *y* is 1 where it is in the answer and else 0. A class is
    predicted where its probability reaches its threshold. :meth:`calibrate` chooses them on dev.

    Args:
        labels: The names of the classes.
        separator: What stands between the labels of one answer; alone, it is an answer without any.

    Raises:
        ValueError: There is no class, a class is there twice, is empty or has the separator in it, or
            the separator is empty.
    """

    thresholds: Tensor

    def __init__(self, labels: Sequence[str], *, separator: str = "|") -> None:
        super().__init__()
        check_labels("labels", labels)
        if not labels:
            raise ValueError("there must be at least one label, but there is none")
        if not separator:
            raise ValueError("separator must be at least one character, but is empty")
        for label in labels:
            if separator in label:  # no answer could have it
                raise ValueError(
                    f"each label must be what stands between separators, but {label!r} has the "
                    f"separator {separator!r} in it"
                )
        self.labels = tuple(labels)
        self.width = len(self.labels)
        self.separator = separator
        self.register_buffer("thresholds", torch.full((self.width,), 0.5))

    def loss(self, scores: Tensor, gold: Tensor, weights: Tensor | None = None) -> Tensor:
        """The mean over rows and classes; see :class:`Answer`."""
        weight = None if weights is None else weights.to(scores)[:, None]
        return F.binary_cross_entropy_with_logits(scores, gold.to(scores), weight)

    def encode(self, gold: Sequence[str]) -> Tensor:
        """``(rows, classes)``, 1 where a class is in the answer and else 0.

        Raises:
            ValueError: A label is not one of :attr:`labels`.
        """
        index = {label: number for number, label in enumerate(self.labels)}
        made = torch.zeros(len(gold), self.width)
        for row, answer in enumerate(gold):
            for label in filter(None, answer.split(self.separator)):
                if label not in index:
                    raise ValueError(f"{label!r} is none of the labels {', '.join(self.labels)}")
                made[row, index[label]] = 1
        return made

    def decode(self, scores: Tensor) -> list[str]:
        """The labels of each row, in the order of :attr:`labels`."""
        chosen = scores.sigmoid() >= self.thresholds.to(scores)
        return [
            self.separator.join(
                label for label, is_in in zip(self.labels, row, strict=True) if is_in
            )
            or self.separator
            for row in chosen.tolist()
        ]

    def probabilities(self, scores: Tensor) -> Tensor | None:
        """``(rows, labels)``, the probability of each class by itself; they don't sum to 1."""
        return scores.sigmoid()

    def calibrate(self, scores: Tensor, gold: Tensor) -> None:
        """Choose for each class the threshold with the highest F1; 0.5 for a class that never occurs."""
        shares = scores.sigmoid()
        for place in range(self.width):
            right = gold[:, place] > 0
            if not bool(right.any()):
                continue
            tried = shares[:, place].unique()  # (thresholds,)
            said = shares[:, place] >= tried[:, None]  # (thresholds, rows)
            hits = (said & right).sum(1)
            f1 = 2 * hits / (said.sum(1) + right.sum())
            best = int(f1.argmax())
            # Half way to the next lower one: the same answers on dev, and no tie with a new example.
            below = tried[best - 1] if best else torch.zeros_like(tried[0])
            self.thresholds[place] = (tried[best] + below) / 2

    def extra_repr(self) -> str:
        """The labels, and what stands between them."""
        return f"labels={self.labels}, separator={self.separator!r}"


class ScoreAnswer(_Uncalibrated):
    r"""A number, by mean squared error.

    The one score *s* of a row stands for :math:`m + d \, s`, where *m* and *d* are the mean and the
    standard deviation in train, and the loss is that of *s*: so the learning rate suits any scale.

    Args:
        mean: *m*.
        deviation: *d*, above 0.

    Raises:
        ValueError: ``mean`` is not finite, or ``deviation`` not finite and above 0.
    """

    labels: tuple[str, ...] = ()
    width = 1
    mean: Tensor
    deviation: Tensor

    def __init__(self, *, mean: float = 0.0, deviation: float = 1.0) -> None:
        super().__init__()
        if not math.isfinite(mean):
            raise ValueError(f"mean must be finite, but is {mean}")
        if not 0 < deviation < math.inf:
            raise ValueError(f"deviation must be finite and above 0, but is {deviation}")
        # In double precision, since numbers may differ in late digits alone, as times in seconds do.
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float64))
        self.register_buffer("deviation", torch.tensor(deviation, dtype=torch.float64))

    def loss(self, scores: Tensor, gold: Tensor, weights: Tensor | None = None) -> Tensor:
        """The mean squared error in standard deviations; see :class:`Answer`."""
        wanted = ((gold - self.mean) / self.deviation).to(scores)
        if weights is None:
            return F.mse_loss(scores[:, 0], wanted)
        return (weights.to(scores) * (scores[:, 0] - wanted).square()).mean()

    def encode(self, gold: Sequence[str]) -> Tensor:
        """``(rows,)``, the numbers.

        Raises:
            ValueError: One is no number.
        """
        return torch.tensor([float(number) for number in gold], dtype=torch.float64)

    def values(self, scores: Tensor) -> Tensor:
        """``(rows,)``, the numbers that scores stand for, in double precision."""
        return self.mean + self.deviation * scores[:, 0].double()

    def decode(self, scores: Tensor) -> list[str]:
        """The numbers, with six digits; with more where six don't show a thousandth of *d*."""
        deviation = float(self.deviation)
        return [f"{value:.{_digits(value / deviation)}g}" for value in self.values(scores).tolist()]

    def probabilities(self, scores: Tensor) -> Tensor | None:
        """None: there are no classes."""
        return None

    def extra_repr(self) -> str:
        """The mean and the deviation."""
        return f"mean={float(self.mean):g}, deviation={float(self.deviation):g}"


def _digits(deviations: float) -> int:
    """How many digits a number has that is so many deviations from 0; 17 are all there are."""
    before = math.ceil(math.log10(min(max(1.0, abs(deviations)), 1e13)))
    return max(6, before + 4)


class DistributionAnswer(_Uncalibrated):
    r"""A number on a scale of whole numbers, as the mean of a distribution (Tai et al. 2015, 4.2).

    The softmax of the scores is a distribution *p* over the scale, and its mean is the answer. The gold
    number *y* is spread over the two whole numbers beside it, so that its mean is *y*:

    .. math:: q_{\lfloor y \rfloor} = \lfloor y \rfloor - y + 1, \qquad
        q_{\lfloor y \rfloor + 1} = y - \lfloor y \rfloor,

    and the loss is the divergence :math:`\mathrm{KL}(q \,\|\, p)`.

    Args:
        least: The lowest number of the scale.
        most: The highest.

    Raises:
        ValueError: ``most`` is not above ``least``, or one is no whole number.
    """

    labels: tuple[str, ...] = ()
    steps: Tensor

    def __init__(self, least: int, most: int) -> None:
        super().__init__()
        at_least(-(2**24), least=least, most=most)  # whole numbers, which single precision has
        if not most > least:
            raise ValueError(f"the scale must have at least two numbers, but is {least} to {most}")
        self.least, self.most = least, most
        self.width = most - least + 1
        steps = torch.arange(least, most + 1, dtype=torch.float32)
        self.register_buffer("steps", steps, persistent=False)

    def loss(self, scores: Tensor, gold: Tensor, weights: Tensor | None = None) -> Tensor:
        """The mean divergence; see :class:`Answer`."""
        if weights is None:
            return F.kl_div(scores.log_softmax(1), gold.to(scores), reduction="batchmean")
        divergence = F.kl_div(scores.log_softmax(1), gold.to(scores), reduction="none").sum(1)
        return (weights.to(scores) * divergence).mean()

    def encode(self, gold: Sequence[str]) -> Tensor:
        """``(rows, width)``, the distributions.

        Raises:
            ValueError: One is no number, or not on the scale.
        """
        numbers = torch.tensor([float(number) for number in gold], dtype=torch.float64)
        for number in numbers.tolist():
            if not self.least <= number <= self.most:
                raise ValueError(f"{number:g} is not on the scale from {self.least} to {self.most}")
        place = (numbers - self.least).clamp(max=self.width - 1)
        low = place.floor().clamp(max=self.width - 2).long()
        made = torch.zeros(len(numbers), self.width, dtype=torch.float64)
        rows = torch.arange(len(numbers))
        made[rows, low] = 1 - (place - low)
        made[rows, low + 1] = place - low
        return made

    def values(self, scores: Tensor) -> Tensor:
        """``(rows,)``, the means."""
        return scores.softmax(1) @ self.steps.to(scores)

    def decode(self, scores: Tensor) -> list[str]:
        """The means, with six digits."""
        return [f"{value:.6g}" for value in self.values(scores).tolist()]

    def probabilities(self, scores: Tensor) -> Tensor | None:
        """None: the classes are steps of a scale, not answers."""
        return None

    def extra_repr(self) -> str:
        """The ends of the scale."""
        return f"{self.least}, {self.most}"
