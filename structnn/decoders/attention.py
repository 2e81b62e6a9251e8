"""Attention from a decoder to the states of an encoding."""

from __future__ import annotations

import math
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = [
    "AdditiveScore",
    "LocationScore",
    "MultiHeadAttention",
    "MultiplicativeScore",
    "Score",
    "attend",
]


class Score(Protocol):
    """How well a state of a decoder matches each state of a memory."""

    def keys(self, states: Tensor) -> Tensor:
        """What of the states doesn't depend on the step, ``(sentences, longest, d)``."""
        ...

    def __call__(self, query: Tensor, keys: Tensor, seen: Tensor | None = None) -> Tensor:
        """The scores.

        Args:
            query: ``(sentences, queries, hidden_dim)``.
            keys: What :meth:`keys` gave.
            seen: ``(sentences, queries, longest)``, how much each state was looked at before: in all
                steps together (coverage), or in the one before (location).

        Returns:
            ``(sentences, queries, longest)``.
        """
        ...


class AdditiveScore(nn.Module):
    r"""The score of Bahdanau et al. (2015); with coverage *c* that of See et al. (2017).

    .. math:: v^\top \tanh(W_q q + W_k h_i + b \; [+ \; w_c c_i])

    Args:
        hidden_dim: The width of queries, and of the layer.
        state_dim: The width of the memory's states.
        coverage: Whether coverage is read.
    """

    def __init__(self, hidden_dim: int, state_dim: int, *, coverage: bool = False) -> None:
        super().__init__()
        self.query = nn.Linear(hidden_dim, hidden_dim, bias=False)
        self.key = nn.Linear(state_dim, hidden_dim)
        self.vector = nn.Linear(hidden_dim, 1, bias=False)
        self.coverage = nn.Linear(1, hidden_dim, bias=False) if coverage else None

    def keys(self, states: Tensor) -> Tensor:
        keys: Tensor = self.key(states)
        return keys

    def forward(self, query: Tensor, keys: Tensor, seen: Tensor | None = None) -> Tensor:
        # (sentences, queries, longest, hidden)
        layer = self.query(query)[:, :, None] + keys[:, None]
        if self.coverage is not None and seen is not None:
            layer = layer + self.coverage(seen[..., None])
        scores: Tensor = self.vector(layer.tanh())[..., 0]
        return scores


class LocationScore(AdditiveScore):
    r"""The score of Chorowski et al. (2015), which knows where the step before looked, and a term more.

    .. math:: v^\top \tanh(W_q q_t + W_k h_i + U f_{ti} + b) + u^\top U f_{ti}

    Features :math:`f_{ti}` are the weights of the step before from two positions before *i* to two
    behind it, 0 beyond the ends: *U* holds the filters of a convolution over positions. Before the
    first step nothing was looked at, and all are 0. The second term is not in the paper. It reads
    nothing but where the step before looked, and no tanh bounds it, so that it carries attention on
    where queries and states are none of those that training saw, as beyond its lengths.

    Args:
        hidden_dim: The width of queries, and of the layer.
        state_dim: The width of the memory's states.
    """

    BESIDE = 2

    def __init__(self, hidden_dim: int, state_dim: int) -> None:
        super().__init__(hidden_dim, state_dim)
        width = 2 * self.BESIDE + 1
        self.filters = nn.Linear(width, hidden_dim, bias=False)
        self.onward = nn.Linear(hidden_dim, 1, bias=False)

    def forward(self, query: Tensor, keys: Tensor, seen: Tensor | None = None) -> Tensor:
        if seen is None:
            raise ValueError("attention='location' takes the weights of the step before")
        near = F.pad(seen, (self.BESIDE, self.BESIDE)).unfold(2, 2 * self.BESIDE + 1, 1)
        moved = self.filters(near)  # (sentences, queries, longest, hidden)
        layer = self.query(query)[:, :, None] + keys[:, None] + moved
        scores: Tensor = (self.vector(layer.tanh()) + self.onward(moved))[..., 0]
        return scores


class MultiplicativeScore(nn.Module):
    r"""The scores of Luong et al. (2015): :math:`q^\top h_i` (dot), or :math:`q^\top W h_i` (general).

    Args:
        hidden_dim: The width of queries.
        state_dim: The width of the memory's states.
        general: Whether there is a matrix *W*.

    Raises:
        ValueError: There is none, and the two widths differ.
    """

    def __init__(self, hidden_dim: int, state_dim: int, *, general: bool) -> None:
        super().__init__()
        if not general and hidden_dim != state_dim:
            raise ValueError(
                f"attention='dot' needs a decoder as wide as the encoder's states, but they are "
                f"{hidden_dim} and {state_dim}: choose equal widths, or attention='general'"
            )
        self.key = nn.Linear(state_dim, hidden_dim, bias=False) if general else nn.Identity()

    def keys(self, states: Tensor) -> Tensor:
        keys: Tensor = self.key(states)
        return keys

    def forward(self, query: Tensor, keys: Tensor, seen: Tensor | None = None) -> Tensor:
        return query @ keys.transpose(1, 2)


def attend(scores: Tensor, values: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """The mean of values, weighted by the softmax of their scores; and the weights.

    Args:
        scores: ``(sentences, queries, longest)``.
        values: ``(sentences, longest, d)``.
        mask: ``(sentences, longest)``, True where there is a value.

    Returns:
        ``(sentences, queries, d)`` and ``(sentences, queries, longest)``.
    """
    weights = scores.masked_fill(~mask[:, None], -torch.inf).softmax(2)
    return weights @ values, weights


class MultiHeadAttention(nn.Module):
    r"""Scaled dot-product attention with several heads (Vaswani et al. 2017), from queries to a memory.

    .. math:: \mathrm{softmax}\bigl(Q K^\top / \sqrt{d}\bigr) V

    Args:
        dim: The width of queries and outputs; a multiple of ``heads``.
        memory_dim: The width of what is looked at.
        heads: How many.
        dropout: Dropout rate of the weights.

    Raises:
        ValueError: ``dim`` is not a multiple of ``heads``.
    """

    def __init__(self, dim: int, memory_dim: int, heads: int, *, dropout: float = 0.0) -> None:
        super().__init__()
        if dim % heads:
            raise ValueError(f"hidden_dim ({dim}) must be a multiple of heads ({heads})")
        self.heads, self.dropout = heads, dropout
        self.query = nn.Linear(dim, dim)
        self.key = nn.Linear(memory_dim, dim)
        self.value = nn.Linear(memory_dim, dim)
        self.output = nn.Linear(dim, dim)
        for layer in (self.query, self.key, self.value):
            nn.init.xavier_uniform_(layer.weight)
        for layer in (self.query, self.key, self.value, self.output):
            nn.init.zeros_(layer.bias)

    def keys(self, memory: Tensor) -> tuple[Tensor, Tensor]:
        """The keys and the values of ``(batch, longest, memory_dim)``.

        Returns:
            Each ``(batch, heads, longest, dim / heads)``, laid out so that no step copies them again.
        """
        return self._divided(self.key(memory)), self._divided(self.value(memory))

    def forward(
        self, x: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Look at a memory.

        Args:
            x: ``(batch, queries, dim)``.
            keys: As :meth:`keys` gives them.
            values: The same.
            mask: ``(batch or 1, queries or 1, longest)``, True where it may be looked at.

        Returns:
            ``(batch, queries, dim)``, and the mean of all heads' weights, ``(batch, queries, longest)``.
        """
        query = self._divided(self.query(x))
        scores = query @ keys.transpose(2, 3) / math.sqrt(query.shape[3])
        if mask is not None:
            scores = scores.masked_fill(~mask[:, None], -torch.inf)
        weights = scores.softmax(3)
        dropped = F.dropout(weights, self.dropout, self.training)
        return self.output((dropped @ values).transpose(1, 2).flatten(2)), weights.mean(1)

    def _divided(self, x: Tensor) -> Tensor:
        heads: Tensor = x.unflatten(2, (self.heads, -1)).transpose(1, 2).contiguous()
        return heads
