"""Graph networks that sum or average the messages of neighbours; PyG's layers where it has them."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn

from structnn.data.graph import EDGE_TYPES, Graph
from structnn.encoders.graph.base import (
    Activation,
    EdgeFeatures,
    GraphEncoder,
    Norm,
    edge_relation,
    sum_messages,
)
from structnn.encoders.labels import UNIVERSAL
from structnn.options import Depth, LabelCount, Size

__all__ = ["GCN", "GGNN", "GIN", "RGCN", "SAGE", "SyntacticGCN"]


class GCN(GraphEncoder):
    r"""Graph convolution (Kipf and Welling 2017), with weights of its own for each kind of edge.

    .. math::
        m_v = W_{self} h_v + b + \sum_k \frac{1}{|N_k(v)|} \sum_{u \in N_k(v)} W_k h_u

    over the kinds *k*: from head to dependent and from dependent to head, as in R-GCN (Schlichtkrull
    et al. 2018). The messages are PyG's ``GCNConv`` with these weights. With the paper's own
    normalisation, the graph is undirected and one matrix serves all,

    .. math:: m_v = b + \sum_{u \in N(v) \cup \{v\}} \frac{W h_u}{\sqrt{d_u d_v}}

    where :math:`d_v = 1 + |N(v)|`: PyG's ``GCNConv`` as it is.

    Args:
        input_dim: The width of the word vectors; projected to ``hidden_dim``.
        hidden_dim: The width of the states.
        normalisation: ``"mean"`` over each kind of edge, or ``"symmetric"`` as in the paper.
        options: Those of every graph encoder: see :class:`~structnn.encoders.graph.base.GraphEncoder`.
    """

    def __init__(
        self,
        input_dim: int,
        hidden_dim: int,
        *,
        normalisation: Literal["mean", "symmetric"] = "mean",
        **options: Any,
    ) -> None:
        def make_layer(kinds: tuple[str, ...]) -> nn.Module:
            if normalisation == "symmetric":
                from torch_geometric.nn import GCNConv

                return UntypedLayer(GCNConv(hidden_dim, hidden_dim))
            return GCNLayer(hidden_dim, kinds)

        super().__init__(input_dim, hidden_dim, make_layer, **options)


class GCNLayer(nn.Module):
    """One layer of :class:`GCN`."""

    def __init__(self, dim: int, kinds: tuple[str, ...]) -> None:
        super().__init__()
        from torch_geometric.nn import GCNConv  # takes seconds, and not every encoder here needs it

        self.own = nn.Linear(dim, dim)
        self.neighbours = nn.ModuleDict(
            {kind: GCNConv(dim, dim, normalize=False, bias=False) for kind in kinds}
        )

    def forward(self, states: Tensor, graph: Graph) -> Tensor:
        messages: Tensor = self.own(states)
        for kind, convolution in self.neighbours.items():
            edges = graph.of_type(kind)
            share = shares(edges[1], len(states), states)
            messages = messages + convolution(states, edges, share)
        return messages


def shares(groups: Tensor, count: int, like: Tensor) -> Tensor:
    """``(edges,)``: one by the number of edges in the group of each.

    Args:
        groups: ``(edges,)``, numbers below ``count``.
        count: The number of groups, of which any may be empty.
        like: The shares have its type.
    """
    one = like.new_ones(1).expand(len(groups))
    return like.new_zeros(count).index_add(0, groups, one).reciprocal().index_select(0, groups)


class UntypedLayer(nn.Module):
    """A layer of PyG's that doesn't tell the kinds of edges apart.

    Args:
        convolution: It takes states and ``edge_index``.
    """

    def __init__(self, convolution: nn.Module) -> None:
        super().__init__()
        self.convolution = convolution

    def forward(self, states: Tensor, graph: Graph) -> Tensor:
        messages: Tensor = self.convolution(states, graph.edge_index)
        return messages


class SyntacticGCN(GraphEncoder):
    r"""Graph convolution over dependencies (Marcheggiani and Titov 2017).

    .. math::
        g_{uv} &= \sigma(h_u^\top \hat v_{dir(u,v)} + \hat b_{L(u,v)}) \\
        m_v &= \sum_{u} g_{uv} \bigl(V_{dir(u,v)} h_u + b_{L(u,v)}\bigr)

    over all edges to *v*, the one from itself included: *dir* is the kind of an edge (along, against,
    self), *L* its kind and relation. Gates let the network turn off edges that the parser got wrong.
    In the paper the states are :math:`\mathrm{ReLU}(m_v)` without a residual.

    Args:
        input_dim: The width of the word vectors; projected to ``hidden_dim``.
        hidden_dim: The width of the states.
        relations: How many relation labels there are, the unknown one included; 0 to ignore them.
        options: Those of every graph encoder: see :class:`~structnn.encoders.graph.base.GraphEncoder`.
    """

    self_loops = True

    def __init__(
        self,
        input_dim: int,
        hidden_dim: int,
        *,
        relations: LabelCount = UNIVERSAL,
        **options: Any,
    ) -> None:
        super().__init__(
            input_dim,
            hidden_dim,
            lambda kinds: SyntacticLayer(hidden_dim, kinds, relations),
            **options,
        )
        self.num_labels = relations


class SyntacticLayer(nn.Module):
    """One layer of :class:`SyntacticGCN`."""

    def __init__(self, dim: int, kinds: tuple[str, ...], relations: int) -> None:
        super().__init__()
        self.kinds = kinds
        self.relations = relations
        self.values = nn.ModuleDict({kind: nn.Linear(dim, dim, bias=False) for kind in kinds})
        self.gates = nn.Linear(dim, len(kinds), bias=False)
        self.bias = nn.Embedding(len(EDGE_TYPES) * max(relations, 1), dim)
        self.gate_bias = nn.Embedding(len(EDGE_TYPES) * max(relations, 1), 1)
        nn.init.zeros_(self.bias.weight)
        nn.init.ones_(self.gate_bias.weight)  # gates begin open for the most part

    def forward(self, states: Tensor, graph: Graph) -> Tensor:
        label = edge_relation(graph, self.relations)
        gates = self.gates(states)  # (nodes, kinds)
        sent, let_through = [], []
        for place, (kind, values) in enumerate(self.values.items()):
            source = graph.of_type(kind)[0]
            sent.append(values(states).index_select(0, source))
            let_through.append(gates[:, place : place + 1].index_select(0, source))
        gate = (torch.cat(let_through) + self.gate_bias(label)).sigmoid()  # (edges, 1)
        messages = gate * (torch.cat(sent) + self.bias(label))
        return sum_messages(messages, graph.edge_index[1], len(states))


class RGCN(GraphEncoder):
    r"""The relational graph convolution (Schlichtkrull et al. 2018), with shared bases.

    .. math::
        m_v = W_0 h_v + b + \sum_r \frac{1}{|N_r(v)|} \sum_{u \in N_r(v)} W_r h_u,
        \qquad W_r = \sum_b a_{rb} B_b

    over the relations *r*: the kinds of edges, each with all relation labels.

    Args:
        input_dim: The width of the word vectors; projected to ``hidden_dim``.
        hidden_dim: The width of the states.
        relations: How many relation labels there are, the unknown one included; 0 to ignore them.
        bases: How many bases the matrices of all relations share, *B*.
        options: Those of every graph encoder: see :class:`~structnn.encoders.graph.base.GraphEncoder`.
    """

    def __init__(
        self,
        input_dim: int,
        hidden_dim: int,
        *,
        relations: LabelCount = UNIVERSAL,
        bases: Size = 4,
        **options: Any,
    ) -> None:
        super().__init__(
            input_dim,
            hidden_dim,
            lambda kinds: RelationalLayer(hidden_dim, relations, bases),
            **options,
        )
        self.num_labels = relations


class RelationalLayer(nn.Module):
    """One layer of :class:`RGCN`. PyG's ``RGCNConv`` visits relations one by one; this takes all."""

    def __init__(self, dim: int, relations: int, bases: int) -> None:
        super().__init__()
        self.relations = relations
        self.own = nn.Linear(dim, dim)
        self.bases = nn.Linear(bases * dim, dim, bias=False)
        self.mixture = nn.Embedding(len(EDGE_TYPES) * max(relations, 1), bases)
        nn.init.xavier_uniform_(self.mixture.weight)

    def forward(self, states: Tensor, graph: Graph) -> Tensor:
        source, target = graph.edge_index
        relation = edge_relation(graph, self.relations)
        # Edges of one relation to one target share a number.
        group = target * self.mixture.num_embeddings + relation
        share = shares(group, len(states) * self.mixture.num_embeddings, states)
        weights = self.mixture(relation).to(states.dtype) * share[:, None]  # (edges, bases)
        messages = weights[:, :, None] * states.index_select(0, source)[:, None]
        mixed = sum_messages(messages.flatten(1), target, len(states))  # (nodes, bases * dim)
        out: Tensor = self.own(states) + self.bases(mixed)
        return out


class GGNN(GraphEncoder):
    r"""The gated graph network (Li et al. 2016): a recurrent unit reads the messages.

    .. math::
        m_v = \sum_k \sum_{u \in N_k(v)} (W_k h_u + b_k), \qquad h_v' = \mathrm{GRU}(m_v, h_v)

    over the kinds of edges *k*. All layers have the same weights; the unit takes the place of
    residual and activation, which are off.

    Args:
        input_dim: The width of the word vectors; projected to ``hidden_dim``.
        hidden_dim: The width of the states.
        layers: Number of layers: steps of the recurrent unit.
        residual: By default off.
        activation: By default ``"none"``.
        options: Those of every graph encoder: see :class:`~structnn.encoders.graph.base.GraphEncoder`.
    """

    shared = True

    def __init__(
        self,
        input_dim: int,
        hidden_dim: int,
        *,
        layers: Depth = 3,
        residual: bool = False,
        activation: Activation = "none",
        **options: Any,
    ) -> None:
        super().__init__(
            input_dim,
            hidden_dim,
            lambda kinds: GatedLayer(hidden_dim, kinds),
            layers=layers,
            residual=residual,
            activation=activation,
            **options,
        )


class GatedLayer(nn.Module):
    """One step of :class:`GGNN`."""

    def __init__(self, dim: int, kinds: tuple[str, ...]) -> None:
        super().__init__()
        self.values = nn.ModuleDict({kind: nn.Linear(dim, dim) for kind in kinds})
        self.unit = nn.GRUCell(dim, dim)

    def forward(self, states: Tensor, graph: Graph) -> Tensor:
        messages = torch.zeros_like(states)
        for kind, values in self.values.items():
            source, target = graph.of_type(kind)
            sent = values(states).index_select(0, source)
            messages = messages + sum_messages(sent, target, len(states))
        new: Tensor = self.unit(messages, states)
        return new


class SAGE(GraphEncoder):
    r"""GraphSAGE (Hamilton et al. 2017) with the mean of all neighbours, whatever the kind of edge.

    .. math:: m_v = W_1 h_v + W_2 \, \mathrm{mean}_{u \in N(v)} h_u + b

    The layer is PyG's ``SAGEConv``.

    Args:
        input_dim: The width of the word vectors; projected to ``hidden_dim``.
        hidden_dim: The width of the states.
        options: Those of every graph encoder: see :class:`~structnn.encoders.graph.base.GraphEncoder`.
    """

    def __init__(self, input_dim: int, hidden_dim: int, **options: Any) -> None:
        def make_layer(kinds: tuple[str, ...]) -> nn.Module:
            from torch_geometric.nn import SAGEConv

            return UntypedLayer(SAGEConv(hidden_dim, hidden_dim))

        super().__init__(input_dim, hidden_dim, make_layer, **options)


class GIN(GraphEncoder):
    r"""The graph isomorphism network (Xu et al. 2019) that knows the kind of each edge (Hu et al. 2020).

    .. math::
        m_v = \mathrm{MLP}\Bigl((1 + \epsilon) h_v
            + \sum_{u \in N(v)} \mathrm{ReLU}(h_u + e_{uv})\Bigr)

    where *e* is a learned vector for the kind of edge, and the perceptron has one hidden layer. The
    layer is PyG's ``GINEConv``.

    Args:
        input_dim: The width of the word vectors; projected to ``hidden_dim``.
        hidden_dim: The width of the states.
        relations: How many relation labels tell edges apart too, the unknown one included; 0 for none.
        norm: By default ``"layer"``: sums grow with the number of neighbours.
        options: Those of every graph encoder: see :class:`~structnn.encoders.graph.base.GraphEncoder`.
    """

    def __init__(
        self,
        input_dim: int,
        hidden_dim: int,
        *,
        relations: LabelCount = 0,
        norm: Norm = "layer",
        **options: Any,
    ) -> None:
        super().__init__(
            input_dim,
            hidden_dim,
            lambda kinds: GINLayer(hidden_dim, relations),
            norm=norm,
            **options,
        )
        self.num_labels = relations


class GINLayer(nn.Module):
    """One layer of :class:`GIN`."""

    def __init__(self, dim: int, relations: int) -> None:
        super().__init__()
        perceptron = nn.Sequential(nn.Linear(dim, dim), nn.ReLU(), nn.Linear(dim, dim))
        from torch_geometric.nn import GINEConv

        self.convolution = GINEConv(perceptron, train_eps=True)
        self.features = EdgeFeatures(dim, relations)

    def forward(self, states: Tensor, graph: Graph) -> Tensor:
        features = self.features(graph).to(states.dtype)
        messages: Tensor = self.convolution(states, graph.edge_index, features)
        return messages
