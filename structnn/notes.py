"""What a network looked at: attention weights and gates, noted while it runs.

A compiled network notes nothing: it stays one graph, whoever looks.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor

__all__ = ["note", "noting", "notes_wanted"]

_notes: ContextVar[dict[str, Tensor] | None] = ContextVar("notes", default=None)


@contextmanager
def noting() -> Iterator[dict[str, Tensor]]:
    """Collect what modules note within this block.

    Example:
        >>> import torch
        >>> from structnn import Batch, Sentence, build_encoder
        >>> encoder = build_encoder("bilstm", 4, 4, readout="attention")
        >>> with noting() as notes:
        ...     _ = encoder(torch.randn(2, 4), Batch.from_sentences([Sentence(["a", "b"])]))
        >>> notes["readout attention"].shape
        torch.Size([2, 1])
    """
    notes: dict[str, Tensor] = {}
    token = _notes.set(notes)
    try:
        yield notes
    finally:
        _notes.reset(token)


def notes_wanted() -> bool:
    """Whether anybody collects: what costs time to compute is computed only then."""
    return not torch.compiler.is_compiling() and _notes.get() is not None


def note(name: str, value: Tensor) -> None:
    """Hand over a tensor, if anybody collects; a second one of the same name gets a number."""
    notes = _notes.get() if notes_wanted() else None
    if notes is not None:
        count = sum(key == name or key.startswith(f"{name} ") for key in notes)
        notes[f"{name} {count + 1}" if count else name] = value.detach()
