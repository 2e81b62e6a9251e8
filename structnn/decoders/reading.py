"""What a decoder reads of a batch, and what it finds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from structnn.data.batch import Batch
from structnn.decoders.base import Memory
from structnn.decoders.output import Source
from structnn.encoders.base import Encoding
from structnn.heads.readers import Reader
from structnn.sentence import Sentence

__all__ = ["Hypothesis", "Reading", "StatesReader"]


@dataclass(frozen=True)
class Hypothesis:
    """A sequence that was found.

    Attributes:
        text: The sequence as text.
        pieces: Its pieces.
        log_probability: The logarithm of its probability, the end included if it has one.
        score: That, divided by a power of the length.
        alignment: ``(pieces + 1, states)``, how much each piece and the end looked at each state of the
            source; None for a decoder without attention.
    """

    text: str
    pieces: tuple[str, ...]
    log_probability: float
    score: float
    alignment: Tensor | None = None


@dataclass(frozen=True)
class Reading:
    """What a decoder reads of a batch.

    Attributes:
        memory: The states, prepared for the decoder.
        source: The words that can be copied; None where words aren't copied.
        sentences: The sentences.
    """

    memory: Memory
    source: Source | None
    sentences: Sequence[Sentence]


class StatesReader(Reader):
    """All states of each sentence, for a decoder to look at.

    Args:
        sentence_dim: The width of the encoder's sentence vectors.
        state_dim: The width of its states.
        states: Those of all ``"nodes"`` of the structure, or of the ``"tokens"`` alone. The two are the
            same unless the structure has nodes without a word.
        sentences: Whether the decoder reads sentence vectors, too.
    """

    rows = "piece"

    def __init__(
        self,
        sentence_dim: int,
        state_dim: int,
        *,
        states: Literal["nodes", "tokens"] = "nodes",
        sentences: bool = True,
    ) -> None:
        super().__init__(sentence_dim, state_dim)
        self.states = states
        self.reads_sentences = sentences
        self.output_dim = state_dim

    def forward(self, encoding: Encoding, batch: Batch, spans: Tensor | None = None) -> Tensor:
        return encoding.nodes if self.states == "nodes" else encoding.tokens
