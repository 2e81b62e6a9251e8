"""Trees as deep as they come: no recursion, and no cost that grows faster than the number of nodes."""

from __future__ import annotations

import pytest
import torch

from structnn import ENCODERS, Batch, Sentence, Tree, build_encoder

pytestmark = pytest.mark.slow

DEPTH = 5000
# The tree Transformer looks at all pairs of nodes.
SCANNING = [
    name
    for name in ENCODERS.names()
    if "tree" in ENCODERS.get(name)[0].reads and name != "tree_transformer"
]


@pytest.mark.parametrize("name", SCANNING)
def test_a_chain_of_5000_nodes_trains(name):
    tree = Tree([-1, *range(DEPTH - 1)], labels=["dep"] * DEPTH)
    batch = Batch.from_sentences([Sentence(["w"] * DEPTH, dependencies=tree)])
    encoder = build_encoder(name, input_dim=4, hidden_dim=4)
    x = torch.randn(DEPTH, 4, requires_grad=True)
    encoding = encoder(x, batch)
    encoding.sentence.sum().backward()
    assert encoding.nodes.isfinite().all()
    assert x.grad.isfinite().all()
    assert x.grad[0].abs().sum() > 0  # the root's own word
