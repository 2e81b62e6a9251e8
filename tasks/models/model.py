"""Building a classifier from options, and saving and loading it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from parsers import grouped, narrowed
from structnn import (
    ENCODERS,
    UNIVERSAL_RELATIONS,
    Corpus,
    Sentence,
    SentenceClassifier,
    Vocabulary,
    WordEmbedding,
    build_encoder,
)
from tasks.data.parsing import tree_field
from tasks.storage import read_json, read_tensors, write_json, write_tensors

__all__ = [
    "EMBEDDINGS",
    "ModelOptions",
    "SavedModel",
    "build_model",
    "count_parameters",
    "load_model",
    "make_corpus",
    "save_model",
]

EMBEDDINGS = ("learned", "vectors", "wordllama")


@dataclass(frozen=True)
class ModelOptions:
    """What a classifier is made of.

    Args:
        encoder: A registered encoder, or several joined by ``>``.
        encoder_options: Its options.
        hidden_dim: The width of its states.
        embedding: ``"learned"`` from scratch; ``"vectors"`` from a text file; ``"wordllama"``.
        vectors: The file of vectors, for ``"vectors"``.
        freeze: Keep given vectors as they are.
        embedding_dim: The width of learned vectors; given ones have a width of their own.
        dropout: Dropout rate of word vectors and of the sentence vector.
        word_dropout: How readily rare words are taken as unknown in training.
        lowercase: Learned vectors don't tell ``The`` from ``the``.
        min_count: Rarer words of the training set have no vector of their own.
    """

    encoder: str
    encoder_options: Mapping[str, Any] = field(default_factory=dict)
    hidden_dim: int = 128
    embedding: str = "learned"
    vectors: str | None = None
    freeze: bool = False
    embedding_dim: int = 300
    dropout: float = 0.5
    word_dropout: float = 0.25
    lowercase: bool = True
    min_count: int = 1

    def __post_init__(self) -> None:
        if self.embedding not in EMBEDDINGS:
            raise ValueError(
                f"unknown embedding {self.embedding!r}: choose from {', '.join(EMBEDDINGS)}"
            )
        if (self.embedding == "vectors") != (self.vectors is not None):
            raise ValueError("embedding 'vectors' and a file of vectors go together: give both")
        for name in ("hidden_dim", "embedding_dim", "min_count"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, but is {getattr(self, name)}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be at least 0 and below 1, but is {self.dropout}")

    @property
    def arity(self) -> int | None:
        """How many children a node may have; None if the encoder takes any number."""
        parts = ENCODERS.parse(self.encoder, ">")
        parts[-1][1].update(self.encoder_options)
        limits = [
            given.get("arity", ENCODERS.options(name)["arity"].default)
            for name, given in parts
            if "arity" in ENCODERS.options(name)
        ]
        return min(limits, default=None)


@dataclass(frozen=True)
class SavedModel:
    """A classifier with all that is needed to use it on new text.

    Attributes:
        classifier: The classifier.
        options: What it is made of.
        relations: The numbers of tree labels.
        structure: What it reads: ``"parse"``, ``"constituency"`` or a control structure.
        parser: How to make the parser it was trained with.
    """

    classifier: SentenceClassifier
    options: ModelOptions
    relations: Vocabulary
    structure: str
    parser: Mapping[str, Any]

    def corpus(self, sentences: Sequence[Sentence]) -> Corpus:
        """These sentences, ready to be batched for this model."""
        embedding = self.classifier.embedding
        assert isinstance(embedding, WordEmbedding)
        return make_corpus(
            sentences, embedding.vocabulary, self.relations, self.structure, self.options.arity
        )


def make_corpus(
    sentences: Sequence[Sentence],
    vocabulary: Vocabulary,
    relations: Vocabulary,
    structure: str,
    arity: int | None = None,
) -> Corpus:
    """Sentences as flat arrays, with these numbers for words and tree labels.

    For an encoder with places for ``arity`` children, dependencies are as :func:`parsers.narrowed`
    makes them, and constituents as :func:`parsers.grouped` does.
    """
    field = tree_field(structure)
    if arity is not None:
        fit = grouped if field == "constituency" else narrowed
        sentences = [
            sentence
            if (tree := getattr(sentence, field)) is None
            else sentence.replace(**{field: fit(tree, arity)})
            for sentence in sentences
        ]
    return Corpus(
        sentences,
        structure=field,
        vocabulary=vocabulary,
        relations=relations,
    )


def build_model(
    options: ModelOptions,
    labels: Sequence[str],
    vocabulary: Vocabulary,
    vectors: Tensor | None = None,
) -> SentenceClassifier:
    """A new classifier; its weights are drawn from torch's random numbers.

    Args:
        options: What it is made of.
        labels: The classes.
        vocabulary: The words that have a vector.
        vectors: ``(len(vocabulary), dim)``, given vectors; None to learn them.
    """
    dim = options.embedding_dim if vectors is None else vectors.shape[1]
    embedding = WordEmbedding(
        vocabulary,
        dim,
        vectors=vectors,
        frozen=options.freeze,
        word_dropout=options.word_dropout,
    )
    encoder = build_encoder(options.encoder, dim, options.hidden_dim, **options.encoder_options)
    return SentenceClassifier(embedding, encoder, labels, dropout=options.dropout)


def count_parameters(model: SentenceClassifier) -> dict[str, int]:
    """The number of trained parameters of the embedding, the encoder and the head."""
    return {
        part: sum(p.numel() for p in getattr(model, part).parameters() if p.requires_grad)
        for part in ("embedding", "encoder", "head")
    }


def save_model(folder: Path, model: SavedModel) -> None:
    """Write ``model.json`` and ``weights.safetensors``."""
    embedding = model.classifier.embedding
    assert isinstance(embedding, WordEmbedding)
    relations = None if model.relations is UNIVERSAL_RELATIONS else model.relations.to_json()
    write_tensors(folder / "weights.safetensors", model.classifier.state_dict())
    write_json(
        folder / "model.json",
        {
            "options": asdict(model.options),
            "labels": model.classifier.labels,
            "structure": model.structure,
            "parser": dict(model.parser),
            "embedding_dim": embedding.dim,
            "vocabulary": embedding.vocabulary.to_json(),
            "relations": relations,
        },
    )


def load_model(folder: Path) -> SavedModel:
    """Read what :func:`save_model` wrote, in evaluation mode.

    Raises:
        StorageError: A file is missing or damaged.
    """
    saved = read_json(folder / "model.json")
    weights, _ = read_tensors(folder / "weights.safetensors")
    options = ModelOptions(**saved["options"])
    vocabulary = Vocabulary.from_json(saved["vocabulary"])
    classifier = build_model(
        options, saved["labels"], vocabulary, weights["embedding.table.weight"]
    )
    classifier.load_state_dict(weights)
    relations = saved["relations"]
    return SavedModel(
        classifier=classifier.eval(),
        options=options,
        relations=Vocabulary.from_json(relations) if relations else UNIVERSAL_RELATIONS,
        structure=saved["structure"],
        parser=saved["parser"],
    )
