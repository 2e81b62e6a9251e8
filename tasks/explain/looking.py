"""What an encoder looks at in a sentence: attention and gates."""

from __future__ import annotations

import re
from dataclasses import dataclass

import torch
from torch import Tensor

from structnn import Batch, Encoder, Sentence
from structnn.encoders import Chain
from structnn.notes import noting
from tasks.models.model import SavedModel

__all__ = ["Attention", "looked_at"]


@dataclass(frozen=True)
class Attention:
    """What one layer looks at.

    Attributes:
        name: Which encoder and which layer.
        weights: ``(heads, tokens, tokens)``: how much the token of each row looks at that of each
            column. What a Transformer's vector before the first word gives and takes is left out.
    """

    name: str
    weights: Tensor


def looked_at(
    model: SavedModel, sentence: Sentence
) -> tuple[tuple[Attention, ...], dict[str, tuple[float | None, ...]], tuple[float, ...] | None]:
    """What the parts of the encoder note while they read the sentence."""
    batch = model.corpus([sentence]).batch()
    encoder = model.classifier.encoder
    parts = list(encoder.encoders) if isinstance(encoder, Chain) else [encoder]
    attention: list[Attention] = []
    gates: dict[str, tuple[float | None, ...]] = {}
    readout = None
    with torch.no_grad():
        x = model.classifier.embedding(batch)
        for number, part in enumerate(parts):
            assert isinstance(part, Encoder)
            with noting() as notes:
                if part is parts[-1]:
                    part(x, batch)
                else:
                    states = part.encode(x, batch)
                    x = batch.to_tokens(states) if part.has_node_states else states
            name = type(part).__name__
            if len(parts) > 1:
                name = f"{number + 1} {name}"
            for key, note in notes.items():
                kind, layer = re.fullmatch(r"(.*?)(?: (\d+))?", key).groups(default="1")  # type: ignore[union-attr]
                if kind in ("attention", "latent graph"):
                    weights = _between_tokens(note, part, batch)
                    attention.append(Attention(f"{name} {kind}, layer {layer}", weights))
                elif kind == "forget gates":
                    means = note.mean(1).tolist()
                    means[int(batch.roots)] = None
                    gates[f"{name} {key}"] = tuple(means)
                elif kind == "readout attention":
                    readout = tuple(note.mean(1).tolist())
    return tuple(attention), gates, readout


def _between_tokens(weights: Tensor, part: Encoder, batch: Batch) -> Tensor:
    """Attention weights as ``(heads, tokens, tokens)``.

    Args:
        weights: ``(1, heads, rows, rows)`` of a Transformer, ``(1, tokens, tokens)`` of a latent
            graph, or ``(edges, heads)`` of a graph encoder.
        part: The encoder.
        batch: The one sentence.
    """
    size = batch.num_tokens
    if weights.dim() > 2:
        # A vector before the first word has the first row and column.
        return (weights[0] if weights.dim() == 4 else weights)[:, -size:, -size:]
    source, target = batch.graph(part.constructions[0]).edge_index
    flat = weights.new_zeros(size * size, weights.shape[1])
    # Several edges may join two tokens: together they are how much one looks at the other.
    return flat.index_add(0, target * size + source, weights).t().reshape(-1, size, size)
