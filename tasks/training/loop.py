"""The training loop: early stopping on dev, a checkpoint after each epoch, reproducible results."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from structnn import StructuredModel
from structnn.embeddings import words_of
from structnn.language_models import WordsHead
from tasks.metrics import ACCURACY, Metric
from tasks.storage import StorageError
from tasks.training.batching import batches_of_epoch, collate
from tasks.training.checkpoint import load_checkpoint, save_checkpoint
from tasks.training.epoch import Epoch
from tasks.training.evaluation import evaluate
from tasks.training.gold import Gold, answered
from tasks.training.inputs import Indices, Inputs
from tasks.training.options import TrainingOptions
from tasks.training.step import TrainingStep

__all__ = ["TrainedEpoch", "TrainingResult", "fault_in", "train", "train_by_epochs"]


@dataclass(frozen=True)
class TrainingResult:
    """A finished training run; the model then has the weights of the best epoch.

    Attributes:
        epochs: All epochs, in order.
        best: The epoch with the best dev metric, ties broken by the lower dev loss.
        seconds: Time of training, without evaluation.
        sentences: Number of sentences trained on, over all epochs.
    """

    epochs: tuple[Epoch, ...]
    best: Epoch
    seconds: float
    sentences: int


def train(
    model: StructuredModel,
    inputs: Mapping[str, Inputs],
    answers: Mapping[str, Sequence[str]],
    options: TrainingOptions,
    *,
    seed: int,
    checkpoint: Path,
    metric: Metric[str] = ACCURACY,
    node_classes: Tensor | None = None,
    weights: Sequence[float] | None = None,
    on_epoch: Callable[[Epoch], None] | None = None,
) -> TrainingResult:
    """Train on ``train`` and keep the weights that are best on ``dev``; test examples play no part.

    Where a launcher started several processes (see :class:`~tasks.training.processes.Processes`), each
    of them calls this with the same arguments. They share each batch, and give the losses and weights of
    one process to rounding, except that dropout draws other numbers.

    After each epoch the whole state is saved in ``checkpoint``. If that file is there, training is
    resumed from it, with the same result as without interruption, in any number of processes; if it
    can't be used, that is said in a warning, and training begins anew.

    Args:
        model: The model, changed in place.
        inputs: What it reads of ``train`` and ``dev``.
        answers: The right answers.
        options: How to train.
        seed: Random seed of the order of the examples; seed torch with it before making the model.
        checkpoint: The file of the state.
        metric: What selects the best epoch on dev.
        node_classes: ``(tree labels,)``, the class of each tree label, or ``NO_ANSWER``: then training
            is on the labels of nodes.
        weights: The weight of each training example in the loss, relative to their mean; by default all
            are equal.
        on_epoch: Called after each epoch.

    Raises:
        FloatingPointError: A loss or a weight is not finite. The model then has the best weights before
            that, which ``checkpoint`` has too.
        StorageError: The checkpoint can't be written.
    """
    step = TrainingStep(model, options, node_classes)
    head = model.head
    assert not isinstance(head, WordsHead)  # whose answers are the words themselves
    gold = {
        split: Gold.of(answers[split], head, inputs[split].corpus.sentences)
        for split in ("train", "dev")
    }
    if weights is not None:
        gold["train"] = gold["train"].weighted(weights)

    def train_epoch(epochs: Sequence[Epoch]) -> TrainedEpoch:
        return _train_epoch(step, inputs["train"], gold["train"], seed, epochs)

    def on_dev() -> tuple[float, float]:
        found = evaluate(
            model, inputs["dev"], gold["dev"], calibrate=True, processes=step.processes
        )
        return found.loss, metric.sign * metric(answers["dev"], found.answers)

    return train_by_epochs(step, train_epoch, on_dev, checkpoint=checkpoint, on_epoch=on_epoch)


def train_by_epochs(
    step: TrainingStep,
    train_epoch: Callable[[Sequence[Epoch]], TrainedEpoch],
    on_dev: Callable[[], tuple[float, float]],
    *,
    checkpoint: Path,
    on_epoch: Callable[[Epoch], None] | None = None,
) -> TrainingResult:
    """Train whatever a step trains, and keep the weights that are best on dev: see :func:`train`.

    Args:
        step: Has the model, the options and the optimisers.
        train_epoch: Trains for another epoch, given those before it, by which alone (and by torch's
            random numbers) it may know what to train on.
        on_dev: The loss on dev, and what selects the epoch, the higher the better.
        checkpoint: The file of the state.
        on_epoch: Called after each epoch.

    Raises:
        FloatingPointError: As :func:`train`.
        StorageError: As :func:`train`.
    """
    model, options, processes = step.model, step.options, step.processes
    epochs: list[Epoch] = []
    best_weights: dict[str, Tensor] = {}
    if checkpoint.exists():
        try:
            epochs, best_weights = load_checkpoint(
                checkpoint, model, step.optimizers, step.accelerator.scaler
            )
        except StorageError as fault:
            warnings.warn(str(fault), stacklevel=2)
    best = max(epochs, key=lambda epoch: epoch.merit, default=None)

    while not _finished(epochs, best, options):
        number = len(epochs) + 1
        started = time.perf_counter()
        trained = train_epoch(epochs)
        seconds = time.perf_counter() - started
        dev = on_dev()
        if broken := trained.fault or _fault_after(model, dev[0], trained.last):
            if best is not None:
                _finish(model, best_weights)
            raise FloatingPointError(
                f"{broken} of epoch {number}: try a lower learning rate than {options.learning_rate}"
                + _what_is_kept(best, checkpoint)
            )
        epoch = processes.of_main(Epoch(number, trained.loss, *dev, seconds, trained.sentences))
        epochs.append(epoch)
        if best is None or epoch.merit > best.merit:
            best = epoch
            best_weights = {
                name: value.detach().cpu().clone() for name, value in model.state_dict().items()
            }
        if processes.is_main:
            save_checkpoint(
                checkpoint, model, step.optimizers, epochs, best_weights, step.accelerator.scaler
            )
        if on_epoch is not None:
            on_epoch(epoch)

    assert best is not None
    _finish(model, best_weights)
    return TrainingResult(
        epochs=tuple(epochs),
        best=best,
        seconds=sum(epoch.seconds for epoch in epochs),
        sentences=sum(epoch.sentences for epoch in epochs),
    )


def _finish(model: StructuredModel, weights: Mapping[str, Tensor]) -> None:
    """Give a model the weights that are kept, in evaluation mode."""
    model.load_state_dict(weights)
    model.eval()
    words = words_of(model.embedding)
    if words is not None:
        words.table.sparse = False  # any optimiser can go on from here


class TrainedEpoch(NamedTuple):
    """An epoch of training.

    Attributes:
        loss: The mean loss of all that is asked about.
        sentences: The number of sentences.
        last: What its last batch is called in a message.
        fault: The first loss that is not finite, and its batch; None if all are.
    """

    loss: float
    sentences: int
    last: str
    fault: str | None


def _train_epoch(
    step: TrainingStep, inputs: Inputs, gold: Gold, seed: int, epochs: Sequence[Epoch]
) -> TrainedEpoch:
    """Train for another epoch, or until the time is up."""
    started = time.perf_counter()
    step.begin_epoch()
    processes, number = step.processes, len(epochs) + 1
    processes.draw_apart(seed, number)
    total, losses, rows = torch.zeros((), device=step.accelerator.device), [], 0
    batches = batches_of_epoch(inputs.lengths, step.options.batch_size, seed, number)
    shares = [processes.share(indices) for indices in batches]
    collated = collate(inputs, shares, step.model.encoder)
    for indices, share, asked in zip(batches, shares, collated, strict=True):
        if asked is None:
            losses.append(step.with_others())
        else:
            losses.append(step(*asked, gold.of_examples(share), gold.weights_of(share)))
        count = answered(gold.of_examples(indices))
        total += losses[-1] * count
        rows += count
        if step.options.seconds is not None and processes.of_main(
            _out_of_time(epochs, time.perf_counter() - started, step.options)
        ):
            break
    step.end_epoch()
    done = batches[: len(losses)]
    return TrainedEpoch(
        total.item() / rows,
        sum(map(len, done)),
        _named(done, len(done) - 1),
        fault_in(losses, lambda number: _named(batches, number)),
    )


def fault_in(losses: Sequence[Tensor], named: Callable[[int], str]) -> str | None:
    """The first loss that is not finite, and its batch; None if all are.

    Looked at behind an epoch, and not in each step, for which a GPU would have to wait.

    Args:
        losses: The loss of each batch.
        named: What a batch is called, given its place.
    """
    for number, loss in enumerate(torch.stack(list(losses)).tolist()):
        if not math.isfinite(loss):
            return f"the loss became {loss} in {named(number)}"
    return None


def _fault_after(model: StructuredModel, dev_loss: float, last: str) -> str | None:
    """What is not finite after an epoch whose losses were all finite; None if nothing is."""
    if not math.isfinite(dev_loss):
        return f"the dev loss became {dev_loss} after {last}"
    for name, value in model.state_dict().items():
        if not bool(torch.isfinite(value).all()):
            return f"{name} has values that aren't finite after {last}"
    return None


def _what_is_kept(best: Epoch | None, checkpoint: Path) -> str:
    if best is None:
        return ""
    return f". The weights of epoch {best.number}, the best before it, are kept in {checkpoint}"


def _named(batches: Sequence[Indices], number: int) -> str:
    """A batch, with some of its sentences by their places in train, from 1."""
    few = ", ".join(str(place + 1) for place in batches[number][:5].tolist())
    more = ", ..." if len(batches[number]) > 5 else ""
    return f"batch {number + 1} of {len(batches)} (training examples {few}{more})"


def _finished(epochs: Sequence[Epoch], best: Epoch | None, options: TrainingOptions) -> bool:
    if len(epochs) >= options.epochs or _out_of_time(epochs, 0.0, options):
        return True
    return best is not None and len(epochs) - best.number >= options.patience


def _out_of_time(epochs: Sequence[Epoch], more: float, options: TrainingOptions) -> bool:
    """Whether the time of these epochs, and so many seconds more, reach the limit."""
    if options.seconds is None:
        return False
    return sum(epoch.seconds for epoch in epochs) + more >= options.seconds
