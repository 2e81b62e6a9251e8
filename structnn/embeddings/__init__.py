"""Embeddings: a vector for each token of a batch."""

from structnn.embeddings.contextual import ContextualEmbedding
from structnn.embeddings.words import WordEmbedding

__all__ = ["ContextualEmbedding", "WordEmbedding"]
