"""Weights of modules that are read, not called: an operator multiplies by them itself.

Parametrisations and pruning (:mod:`torch.nn.utils.prune`) make a weight from others, so that it is no
parameter; pruning does so in a hook, whenever its module is called, and so do ``weight_norm`` and
``spectral_norm`` of :mod:`torch.nn.utils`. A quantised module has a method that gives its weight.
"""

from __future__ import annotations

import copy
from typing import Any, TypeVar, cast

import torch
from torch import Tensor, nn
from torch.nn.utils.prune import BasePruningMethod
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm

__all__ = ["has_hooks", "weight_of", "without_hooks"]

Module = TypeVar("Module", bound=nn.Module)


def has_hooks(module: nn.Module, *, within: bool = True) -> bool:
    """Whether a module has hooks that want it to be called; not those of pruning.

    Args:
        module: The module.
        within: Whether those of the modules within it matter too.
    """
    if module._forward_hooks or module._backward_hooks or module._backward_pre_hooks:
        return True
    before = module._forward_pre_hooks
    if before and not all(isinstance(hook, BasePruningMethod) for hook in before.values()):
        return True
    return within and any(part is not None and has_hooks(part) for part in module._modules.values())


def weight_of(module: nn.Module, name: str) -> Tensor:
    """A weight as it is when the module that has it is called, whatever it is made of.

    Args:
        module: It has the weight, or a module within it does.
        name: Of the weight, with dots between the names of modules.
    """
    *path, last = name.split(".")
    owner = module
    for part in path:  # getattr and get_submodule take several times as long, in each pass
        owner = cast(nn.Module, owner._modules[part])
    parameter = owner._parameters.get(last)
    if parameter is not None and not owner._forward_pre_hooks:
        return parameter
    for hook in owner._forward_pre_hooks.values():
        if _made(hook) == last:
            hook(owner, ())
    weight: Any = getattr(owner, last)
    made: Tensor = weight().dequantize() if callable(weight) else weight
    return made


def without_hooks(module: Module) -> Module:
    """A module in which weights that hooks make are parameters, with the values that they have now.

    Args:
        module: It is left as it is, and returned itself where no hook makes a weight.
    """
    if not any(_makers(part) for part in module.modules()):
        return module
    with torch.no_grad():  # so that weights are made anew, for what has a gradient can't be copied
        for part in module.modules():
            for _, hook in _makers(part):
                hook(part, ())
        plain = copy.deepcopy(module)
        for part in plain.modules():
            for key, hook in _makers(part):
                hook.remove(part)
                del part._forward_pre_hooks[key]
                # Set once more: recurrent networks keep a list of what is set.
                setattr(part, _made(hook), getattr(part, _made(hook)))
    return plain


def _makers(module: nn.Module) -> list[tuple[int, Any]]:
    """The hooks of a module that make its weights, with their keys."""
    return [(key, hook) for key, hook in module._forward_pre_hooks.items() if _made(hook)]


def _made(hook: object) -> str:
    """The name of the weight that a hook makes; empty if it makes none."""
    if isinstance(hook, BasePruningMethod):
        return str(hook._tensor_name)
    return str(hook.name) if isinstance(hook, WeightNorm | SpectralNorm) else ""
