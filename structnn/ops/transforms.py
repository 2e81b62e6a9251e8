"""Functions of :mod:`torch.func` at work, such as ``grad``, ``vmap`` and ``jvp``."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch

__all__ = ["is_transformed", "outside_transforms"]


def is_transformed() -> bool:
    """Whether they are; they differentiate what PyTorch computes, and can't see into our gradients."""
    # Asked in this order, since the compiler can't trace the second question.
    return not torch.compiler.is_compiling() and torch._C._are_functorch_transforms_active()


def outside_transforms() -> AbstractContextManager[object]:
    """Within this block they are not, so that what is made can be kept when they have ended."""
    if not is_transformed():
        return nullcontext()
    from torch._functorch.pyfunctorch import temporarily_clear_interpreter_stack

    return temporarily_clear_interpreter_stack()
