"""Classifiers: built from options, saved and loaded."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import fmean, pstdev
from textwrap import shorten
from typing import cast

import torch
from torch import Tensor

from parsers import grouped, narrowed, with_structure
from structnn import (
    UNIVERSAL_RELATIONS,
    Answer,
    Corpus,
    DistributionAnswer,
    LabelAnswer,
    LabelsAnswer,
    Reader,
    ScoreAnswer,
    Sentence,
    StructuredModel,
    UnknownNameError,
    Vocabulary,
    build_encoder,
    build_head,
)
from structnn.embeddings import words_of
from tasks.data.examples import DataError, Dataset
from tasks.data.options import ParserOptions
from tasks.data.parsing import tree_field
from tasks.data.questions import SEPARATOR, Question, Span, number_in
from tasks.data.setting import GIVEN_STRUCTURES, SPAN_STRUCTURES
from tasks.json_records import as_record
from tasks.models.embeddings import build_embedding, fingerprints
from tasks.models.options import ModelOptions
from tasks.options import OptionError
from tasks.sealing import read_sealed, write_sealed
from tasks.storage import StorageError
from tasks.tensors import read_tensors, write_tensors
from tasks.training.inputs import Inputs, spans_tensor

__all__ = [
    "SavedModel",
    "Task",
    "build_model",
    "count_parameters",
    "load_model",
    "make_corpus",
    "save_model",
]

WEIGHTS = "weights.safetensors"
TRAIN_AGAIN = "train the model again: delete the folder of its run, and that run is made again"


@dataclass(frozen=True)
class Task:
    """What a model is asked, and the answers that it can give.

    Args:
        question: The question.
        labels: The classes; none where answers are numbers.
        mean: The mean of the answers of train, where they are numbers.
        deviation: Their standard deviation.
        least: The least whole number of their scale.
        most: The greatest.
    """

    question: Question = field(default_factory=Question)
    labels: Sequence[str] = ()
    mean: float = 0.0
    deviation: float = 1.0
    least: int = 0
    most: int = 1

    @classmethod
    def of(cls, dataset: Dataset) -> Task:
        """The task of a data set."""
        if not dataset.question.is_number:
            return cls(dataset.question, dataset.labels)
        numbers = [number_in(example.label) for example in dataset.train]
        return cls(
            dataset.question,
            mean=fmean(numbers),
            deviation=pstdev(numbers),
            least=math.floor(min(numbers)),
            most=math.ceil(max(numbers)),
        )

    def answer(self) -> Answer:
        """What a head predicts for it."""
        match self.question.answer:
            case "label":
                return LabelAnswer(self.labels)
            case "labels":
                return LabelsAnswer(self.labels, separator=SEPARATOR)
            case "score":
                return ScoreAnswer(mean=self.mean, deviation=self.deviation)
            case "scale":
                return DistributionAnswer(self.least, self.most)


@dataclass(frozen=True)
class SavedModel:
    """A classifier with all that is needed to use it on new text.

    Attributes:
        classifier: The classifier, or the model of whatever else is asked.
        options: What it is made of.
        relations: The numbers of tree labels.
        structure: What its encoder reads: see :class:`tasks.data.setting.Setting`.
        parser: The parser of its training data.
        task: What it is asked.
    """

    classifier: StructuredModel
    options: ModelOptions
    relations: Vocabulary
    structure: str
    parser: ParserOptions
    task: Task

    def __repr__(self) -> str:
        asked = self.task.question.in_short(self.classifier.labels)
        return (
            f"SavedModel({self.options.encoder!r}, {asked}, structure={self.structure!r}, "
            f"{self.parser!r})"
        )

    def inputs(
        self,
        sentences: Sequence[Sentence],
        second: Sequence[Sentence] = (),
        spans: Sequence[Sequence[Span]] = (),
    ) -> Inputs:
        """Examples, as this model reads them.

        Args:
            sentences: The sentence of each.
            second: The second sentence of each, where the question is about pairs.
            spans: The spans of each, in tokens, where it is about spans.
        """
        corpus = self.corpus([*sentences, *second])
        return Inputs(corpus, 2 if second else 1, spans_tensor(spans))

    def structured(self, sentences: Sequence[Sentence]) -> list[Sentence]:
        """Sentences with their own trees, as the encoder reads them: with a control in their place."""
        if self.structure in GIVEN_STRUCTURES or self.structure in SPAN_STRUCTURES:
            return list(sentences)  # where trees hang, spans say
        return with_structure(sentences, self.structure)

    def corpus(self, sentences: Sequence[Sentence]) -> Corpus:
        """These sentences, ready to be batched for this model."""
        words = words_of(self.classifier.embedding)
        vocabulary = None if words is None else words.vocabulary
        arity = self.classifier.encoder.arity
        return make_corpus(sentences, vocabulary, self.relations, self.structure, arity)


def make_corpus(
    sentences: Sequence[Sentence],
    vocabulary: Vocabulary | None,
    relations: Vocabulary,
    structure: str,
    arity: int | None = None,
) -> Corpus:
    """Sentences as flat arrays, with numbers for words and tree labels.

    Args:
        sentences: The sentences.
        vocabulary: Numbers of words; None where none is asked for.
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
    task: Task,
    vocabulary: Vocabulary | None,
    vectors: Tensor | None = None,
) -> StructuredModel:
    """Make a model, with weights drawn from torch's random numbers.

    Args:
        options: What it is made of.
        task: What it is asked.
        vocabulary: The words that have a vector; None where there are no word vectors.
        vectors: ``(words, dim)``, pretrained vectors; None to learn them.
    """
    embedding = build_embedding(options, vocabulary, vectors)
    encoder = build_encoder(
        options.encoder, cast(int, embedding.dim), options.hidden_dim, **options.encoder_options
    )
    head = build_head(
        options.reader or task.question.reads,
        task.answer(),
        encoder,
        dropout=options.dropout,
        hidden_dim=options.head_dim,
        activation=options.head_activation,
    )
    if (wanted := task.question.reads) != (given := _reads(head.reader)):
        raise OptionError(
            "reader", f"reads a {given}, but the question is about a {wanted}: {options.reader!r}"
        )
    if not head.reader.reads_sentences:
        encoder.without_readout()
    return StructuredModel(embedding, encoder, head, dropout=options.dropout)


def _reads(reader: Reader) -> str:
    """What a reader's questions are about, as :class:`tasks.data.questions.Question` says it."""
    if reader.texts == 2:
        return "pair"
    if reader.rows != "example":
        return f"{reader.rows}s"
    return ("sentence", "span", "spans")[reader.spans]


def count_parameters(model: StructuredModel) -> dict[str, int]:
    """The number of trained parameters of the embedding, the encoder and the head."""
    return {
        part: sum(p.numel() for p in getattr(model, part).parameters() if p.requires_grad)
        for part in ("embedding", "encoder", "head")
    }


def save_model(folder: Path, model: SavedModel) -> None:
    """Write ``weights.safetensors``, and ``model.json`` with its checksum."""
    embedding = model.classifier.embedding
    words = words_of(embedding)
    relations = None if model.relations is UNIVERSAL_RELATIONS else _words_of(model.relations)
    write_tensors(folder / WEIGHTS, model.classifier.state_dict())
    file = _ModelFile(
        options=model.options,
        labels=model.classifier.labels,
        task=model.task,
        structure=model.structure,
        parser=model.parser,
        embedding_dim=cast(int, embedding.dim),
        vocabulary=None if words is None else _words_of(words.vocabulary),
        relations=relations,
        contextual=fingerprints(model.options, embedding),
    )
    content = asdict(file)
    if not file.contextual:  # as earlier versions wrote it
        del content["contextual"]
    write_sealed(folder / "model.json", content, [WEIGHTS])


def load_model(folder: Path) -> SavedModel:
    """Read what :func:`save_model` wrote, in evaluation mode.

    Raises:
        StorageError: A file is missing or damaged, or the two don't belong together.
        UnknownNameError: Its encoder is one of a plugin that isn't loaded.
    """
    file = folder / "model.json"
    content, seal = read_sealed(file, TRAIN_AGAIN)
    saved = as_record(_ModelFile, content, file, TRAIN_AGAIN)
    seal.check(WEIGHTS)
    weights, _ = read_tensors(folder / WEIGHTS, TRAIN_AGAIN)
    try:
        vocabulary = None if saved.vocabulary is None else saved.vocabulary.vocabulary
        relations = UNIVERSAL_RELATIONS if saved.relations is None else saved.relations.vocabulary
        tables = (
            name for name in weights if re.fullmatch(r"embedding\.(.*\.)?table\.weight", name)
        )
        table = weights.get(next(tables, ""))
        task = saved.task or Task(labels=saved.labels)
        classifier = build_model(saved.options, task, vocabulary, table)
        _check_contextual(saved, classifier, file)
        classifier.load_state_dict(weights)
        unusable = [name for name, value in weights.items() if not torch.isfinite(value).all()]
        if unusable:
            raise ValueError(f"{unusable[0]} has values that are not finite")
    except (UnknownNameError, DataError):
        raise
    except (LookupError, MemoryError, RuntimeError, TypeError, ValueError) as error:
        raise StorageError(
            f"{folder / WEIGHTS} are not the weights of the model of {file} "
            f"({shorten(str(error), 200)}); {TRAIN_AGAIN}"
        ) from None
    return SavedModel(
        classifier=classifier.eval(),
        options=saved.options,
        relations=relations,
        structure=saved.structure,
        parser=saved.parser,
        task=task,
    )


def _check_contextual(saved: _ModelFile, classifier: StructuredModel, file: Path) -> None:
    """Make sure that the contextual models are those that the model was trained with."""
    for name, found in fingerprints(saved.options, classifier.embedding).items():
        if saved.contextual.get(name) != found:
            raise DataError(
                f"the contextual model 'hf:{name}' is not the one that {file} was trained with: its "
                f"fingerprint is {found[:16]}..., not {saved.contextual.get(name, 'none')[:16]}...; put "
                "that model in its place, or train again"
            )


@dataclass(frozen=True)
class _Words:
    """A vocabulary, as ``model.json`` holds it: see :meth:`structnn.Vocabulary.to_json`."""

    words: Sequence[str]
    counts: Sequence[int]
    lowercase: bool

    @property
    def vocabulary(self) -> Vocabulary:
        """The vocabulary."""
        return Vocabulary.from_json(vars(self))


def _words_of(vocabulary: Vocabulary) -> _Words:
    return _Words(vocabulary.words[1:], vocabulary.counts[1:], vocabulary.lowercase)


@dataclass(frozen=True)
class _ModelFile:
    """What ``model.json`` holds."""

    options: ModelOptions
    labels: Sequence[str]
    structure: str
    parser: ParserOptions
    embedding_dim: int
    vocabulary: _Words | None
    relations: _Words | None
    task: Task | None = None
    contextual: Mapping[str, str] = field(default_factory=dict)
