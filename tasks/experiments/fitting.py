"""A new model, prepared for its data and trained: the same for a run and for an estimator in Python."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from structnn import LabelAnswer, SequenceHead, StructuredModel
from tasks.data.examples import Dataset
from tasks.data.options import ParserOptions
from tasks.data.parsing import ParsedDataset
from tasks.metrics import Metric, chosen_metric
from tasks.models.model import SavedModel
from tasks.models.options import ModelOptions
from tasks.models.preparation import PreparedModel, classes_of_nodes, prepare, prepare_again
from tasks.models.vectors import WordVectors
from tasks.options import OptionError
from tasks.training.epoch import Epoch
from tasks.training.loop import TrainingResult, train
from tasks.training.options import TrainingOptions
from tasks.training.processes import Processes

__all__ = ["FittedModel", "fit", "selecting_metric"]


@dataclass(frozen=True)
class FittedModel:
    """A trained model with the data that it was trained on.

    Attributes:
        prepared: The model, in evaluation mode, and its inputs.
        training: Its training.
        node_classes: The class of each tree label, where nodes were supervised; see
            :func:`tasks.models.preparation.classes_of_nodes`.
    """

    prepared: PreparedModel
    training: TrainingResult
    node_classes: Tensor | None


def fit(
    options: ModelOptions,
    data: ParsedDataset,
    training: TrainingOptions,
    *,
    seed: int,
    parser: ParserOptions,
    pretrained: WordVectors | None,
    checkpoint: Path,
    states: Path,
    start: SavedModel | None = None,
    weights: Sequence[float] | None = None,
    class_weights: Mapping[str, float] | None = None,
    on_epoch: Callable[[Epoch], None] | None = None,
) -> FittedModel:
    """Make a model for a data set and train it.

    Args:
        options: What the model is made of.
        data: What it sees: see :func:`tasks.data.setting.view`.
        training: How it is trained.
        seed: Random seed of the weights, of dropout and of the order of the examples.
        parser: The parser of the data, kept with the model for new text.
        pretrained: Word vectors, from :func:`tasks.models.preparation.pretrained_vectors`; None to learn
            them.
        checkpoint: The file of the state of training: see :func:`tasks.training.loop.train`.
        states: Folder that keeps what frozen contextual models compute.
        start: A trained model to go on from, with its words and labels; None for a new one.
        weights: The weight of each training example in the loss, by default 1.
        class_weights: The weight of each label in the loss, in place of ``training.class_weights``.
        on_epoch: Called after each epoch.

    Raises:
        ValueError: The data don't suit the model; the message says why.
        FloatingPointError: Training diverged.
        StorageError: The checkpoint can't be written.
    """
    if start is None:
        with Processes(cpu=training.device == "cpu").main_first():  # which keeps states
            prepared = prepare(
                options, data, seed=seed, parser=parser, pretrained=pretrained, states=states
            )
    else:
        prepared = prepare_again(start, data, seed=seed)
    model, inputs = prepared.model.classifier, prepared.inputs
    _set_loss(model, data.dataset, training, class_weights)
    node_classes = None
    if training.supervise == "nodes":
        node_classes = classes_of_nodes(model, data, prepared.model.relations)
    result = train(
        model,
        {split: inputs[split] for split in ("train", "dev")},
        {split: data.dataset.answers(split) for split in ("train", "dev")},
        training,
        seed=seed,
        checkpoint=checkpoint,
        metric=selecting_metric(training, data.dataset),
        node_classes=node_classes,
        weights=weights,
        on_epoch=on_epoch,
    )
    return FittedModel(prepared, result, node_classes)


def selecting_metric(training: TrainingOptions, dataset: Dataset) -> Metric[str]:
    """The metric of dev that selects the epoch."""
    return chosen_metric(
        training.select,
        dataset.question,
        dataset.labels,
        ordered=dataset.ordered,
        option="select",
    )


def _set_loss(
    model: StructuredModel,
    dataset: Dataset,
    training: TrainingOptions,
    given: Mapping[str, float] | None,
) -> None:
    """Give the loss what the options say of it: weights of classes, a focus, label smoothing.

    Raises:
        OptionError: Something is given that answers to the question don't have.
    """
    head = model.head
    if isinstance(head, SequenceHead):
        head.label_smoothing = training.label_smoothing
        head.scheduled_sampling = training.scheduled_sampling
    else:
        for name in ("label_smoothing", "scheduled_sampling"):
            if getattr(training, name):
                raise OptionError(name, "goes with questions that are answered by a sequence")
    answer = head.answer
    balanced = training.class_weights == "balanced"
    if not isinstance(answer, LabelAnswer):
        weighed = balanced or given is not None
        for name, chosen in (("class_weights", weighed), ("focus", training.focus > 0)):
            if chosen:
                raise OptionError(name, "goes with questions that are answered by one label")
        return
    answer.focus = training.focus
    if given is not None:
        answer.weights = torch.tensor([float(given.get(label, 1.0)) for label in answer.labels])
    elif balanced:
        labels_in = dataset.question.labels_in
        counts = Counter(label for example in dataset.train for label in labels_in(example.label))
        total = sum(counts.values())
        # A label that train lacks has no say in training.
        shares = [total / (len(counts) * (counts[label] or total)) for label in answer.labels]
        answer.weights = torch.tensor(shares)
    else:
        answer.weights = None
