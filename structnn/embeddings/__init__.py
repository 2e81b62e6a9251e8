"""From words to vectors."""

from structnn.embeddings.contextual import ContextualEmbedding
from structnn.embeddings.words import WordEmbedding

__all__ = ["ContextualEmbedding", "WordEmbedding"]
