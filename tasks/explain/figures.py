"""The trees of an explanation's page, with what the encoder makes of their nodes and edges."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from parsers import draw
from parsers.drawing import presets
from structnn import Sentence, Tree
from tasks.explain.along import along_edges, edge_values, shares
from tasks.explain.attributions import INTEGRATED_GRADIENTS
from tasks.explain.words import quoted, shares_words, subtree_words
from tasks.results.table import Table, text_table

if TYPE_CHECKING:
    from tasks.explain.explanation import Explanation

__all__ = ["TreeFigure", "drawn", "tree_figures"]


@dataclass(frozen=True)
class TreeFigure:
    """A picture of a tree.

    Attributes:
        title: What it shows.
        light: The picture for light pages, as SVG.
        dark: The same for dark ones.
        width: Its width in CSS pixels.
        lines: How to read it, and what is seen in it.
        table: Its numbers.
        folded: Whether a reader unfolds it.
    """

    title: str
    light: str
    dark: str
    width: int
    lines: tuple[str, ...]
    table: Table | None = None
    folded: bool = False


def tree_figures(explanation: Explanation) -> list[TreeFigure]:
    """The tree with its weights, in one picture for each kind of weight, then its subtrees."""
    if len(explanation.sentence) == 1:
        return []  # there are no edges, and nothing else to look at
    weighted = [*_gates(explanation), *_attention(explanation)]
    return [*(weighted or [_plain(explanation)]), _subtrees(explanation)]


def _gates(explanation: Explanation) -> Iterator[TreeFigure]:
    sentence = explanation.sentence.replace(dependencies=explanation.tree)
    tree, tokens = explanation.tree, sentence.tokens
    for name, values in explanation.gates.items():
        attends = "attention" in name
        edges = presets.gates(sentence, [value or 0.0 for value in values], name)
        rows = [
            [tokens[token], _relation(sentence, token), tokens[tree.parents[token]], f"{value:.3f}"]
            for token, value in enumerate(values)
            if value is not None
        ]
        what = "weight among its siblings" if attends else "mean forget gate"
        lines = [
            "Heads read their dependents, from the leaves up to the root. The line to a dependent is as "
            + (
                "wide as its weight among all dependents of that head, which add up to 1."
                if attends
                else "wide as its forget gate, from 0 (the head drops what it remembers) to 1 (the head "
                "keeps it), a mean over its units."
            ),
            _colours(explanation),
        ]
        if explanation.tree.parents != _parse(explanation).parents:
            lines.append(
                "This encoder has places for a few children alone, so that dependents that are too many "
                "hang on the sibling before them."
            )
        yield drawn(
            sentence,
            f"The tree with {name}",
            lines,
            text_table(f"The {what} of each word", ["word", "relation", "head", what], rows),
            {**_attribution(explanation), **edges},
        )


def _attention(explanation: Explanation) -> Iterator[TreeFigure]:
    layers = [(layer.name, layer.weights.mean(0)) for layer in explanation.attention]
    if not layers:
        return
    if len(layers) > 1:
        means = torch.stack([weights for _, weights in layers]).mean(0)
        layers.insert(0, ("attention, mean of all layers and heads", means))
    for place, (name, weights) in enumerate(layers):
        yield _layer(explanation, name, weights, folded=place > 0)


def _layer(explanation: Explanation, name: str, weights: Tensor, *, folded: bool) -> TreeFigure:
    sentence, tree = explanation.sentence, _parse(explanation)
    tokens = sentence.tokens
    values = edge_values(weights, tree, others=max(2, len(tree) // 2))
    edges = along_edges(weights, tree)
    rows = [
        [tokens[token], _relation(sentence, token), tokens[head], f"{up:.3f}", f"{down:.3f}"]
        for head, token, up, down in edges
    ]
    head, token, up, _ = max(edges, key=lambda edge: edge[2])
    other_head, other_token, _, down = max(edges, key=lambda edge: edge[3])
    lines = [
        shares_words(shares(weights, tree), len(tree)),
        "Arrows lead from the word that is read to the word that reads it.",
        "Grey: reading up, a word reads its head; most of all "
        f"{quoted(tokens[token])} reads {quoted(tokens[head])} ({up:.2f}).",
        "Green: reading down, a head reads its dependent; most of all "
        f"{quoted(tokens[other_head])} reads {quoted(tokens[other_token])} ({down:.2f}).",
    ]
    outside = len(values) - 2 * len(edges)
    if outside > 0:
        lines.append(
            "Blue, below the words: not an edge of the tree; the strongest "
            + (f"{outside} of these are" if outside > 1 else "of these is")
            + " drawn."
        )
    lines.append(_colours(explanation))
    most = max(values.values())
    return drawn(
        sentence,
        f"The tree with {name}",
        lines,
        text_table(
            "How much of its attention goes along each edge",
            ["word", "relation", "head", "word reads head", "head reads word"],
            rows,
        ),
        {
            **_attribution(explanation),
            "layout": "arcs",
            "edge_values": values,
            "edge_title": "attention",
            "edge_range": (0.0, most),
        },
        folded=folded,
    )


def _plain(explanation: Explanation) -> TreeFigure:
    reads = (
        "has no attention and no gates, so that the edges have no weights."
        if explanation.reads_tree
        else "does not read this tree; it only shows which words belong together."
    )
    lines = [f"{explanation.encoder} {reads}", _colours(explanation)]
    options = {**_attribution(explanation)}
    return drawn(explanation.sentence, "The tree", lines, None, options)


def _subtrees(explanation: Explanation) -> TreeFigure:
    sentence, label = explanation.sentence, explanation.prediction.label
    effects = {n: value for n, value in enumerate(explanation.subtree_effects) if value is not None}
    values = [effects.get(node, 0.0) for node in range(len(sentence))]
    return drawn(
        sentence,
        "What each part of the tree does",
        [
            f"The colour of a word is by how much the log-odds of {label} fall when the word and all "
            "below it are deleted.",
            *subtree_words(explanation),
        ],
        None,
        {
            **presets.attribution(values, f"falls without it and all below it: {label}"),
            "node_values": effects,
        },
    )


def drawn(
    sentence: Sentence,
    title: str,
    lines: Sequence[str],
    table: Table | None,
    options: dict[str, Any],
    *,
    folded: bool = False,
) -> TreeFigure:
    """A picture of a sentence, in light and dark.

    Args:
        sentence: The sentence, with its tree.
        title: What the picture shows.
        lines: How to read it.
        table: Its numbers.
        options: Those of :func:`parsers.draw`.
        folded: Whether a reader unfolds it.
    """
    light, dark = (draw(sentence, dark=dark, **options) for dark in (False, True))
    width = round(light.scene.width * 4 / 3)  # points to pixels
    return TreeFigure(title, light.svg(), dark.svg(), width, tuple(lines), table, folded)


def _attribution(explanation: Explanation) -> presets.NodeOptions:
    title = f"adds to the log-odds of {explanation.prediction.label}"
    return presets.attribution(explanation.attributions[INTEGRATED_GRADIENTS], title)


def _colours(explanation: Explanation) -> str:
    return (
        f"The colour of a word is what it adds to the log-odds of {explanation.prediction.label} "
        "(integrated gradients)."
    )


def _parse(explanation: Explanation) -> Tree:
    tree = explanation.sentence.dependencies
    assert tree is not None
    return tree


def _relation(sentence: Sentence, token: int) -> str:
    tree = sentence.dependencies
    return tree.labels[token] or "" if tree is not None and tree.labels is not None else ""
