"""Embeddings from options: word vectors, contextual models, or both side by side."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn

from structnn import ContextualEmbedding, JoinedEmbedding, Vocabulary, WordEmbedding
from tasks.data.examples import DataError
from tasks.models.options import ModelOptions
from tasks.models.states import StoredStates
from tasks.models.vectors import WORDLLAMA_WIDTH, vector_width

__all__ = ["build_embedding", "contextual_parts", "fingerprints", "input_width", "keep_states"]


def build_embedding(
    options: ModelOptions, vocabulary: Vocabulary | None, vectors: Tensor | None
) -> nn.Module:
    """Make the embedding that options describe; contextual models are loaded.

    Args:
        options: The options of a model.
        vocabulary: The words that have a vector; None where there are no word vectors.
        vectors: ``(words, dim)``, pretrained vectors; None to learn them.

    Raises:
        DataError: A contextual model can't be loaded.
    """
    parts: list[nn.Module] = []
    if options.parts.words is not None:
        assert vocabulary is not None
        parts.append(
            WordEmbedding(
                vocabulary,
                options.embedding_dim if vectors is None else vectors.shape[1],
                vectors=vectors,
                frozen=options.freeze,
                word_dropout=options.word_dropout,
            )
        )
    parts += [_contextual(name, options) for name in options.parts.contextual]
    return parts[0] if len(parts) == 1 else JoinedEmbedding(parts)


def contextual_parts(embedding: nn.Module) -> list[ContextualEmbedding]:
    """The contextual models of an embedding."""
    parts = embedding.parts if isinstance(embedding, JoinedEmbedding) else [embedding]
    return [part for part in parts if isinstance(part, ContextualEmbedding)]


def fingerprints(options: ModelOptions, embedding: nn.Module) -> dict[str, str]:
    """The fingerprint of each contextual model, as it was loaded, by its name."""
    names = options.parts.contextual
    return {
        name: part.fingerprint
        for name, part in zip(names, contextual_parts(embedding), strict=True)
    }


def keep_states(embedding: nn.Module, folder: Path) -> None:
    """Let frozen contextual models keep what they compute in files of a folder, one for each model."""
    for part in contextual_parts(embedding):
        if part.frozen:
            file = folder / f"{part.fingerprint[:32]}-{part.layer}.sqlite"
            part.store = StoredStates(file, part.dim)


def input_width(options: ModelOptions) -> int:
    """The width of the vectors that an encoder reads, before they are there.

    Raises:
        DataError: A file of vectors or a contextual model can't be read.
    """
    widths = {"learned": options.embedding_dim, "wordllama": WORDLLAMA_WIDTH, None: 0}
    if options.parts.words == "vectors":
        assert options.vectors is not None
        own = vector_width(options.vectors)
    else:
        own = widths[options.parts.words]
    return own + sum(_contextual(name, options).dim for name in options.parts.contextual)


@contextmanager
def _in_silence() -> Iterator[None]:
    """Without the progress bar of transformers, which each process would show for each run."""
    try:
        from transformers.utils import logging
    except ImportError:  # which ContextualEmbedding tells
        yield
        return
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def _contextual(name: str, options: ModelOptions) -> ContextualEmbedding:
    layer = options.contextual_layer
    try:
        with _in_silence(), torch.random.fork_rng(devices=range(torch.cuda.device_count())):
            made = ContextualEmbedding(
                name,
                frozen=not options.tune_embedding,
                layer=int(layer) if layer.isdecimal() else layer,
            )
    except ImportError as fault:  # of a package of the extra
        raise DataError(f"the embedding 'hf:{name}' can't be loaded: {fault}") from None
    except (OSError, ValueError) as fault:
        reason = str(fault).strip().splitlines()[0]
        raise DataError(
            f"the embedding 'hf:{name}' can't be loaded ({reason}). Give the folder of a model that is "
            "on this machine (config.json, model.safetensors, tokenizer.json); or fetch it where there "
            f"is a network: hf download {name}"
        ) from None
    _ = made.fingerprint  # of what was loaded, before any training
    return made
