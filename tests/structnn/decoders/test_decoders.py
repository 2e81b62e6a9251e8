from __future__ import annotations

import itertools

import pytest
import torch
from torch import nn

from structnn import (
    DECODERS,
    ENCODERS,
    Batch,
    Memory,
    Search,
    Sentence,
    SequenceHead,
    TargetVocabulary,
    Tree,
    UnknownNameError,
    build_decoder,
    build_encoder,
)
from structnn.decoders.attention import (
    AdditiveScore,
    LocationScore,
    MultiHeadAttention,
    MultiplicativeScore,
)
from structnn.decoders.transformer import TransformerDecoderLayer
from structnn.notes import noting
from tests.structnn.decoders.common import (
    HIDDEN,
    INPUT,
    SPECS,
    TEXTS,
    example,
    forced,
    head_of,
    loss_of,
    targets_of,
)
from tests.structnn.examples import assert_close, assert_equal_with_gradients


@pytest.mark.parametrize("spec", SPECS)
def test_steps_are_the_run(spec):
    """Step by step, with what is remembered, each output is that of all steps at once."""
    encoder, batch, x = example()
    head = head_of(spec, encoder).eval()
    memory = head.decoder.prepare(Memory.of(encoder(x, batch), batch))
    inputs = torch.randn(len(batch), 6, 5, dtype=torch.float64)
    whole = head.decoder.run(inputs, memory)
    state = head.decoder.start(memory)
    for place, row in enumerate(inputs.unbind(1)):
        made = head.decoder.step(row[:, None], state, memory)
        state = made.state
        assert_close(made.output[:, 0], whole.output[:, place])
        if made.alignment is not None:
            assert_close(made.alignment[:, 0], whole.alignment[:, place])
            assert_close(made.alignment.sum(2), torch.ones(len(batch), 1, dtype=torch.float64))
            assert not made.alignment[:, 0][~memory.mask].any()
    assert (whole.alignment is not None) == head.decoder.has_alignment


@pytest.mark.parametrize("spec", SPECS)
def test_hypotheses_do_not_see_each_other(spec):
    encoder, batch, x = example()
    decoder = head_of(spec, encoder).eval().decoder
    memory = decoder.prepare(Memory.of(encoder(x, batch), batch))
    inputs = torch.randn(len(batch), 2, 4, 5, dtype=torch.float64)  # two hypotheses, four steps
    both = torch.zeros(len(batch), 2, dtype=torch.long)
    state = decoder.select(decoder.start(memory), both)
    for place in range(4):
        made = decoder.step(inputs[:, :, place], state, memory)
        state = made.state
    for hypothesis in range(2):
        alone = decoder.run(inputs[:, hypothesis], memory)
        assert_close(made.output[:, hypothesis], alone.output[:, -1])


@pytest.mark.parametrize("spec", SPECS)
def test_a_batch_is_its_sentences_one_by_one(spec):
    encoder, batch, x = example()
    head = head_of(spec, encoder).eval()
    logs, _ = forced(head, encoder(x, batch), batch)
    pieces = logs.split([len(text.split()) + 1 for text in TEXTS])
    bounds = batch.token_ptr.tolist()
    for number, (sentence, text) in enumerate(zip(batch.sentences, TEXTS, strict=True)):
        own = Batch.from_sentences([sentence])
        encoding = encoder(x[bounds[number] : bounds[number + 1]], own)
        alone, _ = forced(head, encoding, own, [text])
        assert_close(pieces[number][:, : alone.shape[1]], alone)
        # The numbers of words that other sentences can copy have no probability.
        assert (pieces[number][:, alone.shape[1] :] < -500).all()


@pytest.mark.parametrize("spec", SPECS)
def test_probabilities_sum_to_one(spec):
    encoder, batch, x = example()
    head = head_of(spec, encoder).eval()
    logs, _ = forced(head, encoder(x, batch), batch)
    assert len(logs) == sum(len(text.split()) + 1 for text in TEXTS)
    assert_close(logs.exp().sum(1), torch.ones(len(logs), dtype=torch.float64))


@pytest.mark.parametrize("options", [{}, {"scheduled_sampling": 0.5, "label_smoothing": 0.1}])
@pytest.mark.parametrize("spec", SPECS)
def test_every_parameter_gets_a_gradient(spec, options):
    encoder, batch, x = example()
    head = head_of(spec, encoder, **options)
    loss_of(head, encoder(x, batch), batch).backward()
    for name, parameter in head.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name
    assert any(parameter.grad.abs().sum() > 0 for parameter in encoder.parameters())


@pytest.mark.parametrize("name", ENCODERS)
def test_every_encoder_can_be_read(name):
    options = {"hidden_dim": HIDDEN}
    encoder = build_encoder(name, input_dim=INPUT, **options)
    # Parents behind their two children at most, so that every tree encoder reads them.
    trees = [Tree([1, -1, 1]), Tree([-1])]
    sentences = [Sentence(["w0", "w1", "w2"], dependencies=trees[0])]
    sentences.append(Sentence(["w1"], dependencies=trees[1]))
    batch = Batch.from_sentences(sentences)
    encoding = encoder(torch.randn(4, INPUT), batch)
    for spec in ("gru(copy=True)", "transformer(heads=2)"):
        head = head_of(spec, encoder).float()
        loss = loss_of(head, encoding, batch, ["w1 w2", "w0"])
        loss.backward(retain_graph=True)
        found = head.generate(head(encoding, batch))
        assert [alignment.shape[1] for ((alignment,),) in map(alignments, found)] == [3, 1]


def alignments(found):
    return ([one.alignment for one in found],)


def test_nodes_without_words_are_read_but_not_copied():
    """A phrase tree: its nodes are looked at, its words can be copied, and the rest is written."""
    tree = Tree([2, 2, -1], [0, 1, -1])
    sentence = Sentence(["w7", "w1"], constituency=tree)
    batch = Batch.from_sentences([sentence], structure="constituency")
    encoder = build_encoder("gcn", INPUT, HIDDEN).double().eval()
    encoding = encoder(torch.randn(2, INPUT, dtype=torch.float64), batch)
    for reads, states in (("nodes", 3), ("tokens", 2)):
        head = head_of("gru(copy=True)", encoder, reads=reads).eval()
        nn.init.constant_(head.output.gate.bias, 50.0)  # copies all it can
        logs, alignment = forced(head, encoding, batch, ["w7"])
        assert alignment.shape == (2, states)
        shares = logs.exp()
        assert_close(shares.sum(1), torch.ones(2, dtype=torch.float64))
        rest = alignment[:, 2] if reads == "nodes" else torch.zeros_like(alignment[:, 0])
        copied = shares[:, len(head.target)] + shares[:, head.target.vocabulary["w1"]]
        assert (copied >= 1 - rest - 1e-10).all()


# Each piece beside a slow reading of its equations, or torch's module.


def test_gru_and_lstm_are_torchs_cells():
    for name, cell_class in (("gru", nn.GRUCell), ("lstm", nn.LSTMCell)):
        encoder, batch, x = example()
        decoder = head_of(f"{name}(attention='none')", encoder).decoder
        encoding = encoder(x, batch)
        inputs = torch.randn(len(batch), 3, 5, dtype=torch.float64)
        cell = cell_class(5, HIDDEN).double()
        own = dict(decoder.network.named_parameters())
        weights = {key: own[f"{key}_l0"] for key, _ in cell.named_parameters()}
        first = torch.tanh(encoding.sentence @ decoder.first.weight.T + decoder.first.bias)
        state = first if name == "gru" else tuple(first.chunk(2, dim=1))
        outputs = []
        for row in inputs.unbind(1):
            state = torch.func.functional_call(cell, weights, (row, state))
            outputs.append(state if name == "gru" else state[0])
        found = decoder(inputs, Memory.of(encoding, batch)).output
        assert_equal_with_gradients(
            found, torch.stack(outputs, 1), dict(decoder.named_parameters())
        )


@pytest.mark.parametrize("feeding", [False, True])
@pytest.mark.parametrize(
    ("kind", "coverage"),
    [
        ("additive", False),
        ("additive", True),
        ("location", False),
        ("dot", False),
        ("general", False),
    ],
)
def test_attention_written_out(kind, feeding, coverage):
    """Sentence by sentence, step by step and state by state, as the papers have it."""
    encoder, batch, x = example()
    spec = f"gru(attention={kind!r},input_feeding={feeding},coverage={coverage})"
    decoder = head_of(spec, encoder).decoder
    encoding = encoder(x, batch)
    inputs = torch.randn(len(batch), 3, 5, dtype=torch.float64)
    cell = nn.GRUCell(decoder.network.input_size, HIDDEN).double()
    own = dict(decoder.network.named_parameters())
    weights = {key: own[f"{key}_l0"] for key, _ in cell.named_parameters()}
    score = decoder.score

    def matches(query, state, seen, i):
        if kind == "dot":
            return query @ state
        if kind == "general":
            return query @ (score.key.weight @ state)
        layer = score.query.weight @ query + score.key.weight @ state + score.key.bias
        if coverage:
            layer = layer + score.coverage.weight[:, 0] * seen[i]
        if kind == "location":  # two positions on either side
            near = [seen[j] if 0 <= j < len(seen) else 0 * seen[i] for j in range(i - 2, i + 3)]
            moved = score.filters.weight @ torch.stack(near)
            layer = layer + moved
            onward = score.onward.weight[0] @ moved
            return score.vector.weight[0] @ layer.tanh() + onward
        return score.vector.weight[0] @ layer.tanh()

    wanted = []
    for number, states in enumerate(encoding.nodes.split(batch.lengths.tolist())):
        hidden = torch.tanh(decoder.first(encoding.sentence[number]))
        output = torch.zeros(HIDDEN, dtype=torch.float64)
        seen = torch.zeros(len(states), dtype=torch.float64)
        for row in inputs[number]:
            row = torch.cat([row, output]) if feeding else row
            hidden = torch.func.functional_call(cell, weights, (row[None], hidden[None]))[0]
            scores = [matches(hidden, state, seen, i) for i, state in enumerate(states)]
            shares = torch.stack(scores).softmax(0)
            seen = shares if kind == "location" else seen + shares
            context = sum(share * state for share, state in zip(shares, states, strict=True))
            output = torch.tanh(decoder.joined(torch.cat([hidden, context])))
            wanted.append(output)
    found = decoder(inputs, Memory.of(encoding, batch)).output.flatten(0, 1)
    assert_equal_with_gradients(found, torch.stack(wanted), dict(decoder.named_parameters()))


def test_heads_are_torchs():
    ours = MultiHeadAttention(8, 6, 2).double()
    theirs = nn.MultiheadAttention(8, 2, kdim=6, vdim=6, batch_first=True).double()
    own = dict(ours.named_parameters())
    weights = {
        "q_proj_weight": own["query.weight"],
        "k_proj_weight": own["key.weight"],
        "v_proj_weight": own["value.weight"],
        "in_proj_bias": torch.cat([own[f"{name}.bias"] for name in ("query", "key", "value")]),
        "out_proj.weight": own["output.weight"],
        "out_proj.bias": own["output.bias"],
    }
    x = torch.randn(3, 4, 8, dtype=torch.float64)
    memory = torch.randn(3, 5, 6, dtype=torch.float64)
    mask = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0], [1, 0, 0, 0, 0]], dtype=torch.bool)
    wanted = torch.func.functional_call(
        theirs, weights, (x, memory, memory), {"key_padding_mask": ~mask}
    )
    found = ours(x, *ours.keys(memory), mask[:, None])
    assert_close(found[1], wanted[1])
    assert_equal_with_gradients(found[0], wanted[0], own)


@pytest.mark.parametrize("pre_norm", [False, True])
def test_the_layer_is_torchs(pre_norm):
    ours = TransformerDecoderLayer(8, 8, 2, 16, pre_norm=pre_norm).double()
    theirs = nn.TransformerDecoderLayer(
        8, 2, 16, dropout=0.0, batch_first=True, norm_first=pre_norm
    ).double()
    for name, parameter in ours.named_parameters():
        if "norms" in name:
            nn.init.normal_(parameter)
    own = dict(ours.named_parameters())
    weights = {}
    for name, their_name in (("attention", "self_attn"), ("look", "multihead_attn")):
        for kind in ("weight", "bias"):
            parts = [own[f"{name}.{part}.{kind}"] for part in ("query", "key", "value")]
            weights[f"{their_name}.in_proj_{kind}"] = torch.cat(parts)
            weights[f"{their_name}.out_proj.{kind}"] = own[f"{name}.output.{kind}"]
    for kind in ("weight", "bias"):
        weights[f"linear1.{kind}"] = own[f"perceptron.0.{kind}"]
        weights[f"linear2.{kind}"] = own[f"perceptron.3.{kind}"]
        for number in range(3):
            weights[f"norm{number + 1}.{kind}"] = own[f"norms.{number}.{kind}"]
    h = torch.randn(3, 4, 8, dtype=torch.float64)
    memory = torch.randn(3, 5, 8, dtype=torch.float64)
    mask = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0], [1, 0, 0, 0, 0]], dtype=torch.bool)
    before = torch.ones(1, 4, 4, dtype=torch.bool).tril()
    found, _ = ours(h, before, ours.look.keys(memory), mask)
    masks = {"tgt_mask": ~before[0], "memory_key_padding_mask": ~mask}
    wanted = torch.func.functional_call(theirs, weights, (h, memory), masks)
    assert_equal_with_gradients(found, wanted, own)


def test_copying_written_out():
    """The sum over the places of a word, listed or not; the same word twice counts twice."""
    sentence = Sentence(["w1", "other", "w1", "more", "other"])
    batch = Batch.from_sentences([sentence])
    encoder = build_encoder("bilstm", INPUT, HIDDEN).double().eval()
    encoding = encoder(torch.randn(5, INPUT, dtype=torch.float64), batch)
    head = head_of("gru(copy=True)", encoder).eval()
    targets = head.targets(["more w1 never other"], [sentence])
    size = len(head.target)
    assert targets.tolist() == [size + 1, 1, 0, size, head.target.end]
    logs, alignment = forced(head, encoding, batch, ["more w1 never other"])
    given = torch.tensor(
        [[head.target.end, 0, 1, 0, 0]]
    )  # copied words that aren't listed are unknown
    made = head.decoder(head.embedding(given), Memory.of(encoding, batch))
    gate = torch.sigmoid(head.output.gate(made.output[0]))
    wanted = torch.zeros(5, size + 2, dtype=torch.float64)
    wanted[:, :size] = (1 - gate) * head.output.scores(made.output[0]).softmax(1)
    for place, number in enumerate([1, size, 1, size + 1, size]):
        wanted[:, number] += gate[:, 0] * alignment[:, place]
    assert_close(logs.exp(), wanted)


@pytest.mark.parametrize("spec", SPECS)
def test_training_needs_the_gold_pieces_alone(spec):
    """Without smoothing the loss is made from their probabilities, without those of all others."""
    encoder, batch, x = example()
    head = head_of(spec, encoder).eval()
    targets = targets_of(head, batch)
    logs, _ = head.log_probabilities(head(encoder(x, batch), batch), targets)
    loss = loss_of(head, encoder(x, batch), batch)
    wanted = nn.functional.nll_loss(logs, targets)
    assert_equal_with_gradients(loss, wanted, dict(head.named_parameters()))


@pytest.mark.parametrize("name", ["gru", "transformer"])
def test_selective_reading_written_out(name):
    """The mean of the states of the words that the piece before equals is added to its vector."""
    sentence = Sentence(["w1", "other", "w1", "more", "other"])
    batch = Batch.from_sentences([sentence])
    encoder = build_encoder("bilstm", INPUT, HIDDEN).double().eval()
    encoding = encoder(torch.randn(5, INPUT, dtype=torch.float64), batch)
    head = head_of(f"{name}(copy=True,selective_read=True)", encoder).eval()
    text = "more w1 w0 never other"  # w0 is listed and not in the source; "never" is neither
    states = encoding.tokens
    stands = [[], [3], [0, 2], [], [], [1, 4]]
    first = [head.target.end, 0, 1, head.target.vocabulary["w0"], 0, 0]
    rows = []
    for number, places in zip(first, stands, strict=True):
        row = head.embedding.weight[number]
        if places:
            row = row + head.read(states[places].mean(0))
        rows.append(row)
    made = head.decoder(torch.stack(rows)[None], Memory.of(encoding, batch))
    _, alignment = forced(head, encoding, batch, [text])
    assert_close(alignment, made.alignment[0])


def test_copying_once_written_out():
    """What was written, counted by hand, takes from the shares of copying; all are divided anew."""
    sentence = Sentence(["w1", "other", "w1", "more", "other"])
    batch = Batch.from_sentences([sentence])
    encoder = build_encoder("bilstm", INPUT, HIDDEN).double().eval()
    encoding = encoder(torch.randn(5, INPUT, dtype=torch.float64), batch)
    head = head_of("gru(copy=True,copy_once=True)", encoder).eval()
    text = "more w1 never more other"
    size = len(head.target)
    given = torch.tensor([[head.target.end, 0, 1, 0, 0, 0]])
    made = head.decoder(head.embedding(given), Memory.of(encoding, batch))
    outputs = made.output[0]
    gate, again = torch.sigmoid(head.output.gate(outputs)), head.output.again(outputs)
    times = torch.tensor([2, 2, 2, 1, 2])
    written = [[0, 0, 0, 0, 0], [0, 0, 0, 1, 0], [1, 0, 1, 1, 0]]
    written += [[1, 0, 1, 1, 0], [1, 0, 1, 2, 0], [1, 1, 1, 2, 1]]
    copied = gate * made.alignment[0] * (-again * torch.tensor(written) / times).exp()
    wanted = torch.zeros(6, size + 2, dtype=torch.float64)
    wanted[:, :size] = (1 - gate) * head.output.scores(outputs).softmax(1)
    for place, number in enumerate([1, size, 1, size + 1, size]):
        wanted[:, number] += copied[:, place]
    logs, _ = forced(head, encoding, batch, [text])
    assert_close(logs.exp(), wanted / wanted.sum(1, keepdim=True))


def test_loss_written_out():
    """Cross-entropy over all pieces, smoothed; and what looking again costs."""
    encoder, batch, x = example()
    head = head_of("gru(coverage=True)", encoder, label_smoothing=0.2)
    targets = targets_of(head, batch)
    encoding = encoder(x, batch)
    reading = head(encoding, batch)
    logs, alignment = head.log_probabilities(reading, targets)
    plain = nn.functional.cross_entropy(logs, targets)
    smooth = nn.functional.cross_entropy(logs, targets, label_smoothing=0.2)
    again = []
    for shares in alignment.split([len(text.split()) + 1 for text in TEXTS]):
        seen = torch.zeros(shares.shape[1], dtype=torch.float64)
        for row in shares:
            again.append(torch.minimum(row, seen).sum())
            seen = seen + row
    assert_close(head.loss(reading, targets), smooth + torch.stack(again).mean())
    assert_close(head.eval().loss(reading, targets), plain)


def test_scheduled_sampling_feeds_what_is_predicted():
    """With probability 1 the steps are those of the greedy search."""
    encoder, batch, x = example()
    head = head_of("gru", encoder, scheduled_sampling=1.0)
    encoding = encoder(x, batch)
    (found,) = zip(
        *head.eval().generate(head(encoding, batch), Search(min_length=4, max_length=4)),
        strict=True,
    )
    texts = [one.text for one in found]
    assert all(len(text.split()) == 4 for text in texts)
    predicted, _ = forced(head, encoding, batch, texts)
    sampled, _ = forced(head.train(), encoding, batch, ["w0 w0 w0 w0"] * 4)
    # The piece at the first four steps is not the end there: where it is predicted, paths part.
    for number in range(4):
        own, drawn = predicted[5 * number : 5 * number + 5], sampled[5 * number : 5 * number + 5]
        for place in range(5):
            assert_close(own[place], drawn[place])
            if own[place].argmax() == head.target.end:
                break


def test_alignments_are_noted():
    encoder, batch, x = example()
    head = head_of("transformer(heads=2)", encoder).eval()
    with noting() as notes:
        _, alignment = forced(head, encoder(x, batch), batch)
    assert_close(notes.of("alignment")[0, :3], alignment[:3])


def test_errors_say_what_to_do():
    encoder = build_encoder("bilstm", INPUT, HIDDEN)
    with pytest.raises(UnknownNameError, match="gru, lstm, transformer"):
        build_decoder("gruu", encoder, 5, HIDDEN)
    with pytest.raises(UnknownNameError, match="has no option 'heads'"):
        build_decoder("gru(heads=2)", encoder, 5, HIDDEN)
    with pytest.raises(
        ValueError, match="attention must be 'none', 'additive', 'location', 'dot' or 'general'"
    ):
        build_decoder("gru(attention='own')", encoder, 5, HIDDEN)
    with pytest.raises(ValueError, match="they are 8 and 16: choose equal widths"):
        build_decoder("gru(attention='dot')", encoder, 5, HIDDEN)
    for option in ("copy", "input_feeding"):
        with pytest.raises(ValueError, match=f"{option} needs attention"):
            build_decoder(f"gru(attention='none',{option}=True)", encoder, 5, HIDDEN)
    for kind in ("general", "location"):
        with pytest.raises(ValueError, match="coverage needs attention='additive'"):
            build_decoder(f"gru(attention={kind!r},coverage=True)", encoder, 5, HIDDEN)
    for name, option in itertools.product(("gru", "transformer"), ("selective_read", "copy_once")):
        with pytest.raises(ValueError, match=f"{option} is about .* give copy=True too"):
            build_decoder(f"{name}({option}=True)", encoder, 5, HIDDEN)
    with pytest.raises(ValueError, match="a model has one decoder"):
        build_decoder("gru>gru", encoder, 5, HIDDEN)
    with pytest.raises(ValueError, match=r"hidden_dim \(8\) must be a multiple of heads \(3\)"):
        build_decoder("transformer(heads=3)", encoder, 5, HIDDEN)
    characters = TargetVocabulary.from_texts(["ab"], unit="characters")
    with pytest.raises(ValueError, match="copying takes source words"):
        SequenceHead(build_decoder("gru(copy=True)", encoder, 5, HIDDEN), characters)
    with pytest.raises(ValueError, match="label_smoothing must be from 0 to 1"):
        SequenceHead(build_decoder("gru", encoder, 5, HIDDEN), characters, label_smoothing=2)
    head = SequenceHead(build_decoder("gru", encoder, 5, HIDDEN), characters)
    with pytest.raises(ValueError, match="2 targets for 1 sentences"):
        head.targets(["ab", "ba"], [Sentence(["a"])])


def test_scores_have_the_shapes_they_say():
    query, states = torch.randn(2, 3, 8), torch.randn(2, 4, 6)
    for score in (AdditiveScore(8, 6), MultiplicativeScore(8, 6, general=True)):
        assert score(query, score.keys(states)).shape == (2, 3, 4)
    location = LocationScore(8, 6)
    keys = location.keys(states)
    assert location(query, keys, torch.rand(2, 3, 4)).shape == (2, 3, 4)
    with pytest.raises(ValueError, match="takes the weights of the step before"):
        location(query, keys)
    assert sorted(DECODERS) == ["gru", "lstm", "transformer"]
