"""The training loop: early stopping on dev, a checkpoint after each epoch, reproducible results."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from structnn import Corpus, SentenceClassifier, WordEmbedding
from tasks.training.batching import batches_of_epoch, collate, share_of_process
from tasks.training.checkpoint import load_checkpoint, save_checkpoint
from tasks.training.epoch import Epoch
from tasks.training.evaluation import loss_and_accuracy, predict_scores
from tasks.training.options import TrainingOptions
from tasks.training.step import TrainingStep

__all__ = ["TrainingResult", "train"]


@dataclass(frozen=True)
class TrainingResult:
    """A finished training run; the model then has the weights of the best epoch.

    Attributes:
        epochs: All epochs, in order.
        best: The epoch with the highest dev accuracy, ties broken by the lower dev loss.
        seconds: Time of training, without evaluation.
        sentences: Number of sentences trained on, over all epochs.
    """

    epochs: tuple[Epoch, ...]
    best: Epoch
    seconds: float
    sentences: int


def train(
    model: SentenceClassifier,
    corpora: Mapping[str, Corpus],
    targets: Mapping[str, Sequence[int]],
    options: TrainingOptions,
    *,
    seed: int,
    checkpoint: Path,
    node_classes: Tensor | None = None,
    on_epoch: Callable[[Epoch], None] | None = None,
) -> TrainingResult:
    """Train on ``train`` and keep the weights that are best on ``dev``; test examples play no part.

    After each epoch the whole state is saved in ``checkpoint``. If that file is there, training is
    resumed from it, with the same result as without interruption.

    Args:
        model: The classifier, changed in place.
        corpora: The sentences of ``train`` and ``dev``.
        targets: The class of each sentence.
        options: How to train.
        seed: Random seed of the order of the examples; seed torch with it before making the model.
        checkpoint: The file of the state.
        node_classes: ``(tree labels,)``, the class of each tree label, or ``NO_CLASS``: then training is
            on the labels of nodes.
        on_epoch: Called after each epoch.

    Raises:
        FloatingPointError: The loss is not finite.
        StorageError: The checkpoint can't be read, or is of another version or model.
    """
    step = TrainingStep(model, options, node_classes)
    epochs: list[Epoch] = []
    best_weights: dict[str, Tensor] = {}
    if checkpoint.exists():
        epochs, best_weights = load_checkpoint(checkpoint, model, step.optimizers)
    train_targets = torch.tensor(targets["train"])
    best = max(epochs, key=lambda epoch: epoch.merit, default=None)

    while not _finished(epochs, best, options):
        number = len(epochs) + 1
        started = time.perf_counter()
        loss, sentences = _train_epoch(step, corpora["train"], train_targets, seed, epochs)
        seconds = time.perf_counter() - started
        if not math.isfinite(loss):
            raise FloatingPointError(
                f"the loss became {loss} in epoch {number}: try a lower learning rate than "
                f"{options.learning_rate}"
            )
        dev = loss_and_accuracy(predict_scores(model, corpora["dev"]), targets["dev"])
        epoch = Epoch(number, loss, *dev, seconds, sentences)
        epochs.append(epoch)
        if best is None or epoch.merit > best.merit:
            best = epoch
            best_weights = {
                name: value.detach().cpu().clone() for name, value in model.state_dict().items()
            }
        if step.accelerator.is_main_process:
            save_checkpoint(checkpoint, model, step.optimizers, epochs, best_weights)
        if on_epoch is not None:
            on_epoch(epoch)

    assert best is not None
    model.load_state_dict(best_weights)
    model.eval()
    if isinstance(model.embedding, WordEmbedding):
        model.embedding.table.sparse = False  # any optimiser can go on from here
    return TrainingResult(
        epochs=tuple(epochs),
        best=best,
        seconds=sum(epoch.seconds for epoch in epochs),
        sentences=sum(epoch.sentences for epoch in epochs),
    )


def _train_epoch(
    step: TrainingStep, corpus: Corpus, targets: Tensor, seed: int, epochs: Sequence[Epoch]
) -> tuple[float, int]:
    """Train for another epoch, or until the time is up: the mean loss, and the number of sentences."""
    started = time.perf_counter()
    step.begin_epoch()
    accelerator = step.accelerator
    total, sentences = torch.zeros((), device=accelerator.device), 0
    batches = share_of_process(
        batches_of_epoch(corpus.lengths, step.options.batch_size, seed, len(epochs) + 1),
        accelerator.process_index,
        accelerator.num_processes,
    )
    for indices, batch in collate(corpus, batches, step.model.encoder):
        total += step(batch, targets[torch.from_numpy(indices)]) * len(indices)
        sentences += len(indices)
        if _out_of_time(epochs, time.perf_counter() - started, step.options):
            break
    step.end_epoch()
    return total.item() / sentences, sentences


def _finished(epochs: Sequence[Epoch], best: Epoch | None, options: TrainingOptions) -> bool:
    if len(epochs) >= options.epochs or _out_of_time(epochs, 0.0, options):
        return True
    return best is not None and len(epochs) - best.number >= options.patience


def _out_of_time(epochs: Sequence[Epoch], more: float, options: TrainingOptions) -> bool:
    """Whether the time of these epochs, and so many seconds more, reach the limit."""
    if options.seconds is None:
        return False
    return sum(epoch.seconds for epoch in epochs) + more >= options.seconds
