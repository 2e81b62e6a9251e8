from __future__ import annotations

import pytest
import torch

from structnn import ENCODERS, Batch, Sentence, SentenceClassifier, Tree, build_encoder

transformers = pytest.importorskip("transformers")
tokenizers = pytest.importorskip("tokenizers")

from structnn.embeddings.contextual import ContextualEmbedding  # noqa: E402

PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "dog", "##s", "bark", "##ed", "cat"]


@pytest.fixture(scope="module")
def tokenizer():
    made = tokenizers.Tokenizer(
        tokenizers.models.WordPiece({piece: i for i, piece in enumerate(PIECES)}, unk_token="[UNK]")
    )
    made.normalizer = tokenizers.normalizers.BertNormalizer()
    made.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    made.post_processor = tokenizers.processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=made, pad_token="[PAD]", unk_token="[UNK]"
    )


@pytest.fixture
def model():
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=len(PIECES),
        hidden_size=8,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=12,
    )
    return transformers.BertModel(config)


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
