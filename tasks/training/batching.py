"""The batches of an epoch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from structnn import Batch, Encoder
from tasks.training.inputs import Indices, Inputs

__all__ = ["batches_of_epoch", "collate", "in_parts", "prepared_on"]

POOL = 50  # batches; sentences of similar length are put together within pools of this size
AHEAD = 8  # batches collated in a row: with code and data in the CPU's caches, twice as fast


def batches_of_epoch(
    lengths: NDArray[np.int64], batch_size: int, seed: int, epoch: int
) -> list[Indices]:
    """Random batches of sentences of similar length.

    Args:
        lengths: ``(sentences,)``, their numbers of tokens.
        batch_size: Sentences per batch.
        seed: Random seed; with ``epoch`` it decides the batches.
        epoch: Number of the epoch.

    Returns:
        Each sentence in one batch.
    """
    random = np.random.default_rng([seed, epoch])
    order = random.permutation(len(lengths))
    batches = []
    pool = POOL * batch_size
    for begin in range(0, len(order), pool):
        part = order[begin : begin + pool]
        part = part[np.argsort(lengths[part], kind="stable")]
        batches += [part[at : at + batch_size] for at in range(0, len(part), batch_size)]
    return [batches[index] for index in random.permutation(len(batches))]


def in_parts(indices: Indices, lengths: NDArray[np.int64], most: int, words: int) -> list[Indices]:
    """Cut a list of examples into parts that are small enough to be computed at once.

    Args:
        indices: The examples, in order.
        lengths: ``(all examples,)``, their numbers of tokens.
        most: The largest number of examples of a part.
        words: The largest number of tokens of a part, unless one example alone has more.
    """
    parts = []
    begin, held = 0, 0
    for at, length in enumerate(lengths[indices].tolist()):
        if at > begin and (at - begin == most or held + length > words):
            parts.append(indices[begin:at])
            begin, held = at, 0
        held += length
    return [*parts, indices[begin:]] if len(indices) else []


def collate(
    inputs: Inputs, batches: Sequence[Indices], encoder: Encoder
) -> Iterator[tuple[Batch, Tensor | None] | None]:
    """Make each batch, with the structures that the encoder reads, and its spans.

    Where there are no indices it is None.
    """
    for begin in range(0, len(batches), AHEAD):
        ahead = batches[begin : begin + AHEAD]
        made = [inputs.batch(indices) if len(indices) else None for indices in ahead]
        for one in made:
            if one is not None:
                encoder.prepare(one[0])
        yield from made


def prepared_on(device: torch.device, encoder: Encoder, batch: Batch) -> Batch:
    """A batch on a device, with the structures that the encoder reads, which are made on the CPU."""
    return batch if device.type == "cpu" else encoder.prepare(batch).to(device)
