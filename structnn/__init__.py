"""Graph- and tree-structured neural models for language, beside the sequence models.

A :class:`Sentence` holds tokens and the structures known for them, a :class:`Batch` many sentences as
flat tensors, and an :class:`Encoder` turns word vectors and structure into vectors for words, nodes
and sentences.
"""

from structnn.classifier import SentenceClassifier
from structnn.data.batch import Batch
from structnn.data.corpus import Corpus
from structnn.data.graph import EDGE_TYPES, Graph, GraphConstruction
from structnn.data.schedule import Schedule
from structnn.data.vocabulary import UNIVERSAL_RELATIONS, Vocabulary
from structnn.embeddings import ContextualEmbedding, WordEmbedding
from structnn.encoders import ENCODERS, Chain, Encoder, Encoding, build_encoder, register_encoder
from structnn.notes import Note, noting
from structnn.readouts import READOUTS, Readout, build_readout, register_readout
from structnn.registry import UnknownNameError
from structnn.sentence import Sentence, StructureError, Tree

__version__ = "0.1.0"

__all__ = [
    "EDGE_TYPES",
    "ENCODERS",
    "READOUTS",
    "UNIVERSAL_RELATIONS",
    "Batch",
    "Chain",
    "ContextualEmbedding",
    "Corpus",
    "Encoder",
    "Encoding",
    "Graph",
    "GraphConstruction",
    "Note",
    "Readout",
    "Schedule",
    "Sentence",
    "SentenceClassifier",
    "StructureError",
    "Tree",
    "UnknownNameError",
    "Vocabulary",
    "WordEmbedding",
    "build_encoder",
    "build_readout",
    "noting",
    "register_encoder",
    "register_readout",
]
