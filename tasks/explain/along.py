"""Attention along the edges of a tree: who reads whom."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from structnn import Tree

__all__ = ["Shares", "along_edges", "edge_values", "shares"]


@dataclass(frozen=True)
class Shares:
    """Where the attention of the words goes, each as a share of all of it.

    Attributes:
        itself: To the word itself.
        up: Reading up: from a word to its head.
        down: Reading down: from a word to its dependents.
        elsewhere: To words that no edge of the tree joins it with.
    """

    itself: float
    up: float
    down: float
    elsewhere: float


def _up(tree: Tree) -> Tensor:
    """``(tokens, tokens)``: whether the token of the column is the head of that of the row."""
    found = torch.zeros(len(tree), len(tree), dtype=torch.bool)
    for token, head in enumerate(tree.parents):
        if head != -1:
            found[token, head] = True
    return found


def shares(weights: Tensor, tree: Tree) -> Shares:
    """How the attention of all words is divided.

    Args:
        weights: ``(tokens, tokens)``: the weight that the token of each row gives to that of each
            column.
        tree: The tree of the tokens.
    """
    up = _up(tree)
    whole = float(weights.sum()) or 1.0
    upwards, downwards = (float(weights[chosen].sum()) / whole for chosen in (up, up.t()))
    itself = float(weights.diagonal().sum()) / whole
    return Shares(itself, upwards, downwards, max(0.0, 1.0 - itself - upwards - downwards))


def along_edges(weights: Tensor, tree: Tree) -> list[tuple[int, int, float, float]]:
    """For each edge the head, the dependent, and the weights of reading it up and down.

    Args:
        weights: See :func:`shares`.
        tree: See there.
    """
    return [
        (head, token, float(weights[token, head]), float(weights[head, token]))
        for token, head in enumerate(tree.parents)
        if head != -1
    ]


def edge_values(weights: Tensor, tree: Tree, others: int) -> dict[tuple[int, int], float]:
    """The weights to draw, on edges from the word that is read to the one that reads it.

    Args:
        weights: See :func:`shares`.
        tree: See there.
        others: How many weights between words that no edge joins are drawn: the strongest.
    """
    up = _up(tree)
    inside = up | up.t() | torch.eye(len(tree), dtype=torch.bool)
    outside = weights.masked_fill(inside, 0.0).flatten()
    strongest = outside.topk(min(others, len(outside)))
    drawn = {}
    for head, token, upwards, downwards in along_edges(weights, tree):
        drawn[head, token] = upwards
        drawn[token, head] = downwards
    for value, place in zip(strongest.values.tolist(), strongest.indices.tolist(), strict=True):
        if value > 0:
            reader, read = divmod(place, len(tree))
            drawn[read, reader] = value
    return drawn
