"""Self-attention over the sentence."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from structnn.data.batch import Batch
from structnn.encoders.attention import Pairs, TransformerLayer, sinusoids
from structnn.encoders.base import Encoder, Encoding
from structnn.ops.paths import behind, through
from structnn.ops.segments import Padding
from structnn.options import Depth, Probability, Size
from structnn.readouts import READOUTS

__all__ = ["Transformer"]

LEARNED_PLACES = 512


class Transformer(Encoder):
    r"""A Transformer encoder (Vaswani et al. 2017).

    .. math::
        h' &= h + \mathrm{Attention}(\mathrm{LN}(h)), \qquad
        h'' = h' + W_2 \mathrm{ReLU}(W_1 \mathrm{LN}(h') + b_1) + b_2

    with normalisation before each block; behind it, as in the paper, it is
    :math:`h' = \mathrm{LN}(h + \mathrm{Attention}(h))` and so on.

    Args:
        input_dim: The width of the word vectors; projected to ``hidden_dim``.
        hidden_dim: The width of the states; a multiple of ``heads``.
        layers: Number of layers.
        heads: Attention heads of each layer.
        feedforward: The width of the inner layer as a multiple of ``hidden_dim``.
        dropout: Dropout rate of attention weights and of both blocks of each layer.
        norm: ``"pre"``: before each block, and once at the end; ``"post"``: behind each.
        positions: ``"sinusoidal"``; ``"learned"``, a vector for each of the first 512 places, those
            behind sharing the last; ``"rotary"`` (Su et al. 2021); or ``"none"``.
        causal: Each word looks at those up to itself alone, as in a decoder.
        readout: By default the mean of all states. ``"cls"`` puts a learned vector before the first
            word and takes its state, as BERT does (Devlin et al. 2019).

    Raises:
        ValueError: ``hidden_dim`` is not a multiple of ``heads`` (with rotary positions of twice as
            many), or ``"cls"`` is not alone or with ``causal``.
    """

    reads = frozenset({"sequence"})

    def __init__(
        self,
        input_dim: int,
        hidden_dim: int,
        *,
        layers: Depth = 2,
        heads: Size = 4,
        feedforward: Size = 2,
        dropout: Probability = 0.1,
        norm: Literal["pre", "post"] = "pre",
        positions: Literal["sinusoidal", "learned", "rotary", "none"] = "sinusoidal",
        causal: bool = False,
        readout: str = "mean",
    ) -> None:
        cls = readout == "cls"
        if cls and causal:
            raise ValueError(
                "readout='cls' is a vector before the first word, which with causal=True sees no word; "
                "take another readout, such as last"
            )
        if not cls and "cls" in [name for name, _ in READOUTS.parse(readout, "+")]:
            raise ValueError(
                f"readout={readout!r} has 'cls' beside others or with options: it is taken alone, as "
                "readout='cls', since it adds a vector to the sentence"
            )
        super().__init__(input_dim, hidden_dim, readout=None if cls else readout)
        self.positions = positions
        self.causal = causal
        self.projection = nn.Linear(input_dim, hidden_dim)
        self.cls = nn.Parameter(torch.randn(hidden_dim)) if cls else None
        if positions == "learned":
            self.places = nn.Embedding(LEARNED_PLACES, hidden_dim)
            nn.init.normal_(self.places.weight, std=0.1)
        self.layers = nn.ModuleList(
            TransformerLayer(
                hidden_dim,
                heads,
                feedforward * hidden_dim,
                dropout=dropout,
                pre_norm=norm == "pre",
                rotary=positions == "rotary",
            )
            for _ in range(layers)
        )
        self.norm = nn.LayerNorm(hidden_dim) if norm == "pre" else nn.Identity()

    def encode(self, x: Tensor, batch: Batch) -> Tensor:
        """The states of the top layer."""
        if self.cls is not None:
            return self._with_cls(x, batch)[0]
        return self._run(self.projection(x), batch.token_ptr, batch.max_length)

    def forward(self, x: Tensor, batch: Batch) -> Encoding:
        """Encode a batch; see :class:`Encoder`."""
        if self.cls is None:
            return super().forward(x, batch)
        self.check(x, batch)
        tokens, sentence = self._with_cls(x, batch)
        return Encoding(tokens, tokens, sentence)

    def steps(self, batch: Batch) -> Tensor:
        """As many as layers, from any word (of a causal one, any word before it) to any other."""
        after = behind(batch)
        return through((after >= 0) | (not self.causal), len(self.layers))

    def _with_cls(self, x: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """The states of the words, and those of the vectors before the first ones."""
        assert self.cls is not None
        ptr = batch.token_ptr + torch.arange(len(batch) + 1, device=x.device)
        words = torch.arange(batch.num_tokens, device=x.device) + batch.token_batch + 1
        projected = self.projection(x)
        rows = self.cls.to(projected.dtype).repeat(batch.num_tokens + len(batch), 1)
        states = self._run(rows.index_copy(0, words, projected), ptr, batch.max_length + 1)
        return states.index_select(0, words), states.index_select(0, ptr[:-1])

    def _run(self, states: Tensor, ptr: Tensor, longest: int) -> Tensor:
        """All layers over ``(rows, hidden)``, where sentences begin at ``ptr``."""
        padding = Padding(ptr, len(states), longest)
        if self.positions == "sinusoidal":
            table = sinusoids(longest, self.output_dim, states)
            states = states + table.index_select(0, padding.place)
        elif self.positions == "learned":
            states = states + self.places(padding.place.clamp(max=LEARNED_PLACES - 1))
        pairs = Pairs(padding, causal=self.causal)
        for layer in self.layers:
            states = layer(states, pairs)
        normed: Tensor = self.norm(states)
        return normed
