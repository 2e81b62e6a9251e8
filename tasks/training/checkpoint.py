"""The state of a training run in a file, so that a run that was killed can be resumed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from textwrap import shorten
from typing import Any

import torch
from torch import Tensor

from structnn import SentenceClassifier
from tasks.storage import StorageError, read_tensors, write_tensors
from tasks.training.epoch import Epoch

__all__ = ["load_checkpoint", "save_checkpoint"]


def save_checkpoint(
    path: Path,
    model: SentenceClassifier,
    optimizers: Sequence[torch.optim.Optimizer],
    epochs: Sequence[Epoch],
    best_weights: Mapping[str, Tensor],
) -> None:
    """Write the state after an epoch, with that of torch's random numbers.

    Args:
        path: The file.
        model: The classifier.
        optimizers: Its optimisers.
        epochs: The epochs so far.
        best_weights: The model's state after the best of them.
    """
    tensors = {f"model/{name}": value for name, value in model.state_dict().items()}
    tensors |= {f"best/{name}": value for name, value in best_weights.items()}
    for number, optimizer in enumerate(optimizers):
        for index, values in optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer/{number}/{index}/{name}": v for name, v in values.items()}
    tensors["random"] = torch.get_rng_state()
    if torch.cuda.is_available():
        tensors["random-cuda"] = torch.cuda.get_rng_state()
    write_tensors(path, tensors, [asdict(epoch) for epoch in epochs])


def load_checkpoint(
    path: Path, model: SentenceClassifier, optimizers: Sequence[torch.optim.Optimizer]
) -> tuple[list[Epoch], dict[str, Tensor]]:
    """Restore what :func:`save_checkpoint` wrote.

    Returns:
        The epochs so far, and the model's state after the best of them.

    Raises:
        StorageError: The file can't be read, or is of another version or model.
    """
    tensors, note = read_tensors(path)
    try:
        return _restore(tensors, note, model, optimizers)
    except (LookupError, TypeError, ValueError, RuntimeError) as error:
        raise StorageError(
            f"{path} isn't laid out as this version of structnn does it, or is of another model "
            f"({shorten(str(error), 200)}); delete it, and this run begins anew. Runs that are "
            "finished are not touched"
        ) from error


def _restore(
    tensors: Mapping[str, Tensor],
    note: Any,
    model: SentenceClassifier,
    optimizers: Sequence[torch.optim.Optimizer],
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
