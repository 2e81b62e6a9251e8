"""What an encoder attends to in a sentence: attention and gates."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from structnn import Note, Sentence, noting
from tasks.models.model import SavedModel

__all__ = ["AttentionMap", "collect_notes"]


@dataclass(frozen=True)
class AttentionMap:
    """The attention weights of one layer.

    Attributes:
        name: Which encoder and which layer.
        weights: ``(heads, tokens, tokens)``: the weight that the token of each row gives to that of
            each column. What a Transformer's vector before the first word gives and takes is left out.
    """

    name: str
    weights: Tensor


def collect_notes(
    model: SavedModel, sentence: Sentence
) -> tuple[tuple[AttentionMap, ...], dict[str, tuple[float | None, ...]], tuple[float, ...] | None]:
    """What the encoder notes while it reads the sentence.

    Returns:
        The attention weights of each layer; for each layer with gates the mean of each token's forget
        gates, and for one that weighs children each token's weight, None at the root; and the
        readout's attention to each token, None if it has none.
    """
    batch = model.corpus([sentence]).batch()
    attention: list[AttentionMap] = []
    gates: dict[str, tuple[float | None, ...]] = {}
    readout = None
    stages = model.classifier.encoder.stages
    with torch.no_grad():
        x = model.classifier.embedding(batch)
        for number, stage in enumerate(stages, start=1):
            with noting() as notes:
                if stage is stages[-1]:
                    stage(x, batch)
                else:
                    x = stage.token_states(x, batch)
            name = type(stage).__name__
            if len(stages) > 1:
                name = f"{number} {name}"
            for note in notes:
                if note.kind in ("attention", "latent graph"):
                    weights = _between_tokens(note, batch.num_tokens)
                    attention.append(
                        AttentionMap(f"{name} {note.kind}, layer {note.layer}", weights)
                    )
                elif note.kind in ("forget gates", "attention over children"):
                    means = note.values.mean(1).tolist()
                    means[int(batch.roots)] = None
                    gates[f"{name} {note.kind}"] = tuple(means)
                elif note.kind == "readout attention":
                    readout = tuple(note.values.mean(1).tolist())
    return tuple(attention), gates, readout


def _between_tokens(note: Note, size: int) -> Tensor:
    """Attention weights as ``(heads, tokens, tokens)``, of the one sentence."""
    weights = note.values
    if note.edges is None:
        # ``(1, heads, rows, rows)`` of a Transformer, whose vector before the first word has the first
        # row and column; ``(1, tokens, tokens)`` of a latent graph.
        return (weights[0] if weights.dim() == 4 else weights)[:, -size:, -size:]
    source, target = note.edges
    flat = weights.new_zeros(size * size, weights.shape[1])
    # Several edges may join two tokens: their weights add up.
    return flat.index_add(0, target * size + source, weights).t().reshape(-1, size, size)
