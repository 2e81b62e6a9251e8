"""What of a run's answer is explained: one of its labels, its number, the tag or the head of a token."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from structnn import (
    ArcsAnswer,
    DistributionAnswer,
    LabelsAnswer,
    ScoreAnswer,
    SequenceHead,
)
from structnn.arcs import arc_of
from structnn.heads import ArcScores
from tasks.data.questions import Question
from tasks.explain.case import Case, inputs_of
from tasks.explain.quantities import (
    ArcLogOdds,
    LabelLogOdds,
    Number,
    OwnLogOdds,
    PieceLogOdds,
    Quantity,
)
from tasks.explain.writing import Writing, write
from tasks.models.model import SavedModel
from tasks.models.prediction import Prediction

__all__ = ["Chosen", "Part", "choose", "token_names"]

ROOT = "root"


@dataclass(frozen=True)
class Part:
    """The answer to one token.

    Attributes:
        answer: Its tag; or the name of its head, see :func:`token_names`.
        shares: The probability of each tag, or of each head.
        relation: The relation to the head; empty where the answer is a tag.
        head: The head, as a token; -1 for the root, None where the answer is a tag.
    """

    answer: str
    shares: dict[str, float]
    relation: str = ""
    head: int | None = None

    @property
    def share(self) -> float:
        """The probability of the answer."""
        return self.shares[self.answer]


@dataclass(frozen=True)
class Chosen:
    """What is explained.

    Attributes:
        quantity: The number.
        case: What the model is asked, with the places of the tokens that the number is about.
        answer: The answer whose number it is: a label, a tag, a head; or the number itself.
        shares: The probability of each answer that could stand in its place; empty of a number.
        parts: The answer to each token, where tokens have answers; each piece of a sequence.
        token: Which of them is explained.
        names: What each of them is the answer to: the token; or the piece itself.
        writing: How a sequence was written.
    """

    quantity: Quantity
    case: Case
    answer: str
    shares: dict[str, float]
    parts: tuple[Part, ...] = ()
    token: int | None = None
    names: tuple[str, ...] = ()
    writing: Writing | None = None

    @property
    def token_number(self) -> int | None:
        """The number of the token that is explained, from 1, as :func:`choose` takes it."""
        return None if self.token is None else self.token + 1


def choose(
    model: SavedModel,
    case: Case,
    prediction: Prediction,
    *,
    label: str | None = None,
    token: int | str | None = None,
) -> Chosen:
    """What is explained of a prediction.

    Args:
        model: The model.
        case: What it is asked.
        prediction: Its answer.
        label: The label, or tag, to explain; by default the most probable one.
        token: The token whose answer is explained, as its number from 1, or the word; by default the
            one whose answer is the least certain.

    Raises:
        ValueError: There is no such label or token, or the question has none.
    """
    question, labels = model.task.question, model.classifier.labels
    _check(question, labels, label, token)
    if question.is_sequence:
        return _piece(model, case, token)
    answer = model.classifier.head.answer
    if isinstance(answer, ScoreAnswer | DistributionAnswer):
        return Chosen(Number(answer), case, prediction.label, {})
    if question.has_parts:
        parts = _parts(model, case, question.parts_of(prediction.label))
        place = _token(case.tokens, parts, token)
        word = case.tokens[place]
        part = parts[place]
        if isinstance(answer, ArcsAnswer):
            return _arc(case, parts, place, token_names(case.tokens))
        chosen = label or part.answer
        tag = LabelLogOdds(f"{chosen} for “{word}”", labels.index(chosen))
        about = replace(case, places=(place,))
        return Chosen(tag, about, chosen, part.shares, parts, place, case.tokens)
    shares = prediction.probabilities
    chosen = label or max(shares, key=shares.__getitem__)
    kind = OwnLogOdds if isinstance(answer, LabelsAnswer) else LabelLogOdds
    return Chosen(kind(chosen, labels.index(chosen)), case, chosen, shares)


def token_names(tokens: Sequence[str]) -> list[str]:
    """A name for each token that no other one has: the word, with its number if it occurs twice."""
    return [
        f"{word} ({number})" if tokens.count(word) > 1 or word == ROOT else word
        for number, word in enumerate(tokens, start=1)
    ]


def _arc(case: Case, parts: tuple[Part, ...], place: int, names: list[str]) -> Chosen:
    part = parts[place]
    if len(case.tokens) == 1:
        raise ValueError("the head of the only token can be the root alone: give a longer text")
    assert part.head is not None
    of, places = f"{names[place]} as the root", [place]
    if part.head != -1:
        of, places = f"{part.answer} as the head of {names[place]}", [place, part.head]
    about = replace(case, places=tuple(places), least=2)
    return Chosen(ArcLogOdds(of), about, part.answer, part.shares, parts, place, case.tokens)


def _check(
    question: Question, labels: Sequence[str], label: str | None, token: int | str | None
) -> None:
    """Make sure that a label or a token can be chosen, where one is."""
    if token is not None and not (question.has_parts or question.is_sequence):
        raise ValueError(
            f"a token is chosen (token={token!r}) where each has an answer; this run answers "
            f"{question.in_words(labels)}: leave it out"
        )
    if label is None or (label in labels and question.reads != "arcs"):
        return
    if question.reads == "arcs":
        raise ValueError(
            f"the head of a token is explained, which no label ({label!r}) is: leave it out"
        )
    if not labels:
        kind = "a text" if question.is_sequence else "a number"
        raise ValueError(
            f"{label!r} can't be explained, as this run answers with {kind}: leave it out"
        )
    raise ValueError(f"{label!r} is no label of this run; its labels are {', '.join(labels)}")


def _piece(model: SavedModel, case: Case, token: int | str | None) -> Chosen:
    """The piece of a sequence that is explained."""
    head = model.classifier.head
    assert isinstance(head, SequenceHead)
    writing = write(model, case)
    parts = tuple(
        Part(piece, shares) for piece, shares in zip(writing.pieces, writing.shares, strict=True)
    )
    place = _token(writing.pieces, parts, token)
    piece = writing.pieces[place]
    is_end = place == len(parts) - 1 and not writing.is_cut
    quantity = PieceLogOdds(
        "the end" if is_end else f"“{piece}”", head, writing.pieces[: place + 1], is_end
    )
    if writing.copied[place]:  # without the word it could not be written at all
        places = tuple(n for n, word in enumerate(case.tokens) if word == piece)
        case = replace(case, places=places)
    shares = parts[place].shares
    return Chosen(quantity, case, piece, shares, parts, place, writing.pieces, writing)


def _token(tokens: Sequence[str], parts: Sequence[Part], wanted: int | str | None) -> int:
    if wanted is None:
        return min(range(len(parts)), key=lambda place: parts[place].share)
    if isinstance(wanted, str) and wanted in tokens:
        numbers = [str(n) for n, word in enumerate(tokens, start=1) if word == wanted]
        if len(numbers) > 1 and wanted not in numbers:  # a word "2" may be the second one
            raise ValueError(
                f"{wanted!r} is there {len(numbers)} times: give {' or '.join(numbers)}"
            )
        return int(wanted if len(numbers) > 1 else numbers[0]) - 1
    number = int(wanted) if isinstance(wanted, int) or wanted.isdecimal() else 0
    if not 1 <= number <= len(tokens):
        listed = ", ".join(f"{n} {word}" for n, word in enumerate(tokens, start=1))
        raise ValueError(f"there is no token {wanted!r}; give one of these: {listed}")
    return number - 1


@torch.inference_mode()
def _parts(model: SavedModel, case: Case, answers: Sequence[str]) -> tuple[Part, ...]:
    """The answer to each token, and the probability of each other one."""
    batch, spans = inputs_of(model, [case]).batch(np.zeros(1, dtype=np.int64))
    given: Any = model.classifier(batch, spans)
    if isinstance(given, ArcScores):
        return _heads(given, case.tokens, answers)
    labels = model.classifier.labels
    return tuple(
        Part(answer, dict(zip(labels, row, strict=True)))
        for answer, row in zip(answers, given.softmax(1).tolist(), strict=True)
    )


def _heads(given: ArcScores, tokens: Sequence[str], answers: Sequence[str]) -> tuple[Part, ...]:
    names = [ROOT, *token_names(tokens)]
    parts = []
    for token, (answer, row) in enumerate(
        zip(answers, given.arcs.softmax(1).tolist(), strict=True)
    ):
        head, relation = arc_of(answer)
        shares = {
            name: share
            for n, (name, share) in enumerate(zip(names, row, strict=True))
            if n != token + 1
        }
        parts.append(Part(names[head], shares, relation, head - 1))
    return tuple(parts)
