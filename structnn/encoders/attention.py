"""The layer of a Transformer: attention between all words of a sentence, then a perceptron."""

from __future__ import annotations

import math
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from structnn.fused.attention import attend
from structnn.fused.calls import is_seen_through
from structnn.notes import note, notes_wanted
from structnn.ops.dropout import Dropout
from structnn.ops.segments import Padding
from structnn.ops.transforms import is_transformed
from structnn.options import at_least

__all__ = ["Pairs", "SelfAttention", "TransformerLayer", "rotate", "sinusoids"]


@dataclass(frozen=True)
class Pairs:
    """Which rows of a sentence see which, and what is added to their scores.

    Attributes:
        padding: Of the sentences.
        causal: A row sees itself and those before it alone.
        kinds: ``(sentences, longest, longest)`` int32, the kind of each row and the row that it looks
            at; below zero where it doesn't see it. None: it sees all.
        bias: ``(kinds, heads)``, what scores of each kind get; with ``kinds``.
    """

    padding: Padding
    causal: bool = False
    kinds: Tensor | None = None
    bias: Tensor | None = None

    @cached_property
    def mask(self) -> Tensor:
        """``(sentences, heads or 1, longest or 1, longest)``, as PyTorch's attention takes it.

        It is added to the scores, or False where nothing may be looked at.
        """
        visible = self.padding.mask[:, None, None]  # (sentences, 1, 1, longest)
        if self.causal:
            visible = visible & visible.new_ones(visible.shape[3], visible.shape[3]).tril()
        if self.kinds is None or self.bias is None:
            return visible
        visible = visible & (self.kinds >= 0)[:, None]
        bias = F.embedding(self.kinds.clamp(min=0), self.bias).permute(0, 3, 1, 2)
        # A finite floor: the rows of padding may have nothing to look at, and must not become NaN.
        return bias.masked_fill(~visible, torch.finfo(bias.dtype).min / 2)


class SelfAttention(nn.Module):
    r"""Multi-head scaled dot-product attention (Vaswani et al. 2017).

    .. math:: \mathrm{softmax}\bigl(Q K^\top / \sqrt{d} + B\bigr) V

    Args:
        dim: The width of the states; a multiple of ``heads``.
        heads: How many.
        dropout: Dropout rate of the weights.
        rotary: Rotate queries and keys by their positions (Su et al. 2021).

    Shapes:
        - x: ``(rows, dim)``, the states of all sentences in a row
        - output: ``(rows, dim)``

    Raises:
        ValueError: ``dim`` is not a multiple of ``heads``, or of twice as many with ``rotary``.
    """

    def __init__(self, dim: int, heads: int, *, dropout: float = 0.0, rotary: bool = False) -> None:
        super().__init__()
        at_least(1, heads=heads)
        if dim % heads:
            raise ValueError(f"hidden_dim ({dim}) must be a multiple of heads ({heads})")
        if rotary and dim // heads % 2:
            raise ValueError(
                f"rotary positions need an even width of each head, but hidden_dim / heads is "
                f"{dim} / {heads} = {dim // heads}"
            )
        self.heads = heads
        self.dropout = dropout
        self.rotary = rotary
        self.inputs = nn.Linear(dim, 3 * dim)
        self.output = nn.Linear(dim, dim)
        nn.init.xavier_uniform_(self.inputs.weight)
        nn.init.zeros_(self.inputs.bias)
        nn.init.zeros_(self.output.bias)

    def forward(self, x: Tensor, pairs: Pairs) -> Tensor:
        inputs = self.inputs(x)
        attended = None
        if not (self.rotary or notes_wanted() or is_seen_through()):
            attended = attend(
                inputs,
                self.heads,
                pairs.padding.ptr,
                causal=pairs.causal,
                kinds=pairs.kinds,
                bias=pairs.bias,
                dropout=self._rate,
            )
        if attended is None:
            attended = self._attend(inputs, pairs)
        output: Tensor = self.output(attended)
        return output

    @property
    def _rate(self) -> float:
        """Of dropout now."""
        return self.dropout if self.training else 0.0

    def _attend(self, inputs: Tensor, pairs: Pairs) -> Tensor:
        """By PyTorch's functions, which need all sentences filled up to the longest."""
        query, key, value = (
            part.unflatten(2, (self.heads, -1)).transpose(1, 2)  # (sentences, heads, longest, d)
            for part in pairs.padding.pad(inputs).chunk(3, dim=2)
        )
        if self.rotary:
            query, key = rotate(query), rotate(key)
        if notes_wanted():
            note("attention", self._weights(query, key, pairs.mask))
        # Under torch.func the fast kernels can't be differentiated in every way.
        with sdpa_kernel(SDPBackend.MATH) if is_transformed() else nullcontext():
            attended = F.scaled_dot_product_attention(query, key, value, pairs.mask, self._rate)
        return pairs.padding.unpad(attended.transpose(1, 2).flatten(2))

    @staticmethod
    def _weights(query: Tensor, key: Tensor, bias: Tensor) -> Tensor:
        scores = query @ key.transpose(2, 3) / math.sqrt(query.shape[3])
        scores = (
            scores.masked_fill(~bias, -torch.inf) if bias.dtype == torch.bool else scores + bias
        )
        return scores.softmax(dim=3)


class TransformerLayer(nn.Module):
    """Attention and a perceptron, each with a residual and a normalisation.

    Args:
        dim: The width of the states.
        heads: Attention heads.
        feedforward: The width of the perceptron's inner layer.
        dropout: Dropout rate of attention weights, of the inner layer and of both blocks.
        pre_norm: Normalise before each block (Xiong et al. 2020), not behind it (Vaswani et al. 2017).
        rotary: See :class:`SelfAttention`.

    Shapes:
        - x, output: as :class:`SelfAttention`'s
    """

    def __init__(
        self,
        dim: int,
        heads: int,
        feedforward: int,
        *,
        dropout: float = 0.0,
        pre_norm: bool = True,
        rotary: bool = False,
    ) -> None:
        super().__init__()
        self.pre_norm = pre_norm
        self.attention = SelfAttention(dim, heads, dropout=dropout, rotary=rotary)
        self.perceptron = nn.Sequential(
            nn.Linear(dim, feedforward), nn.ReLU(), Dropout(dropout), nn.Linear(feedforward, dim)
        )
        self.norms = nn.ModuleList([nn.LayerNorm(dim), nn.LayerNorm(dim)])
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor, pairs: Pairs) -> Tensor:
        first, second = self.norms
        if self.pre_norm:
            x = x + self.dropout(self.attention(first(x), pairs))
            x = x + self.dropout(self.perceptron(second(x)))
        else:
            x = first(x + self.dropout(self.attention(x, pairs)))
            x = second(x + self.dropout(self.perceptron(x)))
        return x


def sinusoids(length: int, dim: int, like: Tensor) -> Tensor:
    """The sinusoidal positions of Vaswani et al. (2017), ``(length, dim)``: sines, then cosines."""
    half = (dim + 1) // 2
    angles = _angles(length, half, 10_000.0 ** (-1 / half), like)
    return torch.cat([angles.sin(), angles.cos()], dim=1)[:, :dim].to(like.dtype)


def rotate(x: Tensor) -> Tensor:
    """Turn each pair of columns *i* and *i + d/2* by an angle that grows with the row's position.

    Args:
        x: ``(..., longest, d)``, *d* being even.
    """
    length, dim = x.shape[-2:]
    angles = _angles(length, dim // 2, 10_000.0 ** (-2 / dim), x)
    sines, cosines = angles.sin().to(x.dtype), angles.cos().to(x.dtype)
    left, right = x.chunk(2, dim=-1)
    return torch.cat([left * cosines - right * sines, right * cosines + left * sines], dim=-1)


def _angles(length: int, count: int, ratio: float, like: Tensor) -> Tensor:
    """``(length, count)``: positions times rates, each rate ``ratio`` times the one before."""
    dtype = torch.float64 if like.dtype == torch.float64 else torch.float32
    places = torch.arange(length, device=like.device, dtype=dtype)
    rates = ratio ** torch.arange(count, device=like.device, dtype=dtype)
    return places[:, None] * rates
