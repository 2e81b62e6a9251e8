"""The device on which a saved model computes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from tasks.options import Options, cli_option

if TYPE_CHECKING:  # slow to import, and --help does without
    import torch

__all__ = ["Device", "DeviceOptions", "device_of"]

Device = Literal["auto", "cpu"]
"""The choice that training has too: see :attr:`tasks.training.options.TrainingOptions.device`."""


@dataclass(frozen=True, kw_only=True)
class DeviceOptions(Options):
    """Where a saved model computes.

    The CPU by default, wherever it was trained: answers are then the same to the bit on machines with
    and without a GPU, and a few texts don't pay for the start of one.
    """

    device: Annotated[
        Device,
        cli_option(
            "Device",
            "Where the model computes: cpu, or auto (a GPU if there is one), as in training.",
        ),
    ] = "cpu"


def device_of(choice: Device) -> torch.device:
    """The device of a choice.

    Args:
        choice: ``"auto"``, a GPU if there is one, or ``"cpu"``.

    Raises:
        OptionError: It is another one.
    """
    import torch

    DeviceOptions.check("device", choice)
    found = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    return torch.device("cpu") if choice == "cpu" or found is None else found
