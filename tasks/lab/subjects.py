"""What the lab looks at: encoders as they are before training, and after it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from structnn import (
    UNIVERSAL_RELATIONS,
    Corpus,
    Encoder,
    Sentence,
    Vocabulary,
    WordEmbedding,
)
from tasks.data.options import ParserOptions
from tasks.data.structures import structure_of
from tasks.models.building import Task, build_model
from tasks.models.model import SavedModel, load_model
from tasks.models.options import ModelOptions
from tasks.results.run import seed_of
from tasks.storage import StorageError

__all__ = ["AFTER", "BEFORE", "Subject", "runs_below", "subject_of_run", "subject_untrained"]

BEFORE, AFTER = ", before training", ", trained"
"""How the names of a run's two subjects end."""


@dataclass(frozen=True)
class Subject:
    """A classifier and the sentences that it reads.

    Attributes:
        name: Its line in a figure; subjects of one name differ in their seeds.
        seed: What its weights were drawn from.
        model: The classifier, in evaluation mode.
        sentences: Its sentences, with the structure that it reads.
        corpus: The same as arrays.
    """

    name: str
    seed: int
    model: SavedModel
    sentences: tuple[Sentence, ...]
    corpus: Corpus

    @property
    def encoder(self) -> Encoder:
        """Its encoder."""
        return self.model.classifier.encoder

    def vectors(self, index: int) -> Tensor:
        """``(tokens, input_dim)``: the word vectors of a sentence."""
        vectors: Tensor = self.model.classifier.embedding(self.corpus.batch([index]))
        return vectors.detach()


def subject_untrained(
    options: ModelOptions, sentences: Sequence[Sentence], structure: str, seed: int
) -> Subject:
    """An encoder at the start of training, with random vectors for the words of these sentences.

    Args:
        options: What the classifier is made of.
        sentences: Parsed sentences.
        structure: The structure that it reads: ``parse`` or a control.
        seed: Decides weights and vectors.
    """
    torch.manual_seed(seed)
    vocabulary = Vocabulary.from_tokens(
        (sentence.tokens for sentence in sentences), lowercase=options.lowercase
    )
    task = Task(labels=("no", "yes"))
    classifier = build_model(options, task, vocabulary).eval()
    model = SavedModel(classifier, options, UNIVERSAL_RELATIONS, structure, ParserOptions(), task)
    return _subject(_name(model), seed, model, sentences)


def runs_below(folder: Path) -> list[Path]:
    """The folders of the saved runs in a folder: itself, or those below it.

    Raises:
        StorageError: There is none.
    """
    runs = sorted(path.parent for path in folder.glob("**/model.json"))
    if not runs:
        raise StorageError(
            f"there is no saved run in {folder}; give one such as runs/x/bilstm/seed-0"
        )
    return runs


def subject_of_run(
    folder: Path,
    read: Callable[[ParserOptions], Sequence[Sentence]],
    *,
    of_sentences: bool = True,
) -> tuple[Subject, Subject]:
    """The model of a saved run before and after its training.

    Before, it has the weights that its seed gives it, and its words' vectors are those of the run
    where they were not learned from scratch.

    Args:
        folder: The folder of the run.
        read: Gives the sentences, parsed by the parser that these options make: the run's.
        of_sentences: Whether sentence vectors are looked at, not the states of words alone.

    Raises:
        StorageError: A file of it is missing or damaged, or it reads what the lab's sentences don't
            have, or makes no sentence vectors and these are looked at.
    """
    after = load_model(folder)
    structure = structure_of(after.structure)
    if not structure.of_new_text:
        raise StorageError(
            f"the run in {folder} reads {structure.plural}, which the lab has none of: "
            "take one that was trained on parses or on a control structure"
        )
    if structure.spans:
        raise StorageError(
            f"the run in {folder} reads trees that are made for spans ({after.structure}), which the "
            "lab's sentences don't have: take one that was trained on parses or on a control structure"
        )
    if of_sentences and not after.classifier.head.reader.reads_sentences:
        asked = after.task.question.in_words(after.classifier.labels)
        raise StorageError(
            f"the run in {folder} makes no sentence vectors, which are looked at here, since it answers "
            f"{asked}: see what its words know of each other with structnn lab receptive-field, or take "
            "a run whose question is about whole sentences"
        )
    embedding = after.classifier.embedding
    if not isinstance(embedding, WordEmbedding):
        raise StorageError(
            f"the run in {folder} reads a contextual model ({after.options.embedding}), whose states "
            "the lab can't vary: take a run with word vectors"
        )
    seed = seed_of(folder)
    torch.manual_seed(seed)
    given = None if after.options.embedding == "learned" else embedding.table.weight.detach()
    classifier = build_model(after.options, after.task, embedding.vocabulary, given).eval()
    before = replace(after, classifier=classifier)
    name, sentences = _name(after), read(after.parser)
    return (
        _subject(name + BEFORE, seed, before, sentences),
        _subject(name + AFTER, seed, after, sentences),
    )


def _name(model: SavedModel) -> str:
    """The encoder, with its options; and what it reads in place of parses, if it reads trees at all."""
    given = model.options.encoder_options.items()
    options = ", ".join(f"{option}={value!r}" for option, value in given)
    name = f"{model.options.encoder} with {options}" if options else model.options.encoder
    unread = not model.classifier.encoder.needs_structure
    return name if unread or model.structure == "parse" else f"{name} on {model.structure}"


def _subject(name: str, seed: int, model: SavedModel, sentences: Sequence[Sentence]) -> Subject:
    read = tuple(model.structured(sentences))
    return Subject(name, seed, model, read, model.corpus(read))
