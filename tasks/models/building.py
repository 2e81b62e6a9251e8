"""Models built from options and a question, and the corpora that they read."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean, pstdev
from typing import Literal, cast

import torch
from torch import Tensor

from parsers import grouped, narrowed
from structnn import (
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
from structnn.heads import ArcsReader
from structnn.heads.readers import build_reader
from tasks.data.examples import Dataset
from tasks.data.questions import SEPARATOR, Question, number_in
from tasks.data.sentences import changed
from tasks.data.structures import structure_of
from tasks.models.budgets import outline
from tasks.models.embeddings import build_embedding
from tasks.models.options import TOKENIZER, ModelOptions
from tasks.options import OptionError

__all__ = [
    "Task",
    "build_model",
    "count_parameters",
    "decoder_of",
    "make_corpus",
    "reads_sentences",
]


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
