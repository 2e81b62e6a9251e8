"""Heads: what an encoding is asked. A reader says of what, an answer what is predicted."""

from structnn.heads.answers import (
    Answer,
    DistributionAnswer,
    LabelAnswer,
    LabelsAnswer,
    ScoreAnswer,
)
from structnn.heads.arcs import ArcsAnswer, ArcScores, ArcsHead, ArcsReader
from structnn.heads.head import Head, StructuredModel, build_head
from structnn.heads.readers import READERS, Reader, register_reader

__all__ = [
    "READERS",
    "Answer",
    "ArcScores",
    "ArcsAnswer",
    "ArcsHead",
    "ArcsReader",
    "DistributionAnswer",
    "Head",
    "LabelAnswer",
    "LabelsAnswer",
    "Reader",
    "ScoreAnswer",
    "StructuredModel",
    "build_head",
    "register_reader",
]
