"""Scores of a classifier, and how good they are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from structnn import Corpus, SentenceClassifier

__all__ = ["NO_CLASS", "loss_and_accuracy", "node_accuracy", "predict_scores"]

EVALUATION_BATCH = 256  # sentences; evaluation keeps no activations, so batches can be large
NO_CLASS = -100  # the class of a node that has none, as `ignore_index` of cross_entropy


@torch.inference_mode()
def predict_scores(model: SentenceClassifier, corpus: Corpus) -> Tensor:
    """The scores (logits) of a classifier in evaluation mode.

    Returns:
        ``(sentences, classes)``, on the CPU, in the order of the corpus.
    """
    model.eval()
    device = next(model.parameters()).device
    by_length = np.argsort(corpus.lengths, kind="stable")
    scores = torch.empty(len(corpus), len(model.labels))
    for begin in range(0, len(corpus), EVALUATION_BATCH):
        indices = by_length[begin : begin + EVALUATION_BATCH]
        batch = corpus.batch(indices).to(device)
        scores[torch.from_numpy(indices)] = model(batch).float().cpu()
    return scores


def loss_and_accuracy(scores: Tensor, targets: Sequence[int]) -> tuple[float, float]:
    """Mean cross-entropy and accuracy over examples.

    Args:
        scores: ``(sentences, classes)``.
        targets: The class of each sentence.
    """
    wanted = torch.tensor(targets)
    loss = F.cross_entropy(scores, wanted).item()
    return loss, (scores.argmax(1) == wanted).double().mean().item()


@torch.inference_mode()
def node_accuracy(model: SentenceClassifier, corpus: Corpus, node_classes: Tensor) -> float:
    """The accuracy over all labelled nodes of all trees, from 0 to 1.

    Args:
        model: The classifier.
        corpus: Sentences with trees.
        node_classes: ``(tree labels,)``, the class of each tree label, or ``NO_CLASS``.
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
        labelled += int((wanted != NO_CLASS).sum())
    return right / labelled
