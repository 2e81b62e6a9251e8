"""What each word adds to the log-odds of a label, by gradients."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from structnn import Head, Sentence
from tasks.models.model import SavedModel

__all__ = [
    "GRADIENT_X_INPUT",
    "INTEGRATED_GRADIENTS",
    "TOLERANCE",
    "Completeness",
    "batch_size",
    "from_vectors",
    "gradient_x_input",
    "integrated_gradients",
    "log_odds_of",
]

GRADIENT_X_INPUT = "gradient x input"
INTEGRATED_GRADIENTS = "integrated gradients"

STEPS = (64, 128, 256, 512, 1024)  # of the integral: finer ones where it does not add up yet
TOLERANCE = 0.01  # by which share it may be off
TOKENS = 16_384  # in a batch, so that long sentences don't need memory by the gigabyte

LogOdds = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Completeness:
    """Whether integrated gradients add up to what they divide among the words.

    Attributes:
        total: Their sum.
        expected: What it should be: the log-odds of the label with these words, less those with
            vectors of zeros in their place.
        steps: Of the integral.
    """

    total: float
    expected: float
    steps: int

    @property
    def error(self) -> float:
        """By how much the sum is off, as a share of what it should be."""
        # Log-odds of 0.01 are a quarter of a percent point at most: less is as good as nothing.
        return abs(self.total - self.expected) / max(abs(self.expected), 0.01)


def from_vectors(model: SavedModel, sentence: Sentence, label: int) -> tuple[Tensor, LogOdds]:
    """The vectors of the words, ``(1, tokens, dim)``, and what the model makes of any such vectors.

    The second takes ``(copies, tokens, dim)`` and gives the log-odds of the label, ``(copies,)``.
    """
    corpus, classifier = model.corpus([sentence]), model.classifier
    head = classifier.head
    assert isinstance(head, Head)  # of other questions nothing is explained

    def log_odds(vectors: Tensor) -> Tensor:
        batch = corpus.batch([0] * len(vectors))
        encoding = classifier.encoder(vectors.flatten(0, 1), batch)
        return log_odds_of(head.of_vectors(encoding.sentence), label)

    return classifier.embedding(corpus.batch()).detach()[None], log_odds


def log_odds_of(scores: Tensor, label: int) -> Tensor:
    """``(sentences, classes)`` to ``(sentences,)``: of this label against all others."""
    others = torch.arange(scores.shape[1]) != label
    return scores[:, label] - scores[:, others].logsumexp(1)


def gradient_x_input(vectors: Tensor, log_odds: LogOdds) -> tuple[float, ...]:
    """For each token the product of its vector and the gradient at it; see :func:`from_vectors`."""
    vectors = vectors.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(log_odds(vectors).sum(), vectors)
    return tuple((vectors.detach() * gradient).sum(2)[0].tolist())


def integrated_gradients(
    vectors: Tensor, log_odds: LogOdds
) -> tuple[tuple[float, ...], Completeness]:
    """For each token its vector's integrated gradient, and whether these add up.

    Args:
        vectors: See :func:`from_vectors`.
        log_odds: See there.

    Raises:
        ImportError: ``captum`` is not installed.
    """
    try:
        from captum.attr import IntegratedGradients
    except ImportError:
        raise ImportError(
            "integrated gradients need the package captum: pip install captum"
        ) from None
    with torch.no_grad():
        expected = float(log_odds(vectors) - log_odds(torch.zeros_like(vectors)))
    for steps in STEPS:
        shares = IntegratedGradients(log_odds).attribute(
            vectors, n_steps=steps, internal_batch_size=batch_size(vectors.shape[1])
        )
        values = shares.sum(2)[0].tolist()
        completeness = Completeness(sum(values), expected, steps)
        if completeness.error <= TOLERANCE:
            break
    return tuple(values), completeness


def batch_size(tokens: int) -> int:
    """How many sentences of so many tokens are taken at once."""
    return max(1, TOKENS // tokens)
