from __future__ import annotations

import pytest
import torch

from structnn import Batch, Sentence, Vocabulary, WordEmbedding
from structnn.embeddings import JoinedEmbedding

VOCABULARY = Vocabulary(["dogs", "bark"], {"dogs": 3, "bark": 1})


def batch(words=("dogs", "meow", "bark")):
    return Batch.from_sentences([Sentence(list(words))], vocabulary=VOCABULARY)


def test_each_token_gets_its_row():
    embedding = WordEmbedding(VOCABULARY, 4).eval()
    table = embedding.table.weight
    assert torch.equal(embedding(batch()), table[[1, 0, 2]])


def test_given_vectors_and_freezing():
    vectors = torch.randn(3, 4)
    embedding = WordEmbedding(VOCABULARY, 4, vectors=vectors, frozen=True)
    assert torch.equal(embedding(batch()), vectors[[1, 0, 2]])
    assert not embedding.table.weight.requires_grad
    with pytest.raises(ValueError, match=r"\(3, 4\), but have \(2, 4\)"):
        WordEmbedding(VOCABULARY, 4, vectors=torch.zeros(2, 4))


def test_rare_words_are_dropped_in_training_only():
    embedding = WordEmbedding(VOCABULARY, 1, word_dropout=1.0)
    embedding.table.weight.data[:] = torch.tensor([[0.0], [1.0], [2.0]])
    many = batch(["dogs", "bark"] * 2000)
    seen = embedding(many).view(-1, 2)
    kept = (seen > 0).float().mean(0)  # n / (n + 1) for words seen n times
    torch.testing.assert_close(kept, torch.tensor([0.75, 0.5]), atol=0.05, rtol=0)
    assert (embedding.eval()(many) > 0).all()


def test_a_batch_without_numbers_is_told():
    embedding = WordEmbedding(VOCABULARY, 4)
    with pytest.raises(ValueError, match=r"vocabulary=embedding\.vocabulary"):
        embedding(Batch.from_sentences([Sentence(["dogs"])]))


@pytest.mark.parametrize(
    ("dim", "options", "message"),
    [
        (0, {}, "dim must be at least 1, but is 0"),
        (2.5, {}, "dim must be a whole number, but is 2.5"),
        (4, {"word_dropout": -1}, "word_dropout must be a finite number of at least 0, but is -1"),
        (4, {"word_dropout": float("nan")}, "word_dropout must be .* but is nan"),
    ],
)
def test_options_that_cannot_be_are_told(dim, options, message):
    with pytest.raises(ValueError, match=message):
        WordEmbedding(Vocabulary(["a"]), dim, **options)


def test_parts_that_cannot_be_joined_are_told():
    with pytest.raises(ValueError, match="parts must be at least one embedding"):
        JoinedEmbedding([])
    with pytest.raises(ValueError, match=r"must have an attribute dim, .* but Linear has none"):
        JoinedEmbedding([torch.nn.Linear(2, 2)])


def test_repr():
    lines = repr(WordEmbedding(VOCABULARY, 4, frozen=True)).splitlines()
    assert lines == [
        "WordEmbedding(",
        "  frozen=True, word_dropout=0",
        "  (table): Embedding(3, 4)",
        ")",
    ]
