"""Stanza without what only its training needs, which takes longer to load than all the rest."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = ["import_stanza", "shared_vectors", "without_optimisers"]


def import_stanza() -> Any:
    """Import Stanza, but not transformers with it.

    Stanza's parser imports transformers where it is installed, for training alone. Models that do
    contain a Transformer import it when they are loaded.
    """
    if "transformers" in sys.modules:
        import stanza

        return stanza
    sys.modules["transformers"] = None  # type: ignore[assignment]  # as where it is not installed
    try:
        import stanza
    finally:
        del sys.modules["transformers"]
    return stanza


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
