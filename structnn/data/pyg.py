"""Graphs of sentences as PyTorch Geometric's ``Data``, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from structnn.sentence import StructureError
from structnn.sentence_graph import SentenceGraph

if TYPE_CHECKING:
    from torch_geometric.data import Data

__all__ = ["graph_from_pyg", "graph_to_pyg"]


def graph_to_pyg(graph: SentenceGraph) -> Data:
    """A graph as a ``torch_geometric.data.Data``.

    Args:
        graph: The graph.

    Returns:
        A ``Data`` with ``num_nodes``; ``edge_index``, ``(2, edges)``; ``position``, ``(nodes,)``, the
        token of each node, -1 for a node with no word; ``root``, ``(nodes,)``, 1 for roots and 0 for
        others; and where they are known ``relation``, a list of the labels of edges, and ``name``, a
        list of the names of nodes. Attributes have the names that :func:`parsers.to_networkx` gives
        them.
    """
    from torch_geometric.data import Data

    root = torch.zeros(len(graph), dtype=torch.long)
    root[list(graph.roots)] = 1
    data = Data(
        edge_index=torch.tensor(graph.edges, dtype=torch.long).view(-1, 2).T.contiguous(),
        position=torch.tensor(graph.tokens),
        root=root,
        num_nodes=len(graph),
    )
    if graph.labels is not None:
        data.relation = list(graph.labels)
    if graph.names is not None:
        data.name = list(graph.names)
    return data


def graph_from_pyg(data: Data) -> SentenceGraph:
    """The graph of a ``torch_geometric.data.Data``, however it was made.

    Args:
        data: A graph with ``edge_index``; and, where it has them, with ``position``, ``relation``,
            ``name`` and ``root`` as :func:`graph_to_pyg` writes them. Without ``position`` node *i* is
            token *i*. ``torch_geometric.utils.from_networkx`` makes such a graph too.

    Returns:
        The graph, for :attr:`Sentence.graph`.

    Raises:
        StructureError: It has no ``edge_index``, or is not a graph over tokens; the message names the
            node or the edge.
    """
    if data.edge_index is None:
        raise StructureError("the Data has no `edge_index`; give it one, (2, edges), even if empty")
    count = data.num_nodes or 0
    position = data.get("position")
    root = data.get("root")
    return SentenceGraph(
        range(count) if position is None else torch.as_tensor(position).flatten().tolist(),
        list(zip(*data.edge_index.tolist(), strict=True)),
        data.get("relation"),
        data.get("name"),
        () if root is None else torch.as_tensor(root).flatten().nonzero().flatten().tolist(),
    )
