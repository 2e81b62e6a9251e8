"""The head that predicts words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from structnn.data.batch import Batch
from structnn.data.vocabulary import Vocabulary
from structnn.embeddings.words import WordEmbedding
from structnn.encoders.base import Encoder, Encoding
from structnn.heads.answers import NO_ANSWER
from structnn.heads.readers import build_reader
from structnn.ops.devices import sent
from structnn.ops.dropout import Dropout

__all__ = ["WordsAnswer", "WordsHead"]


@dataclass(frozen=True)
class WordsAnswer:
    """The words of a vocabulary, its unknown word among them.

    Args:
        vocabulary: The words.
        labels: Empty, since words are no classes: see :class:`~structnn.Answer`.
    """

    vocabulary: Vocabulary
    labels: tuple[str, ...] = ()


class WordsHead(nn.Module):
    r"""The probability of each word of the vocabulary, from the state of a token or of a sentence.

    .. math:: p(w \mid h) = \mathrm{softmax}(E P h + b)_w

    With tied weights *E* is the table of the embedding (Inan et al. 2017; Press and Wolf 2017), and *P*
    a linear map where states are not as wide as word vectors, else left out. Without, *E* is a
    matrix of its own, and there is no *P*.

    Args:
        embedding: The embedding of the words that are read, and predicted.
        encoder: The encoder whose states are read.
        tied: Whether weights are tied.
        dropout: The dropout rate of the states.
        reads: The states of ``"tokens"``, or the vector of each ``"sentence"``.

    Shapes:
        - output: ``(rows, states)``: the states, which stand for the scores, since these take much
          more memory: :meth:`loss` and :meth:`log_probabilities` take them
    """

    __call__: Callable[..., Tensor]  # nn.Module's gives Any

    def __init__(
        self,
        embedding: WordEmbedding,
        encoder: Encoder,
        *,
        tied: bool = True,
        dropout: float = 0.0,
        reads: Literal["tokens", "sentence"] = "tokens",
    ) -> None:
        super().__init__()
        self.answer = WordsAnswer(embedding.vocabulary)
        self.reader = build_reader(reads, encoder)
        width, words = self.reader.output_dim, len(embedding.vocabulary)
        self.tied = tied
        self.dropout = Dropout(dropout)
        # The table is a parameter of the embedding alone: not registered here, it is saved once.
        self.__dict__["_embedding"] = embedding if tied else None
        self.projection = None
        if tied and width != embedding.dim:
            self.projection = nn.Linear(width, embedding.dim, bias=False)
        self.weight = None
        if not tied:
            self.weight = nn.Parameter(torch.empty(words, width))
            nn.init.xavier_uniform_(self.weight)
        self.bias = nn.Parameter(torch.zeros(words))

    def extra_repr(self) -> str:
        return f"words={len(self.bias)}, tied={self.tied}"

    def forward(self, encoding: Encoding, batch: Batch, spans: Tensor | None = None) -> Tensor:
        """The states; ``spans`` are there for all heads to be called alike."""
        return self.reader(encoding, batch)

    def scores(self, states: Tensor) -> Tensor:
        """``(rows, words)``, from states, ``(rows, states)``."""
        states = self.dropout(states)
        if self.projection is not None:
            states = self.projection(states)
        table = self.weight
        if table is None:
            table = cast(nn.Parameter, cast(WordEmbedding, self._embedding).table.weight)
        return F.linear(states, table, self.bias)

    def log_probabilities(self, states: Tensor) -> Tensor:
        """``(rows, words)``: the logarithm of the probability of each word."""
        return self.scores(states).log_softmax(1)

    def loss(self, states: Tensor, gold: Tensor) -> Tensor:
        """The mean of the negative logarithms of the probabilities of words; 0 if none is asked for.

        Args:
            states: ``(rows, states)``.
            gold: ``(rows,)``, the number of each word in the vocabulary; ``NO_ANSWER`` where none is
                asked for. If it is on the CPU, no GPU is waited for to see which are.
        """
        asked = (gold != NO_ANSWER).nonzero()[:, 0]
        if len(asked) == 0:
            return states.sum() * 0
        wanted, rows = sent(gold[asked], states.device), sent(asked, states.device)
        return F.cross_entropy(self.scores(states.index_select(0, rows)), wanted)
