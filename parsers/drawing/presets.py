"""What models' numbers mean in a picture: options for :func:`parsers.draw`, ready to pass on.

Each function gives a dictionary: ``draw(sentence, layout="arcs", **attention(weights))``. The numbers
come from any model; nothing here knows of one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypedDict

from structnn.sentence import Sentence, StructureError

__all__ = ["NodeOptions", "EdgeOptions", "attention", "attribution", "gates", "sentiment"]

Pair = tuple[int, int]


class NodeOptions(TypedDict):
    """Options of :func:`parsers.draw` that colour nodes."""

    node_values: Mapping[int, float]
    node_title: str
    node_range: tuple[float, float]


class EdgeOptions(TypedDict):
    """Options of :func:`parsers.draw` that set the widths of edges."""

    edge_values: Mapping[Pair, float]
    edge_title: str
    edge_range: tuple[float, float]


def sentiment(sentence: Sentence, predicted: Mapping[int, int] | None = None) -> NodeOptions:
    """Five colours for the five sentiments of the nodes of a Stanford Sentiment tree.

    Args:
        sentence: Its constituency tree has the labels ``0`` (very negative) to ``4`` (very positive).
        predicted: A model's label for each node, in place of those.

    Raises:
        StructureError: There are no such labels.
    """
    tree = sentence.constituency
    if predicted is None:
        labels = tree.labels if tree is not None else None
        if labels is None or not set(labels) <= set("01234"):
            raise StructureError(
                f"{' '.join(sentence.tokens)[:60]!r} has no sentiments 0 to 4 at its nodes; read it "
                "from the Stanford Sentiment Treebank, or give `predicted`"
            )
        predicted = {node: int(label) for node, label in enumerate(labels)}
    return {
        "node_values": predicted,
        "node_title": "sentiment, from very negative to very positive",
        "node_range": (0, 4),
    }


def attribution(values: Sequence[float], title: str = "gradient x input") -> NodeOptions:
    """Colours for what each token does to a prediction: against it, nothing, or for it.

    Args:
        values: A number for each token.
        title: The method.
    """
    most = max(map(abs, values), default=0.0) or 1.0
    return {
        "node_values": dict(enumerate(map(float, values))),
        "node_title": title,
        "node_range": (-most, most),
    }


def attention(
    weights: Sequence[Sequence[float]], *, least: float = 0.1, title: str = "attention"
) -> EdgeOptions:
    """Widths for attention, from the token that is looked at to the one that looks.

    Args:
        weights: ``weights[i][j]`` is how much token *i* looks at token *j*: of one head of one
            layer, or a mean of some. What a token gives to itself is not drawn.
        least: Smaller weights are not drawn, so that the picture stays legible.
        title: For the legend: which head, which layer.
    """
    return {
        "edge_values": {
            (seen, looking): float(weight)
            for looking, row in enumerate(weights)
            for seen, weight in enumerate(row)
            if looking != seen and weight >= least
        },
        "edge_title": f"{title} (at least {least:g})",
        "edge_range": (0.0, 1.0),
    }


def gates(sentence: Sentence, values: Sequence[float], title: str = "forget gate") -> EdgeOptions:
    """Widths for how much of each child a Tree-LSTM lets through to its parent.

    Args:
        sentence: It has dependencies.
        values: For each token the mean of its forget gate, from 0 to 1; the root's is not drawn.
        title: For the legend.
    """
    if sentence.dependencies is None:
        raise StructureError(f"{' '.join(sentence.tokens)[:60]!r} has no dependencies")
    return {
        "edge_values": {
            (head, token): float(value)
            for token, (head, value) in enumerate(
                zip(sentence.dependencies.parents, values, strict=True)
            )
            if head != -1
        },
        "edge_title": title,
        "edge_range": (0.0, 1.0),
    }
