"""The record of an epoch."""

from __future__ import annotations

from dataclasses import dataclass, field

from tasks.json_records import earlier

__all__ = ["Epoch"]


@dataclass(frozen=True)
class Epoch:
    """One pass over the training set, and the model after it.

    Attributes:
        number: Its number, from 1.
        train_loss: Mean loss over the training examples, during the epoch.
        dev_loss: Mean loss over the dev examples.
        dev_score: The metric that selects (``--select``) on dev, as a share from 0 to 1 or in its own
            unit; with its sign changed where lower is better. Version 0.5 and before wrote it as
            ``dev_accuracy``.
        seconds: Time of training, without evaluation.
        sentences: Number of sentences trained on.
    """

    number: int
    train_loss: float
    dev_loss: float
    dev_score: float = field(metadata=earlier("dev_accuracy"))
    seconds: float
    sentences: int

    @property
    def merit(self) -> tuple[float, float]:
        """What selects the best epoch: the dev metric, then low dev loss."""
        return self.dev_score, -self.dev_loss
