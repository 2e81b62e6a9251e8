"""Options of :func:`parsers.draw` that show a model's attention, gates, attributions or sentiments.

Each function returns a dictionary of options: ``draw(sentence, layout="arcs", **attention(weights))``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypedDict

from parsers.controls import tree_of
from parsers.drawing.layouts.view import Pair
from parsers.drawing.numbers import Range
from structnn.sentence import Sentence, StructureError, quoted

__all__ = ["EdgeOptions", "NodeOptions", "attention", "attribution", "gates", "sentiment"]


class NodeOptions(TypedDict):
    """Options of :func:`parsers.draw` that colour nodes."""

    node_values: Mapping[int, float]
    node_title: str
    node_range: Range


class EdgeOptions(TypedDict):
    """Options of :func:`parsers.draw` that set the widths of edges."""

    edge_values: Mapping[Pair, float]
    edge_title: str
    edge_range: tuple[float, float]


def sentiment(sentence: Sentence, predicted: Mapping[int, int] | None = None) -> NodeOptions:
    """Colours for the five sentiments at the nodes of a tree of the Stanford Sentiment Treebank.

    Args:
        sentence: A sentence whose constituency tree has the labels ``0`` (very negative) to ``4`` (very
            positive).
        predicted: The label that a model predicts for each node, in place of these labels.

    Raises:
        StructureError: The sentence has no such labels, and ``predicted`` is not given.
    """
    tree = sentence.constituency
    if predicted is None:
        labels = tree.labels if tree is not None else None
        if labels is None or not set(labels) <= set("01234"):
            raise StructureError(
                f"{quoted(sentence)} has no sentiments 0 to 4 at its nodes; read it "
                "from the Stanford Sentiment Treebank, or give `predicted`"
            )
        predicted = {node: int(label) for node, label in enumerate(labels)}
    return {
        "node_values": predicted,
        "node_title": "sentiment, from very negative to very positive",
        "node_range": (0, 2, 4),  # neutral in the middle
    }


def attribution(values: Sequence[float], title: str = "gradient x input") -> NodeOptions:
    """Colours for the attribution of a prediction to the tokens, symmetric around 0.

    Args:
        values: ``(tokens,)``, above 0 for tokens that speak for the prediction, below 0 for those
            against.
        title: The name of the method, for the legend.
    """
    most = max(map(abs, values), default=0.0) or 1.0
    return {
        "node_values": dict(enumerate(map(float, values))),
        "node_title": title,
        "node_range": (-most, most),
    }


def attention(
    weights: Sequence[Sequence[float]],
    *,
    least: float = 0.1,
    most: float | None = 1.0,
    title: str = "attention",
) -> EdgeOptions:
    """Widths, or the colours of a heat map, for attention weights, on edges from the key to the query.

    :func:`parsers.draw` makes a heat map of them if they are many and no layout is given, as with
    ``least=0``.

    Args:
        weights: ``(tokens, tokens)``: ``weights[i][j]`` is the weight from 0 to 1 of key *j* for
            query *i*, of one head of one layer, or a mean of several. The diagonal is not drawn.
        least: The smallest weight that is drawn.
        most: The weight of the widest line or the last colour; None for the largest of these weights,
            which in a long sentence may be far below 1.
        title: The name of the layer and the head, for the legend.
    """
    drawn = {
        (seen, looking): float(weight)
        for looking, row in enumerate(weights)
        for seen, weight in enumerate(row)
        if looking != seen and weight >= least
    }
    return {
        "edge_values": drawn,
        "edge_title": f"{title} (at least {least:g})" if least > 0 else title,
        "edge_range": (0.0, max(drawn.values(), default=1.0) if most is None else most),
    }


def gates(sentence: Sentence, values: Sequence[float], title: str = "forget gate") -> EdgeOptions:
    """Widths for the forget gates of a Tree-LSTM, on the edges from parents to children.

    Args:
        sentence: A sentence with dependencies.
        values: ``(tokens,)``, the mean of each token's forget gate, from 0 to 1; the root's is not
            drawn.
        title: The name of the gate, for the legend.

    Raises:
        StructureError: The sentence has no dependencies.
    """
    parents = tree_of(sentence, "dependencies").parents
    return {
        "edge_values": {
            (head, token): float(value)
            for token, (head, value) in enumerate(zip(parents, values, strict=True))
            if head != -1
        },
        "edge_title": title,
        "edge_range": (0.0, 1.0),
    }
