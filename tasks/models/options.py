"""Options of a classifier."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from tasks.options import OptionError, Options, Range, cli_option

__all__ = ["EMBEDDINGS", "ModelOptions", "ModelSettings"]

EMBEDDINGS = ("learned", "vectors", "wordllama")


@dataclass(frozen=True, kw_only=True)
class ModelSettings(Options):
    """Options of a classifier, whatever its encoder and embedding."""

    hidden_dim: Annotated[
        int,
        Range(least=1, most=1_000_000),
        cli_option("Model", "Width of the encoder's hidden states."),
    ] = 128
    embedding_dim: Annotated[
        int, Range(least=1, most=1_000_000), cli_option("Model", "Width of learned word vectors.")
    ] = 300
    vectors: Annotated[
        str | None, cli_option("Model", "GloVe, word2vec or fastText text file of word vectors.")
    ] = None
    freeze: Annotated[
        bool, cli_option("Model", "Keep pretrained word vectors fixed.", "--freeze")
    ] = False
    dropout: Annotated[
        float,
        Range(least=0, below=1),
        cli_option("Model", "Dropout rate of word vectors and of the sentence vector."),
    ] = 0.5
    word_dropout: Annotated[
        float,
        Range(least=0),
        cli_option(
            "Model",
            "Word dropout: in training, a word that occurs n times is replaced by the unknown word with "
            "probability a / (a + n), where a is this number.",
        ),
    ] = 0.25
    lowercase: Annotated[
        bool,
        cli_option(
            "Model",
            "Learned word vectors ignore case: The and the are one word.",
            "--lowercase/--no-lowercase",
        ),
    ] = True
    reader: Annotated[
        str | None,
        cli_option(
            "Model",
            "What the head reads, with options, as span(span='max') or "
            "pair(features='product_difference'). By default what the question is about.",
        ),
    ] = None
    head_dim: Annotated[
        int,
        Range(least=0, most=1_000_000),
        cli_option("Model", "Width of a hidden layer before the scores; 0 for none."),
    ] = 0
    head_activation: Annotated[
        Literal["relu", "sigmoid", "tanh"],
        cli_option("Model", "Activation of that layer: relu, sigmoid or tanh."),
    ] = "relu"
    decoder: Annotated[
        str,
        cli_option(
            "Model",
            "Sequences: the decoder, with options, as gru, lstm(attention='none'), gru(copy=True) or "
            "transformer(layers=3).",
        ),
    ] = "gru"
    pieces: Annotated[
        Literal["words", "characters"],
        cli_option("Model", "Sequences: what is written step by step, words or characters."),
    ] = "words"
    beam: Annotated[
        int,
        Range(least=1, most=1000),
        cli_option("Model", "Sequences: how many are kept in the search; 1 is greedy."),
    ] = 1
    min_count: Annotated[
        int,
        Range(least=1),
        cli_option(
            "Model",
            "Words that occur less often than this in train are the unknown word, where vectors are "
            "learned. A sequence can have them only as copies.",
        ),
    ] = 1


@dataclass(frozen=True, kw_only=True)
class ModelOptions(ModelSettings):
    """What a classifier is made of.

    Attributes:
        encoder: Name of a registered encoder, or of several joined by ``>``.
        encoder_options: Options of the encoder (of a chain's last one).
        embedding: ``"learned"``, word vectors trained from scratch; ``"vectors"``, those of the text
            file ``vectors``; ``"wordllama"``, those of that package.
    """

    encoder: str
    encoder_options: Mapping[str, object] = field(default_factory=dict)
    embedding: str = "learned"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.embedding not in EMBEDDINGS:
            raise OptionError(
                "embedding", f"must be one of {', '.join(EMBEDDINGS)}, but is {self.embedding!r}"
            )
        if (self.embedding == "vectors") != (self.vectors is not None):
            raise OptionError(
                "vectors", "and the embedding 'vectors' go together: give both or neither"
            )
