"""Weights of modules that are read, not called: an operator multiplies by them itself.

Parametrisations and pruning (:mod:`torch.nn.utils.prune`) make a weight from others, so that it is no
parameter; pruning does so in a hook, whenever its module is called.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.utils.prune import BasePruningMethod

__all__ = ["has_hooks", "weight_of"]


def has_hooks(module: nn.Module) -> bool:
    """Whether a module, or one within it, has hooks that want it to be called; not those of pruning."""
    return any(
        part._forward_hooks
        or not all(isinstance(hook, BasePruningMethod) for hook in part._forward_pre_hooks.values())
        for part in module.modules()
    )


def weight_of(module: nn.Module, name: str) -> Tensor:
    """A weight as it is when the module that has it is called, whatever it is made of.

    Args:
        module: It has the weight, or a module within it does.
        name: Of the weight, with dots between the names of modules.
    """
    path, _, last = name.rpartition(".")
    owner = module.get_submodule(path)
    for hook in owner._forward_pre_hooks.values():
        if isinstance(hook, BasePruningMethod) and hook._tensor_name == last:
            hook(owner, ())
    weight: Tensor = getattr(owner, last)
    return weight
