"""Classifiers: built from options, saved and loaded."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from statistics import fmean, pstdev
from textwrap import shorten
from typing import Literal, cast

import torch
from torch import Tensor

from parsers import grouped, narrowed, with_structure
from structnn import (
    UNIVERSAL_RELATIONS,
    Answer,
    ArcsAnswer,
    Corpus,
    Decoder,
    DistributionAnswer,
    Encoder,
    LabelAnswer,
    LabelsAnswer,
    LanguageModel,
    Reader,
    ScoreAnswer,
    Search,
    Sentence,
    SequenceHead,
    StructuredModel,
    TargetVocabulary,
    UnknownNameError,
    Vocabulary,
    WordEmbedding,
    build_decoder,
    build_encoder,
    build_head,
)
from structnn.embeddings import words_of
from structnn.heads import ArcsReader
from structnn.heads.readers import build_reader
from structnn.sentence import quoted
from tasks.data.examples import DataError, Dataset
from tasks.data.options import ParserOptions
from tasks.data.questions import SEPARATOR, Question, Span, number_in
from tasks.data.sentences import changed, joined
from tasks.data.structures import structure_of
from tasks.json_records import as_record
from tasks.models.budgets import outline
from tasks.models.embeddings import build_embedding, fingerprints
from tasks.models.hub import fetched
from tasks.models.options import TOKENIZER, ModelOptions
from tasks.options import OptionError
from tasks.sealing import Seal, read_sealed, write_sealed
from tasks.storage import StorageError
from tasks.tensors import read_tensors, write_tensors
from tasks.training.inputs import Inputs, spans_tensor

__all__ = [
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
class Task:
    """What a model is asked, and the answers that it can give.

    Args:
        question: The question.
        labels: The classes; none where answers are numbers.
        mean: The mean of the answers of train, where they are numbers.
        deviation: Their standard deviation.
        least: The least whole number of their scale.
        most: The greatest.
        pieces: What sequences consist of, where they are answers.
        longest: How many pieces the longest of train has.
        tokenizer: The content of the ``tokenizer.json`` that divides sequences, if one does.
        objective: What a language model predicts, see :class:`structnn.LanguageModel`; empty for others,
            which have a question.
        tied: Whether a language model's word vectors are also the weights of its softmax.
    """

    question: Question = field(default_factory=Question)
    labels: Sequence[str] = ()
    mean: float = 0.0
    deviation: float = 1.0
    least: int = 0
    most: int = 1
    pieces: Sequence[str] = ()
    longest: int = 1
    tokenizer: str | None = None
    objective: Literal["", "causal", "masked", "prefixes"] = ""
    tied: bool = True

    @classmethod
    def of(cls, dataset: Dataset, options: ModelOptions) -> Task:
        """The task of a data set.

        Args:
            dataset: The data set.
            options: What the pieces of sequences are.

        Raises:
            OptionError: They are those of a tokenizer that can't be used; or an option is of questions
                that are answered in another way.
            ImportError: They are those of a tokenizer, and the package ``tokenizers`` isn't installed.
        """
        _check_answered(options, dataset.question)
        if dataset.question.reads == "arcs":
            labels_in = dataset.question.labels_in
            relations = {label for one in dataset.train for label in labels_in(one.label)}
            return cls(dataset.question, sorted(relations))  # others can't be learned
        if dataset.question.is_sequence:
            tokenizer = _tokenizer_of(options)
            try:
                target = TargetVocabulary.from_texts(
                    dataset.answers("train"),
                    unit=_unit_of(options),
                    min_count=options.min_count,
                    tokenizer=tokenizer,
                )
            except ValueError as fault:
                raise OptionError("pieces", f"can't be {options.pieces!r}: {fault}") from None
            pieces = target.vocabulary.words[1:]
            return cls(dataset.question, pieces=pieces, longest=target.longest, tokenizer=tokenizer)
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

    def answer(self) -> Answer | ArcsAnswer:
        """What a head predicts for it.

        Raises:
            ValueError: It is a sequence, which no head of this kind predicts.
        """
        if self.question.reads == "arcs":
            return ArcsAnswer(self.labels)
        match self.question.answer:
            case "label":
                return LabelAnswer(self.labels)
            case "labels":
                return LabelsAnswer(self.labels, separator=SEPARATOR)
            case "score":
                return ScoreAnswer(mean=self.mean, deviation=self.deviation)
            case "scale":
                return DistributionAnswer(self.least, self.most)
            case "sequence":
                raise ValueError("a sequence is answered by a decoder: see structnn.SequenceHead")


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
            bool(self.classifier.encoder.needs & {"tree", "graph"})
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
    field = structure_of(structure).field
    if arity is not None and field != "graph":
        fit = grouped if field == "constituency" else narrowed

        def fitted(part: list[Sentence]) -> Iterator[Sentence]:
            for sentence in part:
                tree = getattr(sentence, field)
                yield sentence if tree is None else sentence.replace(**{field: fit(tree, arity)})

        sentences = changed(sentences, fitted)
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

    Raises:
        OptionError: The encoder can't be one of such a language model, or the reader reads something
            else than the question is about.
        UnknownNameError: A name or an option is not known.
        ValueError: An option's value is not accepted.
    """
    embedding = build_embedding(options, vocabulary, vectors)
    encoder = build_encoder(
        options.encoder, cast(int, embedding.dim), options.hidden_dim, **options.encoder_options
    )
    if task.objective:
        assert isinstance(embedding, WordEmbedding)
        try:
            return LanguageModel(
                embedding,
                encoder,
                objective=task.objective,
                tied=task.tied,
                dropout=options.dropout,
            )
        except ValueError as fault:
            raise OptionError("encoder", f"can't be {options.encoder!r}: {fault}") from None
    if task.question.is_sequence:
        sequences = _sequence_head(options, task, encoder)
        if not sequences.reader.reads_sentences:
            encoder.without_readout()
        return StructuredModel(embedding, encoder, sequences, dropout=options.dropout)
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


def reads_sentences(options: ModelOptions, question: Question) -> bool:
    """Whether a model with these options reads sentence vectors, so that its readout is trained."""
    encoder = outline(
        options.encoder, options.embedding_dim, options.hidden_dim, options.encoder_options
    )
    with torch.device("meta"):
        if question.is_sequence:
            return decoder_of(options, encoder).reads_sentences
        return build_reader(options.reader or question.reads, encoder).reads_sentences


def _sequence_head(options: ModelOptions, task: Task, encoder: Encoder) -> SequenceHead:
    target = TargetVocabulary(
        Vocabulary(task.pieces),
        unit=_unit_of(options),
        longest=task.longest,
        tokenizer=task.tokenizer,
    )
    decoder = decoder_of(options, encoder)
    return SequenceHead(decoder, target, dropout=options.dropout, search=Search(beam=options.beam))


def _check_answered(options: ModelOptions, question: Question) -> None:
    """Make sure that nothing is asked for that the question's answers don't have.

    Raises:
        OptionError: An option of the decoder is given where there is none, or one of other heads
            where there is a decoder.
    """
    others = ("reader", "head_dim") if question.is_sequence else ("decoder", "pieces", "beam")
    for name in others:
        if getattr(options, name) != getattr(ModelOptions, name):
            raise OptionError(
                name,
                "goes with questions that are answered by a head; a sequence is written by a decoder "
                "(--decoder)"
                if question.is_sequence
                else "goes with questions that are answered by a sequence",
            )


def _unit_of(options: ModelOptions) -> Literal["words", "characters", "tokenizer"]:
    if options.pieces.startswith(TOKENIZER):
        return "tokenizer"
    return "words" if options.pieces == "words" else "characters"


def _tokenizer_of(options: ModelOptions) -> str | None:
    """The content of the file of a tokenizer; None where pieces are words or characters."""
    if not options.pieces.startswith(TOKENIZER):
        return None
    file = Path(options.pieces.removeprefix(TOKENIZER))
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, ValueError) as fault:
        reason = getattr(fault, "strerror", None) or fault
        raise OptionError("pieces", f"can't be read: {file}: {reason}") from None


def decoder_of(options: ModelOptions, encoder: Encoder) -> Decoder:
    """The decoder that options name: as wide as the encoder, its pieces as learned word vectors.

    Raises:
        OptionError: It can't be built.
    """
    try:
        decoder = build_decoder(options.decoder, encoder, options.embedding_dim, options.hidden_dim)
    except (UnknownNameError, ValueError) as fault:
        raise OptionError("decoder", f"can't be {options.decoder!r}: {fault}") from None
    if decoder.copy and options.pieces != "words":
        raise OptionError(
            "decoder",
            f"can't be {options.decoder!r}: source words can't be copied where pieces are not words "
            f"(--pieces {options.pieces}); leave out copy=True, or write words (--pieces words)",
        )
    return decoder


def _reads(reader: Reader) -> str:
    """What a reader's questions are about, as :class:`tasks.data.questions.Question` says it."""
    if isinstance(reader, ArcsReader):
        return "arcs"
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
    return saved.parser, saved.task or Task(labels=saved.labels)


def _with_model(run: Path) -> Path:
    """The folder of a run, in which a model is."""
    run = fetched(run)
    if (run / MODEL).exists():
        return run
    reason = "" if run.exists() else ": there is no such folder"
    raise StorageError(f"there is no saved model in {run}{reason}{models_near(run)}")


def models_near(run: Path) -> str:
    """Where there are models, for a message: below a folder, or beside one that isn't there."""
    near = sorted(map(str, _models_below(run) if run.exists() else _models_beside(run)))
    return f"; there are models in {', '.join(near[:8])}" if near else ""


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
    return saved.options, saved.task or Task(labels=saved.labels)


def load_model(folder: Path) -> SavedModel:
    """Read what :func:`save_model` wrote, in evaluation mode.

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
        task = saved.task or Task(labels=saved.labels)
        classifier = build_model(saved.options, task, vocabulary, table)
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
        task=task,
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
