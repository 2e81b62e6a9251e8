from __future__ import annotations

import pytest
import torch

from structnn import (
    Batch,
    Sentence,
    SentenceClassifier,
    Tree,
    Vocabulary,
    WordEmbedding,
    build_encoder,
)

VOCABULARY = Vocabulary(["a", "b", "c"])


def classifier(name="lstm", labels=("no", "yes"), **options):
    embedding = WordEmbedding(VOCABULARY, 6)
    return SentenceClassifier(embedding, build_encoder(name, 6, 8), labels, **options)


def batch():
    sentences = [
        Sentence(["a", "b"], dependencies=Tree([-1, 0])),
        Sentence(["c"], dependencies=Tree([-1])),
    ]
    return Batch.from_sentences(sentences, vocabulary=VOCABULARY)


@pytest.mark.parametrize("name", ["bag", "bilstm", "bilstm>gat", "child_sum_tree_lstm"])
def test_scores(name):
    model = classifier(name, labels=["x", "y", "z"]).eval()
    scores = model(batch())
    assert scores.shape == (2, 3)
    encoding = model.encoder(model.embedding(batch()), batch())
    torch.testing.assert_close(scores, model.head.of_vectors(encoding.sentence))


def test_mistakes_are_told():
    embedding = WordEmbedding(VOCABULARY, 5)
    with pytest.raises(ValueError, match=r"dim=5.*input_dim=6.*input_dim=embedding\.dim"):
        SentenceClassifier(embedding, build_encoder("lstm", 6, 8), ["no", "yes"])
    with pytest.raises(ValueError, match="at least two labels"):
        classifier(labels=["only"])


@pytest.mark.parametrize("name", ["cnn", "child_sum_tree_lstm", "gat"])
def test_training_fits_two_sentences(name):
    model = classifier(name)
    target = torch.tensor([0, 1])
    optimiser = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(30):
        loss = torch.nn.functional.cross_entropy(model(batch()), target)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert model.eval()(batch()).argmax(1).tolist() == [0, 1]


@pytest.mark.parametrize("name", ["nary_tree_lstm", "child_sum_tree_lstm", "lstm>recursive_nn"])
def test_scores_at_the_roots_are_the_sentences(name):
    model = classifier(name).eval()
    nodes = model(batch(), nodes=True)
    assert nodes.shape == (3, 2)
    torch.testing.assert_close(nodes[batch().roots], model(batch()))


def test_scoring_nodes_needs_a_head_for_them():
    embedding = WordEmbedding(VOCABULARY, 6)
    encoder = build_encoder("child_sum_tree_lstm", 6, 8, readout="mean+max")
    with pytest.raises(ValueError, match=r"dimension 16.*have 8.*readout='root'"):
        SentenceClassifier(embedding, encoder, ["no", "yes"])(batch(), nodes=True)


def test_phrase_trees_have_scores_at_every_node():
    tree = Tree([2, 2, -1], tokens=[0, 1, -1])
    phrases = Batch.from_sentences(
        [Sentence(["a", "b"], constituency=tree)], structure="constituency", vocabulary=VOCABULARY
    )
    assert classifier("nary_tree_lstm")(phrases, nodes=True).shape == (3, 2)


def test_repr_names_the_classes():
    assert repr(classifier()).splitlines()[:2] == [
        "SentenceClassifier(",
        "  labels=('no', 'yes')",
    ]
