"""The record of an epoch."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Epoch"]


@dataclass(frozen=True)
class Epoch:
    """One pass over the training set, and the model after it.

    Attributes:
        number: Its number, from 1.
        train_loss: Mean loss over the training examples, during the epoch.
        dev_loss: Mean loss over the dev examples.
        dev_accuracy: What selects on dev: accuracy, from 0 to 1, unless another metric is chosen or
            asked for by the question; with its sign changed where lower is better.
        seconds: Time of training, without evaluation.
        sentences: Number of sentences trained on.
    """

    number: int
    train_loss: float
    dev_loss: float
    dev_accuracy: float
    seconds: float
    sentences: int

    @property
    def merit(self) -> tuple[float, float]:
        """What selects the best epoch: the dev metric, then low dev loss."""
        return self.dev_accuracy, -self.dev_loss
