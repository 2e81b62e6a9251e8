"""Scores of a classifier, and how good they are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from structnn import Corpus, StructuredModel
from structnn.heads.answers import NO_ANSWER
from tasks.metrics import Metric
from tasks.training.inputs import Inputs

__all__ = ["answers_of", "loss_and_metric", "node_accuracy", "predict_scores"]

EVALUATION_BATCH = 256  # sentences; evaluation keeps no activations, so batches can be large


@torch.inference_mode()
def predict_scores(model: StructuredModel, inputs: Inputs) -> Tensor:
    """The scores of a model in evaluation mode.

    Returns:
        ``(examples, width)``, on the CPU, in the order of the examples.
    """
    model.eval()
    device = next(model.parameters()).device
    by_length = np.argsort(inputs.lengths, kind="stable")
    scores = torch.empty(len(inputs), model.head.answer.width)
    for begin in range(0, len(inputs), EVALUATION_BATCH):
        indices = by_length[begin : begin + EVALUATION_BATCH]
        batch, spans = inputs.batch(indices)
        spans = None if spans is None else spans.to(device)
        scores[torch.from_numpy(indices)] = model(batch.to(device), spans).float().cpu()
    return scores


def answers_of(model: StructuredModel, scores: Tensor) -> list[tuple[str, dict[str, float]]]:
    """What scores stand for: each answer, and the probability of each label.

    Args:
        model: The model.
        scores: ``(examples, width)``.

    Returns:
        For each example its answer and the probabilities; none where answers are numbers.
    """
    answer = model.head.answer
    found, probabilities = answer.decode(scores), answer.probabilities(scores)
    shares = [[]] * len(found) if probabilities is None else probabilities.tolist()
    return [
        (one, dict(zip(answer.labels, row, strict=True)))
        for one, row in zip(found, shares, strict=True)
    ]


@torch.inference_mode()
def loss_and_metric(
    model: StructuredModel, scores: Tensor, answers: Sequence[str], metric: Metric[str]
) -> tuple[float, float]:
    """The mean loss over examples, and the metric.

    Args:
        model: The model, whose answers' thresholds, if they have any, are first fitted to the scores.
        scores: ``(examples, width)``.
        answers: The right answers.
        metric: What is measured.
    """
    answer = model.head.answer
    device = next(model.parameters()).device
    gold, scores = answer.encode(answers).to(device), scores.to(device)
    answer.calibrate(scores, gold)
    return answer.loss(scores, gold).item(), metric(answers, answer.decode(scores))


@torch.inference_mode()
def node_accuracy(model: StructuredModel, corpus: Corpus, node_classes: Tensor) -> float:
    """The accuracy over all labelled nodes of all trees, from 0 to 1.

    Args:
        model: The classifier.
        corpus: Sentences with trees.
        node_classes: ``(tree labels,)``, the class of each tree label, or ``NO_ANSWER``.
    """
    model.eval()
    device = next(model.parameters()).device
    right = labelled = 0
    for begin in range(0, len(corpus), EVALUATION_BATCH):
        batch = corpus.batch(np.arange(begin, min(begin + EVALUATION_BATCH, len(corpus)))).to(
            device
        )
        wanted = node_classes.to(device)[batch.node_labels]
        right += int((model(batch, nodes=True).argmax(1) == wanted).sum())
        labelled += int((wanted != NO_ANSWER).sum())
    return right / labelled
