"""Options of a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from tasks.options import Bounds, OptionError, Options, cli_option

__all__ = ["EMBEDDINGS", "ModelOptions", "ModelSettings"]

EMBEDDINGS = ("learned", "vectors", "wordllama")


@dataclass(frozen=True, kw_only=True)
class ModelSettings(Options):
    """All of a model but its encoder and its embedding."""

    hidden_dim: Annotated[int, Bounds(least=1), cli_option("Model", "Width of the states.")] = 128
    embedding_dim: Annotated[
        int, Bounds(least=1), cli_option("Model", "Width of learned word vectors.")
    ] = 300
    vectors: Annotated[
        str | None, cli_option("Model", "GloVe, word2vec or fastText file of word vectors.")
    ] = None
    freeze: Annotated[bool, cli_option("Model", "Don't train given word vectors.", "--freeze")] = (
        False
    )
    dropout: Annotated[
        float,
        Bounds(least=0, below=1),
        cli_option("Model", "Dropout rate of word vectors and of sentence vectors."),
    ] = 0.5
    word_dropout: Annotated[
        float,
        Bounds(least=0),
        cli_option(
            "Model",
            "Take a word that occurs n times in train for the unknown word with the probability "
            "a / (a + n), where a is this number.",
        ),
    ] = 0.25
    lowercase: Annotated[
        bool, cli_option("Model", "Learn one vector for The and the.", "--lowercase/--case")
    ] = True
    min_count: Annotated[
        int,
        Bounds(least=1),
        cli_option("Model", "Words that occur less often in train have no vector of their own."),
    ] = 1


@dataclass(frozen=True, kw_only=True)
class ModelOptions(ModelSettings):
    """What a classifier is made of.

    Attributes:
        encoder: A registered encoder, or several joined by ``>``.
        encoder_options: Its options.
        embedding: ``"learned"`` from scratch; ``"vectors"`` from a text file; ``"wordllama"``.
    """

    encoder: str
    encoder_options: Mapping[str, Any] = field(default_factory=dict)
    embedding: str = "learned"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.embedding not in EMBEDDINGS:
            raise ValueError(
                f"unknown embedding {self.embedding!r}: choose from {', '.join(EMBEDDINGS)}"
            )
        if (self.embedding == "vectors") != (self.vectors is not None):
            raise OptionError("vectors", "goes with the embedding 'vectors': give both or neither")
