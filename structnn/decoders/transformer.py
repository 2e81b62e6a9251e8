"""The Transformer decoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, cast

import torch
from torch import Tensor, nn

from structnn.decoders.attention import MultiHeadAttention
from structnn.decoders.base import Decoder, Memory, State, Step, chosen
from structnn.encoders.attention import sinusoids
from structnn.ops.dropout import Dropout
from structnn.options import Depth, Probability, Size

__all__ = ["TransformerDecoder", "TransformerDecoderLayer"]


class TransformerDecoder(Decoder):
    r"""A Transformer decoder (Vaswani et al. 2017).

    .. math::
        h' = h + \mathrm{SelfAttention}(\mathrm{LN}(h)), \quad
        h'' = h' + \mathrm{Attention}(\mathrm{LN}(h'), \mathrm{memory}), \quad
        h''' = h'' + W_2 \mathrm{ReLU}(W_1 \mathrm{LN}(h'') + b_1) + b_2

    Each place sees itself and those before it. The alignment is the mean of the heads of the top layer.

    Args:
        input_dim: The width of the vectors of target pieces; projected to ``hidden_dim``.
        hidden_dim: The width of the states; a multiple of ``heads``.
        state_dim: The width of the encoder's states.
        sentence_dim: The width of the encoder's sentence vectors, which aren't read.
        layers: Number of layers.
        heads: Attention heads of each layer.
        feedforward: The width of the inner layer as a multiple of ``hidden_dim``.
        dropout: Dropout rate of attention weights and of each block.
        norm: ``"pre"``: normalise before each block, and once at the end; ``"post"``: behind each, as
            in the paper.
        copy: Whether source words can be copied (See et al. 2017).
        selective_read: Whether each step also reads the states of the source words that the piece
            before equals (Gu et al. 2016); takes ``copy``.
        copy_once: Whether a source word that was written becomes less likely to be copied; takes
            ``copy``.

    Raises:
        ValueError: Options don't go together.
    """

    reads_sentences = False

    def __init__(
        self,
        input_dim: int,
        hidden_dim: int,
        state_dim: int,
        sentence_dim: int,
        *,
        layers: Depth = 2,
        heads: Size = 4,
        feedforward: Size = 2,
        dropout: Probability = 0.1,
        norm: Literal["pre", "post"] = "pre",
        copy: bool = False,
        selective_read: bool = False,
        copy_once: bool = False,
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
        self.projection = nn.Linear(input_dim, hidden_dim)
        self.layers = nn.ModuleList(
            TransformerDecoderLayer(
                hidden_dim,
                state_dim,
                heads,
                feedforward * hidden_dim,
                dropout=dropout,
                pre_norm=norm == "pre",
            )
            for _ in range(layers)
        )
        self.norm = nn.LayerNorm(hidden_dim) if norm == "pre" else nn.Identity()

    def prepare(self, memory: Memory) -> Memory:
        keys = [part for layer in self.layers for part in _layer(layer).look.keys(memory.states)]
        return Memory(memory.states, memory.mask, memory.sentence, tuple(keys))

    def start(self, memory: Memory) -> State:
        """Where in the caches the places of each hypothesis are; and the keys and values of each layer.

        Hypotheses share the caches of their sentence, ``(sentences, heads, cached, dim / heads)``: what
        several go on from is there once, and nothing is copied when a search chooses among them.
        """
        sentences = len(memory.mask)
        own = memory.mask.new_zeros(sentences, 1, 0, dtype=torch.long)
        caches = [
            memory.states.new_zeros(sentences, look.heads, 0, self.output_dim // look.heads)
            for look in (_layer(layer).attention for layer in self.layers)
            for _ in ("keys", "values")
        ]
        return own, *caches

    def select(self, state: State, places: Tensor) -> State:
        own, *caches = state
        return chosen(own, places), *caches

    def step(self, x: Tensor, state: State, memory: Memory) -> Step:
        own, *caches = state  # (sentences, hypotheses, places)
        sentences, hypotheses, place = own.shape
        cached = caches[0].shape[2]
        new = torch.arange(cached, cached + hypotheses, device=own.device)
        own = torch.cat([own, new.expand(sentences, -1)[:, :, None]], dim=2)
        mine = torch.zeros(
            sentences, hypotheses, cached + hypotheses, dtype=torch.bool, device=own.device
        ).scatter_(2, own, value=True)
        h = self.projection(x) + sinusoids(place + 1, self.output_dim, x)[place]
        remembered: list[Tensor] = []
        alignment = None
        for number, layer in enumerate(self.layers):
            part = slice(2 * number, 2 * number + 2)
            h, alignment, *kept = _layer(layer).step(
                h, caches[part], mine, memory.keys[part], memory.mask
            )
            remembered += kept
        return Step(self.norm(h), alignment, (own, *remembered))

    def run(self, x: Tensor, memory: Memory) -> Step:
        length = x.shape[1]
        h = self.projection(x) + sinusoids(length, self.output_dim, x)
        before = torch.ones(1, length, length, dtype=torch.bool, device=x.device).tril()
        alignment = None
        for number, layer in enumerate(self.layers):
            looked_at = memory.keys[2 * number : 2 * number + 2]
            h, alignment = layer(h, before, looked_at, memory.mask)
        return Step(self.norm(h), alignment)


class TransformerDecoderLayer(nn.Module):
    """Attention to the places before, attention to a memory, and a perceptron.

    Args:
        dim: The width of the states.
        memory_dim: The width of the memory's states.
        heads: Attention heads.
        feedforward: The width of the perceptron's inner layer.
        dropout: Dropout rate of attention weights, of the inner layer and of each block.
        pre_norm: Normalise before each block, not behind it.
    """

    def __init__(
        self,
        dim: int,
        memory_dim: int,
        heads: int,
        feedforward: int,
        *,
        dropout: float = 0.0,
        pre_norm: bool = True,
    ) -> None:
        super().__init__()
        self.pre_norm = pre_norm
        self.attention = MultiHeadAttention(dim, dim, heads, dropout=dropout)
        self.look = MultiHeadAttention(dim, memory_dim, heads, dropout=dropout)
        self.perceptron = nn.Sequential(
            nn.Linear(dim, feedforward), nn.ReLU(), Dropout(dropout), nn.Linear(feedforward, dim)
        )
        self.norms = nn.ModuleList([nn.LayerNorm(dim) for _ in range(3)])
        self.dropout = Dropout(dropout)

    def forward(
        self, h: Tensor, before: Tensor, looked_at: tuple[Tensor, ...], mask: Tensor
    ) -> tuple[Tensor, Tensor]:
        """All places at once.

        Args:
            h: ``(sentences, places, dim)``.
            before: ``(1, places, places)``, True where a place may look at another.
            looked_at: Keys and values of the memory, as its attention gives them.
            mask: ``(sentences, longest)``, True where the memory has a state.

        Returns:
            As ``h``, and the weights of the memory's states, ``(sentences, places, longest)``.
        """
        x = self._before(0, h)
        h = self._behind(0, h, self.attention(x, *self.attention.keys(x), before)[0])
        return self._rest(h, looked_at, mask)

    def step(
        self,
        h: Tensor,
        cached: Sequence[Tensor],
        mine: Tensor,
        looked_at: tuple[Tensor, ...],
        mask: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The next place of each hypothesis.

        Args:
            h: ``(sentences, hypotheses, dim)``.
            cached: Keys and values of the places before, each ``(sentences, heads, cached, dim /
                heads)``.
            mine: ``(sentences, hypotheses, cached + hypotheses)``, True for the places of each
                hypothesis, this one included.
            looked_at: As for :meth:`forward`.
            mask: As for :meth:`forward`.

        Returns:
            What :meth:`forward` does, and the keys and values with those of this place.
        """
        x = self._before(0, h)
        keys, values = (
            torch.cat([before, own], dim=2)
            for before, own in zip(cached, self.attention.keys(x), strict=True)
        )
        found, _ = self.attention(x, keys, values, mine)
        return *self._rest(self._behind(0, h, found), looked_at, mask), keys, values

    def _rest(
        self, h: Tensor, looked_at: tuple[Tensor, ...], mask: Tensor
    ) -> tuple[Tensor, Tensor]:
        found, weights = self.look(self._before(1, h), *looked_at, mask[:, None])
        h = self._behind(1, h, found)
        return self._behind(2, h, self.perceptron(self._before(2, h))), weights

    def _before(self, block: int, h: Tensor) -> Tensor:
        return self.norms[block](h) if self.pre_norm else h

    def _behind(self, block: int, h: Tensor, found: Tensor) -> Tensor:
        h = h + self.dropout(found)
        return h if self.pre_norm else self.norms[block](h)


def _layer(module: nn.Module) -> TransformerDecoderLayer:
    return cast(TransformerDecoderLayer, module)
