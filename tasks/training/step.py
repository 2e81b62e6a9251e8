"""One step of training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from torch import Tensor, nn

from structnn import ArcsHead, Batch, ContextualEmbedding, Head, LabelAnswer, StructuredModel
from structnn.embeddings import words_of
from structnn.heads.answers import NO_ANSWER
from structnn.language_models import WordsHead
from structnn.ops.devices import sent
from tasks.training.deferred_adam import DeferredAdamW
from tasks.training.options import TrainingOptions
from tasks.training.processes import Processes

__all__ = ["TrainingStep"]

SMALL_TABLE = 3000  # words; AdamW over so few rows is quicker than keeping account of the rows used


class TrainingStep:
    """Forward and backward pass over a batch, clipping of the gradient, and an update by AdamW.

    A large table of word vectors on the CPU has an optimiser of its own, which updates the rows that a
    batch uses (:class:`~tasks.training.deferred_adam.DeferredAdamW`).

    Args:
        model: The classifier; it is moved to the device of the options.
        options: How to train.
        node_classes: ``(tree labels,)``, the class of each tree label or ``NO_ANSWER``, to train on the
            labels of nodes; None to train on those of sentences.

    Attributes:
        model: The classifier.
        options: How to train.
        accelerator: Device and precision.
        processes: The processes that train the model together, each on its share of a batch.
        optimizers: All optimisers.
        gradient_norm: The norm of the last gradient, before it was clipped.
    """

    gradient_norm: Tensor

    def __init__(
        self, model: StructuredModel, options: TrainingOptions, node_classes: Tensor | None
    ) -> None:
        # Accelerate keeps the precision of a process's first training for all later ones.
        if AcceleratorState._shared_state.get("_mixed_precision") != options.mixed_precision:
            AcceleratorState._reset_state()
        self.processes = Processes(cpu=options.device == "cpu")
        self.accelerator = Accelerator(
            cpu=self.processes.cpu, mixed_precision=options.mixed_precision
        )
        self.model, self.options = model, options
        self._words = _words_optimizer(model, self.accelerator.device, options)
        self._trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
        table = None if self._words is None else self._words.table
        tuned = {
            parameter
            for module in model.embedding.modules()
            if isinstance(module, ContextualEmbedding)
            for parameter in module.model.parameters()
        }
        groups: list[dict[str, Any]] = [
            {"params": [p for p in self._trained if p is not table and p not in tuned]},
            {
                "params": [p for p in self._trained if p in tuned],
                "lr": options.embedding_learning_rate,
                "weight_decay": options.embedding_weight_decay,
            },
        ]
        dense = torch.optim.AdamW(
            [group for group in groups if group["params"]],
            lr=options.learning_rate,
            weight_decay=options.weight_decay,
            fused=True,  # one pass over each parameter
        )
        # Not for evaluation, but without DistributedDataParallel: gradients are summed in update.
        self._wrapped = self.accelerator.prepare_model(model, evaluation_mode=True)
        # Accelerate's wrapper scales losses in half precision; at each step it also looks on the disk
        # for packages of other optimisers.
        scaled = self.accelerator.scaler is not None
        self._dense = self.accelerator.prepare(dense) if scaled else dense
        self._node_classes = node_classes
        self.optimizers: list[torch.optim.Optimizer] = [dense]
        self._warms_up = bool(tuned) and options.embedding_warm_up > 0
        self._updates: int | None = None
        if self._words is not None:
            self.optimizers.append(self._words)

    def __call__(
        self,
        batch: Batch,
        spans: Tensor | None,
        gold: Tensor,
        weights: Tensor | None = None,
    ) -> Tensor:
        """Train on a batch; all of it is given on the CPU.

        Args:
            batch: The batch, or what of it is for this process.
            spans: ``(examples, spans, 2)``, where spans are asked about.
            gold: The right answers, a row for each thing asked about; not used if nodes are
                supervised.
            weights: ``(rows,)``, the weight of each row in the loss; 1 by default.

        Returns:
            The loss of the whole batch, without a graph.
        """
        device = self.accelerator.device
        supervise_nodes = self._node_classes is not None
        if self._node_classes is not None:
            gold = self._node_classes[batch.node_labels]
        batch, spans = batch.to(device), None if spans is None else sent(spans, device)

        def loss() -> Tensor:
            scores, head = self._wrapped(batch, spans, nodes=supervise_nodes), self.model.head
            if weights is None:
                return head.loss(scores, gold)
            assert isinstance(head, Head | ArcsHead), "sequences have no weights"
            return head.loss(scores, gold, weights)

        return self.update(batch.token_ids, loss, self._divisor(gold))

    def with_others(self) -> Tensor:
        """Take part in a batch of which nothing is for this process; returns its loss."""
        return self.update(None, lambda: torch.zeros(()), 0.0)

    def update(
        self, words: Tensor | None, loss_of: Callable[[], Tensor], divisor: float = 1.0
    ) -> Tensor:
        """Train on whatever a loss is of.

        Args:
            words: The numbers of the words whose vectors are read; None where there are no word vectors.
            loss_of: Computes the loss, a mean.
            divisor: What that mean was divided by, which weighs it beside those of other processes.

        Returns:
            The mean over all processes, without a graph.
        """
        if self._words is not None and words is not None:
            self._words.catch_up(F.pad(words, (0, 1)))  # and the unknown word, number 0
        share = self._share(divisor)
        for parameter in self._trained:  # not zero_grad, which goes through all modules
            parameter.grad = None
        loss = torch.zeros((), device=self.accelerator.device)
        if share > 0:
            with self.accelerator.autocast():
                loss = loss_of() * share
            self.accelerator.backward(loss)
        self.processes.sum_gradients(self._trained)
        self.accelerator.unscale_gradients()
        self.gradient_norm = clip_gradients(self._trained, self.options.gradient_clip)
        self._warm_up()
        self._dense.step()
        if self._words is not None:
            self._words.step()
        return self.processes.sum(loss.detach().float())

    def _warm_up(self) -> None:
        """Set the learning rate of contextual models for the next update."""
        if not self._warms_up:
            return
        dense = self.optimizers[0]
        if self._updates is None:
            # Once, since a GPU is waited for; not before, since a checkpoint may be loaded.
            states = dense.state.values()
            self._updates = int(max((float(state["step"]) for state in states), default=0))
        self._updates += 1
        share = min(1.0, self._updates / self.options.embedding_warm_up)
        dense.param_groups[-1]["lr"] = self.options.embedding_learning_rate * share

    def _share(self, divisor: float) -> float:
        """How much of the mean over all processes that of this one is."""
        if self.processes.count == 1:
            return 1.0
        total = self.processes.sum(torch.tensor(divisor, dtype=torch.float64)).item()
        return divisor / total if total else 0.0

    def _divisor(self, gold: Tensor) -> float:
        """What the mean loss over these answers is divided by; 1 where nothing asks for it."""
        if self.processes.count == 1:
            return 1.0
        answer = self.model.head.answer
        if not isinstance(answer, LabelAnswer):
            return float(len(gold))
        gold = gold[gold != NO_ANSWER]
        if answer.weights is None:
            return float(len(gold))
        return answer.weights.to(gold.device)[gold].sum().item()

    def begin_epoch(self) -> None:
        """Set the model to training mode."""
        self._wrapped.train()

    def end_epoch(self) -> None:
        """Bring all parameters up to date, so that they can be read."""
        if self._words is not None:
            self._words.settle()


def clip_gradients(parameters: Sequence[Tensor], largest: float) -> Tensor:
    """Scale all gradients, sparse ones among them, so that their common norm is at most this.

    Returns:
        Their common norm before that.
    """
    values = []
    for parameter in parameters:
        if parameter.grad is not None and parameter.grad.is_sparse:
            parameter.grad = parameter.grad.coalesce()  # else a repeated row counts as several
            values.append(parameter.grad.values())
        elif parameter.grad is not None:
            values.append(parameter.grad)
    norm = torch.nn.utils.get_total_norm(values)
    torch._foreach_mul_(values, (largest / (norm + 1e-6)).clamp(max=1.0))
    return norm


def _words_optimizer(
    model: StructuredModel, device: torch.device, options: TrainingOptions
) -> DeferredAdamW | None:
    """The optimiser of a large table of word vectors that is trained on the CPU.

    A GPU updates a whole table in microseconds, but would wait for each list of words.
    """
    embedding = words_of(model.embedding)
    if embedding is None or embedding.frozen or device.type != "cpu":
        return None
    if isinstance(model.head, WordsHead) and model.head.tied:
        return None  # each step uses all rows
    if len(embedding.vocabulary) <= SMALL_TABLE:
        return None
    embedding.table.sparse = True
    table = embedding.table.weight
    assert isinstance(table, nn.Parameter)
    return DeferredAdamW(table, lr=options.learning_rate, weight_decay=options.weight_decay)
