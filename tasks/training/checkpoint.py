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
        updated: For each optimiser the numbers of the parameters that it has updated.
        scale: None where losses aren't scaled, and in checkpoints of versions before 0.15.2.
    """

    epochs: Sequence[Epoch]
    updated: Sequence[Sequence[int]]
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
    states = [optimizer.state_dict()["state"] for optimizer in optimizers]
    for number, state in enumerate(states):
        for index, values in state.items():
            tensors |= {f"optimizer/{number}/{index}/{name}": v for name, v in values.items()}
    tensors["random"] = torch.get_rng_state()
    if torch.cuda.is_available():
        tensors["random-cuda"] = torch.cuda.get_rng_state()
    scale = None
    if scaler is not None:
        state = scaler.state_dict()
        scale = _Scale(state["scale"], state["_growth_tracker"])
    note = _Note(epochs, [sorted(state) for state in states], scale)
    write_tensors(path, tensors, asdict(note))


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
        if len(note.updated) != len(optimizers):
            raise ValueError(f"{len(note.updated)} optimisers in place of {len(optimizers)}")
        states = [
            _moments(tensors, number, optimizer, numbers)
            for number, (optimizer, numbers) in enumerate(
                zip(optimizers, note.updated, strict=True)
            )
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


def _moments(
    tensors: dict[str, Tensor],
    number: int,
    optimizer: torch.optim.Optimizer,
    updated: Sequence[int],
) -> dict[int, dict[str, Tensor]]:
    """The state of one of the optimisers, each an AdamW, taken out of the tensors of a file."""
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    if not updated:
        raise ValueError(f"optimizer/{number} has updated nothing")
    states: dict[int, dict[str, Tensor]] = {}
    for index in updated:
        if not 0 <= index < len(parameters):
            raise ValueError(f"optimizer/{number} has no parameter {index}")
        place, parameter = f"optimizer/{number}/{index}", parameters[index]
        states[index] = {
            "step": _taken(tensors, f"{place}/step", like=torch.zeros(())),
            "exp_avg": _taken(tensors, f"{place}/exp_avg", like=parameter),
            "exp_avg_sq": _taken(tensors, f"{place}/exp_avg_sq", like=parameter),
        }
        if states[index]["step"] < 1 or (states[index]["exp_avg_sq"] < 0).any():
            raise ValueError(f"{place} can't be after a step of AdamW")
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
