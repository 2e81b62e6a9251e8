"""Recurrent decoders, with attention or without."""

from __future__ import annotations

from typing import ClassVar, Literal, cast

import torch
from torch import Tensor, nn

from structnn.decoders.attention import (
    AdditiveScore,
    LocationScore,
    MultiplicativeScore,
    Score,
    attend,
)
from structnn.decoders.base import Decoder, Memory, State, Step, all_steps
from structnn.ops.dropout import Dropout
from structnn.options import Depth, Probability

__all__ = ["GRUDecoder", "LSTMDecoder", "RecurrentDecoder"]


class RecurrentDecoder(Decoder):
    r"""What the recurrent decoders share.

    With the vector *x* of the piece before, the sentence vector *s*, the states :math:`h_i` of the
    memory and a recurrent network *f*,

    .. math::
        q_0 = \tanh(W_0 s + b_0), \quad q_t = f(x_t, q_{t-1}), \quad
        a_t = \mathrm{softmax}_i\,\mathrm{score}(q_t, h_i), \quad
        o_t = \tanh\bigl(W_c [q_t; \textstyle\sum_i a_{ti} h_i] + b_c\bigr)

    (Luong et al. 2015, whatever the score). Without attention :math:`o_t` is :math:`q_t`, so that all
    the decoder knows of the source has to fit into *s* (Sutskever et al. 2014; Cho et al. 2014).

    Args:
        input_dim: The width of the vectors of target pieces.
        hidden_dim: The width of the states.
        state_dim: The width of the encoder's states.
        sentence_dim: The width of the encoder's sentence vectors.
        layers: Number of layers, each on the states of the one below; the top one's look at the memory.
        attention: ``"none"``; ``"additive"`` (Bahdanau et al. 2015); ``"location"``, additive and with
            the weights of the step before beside each position (Chorowski et al. 2015); or of Luong et
            al. (2015) ``"dot"``, for equal widths, or ``"general"``. Positions are those of states in
            the memory: words in their order, or the nodes of a tree or graph in that of its arrays. In a
            dependency tree that is the order of the words.
        input_feeding: Whether each step reads the output of the one before, too (Luong et al. 2015).
        coverage: Whether scores depend on how much each state was looked at before, and looking again
            costs something in training (See et al. 2017); takes ``attention="additive"``.
        copy: Whether source words can be copied (See et al. 2017); takes attention.
        selective_read: Whether each step also reads the states of the source words that the piece
            before equals (Gu et al. 2016); takes ``copy``.
        copy_once: Whether a source word that was written becomes less likely to be copied; takes
            ``copy``.
        dropout: Dropout rate between layers and of the outputs.

    Raises:
        ValueError: Options don't go together.
    """

    network_class: ClassVar[type[nn.LSTM | nn.GRU]]
    parts: ClassVar[int]
    """How many vectors a layer remembers."""

    def __init__(
        self,
        input_dim: int,
        hidden_dim: int,
        state_dim: int,
        sentence_dim: int,
        *,
        layers: Depth = 1,
        attention: Literal["none", "additive", "location", "dot", "general"] = "additive",
        input_feeding: bool = False,
        coverage: bool = False,
        copy: bool = False,
        selective_read: bool = False,
        copy_once: bool = False,
        dropout: Probability = 0.0,
    ) -> None:
        super().__init__(
            input_dim,
            hidden_dim,
            state_dim,
            sentence_dim,
            copy=copy,
            selective_read=selective_read,
            copy_once=copy_once,
        )
        for name, chosen in (("input_feeding", input_feeding), ("copy", copy)):
            if chosen and attention == "none":
                raise ValueError(f"{name} needs attention, but attention is 'none'")
        if coverage and attention != "additive":
            raise ValueError(f"coverage needs attention='additive', but it is {attention!r}")
        self.has_alignment = attention != "none"
        self.has_coverage = coverage
        self.recalls = coverage or attention == "location"
        self.input_feeding = input_feeding
        self.layers = layers
        self.network = self.network_class(
            input_dim + (hidden_dim if input_feeding else 0),
            hidden_dim,
            layers,
            dropout=dropout if layers > 1 else 0.0,
            batch_first=True,
        )
        self.first = nn.Linear(sentence_dim, self.parts * layers * hidden_dim)
        self.dropout = Dropout(dropout)
        self._modules["score"] = None
        if attention == "additive":
            self._modules["score"] = AdditiveScore(hidden_dim, state_dim, coverage=coverage)
        elif attention == "location":
            self._modules["score"] = LocationScore(hidden_dim, state_dim)
        elif attention != "none":
            self._modules["score"] = MultiplicativeScore(
                hidden_dim, state_dim, general=attention == "general"
            )
        self.joined = nn.Linear(hidden_dim + state_dim, hidden_dim) if self.score else None

    @property
    def score(self) -> Score | None:
        """How states of the memory are scored; None without attention."""
        return cast("Score | None", self._modules["score"])

    def prepare(self, memory: Memory) -> Memory:
        if self.score is None:
            return memory
        keys = self.score.keys(memory.states)
        return Memory(memory.states, memory.mask, memory.sentence, (keys,))

    def start(self, memory: Memory) -> State:
        sentences, longest = memory.mask.shape
        first = self.first(memory.sentence).tanh()
        remembered = first.view(sentences, 1, self.parts, self.layers, -1).unbind(2)
        if self.input_feeding:
            remembered += (first.new_zeros(sentences, 1, self.output_dim),)
        if self.recalls:
            remembered += (first.new_zeros(sentences, 1, longest),)
        return cast(State, remembered)

    def step(self, x: Tensor, state: State, memory: Memory) -> Step:
        hidden, extra = state[: self.parts], list(state[self.parts :])
        if self.input_feeding:
            x = torch.cat([x, extra.pop(0)], dim=2)
        seen = extra.pop() if self.recalls else None
        rows = x.flatten(0, 1)[:, None]  # (sentences * hypotheses, 1, input)
        before = tuple(part.flatten(0, 1).transpose(0, 1).contiguous() for part in hidden)
        states, after = self.network(rows, before if self.parts > 1 else before[0])
        kept = after if self.parts > 1 else (after,)
        remembered = [part.transpose(0, 1).unflatten(0, x.shape[:2]) for part in kept]
        query = states[:, 0].unflatten(0, x.shape[:2])
        context, weights, seen = self._look(query, memory, seen)
        output = self._output(query, context)
        if self.input_feeding:
            remembered.append(output)
        if seen is not None:
            remembered.append(seen)
        return Step(output, weights, tuple(remembered))

    def run(self, x: Tensor, memory: Memory) -> Step:
        state = self.start(memory)
        if self.input_feeding:  # a step depends on the output of the one before
            steps: list[Step] = []
            for row in x.unbind(1):
                steps.append(self.step(row[:, None], state, memory))
                state = steps[-1].state
            outputs = torch.cat([step.output for step in steps], dim=1)
            return Step(outputs, all_steps([step.alignment for step in steps]))
        before = tuple(part[:, 0].transpose(0, 1).contiguous() for part in state[: self.parts])
        queries, _ = self.network(x, before if self.parts > 1 else before[0])
        if not self.recalls:
            context, alignment, _ = self._look(queries, memory, None)
            return Step(self._output(queries, context), alignment)
        # Queries don't depend on what was looked at, but where the next one looks does.
        contexts, weights = [], []
        seen: Tensor | None = state[-1]
        for place in range(queries.shape[1]):
            context, looked, seen = self._look(queries[:, place : place + 1], memory, seen)
            contexts.append(context)
            weights.append(looked)
        return Step(self._output(queries, all_steps(contexts)), all_steps(weights))

    def _look(
        self, query: Tensor, memory: Memory, seen: Tensor | None
    ) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        """What states of the top layer see, the attention, and what of it the next step is told.

        Args:
            query: ``(sentences, queries, hidden_dim)``.
            memory: As :meth:`prepare` gives it.
            seen: What the step before told; None for scores that don't ask.
        """
        if self.score is None:
            return None, None, None
        scores = self.score(query, memory.keys[0], seen)
        context, weights = attend(scores, memory.states, memory.mask)
        if seen is not None:
            seen = seen + weights if self.has_coverage else weights
        return context, weights, seen

    def _output(self, query: Tensor, context: Tensor | None) -> Tensor:
        """The outputs for states of the top layer and what they saw."""
        if self.joined is None or context is None:
            output = query
        else:
            output = self.joined(torch.cat([query, context], dim=2)).tanh()
        dropped: Tensor = self.dropout(output)
        return dropped


class GRUDecoder(RecurrentDecoder):
    """A gated recurrent unit (Cho et al. 2014) that looks at an encoding's states."""

    network_class = nn.GRU
    parts = 1


class LSTMDecoder(RecurrentDecoder):
    """Long short-term memory (Hochreiter and Schmidhuber 1997) that looks at an encoding's states."""

    network_class = nn.LSTM
    parts = 2
