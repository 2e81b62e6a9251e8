"""Encoders after one another: the token states of each are what the next reads."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from structnn import build_encoder
from structnn.encoders import Chain
from tests.structnn.examples import assert_equal_with_gradients, batch_of, phrase_trees, trees

INPUT, HIDDEN = 3, 4


@pytest.mark.parametrize(
    "name",
    [
        "bilstm>gat",
        "bilstm>gcn",  # C-GCN
        "transformer>child_sum_tree_lstm",
        "nary_tree_lstm>lstm",
        "bilstm(layers=2)>child_sum_tree_lstm>gat(heads=2)",
    ],
)
def test_a_chain_is_its_parts(name):
    torch.manual_seed(0)
    chain = build_encoder(name, INPUT, HIDDEN).double().eval()
    assert len(chain.encoders) == name.count(">") + 1

    @given(
        st.lists(trees(arity=2), min_size=1, max_size=3)
        | st.lists(phrase_trees(), min_size=1, max_size=3)
    )
    def check(forest):
        batch = batch_of(forest)
        x = torch.randn(batch.num_tokens, INPUT, dtype=torch.float64, requires_grad=True)
        states = words = x
        for encoder in chain.encoders:
            states = encoder.encode(words, batch)
            words = batch.to_tokens(states) if len(states) == batch.num_nodes else states
        encoding = chain(x, batch)
        assert torch.equal(encoding.nodes, states)
        sources = {"x": x, **dict(chain.named_parameters())}
        assert_equal_with_gradients(encoding.tokens, words, sources)

    check()


def test_parts_must_fit():
    parts = [build_encoder("bilstm", 3, 4), build_encoder("gat", 4, 4)]
    with pytest.raises(ValueError, match=r"LSTM gives vectors 8 wide, but GAT.* expects 4"):
        Chain(parts)
