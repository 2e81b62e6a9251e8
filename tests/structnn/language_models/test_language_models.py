"""Language models against a slow reading of their definition, and what must not leak."""

from __future__ import annotations

import copy
import itertools
import re

import pytest
import torch

from structnn import (
    ENCODERS,
    Batch,
    LanguageModel,
    Search,
    Sentence,
    SentenceGraph,
    Tree,
    WordEmbedding,
    build_encoder,
)
from structnn.data.vocabulary import UNKNOWN
from structnn.heads.answers import NO_ANSWER
from structnn.language_models import END, MASK, language_vocabulary, prefixes_of
from tests.structnn.encoders.test_every_encoder import BINARY, VARIANTS, describe
from tests.structnn.examples import assert_close, random_sentences

INPUT, HIDDEN = 6, 8

CAUSAL = [
    ("rnn", {}),
    ("lstm", {"layers": 2}),
    ("gru", {}),
    ("min_gru", {"layers": 2}),
    ("fast_weights", {}),
    ("hyper_lstm", {}),
    ("bag", {}),
    ("transformer", {"causal": True}),
    ("transformer", {"causal": True, "positions": "rotary", "norm": "post"}),
    ("lstm>transformer(causal=True)", {}),
]
causal_encoders = pytest.mark.parametrize("variant", CAUSAL, ids=describe)
every_encoder = pytest.mark.parametrize("variant", VARIANTS, ids=describe)


def words_of(size):
    return [f"w{number}" for number in range(size)]


def model_of(variant, objective, *, words=12, tied=True):
    """In float64, with weights that are far from symmetric."""
    name, options = variant
    vocabulary = language_vocabulary(words_of(words), objective)
    torch.manual_seed(3)
    embedding = WordEmbedding(vocabulary, INPUT)
    encoder = build_encoder(name, INPUT, HIDDEN, **options)
    model = LanguageModel(embedding, encoder, objective=objective, tied=tied).double().eval()
    torch.nn.init.normal_(model.head.bias)
    return model


@pytest.mark.parametrize("objective", ["causal", "masked", "prefixes"])
def test_texts_that_are_no_sentences_are_told(objective):
    encoder = ("bilstm" if objective == "masked" else "lstm", {})
    with pytest.raises(TypeError, match="number 0 is 'word1 word2', of type str; make one as"):
        model_of(encoder, objective).batch(["word1 word2"])


def test_each_encoder_says_whether_it_is_causal():
    declared = {name for name in ENCODERS if build_encoder(name, INPUT, HIDDEN).causal}
    assert declared == {"bag", "dan", "rnn", "lstm", "gru", "min_gru", "fast_weights", "hyper_lstm"}
    assert not build_encoder("lstm>bilstm", INPUT, HIDDEN).causal
    with pytest.raises(ValueError, match="take bag") as refused:
        model_of(("bilstm", {}), "causal")
    assert {*re.findall(r"\w+", str(refused.value))} >= {*declared, "transformer"}


@every_encoder
def test_those_that_say_so_see_no_later_word_and_all_others_do(variant):
    """By gradients from each state to each word vector."""
    name, options = variant
    torch.manual_seed(0)
    encoder = build_encoder(name, INPUT, HIDDEN, **options).double().eval().without_readout()
    later = False
    arity = 2 if set(name.split(">")) & BINARY else None
    for sentence in random_sentences(5, (6, 9, 12), arity):
        batch = Batch.from_sentences([sentence])
        x = torch.randn(len(sentence), INPUT, dtype=torch.float64, requires_grad=True)
        states = encoder.token_states(x, batch)
        for place in range(len(sentence)):
            (gradient,) = torch.autograd.grad(states[place].sin().sum(), x, retain_graph=True)
            later |= bool(gradient[place + 1 :].any())
    assert later != encoder.causal


@causal_encoders
@pytest.mark.parametrize("tied", [True, False])
def test_causal_models_are_the_product_of_their_factors(variant, tied):
    """Each factor from its own prefix, encoded alone, by a softmax that is written out."""
    model = model_of(variant, "causal", tied=tied)
    sentences = [Sentence(words_of(12)[place : place + 4 + place]) for place in range(4)]
    batch = model.batch(sentences)
    found, gold = model.log_probabilities(batch), model.next_words(batch)
    total, row = torch.zeros((), dtype=torch.float64), 0
    for sentence in sentences:
        ids = [1, *(model.vocabulary[word] for word in sentence.tokens), 1]
        for length, following in enumerate(ids[1:], start=1):
            prefix = Batch.from_sentences([Sentence(["-"] * length)])
            prefix = prefix.with_token_ids(torch.tensor(ids[:length]))
            state = model.encoder.token_states(model.embedding(prefix), prefix)[-1]
            if tied:
                table = model.embedding.table.weight
                if model.head.projection is not None:
                    table = table @ model.head.projection.weight
            else:
                table = model.head.weight
            scores = torch.stack(
                [row @ state + b for row, b in zip(table, model.head.bias, strict=True)]
            )
            shares = scores.exp() / scores.exp().sum()
            assert_close(found[row], shares.log())
            assert gold[row] == following
            total = total - shares[following].log()
            row += 1
    assert row == len(found)
    assert_close(model.loss(batch, gold), total / row)


@causal_encoders
def test_no_gradient_flows_from_the_answer_or_from_later_words(variant):
    """Words differ, and weights aren't tied: each row of the table is read at one place alone."""
    model = model_of(variant, "causal", tied=False)
    batch = model.batch([Sentence(words_of(9))])
    logs = model.log_probabilities(batch)
    for place in range(10):
        model.zero_grad()
        logs[place].sin().sum().backward(retain_graph=True)
        reached = model.embedding.table.weight.grad.abs().sum(1)[1:]  # the start, then the words
        assert reached[place] > 0
        assert not reached[place + 1 :].any()


@every_encoder
def test_masked_models_predict_a_word_without_reading_it(variant):
    """No gradient from a word that is hidden, whatever the structure; but from some of the others."""
    model = model_of(variant, "masked", words=20, tied=False)
    arity = 2 if set(variant[0].split(">")) & BINARY else None
    (sentence,) = random_sentences(4, (9,), arity)
    sentence = sentence.replace(tokens=words_of(9))
    batch, seen = model.batch([sentence]), False
    for place in range(9):
        asked = [place, (place + 4) % 9]
        others = [other for other in range(9) if other not in asked]
        ids, gold = batch.token_ids.clone(), torch.full((9,), NO_ANSWER)
        gold[asked] = ids[asked]
        ids[asked] = 1
        hidden = batch.with_token_ids(ids)
        model.zero_grad()
        model.loss(hidden, gold).backward()
        gradient = model.embedding.table.weight.grad.abs().sum(1)
        assert not gradient[2:][asked].any()
        assert gradient[1] > 0  # the mask is read in its place
        seen |= bool(gradient[2:][others].any())
    assert seen == (variant[0] not in ("bag", "dan"))


@pytest.mark.parametrize("name", ["bilstm", "child_sum_tree_lstm", "gat", "transformer"])
def test_the_loss_of_hidden_words_is_the_mean_of_their_own(name):
    model = model_of((name, {}), "masked")
    sentences = [s.replace(tokens=words_of(len(s))) for s in random_sentences(2, (5, 3, 8))]
    batch = model.batch(sentences)
    hidden, gold = model.hide(batch, 0.4, torch.Generator().manual_seed(0))
    ids, total, count = hidden.token_ids, torch.zeros((), dtype=torch.float64), 0
    for number, sentence in enumerate(sentences):
        begin, end = batch.token_ptr[number : number + 2].tolist()
        alone = model.batch([sentence]).with_token_ids(ids[begin:end])
        shares = model.head.scores(model(alone)).exp()
        shares = shares / shares.sum(1, keepdim=True)
        for place, word in enumerate(gold[begin:end].tolist()):
            if word != NO_ANSWER:
                total, count = total - shares[place, word].log(), count + 1
    assert count == int((ids == 1).sum())
    assert_close(model.loss(hidden, gold), total / count)


@every_encoder
def test_models_of_prefixes_see_no_later_word(variant):
    if set(variant[0].split(">")) & BINARY:  # more than two words may hang from the end symbol
        return
    model = model_of(variant, "prefixes", tied=False)
    (sentence,) = random_sentences(4, (7,))
    sentence = sentence.replace(tokens=words_of(7))
    batch = model.batch([sentence, Sentence(["w1"], dependencies=Tree([-1]))])
    assert model.next_words(batch).tolist() == [*range(2, 9), 1, 3, 1]
    logs = model.log_probabilities(batch)
    assert logs.shape == (10, 14)
    for place in range(8):
        model.zero_grad()
        logs[place].sin().sum().backward(retain_graph=True)
        reached = model.embedding.table.weight.grad.abs().sum(1)[1:]
        assert not reached[place + 1 :].any()


def test_prefixes_have_the_edges_within_them():
    tree = Tree([2, 0, -1, 2], labels=["nsubj", "amod", "root", "obj"])
    found = list(prefixes_of(Sentence(words_of(4), dependencies=tree)))
    assert [one.tokens for one in found] == [(END, *words_of(4)[:n]) for n in range(5)]
    assert [one.dependencies.parents for one in found] == [
        (-1,),
        (-1, 0),
        (-1, 0, 1),
        (-1, 3, 1, 0),
        (-1, 3, 1, 0, 3),
    ]
    assert [one.dependencies.labels for one in found][2:4] == [
        ("root", "root", "amod"),
        ("root", "nsubj", "amod", "root"),
    ]
    assert [one.dependencies for one in prefixes_of(Sentence(["a"]))] == [None, None]


def test_a_model_of_prefixes_is_the_product_of_its_factors():
    """As a causal one with the same weights, where the encoder is causal and reads the last state."""
    prefixes, causal = (model_of(("lstm", {}), kind) for kind in ("prefixes", "causal"))
    causal.load_state_dict(prefixes.state_dict())
    sentences = [Sentence(words_of(5)), Sentence(["w3", "w1"])]
    one, other = (model.batch(sentences) for model in (prefixes, causal))
    assert_close(prefixes.log_probabilities(one), causal.log_probabilities(other))
    assert torch.equal(prefixes.next_words(one), causal.next_words(other))
    assert_close(
        prefixes.loss(one, prefixes.next_words(one)), causal.loss(other, causal.next_words(other))
    )


def test_constituents_and_graphs_hide_words_too():
    """Where nodes are no words, and words have no node."""
    tree = Tree([3, 3, 4, 4, -1], tokens=[0, 1, 2, -1, -1], labels=["obj"] * 5)
    graph = SentenceGraph(tokens=[1, -1, 0], edges=[(1, 0), (1, 2), (2, 0)])
    sentence = Sentence(words_of(3), constituency=tree, graph=graph)
    for name, structure in [("child_sum_tree_lstm", "constituency"), ("gat", "graph")]:
        model = model_of((name, {}), "masked", tied=False)
        batch = Batch.from_sentences([sentence], structure=structure, vocabulary=model.vocabulary)
        for hidden in range(3):
            ids = batch.token_ids.clone()
            ids[hidden] = 1
            gold = torch.full((3,), NO_ANSWER)
            gold[hidden] = batch.token_ids[hidden]
            model.zero_grad()
            model.loss(batch.with_token_ids(ids), gold).backward()
            assert not model.embedding.table.weight.grad[2 + hidden].any()


def test_at_least_one_word_is_hidden_and_about_the_share():
    model = model_of(("bag", {}), "masked")
    batch = model.batch([Sentence(["w1"] * 4000)])
    hidden, gold = model.hide(batch, 0.15, torch.Generator().manual_seed(0))
    assert hidden.token_ids[gold == NO_ANSWER].unique().tolist() == [3]
    assert 500 < int((hidden.token_ids == 1).sum()) == int((gold != NO_ANSWER).sum()) < 700
    _, gold = model.hide(model.batch([Sentence(["w1", "w2"])]), 0.0)
    assert int((gold != NO_ANSWER).sum()) == 1


def test_nothing_asked_costs_nothing():
    model = model_of(("bag", {}), "masked")
    batch = model.batch([Sentence(["w1", "w2"])])
    loss = model.loss(batch, torch.full((2,), NO_ANSWER))
    assert loss == 0
    loss.backward()


@pytest.mark.parametrize(
    "variant",
    [("rnn", {}), ("lstm", {"layers": 2}), ("gru", {"layers": 2}), ("min_gru", {"layers": 2})],
    ids=describe,
)
def test_reading_in_parts_is_reading_at_once(variant):
    """With gradients, in a batch of texts of several lengths, whose parts end at different places."""
    model = model_of(variant, "causal")
    assert model.encoder.carries
    texts = [[2, 3, 4, 5, 6, 7], [3, 3, 5], [9, 8, 7, 6]]
    cuts = [(2, 5), (1, 2), (3, 2)]

    def batch_of(rows):
        batch = Batch.from_sentences([Sentence(["-"] * len(row)) for row in rows])
        return batch.with_token_ids(torch.tensor(list(itertools.chain(*rows))))

    whole = batch_of(texts)
    expected = model(whole)
    parts = [[text[:cut] for text, (cut, _) in zip(texts, cuts, strict=True)]]
    parts.append([text[cut:] for text, (cut, _) in zip(texts, cuts, strict=True)])
    first, before = model.carry(batch_of(parts[0]), None)
    second, after = model.carry(batch_of(parts[1]), before)
    split_first = first.split([len(row) for row in parts[0]])
    split_second = second.split([len(row) for row in parts[1]])
    found = torch.cat(list(itertools.chain(*zip(split_first, split_second, strict=True))))
    assert_close(found, expected)
    one, other = (
        torch.autograd.grad(states.sin().sum(), model.embedding.table.weight, retain_graph=True)[0]
        for states in (found, expected)
    )
    assert_close(one, other)
    assert len(after[0]) == 3


@torch.no_grad()
@pytest.mark.parametrize("name", ["lstm", "min_gru", "fast_weights", "transformer(causal=True)"])
def test_samples_follow_the_probabilities_of_the_model(name):
    """Greedy search finds the likeliest next word again and again; the unknown word is never written."""
    model = model_of((name, {}), "causal")
    model.head.bias.data[0] += 50
    prompt = ["w3", "w1"]
    ((found,),) = model.sample(prompt, Search(), length=6)
    ids, logs = [1, 5, 3], 0.0
    for _ in range(6):
        batch = Batch.from_sentences([Sentence(["-"] * len(ids))]).with_token_ids(torch.tensor(ids))
        scores = model.head.scores(model(batch))[-1].clone()
        scores[0] = -torch.inf
        ids.append(int(scores.argmax()))
        logs += float(scores.log_softmax(0).max())
        if ids[-1] == 1:
            break
    assert found.pieces == [word for word in ids[3:] if word != 1]
    assert found.log_probability == pytest.approx(logs)
    drawn = model.sample(prompt, Search(top_p=0.9, seed=2), count=5, length=6)
    assert drawn == model.sample(prompt, Search(top_p=0.9, seed=2), count=5, length=6)
    assert len({tuple(one.pieces) for (one,) in drawn}) > 1
    cold = model.sample(prompt, Search(top_p=1.0, temperature=1e-4), length=6)
    assert cold[0][0].pieces == found.pieces
    (best,) = model.sample(prompt, Search(beam=4, n_best=2), length=6)
    assert len(best) == 2


def test_tied_weights_are_one_parameter():
    model = model_of(("lstm", {}), "causal")
    assert "head.weight" not in model.state_dict()
    copied = copy.deepcopy(model)
    copied.embedding.table.weight.data += 1
    batch = model.batch([Sentence(["w1"])])
    assert not torch.allclose(copied.log_probabilities(batch), model.log_probabilities(batch))
    again = model_of(("lstm", {}), "causal")
    again.load_state_dict(copied.state_dict())
    assert torch.equal(again.log_probabilities(batch), copied.log_probabilities(batch))


def test_symbols_are_no_words():
    vocabulary = language_vocabulary(["a", END, MASK, UNKNOWN, "b"], "masked", {"a": 3})
    assert vocabulary.words[1:] == (MASK, "a", "b")
    assert WordEmbedding(vocabulary, 2).drop_chance[1] < 1e-9


def test_what_does_not_go_together_is_told():
    vocabulary = language_vocabulary(["a"], "causal")
    with pytest.raises(ValueError, match="later words too"):
        LanguageModel(
            WordEmbedding(vocabulary, 4), build_encoder("bilstm", 4, 4), objective="causal"
        )
    with pytest.raises(ValueError, match="must be '<mask>'"):
        LanguageModel(WordEmbedding(vocabulary, 4), build_encoder("lstm", 4, 4), objective="masked")
    with pytest.raises(ValueError, match="only a causal language model"):
        model_of(("lstm", {}), "masked").sample([], Search())
    for make in (
        lambda: language_vocabulary(["a"], "caussal"),
        lambda: LanguageModel(
            WordEmbedding(vocabulary, 4), build_encoder("lstm", 4, 4), objective="caussal"
        ),
    ):
        with pytest.raises(ValueError, match="'causal', 'masked' or 'prefixes', but is 'caussal'"):
            make()
    model = model_of(("lstm", {}), "causal")
    with pytest.raises(ValueError, match="from a masked language model alone"):
        model.hide(model.batch([Sentence(["a"])]), 0.5)
    masked = model_of(("lstm", {}), "masked")
    with pytest.raises(ValueError, match="predicts hidden words"):
        masked.next_words(masked.batch([Sentence(["a"])]))
    for wrong in ({"count": 0}, {"length": 0}, {"length": 2.5}):
        with pytest.raises(ValueError, match=f"{next(iter(wrong))} must be"):
            model.sample([], Search(), **wrong)
    with pytest.raises(ValueError, match="must be a list of words, but is one string: 'the dog'"):
        model.sample("the dog", Search())
    with pytest.raises(ValueError, match="readout='cls'"):
        build_encoder("transformer", 4, 4, causal=True, readout="cls")
    for options in ({"temperature": 0.0, "top_p": 0.5}, {"temperature": 2.0}):
        with pytest.raises(ValueError, match="temperature"):
            Search(**options)
