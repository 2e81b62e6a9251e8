from __future__ import annotations

import pytest
import torch

from structnn import Batch, Corpus, Sentence, Vocabulary
from tests.structnn.examples import random_sentences


def test_a_corpus_gathers_what_a_batch_collates():
    sentences = random_sentences(1, [4, 1, 7, 3])
    vocabulary = Vocabulary(["w0", "w2"])
    corpus = Corpus(sentences, vocabulary=vocabulary)
    gathered = corpus.batch([2, 0])
    made = Batch.from_sentences([sentences[2], sentences[0]], vocabulary=vocabulary)
    for name in ("token_ids", "token_ptr", "parents", "node_labels", "roots", "node_ptr"):
        assert torch.equal(getattr(gathered, name), getattr(made, name)), name
    assert torch.equal(gathered.schedule.order, made.schedule.order)
    assert gathered.sentences == made.sentences
    assert corpus.lengths.tolist() == [4, 1, 7, 3]


def test_an_empty_batch_is_an_error():
    with pytest.raises(ValueError, match="at least one sentence"):
        Corpus([]).batch()
    with pytest.raises(ValueError, match="at least one sentence"):
        Corpus([Sentence(["a"])]).batch([])


def test_repr():
    parsed = random_sentences(1, [4, 2])
    assert repr(Corpus(parsed)) == "Corpus(sentences=2, tokens=6, nodes=6, trees='dependencies')"
    assert repr(Corpus([*parsed, Sentence(["not", "parsed"])])) == (
        "Corpus(sentences=3, tokens=8, nodes=6, trees='dependencies', without_tree=1)"
    )
