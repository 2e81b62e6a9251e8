"""Embeddings side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from structnn.data.batch import Batch
from structnn.embeddings.words import WordEmbedding

__all__ = ["JoinedEmbedding", "words_of"]


class JoinedEmbedding(nn.Module):
    r"""The vectors of several embeddings, concatenated.

    .. math:: x_t = [x_t^{(1)}; x_t^{(2)}; \dots]

    Args:
        parts: The embeddings, each with an attribute ``dim``; at most one of them is a
            :class:`~structnn.WordEmbedding`, since a batch has one vocabulary.

    Shapes:
        - output: ``(tokens, dim)``, where ``dim`` is the sum of theirs

    Raises:
        ValueError: There is no part, a part has no ``dim``, or two are word embeddings.
    """

    __call__: Callable[..., Tensor]  # nn.Module's gives Any

    def __init__(self, parts: Sequence[nn.Module]) -> None:
        super().__init__()
        if not parts:
            raise ValueError("parts must be at least one embedding, but there is none")
        for part in parts:
            if not hasattr(part, "dim"):
                raise ValueError(
                    f"each of parts must have an attribute dim, the width of its vectors, but "
                    f"{type(part).__name__} has none"
                )
        if len([part for part in parts if words_of(part) is not None]) > 1:
            raise ValueError("there can be only one word embedding: a batch has one vocabulary")
        self.parts = nn.ModuleList(parts)
        self.dim = sum(cast(int, part.dim) for part in parts)

    def forward(self, batch: Batch) -> Tensor:
        """The vectors of the batch's tokens."""
        return torch.cat([part(batch) for part in self.parts], dim=1)


def words_of(embedding: nn.Module) -> WordEmbedding | None:
    """The word embedding that an embedding is, or that is a part of it; None if there is none."""
    if isinstance(embedding, JoinedEmbedding):
        found = (words_of(part) for part in embedding.parts)
        return next((words for words in found if words is not None), None)
    return embedding if isinstance(embedding, WordEmbedding) else None
