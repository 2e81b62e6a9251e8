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
from tasks.explain.chosen import Part
from tasks.explain.quantities import Quantity, percent
from tasks.explain.words import quoted, shares_words, subtree_words
from tasks.results.table import Table, text_table

if TYPE_CHECKING:
    from tasks.explain.explanation import ExplainedText, Explanation

__all__ = ["LIKELY", "TreeFigure", "arc_shares", "drawn", "marked", "tree_figures"]

LIKELY = 0.1
"""The least probability of an arc that is drawn beside the tree."""


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


def tree_figures(explanation: Explanation, text: ExplainedText) -> list[TreeFigure]:
    """The tree of a text with its weights, in one picture for each kind of weight, then its subtrees."""
    if len(text.sentence) == 1:
        return []  # there are no edges, and nothing else to look at
    quantity = explanation.quantity
    found = [_arcs(explanation, text)] if explanation.question.reads == "arcs" else []
    weighted = [*_gates(quantity, text), *_attention(quantity, text)]
    if not (found or weighted):
        found = [_plain(explanation, text)]
    effects = any(value is not None for value in text.subtree_effects)
    return [*found, *weighted, *([_subtrees(quantity, text)] if effects else [])]


def marked(text: ExplainedText, tree: Tree | None = None) -> Sentence:
    """The sentence with ``[[`` and ``]]`` round each token that is asked about.

    Args:
        text: The text.
        tree: Another tree than that of the sentence.
    """
    tokens = [
        f"[[{token}]]" if place in text.asked else token
        for place, token in enumerate(text.sentence.tokens)
    ]
    tree = text.sentence.dependencies if tree is None else tree
    return Sentence(tokens, dependencies=tree, tags=text.sentence.tags)


def _arcs(explanation: Explanation, text: ExplainedText) -> TreeFigure:
    """The tree that was found, with the probability of each arc, and of others that are likely."""
    parts, tokens = explanation.chosen.parts, text.sentence.tokens
    assert all(part.head is not None for part in parts)
    heads = [-1 if part.head is None else part.head for part in parts]
    tree = Tree(heads, labels=[part.relation for part in parts])
    values = arc_shares(parts)
    others = sum(heads[token] != head for head, token in values)
    root = tree.root
    lines = [
        "The tree is the most probable one with one root. A line is as wide as the probability of its "
        "arc, given the dependent.",
        f"The root is {quoted(tokens[root])}, with a probability of {percent(parts[root].share)}.",
    ]
    if others:
        lines.append(
            f"Blue, below the words: arcs of a probability of {percent(LIKELY)} or more that are not in "
            "the tree."
        )
    lines.append(_colours(explanation.quantity))
    return drawn(
        marked(text, tree),
        "The tree that was found",
        lines,
        None,
        {
            **_attribution(explanation.quantity, text),
            "layout": "arcs",
            "edge_values": values,
            "edge_title": "probability of the arc",
            "edge_range": (0.0, 1.0),
        },
    )


def arc_shares(parts: Sequence[Part]) -> dict[tuple[int, int], float]:
    """The probability of each arc of a tree, ``(head, dependent)``, and of others that are likely."""
    found = {}
    for token, part in enumerate(parts):
        candidates = [-1, *(head for head in range(len(parts)) if head != token)]
        for head, share in zip(candidates, part.shares.values(), strict=True):
            if head != -1 and (head == part.head or share >= LIKELY):
                found[head, token] = share
    return found


def _gates(quantity: Quantity, text: ExplainedText) -> Iterator[TreeFigure]:
    tree = text.tree
    sentence, tokens = marked(text, tree), text.sentence.tokens
    for name, values in text.gates.items():
        attends = "attention" in name
        edges = presets.gates(sentence, [value or 0.0 for value in values], name)
        rows = [
            [tokens[token], _relation(tree, token), tokens[tree.parents[token]], f"{value:.3f}"]
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
            _colours(quantity),
        ]
        if tree.parents != _parse(text).parents:
            lines.append(
                "This encoder has places for a few children alone, so that dependents that are too many "
                "hang on the sibling before them."
            )
        yield drawn(
            sentence,
            f"The tree with {name}",
            lines,
            text_table(f"The {what} of each word", ["word", "relation", "head", what], rows),
            {**_attribution(quantity, text), **edges},
        )


def _attention(quantity: Quantity, text: ExplainedText) -> Iterator[TreeFigure]:
    layers = [(layer.name, layer.weights.mean(0)) for layer in text.attention]
    if not layers:
        return
    if len(layers) > 1:
        means = torch.stack([weights for _, weights in layers]).mean(0)
        layers.insert(0, ("attention, mean of all layers and heads", means))
    for place, (name, weights) in enumerate(layers):
        yield _layer(quantity, text, name, weights, folded=place > 0)


def _layer(
    quantity: Quantity, text: ExplainedText, name: str, weights: Tensor, *, folded: bool
) -> TreeFigure:
    tree, tokens = _parse(text), text.sentence.tokens
    values = edge_values(weights, tree, others=max(2, len(tree) // 2))
    edges = along_edges(weights, tree)
    rows = [
        [tokens[token], _relation(tree, token), tokens[head], f"{up:.3f}", f"{down:.3f}"]
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
    lines.append(_colours(quantity))
    most = max(values.values())
    return drawn(
        marked(text),
        f"The tree with {name}",
        lines,
        text_table(
            "How much of its attention goes along each edge",
            ["word", "relation", "head", "word reads head", "head reads word"],
            rows,
        ),
        {
            **_attribution(quantity, text),
            "layout": "arcs",
            "edge_values": values,
            "edge_title": "attention",
            "edge_range": (0.0, most),
        },
        folded=folded,
    )


def _plain(explanation: Explanation, text: ExplainedText) -> TreeFigure:
    reads = (
        "has no attention and no gates, so that the edges have no weights."
        if explanation.reads_tree
        else "does not read this tree; it only shows which words belong together."
    )
    lines = [f"{explanation.encoder} {reads}", _colours(explanation.quantity)]
    options = {**_attribution(explanation.quantity, text)}
    return drawn(marked(text), "The tree", lines, None, options)


def _subtrees(quantity: Quantity, text: ExplainedText) -> TreeFigure:
    effects = {n: value for n, value in enumerate(text.subtree_effects) if value is not None}
    values = [effects.get(node, 0.0) for node in range(len(text.sentence))]
    fall = "fall" if quantity.plural else "falls"
    lines = [
        f"The colour of a word is by how much the {quantity.name} {fall} when the word and all below it "
        "are deleted.",
        *subtree_words(text, quantity),
    ]
    if text.asked:
        lines.append("Words have no colour where something that is asked about would be deleted.")
    return drawn(
        marked(text),
        "What each part of the tree does",
        lines,
        None,
        {
            **presets.attribution(values, f"falls without it and all below it: {quantity.of}"),
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


def _attribution(quantity: Quantity, text: ExplainedText) -> presets.NodeOptions:
    return presets.attribution(
        text.attributions[INTEGRATED_GRADIENTS], f"adds to the {quantity.name}"
    )


def _colours(quantity: Quantity) -> str:
    return f"The colour of a word is what it adds to the {quantity.name} (integrated gradients)."


def _parse(text: ExplainedText) -> Tree:
    tree = text.sentence.dependencies
    assert tree is not None
    return tree


def _relation(tree: Tree, token: int) -> str:
    return tree.labels[token] or "" if tree.labels is not None else ""
