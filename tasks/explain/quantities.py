"""The one number of what a head gives that is explained: log-odds, or a score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from structnn import Batch, DistributionAnswer, ScoreAnswer, SequenceHead
from structnn.decoders import Reading
from structnn.heads import ArcScores

__all__ = [
    "ArcLogOdds",
    "LabelLogOdds",
    "LogOdds",
    "Number",
    "OwnLogOdds",
    "PieceLogOdds",
    "Quantity",
    "log_odds_of",
    "percent",
    "points",
]


class Quantity(Protocol):
    """A number for each example, and how a reader is told of it.

    Attributions divide it among the words, deletions change it, and pages say what it is: whatever a
    run is asked, they know this class alone.

    Attributes:
        of: What words add to, such as ``"yes"`` or ``"NOUN for “dogs”"``.
        name: What it is: ``"log-odds of yes"``.
        plural: Whether this name is a plural.
        level: What deletions move: the probability that the log-odds stand for, or the score itself.
        scale: How its numbers are to be read, in a sentence.
        unmoved: A smaller change of the level is none.
    """

    @property
    def of(self) -> str: ...

    @property
    def name(self) -> str: ...

    @property
    def plural(self) -> bool: ...

    @property
    def level(self) -> str: ...

    @property
    def scale(self) -> str: ...

    @property
    def unmoved(self) -> float: ...

    def __call__(self, given: Any, batch: Batch, places: Tensor) -> Tensor:
        """``(examples,)``: the number, with gradients.

        Args:
            given: What the head gives for the batch.
            batch: The batch.
            places: ``(examples, places)``: where in its sentence each token stands that the number is
                about; see :attr:`tasks.explain.case.Case.places`.
        """
        ...

    def levels(self, values: Tensor) -> Tensor:
        """The levels that numbers stand for."""
        ...

    def told(self, level: float) -> str:
        """A level, for a reader."""
        ...

    def change(self, difference: float) -> str:
        """How far a level moved, without the direction."""
        ...


@dataclass(frozen=True)
class LogOdds:
    """What log-odds have in common: they stand for a probability.

    Args:
        of: See :class:`Quantity`.
    """

    of: str

    plural = True
    scale = (
        "Numbers are shares of the log-odds (at 0 the probability is 50 %, at +1 73 %, at +2 88 %, at "
        "+3 95 %)."
    )
    unmoved = 0.01

    @property
    def name(self) -> str:
        return f"log-odds of {self.of}"

    @property
    def level(self) -> str:
        return f"probability of {self.of}"

    def levels(self, values: Tensor) -> Tensor:
        return values.sigmoid()

    def told(self, level: float) -> str:
        return percent(level)

    def change(self, difference: float) -> str:
        return points(difference)


@dataclass(frozen=True)
class LabelLogOdds(LogOdds):
    """Of one label against all others, of which one holds: of an example, or of one of its tokens.

    Args:
        of: See :class:`Quantity`.
        label: Its number.
    """

    label: int

    def __call__(self, given: Tensor, batch: Batch, places: Tensor) -> Tensor:
        rows = given if places.shape[1] == 0 else given[_rows(batch, places)]
        return log_odds_of(rows, torch.full((len(rows),), self.label, device=rows.device))


@dataclass(frozen=True)
class OwnLogOdds(LogOdds):
    """Of one label, where any number of labels may hold: that it holds, or not.

    Args:
        of: See :class:`Quantity`.
        label: Its number.
    """

    label: int

    def __call__(self, given: Tensor, batch: Batch, places: Tensor) -> Tensor:
        return given[:, self.label]


@dataclass(frozen=True)
class ArcLogOdds(LogOdds):
    """Of one head of a token against all others; the head is the second place, or the root."""

    def __call__(self, given: ArcScores, batch: Batch, places: Tensor) -> Tensor:
        rows = given.arcs[_rows(batch, places)]
        root = torch.zeros(len(rows), dtype=torch.long, device=rows.device)
        return log_odds_of(rows, places[:, 1] + 1 if places.shape[1] == 2 else root)


@dataclass(frozen=True)
class PieceLogOdds(LogOdds):
    """Of one piece of a sequence, given those before it, against all others.

    Args:
        of: See :class:`Quantity`.
        head: What writes.
        pieces: The pieces up to it, itself included.
        is_end: Whether the last of them is the end of the sequence.
    """

    head: SequenceHead
    pieces: tuple[str, ...]
    is_end: bool = False

    def __call__(self, given: Reading, batch: Batch, places: Tensor) -> Tensor:
        target, rows = self.head.target, []
        for sentence in given.sentences:
            source = sentence.tokens if self.head.decoder.copy else ()
            pieces = self.pieces[:-1] if self.is_end else self.pieces
            rows.append([*target.encode_pieces(pieces, source), target.end])
        gold = torch.tensor(rows)  # (examples, pieces and the end)
        logs, _ = self.head.log_probabilities(given, gold.flatten())
        own = logs.unflatten(0, gold.shape)[:, len(self.pieces) - 1]
        return log_odds_of(own, gold[:, len(self.pieces) - 1])


@dataclass(frozen=True)
class Number:
    """A number that is itself the answer.

    Args:
        answer: What makes it of the scores.
        of: See :class:`Quantity`.
    """

    answer: ScoreAnswer | DistributionAnswer
    of: str = "the score"

    name = level = "score"
    plural = False
    scale = "Numbers are shares of the score."

    @property
    def unmoved(self) -> float:
        """A hundredth of the deviation of train, or of the scale."""
        if isinstance(self.answer, ScoreAnswer):
            return float(self.answer.deviation) / 100
        return (self.answer.most - self.answer.least) / 100

    def __call__(self, given: Tensor, batch: Batch, places: Tensor) -> Tensor:
        return self.answer.values(given)

    def levels(self, values: Tensor) -> Tensor:
        return values

    def told(self, level: float) -> str:
        return f"{level:.3g}"

    def change(self, difference: float) -> str:
        return f"{abs(difference):.2g}"


def log_odds_of(scores: Tensor, classes: Tensor) -> Tensor:
    """The log-odds of one class of each row against all others.

    Args:
        scores: ``(rows, classes)``.
        classes: ``(rows,)``, the class of each.
    """
    own = torch.arange(scores.shape[1], device=scores.device) == classes[:, None]
    others = scores.masked_fill(own, -torch.inf).logsumexp(1)
    return scores.gather(1, classes[:, None])[:, 0] - others


def percent(share: float) -> str:
    """A share in percent; the ends are kept for what is exactly none or all."""
    if 0 < share < 0.005:
        return "under 1 %"
    if 0.995 <= share < 1:
        return "over 99 %"
    return f"{100 * share:.0f} %"


def points(difference: float) -> str:
    """How far a probability moved, in percentage points, without the direction."""
    rounded = f"{100 * abs(difference):.0f}"
    if rounded == "0":
        return "less than a point"
    return f"{rounded} point" + "s" * (rounded != "1")


def _rows(batch: Batch, places: Tensor) -> Tensor:
    """The row of the first place of each example, among all tokens."""
    return batch.token_ptr[:-1] + places[:, 0]
