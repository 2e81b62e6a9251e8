"""Classifiers: built from options, saved and loaded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from textwrap import shorten
from typing import Any

from torch import Tensor

from parsers import grouped, narrowed
from structnn import (
    UNIVERSAL_RELATIONS,
    Corpus,
    Sentence,
    SentenceClassifier,
    Vocabulary,
    WordEmbedding,
    build_encoder,
)
from tasks.data.options import ParserOptions
from tasks.data.parsing import tree_field
from tasks.models.options import ModelOptions
from tasks.storage import (
    StorageError,
    as_record,
    read_json,
    read_tensors,
    write_json,
    write_tensors,
)

__all__ = [
    "SavedModel",
    "build_model",
    "count_parameters",
    "load_model",
    "make_corpus",
    "save_model",
]


@dataclass(frozen=True)
class SavedModel:
    """A classifier with all that is needed to use it on new text.

    Attributes:
        classifier: The classifier.
        options: What it is made of.
        relations: The numbers of tree labels.
        structure: What its encoder reads: see :class:`tasks.data.setting.Setting`.
        parser: The parser of its training data.
    """

    classifier: SentenceClassifier
    options: ModelOptions
    relations: Vocabulary
    structure: str
    parser: ParserOptions

    def __repr__(self) -> str:
        return (
            f"SavedModel({self.options.encoder!r}, {len(self.classifier.labels)} labels, "
            f"structure={self.structure!r}, {self.parser!r})"
        )

    def corpus(self, sentences: Sequence[Sentence]) -> Corpus:
        """These sentences, ready to be batched for this model."""
        embedding = self.classifier.embedding
        assert isinstance(embedding, WordEmbedding)
        arity = self.classifier.encoder.arity
        return make_corpus(sentences, embedding.vocabulary, self.relations, self.structure, arity)


def make_corpus(
    sentences: Sequence[Sentence],
    vocabulary: Vocabulary,
    relations: Vocabulary,
    structure: str,
    arity: int | None = None,
) -> Corpus:
    """Sentences as flat arrays, with numbers for words and tree labels.

    Args:
        sentences: The sentences.
        vocabulary: Numbers of words.
        relations: Numbers of tree labels.
        structure: What the encoder reads: see :class:`tasks.data.setting.Setting`.
        arity: Number of children that the encoder has places for; None for any number. Where a node has
            more, dependency trees are narrowed (:func:`parsers.narrowed`) and constituents are grouped
            (:func:`parsers.grouped`).
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
    """Make a classifier, with weights drawn from torch's random numbers.

    Args:
        options: What it is made of.
        labels: The classes.
        vocabulary: The words that have a vector.
        vectors: ``(words, dim)``, pretrained vectors; None to learn them.
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
    file = _ModelFile(
        options=model.options,
        labels=model.classifier.labels,
        structure=model.structure,
        parser=model.parser,
        embedding_dim=embedding.dim,
        vocabulary=embedding.vocabulary.to_json(),
        relations=relations,
    )
    write_json(folder / "model.json", asdict(file))


def load_model(folder: Path) -> SavedModel:
    """Read what :func:`save_model` wrote, in evaluation mode.

    Raises:
        StorageError: A file is missing or damaged.
    """
    file = folder / "model.json"
    saved = as_record(_ModelFile, read_json(file), file, "train the model again")
    weights, _ = read_tensors(folder / "weights.safetensors")
    vocabulary = Vocabulary.from_json(saved.vocabulary)
    table = weights.get("embedding.table.weight")
    classifier = build_model(saved.options, saved.labels, vocabulary, table)
    try:
        classifier.load_state_dict(weights)
    except RuntimeError as error:
        raise StorageError(
            f"{folder / 'weights.safetensors'} are not the weights of the model of {file} "
            f"({shorten(str(error), 200)}); train the model again"
        ) from None
    return SavedModel(
        classifier=classifier.eval(),
        options=saved.options,
        relations=Vocabulary.from_json(saved.relations) if saved.relations else UNIVERSAL_RELATIONS,
        structure=saved.structure,
        parser=saved.parser,
    )


@dataclass(frozen=True)
class _ModelFile:
    """What ``model.json`` holds."""

    options: ModelOptions
    labels: Sequence[str]
    structure: str
    parser: ParserOptions
    embedding_dim: int
    vocabulary: dict[str, Any]
    relations: dict[str, Any] | None
