"""The one interface of all decoders."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import torch
from torch import Tensor

from structnn.data.batch import Batch
from structnn.encoders.base import Encoding
from structnn.notes import note
from structnn.options import Declared, at_least
from structnn.readouts import state_padding

__all__ = ["Decoder", "Memory", "State", "Step", "all_steps", "chosen", "rows_of_each"]

State: TypeAlias = tuple[Tensor, ...]
"""What a decoder remembers of the steps before: tensors, each ``(sentences, hypotheses, ...)`` unless
the decoder has a :meth:`Decoder.select` of its own."""


@dataclass(frozen=True)
class Memory:
    """What a decoder reads: the states of an encoding, padded to the longest sentence.

    Attributes:
        states: ``(sentences, longest, state_dim)``.
        mask: ``(sentences, longest)``, True where there is a state.
        sentence: ``(sentences, sentence_dim)``, the sentence vectors.
        keys: What a decoder computes of the states once for all steps; see :meth:`Decoder.prepare`.
    """

    states: Tensor
    mask: Tensor
    sentence: Tensor
    keys: tuple[Tensor, ...] = ()

    @classmethod
    def of(cls, encoding: Encoding, batch: Batch, states: Tensor | None = None) -> Memory:
        """The memory of a batch.

        Args:
            encoding: What an encoder gave for it.
            batch: The batch.
            states: The states of the encoding that are read, ``nodes`` (the default) or ``tokens``. The
                two are the same unless the structure has nodes without a word.
        """
        states = encoding.nodes if states is None else states
        padding = state_padding(states, encoding.tokens, batch)
        return cls(padding.pad(states), padding.mask, encoding.sentence)


class Step(NamedTuple):
    """What a decoder gives for one step of each hypothesis, or for all steps of a sequence.

    Attributes:
        output: ``(sentences, hypotheses or steps, output_dim)``, from which the next piece is predicted.
        alignment: ``(sentences, hypotheses or steps, longest)``, how much each state of the memory was
            looked at; None for a decoder without attention.
        state: What is remembered; empty where all steps were computed at once.
    """

    output: Tensor
    alignment: Tensor | None
    state: State = ()


class Decoder(Declared):
    """Turns the pieces of a sequence so far, and a memory, into what the next piece is predicted from.

    A subclass declares its options in the signature of its constructor (see :mod:`structnn.options`)
    and defines :meth:`prepare`, :meth:`start`, :meth:`step` and :meth:`run`. Whether steps are made one
    by one or all at once, the outputs are the same.

    Args:
        input_dim: The width of the vectors of target pieces.
        output_dim: The width of the outputs.
        state_dim: The width of the encoder's states.
        sentence_dim: The width of the encoder's sentence vectors.
        copy: Whether source words can be copied; see :class:`~structnn.decoders.output.Output`.
        selective_read: Whether each step also reads the states of the source words that the piece
            before equals (Gu et al. 2016); see :class:`~structnn.SequenceHead`. Takes ``copy``.
        copy_once: Whether a source word that was written becomes less likely to be copied; see
            :class:`~structnn.decoders.output.Output`. Takes ``copy``.

    Raises:
        ValueError: An option takes ``copy``, which isn't there, or a dimension is below one.

    Attributes:
        reads_sentences: Whether it reads sentence vectors, so that the encoder needs a readout.
        has_alignment: Whether it gives an alignment.
        has_coverage: Whether looking at the same states again costs something in training.
    """

    reads_sentences: bool = True
    has_alignment: bool = True
    has_coverage: bool = False

    __call__: Callable[..., Step]  # nn.Module's gives Any

    _widths = ("input_dim", "output_dim", "state_dim", "sentence_dim")

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        state_dim: int,
        sentence_dim: int,
        *,
        copy: bool,
        selective_read: bool = False,
        copy_once: bool = False,
    ) -> None:
        super().__init__()
        at_least(
            1,
            input_dim=input_dim,
            output_dim=output_dim,
            state_dim=state_dim,
            sentence_dim=sentence_dim,
        )
        self.input_dim, self.output_dim = input_dim, output_dim
        self.state_dim, self.sentence_dim = state_dim, sentence_dim
        for name, chosen in (("selective_read", selective_read), ("copy_once", copy_once)):
            if chosen and not copy:
                raise ValueError(f"{name} is about words that are copied: give copy=True too")
        self.copy, self.selective_read, self.copy_once = copy, selective_read, copy_once

    def prepare(self, memory: Memory) -> Memory:
        """The memory with all that doesn't depend on the step; :meth:`step` and :meth:`run` take it."""
        raise NotImplementedError

    def start(self, memory: Memory) -> State:
        """What is remembered before the first step, for one hypothesis of each sentence."""
        raise NotImplementedError

    def step(self, x: Tensor, state: State, memory: Memory) -> Step:
        """One step of each hypothesis.

        Args:
            x: ``(sentences, hypotheses, input_dim)``, the vector of the piece before.
            state: What :meth:`start` or the step before gave.
            memory: As :meth:`prepare` gives it.
        """
        raise NotImplementedError

    def select(self, state: State, places: Tensor) -> State:
        """What is remembered of chosen hypotheses.

        Args:
            state: What :meth:`start` or a step gave.
            places: ``(sentences, wanted)``, which of its hypotheses each one goes on from.
        """
        return rows_of_each(state, places)

    def run(self, x: Tensor, memory: Memory) -> Step:
        """All steps of one sequence for each sentence, each seeing those before it alone.

        Args:
            x: ``(sentences, steps, input_dim)``, for each step the vector of the piece before.
            memory: As :meth:`prepare` gives it.
        """
        raise NotImplementedError

    def forward(self, x: Tensor, memory: Memory) -> Step:
        """All steps at once: :meth:`run`, on a memory that isn't prepared yet.

        The alignment is noted as ``"alignment"`` (see :mod:`structnn.notes`).
        """
        made = self.run(x, self.prepare(memory))
        if made.alignment is not None:
            note("alignment", made.alignment)
        return made


def all_steps(steps: Sequence[Tensor | None]) -> Tensor | None:
    """What each step gave, ``(sentences, 1, ...)``, in one tensor; None where none gave anything."""
    there = [step for step in steps if step is not None]
    return torch.cat(there, dim=1) if there else None


def chosen(x: Tensor, places: Tensor) -> Tensor:
    """Rows of each sentence: ``(sentences, rows, ...)`` at ``(sentences, wanted)``."""
    first = torch.arange(len(x), device=x.device)[:, None] * x.shape[1]
    # Whole rows are copied, which is faster than to index two dimensions.
    rows = x.flatten(0, 1).index_select(0, (first + places).flatten())
    found: Tensor = rows.unflatten(0, places.shape)
    return found


def rows_of_each(state: State, places: Tensor) -> State:
    """What is remembered of chosen hypotheses, where each tensor has a row for each."""
    return tuple(chosen(part, places) for part in state)
