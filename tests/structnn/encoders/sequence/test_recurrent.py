"""Recurrent encoders against torch's own modules, or against their equations, a word at a time."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from structnn import Batch, Sentence, build_encoder
from structnn.encoders.sequence.min_gru import scan
from tests.structnn.examples import assert_close, assert_computes, chain

INPUT, HIDDEN = 3, 4

lengths_lists = st.lists(st.integers(1, 7), min_size=1, max_size=4)


def encoder_of(name, **options):
    torch.manual_seed(0)
    encoder = build_encoder(name, INPUT, HIDDEN, **options).double()
    for parameter in encoder.parameters():
        nn.init.normal_(parameter, std=0.6)
    return encoder


def check(encoder, reference):
    @given(lengths_lists)
    def run(lengths):
        assert_computes(encoder, reference, [chain(length) for length in lengths])

    run()


@pytest.mark.parametrize(("name", "network"), [("rnn", nn.RNN), ("lstm", nn.LSTM), ("gru", nn.GRU)])
@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize("layers", [1, 2])
def test_torch(name, network, both, layers):
    """The states are those of torch's module, called for each sentence by itself."""
    encoder = encoder_of(f"bi{name}" if both else name, layers=layers)
    own = network(INPUT, HIDDEN, num_layers=layers, bidirectional=both).double()
    own.load_state_dict(encoder.network.state_dict())

    def reference(encoder, x, tree):
        weights = dict(encoder.network.named_parameters())
        return torch.func.functional_call(own, weights, (x,))[0]

    check(encoder, reference)


@pytest.mark.parametrize("name", ["rnn", "lstm", "gru", "bilstm(layers=2)"])
def test_they_begin_as_the_tree_lstms_do(name):
    """States keep their length from step to step, and an LSTM begins by remembering."""
    for key, weight in build_encoder(name, INPUT, HIDDEN).network.named_parameters():
        gates = weight.detach().split(HIDDEN)
        for place, gate in enumerate(gates):
            if key.startswith("weight_hh"):
                torch.testing.assert_close(gate @ gate.t(), torch.eye(HIDDEN))
            elif key.startswith("bias"):
                remembers = key.startswith("bias_ih") and len(gates) == 4 and place == 1  # f
                assert gate.tolist() == [float(remembers)] * HIDDEN


def test_the_last_state_of_each_direction():
    encoder = encoder_of("bilstm")
    from structnn import Batch, Sentence

    batch = Batch.from_sentences([Sentence(["w"] * length) for length in (4, 1, 2)])
    x = torch.randn(7, INPUT, dtype=torch.float64)
    found = encoder(x, batch).sentence
    for row, piece in zip(found, x.split([4, 1, 2]), strict=True):
        _, (h, _) = encoder.network(piece)
        assert_close(row, h.flatten())


def test_self_attentive_is_its_readout_over_a_bilstm():
    encoder = encoder_of("self_attentive", hops=3, attention_dim=5)
    other = build_encoder(
        "bilstm", INPUT, HIDDEN, readout="self_attentive(hops=3, attention_dim=5)"
    )
    other.load_state_dict(encoder.state_dict())
    assert encoder.sentence_dim == 3 * 2 * HIDDEN


@pytest.mark.parametrize("layers", [1, 2])
def test_self_attentive(layers):
    """Lin et al. (2017): each row of attention is a softmax over the states of a BiLSTM."""
    encoder = encoder_of("self_attentive", hops=3, attention_dim=5, layers=layers)
    own = nn.LSTM(INPUT, HIDDEN, num_layers=layers, bidirectional=True).double()

    def reference(encoder, x, tree):
        weights = dict(encoder.network.named_parameters())
        states, _ = torch.func.functional_call(own, weights, (x,))
        w_s1, w_s2 = encoder.readout.projection.weight, encoder.readout.queries.weight
        rows = []
        for hop in range(3):
            scores = torch.stack([w_s2[hop] @ torch.tanh(w_s1 @ h) for h in states])
            weighed = zip(scores.softmax(0), states, strict=True)
            rows.append(sum(weight * h for weight, h in weighed))
        return torch.cat(rows)

    @given(lengths_lists)
    def run(lengths):
        trees = [chain(length) for length in lengths]
        assert_computes(encoder, reference, trees, sentence=True)

    run()


def min_gru_reference(encoder, x, tree):
    for layer in encoder.layers:
        gates = layer(x).chunk(2 * encoder.directions, dim=1)
        states = []
        for direction in range(encoder.directions):
            z, candidate = gates[2 * direction], gates[2 * direction + 1]
            order = list(range(len(x)))[:: -1 if direction else 1]
            h, found = torch.zeros(HIDDEN, dtype=x.dtype), {}
            for t in order:
                share = torch.sigmoid(z[t])
                new = torch.where(candidate[t] >= 0, candidate[t] + 0.5, candidate[t].sigmoid())
                h = (1 - share) * h + share * new
                found[t] = h
            states.append(torch.stack([found[t] for t in range(len(x))]))
        x = torch.cat(states, dim=1)
    return x


@pytest.mark.parametrize(
    "options", [{}, {"layers": 2, "bidirectional": True}], ids=["one way", "both ways"]
)
def test_min_gru(options):
    check(encoder_of("min_gru", **options), min_gru_reference)


def test_min_gru_in_logarithms():
    """The form of the paper's appendix: a cumulative log-sum-exp."""
    encoder = encoder_of("min_gru")
    x = torch.randn(9, INPUT, dtype=torch.float64)
    from structnn import Batch, Sentence

    found = encoder(x, Batch.from_sentences([Sentence(["w"] * 9)])).tokens
    z, candidate = encoder.layers[0](x).chunk(2, dim=1)
    log_keep = -nn.functional.softplus(z)
    log_new = -nn.functional.softplus(-z) + torch.where(
        candidate >= 0, (candidate.relu() + 0.5).log(), -nn.functional.softplus(-candidate)
    )
    kept = log_keep.cumsum(0)
    assert_close(found, (kept + (log_new - kept).logcumsumexp(0)).exp())


def test_gradcheck_of_the_scan():
    keep = torch.rand(7, 2, dtype=torch.float64, requires_grad=True)
    new = torch.randn(7, 2, dtype=torch.float64, requires_grad=True)
    first = torch.tensor([0, 3, 4])
    assert torch.autograd.gradcheck(lambda k, n: scan(k, n, first, 3), [keep, new])


def fast_weights_reference(encoder, x, tree):
    h, states = None, []
    memory = torch.zeros(HIDDEN, HIDDEN, dtype=x.dtype)  # A, made this time
    for word in x:
        slow = encoder.input(word)
        if h is None:
            h = slow.relu()
        else:
            memory = encoder.decay * memory + encoder.rate * torch.outer(h, h)
            slow = slow + encoder.slow.weight @ h
            h = slow.relu()
            for _ in range(encoder.inner_steps):
                h = encoder.norm(slow + memory @ h).relu()
        states.append(h)
    return torch.stack(states)


@pytest.mark.parametrize("steps", [1, 3])
def test_fast_weights(steps):
    check(encoder_of("fast_weights", steps=steps), fast_weights_reference)


def hyper_lstm_reference(encoder, x, tree):
    h = c = torch.zeros(HIDDEN, dtype=x.dtype)
    small = tuple(torch.zeros(1, encoder.hyper.hidden_size, dtype=x.dtype) for _ in range(2))
    states = []
    for word in x:
        small = encoder.hyper(torch.cat([h, word])[None], small)
        hat = small[0][0]
        gates = []
        for gate in range(4):
            z_h, z_x, z_b = (
                embed(hat).chunk(4)[gate]
                for embed in (encoder.embed_h, encoder.embed_x, encoder.embed_b)
            )
            w_h = encoder.state.weight.chunk(4)[gate]
            w_x = encoder.input.weight.chunk(4)[gate]
            total = (
                (z_h @ encoder.scale_h[gate]) * (w_h @ h)
                + (z_x @ encoder.scale_x[gate]) * (w_x @ word)
                + z_b @ encoder.shift[gate]
                + encoder.bias[gate]
            )
            gates.append(encoder.norms[gate](total))
        i, f, o, u = gates
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(u)
        h = torch.sigmoid(o) * torch.tanh(encoder.norm_c(c))
        states.append(h)
    return torch.stack(states)


def test_hyper_lstm():
    check(encoder_of("hyper_lstm", hyper_dim=3, embedding_dim=2), hyper_lstm_reference)


def batch_of(*lengths: int) -> Batch:
    return Batch.from_sentences([Sentence(["w"] * length) for length in lengths])


@pytest.mark.parametrize("name", ["lstm", "gru", "rnn", "min_gru"])
def test_what_cannot_be_gone_on_from_is_told(name):
    encoder, x = build_encoder(name, 6, 8), torch.randn(9, 6)
    _, before = encoder.carry(x, batch_of(4, 5), None)
    with pytest.raises(ValueError, match="has 3 sentences, but what is remembered is of 2"):
        encoder.carry(x, batch_of(2, 2, 5), before)
    with pytest.raises(ValueError, match=r"expects x of shape .*\(9, 6\), but got \(8, 6\)"):
        encoder.carry(x[1:], batch_of(4, 5), before)


@pytest.mark.parametrize("name", ["bilstm", "bigru", "min_gru(bidirectional=True)", "transformer"])
def test_an_encoder_that_cannot_go_on_says_so(name):
    encoder = build_encoder(name, 6, 8)
    with pytest.raises(NotImplementedError, match=r"can't go on from earlier words"):
        encoder.carry(torch.randn(4, 6), batch_of(4), None)
