"""Copies to a GPU that nothing waits for."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["sent"]


def sent(tensor: Tensor, device: torch.device) -> Tensor:
    """A tensor on a device; it is itself if it is there.

    A copy to a GPU from memory that can be paged out waits until the GPU has done all that it was
    given before; one from page-locked memory does not. All other copies are waited for: one from a GPU
    could be read before it has arrived.
    """
    if device.type == "cuda" and tensor.is_cpu:
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)
