"""What each word adds to the number that is explained, by gradients."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from tasks.explain.case import Case, inputs_of, places_of
from tasks.explain.quantities import Quantity
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
]

GRADIENT_X_INPUT = "gradient x input"
INTEGRATED_GRADIENTS = "integrated gradients"

STEPS = (64, 128, 256, 512, 1024)  # of the integral: finer ones where it does not add up yet
TOLERANCE = 0.01  # by which share it may be off
TOKENS = 16_384  # in a batch, so that long sentences don't need memory by the gigabyte

Value = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Completeness:
    """Whether integrated gradients add up to what they divide among the words.

    Attributes:
        total: Their sum.
        expected: What it should be: the number that is explained with these words, less that with
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


def from_vectors(model: SavedModel, case: Case, quantity: Quantity) -> tuple[Tensor, Value]:
    """The vectors of the words, ``(1, tokens, dim)``, and what the model makes of any such vectors.

    The second takes ``(copies, tokens, dim)`` and gives the number that is explained, ``(copies,)``.

    Args:
        model: The model.
        case: What it is asked.
        quantity: The number.
    """
    inputs, classifier = inputs_of(model, [case]), model.classifier
    lengths = [len(sentence) for sentence in case.sentences]

    def value(vectors: Tensor) -> Tensor:
        copies = len(vectors)
        batch, spans = inputs.batch(np.zeros(copies, dtype=np.int64))
        # All first texts stand before all second ones.
        x = torch.cat([part.flatten(0, 1) for part in vectors.split(lengths, dim=1)])
        given = classifier.head(classifier.encode_vectors(x, batch), batch, spans)
        return quantity(given, batch, places_of([case] * copies))

    return classifier.embedding(inputs.corpus.batch()).detach()[None], value


def gradient_x_input(vectors: Tensor, value: Value) -> tuple[float, ...]:
    """For each token the product of its vector and the gradient at it; see :func:`from_vectors`."""
    vectors = vectors.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(value(vectors).sum(), vectors)
    return tuple((vectors.detach() * gradient).sum(2)[0].tolist())


def integrated_gradients(vectors: Tensor, value: Value) -> tuple[tuple[float, ...], Completeness]:
    """For each token its vector's integrated gradient, and whether these add up.

    Args:
        vectors: See :func:`from_vectors`.
        value: See there.

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
        expected = float(value(vectors) - value(torch.zeros_like(vectors)))
    for steps in STEPS:
        shares = IntegratedGradients(value).attribute(
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
