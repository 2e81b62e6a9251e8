from __future__ import annotations

import pytest
import torch
from torch.utils.data import DataLoader, Subset

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


@pytest.mark.parametrize("workers", [0, 2])
def test_a_loader_makes_batches_of_it(workers):
    sentences = random_sentences(1, [4, 1, 7, 3, 2])
    corpus = Corpus(sentences, vocabulary=Vocabulary(["w0", "w2"]))
    torch.manual_seed(0)
    loader = DataLoader(
        corpus, batch_size=2, shuffle=True, collate_fn=corpus.collate_fn, num_workers=workers
    )
    batches = list(loader)
    assert [len(batch) for batch in batches] == [2, 2, 1]
    read = [sentence for batch in batches for sentence in batch.sentences]
    assert {sentence.tokens for sentence in read} == {sentence.tokens for sentence in sentences}
    assert read != sentences
    for batch in batches:
        places = [sentences.index(sentence) for sentence in batch.sentences]
        expected = corpus.batch(places)
        assert torch.equal(batch.token_ids, expected.token_ids)
        assert torch.equal(batch.parents, expected.parents)


def test_a_loader_of_sentences_with_labels():
    sentences = random_sentences(1, [4, 1, 7])
    corpus = Corpus(sentences, vocabulary=Vocabulary(["w0", "w2"]))
    labelled = list(zip(corpus, [5, 6, 7], strict=True))
    ((batch, labels),) = DataLoader(labelled, batch_size=3, collate_fn=corpus.collate_fn)
    assert labels.tolist() == [5, 6, 7]
    assert torch.equal(batch.token_ids, corpus.batch().token_ids)
    (part,) = DataLoader(Subset(corpus, [2]), collate_fn=corpus.collate_fn)
    assert part.sentences == (sentences[2],)
