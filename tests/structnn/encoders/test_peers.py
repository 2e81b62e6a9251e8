"""Encoders beside other people's software that was given the same weights; skipped without it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from structnn import build_encoder
from tests.structnn.examples import assert_equal_with_gradients, batch_of, trees

INPUT, HIDDEN = 3, 4


@pytest.fixture
def _double() -> Iterator[None]:
    """For software that makes its states in the default precision, whatever its weights have."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.usefixtures("_double")
def test_pytorch_tree_lstm():
    """A child-sum Tree-LSTM, for edges that are grouped by parent."""
    peer = pytest.importorskip("treelstm", reason="needs the package pytorch-tree-lstm==0.1.3")
    encoder = build_encoder("child_sum_tree_lstm", INPUT, HIDDEN)
    own = peer.TreeLSTM(INPUT, HIDDEN)
    hidden = 3 * HIDDEN  # i, o and u in both, then f
    weights = {
        "W_iou.weight": encoder.words.weight[:hidden],
        "W_iou.bias": encoder.words.bias[:hidden],
        "W_f.weight": encoder.words.weight[hidden:],
        "W_f.bias": encoder.words.bias[hidden:],
        "U_iou.weight": encoder.cell.child_gates.weight,
        "U_f.weight": encoder.cell.forget_gate.weight,
    }

    def prepared(tree, x):
        edges = [(head, child) for head, below in enumerate(tree.children) for child in below]
        edges = np.array(edges, dtype=np.int64).reshape(-1, 2)
        node_order, edge_order = peer.calculate_evaluation_orders(edges, len(tree))
        return {
            "features": x,
            "node_order": torch.from_numpy(node_order),
            "edge_order": torch.from_numpy(edge_order),
            "adjacency_list": torch.from_numpy(edges),
        }

    @given(st.lists(trees(12), min_size=1, max_size=4))
    def check(forest):
        batch = batch_of(forest)
        x = torch.randn(batch.num_tokens, INPUT, requires_grad=True)
        pieces = x.split(batch.lengths.tolist())
        inputs = peer.batch_tree_input(
            [prepared(tree, piece) for tree, piece in zip(forest, pieces, strict=True)]
        )
        del inputs["tree_sizes"]
        h, _ = torch.func.functional_call(own, weights, (), inputs)
        sources = {
            name: parameter
            for name, parameter in encoder.named_parameters()
            if not name.startswith("readout")
        }
        assert_equal_with_gradients(encoder(x, batch).tokens, h, {"x": x, **sources})

    check()
