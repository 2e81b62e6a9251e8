"""From the states of a sentence's tokens or nodes to one vector. Any encoder takes any readout."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from structnn.data.batch import Batch
from structnn.notes import note
from structnn.ops.segments import (
    Padding,
    segment_max,
    segment_mean,
    segment_of,
    segment_softmax,
    segment_sum,
)
from structnn.options import Count, Declared, Size, at_least
from structnn.registry import Registry

__all__ = ["READOUTS", "Readout", "build_readout", "register_readout"]


class Readout(Declared):
    """Reduces the states of each sentence to one vector.

    Args:
        input_dim: The width of the states.
        backward_dim: How many of the last columns were read from right to left (half of them in a
            bidirectional LSTM); only the readouts that single out an end look at it.

    Attributes:
        output_dim: The width of the sentence vector.

    Raises:
        ValueError: ``input_dim`` is below 1, or ``backward_dim`` is not from 0 to ``input_dim``.

    Shapes:
        - nodes: ``(nodes, input_dim)``, or the same tensor as tokens where every node is a word
        - tokens: ``(tokens, input_dim)``
        - output: ``(sentences, output_dim)``
    """

    reads: frozenset[str] = frozenset()

    __call__: Callable[..., Tensor]  # nn.Module's gives Any

    _widths = ("input_dim",)

    def __init__(self, input_dim: int, *, backward_dim: int = 0) -> None:
        super().__init__()
        at_least(1, input_dim=input_dim)
        at_least(0, backward_dim=backward_dim)
        if backward_dim > input_dim:
            raise ValueError(
                f"backward_dim must be at most input_dim ({input_dim}), but is {backward_dim}"
            )
        self.input_dim = input_dim
        self.backward_dim = backward_dim
        self.output_dim = input_dim

    def forward(self, nodes: Tensor, tokens: Tensor, batch: Batch) -> Tensor:
        """The sentence vectors."""
        raise NotImplementedError

    def steps(self, steps: Tensor, batch: Batch) -> Tensor:
        """The steps between each word and the sentence vector, given those to the states.

        A readout that doesn't take all states overrides this.

        Args:
            steps: ``(states, tokens)``, see :meth:`structnn.Encoder.steps`.
            batch: One sentence.

        Returns:
            ``(tokens,)``.
        """
        return steps.amin(0)


class LastReadout(Readout):
    """The state of the last token; of the first one, for columns read from right to left."""

    def forward(self, nodes: Tensor, tokens: Tensor, batch: Batch) -> Tensor:
        last = tokens.index_select(0, batch.token_ptr[1:] - 1)
        if self.backward_dim == 0:
            return last
        first = tokens.index_select(0, batch.token_ptr[:-1])
        forward_dim = self.input_dim - self.backward_dim
        return torch.cat([last[:, :forward_dim], first[:, forward_dim:]], dim=1)

    def steps(self, steps: Tensor, batch: Batch) -> Tensor:
        words = batch.to_tokens(steps) if len(steps) != batch.num_tokens else steps
        return torch.minimum(words[-1], words[0]) if self.backward_dim else words[-1]


class RootReadout(Readout):
    """The state of the tree's root: for a dependency tree, of the word that heads the sentence."""

    reads = frozenset({"tree"})

    def forward(self, nodes: Tensor, tokens: Tensor, batch: Batch) -> Tensor:
        if nodes is tokens and not batch.nodes_are_tokens:
            raise ValueError(
                "the 'root' readout needs a state at the root, but this encoder has states for words "
                "only and the roots of these trees have no word: choose another readout"
            )
        return nodes.index_select(0, batch.roots)

    def steps(self, steps: Tensor, batch: Batch) -> Tensor:
        return steps[int(batch.roots)]


class MeanReadout(Readout):
    """The mean of all states."""

    def forward(self, nodes: Tensor, tokens: Tensor, batch: Batch) -> Tensor:
        return segment_mean(nodes, state_ptr(nodes, tokens, batch))


class SumReadout(Readout):
    """The sum of all states."""

    def forward(self, nodes: Tensor, tokens: Tensor, batch: Batch) -> Tensor:
        return segment_sum(nodes, state_ptr(nodes, tokens, batch))


class MaxReadout(Readout):
    """The largest value of each column ("max over time")."""

    def forward(self, nodes: Tensor, tokens: Tensor, batch: Batch) -> Tensor:
        return segment_max(nodes, state_ptr(nodes, tokens, batch))


class KMaxReadout(Readout):
    """The *k* largest values of each column, in the order of the words (Kalchbrenner et al. 2014).

    A sentence with fewer than *k* states has zeros behind its last.

    Args:
        input_dim: The width of the states; the sentence vector is ``k`` times that.
        backward_dim: See :class:`Readout`.
        k: How many.
    """

    def __init__(self, input_dim: int, *, backward_dim: int = 0, k: Size = 3) -> None:
        super().__init__(input_dim, backward_dim=backward_dim)
        self.k = k
        self.output_dim = k * input_dim

    def forward(self, nodes: Tensor, tokens: Tensor, batch: Batch) -> Tensor:
        padding = state_padding(nodes, tokens, batch)
        padded = padding.pad(nodes)  # (sentences, longest, input)
        absent = ~padding.mask[:, :, None]
        k = min(self.k, padded.shape[1])
        # Of equal values (zeros of a rectifier, say) the first ones, however long the padding is.
        order = padded.masked_fill(absent, -torch.inf).argsort(dim=1, descending=True, stable=True)
        # Whatever is chosen of the padding comes last, and is zero.
        chosen = padded.gather(1, order[:, :k].sort(dim=1).values)
        chosen = torch.cat([chosen, chosen.new_zeros(len(batch), self.k - k, self.input_dim)], 1)
        return chosen.flatten(1)


class AttentionReadout(Readout):
    r"""Additive attention with a learned query (Bahdanau et al. 2015; Yang et al. 2016).

    .. math:: a = \mathrm{softmax}_t(v^\top \tanh(W h_t + b)), \qquad s = \sum_t a_t h_t
    """

    def __init__(self, input_dim: int, *, backward_dim: int = 0) -> None:
        super().__init__(input_dim, backward_dim=backward_dim)
        self.projection = nn.Linear(input_dim, input_dim)
        self.query = nn.Linear(input_dim, 1, bias=False)

    def forward(self, nodes: Tensor, tokens: Tensor, batch: Batch) -> Tensor:
        scores = self.query(torch.tanh(self.projection(nodes)))  # (nodes, 1)
        return weighted_sum(scores, nodes[:, None], state_ptr(nodes, tokens, batch))


class SelfAttentiveReadout(Readout):
    r"""Structured self-attention: several views of one sentence (Lin et al. 2017).

    .. math:: A = \mathrm{softmax}\bigl(W_{s2} \tanh(W_{s1} H^\top)\bigr), \qquad M = A H

    The sentence vector is *M*, its rows one after the other.

    Args:
        input_dim: The width of the states; the sentence vector is ``hops`` times that.
        backward_dim: See :class:`Readout`.
        hops: How many rows of attention, *r* in the paper.
        attention_dim: The width of the attention's hidden layer, :math:`d_a`; ``input_dim`` if 0.
    """

    def __init__(
        self, input_dim: int, *, backward_dim: int = 0, hops: Size = 4, attention_dim: Count = 0
    ) -> None:
        super().__init__(input_dim, backward_dim=backward_dim)
        self.projection = nn.Linear(input_dim, attention_dim or input_dim, bias=False)
        self.queries = nn.Linear(attention_dim or input_dim, hops, bias=False)
        self.output_dim = hops * input_dim

    def forward(self, nodes: Tensor, tokens: Tensor, batch: Batch) -> Tensor:
        scores = self.queries(torch.tanh(self.projection(nodes)))  # (nodes, hops)
        return weighted_sum(scores, nodes[:, None], state_ptr(nodes, tokens, batch))


class MultiHeadReadout(Readout):
    r"""Multi-head attention with one learned query (Vaswani et al. 2017; Lee et al. 2019).

    .. math::
        a^{(m)} = \mathrm{softmax}_t\bigl(q^{(m)\top} K^{(m)} h_t / \sqrt{d}\bigr), \qquad
        s = W \bigl[\dots; \sum_t a^{(m)}_t V^{(m)} h_t; \dots\bigr] + b

    Args:
        input_dim: The width of the states; a multiple of ``heads``.
        backward_dim: See :class:`Readout`.
        heads: How many heads, *m*.

    Raises:
        ValueError: ``input_dim`` is not a multiple of ``heads``.
    """

    def __init__(self, input_dim: int, *, backward_dim: int = 0, heads: Size = 4) -> None:
        super().__init__(input_dim, backward_dim=backward_dim)
        if input_dim % heads:
            raise ValueError(
                f"the 'multi_head_attention' readout needs states whose width is a multiple of "
                f"heads={heads}, but they are {input_dim} wide"
            )
        self.heads = heads
        # The query's product with the keys' weights is a vector for each head: no need for both.
        self.queries = nn.Linear(input_dim, heads, bias=False)
        self.values = nn.Linear(input_dim, input_dim, bias=False)
        self.output = nn.Linear(input_dim, input_dim)

    def forward(self, nodes: Tensor, tokens: Tensor, batch: Batch) -> Tensor:
        values = self.values(nodes).unflatten(1, (self.heads, -1))  # (nodes, heads, d)
        heads = weighted_sum(self.queries(nodes), values, state_ptr(nodes, tokens, batch))
        summary: Tensor = self.output(heads)
        return summary


class Concatenation(Readout):
    """Several readouts, side by side.

    Args:
        readouts: At least one, all of the same states.

    Raises:
        ValueError: There is none.
    """

    def __init__(self, readouts: Sequence[Readout]) -> None:
        if not readouts:
            raise ValueError("readouts must be at least one readout, but there is none")
        super().__init__(readouts[0].input_dim, backward_dim=readouts[0].backward_dim)
        self.parts = nn.ModuleList(readouts)
        self.reads = frozenset().union(*(readout.reads for readout in readouts))
        self.output_dim = sum(readout.output_dim for readout in readouts)

    def forward(self, nodes: Tensor, tokens: Tensor, batch: Batch) -> Tensor:
        return torch.cat([part(nodes, tokens, batch) for part in self.parts], dim=1)

    def steps(self, steps: Tensor, batch: Batch) -> Tensor:
        parts = (cast(Readout, part) for part in self.parts)
        return torch.stack([part.steps(steps, batch) for part in parts]).amin(0)


def state_ptr(nodes: Tensor, tokens: Tensor, batch: Batch) -> Tensor:
    """Where each sentence's states begin, be they at tokens or at nodes."""
    return batch.token_ptr if nodes is tokens else batch.node_ptr


def state_padding(nodes: Tensor, tokens: Tensor, batch: Batch) -> Padding:
    """Pads each sentence's states, be they at tokens or at nodes."""
    if nodes is tokens:
        return batch.padding
    return Padding(batch.node_ptr, len(nodes), batch.max_nodes)


def weighted_sum(scores: Tensor, values: Tensor, ptr: Tensor) -> Tensor:
    """Weigh the values of each sentence by the softmax of their scores.

    Args:
        scores: ``(rows, heads)``.
        values: ``(rows, heads or 1, d)``.
        ptr: ``(sentences + 1,)``.

    Returns:
        ``(sentences, heads * d)``.
    """
    segment = segment_of(ptr, len(scores))
    weights = segment_softmax(scores, ptr, segment)
    note("readout attention", weights)
    return segment_sum((weights[:, :, None] * values).flatten(1), ptr, segment)


READOUTS: Registry[Readout] = Registry("readout", given=("backward_dim",))
READOUTS.add("last", LastReadout)
READOUTS.add("root", RootReadout)
READOUTS.add("mean", MeanReadout)
READOUTS.add("sum", SumReadout)
READOUTS.add("max", MaxReadout)
READOUTS.add("k_max", KMaxReadout)
READOUTS.add("attention", AttentionReadout)
READOUTS.add("multi_head_attention", MultiHeadReadout)
READOUTS.add("self_attentive", SelfAttentiveReadout)


def register_readout(name: str, cls: type[Readout]) -> None:
    """Make a readout of your own available by name.

    Args:
        name: Letters, digits and underscores.
        cls: A subclass of :class:`Readout` whose constructor takes ``input_dim`` and, by keyword,
            ``backward_dim``, then options with defaults as keyword-only arguments.

    Raises:
        ValueError: The name can't be one, or is another class's already.
    """
    READOUTS.add(name, cls)


def build_readout(spec: str, input_dim: int, *, backward_dim: int = 0) -> Readout:
    """The readout that a string describes.

    Args:
        spec: A name, ``"mean"``; a name with options, ``"k_max(k=5)"``; or several of either, to be
            set side by side, ``"mean+max"``.
        input_dim: The width of the states.
        backward_dim: See :class:`Readout`.

    Raises:
        UnknownNameError: A name or an option is not known, or the string can't be read; the message
            lists the valid ones.
        ValueError: An option's value is not accepted.

    Example:
        >>> build_readout("mean+k_max(k=2)", input_dim=8).output_dim
        24
    """
    readouts = [
        READOUTS.build(name, options, input_dim, backward_dim=backward_dim)
        for name, options in READOUTS.parse(spec, "+")
    ]
    return readouts[0] if len(readouts) == 1 else Concatenation(readouts)
