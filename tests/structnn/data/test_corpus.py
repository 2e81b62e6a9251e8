from __future__ import annotations

import pytest
import torch
from torch.utils.data import DataLoader, Subset

from parsers import StoredSentences
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


@pytest.mark.parametrize("stored", [False, True])
def test_indices_are_those_of_an_array(stored, tmp_path):
    sentences = random_sentences(1, [4, 1, 7, 3])
    if stored:
        sentences = StoredSentences.write(tmp_path, sentences)
    corpus = Corpus(sentences)
    assert corpus.batch([-1, 0]).lengths.tolist() == [3, 4]
    assert corpus.batch(corpus.lengths > 3).lengths.tolist() == [4, 7]
    assert corpus.batch(torch.from_numpy(corpus.lengths) > 3).lengths.tolist() == [4, 7]
    for outside in (4, -5):
        with pytest.raises(IndexError, match=f"no sentence {outside}: there are 4"):
            corpus.batch([0, outside])
    for other in ([0.5], [True], 2, slice(2), ["a"]):
        with pytest.raises(ValueError, match="whole numbers, or of 4 truth values"):
            corpus.batch(other)


def test_stored_sentences_are_chosen_by_truth_values(tmp_path):
    stored = StoredSentences.write(tmp_path, random_sentences(1, [4, 1, 7, 3]))
    assert [len(sentence) for sentence in stored.at([True, False, False, True])] == [4, 3]
    with pytest.raises(IndexError, match="no sentence 4"):
        stored.at([4])


def test_what_is_no_sentence_is_told():
    for wrong in (["dogs bark"], [Sentence(["dogs"]), {"tokens": ["dogs"]}]):
        with pytest.raises(TypeError, match=f"number {len(wrong) - 1} is .*Sentence"):
            Batch.from_sentences(wrong)


def test_a_loader_of_lists_of_a_sentence_and_a_label():
    sentences = random_sentences(1, [4, 1])
    rows = [[sentence, label] for label, sentence in enumerate(sentences)]
    corpus = Corpus(sentences)
    ((batch, labels),) = DataLoader(rows, batch_size=2, collate_fn=corpus.collate_fn)
    assert batch.lengths.tolist() == [4, 1]
    assert labels.tolist() == [0, 1]
