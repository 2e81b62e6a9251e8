"""The training loop: early stopping on dev, one checkpoint each epoch, the same result every time."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from textwrap import shorten
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from accelerate import Accelerator
from torch import Tensor, nn

from structnn import Batch, Corpus, Encoder, SentenceClassifier, WordEmbedding
from tasks.storage import StorageError, read_tensors, write_tensors
from tasks.training.deferred_adam import DeferredAdamW
from tasks.training.options import TrainingOptions

__all__ = [
    "NO_CLASS",
    "Epoch",
    "TrainingResult",
    "node_accuracy",
    "predict_scores",
    "train",
]

EVALUATION_BATCH = 256  # sentences; evaluation keeps no activations, so batches can be large
NO_CLASS = -100  # the label of a node that has none
POOL = 50  # batches; sentences of like length are put together within pools of this size
AHEAD = 8  # batches collated in a row: with code and data in the processor's caches, twice as fast
SMALL_TABLE = (
    3000  # words; a pass over these is quicker than keeping account of who was passed over
)


@dataclass(frozen=True)
class Epoch:
    """What one pass over the training set did."""

    number: int
    train_loss: float
    dev_loss: float
    dev_accuracy: float
    seconds: float
    sentences: int


@dataclass(frozen=True)
class TrainingResult:
    """A finished training run; the model then has the weights of the best epoch.

    Attributes:
        epochs: All epochs, in order.
        best: The epoch with the highest dev accuracy, ties broken by the lower dev loss.
        seconds: Time spent in training, evaluation left out.
        sentences: How many were trained on in it, each counting as often as it was.
    """

    epochs: tuple[Epoch, ...]
    best: Epoch
    seconds: float
    sentences: int


def train(
    model: SentenceClassifier,
    corpora: dict[str, Corpus],
    targets: dict[str, list[int]],
    options: TrainingOptions,
    *,
    seed: int,
    checkpoint: Path,
    node_classes: Tensor | None = None,
    on_epoch: Callable[[Epoch], None] | None = None,
) -> TrainingResult:
    """Train on ``train`` and keep the weights that are best on ``dev``.

    No test example comes in here. After each epoch all state is written to ``checkpoint``; where
    that file is found, training goes on from it, with the result of an unbroken run.

    Args:
        model: The classifier, changed in place.
        corpora: The sentences of ``train`` and ``dev``.
        targets: The number of the label of each sentence.
        options: How to train.
        seed: Decides the order of the examples; seed torch with it before making the model.
        checkpoint: Where the state is kept.
        node_classes: ``(tree labels,)``, the class that each number of a tree label stands for, or
            ``NO_CLASS``; needed to supervise nodes.
        on_epoch: Called after each epoch.

    Raises:
        FloatingPointError: The loss is no longer a number.
        StorageError: The checkpoint can't be read, or was not written by this version.
    """
    accelerator = Accelerator(cpu=options.device == "cpu", mixed_precision=options.mixed_precision)
    words = _words(model, accelerator.device, options)
    learned = [parameter for parameter in model.parameters() if parameter.requires_grad]
    dense = torch.optim.AdamW(
        [parameter for parameter in learned if words is None or parameter is not words.table],
        lr=options.learning_rate,
        weight_decay=options.weight_decay,
        fused=True,  # one pass over each parameter
    )
    wrapped, optimizer = accelerator.prepare(model, dense)
    optimizers: list[torch.optim.Optimizer] = [dense] if words is None else [dense, words]
    epochs: list[Epoch] = []
    best_weights: dict[str, Tensor] = {}
    if checkpoint.exists():
        epochs, best_weights = _restore(checkpoint, model, optimizers)
    train_targets = torch.tensor(targets["train"])
    best = max(epochs, key=_merit, default=None)

    while not _finished(epochs, best, options):
        number = len(epochs) + 1
        started = time.perf_counter()
        wrapped.train()
        total, seen = torch.zeros((), device=accelerator.device), 0
        order = _batches(corpora["train"].lengths, options.batch_size, seed, number)
        for indices, batch in _collate(corpora["train"], _share(order, accelerator), model.encoder):
            batch = batch.to(accelerator.device)
            if node_classes is None:
                wanted = train_targets[torch.from_numpy(indices)].to(accelerator.device)
            else:
                wanted = node_classes.to(accelerator.device)[batch.node_labels]
            if words is not None:
                assert batch.token_ids is not None
                words.catch_up(F.pad(batch.token_ids, (0, 1)))  # and the unknown word, number 0
            with accelerator.autocast():
                scores = wrapped(batch, nodes=node_classes is not None)
                loss = F.cross_entropy(scores, wanted, ignore_index=NO_CLASS)
            model.zero_grad()
            accelerator.backward(loss)
            accelerator.unscale_gradients()
            _clip(learned, options.gradient_clip)
            optimizer.step()
            if words is not None:
                words.step()
            total += loss.detach() * len(indices)
            seen += len(indices)
            if _out_of_time(epochs, time.perf_counter() - started, options):
                break
        if words is not None:
            words.settle()
        train_loss = total.item() / seen
        seconds = time.perf_counter() - started
        if not math.isfinite(train_loss):
            raise FloatingPointError(
                f"the loss became {train_loss} in epoch {number}: try a lower learning rate than "
                f"{options.learning_rate}"
            )
        dev_scores = predict_scores(model, corpora["dev"])
        epoch = Epoch(number, train_loss, *_judge(dev_scores, targets["dev"]), seconds, seen)
        epochs.append(epoch)
        if best is None or _merit(epoch) > _merit(best):
            best = epoch
            best_weights = {
                name: value.detach().cpu().clone() for name, value in model.state_dict().items()
            }
        if accelerator.is_main_process:
            _store(checkpoint, model, optimizers, epochs, best_weights)
        if on_epoch is not None:
            on_epoch(epoch)

    assert best is not None
    model.load_state_dict(best_weights)
    model.eval()
    if isinstance(model.embedding, WordEmbedding):
        model.embedding.table.sparse = False  # any optimiser may go on from here
    return TrainingResult(
        epochs=tuple(epochs),
        best=best,
        seconds=sum(epoch.seconds for epoch in epochs),
        sentences=sum(epoch.sentences for epoch in epochs),
    )


@torch.inference_mode()
def predict_scores(model: SentenceClassifier, corpus: Corpus) -> Tensor:
    """The scores of each class for each sentence, in order: ``(sentences, classes)``, on the CPU."""
    model.eval()
    device = next(model.parameters()).device
    by_length = np.argsort(corpus.lengths, kind="stable")
    scores = torch.empty(len(corpus), len(model.labels))
    for begin in range(0, len(corpus), EVALUATION_BATCH):
        indices = by_length[begin : begin + EVALUATION_BATCH]
        batch = corpus.batch(indices).to(device)
        scores[torch.from_numpy(indices)] = model(batch).float().cpu()
    return scores


@torch.inference_mode()
def node_accuracy(model: SentenceClassifier, corpus: Corpus, node_classes: Tensor) -> float:
    """The share of labelled nodes, of all trees, whose class the model finds."""
    model.eval()
    device = next(model.parameters()).device
    right = labelled = 0
    for begin in range(0, len(corpus), EVALUATION_BATCH):
        batch = corpus.batch(np.arange(begin, min(begin + EVALUATION_BATCH, len(corpus)))).to(
            device
        )
        wanted = node_classes.to(device)[batch.node_labels]
        right += int((model(batch, nodes=True).argmax(1) == wanted).sum())
        labelled += int((wanted != NO_CLASS).sum())
    return right / labelled


def _merit(epoch: Epoch) -> tuple[float, float]:
    return epoch.dev_accuracy, -epoch.dev_loss


def _finished(epochs: list[Epoch], best: Epoch | None, options: TrainingOptions) -> bool:
    if len(epochs) >= options.epochs or _out_of_time(epochs, 0.0, options):
        return True
    return best is not None and len(epochs) - best.number >= options.patience


def _out_of_time(epochs: list[Epoch], more: float, options: TrainingOptions) -> bool:
    """Whether the epochs, and so many seconds more, have used up the time there is."""
    if options.seconds is None:
        return False
    return sum(epoch.seconds for epoch in epochs) + more >= options.seconds


def _judge(scores: Tensor, targets: list[int]) -> tuple[float, float]:
    """Mean loss and accuracy over examples (not over batches, which differ in size)."""
    wanted = torch.tensor(targets)
    loss = F.cross_entropy(scores, wanted).item()
    return loss, (scores.argmax(1) == wanted).double().mean().item()


def _batches(
    lengths: np.ndarray[Any, Any], batch_size: int, seed: int, epoch: int
) -> list[np.ndarray[Any, Any]]:
    """Batches of one epoch: random, yet with sentences of like length together."""
    random = np.random.default_rng([seed, epoch])
    order = random.permutation(len(lengths))
    batches = []
    pool = POOL * batch_size
    for begin in range(0, len(order), pool):
        part = order[begin : begin + pool]
        part = part[np.argsort(lengths[part], kind="stable")]
        batches += [part[at : at + batch_size] for at in range(0, len(part), batch_size)]
    return [batches[index] for index in random.permutation(len(batches))]


def _collate(
    corpus: Corpus, batches: list[np.ndarray[Any, Any]], encoder: Encoder
) -> Iterator[tuple[np.ndarray[Any, Any], Batch]]:
    """The sentences of these batches, each with all that the encoder reads."""
    for begin in range(0, len(batches), AHEAD):
        ahead = batches[begin : begin + AHEAD]
        made = [
            corpus.batch(indices).prepare(encoder.reads, encoder.constructions) for indices in ahead
        ]
        yield from zip(ahead, made, strict=True)


def _words(
    model: SentenceClassifier, device: torch.device, options: TrainingOptions
) -> DeferredAdamW | None:
    """An optimiser that leaves unused words alone, for a large table that learns on the CPU.

    An accelerator passes over a table in microseconds, but would wait for each list of words.
    """
    embedding = model.embedding
    if not isinstance(embedding, WordEmbedding) or embedding.frozen or device.type != "cpu":
        return None
    if len(embedding.vocabulary) <= SMALL_TABLE:
        return None
    embedding.table.sparse = True
    table = embedding.table.weight
    assert isinstance(table, nn.Parameter)
    return DeferredAdamW(table, lr=options.learning_rate, weight_decay=options.weight_decay)


def _clip(parameters: Sequence[Tensor], largest: float) -> None:
    """Scale all gradients, sparse ones among them, so that their common norm is at most this."""
    values = []
    for parameter in parameters:
        if parameter.grad is not None and parameter.grad.is_sparse:
            parameter.grad = parameter.grad.coalesce()  # else a repeated row counts as several
            values.append(parameter.grad.values())
        elif parameter.grad is not None:
            values.append(parameter.grad)
    norm = torch.nn.utils.get_total_norm(values)
    torch._foreach_mul_(values, (largest / (norm + 1e-6)).clamp(max=1.0))


def _share(
    batches: list[np.ndarray[Any, Any]], accelerator: Accelerator
) -> list[np.ndarray[Any, Any]]:
    """This process's batches; every process has the same number, the first ones twice if need be."""
    count = accelerator.num_processes
    whole = batches + batches[: -len(batches) % count]
    return whole[accelerator.process_index :: count]


def _store(
    path: Path,
    model: SentenceClassifier,
    optimizers: list[torch.optim.Optimizer],
    epochs: list[Epoch],
    best_weights: dict[str, Tensor],
) -> None:
    tensors = {f"model/{name}": value for name, value in model.state_dict().items()}
    tensors |= {f"best/{name}": value for name, value in best_weights.items()}
    for number, optimizer in enumerate(optimizers):
        for index, values in optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer/{number}/{index}/{name}": v for name, v in values.items()}
    tensors["random"] = torch.get_rng_state()
    if torch.cuda.is_available():
        tensors["random-cuda"] = torch.cuda.get_rng_state()
    write_tensors(path, tensors, [asdict(epoch) for epoch in epochs])


def _restore(
    path: Path, model: SentenceClassifier, optimizers: list[torch.optim.Optimizer]
) -> tuple[list[Epoch], dict[str, Tensor]]:
    tensors, note = read_tensors(path)
    try:
        return _unpack(tensors, note, model, optimizers)
    except (LookupError, TypeError, ValueError, RuntimeError) as error:
        raise StorageError(
            f"{path} isn't laid out as this version of structnn does it, or is of another model "
            f"({shorten(str(error), 200)}); delete it, and this run begins anew. Runs that are "
            "finished are not touched"
        ) from error


def _unpack(
    tensors: dict[str, Tensor],
    note: Any,
    model: SentenceClassifier,
    optimizers: list[torch.optim.Optimizer],
) -> tuple[list[Epoch], dict[str, Tensor]]:
    parts: dict[str, dict[str, Tensor]] = {"model": {}, "best": {}, "optimizer": {}}
    for name, value in tensors.items():
        part, _, rest = name.partition("/")
        if part in parts:
            parts[part][rest] = value
    model.load_state_dict(parts["model"])
    states: list[dict[int, dict[str, Tensor]]] = [{} for _ in optimizers]
    for name, value in parts["optimizer"].items():
        number, index, key = name.split("/")
        states[int(number)].setdefault(int(index), {})[key] = value
    for optimizer, state in zip(optimizers, states, strict=True):
        optimizer.load_state_dict(
            {"state": state, "param_groups": optimizer.state_dict()["param_groups"]}
        )
    torch.set_rng_state(tensors["random"])
    if "random-cuda" in tensors and torch.cuda.is_available():
        torch.cuda.set_rng_state(tensors["random-cuda"])
    return [Epoch(**epoch) for epoch in note], parts["best"]
