"""Graph networks in which each node attends to its neighbours, as PyTorch Geometric's layers do."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from structnn.data.graph import Adjacency, Graph
from structnn.encoders.graph.base import Activation, EdgeFeatures, GraphEncoder, Norm
from structnn.encoders.labels import UNIVERSAL
from structnn.fused.graph_attention import attend, can_attend
from structnn.notes import note, notes_wanted
from structnn.ops.transforms import outside_transforms
from structnn.ops.weights import has_hooks, weight_of
from structnn.options import LabelCount, Size

__all__ = ["GAT", "GATv2", "GraphTransformer"]

LEAKY_SLOPE = 0.2  # of PyG's leaky rectifiers


class Convolution(nn.Module):
    """The weights of one of PyG's layers that attend, under their names there.

    They are drawn as PyG draws them, each linear layer twice, so that a seed gives the weights that it
    gives there. PyG itself takes seconds to import, and is imported where its layer computes.

    Args:
        layer: The name of the class in ``torch_geometric.nn``.
        dim: The width of the states, of the edge vectors and of all heads together.
        heads: How many heads there are.
        linear: The names of the linear layers, in the order in which they are drawn.
        biased: Those of them that have a bias.
        vectors: The names of the vectors that score keys, queries and edges, ``(1, heads, width)``.
            Layers with such vectors have Glorot's initial weights and a bias of their own, the others
            those of :class:`torch.nn.Linear`.
        options: Those of the class.

    Shapes:
        - states: ``(nodes, dim)``
        - edge_index: ``(2, edges)``, from source to target
        - features: ``(edges, dim)``
        - output: ``(nodes, dim)``, and the weights of attention, ``(edges, heads)``
    """

    def __init__(
        self,
        layer: str,
        dim: int,
        heads: int,
        *,
        linear: Sequence[str],
        biased: Sequence[str] = (),
        vectors: Sequence[str] = (),
        **options: Any,
    ) -> None:
        super().__init__()
        self.layer = layer
        self.options = options
        self.dim = dim
        self.heads = heads
        self.width = dim // heads
        for name in vectors:
            setattr(self, name, nn.Parameter(torch.empty(1, heads, self.width)))
        if vectors:
            self.bias = nn.Parameter(torch.zeros(dim))
        for name in linear:
            self.add_module(name, nn.Linear(dim, dim, bias=name in biased))  # drawn once
        bounds = {
            "weight": math.sqrt(6 / (dim + dim)) if vectors else 1 / math.sqrt(dim),
            "bias": 1 / math.sqrt(dim),
        }
        for child in self.children():
            for name, parameter in child.named_parameters():
                nn.init.uniform_(parameter, -bounds[name], bounds[name])
        bound = math.sqrt(6 / (heads + self.width))
        for name in vectors:
            nn.init.uniform_(self.get_parameter(name), -bound, bound)

    def extra_repr(self) -> str:
        return f"{self.layer}, heads={self.heads}, width={self.width}"

    @cached_property
    def of_pyg(self) -> nn.Module:
        """PyG's layer, without weights; no submodule, so that it has no place among the weights."""
        import torch_geometric.nn

        with outside_transforms(), torch.device("meta"):  # it is kept
            layer: nn.Module = getattr(torch_geometric.nn, self.layer)(
                self.dim, self.width, self.heads, edge_dim=self.dim, **self.options
            )
        return layer

    def forward(
        self, states: Tensor, edge_index: Tensor, features: Tensor
    ) -> tuple[Tensor, Tensor]:
        messages: Tensor
        messages, (_, weights) = functional_call(
            self.of_pyg,
            {name: weight_of(self, name) for name, _ in self.of_pyg.named_parameters()},
            (states, edge_index, features),
            {"return_attention_weights": True},
        )
        return messages, weights


class AttentionLayer(nn.Module):
    """A layer that attends, with vectors for the kinds (and relations) of edges.

    PyG's layer computes wherever the fused operator can't, or hooks want it to be called; the operator
    gives the same in less time, one pass over the edges instead of many.

    Args:
        convolution: The weights. Takes states, edges and edge vectors.
        features: Makes the edge vectors.
    """

    def __init__(self, convolution: Convolution, features: EdgeFeatures) -> None:
        super().__init__()
        self.convolution = convolution
        self.features = features

    def forward(self, states: Tensor, graph: Graph) -> Tensor:
        messages: Tensor
        hooked = has_hooks(self.convolution, within=False) or has_hooks(self.features)
        if can_attend(states) and not hooked:
            adjacency = graph.adjacency(len(states))
            numbers = self.features.numbers(graph).index_select(0, adjacency.order)
            messages, weights = self.attend(states, numbers, adjacency)
            if notes_wanted():
                weights = torch.empty_like(weights).index_copy_(0, adjacency.order, weights)
                note("attention", weights, edges=graph.edge_index)
            return messages
        messages, weights = self.convolution(states, graph.edge_index, self.features(graph))
        note("attention", weights, edges=graph.edge_index)
        return messages

    def attend(
        self, states: Tensor, numbers: Tensor, adjacency: Adjacency
    ) -> tuple[Tensor, Tensor]:
        """What ``convolution`` gives, by the operator, and the weights of attention.

        Args:
            states: ``(nodes, dim)``.
            numbers: ``(edges,)``, the row of each edge in the features' table, in the order of the
                adjacency.
            adjacency: The edges.
        """
        raise NotImplementedError


class GATLayer(AttentionLayer):
    """One layer of :class:`GAT`."""

    def attend(
        self, states: Tensor, numbers: Tensor, adjacency: Adjacency
    ) -> tuple[Tensor, Tensor]:
        layer: Any = self.convolution

        def scores(vectors: Tensor) -> Tensor:
            by_head = layer.lin_edge(vectors).unflatten(1, (layer.heads, layer.width))
            of_heads: Tensor = (by_head * layer.att_edge).sum(2)
            return of_heads

        return attend(
            "gat",
            None,
            None,
            layer.lin(states),
            self.features.table(scores),
            numbers,
            adjacency,
            heads=layer.heads,
            slope=LEAKY_SLOPE,
            attention=torch.cat([layer.att_src, layer.att_dst]).flatten(1),
            bias=layer.bias,
        )


class GATv2Layer(AttentionLayer):
    """One layer of :class:`GATv2`."""

    def attend(
        self, states: Tensor, numbers: Tensor, adjacency: Adjacency
    ) -> tuple[Tensor, Tensor]:
        layer: Any = self.convolution
        return attend(
            "gatv2",
            layer.lin_r(states),
            None,
            layer.lin_l(states),
            self.features.table(layer.lin_edge),
            numbers,
            adjacency,
            heads=layer.heads,
            slope=LEAKY_SLOPE,
            attention=layer.att.flatten(),
            bias=layer.bias,
        )


class GraphTransformerLayer(AttentionLayer):
    """One layer of :class:`GraphTransformer`."""

    def attend(
        self, states: Tensor, numbers: Tensor, adjacency: Adjacency
    ) -> tuple[Tensor, Tensor]:
        layer: Any = self.convolution
        messages, weights = attend(
            "transformer",
            layer.lin_query(states) / math.sqrt(layer.width),
            layer.lin_key(states),
            layer.lin_value(states),
            self.features.table(layer.lin_edge),
            numbers,
            adjacency,
            heads=layer.heads,
        )
        return messages + layer.lin_skip(states), weights


class GAT(GraphEncoder):
    r"""Graph attention (Velickovic et al. 2018) that knows the kind of each edge.

    .. math::
        z_{uv} &= a_s^\top W h_u + a_t^\top W h_v + a_e^\top W_e e_{uv} \\
        \alpha_{uv} &= \mathrm{softmax}_u(\mathrm{LeakyReLU}(z_{uv})) \\
        m_v &= \Vert_{heads} \sum_u \alpha_{uv} W h_u

    where *e* is a learned vector for the kind of edge: from head to dependent, from dependent to
    head, self. The layer is PyG's ``GATConv``.

    Args:
        input_dim: The width of the word vectors; projected to ``hidden_dim``.
        hidden_dim: The width of the states; a multiple of ``heads``.
        heads: Attention heads of each layer.
        relations: How many relation labels tell edges apart too, the unknown one included; 0 for none.
        activation: By default ``"elu"``, as in the paper.
        options: Those of every graph encoder: see :class:`~structnn.encoders.graph.base.GraphEncoder`.
    """

    self_loops = True

    def __init__(
        self,
        input_dim: int,
        hidden_dim: int,
        *,
        heads: Size = 4,
        relations: LabelCount = 0,
        activation: Activation = "elu",
        **options: Any,
    ) -> None:
        layers = layers_of(
            GATLayer,
            hidden_dim,
            heads,
            relations,
            layer="GATConv",
            linear=("lin", "lin_edge"),
            vectors=("att_src", "att_dst", "att_edge"),
            add_self_loops=False,
        )
        super().__init__(input_dim, hidden_dim, layers, activation=activation, **options)
        self.num_labels = relations


class GATv2(GraphEncoder):
    r"""Graph attention whose ranking of neighbours depends on the node (Brody et al. 2022).

    .. math::
        z_{uv} &= a^\top \mathrm{LeakyReLU}(W_s h_u + W_t h_v + W_e e_{uv}) \\
        m_v &= \Vert_{heads} \sum_u \mathrm{softmax}_u(z_{uv}) W_s h_u

    where *e* is a learned vector for the kind of edge. The layer is PyG's ``GATv2Conv``.

    Args:
        input_dim: The width of the word vectors; projected to ``hidden_dim``.
        hidden_dim: The width of the states; a multiple of ``heads``.
        heads: Attention heads of each layer.
        relations: How many relation labels tell edges apart too, the unknown one included; 0 for none.
        activation: By default ``"elu"``, as in the paper.
        options: Those of every graph encoder: see :class:`~structnn.encoders.graph.base.GraphEncoder`.
    """

    self_loops = True

    def __init__(
        self,
        input_dim: int,
        hidden_dim: int,
        *,
        heads: Size = 4,
        relations: LabelCount = 0,
        activation: Activation = "elu",
        **options: Any,
    ) -> None:
        layers = layers_of(
            GATv2Layer,
            hidden_dim,
            heads,
            relations,
            layer="GATv2Conv",
            linear=("lin_l", "lin_r", "lin_edge"),
            biased=("lin_l", "lin_r"),
            vectors=("att",),
            add_self_loops=False,
        )
        super().__init__(input_dim, hidden_dim, layers, activation=activation, **options)
        self.num_labels = relations


class GraphTransformer(GraphEncoder):
    r"""A Transformer's attention along edges, with edge features (Shi et al. 2021).

    .. math::
        \alpha_{uv} &= \mathrm{softmax}_u\Bigl(
            \frac{(W_q h_v + b_q)^\top (W_k h_u + b_k + W_e e_{uv})}{\sqrt{d}}\Bigr) \\
        m_v &= W_r h_v + b_r + \Vert_{heads} \sum_u \alpha_{uv} (W_v h_u + b_v + W_e e_{uv})

    where *e* is a learned vector for the kind of edge and, by default, for its relation. The layer is
    PyG's ``TransformerConv``.

    Args:
        input_dim: The width of the word vectors; projected to ``hidden_dim``.
        hidden_dim: The width of the states; a multiple of ``heads``.
        heads: Attention heads of each layer.
        relations: How many relation labels there are, the unknown one included; 0 to ignore them.
        norm: By default ``"layer"``, as in the paper.
        options: Those of every graph encoder: see :class:`~structnn.encoders.graph.base.GraphEncoder`.
    """

    self_loops = True

    def __init__(
        self,
        input_dim: int,
        hidden_dim: int,
        *,
        heads: Size = 4,
        relations: LabelCount = UNIVERSAL,
        norm: Norm = "layer",
        **options: Any,
    ) -> None:
        layers = layers_of(
            GraphTransformerLayer,
            hidden_dim,
            heads,
            relations,
            layer="TransformerConv",
            linear=("lin_key", "lin_query", "lin_value", "lin_edge", "lin_skip"),
            biased=("lin_key", "lin_query", "lin_value", "lin_skip"),
        )
        super().__init__(input_dim, hidden_dim, layers, norm=norm, **options)
        self.num_labels = relations


def layers_of(
    attention: type[AttentionLayer],
    hidden_dim: int,
    heads: int,
    relations: int,
    **weights: Any,
) -> Callable[[tuple[str, ...]], nn.Module]:
    """What makes the layers of an encoder; the heads of each are ``hidden_dim`` wide together.

    Args:
        attention: The class of the layers.
        hidden_dim: The width of the states.
        heads: How many heads each layer has.
        relations: How many relation labels there are; 0 to ignore them.
        weights: The other arguments of :class:`Convolution`.

    Raises:
        ValueError: The heads do not divide the width.
    """
    if hidden_dim % heads:
        raise ValueError(f"hidden_dim ({hidden_dim}) must be a multiple of heads ({heads})")

    def make_layer(kinds: tuple[str, ...]) -> nn.Module:
        convolution = Convolution(dim=hidden_dim, heads=heads, **weights)
        return attention(convolution, EdgeFeatures(hidden_dim, relations))

    return make_layer
