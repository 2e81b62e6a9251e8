"""Options of a classifier."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal, NamedTuple

from tasks.options import OptionError, Options, Range, cli_option

__all__ = [
    "EMBEDDINGS",
    "INIT",
    "TOKENIZER",
    "EmbeddingParts",
    "EncoderSettings",
    "ModelOptions",
    "ModelSettings",
    "with_vectors",
]

EMBEDDINGS = ("learned", "vectors", "wordllama")
"""Where the vectors of words are from."""

CONTEXTUAL = "hf:"
"""Before the name or the folder of a contextual model."""

INIT = "init:"
"""Before the folder of a language model that a run begins from, in the name of a condition."""

TOKENIZER = "tokenizer:"
"""Before the file of a tokenizer whose pieces are written."""

_BETWEEN = re.compile(rf"\+(?=(?:{'|'.join(EMBEDDINGS)})(?:[:+]|$)|{CONTEXTUAL})")
"""The plus between two embeddings: one in a name of a folder stands before none."""


class EmbeddingParts(NamedTuple):
    """What an embedding consists of.

    Attributes:
        words: Where the vectors of words are from, one of :data:`EMBEDDINGS`; None for none.
        contextual: The names or folders of contextual models.
    """

    words: str | None
    contextual: tuple[str, ...]

    @classmethod
    def of(cls, embedding: str) -> EmbeddingParts:
        """The parts of an embedding such as ``"learned+hf:bert-base-uncased"``.

        Raises:
            OptionError: A part is not known, or words have vectors from two places.
        """
        words: list[str] = []
        contextual: list[str] = []
        for part in _BETWEEN.split(embedding):
            if part.startswith(CONTEXTUAL) and len(part) > len(CONTEXTUAL):
                contextual.append(part.removeprefix(CONTEXTUAL))
            elif part in EMBEDDINGS:
                words.append(part)
            else:
                raise OptionError(
                    "embedding",
                    f"must be one of {', '.join(EMBEDDINGS)}, or {CONTEXTUAL} with the name or folder "
                    f"of a model, or several with + between them, but is {embedding!r}",
                )
        if len(words) > 1 or len(set(contextual)) < len(contextual):
            raise OptionError(
                "embedding",
                f"{embedding!r} has two parts of a kind: words have vectors from one place, beside any "
                f"number of different {CONTEXTUAL} models",
            )
        return cls(words[0] if words else None, tuple(contextual))


def with_vectors(embedding: str | None, vectors: str | None) -> tuple[str, str | None]:
    """The embedding and the file of vectors, where either may name the file.

    Args:
        embedding: As given, perhaps with a part ``vectors:FILE``; None for the default.
        vectors: The file, if it was given by itself.

    Raises:
        OptionError: Two files are named.
    """
    if embedding is None:
        return "learned" if vectors is None else "vectors", vectors
    parts = _BETWEEN.split(embedding)
    for place, part in enumerate(parts):
        if part.startswith("vectors:"):
            file = part.removeprefix("vectors:")
            if vectors not in (None, file):
                raise OptionError(
                    "embedding", f"names the file {file}, but vectors names {vectors}"
                )
            parts[place], vectors = "vectors", file
    return "+".join(parts), vectors


@dataclass(frozen=True, kw_only=True)
class EncoderSettings(Options):
    """Options of an encoder and of learned word vectors, whatever is asked of them."""

    hidden_dim: Annotated[
        int,
        Range(least=1, most=1_000_000),
        cli_option("Model", "Width of the encoder's hidden states."),
    ] = 128
    embedding_dim: Annotated[
        int, Range(least=1, most=1_000_000), cli_option("Model", "Width of learned word vectors.")
    ] = 300
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
class ModelSettings(EncoderSettings):
    """Options of a classifier, whatever its encoder and embedding.

    Raises:
        OptionError: An option is out of its range, or doesn't go with the others.
    """

    vectors: Annotated[
        str | None, cli_option("Model", "GloVe, word2vec or fastText text file of word vectors.")
    ] = None
    freeze: Annotated[
        bool, cli_option("Model", "Keep pretrained word vectors fixed.", "--freeze")
    ] = False
    tune_embedding: Annotated[
        bool,
        cli_option(
            "Model",
            "Train the contextual models of --embedding too (hf:...), with --embedding-learning-rate.",
            "--tune-embedding",
        ),
    ] = False
    contextual_layer: Annotated[
        str,
        cli_option(
            "Model",
            "Layer of contextual models: last, a number (0 for what the first reads), or mix (all of "
            "them, with learned weights).",
        ),
    ] = "last"
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
        str,
        cli_option(
            "Model",
            "Sequences: what is written step by step: words, characters, or tokenizer:FILE, pieces of a "
            "tokenizer.json (it needs the package tokenizers).",
        ),
    ] = "words"
    beam: Annotated[
        int,
        Range(least=1, most=1000),
        cli_option("Model", "Sequences: how many are kept in the search; 1 is greedy."),
    ] = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        is_file = self.pieces.startswith(TOKENIZER) and self.pieces != TOKENIZER
        if self.pieces not in ("words", "characters") and not is_file:
            raise OptionError(
                "pieces",
                f"must be words, characters or {TOKENIZER}FILE, but is {self.pieces!r}",
            )


@dataclass(frozen=True, kw_only=True)
class ModelOptions(ModelSettings):
    """What a classifier is made of.

    Attributes:
        encoder: Name of a registered encoder, or of several joined by ``>``.
        encoder_options: Options of the encoder (of a chain's last one).
        embedding: ``"learned"``, word vectors trained from scratch; ``"vectors"``, those of the text
            file ``vectors``; ``"wordllama"``, those of that package; ``"hf:NAME"``, a contextual model
            of Hugging Face; or several side by side, with ``+`` between them.
        init: The folder of a language model (``structnn pretrain``) that word vectors and encoder begin
            from, or a folder with one for each encoder; None to draw all weights.

    Raises:
        OptionError: An option is out of its range, or doesn't go with the others.
    """

    encoder: str
    encoder_options: Mapping[str, object] = field(default_factory=dict)
    embedding: str = "learned"
    init: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.parts.words == "vectors") != (self.vectors is not None):
            raise OptionError(
                "vectors", "and the embedding 'vectors' go together: give both or neither"
            )
        if self.init is not None and self.embedding != "learned":
            raise OptionError(
                "init",
                f"gives word vectors too: it goes with the embedding 'learned', not {self.embedding!r}",
            )
        layer = self.contextual_layer
        if layer not in ("last", "mix") and not layer.isdecimal():
            raise OptionError(
                "contextual_layer", f"must be last, mix or a number, but is {layer!r}"
            )

    @property
    def vectors_from(self) -> str:
        """Where word vectors are from: the embedding, or ``init:`` and the language model."""
        return self.embedding if self.init is None else f"{INIT}{self.init}"

    @property
    def parts(self) -> EmbeddingParts:
        """What the embedding consists of."""
        return EmbeddingParts.of(self.embedding)
