"""What an experiment varies."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Condition"]


@dataclass(frozen=True)
class Condition:
    """All that an experiment varies beside seeds and folds.

    Args:
        data: The data set.
        encoder: The encoder.
        structure: What tree and graph encoders read.
        noise: Share of tokens that got another head.
        embedding: Where word vectors are from; where encoders begin from a language model too, ``init:``
            and its folder.
        fraction: Share of the training examples used.
    """

    data: str
    encoder: str
    structure: str = "parse"
    noise: float = 0.0
    embedding: str = "learned"
    fraction: float = 1.0
