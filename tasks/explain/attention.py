"""What an encoder attends to in a sentence: attention and gates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from structnn import Batch, Note, Sentence, noting
from tasks.data.questions import Span
from tasks.models.model import SavedModel
from tasks.training.inputs import spans_tensor

__all__ = ["AttentionMap", "Noted", "collect_notes"]


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


@dataclass(frozen=True)
class Noted:
    """What an encoder, and the head that reads it, note while they read one sentence.

    Attributes:
        attention: The attention weights of each layer.
        gates: For each layer with gates the mean of each token's forget gates, and for one that weighs
            children each token's weight; None at the root.
        readouts: How much of each token is taken, as the mean of its heads: by the readout that makes
            the sentence vector (``"readout attention"``), and by that of each span.
    """

    attention: tuple[AttentionMap, ...]
    gates: dict[str, tuple[float | None, ...]]
    readouts: dict[str, tuple[float, ...]]


@torch.inference_mode()
def collect_notes(model: SavedModel, sentence: Sentence, spans: Sequence[Span] = ()) -> Noted:
    """What the encoder notes while it reads a sentence, and the head where it looks for spans.

    Args:
        model: The model.
        sentence: The sentence.
        spans: Its spans, where the head reads spans.
    """
    batch = model.corpus([sentence]).batch()
    classifier = model.classifier
    attention: list[AttentionMap] = []
    gates: dict[str, tuple[float | None, ...]] = {}
    readouts: dict[str, tuple[float, ...]] = {}
    *first, last = classifier.encoder.stages
    x = classifier.embedding(batch)
    for number, stage in enumerate((*first, last), start=1):
        with noting() as notes:
            if stage is not last:
                x = stage.token_states(x, batch)
            elif classifier.head.reader.reads_sentences:
                encoding = stage(x, batch)
            else:
                encoding = stage.states(x, batch)
        name = type(stage).__name__ if not first else f"{number} {type(stage).__name__}"
        for note in notes:
            if note.kind in ("attention", "latent graph"):
                weights = _between_tokens(note, batch)
                attention.append(AttentionMap(f"{name} {note.kind}, layer {note.layer}", weights))
            elif note.kind in ("forget gates", "attention over children"):
                means = note.values.mean(1).tolist()
                means[int(batch.roots)] = None
                gates[f"{name} {note.kind}"] = tuple(means)
            elif note.kind == "readout attention":
                shares = note.values.mean(1)
                if stage.has_node_states and not batch.nodes_are_tokens:
                    shares = _of_tokens(shares, batch)
                readouts[note.kind] = tuple(shares.tolist())
    if spans:
        with noting() as notes:
            classifier.head.reader(encoding, batch, spans_tensor([spans]))
        for note in notes:
            of = (
                "the span"
                if len(spans) == 1
                else ("the first span", "the second span")[note.layer - 1]
            )
            readouts[f"attention of {of}"] = tuple(note.values.mean(1).tolist())
    return Noted(tuple(attention), gates, readouts)


def _of_tokens(values: Tensor, batch: Batch) -> Tensor:
    """``(tokens,)`` of ``(nodes,)``; 0 for a token without a node."""
    words = batch.node_tokens
    found = values.new_zeros(batch.num_tokens)
    found[words[words >= 0]] = values[words >= 0]
    return found


def _between_tokens(note: Note, batch: Batch) -> Tensor:
    """Attention weights as ``(heads, tokens, tokens)``, of the one sentence."""
    weights, size = note.values, batch.num_tokens
    if note.edges is None:
        # ``(1, heads, rows, rows)`` of a Transformer, whose vector before the first word has the first
        # row and column; ``(1, tokens, tokens)`` of a latent graph.
        return (weights[0] if weights.dim() == 4 else weights)[:, -size:, -size:]
    source, target = note.edges
    if not batch.nodes_are_tokens:  # of a graph that leaves words out, or has nodes without a word
        source, target = batch.node_tokens[source], batch.node_tokens[target]
        there = (source >= 0) & (target >= 0)
        source, target, weights = source[there], target[there], weights[there]
    flat = weights.new_zeros(size * size, weights.shape[1])
    # Several edges may join two tokens: their weights add up.
    return flat.index_add(0, target * size + source, weights).t().reshape(-1, size, size)
