"""Stanza without what its training and its other processors need, which loads longer than the rest."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

__all__ = ["import_stanza", "quiet_if_interrupted", "shared_vectors", "without_optimisers"]


_SELDOM_USED = ("emoji", "networkx", "requests")
"""What Stanza needs to tell languages apart, for enhanced dependencies, and to download."""


class _LoadedWhenUsed(ModuleType):
    """Stands for a package until something of it is asked for."""

    def __getattr__(self, attribute: str) -> Any:
        if attribute == "__file__":  # `inspect` asks all modules for it
            raise AttributeError(f"{self.__name__} is not loaded yet")
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(import_module(self.__name__), attribute)


def import_stanza() -> Any:
    """Import Stanza without transformers, and with packages that it seldom uses left for when it does.

    Stanza's parser imports transformers where it is installed, for training alone. Models that do
    contain a Transformer import it when they are loaded. To all others these packages are what they
    are.
    """
    if "stanza" not in sys.modules:
        instead: dict[str, ModuleType | None] = {
            name: _LoadedWhenUsed(name) for name in _SELDOM_USED
        }
        instead["transformers"] = None  # as where it is not installed
        instead = {name: module for name, module in instead.items() if name not in sys.modules}
        sys.modules.update(instead)  # type: ignore[arg-type]
        try:
            import stanza
        finally:
            for name, module in instead.items():
                if sys.modules.get(name, False) is module:
                    del sys.modules[name]
    import stanza

    return stanza


@contextmanager
def quiet_if_interrupted() -> Iterator[None]:
    """Load models without Stanza's error for each that Ctrl-C keeps from being loaded.

    It logs one for whatever ends the loading, and that isn't an error of the model's file.
    """
    logger = logging.getLogger("stanza")

    def is_error(record: logging.LogRecord) -> bool:
        return not isinstance(sys.exception(), KeyboardInterrupt)

    logger.addFilter(is_error)
    try:
        yield
    finally:
        logger.removeFilter(is_error)


@contextmanager
def without_optimisers() -> Iterator[None]:
    """Load models without the optimisers that Stanza makes for each, trained further or not.

    The first optimiser of a process imports PyTorch's compiler. For models that come without the
    state of their optimiser, as those do that ship with this package.
    """
    from stanza.models.common import utils

    one, split = utils.get_optimizer, utils.get_split_optimizer
    utils.get_optimizer = lambda *_, **__: None
    utils.get_split_optimizer = lambda *_, **__: {}
    try:
        yield
    finally:
        utils.get_optimizer, utils.get_split_optimizer = one, split


def shared_vectors(file: Path) -> Any:
    """A ``FoundationCache`` with the word vectors of a file, for all models of a ``stanza.Pipeline``.

    Stanza reads the file as one that may come from anywhere: by an unpickler in Python, which takes
    half a second for the words. This takes a tenth of it, and is for a file that is as trusted as code:
    one that ships with this package.

    Args:
        file: A file of ``stanza.models.common.pretrain.Pretrain``.
    """
    import torch
    from stanza.models.common.foundation_cache import FoundationCache
    from stanza.models.common.pretrain import Pretrain, PretrainedWordVocab

    content = torch.load(file, map_location="cpu", weights_only=False)
    vectors = Pretrain(str(file))
    vectors._vocab = PretrainedWordVocab.load_state_dict(content["vocab"])
    vectors._emb = content["emb"]
    cache = FoundationCache()
    cache.pretrains[str(file)] = vectors
    return cache
