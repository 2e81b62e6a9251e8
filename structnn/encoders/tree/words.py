"""What the word of each node adds to the gates of a tree encoder."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from structnn.data.batch import Batch

__all__ = ["WordProjection"]


class WordProjection(nn.Module):
    r"""For each node :math:`W x_j + b`; for a node with no word the bias alone.

    Args:
        input_dim: The width of the word vectors.
        output_dim: The width of all gates together.
        gates: How many gates that is; each one's weights are drawn by themselves.

    Shapes:
        - x: ``(tokens, input_dim)``
        - output: ``(nodes, output_dim)``
    """

    def __init__(self, input_dim: int, output_dim: int, gates: int = 1) -> None:
        super().__init__()
        self.linear = nn.Linear(input_dim, output_dim)
        for gate in self.linear.weight.data.chunk(gates):
            nn.init.xavier_uniform_(gate)
        nn.init.zeros_(self.linear.bias)

    def forward(self, x: Tensor, batch: Batch) -> Tensor:
        if batch.nodes_are_tokens:
            projected: Tensor = self.linear(x)
            return projected
        # Only words need the product: in a binarised tree half of the nodes have none.
        return batch.to_nodes(F.linear(x, self.linear.weight)) + self.linear.bias
