"""Encoders after one another."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import cast

from torch import Tensor, nn

from structnn.data.batch import Batch
from structnn.encoders.base import Encoder, Encoding

__all__ = ["Chain"]


class Chain(Encoder):
    """The token states of one encoder are the word vectors of the next.

    The sentence vector is the last encoder's. C-GCN (Zhang et al. 2018), for one, is ``bilstm>gcn``.

    Args:
        encoders: At least one, each as wide as the next expects.
    """

    def __init__(self, encoders: Sequence[Encoder]) -> None:
        nn.Module.__init__(self)
        for before, after in pairwise(encoders):
            if before.output_dim != after.input_dim:
                raise ValueError(
                    f"{type(before).__name__} gives vectors {before.output_dim} wide, but "
                    f"{type(after).__name__}, which follows it, expects {after.input_dim}"
                )
        self.input_dim = encoders[0].input_dim
        self.output_dim = encoders[-1].output_dim
        # Nobody asks these for a sentence vector, so their readouts would never learn.
        for encoder in encoders[:-1]:
            encoder.readout = None
        self.encoders = nn.ModuleList(encoders)
        self.reads = frozenset().union(*(encoder.reads for encoder in encoders))  # type: ignore[misc]
        self.constructions = tuple(
            construction for encoder in encoders for construction in encoder.constructions
        )

    @property
    def last(self) -> Encoder:
        """The encoder whose states and sentence vectors the chain gives."""
        return cast(Encoder, self.encoders[-1])

    @property
    def has_node_states(self) -> bool:
        """As the last encoder's."""
        return self.last.has_node_states

    @property
    def reads_order(self) -> bool:
        """Whether any of them does."""
        return any(cast(Encoder, encoder).reads_order for encoder in self.encoders)

    @property
    def sentence_dim(self) -> int:
        """As the last encoder's."""
        return self.last.sentence_dim

    def encode(self, x: Tensor, batch: Batch) -> Tensor:
        """The states of the last encoder."""
        return self.last.encode(self._below(x, batch), batch)

    def forward(self, x: Tensor, batch: Batch) -> Encoding:
        """The encoding of the last encoder."""
        self.check(x, batch)
        encoding: Encoding = self.last(self._below(x, batch), batch)
        return encoding

    def _below(self, x: Tensor, batch: Batch) -> Tensor:
        """What the last encoder reads."""
        *first, _ = (cast(Encoder, encoder) for encoder in self.encoders)
        for encoder in first:
            states = encoder.encode(x, batch)
            x = batch.to_tokens(states) if encoder.has_node_states else states
        return x
