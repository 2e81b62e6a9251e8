"""Tree encoders against their equations, a node at a time."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from structnn import UNIVERSAL_RELATIONS, Batch, StructureError, Tree, build_encoder
from structnn.fused.build import SWITCH
from tests.structnn.encoders.tree.test_child_sum import reference as child_sum_reference
from tests.structnn.examples import (
    assert_close,
    assert_computes,
    batch_of,
    chain,
    phrase_trees,
    sentence_of,
    trees,
)

INPUT, HIDDEN = 3, 4


def encoder_of(name, **options):
    torch.manual_seed(0)
    encoder = build_encoder(name, INPUT, HIDDEN, **options).double()
    for parameter in encoder.parameters():
        torch.nn.init.normal_(parameter, std=0.7)
    return encoder


def upwards(step):
    """A reference that calls ``step(encoder, projected word, states of the children, node, tree)``."""

    def reference(encoder, x, tree):
        weight, bias = encoder.words.weight, encoder.words.bias
        states = {}
        for node in reversed(tree.top_down):
            token = tree.tokens[node]
            word = bias if token < 0 else weight @ x[token] + bias
            children = [states[child] for child in tree.children[node]]
            states[node] = step(encoder, word, children, node, tree)
        found = torch.stack([states[node] for node in range(len(tree))])
        return found[:, : encoder.output_dim]

    return reference


@upwards
def recursive_nn(encoder, word, children, node, tree):
    total = word
    for place, h in enumerate(children):
        total = total + encoder.cell.composition.weight.split(HIDDEN, dim=1)[place] @ h
    return torch.tanh(total)


@upwards
def rntn(encoder, word, children, node, tree):
    if not children:
        return torch.tanh(word)
    missing = [torch.zeros(HIDDEN, dtype=word.dtype)] * (encoder.arity - len(children))
    s = torch.cat([*children, *missing])
    product = torch.stack([s @ encoder.cell.tensor[:, d] @ s for d in range(HIDDEN)])
    return torch.tanh(word + encoder.cell.composition.weight @ s + product)


def lstm_step(i, o, u, carried):
    c = torch.sigmoid(i) * torch.tanh(u) + carried
    return torch.sigmoid(o) * torch.tanh(c), c


@upwards
def nary_tree_lstm(encoder, word, children, node, tree):
    i, o, u, f = word.chunk(4)
    weight = encoder.cell.child_gates.weight.view(3 + encoder.arity, HIDDEN, encoder.arity, HIDDEN)
    hs = [state[:HIDDEN] for state in children]
    cs = [state[HIDDEN:] for state in children]
    for place, h in enumerate(hs):
        i, o, u = (gate + weight[row, :, place] @ h for row, gate in enumerate((i, o, u)))
    carried = torch.zeros(HIDDEN, dtype=word.dtype)
    for k, c in enumerate(cs):
        gate = f
        for place, h in enumerate(hs):
            gate = gate + weight[3 + k, :, place] @ h
        carried = carried + torch.sigmoid(gate) * c
    return torch.cat(lstm_step(i, o, u, carried))


@upwards
def tree_gru(encoder, word, children, node, tree):
    z, r, candidate = word.chunk(3)
    cell = encoder.cell
    zero = torch.zeros(HIDDEN, dtype=word.dtype)
    summed = sum(children, zero)
    z = torch.sigmoid(z + cell.update.weight @ summed)
    reset = sum((torch.sigmoid(r + cell.reset.weight @ h) * h for h in children), zero)
    candidate = torch.tanh(candidate + cell.candidate.weight @ reset)
    return z * summed + (1 - z) * candidate


@upwards
def relational_tree_lstm(encoder, word, children, node, tree):
    i, o, u, f = word.chunk(4)
    u_i, u_o, u_u = encoder.cell.child_gates.weight.chunk(3)
    summed = carried = torch.zeros(HIDDEN, dtype=word.dtype)
    for child, state in zip(tree.children[node], children, strict=True):
        h, c = state.chunk(2)
        relation = encoder.cell.relations.weight[UNIVERSAL_RELATIONS[tree.labels[child]]]
        m = torch.sigmoid(relation) * h if encoder.cell.gated else h + relation
        summed = summed + m
        carried = carried + torch.sigmoid(f + encoder.cell.forget_gate.weight @ m) * c
    gates = (i + u_i @ summed, o + u_o @ summed, u + u_u @ summed)
    return torch.cat(lstm_step(*gates, carried))


@upwards
def attentive_tree_lstm(encoder, word, children, node, tree):
    i, o, u, f, a = word.chunk(5)
    u_i, u_o, u_u = encoder.cell.child_gates.weight.chunk(3)
    u_f, u_a = encoder.cell.edge_gates.weight.chunk(2)
    summed = carried = torch.zeros(HIDDEN, dtype=word.dtype)
    if children:
        hs, cs = zip(*(state.chunk(2) for state in children), strict=True)
        scores = torch.stack([encoder.cell.query.weight[0] @ torch.tanh(a + u_a @ h) for h in hs])
        for weight, h in zip(scores.softmax(0), hs, strict=True):
            summed = summed + weight * h
        for h, c in zip(hs, cs, strict=True):
            carried = carried + torch.sigmoid(f + u_f @ h) * c
    gates = (i + u_i @ summed, o + u_o @ summed, u + u_u @ summed)
    return torch.cat(lstm_step(*gates, carried))


def bidirectional_tree_lstm(encoder, x, tree):
    up = child_sum_reference(encoder, x, tree)
    zero = torch.zeros(HIDDEN, dtype=x.dtype)
    words, states = encoder.down_words, {-1: (zero, zero)}
    for node in tree.top_down:
        token = tree.tokens[node]
        word = words.bias if token < 0 else words.weight @ x[token] + words.bias
        h, c = states[tree.parents[node]]
        gates = (
            word + encoder.down_states.weight @ up[node] + encoder.down_cell.parent_gates.weight @ h
        )
        i, o, u, f = gates.chunk(4)
        states[node] = lstm_step(i, o, u, torch.sigmoid(f) * c)
    return torch.stack([torch.cat([up[node], states[node][0]]) for node in range(len(tree))])


ANY = [
    ("tree_gru", {}, tree_gru),
    ("relational_tree_lstm", {}, relational_tree_lstm),
    ("relational_tree_lstm", {"relation": "vector"}, relational_tree_lstm),
    ("attentive_tree_lstm", {}, attentive_tree_lstm),
    ("bidirectional_tree_lstm", {}, bidirectional_tree_lstm),
]
PLACED = [
    ("recursive_nn", recursive_nn),
    ("rntn", rntn),
    ("nary_tree_lstm", nary_tree_lstm),
]


by_operator_and_without = pytest.mark.parametrize("switch", ["0", "1"])


@by_operator_and_without
@pytest.mark.parametrize(("name", "options", "reference"), ANY)
def test_equations(name, options, reference, switch, monkeypatch):
    monkeypatch.setenv(SWITCH, switch)
    encoder = encoder_of(name, **options)

    @given(
        st.lists(trees(), min_size=1, max_size=3) | st.lists(phrase_trees(), min_size=1, max_size=3)
    )
    def check(forest):
        assert_computes(encoder, reference, forest)

    check()
    star, line = Tree([2, 2, -1, 2, 2], labels=["obj"] * 5), chain(12)
    line = Tree(line.parents, labels=["obj"] * 12)
    assert_computes(encoder, reference, [star, line, Tree([-1], labels=["root"])])


@pytest.mark.slow
@by_operator_and_without
@pytest.mark.parametrize(("name", "reference"), PLACED)
@pytest.mark.parametrize("arity", [1, 2, 3, 5])
def test_equations_with_places_for_children(name, reference, arity, switch, monkeypatch):
    monkeypatch.setenv(SWITCH, switch)
    encoder = encoder_of(name, arity=arity)
    forests = st.lists(trees(arity=arity), min_size=1, max_size=3)
    if arity > 1:
        forests |= st.lists(phrase_trees(arity=arity), min_size=1, max_size=3)

    @given(forests)
    def check(forest):
        assert_computes(encoder, reference, forest)

    check()


@pytest.mark.parametrize("name", [name for name, _ in PLACED])
def test_too_many_children_are_told(name):
    encoder = encoder_of(name)
    batch = Batch.from_sentences([sentence_of(chain(3)), sentence_of(Tree([-1, 0, 0, 0]))])
    x = torch.randn(7, INPUT, dtype=torch.float64)
    with pytest.raises(
        StructureError, match=r"sentence 1 .*'w0 w1 w2 w3'.*more than 2.*parsers.grouped"
    ):
        encoder(x, batch)


@pytest.mark.parametrize(
    "name", ["relational_tree_lstm", "rgcn", "syntactic_gcn", "graph_transformer", "gat"]
)
def test_labels_beyond_the_vocabulary_are_told(name):
    encoder = encoder_of(name, relations=2)
    batch = batch_of([Tree([-1, 0], labels=["root", "obj"])])
    with pytest.raises(StructureError, match=r"label number 3.*knows 2 labels.*relations=len"):
        encoder(torch.randn(2, INPUT, dtype=torch.float64), batch)


def test_relations_matter():
    encoder = encoder_of("relational_tree_lstm")
    x = torch.randn(2, INPUT, dtype=torch.float64)
    subject, object_ = (
        encoder(x, batch_of([Tree([-1, 0], labels=["root", label])])).sentence
        for label in ("nsubj", "obj")
    )
    assert not torch.allclose(subject, object_)


def test_a_gru_on_a_left_chain():
    """With the reset gate before the product, as Cho et al. (2014) have it."""
    encoder = encoder_of("tree_gru")
    x = torch.randn(9, INPUT, dtype=torch.float64)
    found = encoder(x, batch_of([chain(9)])).tokens
    h = torch.zeros(HIDDEN, dtype=x.dtype)
    for t in range(9):
        z, r, candidate = encoder.words(x[t]).chunk(3)
        z = torch.sigmoid(z + encoder.cell.update(h))
        r = torch.sigmoid(r + encoder.cell.reset(h))
        h = z * h + (1 - z) * torch.tanh(candidate + encoder.cell.candidate(r * h))
        assert_close(found[t], h)
