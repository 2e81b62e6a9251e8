"""Graph networks over the edges of a parse, on PyTorch Geometric's layers."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch_geometric.nn import GATConv, GCNConv

from structnn.batch import Batch
from structnn.encoders.base import Encoder
from structnn.graph import EDGE_TYPES, GraphConstruction

__all__ = ["GAT", "GCN"]

_DIRECTED = ("head_to_dependent", "dependent_to_head")


class GCN(Encoder):
    r"""Graph convolution (Kipf and Welling 2017), with weights of its own for each kind of edge.

    .. math::
        h_v' = h_v + \mathrm{ReLU}\Bigl(W_{self} h_v + b
            + \sum_k \frac{1}{|N_k(v)|} \sum_{u \in N_k(v)} W_k h_u\Bigr)

    over the kinds *k*: from head to dependent and from dependent to head. The symmetric normalisation
    of the paper is for undirected graphs: over directed edges it would silence every node that
    receives nothing, as roots and leaves do, so messages are averaged instead, as in R-GCN
    (Schlichtkrull et al. 2018). The layer is PyG's ``GCNConv`` with these weights.

    Args:
        input_dim: The width of the word vectors; projected to ``hidden_dim``.
        hidden_dim: The width of the states.
        layers: How many; a word sees others at most this many edges away.
        dropout: Dropout rate before each layer.
        readout: By default the maximum over nodes.
    """

    reads = frozenset({"graph"})

    def __init__(
        self,
        input_dim: int,
        hidden_dim: int,
        *,
        layers: int = 2,
        dropout: float = 0.1,
        readout: str = "max",
    ) -> None:
        super().__init__(input_dim, hidden_dim, readout=readout)
        self.constructions = (GraphConstruction(self_loops=False),)
        self.projection = nn.Linear(input_dim, hidden_dim)
        self.dropout = nn.Dropout(dropout)
        self.own = nn.ModuleList(nn.Linear(hidden_dim, hidden_dim) for _ in range(layers))
        self.neighbours = nn.ModuleList(
            nn.ModuleDict(
                {
                    kind: GCNConv(hidden_dim, hidden_dim, normalize=False, bias=False)
                    for kind in _DIRECTED
                }
            )
            for _ in range(layers)
        )

    def encode(self, x: Tensor, batch: Batch) -> Tensor:
        """The states after the last layer."""
        graph = batch.graph(self.constructions[0])
        edges = {kind: graph.of_type(kind) for kind in _DIRECTED}
        shares = {kind: _share(edges[kind][1], batch.num_nodes, x) for kind in _DIRECTED}
        states = batch.to_nodes(self.projection(x))
        for own, neighbours in zip(self.own, self.neighbours, strict=True):
            inputs = self.dropout(states)
            messages = own(inputs)
            for kind, convolution in neighbours.items():  # type: ignore[operator]
                messages = messages + convolution(inputs, edges[kind], shares[kind])
            states = states + messages.relu()
        return states


class GAT(Encoder):
    r"""Graph attention (Velickovic et al. 2018) that knows the kind of each edge.

    .. math::
        z_{uv} &= a_s^\top W h_u + a_t^\top W h_v + a_e^\top W_e e_{uv} \\
        \alpha_{uv} &= \mathrm{softmax}_u(\mathrm{LeakyReLU}(z_{uv})) \\
        h_v' &= h_v + \mathrm{ELU}\Bigl(\Vert_{heads} \sum_u \alpha_{uv} W h_u\Bigr)

    where *e* is a learned vector for the kind of edge: from head to dependent, from dependent to
    head, and self. The layer is PyG's ``GATConv``.

    Args:
        input_dim: The width of the word vectors; projected to ``hidden_dim``.
        hidden_dim: The width of the states; a multiple of ``heads``.
        layers: How many; a word sees others at most this many edges away.
        heads: Attention heads of each layer.
        dropout: Dropout rate before each layer.
        readout: By default the maximum over nodes.
    """

    reads = frozenset({"graph"})

    def __init__(
        self,
        input_dim: int,
        hidden_dim: int,
        *,
        layers: int = 2,
        heads: int = 4,
        dropout: float = 0.1,
        readout: str = "max",
    ) -> None:
        super().__init__(input_dim, hidden_dim, readout=readout)
        if hidden_dim % heads:
            raise ValueError(f"hidden_dim ({hidden_dim}) must be a multiple of heads ({heads})")
        self.constructions = (GraphConstruction(),)
        self.projection = nn.Linear(input_dim, hidden_dim)
        self.dropout = nn.Dropout(dropout)
        self.kinds = nn.Embedding(len(EDGE_TYPES), hidden_dim)
        self.layers = nn.ModuleList(
            GATConv(
                hidden_dim, hidden_dim // heads, heads, add_self_loops=False, edge_dim=hidden_dim
            )
            for _ in range(layers)
        )

    def encode(self, x: Tensor, batch: Batch) -> Tensor:
        """The states after the last layer."""
        graph = batch.graph(self.constructions[0])
        kinds = self.kinds(graph.edge_type)
        states = batch.to_nodes(self.projection(x))
        for layer in self.layers:
            messages = layer(self.dropout(states), graph.edge_index, kinds)
            states = states + torch.nn.functional.elu(messages)
        return states


def _share(targets: Tensor, num_nodes: int, like: Tensor) -> Tensor:
    """For each edge, one divided by the number of edges with the same target."""
    degree = torch.bincount(targets, minlength=num_nodes).to(like.dtype)
    return degree.reciprocal().index_select(0, targets)
