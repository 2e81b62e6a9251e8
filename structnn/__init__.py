"""Graph- and tree-structured neural models for language, beside the sequence models.

A :class:`Sentence` holds tokens and the structures known for them, a :class:`Batch` many sentences as
flat tensors, and an :class:`Encoder` turns word vectors and structure into vectors for words, nodes
and sentences.

Each name is loaded when it is first used, so that the command answers without loading torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from structnn.lazy import lazy_names

if TYPE_CHECKING:
    from structnn.classifier import SentenceClassifier as SentenceClassifier
    from structnn.data.batch import Batch as Batch
    from structnn.data.corpus import Corpus as Corpus
    from structnn.data.graph import EDGE_TYPES as EDGE_TYPES
    from structnn.data.graph import Graph as Graph
    from structnn.data.graph import GraphConstruction as GraphConstruction
    from structnn.data.pyg import graph_from_pyg as graph_from_pyg
    from structnn.data.pyg import graph_to_pyg as graph_to_pyg
    from structnn.data.schedule import Schedule as Schedule
    from structnn.data.vocabulary import UNIVERSAL_RELATIONS as UNIVERSAL_RELATIONS
    from structnn.data.vocabulary import Vocabulary as Vocabulary
    from structnn.decoders import DECODERS as DECODERS
    from structnn.decoders import Decoder as Decoder
    from structnn.decoders import Hypothesis as Hypothesis
    from structnn.decoders import Memory as Memory
    from structnn.decoders import Search as Search
    from structnn.decoders import SequenceHead as SequenceHead
    from structnn.decoders import TargetVocabulary as TargetVocabulary
    from structnn.decoders import build_decoder as build_decoder
    from structnn.decoders import register_decoder as register_decoder
    from structnn.embeddings import ContextualEmbedding as ContextualEmbedding
    from structnn.embeddings import JoinedEmbedding as JoinedEmbedding
    from structnn.embeddings import WordEmbedding as WordEmbedding
    from structnn.encoders import ENCODERS as ENCODERS
    from structnn.encoders import Chain as Chain
    from structnn.encoders import Encoder as Encoder
    from structnn.encoders import Encoding as Encoding
    from structnn.encoders import build_encoder as build_encoder
    from structnn.encoders import register_encoder as register_encoder
    from structnn.errors import InputError as InputError
    from structnn.heads import READERS as READERS
    from structnn.heads import Answer as Answer
    from structnn.heads import ArcsAnswer as ArcsAnswer
    from structnn.heads import ArcsHead as ArcsHead
    from structnn.heads import DistributionAnswer as DistributionAnswer
    from structnn.heads import Head as Head
    from structnn.heads import LabelAnswer as LabelAnswer
    from structnn.heads import LabelsAnswer as LabelsAnswer
    from structnn.heads import Reader as Reader
    from structnn.heads import ScoreAnswer as ScoreAnswer
    from structnn.heads import StructuredModel as StructuredModel
    from structnn.heads import build_head as build_head
    from structnn.heads import register_reader as register_reader
    from structnn.language_models import LanguageModel as LanguageModel
    from structnn.language_models import language_vocabulary as language_vocabulary
    from structnn.notes import Note as Note
    from structnn.notes import noting as noting
    from structnn.readouts import READOUTS as READOUTS
    from structnn.readouts import Readout as Readout
    from structnn.readouts import build_readout as build_readout
    from structnn.readouts import register_readout as register_readout
    from structnn.registry import UnknownNameError as UnknownNameError
    from structnn.sentence import Sentence as Sentence
    from structnn.sentence import StructureError as StructureError
    from structnn.sentence import Tree as Tree
    from structnn.sentence_graph import SentenceGraph as SentenceGraph

__version__ = "0.16.1"

_MODULES = {
    "classifier": "SentenceClassifier",
    "data.batch": "Batch",
    "data.corpus": "Corpus",
    "data.graph": "EDGE_TYPES Graph GraphConstruction",
    "data.pyg": "graph_from_pyg graph_to_pyg",
    "data.schedule": "Schedule",
    "data.vocabulary": "UNIVERSAL_RELATIONS Vocabulary",
    "decoders": (
        "DECODERS Decoder Hypothesis Memory Search SequenceHead TargetVocabulary build_decoder "
        "register_decoder"
    ),
    "embeddings": "ContextualEmbedding JoinedEmbedding WordEmbedding",
    "encoders": "ENCODERS Chain Encoder Encoding build_encoder register_encoder",
    "errors": "InputError",
    "heads": (
        "READERS Answer ArcsAnswer ArcsHead DistributionAnswer Head LabelAnswer LabelsAnswer Reader "
        "ScoreAnswer StructuredModel build_head register_reader"
    ),
    "language_models": "LanguageModel language_vocabulary",
    "notes": "Note noting",
    "readouts": "READOUTS Readout build_readout register_readout",
    "registry": "UnknownNameError",
    "sentence": "Sentence StructureError Tree",
    "sentence_graph": "SentenceGraph",
}

if not TYPE_CHECKING:  # a type checker would take any other name for one of the package
    __all__, __getattr__, __dir__ = lazy_names(__name__, _MODULES)
