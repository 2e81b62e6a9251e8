"""Search for likely sequences: step by step, for all sentences of a batch at once."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import torch
from torch import Tensor

from structnn.decoders.base import State, chosen, rows_of_each
from structnn.options import at_least

__all__ = [
    "GREEDY",
    "Found",
    "Looked",
    "Search",
    "SelectFunction",
    "StepFunction",
    "Watcher",
    "beam_search",
    "follow",
    "nucleus",
]

WATCHED = 5
"""How many pieces a watcher sees at each step, where one is chosen."""

StepFunction: TypeAlias = Callable[[Tensor, State], tuple[Tensor, State]]
"""From the last pieces, ``(sentences, hypotheses)``, and what is remembered, to the logarithms of the
probabilities of the next ones, ``(sentences, hypotheses, pieces)``, and what is remembered then."""

SelectFunction: TypeAlias = Callable[[State, Tensor], State]
"""From what is remembered, and ``(sentences, wanted)`` places of hypotheses, to what is remembered of
those: see :meth:`~structnn.Decoder.select`."""


class Found(NamedTuple):
    """A sequence that was found.

    Attributes:
        pieces: The numbers of its pieces, without the end.
        log_probability: The logarithm of its probability, the end included if it has one.
        score: That, divided by a power of the length; what hypotheses are ordered by.
    """

    pieces: list[int]
    log_probability: float
    score: float


class Looked(NamedTuple):
    """What one step of a search looked at, each ``(sentences, candidates)``, most likely first.

    Attributes:
        parents: The hypothesis that is continued: the place that it was kept at by the step before.
        pieces: The piece that continues it.
        logs: The logarithm of the probability of all pieces so far; -inf where there is no candidate.
        kept: The place at which the step after takes it up; -1 if it doesn't.
        ended: Whether the sequence is complete, and stands beside the others that are.
    """

    parents: Tensor
    pieces: Tensor
    logs: Tensor
    kept: Tensor
    ended: Tensor


Watcher: TypeAlias = Callable[[Looked], None]
"""Called at each step of a search."""


@dataclass(frozen=True)
class Search:
    r"""How sequences are searched for.

    Args:
        beam: How many hypotheses are kept; 1 takes the most likely piece at each step.
        n_best: How many sequences are wanted; at most ``beam``.
        length_penalty: *a*: hypotheses are compared by :math:`\log p / n^a`, *n* being the number of
            pieces with the end. 0 prefers short ones, 1 compares means.
        min_length: The least number of pieces, without the end.
        max_length: The largest; by default the larger of twice the longest target of train, and ten
            more than twice the length of the source, but no less than ``min_length``. A longer
            sequence is cut.
        top_p: Draw each piece from the most likely ones that together have this probability (nucleus
            sampling, Holtzman et al. 2020); None to search.
        temperature: What is drawn is drawn from the softmax of scores divided by this: below 1 likely
            pieces become likelier.
        seed: The seed of what is drawn.

    Raises:
        ValueError: A number is out of range, or two options don't go together.
    """

    beam: int = 1
    n_best: int = 1
    length_penalty: float = 1.0
    min_length: int = 0
    max_length: int | None = None
    top_p: float | None = None
    temperature: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        at_least(1, beam=self.beam, n_best=self.n_best)
        at_least(0, min_length=self.min_length)
        if not (math.isfinite(self.length_penalty) and self.length_penalty >= 0):
            raise ValueError(f"length_penalty must be at least 0, but is {self.length_penalty}")
        if self.max_length is not None:
            at_least(1, max_length=self.max_length)
            if self.max_length < self.min_length:
                raise ValueError(
                    f"max_length must be at least min_length ({self.min_length}), but is "
                    f"{self.max_length}"
                )
        if self.n_best > self.beam:
            raise ValueError(
                f"a beam of {self.beam} finds no {self.n_best} sequences: choose beam={self.n_best}"
            )
        if self.top_p is not None and not 0 < self.top_p <= 1:
            raise ValueError(f"top_p must be above 0 and at most 1, but is {self.top_p}")
        if not (math.isfinite(self.temperature) and self.temperature > 0):
            raise ValueError(f"temperature must be above 0, but is {self.temperature}")
        at_least(-(2**63), seed=self.seed)  # what torch takes
        if self.seed >= 2**64:
            raise ValueError(f"seed must be below 2^64, but is {self.seed}")
        if self.temperature != 1 and self.top_p is None:
            raise ValueError("temperature goes with pieces that are drawn: give top_p too")
        if self.top_p is not None and self.beam > 1:
            raise ValueError("pieces are either drawn (top_p) or searched for (beam), not both")

    def __call__(
        self,
        step: StepFunction,
        state: State,
        end: int,
        limits: Tensor,
        watch: Watcher | None = None,
        *,
        select: SelectFunction = rows_of_each,
    ) -> list[list[Found]]:
        """The best sequences of each sentence, best first.

        Args:
            step: Makes a step of each hypothesis.
            state: What is remembered before the first, for one hypothesis of each sentence.
            end: The number of the end, which also stands before the first piece.
            limits: ``(sentences,)``, the largest number of pieces; ``max_length`` goes before it, and
                ``min_length`` too where it is larger.
            watch: Sees each step.
            select: Chooses among hypotheses; by default rows of each tensor that is remembered.
        """
        if self.max_length is not None:
            limits = torch.full_like(limits, self.max_length)
        limits = limits.clamp(min=self.min_length)  # which max_length is never below
        if self.beam > 1:
            return beam_search(step, state, end, limits, self, watch, select)
        if self.top_p is None:
            return follow(step, state, end, limits, self, lambda logs: logs.argmax(1), watch)
        generator = torch.Generator(limits.device).manual_seed(self.seed)
        share, temperature = self.top_p, self.temperature

        def drawn(logs: Tensor) -> Tensor:
            # The likeliest is at 0, and stays there whatever it is divided by, so that no temperature
            # takes all to -inf; one beyond the numbers of a tensor would be 0 or infinite there.
            bounds = torch.finfo(logs.dtype)
            divisor = min(max(temperature, bounds.tiny), bounds.max)
            return nucleus((logs - logs.amax(1, keepdim=True)) / divisor, share, generator)

        return follow(step, state, end, limits, self, drawn, watch)


GREEDY = Search()
"""Takes the most likely piece at each step."""


def nucleus(logs: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Draw a piece from the fewest that together have at least this probability.

    Args:
        logs: ``(sentences, pieces)``, logarithms of probabilities.
        share: The probability, above 0 and at most 1.
        generator: What draws.

    Returns:
        ``(sentences,)``.
    """
    shares, order = logs.softmax(1).sort(dim=1, descending=True)
    behind = shares.cumsum(1) - shares  # what the more likely ones have together
    drawn = shares.masked_fill(behind >= share, 0).multinomial(1, generator=generator)
    return order.gather(1, drawn)[:, 0]


def follow(
    step: StepFunction,
    state: State,
    end: int,
    limits: Tensor,
    search: Search,
    choose: Callable[[Tensor], Tensor],
    watch: Watcher | None = None,
) -> list[list[Found]]:
    """One sequence for each sentence, a piece chosen at each step.

    ``choose`` takes the logarithms of probabilities, ``(sentences, pieces)``; ``watch`` sees the piece
    that is chosen and the most likely others. Of ``search`` the least length and the length penalty
    hold. The other arguments are those of a :class:`Search` when it is called.
    """
    last = torch.full((len(limits), 1), end, device=limits.device)
    alive = torch.ones_like(limits, dtype=torch.bool)
    total: Tensor | None = None
    chosen: list[Tensor] = []
    counted: list[Tensor] = []
    for length in range(int(limits.max())):
        logs, state = step(last, state)
        logs = logs[:, 0]
        allowed = _without(logs, end) if length < search.min_length else logs
        piece = choose(allowed)
        gained = logs.gather(1, piece[:, None])[:, 0]
        if watch is not None:
            before = torch.zeros_like(gained) if total is None else total
            watch(_chosen(allowed, piece, before, alive, end, limits == length + 1))
        total = torch.where(alive, gained, 0) + (0 if total is None else total)
        chosen.append(piece.masked_fill(~alive, end))
        counted.append(alive)
        alive = alive & (piece != end) & (limits > length + 1)
        last = piece[:, None]
        if not bool(alive.any()):
            break
    assert total is not None
    pieces, lengths = torch.stack(chosen, dim=1).tolist(), torch.stack(counted).sum(0).tolist()
    found = []
    for row, length, log in zip(pieces, lengths, total.tolist(), strict=True):
        own = [piece for piece in row[:length] if piece != end]
        found.append([Found(own, log, log / length**search.length_penalty)])
    return found


def _chosen(
    logs: Tensor, piece: Tensor, before: Tensor, alive: Tensor, end: int, cut: Tensor
) -> Looked:
    """The chosen piece of each sentence, and the most likely others."""
    others = logs.scatter(1, piece[:, None], -torch.inf)
    best, place = others.topk(min(WATCHED - 1, logs.shape[1] - 1), dim=1)
    pieces = torch.cat([piece[:, None], place], dim=1)
    totals = before[:, None] + torch.cat([logs.gather(1, piece[:, None]), best], dim=1)
    totals, order = totals.masked_fill(~alive[:, None], -torch.inf).sort(dim=1, descending=True)
    first = (order == 0) & alive[:, None]  # where the chosen one is now
    pieces = pieces.gather(1, order)
    ended = first & ((pieces == end) | cut[:, None])
    kept = torch.where(first & ~ended, 0, -1)
    return Looked(torch.zeros_like(pieces), pieces, totals, kept, ended)


def beam_search(
    step: StepFunction,
    state: State,
    end: int,
    limits: Tensor,
    search: Search,
    watch: Watcher | None = None,
    select: SelectFunction = rows_of_each,
) -> list[list[Found]]:
    r"""The best sequences that a beam finds.

    At each step the best ``beam`` of all continuations are looked at; those that end are kept apart,
    and the best ``beam`` others go on. Search stops when no hypothesis can still become better than the
    sequences found: one of probability *p* gets no better than :math:`\log p / n^a`, *n* being the
    largest length.

    ``watch`` sees all continuations that are looked at. The arguments are those of ``search`` when it is
    called.
    """
    sentences, beam, power = len(limits), search.beam, search.length_penalty
    state = select(state, limits.new_zeros(sentences, beam))
    last = torch.full((sentences, beam), end, device=limits.device)
    longest = int(limits.max())
    pieces = last.new_full((sentences, beam, longest), end)
    live: Tensor | None = None  # (sentences, beam), logarithms of probabilities
    done = _Done.empty(sentences, search.n_best, longest, end, limits.device)
    for length in range(longest):
        logs, state = step(last, state)
        if length < search.min_length:
            logs = _without(logs, end)
        if live is None:  # at first all hypotheses are the same
            live = logs.new_full((sentences, beam), -torch.inf)
            live[:, 0] = 0
        size = logs.shape[2]
        totals = (live[:, :, None] + logs).flatten(1)  # (sentences, beam * pieces)
        best, place = totals.topk(min(2 * beam, totals.shape[1]), dim=1)
        parent, piece = place // size, place % size
        ends = piece == end
        ended = best.masked_fill(~ends, -torch.inf)[:, :beam]
        before = chosen(pieces, parent[:, :beam])
        done = done.with_these(before, ended, ended / (length + 1) ** power)
        # The first `beam` that don't end, in their order.
        going = best.masked_fill(ends, -torch.inf)
        live, kept = going.topk(min(beam, going.shape[1]), dim=1)
        if live.shape[1] < beam:  # fewer continuations than hypotheses
            missing = beam - live.shape[1]
            live = torch.nn.functional.pad(live, (0, missing), value=-torch.inf)
            kept = torch.nn.functional.pad(kept, (0, missing))
        cut = (limits == length + 1)[:, None]
        if watch is not None:
            candidates = torch.arange(place.shape[1], device=place.device)
            taken = (kept[:, None] == candidates[:, None]) & live.isfinite()[:, None]
            at = torch.where(taken.any(2), taken.int().argmax(2), -1)
            set_apart = (ends & (candidates < beam) & best.isfinite()) | ((at >= 0) & cut)
            watch(Looked(parent, piece, best, at.masked_fill(cut, -1), set_apart))
        parent, last = parent.gather(1, kept), piece.gather(1, kept)
        state = select(state, parent)
        pieces = chosen(pieces, parent)
        pieces[:, :, length] = last
        whole = live.masked_fill(~cut, -torch.inf)
        done = done.with_these(pieces, whole, whole / (length + 1) ** power)
        live = live.masked_fill(cut, -torch.inf)
        attainable = live.amax(1) / limits**power
        if bool((attainable <= done.scores[:, -1]).all()):
            break
    return done.found(end)


@dataclass(frozen=True)
class _Done:
    """The best sequences of each sentence so far, best first: ``(sentences, n_best, ...)``."""

    pieces: Tensor
    logs: Tensor
    scores: Tensor

    @classmethod
    def empty(
        cls, sentences: int, count: int, longest: int, end: int, device: torch.device
    ) -> _Done:
        nothing = torch.full((sentences, count), -torch.inf, dtype=torch.float64, device=device)
        pieces = torch.full((sentences, count, longest), end, device=device)
        return cls(pieces, nothing, nothing)

    def with_these(self, pieces: Tensor, logs: Tensor, scores: Tensor) -> _Done:
        joined = torch.cat([self.scores, scores.double()], dim=1)
        best, place = joined.topk(self.scores.shape[1], dim=1)
        return _Done(
            chosen(torch.cat([self.pieces, pieces], dim=1), place),
            torch.cat([self.logs, logs.double()], dim=1).gather(1, place),
            best,
        )

    def found(self, end: int) -> list[list[Found]]:
        """Those that there are."""
        return [
            [
                Found([piece for piece in row if piece != end], log, score)
                for row, log, score in zip(pieces, logs, scores, strict=True)
                if score > -math.inf
            ]
            for pieces, logs, scores in zip(
                self.pieces.tolist(), self.logs.tolist(), self.scores.tolist(), strict=True
            )
        ]


def _without(logs: Tensor, end: int) -> Tensor:
    """The logarithms, with none for the end."""
    logs = logs.clone()
    logs[..., end] = -torch.inf
    return logs
