"""Notes: what an encoder computed on the way, such as attention weights and gates.

A compiled network notes nothing, so that it stays one graph.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import overload

import torch
from torch import Tensor

__all__ = ["Note", "Notes", "note", "notes_wanted", "noting"]


@dataclass(frozen=True)
class Note:
    """Something that one layer computed.

    Attributes:
        kind: What it is: ``"attention"``, ``"attention over children"``, ``"forget gates"``,
            ``"latent graph"``, ``"readout attention"``, ``"span attention"`` of a head about spans,
            or ``"alignment"`` of a decoder.
        values: ``(nodes, d)`` for gates and attention over children, of each node as a child (zeros
            at the roots); ``(sentences, heads, rows, rows)`` for attention between all words, padded;
            ``(edges, heads)`` for attention along edges; ``(sentences, nodes, nodes)`` for latent
            graphs, padded; ``(nodes, heads)`` for readouts; ``(tokens, 1)`` for spans;
            ``(sentences, steps, states)`` for alignments, padded.
        layer: The number of the layer, from 1, among those that noted this kind.
        edges: ``(2, edges)``, the source and the target of each edge, for attention along edges.
    """

    kind: str
    values: Tensor
    layer: int = 1
    edges: Tensor | None = None

    def __repr__(self) -> str:
        return f"Note({self.kind!r}, layer={self.layer}, values={list(self.values.shape)})"


class Notes(Sequence[Note]):
    """The notes of one block of :func:`noting`, in the order in which they were made."""

    def __init__(self) -> None:
        self._made: list[Note] = []

    def of(self, kind: str, layer: int = 1) -> Tensor:
        """The values of a kind that a layer noted.

        Raises:
            KeyError: Nothing of that kind and layer was noted; the message lists what was.
        """
        for made in self:
            if (made.kind, made.layer) == (kind, layer):
                return made.values
        there = ", ".join(f"{made.kind!r} (layer {made.layer})" for made in self) or "none"
        raise KeyError(f"no note of kind {kind!r} from layer {layer}; there are: {there}")

    def add(self, kind: str, values: Tensor, edges: Tensor | None = None) -> None:
        """Add a note of the next layer."""
        layer = 1 + sum(made.kind == kind for made in self)
        self._made.append(Note(kind, values, layer, edges))

    @overload
    def __getitem__(self, place: int) -> Note: ...

    @overload
    def __getitem__(self, place: slice) -> list[Note]: ...

    def __getitem__(self, place: int | slice) -> Note | list[Note]:
        if isinstance(place, str):  # in version 0.1.0 notes were a mapping from strings
            raise TypeError(
                f"notes are a sequence of Note objects: write notes.of({place!r}) for the values of "
                "the first layer, notes.of(kind, layer=2) for those of another"
            )
        return self._made[place]

    def __len__(self) -> int:
        return len(self._made)

    def __repr__(self) -> str:
        return f"Notes({self._made})"


_notes: ContextVar[Notes | None] = ContextVar("notes", default=None)


@contextmanager
def noting() -> Iterator[Notes]:
    """Collect what modules note within this block.

    Example:
        >>> import torch
        >>> from structnn import Batch, Sentence, build_encoder
        >>> encoder = build_encoder("bilstm", 4, 4, readout="attention")
        >>> with noting() as notes:
        ...     _ = encoder(torch.randn(2, 4), Batch.from_sentences([Sentence(["a", "b"])]))
        >>> notes
        Notes([Note('readout attention', layer=1, values=[2, 1])])
        >>> notes.of("readout attention").shape
        torch.Size([2, 1])
    """
    notes = Notes()
    token = _notes.set(notes)
    try:
        yield notes
    finally:
        _notes.reset(token)


def notes_wanted() -> bool:
    """Whether somebody collects: what costs time to compute is computed only then."""
    return not torch.compiler.is_compiling() and _notes.get() is not None


def note(kind: str, values: Tensor, *, edges: Tensor | None = None) -> None:
    """Hand over values, if somebody collects; see :class:`Note`."""
    notes = _notes.get() if notes_wanted() else None
    if notes is not None:
        notes.add(kind, values.detach(), edges)
