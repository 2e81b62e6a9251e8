"""Models with all that is needed to use them on new text: saved and loaded."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from textwrap import shorten
from typing import Self, cast

import torch

from parsers import with_structure
from structnn import (
    UNIVERSAL_RELATIONS,
    Corpus,
    Sentence,
    StructuredModel,
    UnknownNameError,
    Vocabulary,
)
from structnn.embeddings import words_of
from structnn.sentence import quoted
from tasks.data.examples import DataError
from tasks.data.options import ParserOptions
from tasks.data.questions import Span
from tasks.data.sentences import joined
from tasks.data.structures import structure_of
from tasks.json_records import as_record
from tasks.models.building import (
    Task,
    build_model,
    count_parameters,
    decoder_of,
    make_corpus,
    reads_sentences,
)
from tasks.models.embeddings import fingerprints
from tasks.models.hub import fetched
from tasks.models.options import ModelOptions
from tasks.sealing import Seal, read_sealed, write_sealed
from tasks.storage import StorageError
from tasks.tensors import read_tensors, write_tensors
from tasks.training.inputs import Inputs, spans_tensor

__all__ = [  # with the names of `tasks.models.building`, whose imports from here keep working
    "MODEL",
    "SavedModel",
    "Task",
    "build_model",
    "count_parameters",
    "decoder_of",
    "load_model",
    "make_corpus",
    "model_in",
    "models_near",
    "options_in",
    "parser_in",
    "reads_sentences",
    "save_model",
]

FORMAT = 1
"""The version of the format of ``model.json``; files without one are of structnn 0.5.0 or earlier."""

MODEL = "model.json"
WEIGHTS = "weights.safetensors"
TRAIN_AGAIN = "train the model again: delete the folder of its run, and that run is made again"


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
        if self.task.objective:
            asked = f"{self.task.objective} language model"
        return (
            f"SavedModel({self.options.encoder!r}, {asked}, structure={self.structure!r}, "
            f"{self.parser!r})"
        )

    def to(self, device: torch.device | str) -> Self:
        """Move the classifier to a device, on which it computes from then on.

        What it reads is made on the CPU and sent there, and its answers come back.

        Args:
            device: The device, as ``torch.nn.Module.to`` takes it.

        Returns:
            This model.
        """
        self.classifier.to(device)
        return self

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
        if self.task.question.reads == "nodes":
            self._check_nodes(sentences)
        corpus = self.corpus(joined(sentences, second))
        return Inputs(corpus, 2 if second else 1, spans_tensor(spans))

    def _check_nodes(self, sentences: Sequence[Sentence]) -> None:
        """Make sure that the encoder reads all nodes of trees, and no others.

        Raises:
            DataError: A node has more children than the encoder has places for.
        """
        arity = self.classifier.encoder.arity
        if arity is None:
            return
        for sentence in sentences:
            most = max(map(len, sentence.constituency.children)) if sentence.constituency else 0
            if most > arity:
                raise DataError(
                    f"{self.options.encoder} reads at most {arity} children of a node, but in "
                    f"{quoted(sentence)} a node has {most}: others would be put in "
                    "between that have no label. Take another encoder, or its option arity"
                )

    @property
    def reads_trees(self) -> bool:
        """Whether it needs the trees of sentences, and not their tokens alone."""
        return (
            self.classifier.encoder.needs_structure
            or self.task.question.reads in ("arcs", "nodes")
            or bool(structure_of(self.structure).spans)
        )

    def structured(self, sentences: Sequence[Sentence]) -> list[Sentence]:
        """Sentences with their own trees, as the encoder reads them: with a control in their place."""
        structure = structure_of(self.structure)
        if structure.is_given or structure.spans:
            return list(sentences)  # where trees hang, spans say
        return with_structure(sentences, self.structure)

    def corpus(self, sentences: Sequence[Sentence]) -> Corpus:
        """These sentences, ready to be batched for this model."""
        words = words_of(self.classifier.embedding)
        vocabulary = None if words is None else words.vocabulary
        arity = self.classifier.encoder.arity
        return make_corpus(sentences, vocabulary, self.relations, self.structure, arity)


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
    # asdict would copy each word.
    content = {"format": FORMAT, **asdict(replace(file, vocabulary=None))}
    content["vocabulary"] = None if file.vocabulary is None else vars(file.vocabulary)
    if not file.contextual:  # as earlier versions wrote it
        del content["contextual"]
    write_sealed(folder / MODEL, content, [WEIGHTS])


def model_in(run: Path) -> SavedModel:
    """The saved model in the folder of a run.

    Args:
        run: The folder; or ``hf:OWNER/NAME``, a model of the hub.

    Raises:
        StorageError: There is none; the message names those in folders below, or beside a folder that
            isn't there. Or a file is damaged.
    """
    return load_model(_with_model(run))


def parser_in(run: Path) -> tuple[ParserOptions, Task]:
    """The parser of the data of a saved model, and what it is asked; its weights are not read.

    Args:
        run: As for :func:`model_in`.

    Raises:
        StorageError: As :func:`model_in`, but for the weights.
    """
    saved, _ = _read(_with_model(run) / MODEL)
    return saved.parser, saved.asked


def _with_model(run: Path) -> Path:
    """The folder of a run, in which a model is."""
    run = fetched(run)
    if (run / MODEL).exists():
        return run
    reason = "" if run.exists() else ": there is no such folder"
    raise StorageError(f"there is no saved model in {run}{reason}{models_near(run)}")


_NEAR = 8  # folders that a message names


def models_near(run: Path) -> str:
    """Where there are models, for a message: below a folder, or beside one that isn't there."""
    near = sorted(map(str, _models_below(run) if run.exists() else _models_beside(run)))
    more = f" and {len(near) - _NEAR} more folders" if len(near) > _NEAR else ""
    return f"; there are models in {', '.join(near[:_NEAR])}{more}" if near else ""


def _models_below(folder: Path) -> Iterator[Path]:
    return (found.parent for found in folder.glob(f"**/{MODEL}"))


def _models_beside(missing: Path) -> Iterator[Path]:
    """Runs of the experiment that a missing folder would be in, which has few folders above a run's."""
    there = next(folder for folder in missing.parents if folder.exists())
    if there.name:  # neither the current folder nor the root, which may hold anything
        for depth in range(4):
            runs = "*/" * depth + "seed-*"
            yield from (found.parent for found in there.glob(f"{runs}/{MODEL}"))


def options_in(folder: Path) -> tuple[ModelOptions, Task]:
    """What a saved model is made of, and what it is asked; its weights are not read.

    Raises:
        StorageError: The file is missing or damaged.
    """
    saved, _ = _read(folder / MODEL)
    return saved.options, saved.asked


def load_model(folder: Path) -> SavedModel:
    """Read what :func:`save_model` wrote, in evaluation mode, on the CPU: see :meth:`SavedModel.to`.

    Raises:
        StorageError: A file is missing or damaged, or the two don't belong together.
        UnknownNameError: Its encoder is one of a plugin that isn't loaded.
    """
    file = folder / MODEL
    saved, seal = _read(file)
    seal.check(WEIGHTS)
    weights, _ = read_tensors(folder / WEIGHTS, TRAIN_AGAIN)
    try:
        vocabulary = None if saved.vocabulary is None else saved.vocabulary.vocabulary
        relations = UNIVERSAL_RELATIONS if saved.relations is None else saved.relations.vocabulary
        tables = (
            name for name in weights if re.fullmatch(r"embedding\.(.*\.)?table\.weight", name)
        )
        table = weights.get(next(tables, ""))
        classifier = build_model(saved.options, saved.asked, vocabulary, table)
        _check_contextual(saved, classifier, file)
        classifier.load_state_dict(weights)
        unusable = [name for name, value in weights.items() if not torch.isfinite(value).all()]
        if unusable:
            raise ValueError(f"{unusable[0]} has values that are not finite")
    except UnknownNameError as error:
        raise UnknownNameError(
            f"{file}: {error}; if a plugin registers the encoder, give it with --plugin (in Python "
            "tasks.experiments.plugins.load_plugins)"
        ) from None
    except DataError:
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
        task=saved.asked,
    )


def _read(file: Path) -> tuple[_ModelFile, Seal]:
    """What ``model.json`` holds, in any format up to this version's."""
    content, seal = read_sealed(file, TRAIN_AGAIN)
    version = content.pop("format", FORMAT) if isinstance(content, dict) else FORMAT
    if not isinstance(version, int) or version > FORMAT:
        raise StorageError(
            f"{file} is of the format {version}, which a later version of structnn wrote; this one "
            f"reads up to {FORMAT}: pip install --upgrade structnn"
        )
    return as_record(_ModelFile, content, file, TRAIN_AGAIN), seal


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

    @property
    def asked(self) -> Task:
        """The task; early files have the classes of a sentence alone."""
        return self.task or Task(labels=self.labels)
