"""The state of a training run in a file, so that a run that was killed can be resumed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.amp.grad_scaler import GradScaler

from structnn import StructuredModel
from tasks.json_records import as_record
from tasks.storage import StorageError
from tasks.tensors import read_tensors, write_tensors
from tasks.training.epoch import Epoch

__all__ = ["CHECKPOINT", "load_checkpoint", "save_checkpoint"]

CHECKPOINT = "checkpoint.safetensors"
"""The name of a checkpoint in the folder of what is trained, until that has a result."""

ANEW = "training begins anew"
_MOMENTS = ("step", "exp_avg", "exp_avg_sq")  # what AdamW knows of a parameter


@dataclass(frozen=True)
class _Scale:
    """What losses are scaled by in half precision.

    Args:
        scale: The factor.
        steps: For how many steps it has fitted.
    """

    scale: float
    steps: int


@dataclass(frozen=True)
class _Note:
    """What a checkpoint says beside its tensors.

    Args:
        epochs: The epochs so far.
        trained: The names of the parameters that have been updated; None up to version 0.15.2.
        updated: In their place, for each optimiser the numbers of the parameters that it had updated.
        scale: None where losses aren't scaled, and in checkpoints of versions before 0.15.2.
    """

    epochs: Sequence[Epoch]
    trained: Sequence[str] | None = None
    updated: Sequence[Sequence[int]] = ()
    scale: _Scale | None = None

    def __post_init__(self) -> None:
        numbers = [epoch.number for epoch in self.epochs]
        if not numbers or numbers != list(range(1, len(numbers) + 1)):
            raise ValueError(f"its epochs are {numbers}")


def save_checkpoint(
    path: Path,
    model: StructuredModel,
    optimizers: Sequence[torch.optim.Optimizer],
    epochs: Sequence[Epoch],
    best_weights: Mapping[str, Tensor],
    scaler: GradScaler | None = None,
) -> None:
    """Write the state after an epoch, with that of torch's random numbers.

    What optimisers know of a parameter has its name, for how parameters are shared out among them
    differs from device to device: on a CPU a large table of words has one of its own.

    Args:
        path: The file.
        model: The classifier.
        optimizers: Its optimisers.
        epochs: The epochs so far.
        best_weights: The model's state after the best of them.
        scaler: What scales losses in half precision.
    """
    tensors = {f"model/{name}": value for name, value in model.state_dict().items()}
    tensors |= {f"best/{name}": value for name, value in best_weights.items()}
    trained = []
    for optimizer in optimizers:
        names = _names(optimizer, model)
        for index, values in optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer/{names[index]}/{key}": value for key, value in values.items()}
            trained.append(names[index])
    tensors["random"] = torch.get_rng_state()
    if torch.cuda.is_available():
        tensors["random-cuda"] = torch.cuda.get_rng_state()
    scale = None
    if scaler is not None:
        state = scaler.state_dict()
        scale = _Scale(state["scale"], state["_growth_tracker"])
    note = asdict(_Note(epochs, trained, scale=scale))
    del note["updated"]
    write_tensors(path, tensors, note)


def load_checkpoint(
    path: Path,
    model: StructuredModel,
    optimizers: Sequence[torch.optim.Optimizer],
    scaler: GradScaler | None = None,
) -> tuple[list[Epoch], dict[str, Tensor]]:
    """Restore what :func:`save_checkpoint` wrote, whole or not at all.

    Args:
        path: The file.
        model: The classifier.
        optimizers: Its optimisers.
        scaler: What scales losses in half precision.

    Returns:
        The epochs so far, and the model's state after the best of them.

    Raises:
        StorageError: The file can't be read, or holds another state than one of this model and these
            optimisers; then nothing is changed.
    """
    tensors, entry = read_tensors(path, ANEW)
    note = as_record(_Note, entry, path, ANEW)
    try:
        weights, best = (_weights(tensors, part, model) for part in ("model", "best"))
        names = [_names(optimizer, model) for optimizer in optimizers]
        trained = note.trained
        if trained is None:
            trained = _named(tensors, note.updated, names)
        if unknown := set(trained).difference(*names):
            raise ValueError(f"no parameter is called {', '.join(sorted(unknown)[:3])}")
        states = [
            _moments(tensors, optimizer, own, trained)
            for optimizer, own in zip(optimizers, names, strict=True)
        ]
        generators = {"cpu": tensors.pop("random")}
        if "random-cuda" in tensors:
            cuda = tensors.pop("random-cuda")
            generators |= {"cuda": cuda} if torch.cuda.is_available() else {}
        for device, state in generators.items():
            torch.Generator(device).set_state(state)  # an error if it isn't a state
        if tensors:
            raise ValueError(f"unknown: {', '.join(sorted(tensors)[:3])}")
    except (LookupError, TypeError, ValueError, RuntimeError) as error:
        what = f"{error} is missing" if isinstance(error, KeyError) else error
        raise StorageError(
            f"{path} isn't laid out as this version of structnn does it, or is of another model "
            f"({what}); {ANEW}"
        ) from None
    model.load_state_dict(weights)
    for optimizer, moments in zip(optimizers, states, strict=True):
        groups = optimizer.state_dict()["param_groups"]
        optimizer.load_state_dict({"state": moments, "param_groups": groups})
    if scaler is not None and note.scale is not None:
        scale = {"scale": note.scale.scale, "_growth_tracker": note.scale.steps}
        scaler.load_state_dict(scaler.state_dict() | scale)
    torch.set_rng_state(generators["cpu"])
    if "cuda" in generators:
        torch.cuda.set_rng_state(generators["cuda"])
    return list(note.epochs), best


def _weights(tensors: dict[str, Tensor], part: str, model: StructuredModel) -> dict[str, Tensor]:
    """The state of a model, taken out of the tensors of a file."""
    return {
        name: _taken(tensors, f"{part}/{name}", like=value)
        for name, value in model.state_dict().items()
    }


def _parameters(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    """The parameters of an optimiser, in the order of its numbers."""
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]


def _names(optimizer: torch.optim.Optimizer, model: StructuredModel) -> list[str]:
    """The names that the parameters of an optimiser have in the model, in the order of its numbers."""
    names: dict[Tensor, str] = {parameter: name for name, parameter in model.named_parameters()}
    return [names[parameter] for parameter in _parameters(optimizer)]


def _named(
    tensors: dict[str, Tensor], updated: Sequence[Sequence[int]], names: Sequence[Sequence[str]]
) -> list[str]:
    """Give the state of optimisers, which had numbers up to version 0.15.2, the names of now.

    Args:
        tensors: The tensors of a file, changed in place.
        updated: For each optimiser the numbers of the parameters that it had updated.
        names: For each of now the names of its parameters.

    Returns:
        The names of the parameters that had been updated.
    """
    if len(updated) != len(names):
        raise ValueError(
            f"{len(updated)} optimisers in place of {len(names)}: up to 0.15.2 training on a GPU "
            "couldn't go on from a checkpoint of a CPU, nor the other way round"
        )
    trained = []
    for number, (indices, own) in enumerate(zip(updated, names, strict=True)):
        for index in indices:
            if not 0 <= index < len(own):
                raise ValueError(f"optimizer/{number} has no parameter {index}")
            for key in _MOMENTS:
                moment = tensors.pop(f"optimizer/{number}/{index}/{key}")
                tensors[f"optimizer/{own[index]}/{key}"] = moment
            trained.append(own[index])
    return trained


def _moments(
    tensors: dict[str, Tensor],
    optimizer: torch.optim.Optimizer,
    names: Sequence[str],
    trained: Sequence[str],
) -> dict[int, dict[str, Tensor]]:
    """The state of one of the optimisers, each an AdamW, taken out of the tensors of a file.

    Args:
        tensors: The tensors.
        optimizer: The optimiser.
        names: The names of its parameters.
        trained: The names of all parameters that have been updated.
    """
    states: dict[int, dict[str, Tensor]] = {}
    for index, (name, parameter) in enumerate(zip(names, _parameters(optimizer), strict=True)):
        if name not in trained:
            continue
        like = {"step": torch.zeros(()), "exp_avg": parameter, "exp_avg_sq": parameter}
        place = f"optimizer/{name}"
        states[index] = {key: _taken(tensors, f"{place}/{key}", like[key]) for key in _MOMENTS}
        if states[index]["step"] < 1 or (states[index]["exp_avg_sq"] < 0).any():
            raise ValueError(f"{place} can't be after a step of AdamW")
    if not states:
        raise ValueError(f"nothing of {', '.join(names[:3])} has been updated")
    return states


def _taken(tensors: dict[str, Tensor], name: str, like: Tensor) -> Tensor:
    """A tensor of the shape and type of another, with finite values, taken out of those of a file."""
    tensor = tensors.pop(name)
    if tensor.shape != like.shape or tensor.dtype != like.dtype:
        found, wanted = (f"{tuple(one.shape)} {one.dtype}" for one in (tensor, like))
        raise ValueError(f"{name} is {found}, and should be {wanted}")
    if not bool(torch.isfinite(tensor).all()):
        raise ValueError(f"{name} has values that are not finite")
    return tensor
