from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from structnn import READOUTS, Batch, UnknownNameError, build_encoder, build_readout
from structnn.notes import noting
from structnn.readouts import Concatenation
from tests.structnn.examples import (
    assert_close,
    assert_equal_with_gradients,
    batch_of,
    phrase_trees,
    trees,
)

WIDTH = 4


def loop(readout, name, states, tree):
    """One sentence's vector, from the definition."""
    if name == "root":
        return states[tree.root]
    if name in ("mean", "sum"):
        return getattr(states, name)(0)
    if name == "max":
        return states.max(0).values
    if name == "k_max":
        columns = []
        for column in states.unbind(1):
            values = column.tolist()
            best = sorted(range(len(values)), key=lambda t: -values[t])[: readout.k]
            missing = column.new_zeros(readout.k - len(best))
            columns.append(torch.cat([column[sorted(best)], missing]))
        return torch.stack(columns, dim=1).flatten()
    if name == "attention":
        scores = [readout.query(torch.tanh(readout.projection(h))) for h in states]
        weights = torch.cat(scores).softmax(0)
        return sum(weight * h for weight, h in zip(weights, states, strict=True))
    if name == "self_attentive":
        scores = readout.queries.weight @ torch.tanh(readout.projection.weight @ states.t())
        return (scores.softmax(1) @ states).flatten()
    if name == "multi_head_attention":
        heads = []
        for query, value in zip(
            readout.queries.weight, readout.values.weight.chunk(readout.heads), strict=True
        ):
            heads.append((states @ query).softmax(0) @ (states @ value.t()))
        return readout.output(torch.cat(heads))
    raise AssertionError(f"write down what {name} computes")


@pytest.mark.parametrize("name", [name for name in READOUTS.names() if name != "last"])
def test_definitions(name):
    torch.manual_seed(0)
    readout = build_readout(name, WIDTH).double()

    @given(
        st.lists(trees(), min_size=1, max_size=3) | st.lists(phrase_trees(), min_size=1, max_size=3)
    )
    def check(forest):
        batch = batch_of(forest)
        nodes = torch.randn(batch.num_nodes, WIDTH, dtype=torch.float64, requires_grad=True)
        tokens = batch.to_tokens(nodes)
        found = readout(nodes, tokens, batch)
        assert found.shape == (len(batch), readout.output_dim)
        pieces = nodes.split([len(tree) for tree in forest])
        expected = [
            loop(readout, name, piece, tree) for piece, tree in zip(pieces, forest, strict=True)
        ]
        sources = {"nodes": nodes, **dict(readout.named_parameters())}
        assert_equal_with_gradients(found, torch.stack(expected), sources)

    check()


def test_last_looks_at_both_ends():
    batch = batch_of_lengths(3, 1)
    states = torch.arange(16.0).view(4, 4)
    plain = build_readout("last", 4)
    assert plain(states, states, batch).tolist() == states[[2, 3]].tolist()
    both = build_readout("last", 4, backward_dim=2)
    assert both(states, states, batch).tolist() == [[8.0, 9.0, 2.0, 3.0], states[3].tolist()]


def test_several_side_by_side():
    batch = batch_of_lengths(3, 1)
    states = torch.randn(4, 4)
    readout = build_readout("mean + max + k_max(k=2)", 4)
    assert readout.output_dim == 16
    expected = [build_readout(name, 4)(states, states, batch) for name in ("mean", "max")]
    assert torch.equal(readout(states, states, batch)[:, :8], torch.cat(expected, 1))


@pytest.mark.parametrize("spec", ["mean+root", "attention+last", "multi_head_attention(heads=2)"])
def test_any_encoder_takes_any_readout(spec):
    batch = batch_of_trees()
    for name in ("bag", "bilstm", "child_sum_tree_lstm", "bilstm>gat"):
        encoder = build_encoder(name, 4, 4, readout=spec)
        sentence = encoder(torch.randn(batch.num_tokens, 4), batch).sentence
        assert sentence.shape == (len(batch), encoder.sentence_dim)


@pytest.mark.parametrize(
    "spec",
    ["", "mean+", "k_max(5)", "mean-max", "__import__('os').x", "3", "+".join(["mean"] * 3000)],
    ids=lambda spec: spec[:20],
)
def test_unreadable_ones_are_told(spec):
    with pytest.raises(ValueError, match=r"can't read the readout .*there are: attention, k_max"):
        build_readout(spec, 4)


def test_widths_that_cannot_be_are_told():
    with pytest.raises(ValueError, match="input_dim must be at least 1, but is 0"):
        build_readout("mean", 0)
    with pytest.raises(ValueError, match=r"backward_dim must be at most input_dim \(4\), but is 5"):
        build_readout("last", 4, backward_dim=5)
    with pytest.raises(ValueError, match="readouts must be at least one readout"):
        Concatenation([])


def test_unknown_names_and_options_are_told():
    with pytest.raises(UnknownNameError, match=r"did you mean 'mean'\?"):
        build_readout("maen+max", 4)
    with pytest.raises(UnknownNameError, match=r"'k_max' has no option 'n'.*its options are: k"):
        build_readout("k_max(n=2)", 4)
    with pytest.raises(ValueError, match="multiple of heads=4, but they are 6 wide"):
        build_readout("multi_head_attention", 6)
    with pytest.raises(ValueError, match="k must be at least 1"):
        build_readout("k_max(k=0)", 6)


def test_a_root_without_a_word_is_told():
    from structnn import Tree

    batch = batch_of([Tree([2, 2, -1], tokens=[0, 1, -1])])
    encoder = build_encoder("lstm", 4, 4, readout="root")
    with pytest.raises(ValueError, match="the roots of these trees have no word"):
        encoder(torch.randn(2, 4), batch)


def test_attention_is_noted():
    batch = batch_of_lengths(3, 1)
    encoder = build_encoder("bilstm", 4, 4, readout="attention+self_attentive(hops=3)")
    with noting() as notes:
        encoder(torch.randn(4, 4), batch)
    assert notes.of("readout attention").shape == (4, 1)
    assert notes.of("readout attention", 2).shape == (4, 3)
    assert_close(notes.of("readout attention")[:3].sum(), torch.tensor(1.0))


def batch_of_lengths(*lengths):
    from structnn import Sentence

    return Batch.from_sentences([Sentence(["w"] * length) for length in lengths])


def batch_of_trees():
    from tests.structnn.examples import random_sentences

    return Batch.from_sentences(random_sentences(1, [4, 1, 6]))
