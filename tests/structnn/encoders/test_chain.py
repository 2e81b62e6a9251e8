"""Encoders after one another: the token states of each are what the next reads."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from structnn import Tree, build_encoder
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
    with pytest.raises(ValueError, match="encoders must be at least one encoder"):
        Chain([])


def test_a_chain_is_an_encoder_like_any_other():
    chain = build_encoder("bilstm>gat(readout='mean+max')", INPUT, HIDDEN)
    first, last = chain.stages
    assert chain.readout is last.readout
    assert first.readout is None
    assert (chain.output_dim, chain.sentence_dim) == (4, 8)
    assert chain.reads == {"sequence", "graph"}
    assert build_encoder("lstm", INPUT, HIDDEN).stages[0].readout is not None
    outer = Chain([build_encoder("lstm", INPUT, HIDDEN), build_encoder("gru>gcn", HIDDEN, HIDDEN)])
    assert [type(stage).__name__ for stage in outer.stages] == ["LSTM", "GRU", "GCN"]
    assert build_encoder("nary_tree_lstm(arity=3)>recursive_nn", INPUT, HIDDEN).arity == 2
    assert build_encoder("lstm>gat", INPUT, HIDDEN).arity is None
    assert build_encoder("gat(relations=5)>lstm", INPUT, HIDDEN).num_labels == 5


def test_an_encoder_without_a_readout_says_so():
    batch = batch_of([Tree([-1, 0])])
    encoder = build_encoder("lstm", INPUT, HIDDEN).without_readout()
    x = torch.randn(2, INPUT)
    assert encoder.token_states(x, batch).shape == (2, HIDDEN)
    with pytest.raises(ValueError, match="this LSTM has no readout"):
        encoder(x, batch)
