"""Trees as graphs: which edges a graph encoder sends its messages along."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

__all__ = ["EDGE_TYPES", "Graph", "GraphConstruction"]

Array = np.ndarray[Any, np.dtype[np.int64]]

EDGE_TYPES = ("head_to_dependent", "dependent_to_head", "self", "next", "previous")
"""The kinds of edges; an edge's type is its place in this list."""


@dataclass(frozen=True)
class Graph:
    """Edges between the nodes of a batch; no edge joins two sentences.

    Attributes:
        edge_index: ``(2, edges)``: source and target of each edge, as in PyG.
        edge_type: ``(edges,)``: its kind, an index into :data:`EDGE_TYPES`.
        edge_label: ``(edges,)``: the number of the relation it stands for, 0 where there is none.
    """

    edge_index: Tensor
    edge_type: Tensor
    edge_label: Tensor

    def map(self, move: Callable[[Tensor], Tensor]) -> Graph:
        """The graph with each of its tensors moved."""
        return Graph(move(self.edge_index), move(self.edge_type), move(self.edge_label))

    def to(self, device: torch.device) -> Graph:
        """The graph on another device."""
        return self.map(lambda tensor: tensor.to(device))

    def of_type(self, name: str) -> Tensor:
        """The ``edge_index`` of the edges of one kind."""
        return self.edge_index[:, self.edge_type == EDGE_TYPES.index(name)]


@dataclass(frozen=True)
class GraphConstruction:
    """Which edges to make from a tree.

    Args:
        heads: An edge from each head (parent) to its dependents, labelled with the relation.
        dependents: The same edges reversed.
        self_loops: An edge from each node to itself.
        neighbours: Edges from each token to the next one and to the previous one.
    """

    heads: bool = True
    dependents: bool = True
    self_loops: bool = True
    neighbours: bool = False

    def build(self, parents: Array, labels: Array, node_tokens: Array, token_ptr: Array) -> Graph:
        """The edges of a batch.

        Args:
            parents: ``(nodes,)``, each node's parent, -1 for a root.
            labels: ``(nodes,)``, the number of each node's relation to its parent.
            node_tokens: ``(nodes,)``, each node's token, -1 for none.
            token_ptr: ``(sentences + 1,)``, where each sentence's tokens begin.
        """
        dependent = np.flatnonzero(parents >= 0)
        head, relation = parents[dependent], labels[dependent]
        parts: list[tuple[str, Array, Array, Array | None]] = []
        if self.heads:
            parts.append(("head_to_dependent", head, dependent, relation))
        if self.dependents:
            parts.append(("dependent_to_head", dependent, head, relation))
        if self.self_loops:
            nodes = np.arange(len(parents))
            parts.append(("self", nodes, nodes, None))
        if self.neighbours:
            node_of = np.empty(int(token_ptr[-1]), dtype=np.int64)
            with_word = np.flatnonzero(node_tokens >= 0)
            node_of[node_tokens[with_word]] = with_word
            has_next = np.ones(len(node_of), dtype=bool)
            has_next[token_ptr[1:] - 1] = False
            left = np.flatnonzero(has_next)
            parts.append(("next", node_of[left], node_of[left + 1], None))
            parts.append(("previous", node_of[left + 1], node_of[left], None))
        empty = np.zeros(0, dtype=np.int64)
        source = np.concatenate([empty, *(part[1] for part in parts)])
        target = np.concatenate([empty, *(part[2] for part in parts)])
        kinds = [np.full(len(part[1]), EDGE_TYPES.index(part[0])) for part in parts]
        names = [np.zeros_like(part[1]) if part[3] is None else part[3] for part in parts]
        return Graph(
            edge_index=torch.from_numpy(np.stack([source, target])),
            edge_type=torch.from_numpy(np.concatenate([empty, *kinds])),
            edge_label=torch.from_numpy(np.concatenate([empty, *names])),
        )
