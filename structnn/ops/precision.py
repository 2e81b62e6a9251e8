"""Computing with weights as they are, where autocast would round them."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor

__all__ = ["full_precision"]


def full_precision(x: Tensor) -> AbstractContextManager[object]:
    """Within this block, autocast is off for the device of ``x``.

    Rounding errors add up on the way through a tree or a sentence, so a cell computes with its weights
    as they are.
    """
    if not torch._C._is_any_autocast_enabled():  # the quickest of the three, and nearly always so
        return nullcontext()
    device = x.device.type
    if not torch.amp.is_autocast_available(device) or not torch.is_autocast_enabled(device):
        return nullcontext()
    return torch.autocast(device, enabled=False)
