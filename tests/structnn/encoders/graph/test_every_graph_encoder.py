"""Graph encoders against their equations, a node at a time, and against PyG's layers."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch_geometric.nn import (
    GATConv,
    GatedGraphConv,
    GATv2Conv,
    GCNConv,
    GINEConv,
    RGCNConv,
    SAGEConv,
    TransformerConv,
)

from structnn import (
    EDGE_TYPES,
    Batch,
    Sentence,
    Tree,
    build_encoder,
)
from structnn.notes import noting
from tests.structnn.data.test_graph import edges_of
from tests.structnn.examples import (
    assert_close,
    assert_computes,
    assert_equal_with_gradients,
    batch_of,
    chain,
    phrase_trees,
    sentence_graphs,
    sentence_of,
    trees,
)

INPUT, HIDDEN = 3, 4


def encoder_of(name, **options):
    torch.manual_seed(0)
    encoder = build_encoder(name, INPUT, HIDDEN, **options).double()
    for parameter in encoder.parameters():
        torch.nn.init.normal_(parameter, std=0.6)
    return encoder.eval()


def edges_to(tree, construction):
    """For each node its incoming edges as (kind, source, label)."""
    graph = batch_of([tree]).graph(construction)
    incoming = [[] for _ in range(len(tree))]
    for kind, source, target, label in edges_of(graph):
        incoming[target].append((kind, source, label))
    return incoming


def frame(step):
    """A reference that calls ``step(layer, states, node, incoming edges)`` for each message."""

    def reference(encoder, x, tree):
        incoming = edges_to(tree, encoder.construction)
        zero = x.new_zeros(HIDDEN)
        states = [
            zero if token < 0 else encoder.projection.weight @ x[token] + encoder.projection.bias
            for token in tree.tokens
        ]
        seen = []
        for index, norm in enumerate(encoder.norms):
            layer = encoder.layers[index % len(encoder.layers)]
            messages = [step(layer, states, node, edges) for node, edges in enumerate(incoming)]
            if len(encoder.latent):
                extra = latent(encoder.latent[index], states)
                messages = [one + other for one, other in zip(messages, extra, strict=True)]
            new = [encoder.activation(message) for message in messages]
            if encoder.residual:
                new = [state + added for state, added in zip(states, new, strict=True)]
            states = [norm(state) for state in new]
            seen.append(torch.stack(states))
        if encoder.jump == "last":
            return seen[-1]
        return torch.cat(seen, 1) if encoder.jump == "concat" else torch.stack(seen).max(0).values

    return reference


def latent(layer, states):
    messages = []
    for v, state in enumerate(states):
        scores = torch.stack(
            [layer.query(state) @ layer.key(other) / math.sqrt(HIDDEN) for other in states]
        )
        if layer.sample:
            if len(states) > 1:
                own = torch.arange(len(states)) == v
                scores = scores.masked_fill(own, -torch.inf)
            soft = scores.softmax(0)
            hard = F.one_hot(scores.argmax(), len(states))
            weights = hard + soft - soft.detach()
        else:
            weights = scores.softmax(0)
        values = [weight * layer.value(h) for weight, h in zip(weights, states, strict=True)]
        messages.append(sum(values))
    return messages


def symmetric_gcn(encoder, x, tree):
    """The formula of Kipf and Welling (2017), with the matrices written out."""
    adjacency = torch.eye(len(tree), dtype=x.dtype)
    for node, parent in enumerate(tree.parents):
        if parent >= 0:
            adjacency[node, parent] = adjacency[parent, node] = 1
    scale = adjacency.sum(1).rsqrt().diag()
    words = [x.new_zeros(HIDDEN) if t < 0 else encoder.projection(x[t]) for t in tree.tokens]
    h = torch.stack(words)
    for layer in encoder.layers:
        convolution = layer.convolution
        messages = scale @ adjacency @ scale @ h @ convolution.lin.weight.t() + convolution.bias
        h = h + encoder.activation(messages)
    return h


@frame
def gcn(layer, states, node, edges):
    total = layer.own(states[node])
    for kind, convolution in layer.neighbours.items():
        sources = [source for name, source, _ in edges if name == kind]
        for source in sources:
            total = total + convolution.lin.weight @ states[source] / len(sources)
    return total


@frame
def syntactic_gcn(layer, states, node, edges):
    total = torch.zeros_like(states[node])
    for kind, source, label in edges:
        number = EDGE_TYPES.index(kind)
        number = number * layer.relations + label if layer.relations else number
        gate = layer.gates.weight[layer.kinds.index(kind)] @ states[source]
        gate = torch.sigmoid(gate + layer.gate_bias.weight[number])
        value = layer.values[kind].weight @ states[source] + layer.bias.weight[number]
        total = total + gate * value
    return total


@frame
def rgcn(layer, states, node, edges):
    total = layer.own(states[node])
    bases = layer.bases.weight.view(HIDDEN, -1, HIDDEN)
    for kind, source, label in edges:
        same = [edge for edge in edges if edge[0] == kind and edge[2] == label]
        number = EDGE_TYPES.index(kind)
        if layer.relations:
            number = number * layer.relations + label
        else:
            same = [edge for edge in edges if edge[0] == kind]
        matrix = torch.einsum("obi,b->oi", bases, layer.mixture.weight[number])
        total = total + matrix @ states[source] / len(same)
    return total


@frame
def ggnn(layer, states, node, edges):
    message = torch.zeros_like(states[node])
    for kind, source, _ in edges:
        message = message + layer.values[kind](states[source])
    return layer.unit(message[None], states[node][None])[0]


@frame
def sage(layer, states, node, edges):
    convolution = layer.convolution
    total = convolution.lin_r(states[node]) + convolution.lin_l.bias
    if edges:
        mean = sum(states[source] for _, source, _ in edges) / len(edges)
        total = total + convolution.lin_l.weight @ mean
    return total


def feature(layer, kind, label):
    vector = layer.features.kinds.weight[EDGE_TYPES.index(kind)]
    if layer.features.relations is not None:
        vector = vector + layer.features.relations.weight[label]
    return vector


@frame
def gin(layer, states, node, edges):
    total = (1 + layer.convolution.eps) * states[node]
    for kind, source, label in edges:
        total = total + torch.relu(states[source] + feature(layer, kind, label))
    return layer.convolution.nn(total)


def attend(layer, node, edges, score, value):
    """Softmax over incoming edges for each head, then the weighted sum of values."""
    heads, width = layer.convolution.heads, HIDDEN // layer.convolution.heads
    out = []
    for head in range(heads):
        columns = slice(head * width, (head + 1) * width)
        scores = torch.stack([score(edge, head, columns) for edge in edges])
        values = [value(edge)[columns] for edge in edges]
        weights = scores.softmax(0)
        out.append(sum(weight * one for weight, one in zip(weights, values, strict=True)))
    return torch.cat(out)


@frame
def gat(layer, states, node, edges):
    c = layer.convolution

    def score(edge, head, columns):
        kind, source, label = edge
        z = c.att_src[0, head] @ (c.lin.weight @ states[source])[columns]
        z = z + c.att_dst[0, head] @ (c.lin.weight @ states[node])[columns]
        edge_vector = c.lin_edge.weight @ feature(layer, kind, label)
        return F.leaky_relu(z + c.att_edge[0, head] @ edge_vector[columns], 0.2)

    return attend(layer, node, edges, score, lambda edge: c.lin.weight @ states[edge[1]]) + c.bias


@frame
def gatv2(layer, states, node, edges):
    c = layer.convolution

    def score(edge, head, columns):
        kind, source, label = edge
        total = c.lin_l(states[source]) + c.lin_r(states[node])
        total = total + c.lin_edge.weight @ feature(layer, kind, label)
        return c.att[0, head] @ F.leaky_relu(total[columns], 0.2)

    return attend(layer, node, edges, score, lambda edge: c.lin_l(states[edge[1]])) + c.bias


@frame
def graph_transformer(layer, states, node, edges):
    c = layer.convolution

    def edge_vector(edge):
        return c.lin_edge.weight @ feature(layer, edge[0], edge[2])

    def score(edge, head, columns):
        key = c.lin_key(states[edge[1]]) + edge_vector(edge)
        query = c.lin_query(states[node])
        return query[columns] @ key[columns] / math.sqrt(HIDDEN // c.heads)

    value = attend(
        layer, node, edges, score, lambda edge: c.lin_value(states[edge[1]]) + edge_vector(edge)
    )
    return value + c.lin_skip(states[node])


REFERENCES = {
    "gcn": gcn,
    "syntactic_gcn": syntactic_gcn,
    "rgcn": rgcn,
    "ggnn": ggnn,
    "sage": sage,
    "gin": gin,
    "gat": gat,
    "gatv2": gatv2,
    "graph_transformer": graph_transformer,
}
CASES = [
    *((name, {}) for name in REFERENCES),
    ("gcn", {"neighbours": True, "hops": 3, "norm": "layer", "jump": "concat"}),
    ("gat", {"relations": 38, "heads": 2, "jump": "max", "neighbours": True}),
    ("rgcn", {"relations": 0, "bases": 2, "hops": 2}),
    ("syntactic_gcn", {"residual": False, "relations": 0, "hops": 2}),
    ("gin", {"relations": 38, "latent": "soft"}),
    ("sage", {"latent": "gumbel", "activation": "tanh"}),
    ("gat", {"directions": "down"}),
    ("gcn", {"directions": "up", "hops": 2}),
    ("syntactic_gcn", {"directions": "down", "neighbours": True}),
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "options"), CASES, ids=str)
def test_equations(name, options):
    encoder = encoder_of(name, **options)

    @given(
        st.lists(trees(8), min_size=1, max_size=3)
        | st.lists(phrase_trees(4), min_size=1, max_size=2)
        | st.lists(sentence_graphs(), min_size=1, max_size=3)
    )
    def check(forest):
        assert_computes(encoder, REFERENCES[name], forest)

    check()


def test_the_normalisation_of_the_paper():
    encoder = encoder_of("gcn", normalisation="symmetric")

    @given(st.lists(trees(8) | phrase_trees(4), min_size=1, max_size=1))
    def check(forest):
        assert_computes(encoder, symmetric_gcn, forest)

    check()


@pytest.mark.parametrize("latent", ["soft", "gumbel"])
def test_latent_graphs_alone(latent):
    """No parse is read, and none is needed."""
    encoder = encoder_of("sage", parse=False, latent=latent)
    assert_computes(encoder, sage, [chain(5), chain(1), chain(3)])
    batch = Batch.from_sentences([Sentence(["no", "parse"])])
    assert encoder(torch.randn(2, INPUT, dtype=torch.float64), batch).tokens.shape == (2, HIDDEN)


def test_sampled_edges_are_one_for_each_node():
    encoder = encoder_of("sage", parse=False, latent="gumbel").train()
    batch = batch_of([chain(5), chain(1)])
    x = torch.randn(6, INPUT, dtype=torch.float64)
    with noting() as notes:
        encoder(x, batch)
    weights = notes.of("latent graph")
    assert_close(weights[0].sum(1), torch.ones(5, dtype=torch.float64))
    assert_close(weights.amax(2)[0], torch.ones(5, dtype=torch.float64))
    assert not weights[0].diagonal().any()
    assert weights[1, 0, 0] == 1


def with_weights(own, weights, *arguments):
    """PyG's own layer, called with the encoder's weights, so that gradients reach these."""
    return torch.func.functional_call(own.double(), dict(weights), arguments)


def pyg_gcn(layer, h, graph):
    if hasattr(layer, "convolution"):  # symmetric normalisation: the class as it is
        weights = layer.convolution.named_parameters()
        return with_weights(GCNConv(HIDDEN, HIDDEN), weights, h, graph.edge_index)
    own = GCNConv(HIDDEN, HIDDEN, normalize=False, bias=False)
    total = layer.own(h)
    for kind, convolution in layer.neighbours.items():
        edges = graph.of_type(kind)
        degree = torch.bincount(edges[1], minlength=len(h)).double()
        weights = convolution.named_parameters()
        total = total + with_weights(own, weights, h, edges, 1 / degree[edges[1]])
    return total


def pyg_rgcn(layer, h, graph):
    own = RGCNConv(HIDDEN, HIDDEN, *layer.mixture.weight.shape)
    weights = {
        "weight": layer.bases.weight.view(HIDDEN, -1, HIDDEN).permute(1, 2, 0).contiguous(),
        "comp": layer.mixture.weight,
        "root": layer.own.weight.t(),
        "bias": layer.own.bias,
    }
    relation = graph.edge_type * layer.relations + graph.edge_label
    return with_weights(own, weights, h, graph.edge_index, relation)


def pyg_of(make):
    """A layer that holds one of PyG's, which takes states, edges and, if it knows any, features."""

    def messages(layer, h, graph):
        features = [layer.features(graph)] if hasattr(layer, "features") else []
        weights = layer.convolution.named_parameters()
        return with_weights(make(), weights, h, graph.edge_index, *features)

    return messages


def gin_perceptron():
    return nn.Sequential(nn.Linear(HIDDEN, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, HIDDEN))


PYG = {
    "gcn": pyg_gcn,
    "rgcn": pyg_rgcn,
    "sage": pyg_of(lambda: SAGEConv(HIDDEN, HIDDEN)),
    "gin": pyg_of(lambda: GINEConv(gin_perceptron(), train_eps=True)),
    "gat": pyg_of(lambda: GATConv(HIDDEN, 1, 4, add_self_loops=False, edge_dim=HIDDEN)),
    "gatv2": pyg_of(lambda: GATv2Conv(HIDDEN, 1, 4, add_self_loops=False, edge_dim=HIDDEN)),
    "graph_transformer": pyg_of(lambda: TransformerConv(HIDDEN, 1, 4, edge_dim=HIDDEN)),
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "options"),
    [
        *((name, {"relations": 9} if name == "rgcn" else {}) for name in PYG),  # slow with more
        ("gcn", {"normalisation": "symmetric"}),
        ("gcn", {"normalisation": "symmetric", "neighbours": True, "directions": "up"}),
    ],
    ids=str,
)
def test_pyg(name, options):
    """All layers, beside layers of PyG's that are made here, run over one sentence at a time."""
    encoder = encoder_of(name, **options)

    def reference(encoder, x, tree):
        graph = Batch.from_sentences([sentence_of(tree)]).graph(encoder.construction)
        h = encoder.projection(x)
        for layer, norm in zip(encoder.layers, encoder.norms, strict=True):
            h = norm(h + encoder.activation(PYG[name](layer, h, graph)))
        return h

    @given(st.lists(trees(6), min_size=1, max_size=2))
    def check(forest):
        assert_computes(encoder, reference, forest)

    check()


def test_pyg_ggnn():
    """PyG's class has one matrix for all kinds of edges, and no bias: so here it has them, too."""
    encoder = encoder_of("ggnn")
    (layer,) = encoder.layers
    for values in layer.values.values():
        values.bias.data.zero_()
    first, *others = layer.values
    for kind in others:
        layer.values[kind].weight = layer.values[first].weight
    own = GatedGraphConv(HIDDEN, num_layers=3)

    def reference(encoder, x, tree):
        graph = Batch.from_sentences([sentence_of(tree)]).graph(encoder.construction)
        weights = {f"rnn.{name}": value for name, value in layer.unit.named_parameters()}
        weights["weight"] = layer.values[first].weight.t().expand(3, HIDDEN, HIDDEN)
        return with_weights(own, weights, encoder.projection(x), graph.edge_index)

    @given(st.lists(trees(8), min_size=1, max_size=3))
    def check(forest):
        batch = batch_of(forest)
        x = torch.randn(batch.num_tokens, INPUT, dtype=torch.float64, requires_grad=True)
        pieces = x.split(batch.lengths.tolist())
        expected = [reference(encoder, *pair) for pair in zip(pieces, forest, strict=True)]
        sources = {
            name: parameter
            for name, parameter in encoder.named_parameters()
            if not (".values." in name and name.endswith("bias"))
        }
        assert_equal_with_gradients(
            encoder.encode(x, batch), torch.cat(expected), {"x": x, **sources}
        )

    check()


@pytest.mark.parametrize("name", REFERENCES)
def test_order_of_edges_is_immaterial(name):
    encoder = encoder_of(name, neighbours=True)
    star = Tree([2, 2, -1, 2, 3], labels=["obj", "nsubj", "root", "obj", "det"])
    x = torch.randn(5, INPUT, dtype=torch.float64)
    batch, other = batch_of([star]), batch_of([star])
    expected = encoder(x, batch).tokens
    graph = batch.graph(encoder.construction)
    order, first = [], 0
    for count in graph.counts:  # edges of one type stay together
        order += [first + place for place in reversed(range(count))]
        first += count
    moved = replace(
        graph,
        edge_index=graph.edge_index[:, order],
        edge_type=graph.edge_type[order],
        edge_label=graph.edge_label[order],
    )
    other._graphs[encoder.construction] = moved
    assert_close(encoder(x, other).tokens, expected)


def test_attention_is_noted():
    encoder = encoder_of("gat")
    batch = batch_of([chain(3)])
    x = torch.randn(3, INPUT, dtype=torch.float64)
    plain = encoder(x, batch).tokens
    with noting() as notes:
        assert torch.equal(encoder(x, batch).tokens, plain)
    assert notes.of("attention").shape == (len(batch.graph(encoder.construction).edge_type), 4)


def test_impossible_options_are_told():
    with pytest.raises(ValueError, match=r"hidden_dim \(4\) must be a multiple of heads \(3\)"):
        encoder_of("gatv2", heads=3)
    for option in ("activation", "norm", "jump", "latent", "directions"):
        with pytest.raises(ValueError, match=f"{option} must be .*, but is 'nothing'"):
            encoder_of("gin", **{option: "nothing"})
    with pytest.raises(ValueError, match="layers must be at least 1"):
        encoder_of("gcn", layers=0)
    with pytest.raises(ValueError, match="hops must be at least 1"):
        encoder_of("gcn", hops=0)


@pytest.mark.parametrize("heads", [1, 4])
@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("gat", partial(GATConv, add_self_loops=False)),
        ("gatv2", partial(GATv2Conv, add_self_loops=False)),
        ("graph_transformer", TransformerConv),
    ],
)
def test_a_seed_gives_the_weights_that_it_gives_pyg(name, make, heads):
    """Named, ordered and drawn as PyG's, so that runs of earlier versions load and repeat."""
    torch.manual_seed(3)
    layer = build_encoder(name, HIDDEN, HIDDEN, heads=heads, layers=1).layers[0]
    torch.manual_seed(3)
    nn.Linear(HIDDEN, HIDDEN)  # the projection
    own = make(HIDDEN, HIDDEN // heads, heads, edge_dim=HIDDEN)
    kinds = nn.Embedding(len(EDGE_TYPES), HIDDEN)
    names = [name for name, _ in own.named_parameters()]
    assert [name for name, _ in layer.convolution.named_parameters()] == names
    for parameter, theirs in zip(layer.convolution.parameters(), own.parameters(), strict=True):
        assert torch.equal(parameter, theirs)
    assert torch.equal(layer.features.kinds.weight, kinds.weight), "as many numbers were drawn"
    state = torch.get_rng_state()
    assert layer.convolution.of_pyg is layer.convolution.of_pyg
    assert torch.equal(torch.get_rng_state(), state)
    assert list(layer.convolution.state_dict()) == list(own.state_dict())


@pytest.mark.parametrize(
    ("name", "options", "other", "alike"),
    [
        ("gat", {"parse": False}, {"hops": 3}, True),
        ("gat", {"parse": False, "neighbours": True}, {"hops": 3, "directions": "up"}, True),
        ("gat", {"parse": False, "latent": "soft"}, {"directions": "down"}, True),
        ("gat", {}, {"hops": 3}, False),
        ("gat", {}, {"directions": "up"}, False),
        ("gcn", {"layers": 3}, {"jump": "max"}, True),  # relu, residual, no norm
        ("syntactic_gcn", {"layers": 1, "norm": "layer"}, {"jump": "max"}, True),
        ("gcn", {"layers": 3, "norm": "layer"}, {"jump": "max"}, False),
        ("gcn", {"layers": 3, "residual": False}, {"jump": "max"}, False),
        ("gat", {"layers": 3}, {"jump": "max"}, False),
    ],
)
def test_options_change_something_but_where_documented(name, options, other, alike):
    batch = batch_of([Tree([1, -1, 1, 2, 3]), Tree([-1, 0, 1])])
    x = torch.randn(batch.num_tokens, INPUT, dtype=torch.float64)
    found = [encoder_of(name, **options, **more)(x, batch).tokens for more in ({}, other)]
    assert torch.allclose(*found) == alike
