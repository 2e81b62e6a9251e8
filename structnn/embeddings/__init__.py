"""Embeddings: a vector for each token of a batch."""

from structnn.embeddings.contextual import ContextualEmbedding, StateStore
from structnn.embeddings.joined import JoinedEmbedding, words_of
from structnn.embeddings.words import WordEmbedding

__all__ = ["ContextualEmbedding", "JoinedEmbedding", "StateStore", "WordEmbedding", "words_of"]
