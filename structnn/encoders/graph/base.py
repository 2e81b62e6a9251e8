"""What all graph encoders share: layers of messages over the edges of a parse, or of one's own."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from structnn.data.batch import Batch
from structnn.data.graph import EDGE_TYPES, Graph, GraphConstruction
from structnn.encoders.base import Encoder
from structnn.encoders.labels import check_labels
from structnn.notes import note
from structnn.ops.dropout import Dropout
from structnn.ops.paths import through
from structnn.ops.segments import Padding
from structnn.ops.weights import weight_of
from structnn.options import Depth, Probability

__all__ = [
    "Activation",
    "EdgeFeatures",
    "GraphEncoder",
    "LatentGraph",
    "Norm",
    "edge_relation",
    "sum_messages",
]

Activation = Literal["relu", "elu", "tanh", "none"]
Norm = Literal["layer", "none"]

_ACTIVATIONS = {"relu": nn.ReLU, "elu": nn.ELU, "tanh": nn.Tanh, "none": nn.Identity}


class GraphEncoder(Encoder):
    r"""A graph network: a number of layers, in each of which nodes send messages along edges.

    .. math::
        h_v^{(0)} = W x_v + b, \qquad
        h_v^{(l+1)} = \mathrm{norm}\bigl(h_v^{(l)} + f(m_v^{(l)})\bigr)

    where :math:`m_v` is what a layer makes of the messages to *v*, and *f* the activation.

    Args:
        input_dim: The width of the word vectors; projected to ``hidden_dim``.
        hidden_dim: The width of the states of each layer.
        make_layer: Makes a layer for edges of these kinds: a module that takes ``(nodes, hidden_dim)``
            and a :class:`~structnn.Graph`, and gives ``(nodes, hidden_dim)``.
        layers: Number of layers; a word sees others at most this many edges away.
        dropout: Dropout rate before each layer.
        activation: ``"relu"``, ``"elu"``, ``"tanh"`` or ``"none"``.
        residual: Add each layer's input to its output.
        norm: ``"layer"`` normalisation behind each layer, or ``"none"``.
        jump: Jumping knowledge (Xu et al. 2018): the states are those of the ``"last"`` layer, of
            all side by side (``"concat"``, ``layers * hidden_dim`` wide), or their ``"max"``. With one
            layer they are the same; so are ``"max"`` and ``"last"`` where states never fall from layer
            to layer, as with the activation ``"relu"``, ``residual`` and no norm.
        parse: Edges between heads and dependents. Without them no parse is needed.
        directions: Of these, ``"down"`` from heads to dependents, ``"up"`` to heads, or ``"both"``.
            Without ``parse`` it changes nothing.
        neighbours: Edges between words that follow each other, both ways.
        hops: With 2 or more, edges between nodes and their ancestors of up to so
            many steps too. Without ``parse`` it changes nothing.
        latent: A graph learned from the states, beside the others: ``"soft"`` or ``"gumbel"``, as
            :class:`LatentGraph` defines them, or ``"none"``.
        readout: By default the maximum over nodes.

    Attributes:
        self_loops: Whether the layers want an edge from each node to itself.
        shared: Whether all layers have the same weights.
    """

    reads = frozenset({"graph"})
    self_loops: ClassVar[bool] = False
    shared: ClassVar[bool] = False

    def __init__(
        self,
        input_dim: int,
        hidden_dim: int,
        make_layer: Callable[[tuple[str, ...]], nn.Module],
        *,
        layers: Depth = 2,
        dropout: Probability = 0.1,
        activation: Activation = "relu",
        residual: bool = True,
        norm: Norm = "none",
        jump: Literal["last", "concat", "max"] = "last",
        parse: bool = True,
        directions: Literal["both", "down", "up"] = "both",
        neighbours: bool = False,
        hops: Depth = 1,
        latent: Literal["none", "soft", "gumbel"] = "none",
        readout: str = "max",
    ) -> None:
        width = hidden_dim * layers if jump == "concat" else hidden_dim
        super().__init__(input_dim, width, readout=readout)
        down, up = (parse and directions in ("both", way) for way in ("down", "up"))
        self.construction = GraphConstruction(
            head_to_dependent=down,
            dependent_to_head=up,
            self_loops=self.self_loops,
            neighbours=neighbours,
            hops=hops,
        )
        self.constructions = (self.construction,)
        if not parse:
            self.reads = frozenset({"sequence"})  # nodes are words then
        self.projection = nn.Linear(input_dim, hidden_dim)
        self.dropout = Dropout(dropout)
        self.activation = _ACTIVATIONS[activation]()
        self.residual = residual
        self.jump = jump
        self.layers = nn.ModuleList(
            make_layer(self.construction.kinds) for _ in range(1 if self.shared else layers)
        )
        self.norms = nn.ModuleList(
            nn.LayerNorm(hidden_dim) if norm == "layer" else nn.Identity() for _ in range(layers)
        )
        self.latent = nn.ModuleList(
            LatentGraph(hidden_dim, sample=latent == "gumbel")
            for _ in range(0 if latent == "none" else layers)
        )

    @property
    def reads_order(self) -> bool:
        """Whether words know their neighbours."""
        return self.construction.neighbours

    def steps(self, batch: Batch) -> Tensor:
        """As many as layers, where so many edges lead; fewer where lower layers are read too."""
        nodes = batch.num_nodes if self.has_node_states else batch.num_tokens
        seen = torch.eye(nodes, dtype=torch.bool)  # every layer sees the state it renews
        source, target = batch.graph(self.construction).edge_index
        seen[target, source] = True
        if len(self.latent):
            seen[:] = True  # a graph that is learned may join any two
        layers = len(self.norms)
        steps = through(seen, layers)
        if self.jump != "last":
            steps = torch.stack([through(seen, layer + 1) for layer in range(layers)]).amin(0)
        if not self.has_node_states:
            return steps
        # Behind the last column is that of words which the graph leaves out: node -1.
        steps = torch.cat([steps, steps.new_full((nodes, 1), torch.inf)], 1)
        return steps[:, batch.token_nodes]

    def encode(self, x: Tensor, batch: Batch) -> Tensor:
        """The states after the last layer, or of all layers; see ``jump``."""
        graph = batch.graph(self.construction)
        states = self.projection(x)
        if self.has_node_states:
            states = batch.to_nodes(states)
        padding = self._padding(batch) if len(self.latent) else None
        seen = []
        for index, norm in enumerate(self.norms):
            inputs = self.dropout(states)
            messages = self.layers[index % len(self.layers)](inputs, graph)
            if padding is not None:
                messages = messages + self.latent[index](inputs, padding)
            new = self.activation(messages)
            states = norm(states + new if self.residual else new)
            seen.append(states)
        if self.jump == "concat":
            return torch.cat(seen, dim=1)
        return torch.stack(seen).amax(0) if self.jump == "max" else seen[-1]

    def _padding(self, batch: Batch) -> Padding:
        if self.has_node_states:
            return Padding(batch.node_ptr, batch.num_nodes, batch.max_nodes)
        return batch.padding


class LatentGraph(nn.Module):
    r"""A graph that the states make themselves, dense within each sentence.

    .. math::
        s_{vu} = (W^{(q)} h_v)^\top W^{(k)} h_u / \sqrt{d}, \qquad m_v = \sum_u A_{vu} W h_u

    Soft: :math:`A_v = \mathrm{softmax}_u(s_{vu})`. Sampled: each node has one edge, from
    :math:`\mathrm{argmax}_{u \ne v}(s_{vu} + g_{vu})` with Gumbel noise *g* in training, without noise
    otherwise; gradients are those of the softmax (Jang et al. 2017). The only word of a sentence
    hears itself.

    Args:
        dim: The width of the states.
        sample: Sample edges.

    Shapes:
        - states: ``(nodes, dim)``
        - output: ``(nodes, dim)``
    """

    def __init__(self, dim: int, *, sample: bool) -> None:
        super().__init__()
        self.sample = sample
        self.query = nn.Linear(dim, dim, bias=False)
        self.key = nn.Linear(dim, dim, bias=False)
        self.value = nn.Linear(dim, dim, bias=False)

    def forward(self, states: Tensor, padding: Padding) -> Tensor:
        query, key, value = (
            padding.pad(layer(states)) for layer in (self.query, self.key, self.value)
        )  # (sentences, longest, dim)
        scores = query @ key.transpose(1, 2) / math.sqrt(query.shape[2])
        hidden = ~padding.mask[:, None]  # (sentences, 1, longest)
        if self.sample:
            own = torch.eye(scores.shape[1], dtype=torch.bool, device=scores.device)
            alone = padding.mask.sum(1) == 1
            hidden = hidden | (own & ~alone[:, None, None])
        # A finite floor: the rows of padding may have nothing else, and must not become NaN.
        scores = scores.masked_fill(hidden, torch.finfo(scores.dtype).min)
        weights = self._choose(scores) if self.sample else scores.softmax(2)
        note("latent graph", weights)
        messages: Tensor = padding.unpad(weights @ value)
        return messages

    def _choose(self, scores: Tensor) -> Tensor:
        if self.training:
            uniform = torch.rand_like(scores).clamp_min(torch.finfo(scores.dtype).tiny)
            scores = scores - (-uniform.log()).log()
        soft = scores.softmax(2)
        hard = torch.zeros_like(soft).scatter_(2, scores.argmax(2, keepdim=True), 1.0)
        return hard + soft - soft.detach()


class EdgeFeatures(nn.Module):
    """A learned vector for each edge: of its kind and, if wanted, of its relation.

    Args:
        dim: Its width.
        relations: How many relation labels there are; 0 to ignore them.
    """

    def __init__(self, dim: int, relations: int = 0) -> None:
        super().__init__()
        self.kinds = nn.Embedding(len(EDGE_TYPES), dim)
        self.relations = nn.Embedding(relations, dim) if relations else None

    def forward(self, graph: Graph) -> Tensor:
        features: Tensor = self.kinds(graph.edge_type)
        if self.relations is not None:
            check_labels(graph.highest_label, self.relations.num_embeddings)
            features = features + self.relations(graph.edge_label)
        return features

    def table(self, linear: Callable[[Tensor], Tensor]) -> Tensor:
        """What a linear map without a bias makes of all vectors there are.

        Returns:
            A row for each number that :func:`edge_relation` gives the edges: far fewer rows than
            there are edges.
        """
        kinds = linear(weight_of(self.kinds, "weight"))
        if self.relations is None:
            return kinds
        return (kinds[:, None] + linear(weight_of(self.relations, "weight"))).flatten(0, 1)

    def numbers(self, graph: Graph) -> Tensor:
        """``(edges,)``: the row of each edge in :meth:`table`."""
        return edge_relation(graph, self.relations.num_embeddings if self.relations else 0)


def sum_messages(messages: Tensor, targets: Tensor, nodes: int) -> Tensor:
    """``(edges, d)`` to ``(nodes, d)``: the sum of the messages to each node."""
    return messages.new_zeros(nodes, messages.shape[1]).index_add(0, targets, messages)


def edge_relation(graph: Graph, relations: int) -> Tensor:
    """``(edges,)``: a number for each kind of edge with each relation label; for each kind if 0."""
    if relations == 0:
        return graph.edge_type
    check_labels(graph.highest_label, relations)
    return graph.edge_type * relations + graph.edge_label
