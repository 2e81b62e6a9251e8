"""Word embeddings: a vector for each word of a vocabulary."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from structnn.data.batch import Batch
from structnn.data.vocabulary import Vocabulary
from structnn.options import at_least

__all__ = ["LEARNED_SCALE", "WordEmbedding"]

LEARNED_SCALE = 0.25 / math.sqrt(3)
"""The standard deviation of initial vectors: that of U(-0.25, 0.25), as in Kim (2014)."""


class WordEmbedding(nn.Module):
    r"""A vector for each word of a vocabulary, learned from scratch or pretrained.

    Words outside the vocabulary share one vector. To learn it, training replaces a word that occurs
    *n* times in the training set by the unknown word with probability
    ``word_dropout / (word_dropout + n)`` (Iyyer et al. 2015; Kiperwasser and Goldberg 2016).

    Args:
        vocabulary: The words; batches must be made with the same vocabulary.
        dim: The dimension of the vectors.
        vectors: ``(len(vocabulary), dim)``, the initial vectors; by default drawn from U(-0.25, 0.25).
        frozen: Do not train the vectors, the unknown word's included; words are not dropped then.
        word_dropout: The strength of word dropout, at least 0; 0 for none.

    Shapes:
        - output: ``(tokens, dim)``

    Raises:
        ValueError: ``vectors`` has another shape, ``dim`` is below 1, or ``word_dropout`` below 0.

    Example:
        >>> from structnn import Sentence
        >>> vocabulary = Vocabulary(["dogs", "bark"])
        >>> batch = Batch.from_sentences([Sentence(["dogs", "bark"])], vocabulary=vocabulary)
        >>> WordEmbedding(vocabulary, 300)(batch).shape
        torch.Size([2, 300])
    """

    drop_chance: Tensor
    __call__: Callable[..., Tensor]  # nn.Module's gives Any

    def __init__(
        self,
        vocabulary: Vocabulary,
        dim: int,
        *,
        vectors: Tensor | None = None,
        frozen: bool = False,
        word_dropout: float = 0.25,
    ) -> None:
        super().__init__()
        at_least(1, dim=dim)
        if not 0 <= word_dropout < math.inf:
            raise ValueError(
                f"word_dropout must be a finite number of at least 0, but is {word_dropout}"
            )
        if vectors is not None and vectors.shape != (len(vocabulary), dim):
            raise ValueError(
                f"vectors must have the shape (words, dim) = ({len(vocabulary)}, {dim}), "
                f"but have {tuple(vectors.shape)}"
            )
        self.vocabulary = vocabulary
        self.dim = dim
        self.frozen = frozen
        self.word_dropout = 0.0 if frozen else word_dropout
        self.table = nn.Embedding(len(vocabulary), dim)
        bound = LEARNED_SCALE * math.sqrt(3)
        nn.init.uniform_(self.table.weight, -bound, bound)
        if vectors is not None:
            self.table.weight.data.copy_(vectors)
        self.table.weight.requires_grad_(not frozen)
        counts = torch.tensor(vocabulary.counts, dtype=torch.float)
        chance = self.word_dropout / (self.word_dropout + counts) if word_dropout else counts * 0
        self.register_buffer("drop_chance", chance, persistent=False)

    def extra_repr(self) -> str:
        return f"frozen={self.frozen}, word_dropout={self.word_dropout:g}"

    def forward(self, batch: Batch) -> Tensor:
        """The vectors of the batch's tokens.

        Raises:
            ValueError: The batch was made without a vocabulary.
        """
        if batch.token_ids is None:
            raise ValueError(
                "this batch has no `token_ids`: make it with "
                "Batch.from_sentences(sentences, vocabulary=embedding.vocabulary)"
            )
        ids = batch.token_ids
        if self.training and self.word_dropout:
            chance = self.drop_chance[ids]
            ids = ids.masked_fill(torch.rand_like(chance) < chance, 0)
        vectors: Tensor = self.table(ids)
        return vectors
