"""From options and data to a new classifier: vocabulary, word vectors, tree labels, corpora."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

import torch
from torch import Tensor

from structnn import ENCODERS, UNIVERSAL_RELATIONS, Encoder, StructuredModel, Vocabulary
from structnn.embeddings.words import LEARNED_SCALE
from structnn.heads.answers import NO_ANSWER
from tasks.data.examples import DataError, quote
from tasks.data.options import ParserOptions
from tasks.data.parsing import ParsedDataset
from tasks.data.sentences import tokens_of, vocabulary_of
from tasks.data.structures import structure_of
from tasks.models.building import Task, build_model
from tasks.models.embeddings import contextual_parts, keep_states
from tasks.models.model import SavedModel
from tasks.models.options import ModelOptions
from tasks.models.start import find_start
from tasks.models.vectors import WordVectors, read_vectors, wordllama_vectors
from tasks.training.inputs import Inputs

__all__ = [
    "PreparedModel",
    "check_reads",
    "classes_of_nodes",
    "label_vocabulary",
    "prepare",
    "prepare_again",
    "pretrained_vectors",
    "with_number_of_labels",
]


@dataclass(frozen=True)
class PreparedModel:
    """A new classifier and its data.

    Attributes:
        model: The classifier, with all that is needed to use it on new text.
        inputs: What it reads of each split.
        words_with_vectors: Share of the data's words that have a pretrained vector, or that the language
            model knows from which the model begins, from 0 to 1; None if vectors are learned.
    """

    model: SavedModel
    inputs: dict[str, Inputs]
    words_with_vectors: float | None


def prepare(
    options: ModelOptions,
    data: ParsedDataset,
    *,
    seed: int,
    parser: ParserOptions,
    pretrained: WordVectors | None,
    states: Path | None = None,
) -> PreparedModel:
    """Make a classifier for a data set.

    Args:
        options: What the classifier is made of.
        data: The data set; words and tree labels are counted in its training part.
        seed: Random seed of the weights.
        parser: The parser of the data.
        pretrained: Word vectors, from :func:`pretrained_vectors`; None to learn them.
        states: Folder that keeps what frozen contextual models compute; None to compute it for each
            batch.

    Raises:
        DataError: The encoder reads the labels of trees in which they are what is to be predicted.
        OptionError: The model can't begin from the language model that options name.
    """
    start = find_start(options)
    torch.manual_seed(seed)  # behind what draws weights only to read others into their place
    vocabulary: Vocabulary | None = None
    vectors, coverage = None, None
    if options.parts.words == "learned":
        vocabulary = vocabulary_of(
            data.texts("train"), min_count=options.min_count, lowercase=options.lowercase
        )
        if start is not None:
            vocabulary = start.vocabulary(vocabulary)
    elif pretrained is not None:
        vocabulary, vectors = _vocabulary_and_vectors(pretrained, data)
        coverage = pretrained.coverage
    relations = None if start is None else start.relations(data.structure)
    if relations is None:
        relations = _tree_labels(data)
    options = with_number_of_labels(options, relations)
    task = Task.of(data.dataset, options)
    classifier = build_model(options, task, vocabulary, vectors)
    if start is not None:
        coverage = start.begin(classifier, chain.from_iterable(_tokens(data)))
    check_reads(classifier.encoder, options.encoder, data.structure)
    if (
        structure_of(data.structure).field == "constituency"
        and classifier.encoder.num_labels
        and _labels_are_answers(data)
    ):
        raise DataError(
            f"the labels in the trees of {data.dataset.name} are what is to be predicted, and "
            f"{options.encoder} reads labels: it would be given the answer. Take another encoder or, "
            "for a graph encoder, its option relations=0"
        )
    if task.question.reads == "nodes" and not classifier.encoder.has_node_states:
        raise DataError(
            f"{options.encoder} has no state for each node of a tree, and {data.dataset.name} asks "
            "about nodes: take a tree encoder, such as child_sum_tree_lstm, or a graph encoder"
        )
    if classifier.encoder.num_labels and _tags_are_relations(data):
        raise DataError(
            f"the tags of {data.dataset.name} are the relations of its trees (--structure "
            f"{data.structure}), and {options.encoder} reads relations: it would be given the answer. "
            "Take trees of a parser (--structure parse), another encoder or, for a graph encoder, its "
            "option relations=0"
        )
    model = SavedModel(classifier, options, relations, data.structure, parser, task)
    if states is not None:
        keep_states(classifier.embedding, states)
        for part in contextual_parts(classifier.embedding):
            if part.store is not None:  # all at once, so that they depend on the data alone
                part.remember(list(map(tuple, _tokens(data))))
    return PreparedModel(model, _inputs(model, data), coverage)


def prepare_again(model: SavedModel, data: ParsedDataset, *, seed: int) -> PreparedModel:
    """Prepare a trained model for training on other data, with the words and labels that it has.

    Args:
        model: The model.
        data: The data set.
        seed: Random seed of dropout.

    Raises:
        DataError: A label of the data is none of the model's.
    """
    torch.manual_seed(seed)
    labels = model.classifier.labels
    if unknown := [label for label in data.dataset.labels if label not in labels]:
        raise DataError(
            f"{data.dataset.name}: the labels {quote(unknown)} are none of the model that training goes "
            f"on from, which has {quote(labels)}; train a new model"
        )
    return PreparedModel(model, _inputs(model, data), None)


def _inputs(model: SavedModel, data: ParsedDataset) -> dict[str, Inputs]:
    """What a model reads of each split that has examples."""
    return {
        split: model.inputs(sentences, data.second.get(split, ()), data.spans.get(split, ()))
        for split, sentences in data.sentences.items()
        if sentences
    }


def pretrained_vectors(options: ModelOptions, data: ParsedDataset) -> WordVectors | None:
    """The pretrained vectors of the words of a data set; None if the options say to learn them.

    Reading a file of vectors can take longer than a run, so runs on the same words share what this
    gives.

    Raises:
        DataError: The file can't be read, or has none of the words.
    """
    if options.parts.words in (None, "learned"):
        return None
    # The words of dev and test are looked up too, which uses none of their labels.
    words = Vocabulary.from_tokens(_tokens(data)).words[1:]
    if options.parts.words == "wordllama":
        found = wordllama_vectors(words)
    else:
        assert options.vectors is not None
        found = read_vectors(options.vectors, words)
    if not bool(found.found.any()):
        raise DataError(
            f"none of the {len(words)} words of {data.dataset.name} is in {found.source}"
        )
    return found


def classes_of_nodes(model: StructuredModel, data: ParsedDataset, relations: Vocabulary) -> Tensor:
    """The class of each tree label, to train on the labels of nodes.

    Args:
        model: The classifier.
        data: Its data set.
        relations: The numbers of the tree labels.

    Returns:
        ``(tree labels,)``: the class, or ``NO_ANSWER`` for a label that stands for none.

    Raises:
        ValueError: The trees have no such labels, or the encoder has no states of nodes.
    """
    if data.dataset.question.reads == "nodes":
        raise ValueError(
            "--supervise nodes goes with questions about sentences; --reads nodes trains on all nodes "
            "anyway"
        )
    constituents = structure_of(data.structure).field == "constituency"
    if not data.dataset.node_labels or not constituents:
        raise ValueError(
            "--supervise nodes needs data whose trees have a label at each node, with --structure "
            f"constituency; {data.dataset.name} with --structure {data.structure} has no such trees"
        )
    if not model.encoder.has_node_states:
        raise ValueError(
            "--supervise nodes needs an encoder with a state for each node of a tree; this one reads "
            "no tree. Train it with --supervise sentence"
        )
    stands_for = data.dataset.node_labels
    return torch.tensor(
        [
            model.labels.index(stands_for[label]) if label in stands_for else NO_ANSWER
            for label in relations
        ]
    )


def _labels_are_answers(data: ParsedDataset) -> bool:
    """Whether the labels of constituents are what is asked for, or those of roots are."""
    if data.dataset.node_labels or data.dataset.question.reads == "nodes":
        return True
    trees = (sentence.constituency for sentence in data.sentences["train"])
    return data.dataset.question.is_one_label and all(
        tree is not None and tree.labels is not None and tree.labels[tree.root] == answer
        for tree, answer in zip(trees, data.dataset.answers("train"), strict=False)
    )


def _tags_are_relations(data: ParsedDataset) -> bool:
    """Whether the tags of train are what its trees say of the same tokens."""
    if data.dataset.question.reads != "tokens":
        return False
    trees = (sentence.dependencies for sentence in data.sentences["train"])
    tags = map(data.dataset.question.parts_of, data.dataset.answers("train"))
    return all(
        tree is not None and tree.labels == own for tree, own in zip(trees, tags, strict=False)
    )


def _vocabulary_and_vectors(
    pretrained: WordVectors, data: ParsedDataset
) -> tuple[Vocabulary, Tensor]:
    """The words that have a vector, with their counts in train, and ``(words, dim)``, the vectors."""
    vocabulary, ordered = pretrained.as_vocabulary(vocabulary_of(data.texts("train")))
    # Files differ in scale by an order of magnitude, and gates that begin saturated learn nothing.
    scale = LEARNED_SCALE / ordered.vectors.std().clamp_min(1e-8)
    return vocabulary, ordered.vectors * scale


def label_vocabulary(structure: str, labels: Iterable[str]) -> Vocabulary:
    """The numbers of the labels of trees or graphs.

    Those of dependencies are the universal relations, whatever train has (enhanced ones count without
    their subtypes, as given ones do); those of constituents and of other graphs are what train has.

    Args:
        structure: The name of the structure.
        labels: The labels in train.
    """
    if structure_of(structure).label_kind == "relations":
        return UNIVERSAL_RELATIONS
    return Vocabulary(sorted(set(labels)))


def _tokens(data: ParsedDataset) -> Iterator[Sequence[str]]:
    """The tokens of each text of all splits."""
    return chain.from_iterable(tokens_of(data.texts(split)) for split in data.sentences)


def _tree_labels(data: ParsedDataset) -> Vocabulary:
    field = structure_of(data.structure).field
    held = (getattr(sentence, field) for sentence in data.texts("train"))
    return label_vocabulary(
        data.structure, (label for one in held if one for label in one.labels or ())
    )


def check_reads(encoder: Encoder, name: str, structure: str) -> None:
    """Make sure that an encoder can read a structure.

    Args:
        encoder: The encoder.
        name: What messages call it.
        structure: The name of the structure.

    Raises:
        DataError: The structure is a graph, and the encoder reads trees.
    """
    if structure_of(structure).is_graph and (fault := _reads_trees(encoder)):
        raise DataError(f"{name} can't read --structure {structure}: {fault}")


def _reads_trees(encoder: Encoder) -> str:
    """Why an encoder can't read graphs that are no trees; empty if it can."""
    remedy = "take a graph encoder such as gat, or a structure that is a tree"
    if "tree" in encoder.reads:
        return f"it is a graph that need not be a tree, and this encoder reads trees; {remedy}"
    if encoder.readout is not None and "tree" in encoder.readout.reads:
        return (
            "it is a graph that need not have one root, and the readout reads the root of a tree; take "
            "another readout, such as max"
        )
    return ""


def with_number_of_labels(options: ModelOptions, relations: Vocabulary) -> ModelOptions:
    """Give an encoder that reads tree labels their number, unless it is given or the default fits."""
    *others, (name, given) = ENCODERS.parse(options.encoder, ">")
    counting = [option for option in ENCODERS.options(name).values() if option.counts_labels]
    if relations is UNIVERSAL_RELATIONS or others or not any(o.default for o in counting):
        return options
    (option,) = counting
    if option.name in given or option.name in options.encoder_options:
        return options
    own = {**options.encoder_options, option.name: len(relations)}
    return replace(options, encoder_options=own)
