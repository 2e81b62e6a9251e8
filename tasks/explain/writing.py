"""How a decoder wrote a text: where it looked, how sure it was, and what its search passed over."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import exp, inf
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from structnn import SequenceHead
from structnn.decoders.search import Looked
from tasks.explain.case import Case, inputs_of
from tasks.models.model import SavedModel

__all__ = ["END", "Candidate", "Fate", "Writing", "write"]

END = "(end)"
"""Stands for the end of a sequence, which is predicted as words are."""

OTHERS = 6
"""How many of the most likely pieces are named at each place."""

Fate = Literal["kept", "ended", "dropped"]


@dataclass(frozen=True)
class Candidate:
    """A continuation that a step of the search looked at.

    Attributes:
        piece: The piece.
        before: The pieces before it.
        share: The probability of the piece, given those before it.
        log_probability: The logarithm of the probability of all of them together.
        parent: Its place among the candidates of the step before; None in the first step.
        fate: ``"kept"``: the search went on from it; ``"ended"``: it is complete; or ``"dropped"``.
        is_written: Whether what was written in the end begins with it.
    """

    piece: str
    before: tuple[str, ...]
    share: float
    log_probability: float
    parent: int | None
    fate: Fate
    is_written: bool

    @property
    def whole(self) -> str:
        """All pieces so far."""
        return " ".join((*self.before, self.piece))


@dataclass(frozen=True)
class Writing:
    """How a text was written.

    Attributes:
        pieces: Its pieces, and :data:`END` unless it was cut at the largest length.
        is_cut: Whether it was.
        shares: At each the probability of the piece that was written and of the most likely others.
        alignment: ``(pieces, tokens)``: how much each looked at each token that was read; None for a
            decoder without attention.
        steps: The candidates of each step of the search, the most likely first.
        copied: Whether each is a word of the source that the target's vocabulary lacks.
    """

    pieces: tuple[str, ...]
    is_cut: bool
    shares: tuple[dict[str, float], ...]
    alignment: Tensor | None
    steps: tuple[tuple[Candidate, ...], ...]
    copied: tuple[bool, ...]


@torch.inference_mode()
def write(model: SavedModel, case: Case) -> Writing:
    """Write the answer to a text again, and keep how.

    Args:
        model: Its head writes sequences.
        case: The text.
    """
    head = model.classifier.head
    assert isinstance(head, SequenceHead)
    batch, _ = inputs_of(model, [case]).batch(np.zeros(1, dtype=np.int64))
    reading = head(model.classifier.encode(batch), batch)
    looked: list[Looked] = []
    ((best, *_),) = head.generate(reading, watch=looked.append)
    target = head.target
    source = case.tokens if head.decoder.copy else ()

    def name(number: int) -> str:
        return END if number == target.end else target.decode_pieces([number], source)[0]

    numbers = [*target.encode_pieces(best.pieces, source), target.end]
    logs, _ = head.log_probabilities(reading, torch.tensor(numbers))
    shares = []
    for number, row in zip(numbers, logs.exp(), strict=True):
        likely = [
            number,
            *(n for n in row.topk(min(OTHERS, len(row))).indices.tolist() if n != number),
        ]
        shares.append({name(other): float(row[other]) for other in likely[:OTHERS]})
    steps = tuple(_steps(looked, (*best.pieces, END), name))
    is_cut = len(steps) == len(best.pieces)  # there was no step at which it could end
    pieces = best.pieces if is_cut else (*best.pieces, END)
    copied = target.copied(source)
    return Writing(
        pieces=pieces,
        is_cut=is_cut,
        shares=tuple(shares[: len(pieces)]),
        alignment=None if best.alignment is None else best.alignment[: len(pieces)],
        steps=steps,
        copied=tuple(piece in copied for piece in pieces),
    )


def _steps(
    looked: Sequence[Looked], written: tuple[str, ...], name: Callable[[int], str]
) -> Iterator[tuple[Candidate, ...]]:
    """The candidates of each step, for the one sentence.

    Args:
        looked: What the search looked at.
        written: What it wrote in the end.
        name: Names a piece.
    """
    # For each hypothesis that goes on: its pieces, its logarithm, and its place among candidates.
    going: dict[int, tuple[tuple[str, ...], float, int | None]] = {0: ((), 0.0, None)}
    for step in looked:
        candidates: list[Candidate] = []
        following: dict[int, tuple[tuple[str, ...], float, int | None]] = {}
        for parent, number, log, kept, ended in zip(
            *(part[0].tolist() for part in step), strict=True
        ):
            if log == -inf or parent not in going:
                continue
            before, log_before, place = going[parent]
            piece = name(number)
            so_far = (*before, piece)
            fate: Fate = "ended" if ended else "kept" if kept >= 0 else "dropped"
            if kept >= 0:
                following[kept] = (so_far, log, len(candidates))
            is_written = written[: len(so_far)] == so_far
            share = exp(log - log_before)
            candidates.append(Candidate(piece, before, share, log, place, fate, is_written))
        if candidates:
            yield tuple(candidates)
        going = following
