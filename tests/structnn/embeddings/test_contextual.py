from __future__ import annotations

import pytest
import torch

from structnn import (
    ENCODERS,
    Batch,
    JoinedEmbedding,
    Sentence,
    SentenceClassifier,
    Tree,
    Vocabulary,
    WordEmbedding,
    build_encoder,
)
from structnn.embeddings import words_of

transformers = pytest.importorskip("transformers")
tokenizers = pytest.importorskip("tokenizers")

from structnn.embeddings.contextual import ContextualEmbedding  # noqa: E402
from tests.structnn.embeddings.tiny import PIECES, make_model, make_tokenizer  # noqa: E402
from tests.structnn.test_devices import Apart  # noqa: E402


@pytest.fixture(scope="module")
def tokenizer():
    return make_tokenizer()


@pytest.fixture
def model():
    return make_model()


SENTENCES = [
    Sentence(["dogs", "barked"], dependencies=Tree([1, -1])),
    Sentence(["a"], dependencies=Tree([-1])),
    Sentence(["cats", "\u200b", "bark"], dependencies=Tree([2, 2, -1])),
]


def test_a_word_is_the_mean_of_its_pieces(model, tokenizer):
    embedding = ContextualEmbedding(model, tokenizer)
    assert embedding.dim == 8
    batch = Batch.from_sentences(SENTENCES)
    found = embedding(batch)
    model.eval()

    def states(*pieces):
        ids = torch.tensor([[PIECES.index(piece) for piece in ("[CLS]", *pieces, "[SEP]")]])
        return model(input_ids=ids).last_hidden_state[0, 1:-1]

    first = states("dog", "##s", "bark", "##ed")
    third = states("cat", "##s", "bark")
    expected = torch.stack(
        [
            first[:2].mean(0),
            first[2:].mean(0),
            states("a")[0],
            third[:2].mean(0),
            torch.zeros(8),  # nothing is left of a zero-width space
            third[2],
        ]
    )
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-5)


def test_long_sentences_are_read_in_parts(model, tokenizer):
    embedding = ContextualEmbedding(model, tokenizer)
    batch = Batch.from_sentences([Sentence(["dogs"] * 40), Sentence(["a"])])
    found = embedding(batch)
    assert found.shape == (41, 8)
    part = embedding(Batch.from_sentences([Sentence(["dogs"] * 5)]))  # ten pieces and two
    torch.testing.assert_close(found[:5], part, atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(found[35:40], part, atol=1e-6, rtol=1e-5)


def test_positions_may_begin_behind_the_padding(tokenizer):
    """RoBERTa's first piece has position padding + 1: as many fewer pieces find a place."""
    config = transformers.RobertaConfig(
        vocab_size=len(PIECES),
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=12,
        pad_token_id=0,
    )
    embedding = ContextualEmbedding(transformers.RobertaModel(config), tokenizer)
    assert embedding.max_pieces == 11
    batch = Batch.from_sentences([Sentence(["dogs"] * 30)])
    assert embedding(batch).isfinite().all()


def test_frozen_and_tuned(model, tokenizer):
    batch = Batch.from_sentences(SENTENCES)
    frozen = ContextualEmbedding(model, tokenizer).train()
    assert not frozen(batch).requires_grad
    assert torch.equal(frozen(batch), frozen(batch))  # no dropout
    tuned = ContextualEmbedding(model, tokenizer, frozen=False).train()
    tuned(batch).sum().backward()
    assert model.embeddings.word_embeddings.weight.grad.any()


def test_the_static_table(model, tokenizer):
    embedding = ContextualEmbedding(model, tokenizer, static=True)
    table = model.embeddings.word_embeddings.weight
    found = embedding(Batch.from_sentences(SENTENCES))
    dogs = table[[PIECES.index("dog"), PIECES.index("##s")]].mean(0)
    torch.testing.assert_close(found[0], dogs)
    assert sum(parameter.numel() for parameter in embedding.parameters()) == table.numel()


@pytest.mark.parametrize("static", [False, True])
def test_any_encoder_runs_after_it(model, tokenizer, static):
    embedding = ContextualEmbedding(model, tokenizer, static=static)
    batch = Batch.from_sentences(SENTENCES)
    for name in (*ENCODERS.names(), "bilstm>child_sum_tree_lstm"):
        encoder = build_encoder(name, embedding.dim, 8)
        scores = SentenceClassifier(embedding, encoder, ["no", "yes"])(batch)
        assert scores.shape == (3, 2), name


def test_from_a_folder(model, tokenizer, tmp_path):
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    batch = Batch.from_sentences(SENTENCES)
    loaded = ContextualEmbedding(str(tmp_path))
    given = ContextualEmbedding(model, tokenizer)
    torch.testing.assert_close(loaded(batch), given(batch))


def test_a_tokenizer_is_needed(model):
    with pytest.raises(ValueError, match="fast tokenizer"):
        ContextualEmbedding(model)


def test_repr(model, tokenizer):
    embedding = ContextualEmbedding(model, tokenizer, static=True)
    assert repr(embedding).splitlines()[1] == "  dim=8, frozen=True, static=True"


class Memory(dict):
    """A store that counts what is computed for it."""

    saved = 0

    def load(self, sentences):
        return {tokens: self[tokens] for tokens in sentences if tokens in self}

    def save(self, states):
        self.saved += len(states)
        self |= states


@pytest.mark.parametrize("layer", ["last", 0, 1, 2, "mix"])
def test_layers_and_their_mix(model, tokenizer, layer):
    batch = Batch.from_sentences(SENTENCES)
    each = torch.stack(
        [ContextualEmbedding(model, tokenizer, layer=number)(batch) for number in range(3)]
    )
    embedding = ContextualEmbedding(model, tokenizer, layer=layer)
    if layer == "mix":
        embedding.mix.data = torch.tensor([0.5, -1.0, 2.0])
        embedding.scale.data = torch.tensor(1.5)
        expected = 1.5 * (torch.tensor([0.5, -1.0, 2.0]).softmax(0)[:, None, None] * each).sum(0)
        found = embedding(batch)
        found.sum().backward()
        assert embedding.mix.grad.any()
        assert embedding.scale.grad.any()
    else:
        expected, found = each[-1 if layer == "last" else layer], embedding(batch)
    torch.testing.assert_close(found, expected)
    # From a store they are the same, and computed once.
    embedding.store = Memory()
    for _ in range(2):
        torch.testing.assert_close(embedding(batch), expected, atol=1e-6, rtol=1e-5)
    assert embedding.store.saved == len(SENTENCES)


def test_a_layer_that_is_not_there_is_told(model, tokenizer):
    with pytest.raises(ValueError, match="layer must be 'last', 'mix' or from 0 to 2, but is 3"):
        ContextualEmbedding(model, tokenizer, layer=3)


def test_a_frozen_encoder_is_named_and_not_saved(model, tokenizer):
    frozen = ContextualEmbedding(model, tokenizer, layer="mix")
    assert set(frozen.state_dict()) == {"mix", "scale"}
    frozen.load_state_dict({"mix": torch.ones(3), "scale": torch.ones(())})
    assert frozen.mix.tolist() == [1, 1, 1]
    whole = {f"model.{name}": value for name, value in model.state_dict().items()}
    frozen.load_state_dict({**frozen.state_dict(), **whole})  # as earlier versions wrote it
    tuned = ContextualEmbedding(make_model(), tokenizer, frozen=False)
    assert tuned.fingerprint == frozen.fingerprint
    assert "model.embeddings.word_embeddings.weight" in tuned.state_dict()
    assert ContextualEmbedding(make_model(1), tokenizer).fingerprint != frozen.fingerprint


def test_side_by_side(model, tokenizer):
    vocabulary = Vocabulary(["dogs"])
    words, context = WordEmbedding(vocabulary, 3), ContextualEmbedding(model, tokenizer)
    joined = JoinedEmbedding([words, context])
    batch = Batch.from_sentences(SENTENCES, vocabulary=vocabulary)
    joined.eval()
    assert joined.dim == 11
    assert words_of(joined) is words
    assert words_of(context) is None
    torch.testing.assert_close(joined(batch), torch.cat([words(batch), context(batch)], dim=1))
    with pytest.raises(ValueError, match="only one word embedding"):
        JoinedEmbedding([words, words])
    nested = JoinedEmbedding([context, JoinedEmbedding([context, words])])
    assert words_of(nested) is words
    with pytest.raises(ValueError, match="only one word embedding"):
        JoinedEmbedding([words, nested])


@pytest.mark.parametrize("options", [{}, {"layer": "mix"}, {"static": True}], ids=str)
def test_nothing_is_read_back(model, tokenizer, options, monkeypatch):
    """A GPU, as which the device ``meta`` stands here, is not waited for but by transformers itself."""
    skip = "transformers.masking_utils._ignore_bidirectional_mask_sdpa"
    monkeypatch.setattr(skip, lambda *_: False, raising=False)
    embedding = ContextualEmbedding(model, tokenizer, frozen=False, **options).to("meta").train()
    batch = Batch.from_sentences(SENTENCES).to("meta")
    with Apart() as apart:
        embedding(batch).sum().backward()
    assert len(apart.sent) <= 4  # pieces, their mask, where they are, and how many a word has
