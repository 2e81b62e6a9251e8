"""Self-attention that knows the tree."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from structnn.data.batch import Batch
from structnn.data.tree_distance import ancestry
from structnn.encoders.attention import Pairs, TransformerLayer
from structnn.encoders.base import Encoder
from structnn.ops.paths import through
from structnn.ops.segments import Padding
from structnn.ops.weights import weight_of
from structnn.options import Depth, Probability, Size

__all__ = ["TreeTransformer"]


class TreeTransformer(Encoder):
    r"""A Transformer over the nodes of a tree, placed by distances in it (Ying et al. 2021).

    As :class:`~structnn.encoders.sequence.transformer.Transformer` with normalisation before each
    block, but

    .. math::
        h_v^{(0)} &= W x_v + b + p_{\min(\mathrm{depth}(v),\, D)} \\
        \mathrm{score}_{uv} &= q_u^\top k_v / \sqrt{d} + b^{(m)}_{\min(\mathrm{dist}(u, v),\, D)}

    with a learned vector *p* for each depth and a learned number :math:`b^{(m)}` for each head and
    each distance in the tree, shared by all layers. Words are known by their
    places in the tree alone, not in the sentence.

    Args:
        input_dim: The width of the word vectors; projected to ``hidden_dim``.
        hidden_dim: The width of the states; a multiple of ``heads``.
        layers: Number of layers.
        heads: Attention heads of each layer.
        feedforward: The width of the inner layer as a multiple of ``hidden_dim``.
        dropout: Dropout rate of attention weights and of both blocks of each layer.
        max_distance: Distances and depths beyond this count as this, *D*.
        ancestors_only: Each node looks at itself, its ancestors and its descendants only.
        readout: By default the mean of all states.
    """

    reads = frozenset({"tree"})

    def __init__(
        self,
        input_dim: int,
        hidden_dim: int,
        *,
        layers: Depth = 2,
        heads: Size = 4,
        feedforward: Size = 2,
        dropout: Probability = 0.1,
        max_distance: Size = 8,
        ancestors_only: bool = False,
        readout: str = "mean",
    ) -> None:
        super().__init__(input_dim, hidden_dim, readout=readout)
        self.max_distance = max_distance
        self.ancestors_only = ancestors_only
        self.projection = nn.Linear(input_dim, hidden_dim)
        self.biases = nn.Embedding(max_distance + 1, heads)
        self.depths = nn.Embedding(max_distance + 1, hidden_dim)
        nn.init.normal_(self.biases.weight, std=0.1)
        nn.init.normal_(self.depths.weight, std=0.1)
        self.layers = nn.ModuleList(
            TransformerLayer(hidden_dim, heads, feedforward * hidden_dim, dropout=dropout)
            for _ in range(layers)
        )
        self.norm = nn.LayerNorm(hidden_dim)

    def prepare(self, batch: Batch) -> Batch:
        """The structures that it reads, made ahead of time; see :meth:`Encoder.prepare`."""
        super().prepare(batch)
        _ = batch.tree_distances, batch.tree_depths
        return batch

    def encode(self, x: Tensor, batch: Batch) -> Tensor:
        """The state of each node."""
        distances, depths = batch.tree_distances, batch.tree_depths
        padding = Padding(batch.node_ptr, batch.num_nodes, batch.max_nodes)
        states = batch.to_nodes(self.projection(x))
        depth = padding.unpad(depths).clamp(max=self.max_distance)  # (nodes,)
        states = states + self.depths(depth).to(states.dtype)
        kinds = distances.clamp(max=self.max_distance)
        if self.ancestors_only:
            kinds = kinds.masked_fill(~ancestry(distances, depths), -1)
        bias = weight_of(self.biases, "weight").to(states.dtype)
        pairs = Pairs(padding, kinds=kinds.to(torch.int32), bias=bias)
        for layer in self.layers:
            states = layer(states, pairs)
        normed: Tensor = self.norm(states)
        return normed

    def steps(self, batch: Batch) -> Tensor:
        """As many as layers, from any node to any that it sees."""
        distances, depths = batch.tree_distances, batch.tree_depths
        seen = torch.ones_like(distances, dtype=torch.bool)
        if self.ancestors_only:
            seen = ancestry(distances, depths)
        return through(seen[0], len(self.layers))[:, batch.token_nodes]
