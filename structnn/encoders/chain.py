"""Encoders after one another."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Self, cast

from torch import Tensor, nn

from structnn.data.batch import Batch
from structnn.encoders.base import Encoder, Encoding
from structnn.readouts import Readout

__all__ = ["Chain"]


class Chain(Encoder):
    """The token states of one encoder are the word vectors of the next.

    States and sentence vectors are those of the last encoder. C-GCN (Zhang et al. 2018), for one, is
    ``bilstm>gcn``.

    Args:
        encoders: At least one, each as wide as the next expects. All but the last lose their readouts.

    Raises:
        ValueError: There is none, or one is not as wide as the next expects.
    """

    def __init__(self, encoders: Sequence[Encoder]) -> None:
        if not encoders:
            raise ValueError("encoders must be at least one encoder, but there is none")
        for before, after in pairwise(encoders):
            if before.output_dim != after.input_dim:
                raise ValueError(
                    f"{type(before).__name__} gives vectors {before.output_dim} wide, but "
                    f"{type(after).__name__}, which follows it, expects {after.input_dim}"
                )
        *first, last = encoders
        super().__init__(encoders[0].input_dim, last.output_dim, readout=None)
        self.encoders = nn.ModuleList([*(encoder.without_readout() for encoder in first), last])
        self.reads = frozenset().union(*(encoder.reads for encoder in encoders))
        self.ordered_children = any(encoder.ordered_children for encoder in encoders)
        self.arity = min((e.arity for e in encoders if e.arity is not None), default=None)
        self.num_labels = max(encoder.num_labels for encoder in encoders)
        self.causal = all(encoder.causal for encoder in encoders)
        self.constructions = tuple(
            construction for encoder in encoders for construction in encoder.constructions
        )

    def prepare(self, batch: Batch) -> Batch:
        """The structures that its encoders read, made ahead of time; see :meth:`Encoder.prepare`."""
        for encoder in self.encoders:
            cast(Encoder, encoder).prepare(batch)
        return batch

    @property
    def last(self) -> Encoder:
        """The encoder whose states and sentence vectors the chain gives."""
        return cast(Encoder, self.encoders[-1])

    @property
    def readout(self) -> Readout | None:
        """That of the last encoder."""
        return self.last.readout

    @property
    def sentence_dim(self) -> int:
        """As the last encoder's."""
        return self.last.sentence_dim

    @property
    def has_node_states(self) -> bool:
        """As the last encoder's."""
        return self.last.has_node_states

    @property
    def stages(self) -> tuple[Encoder, ...]:
        """The encoders, those of chains within the chain one by one."""
        return tuple(stage for e in self.encoders for stage in cast(Encoder, e).stages)

    def without_readout(self) -> Self:
        """This chain, whose last encoder has lost its readout."""
        self.last.without_readout()
        return self

    def encode(self, x: Tensor, batch: Batch) -> Tensor:
        """The states of the last encoder."""
        return self.last.encode(self._below(x, batch), batch)

    def forward(self, x: Tensor, batch: Batch) -> Encoding:
        """The encoding of the last encoder."""
        self.check(x, batch)
        encoding: Encoding = self.last(self._below(x, batch), batch)
        return encoding

    def steps(self, batch: Batch) -> Tensor:
        """The fewest steps through all encoders, from one to the next through a token's state."""
        return self._through_all(self.last.steps(batch), batch)

    def sentence_steps(self, batch: Batch) -> Tensor:
        """The fewest steps through all encoders and the readout of the last."""
        return self._through_all(self.last.sentence_steps(batch)[None], batch)[0]

    def _below(self, x: Tensor, batch: Batch) -> Tensor:
        """What the last encoder reads."""
        for encoder in self.stages[:-1]:
            x = encoder.token_states(x, batch)
        return x

    def _through_all(self, last: Tensor, batch: Batch) -> Tensor:
        """``(states, tokens)`` through all encoders, given that through the last one."""
        for encoder in reversed(self.stages[:-1]):
            below = encoder.of_tokens(encoder.steps(batch), batch)  # (tokens, tokens)
            last = (last[:, :, None] + below).amin(1)
        return last
