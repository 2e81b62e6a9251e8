"""Explanations against plain computations of the same numbers."""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
import statistics
import sys
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from structnn import ENCODERS, UNIVERSAL_RELATIONS, Batch, Sentence, Vocabulary
from tasks.data.options import ParserOptions
from tasks.explain import (
    GRADIENT_X_INPUT,
    INTEGRATED_GRADIENTS,
    Explanation,
    explain,
    in_words,
    pictures,
    save,
    without,
    word_rows,
)
from tasks.explain.explanation import _on_the_cpu
from tasks.models.building import Task, build_model
from tasks.models.model import SavedModel, save_model
from tasks.models.options import ModelOptions
from tasks.models.prediction import Predictor
from tests.structnn.examples import sentence_of, trees
from tests.tasks.command.test_cli import structnn
from tests.tasks.toys import make_sentence

WORDS = "a b c d good bad ugly"
TEXT = "good a ugly b c bad d a c"


class ToyParser:
    """Splits at blanks; each word heads up to two others."""

    fingerprint = "toy"

    def parse(self, texts):
        return [make_sentence(tuple(text.split())) for text in texts]


@pytest.fixture
def make_predictor(tmp_path):
    def make(encoder: str, structure: str = "parse", **options: object) -> Predictor:
        torch.manual_seed(1)
        made = ModelOptions(encoder=encoder, encoder_options=options, hidden_dim=8, embedding_dim=6)
        task = Task(labels=["no", "yes", "maybe"])
        classifier = build_model(made, task, Vocabulary(WORDS.split()))
        classifier.embedding.table.weight.data.mul_(8)  # as far from zero as training takes them
        save_model(
            tmp_path,
            SavedModel(classifier, made, UNIVERSAL_RELATIONS, structure, ParserOptions(), task),
        )
        return Predictor(tmp_path, ToyParser())

    return make


def log_odds(predictor: Predictor, sentence: Sentence, label: str) -> float:
    """The plain way: one sentence, from its probabilities in float64."""
    classifier = predictor.model.classifier
    batch = predictor.model.corpus([sentence]).batch()
    with torch.no_grad():
        shares = classifier(batch)[0].double().softmax(0)
    share = float(shares[classifier.labels.index(label)])
    return math.log(share / (1 - share))


VARIANTS = [
    *((name, {}) for name in ENCODERS.names()),
    ("bilstm>gat", {}),
    ("transformer", {"readout": "cls"}),
    ("gatv2", {"neighbours": True, "hops": 2, "latent": "soft"}),
    ("bilstm", {"readout": "multi_head_attention"}),
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "options"), VARIANTS)
def test_every_encoder(make_predictor, name, options):
    predictor = make_predictor(name, **options)
    explanation = explain(predictor, TEXT)
    prediction = predictor.predict([TEXT])[0]
    assert explanation.prediction == prediction
    assert explanation.completeness.error <= 0.01
    total = sum(explanation.attributions[INTEGRATED_GRADIENTS])
    assert total == pytest.approx(explanation.completeness.total)
    assert [value is None for value in explanation.subtree_effects] == [True] + [False] * 8
    assert len(word_rows(explanation)) == 9
    assert len(in_words(explanation)) == 4
    for layer in explanation.attention:
        sums = layer.weights.sum(2)
        assert layer.weights.shape[1:] == (9, 9)
        if options.get("readout") == "cls":
            assert (sums < 1).all()
        else:
            torch.testing.assert_close(sums, torch.ones_like(sums))
    if explanation.readout is not None:
        assert sum(explanation.readout) == pytest.approx(1, abs=1e-5)
    alone = explain(predictor, "good")
    assert alone.deletion is None
    assert alone.subtree_effects == (None,)
    assert "there is only one" in in_words(alone)[-1]


def test_what_encoders_offer_is_shown(make_predictor):
    def shown(name: str, **options: object) -> Explanation:
        return explain(make_predictor(name, **options), TEXT)

    assert [layer.name for layer in shown("gat").attention] == [
        "GAT attention, layer 1",
        "GAT attention, layer 2",
    ]
    chained = shown("transformer>gat")
    assert [layer.name for layer in chained.attention] == [
        "1 Transformer attention, layer 1",
        "1 Transformer attention, layer 2",
        "2 GAT attention, layer 1",
        "2 GAT attention, layer 2",
    ]
    (gates,) = shown("child_sum_tree_lstm").gates.values()
    assert gates[0] is None
    assert all(0 < gate < 1 for gate in gates[1:])
    assert shown("self_attentive").readout is not None
    plain = shown("bag")
    assert (plain.attention, plain.gates, plain.readout) == ((), {}, None)


def test_attention_of_a_graph_is_along_its_edges(make_predictor):
    explanation = explain(make_predictor("gat"), TEXT)
    joined = torch.eye(9, dtype=torch.bool)
    for token, head in enumerate(explanation.sentence.dependencies.parents[1:], start=1):
        joined[token, head] = joined[head, token] = True
    for layer in explanation.attention:
        assert torch.equal(layer.weights > 0, joined.expand(4, 9, 9))


@pytest.mark.parametrize("name", ["bilstm", "child_sum_tree_lstm", "gcn"])
def test_gradient_x_input(make_predictor, name):
    predictor = make_predictor(name)
    explanation = explain(predictor, TEXT)
    classifier = predictor.model.classifier
    vocabulary = classifier.embedding.vocabulary
    batch = Batch.from_sentences([explanation.sentence], vocabulary=vocabulary)
    x = classifier.embedding(batch).detach().requires_grad_()
    shares = classifier.head.of_vectors(classifier.encoder(x, batch).sentence).softmax(1)[0]
    share = shares[classifier.labels.index(explanation.prediction.label)]
    (share / (1 - share)).log().backward()
    expected = (x.detach() * x.grad).sum(1).tolist()
    found = explanation.attributions[GRADIENT_X_INPUT]
    assert found == pytest.approx(expected, rel=1e-3, abs=1e-5)


def test_completeness_is_of_the_model(make_predictor):
    predictor = make_predictor("child_sum_tree_lstm")
    explanation = explain(predictor, TEXT)
    with_words = log_odds(predictor, explanation.sentence, explanation.prediction.label)
    predictor.model.classifier.embedding.table.weight.data.zero_()
    without_any = log_odds(predictor, explanation.sentence, explanation.prediction.label)
    assert explanation.completeness.expected == pytest.approx(with_words - without_any, rel=1e-3)
    assert "add up as they should" in in_words(explanation)[1]
    wrong = dataclasses.replace(explanation.completeness, total=explanation.completeness.total * 2)
    assert "NOT as they should" in in_words(dataclasses.replace(explanation, completeness=wrong))[1]


@pytest.mark.parametrize("name", ["bilstm", "bidirectional_tree_lstm", "graph_transformer"])
def test_leave_one_subtree_out(make_predictor, name):
    predictor = make_predictor(name)
    explanation = explain(predictor, TEXT)
    sentence, label = explanation.sentence, explanation.prediction.label
    parents = sentence.dependencies.parents
    for node in range(1, 9):
        kept = []
        for token in range(9):
            above = token
            while above not in (-1, node):
                above = parents[above]
            if above == -1:
                kept.append(token)
        tree = type(sentence.dependencies)(
            [-1 if parents[token] == -1 else kept.index(parents[token]) for token in kept],
            labels=[sentence.dependencies.labels[token] for token in kept],
        )
        shorter = Sentence([sentence.tokens[token] for token in kept], dependencies=tree)
        effect = log_odds(predictor, sentence, label) - log_odds(predictor, shorter, label)
        assert explanation.subtree_effects[node] == pytest.approx(effect, rel=1e-3, abs=1e-5)


def test_deletion_check_finds_the_word_that_decides(make_predictor):
    predictor = make_predictor("bag")
    table = predictor.model.classifier.embedding.table.weight.data
    table[1:5] *= 0.01
    text = "a b good c d"
    deletion = explain(predictor, text).deletion
    assert deletion.deleted == {GRADIENT_X_INPUT: (2,), INTEGRATED_GRADIENTS: (2,)}
    prediction = predictor.predict([text])[0]
    words = text.split()
    drops = []
    for left_out in range(5):
        shorter = " ".join(words[:left_out] + words[left_out + 1 :])
        after = predictor.predict([shorter])[0].probabilities[prediction.label]
        drops.append(prediction.probabilities[prediction.label] - after)
    assert deletion.random_drops == pytest.approx(drops, abs=1e-6)
    assert deletion.random_mean == pytest.approx(statistics.fmean(drops), abs=1e-6)
    assert deletion.random_deviation == pytest.approx(statistics.pstdev(drops), abs=1e-6)
    assert deletion.drops[INTEGRATED_GRADIENTS] == pytest.approx(drops[2], abs=1e-6)
    assert deletion.exceeded(INTEGRATED_GRADIENTS) == pytest.approx(0.8)
    assert "(“good”) moves the prediction more" in in_words(explain(predictor, text))[2]


def test_many_words_are_drawn_at_random_the_same_each_time(make_predictor):
    predictor = make_predictor("bag")
    text = " ".join([WORDS] * 5)
    once, again = explain(predictor, text), explain(predictor, text)
    assert once.deletion == again.deletion
    assert len(once.deletion.random_drops) == 200
    assert len(once.deletion.deleted[INTEGRATED_GRADIENTS]) == 7


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_deletion_leaves_a_tree(data):
    tree = data.draw(trees(max_size=10))
    size = len(tree)
    deleted = data.draw(st.sets(st.integers(0, size - 1), max_size=size - 1))
    arity = data.draw(st.sampled_from([None, 1, 2, 3]))
    sentence = sentence_of(tree).replace(tags=[str(token) for token in range(size)])
    found = without(sentence, deleted, arity)  # a tree, or an error is raised
    kept = [token for token in range(size) if token not in deleted]
    assert found.tokens == tuple(sentence.tokens[token] for token in kept)
    assert found.tags == tuple(map(str, kept))
    shorter = found.dependencies
    assert shorter.labels[shorter.root] == tree.labels[tree.root]
    others = [place for place in range(len(kept)) if place != shorter.root]
    assert all(shorter.labels[place] == tree.labels[kept[place]] for place in others)
    if arity is not None:
        assert all(len(children) <= arity for children in shorter.children)
    # Who was above whom still is.
    for low, high in itertools.permutations(range(len(kept)), 2):
        if kept[high] in above(tree.parents, kept[low]):
            assert high in above(shorter.parents, low)


@settings(max_examples=50, deadline=None)
@given(trees(max_size=10))
def test_nothing_changes_where_nothing_is_deleted(tree):
    assert without(sentence_of(tree), ()).dependencies == tree


def test_children_of_a_deleted_word_go_to_its_head():
    sentence = make_sentence(("r", "a", "b", "a1", "a2"))
    found = without(sentence, {1})
    assert (found.tokens, found.dependencies.parents) == (("r", "b", "a1", "a2"), (-1, 0, 0, 0))
    found = without(sentence, {0})
    assert (found.tokens, found.dependencies.parents) == (("a", "b", "a1", "a2"), (-1, 0, 0, 0))
    assert found.dependencies.labels == ("root", "dep", "dep", "dep")


def above(parents, node):
    found = set()
    while parents[node] != -1:
        node = parents[node]
        found.add(node)
    return found


def test_controls_and_unknown_words(make_predictor):
    explanation = explain(make_predictor("nary_tree_lstm", "left_chain"), "good a what b")
    assert explanation.sentence.dependencies.parents == (1, 2, 3, -1)
    assert explanation.unknown == {2}
    assert word_rows(explanation)[2][0] == "what (unknown)"
    assert word_rows(explanation)[3][3] == ""


def test_saved_pictures_and_numbers(make_predictor, tmp_path):
    explanation = explain(make_predictor("child_sum_tree_lstm>transformer", heads=2), "good a bad")
    paths = save(explanation, tmp_path / "why")
    names = {path.stem for path in paths}
    assert names == {
        "gradient-x-input",
        "integrated-gradients",
        "subtree-effects",
        "1-childsumtreelstm-forget-gates",
        *(
            f"2-transformer-attention-layer-{layer}-{part}"
            for layer in (1, 2)
            for part in ("head-1", "head-2", "mean-of-heads")
        ),
        "attention-mean-of-all-layers",
    }
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in paths)
    numbers = json.loads((tmp_path / "why" / "explanation.json").read_text())
    assert numbers["label"] == explanation.prediction.label
    assert numbers["tokens"] == ["good", "a", "bad"]
    assert tuple(numbers["subtree_effects"]) == explanation.subtree_effects
    assert set(numbers["attributions"]) == {GRADIENT_X_INPUT, INTEGRATED_GRADIENTS}
    assert numbers["deletion"]["random_mean"] == explanation.deletion.random_mean
    assert len(numbers["attention"]["2 Transformer attention, layer 1"]) == 2
    alone = save(explain(make_predictor("transformer"), "good"), tmp_path / "alone")
    assert len(alone) == 2
    assert json.loads((tmp_path / "alone" / "explanation.json").read_text())["deletion"] is None


def test_attention_is_drawn_with_as_many_arcs_as_words(make_predictor):
    for text in ("good a", "good a bad", TEXT):
        explanation = explain(make_predictor("transformer"), text)
        size = len(explanation.sentence)
        drawn = [options for name, options in pictures(explanation) if "attention" in name]
        assert len(drawn) == 11
        assert all(len(options["edge_values"]) == size for options in drawn)


def test_a_run_on_constituency_trees_says_that_it_cannot_be_explained(make_predictor):
    predictor = make_predictor("child_sum_tree_lstm", "constituency")
    with pytest.raises(ValueError, match=r"reads constituency trees.*`structnn predict` answers"):
        explain(predictor, "(S (NP a) (VP b))")


def test_what_cannot_be_explained_is_told(make_predictor, monkeypatch):
    predictor = make_predictor("bag")
    with pytest.raises(ValueError, match="is empty"):
        explain(predictor, " ")
    monkeypatch.setitem(sys.modules, "captum.attr", None)
    with pytest.raises(ImportError, match="pip install captum"):
        explain(predictor, TEXT)
    monkeypatch.setattr(ToyParser, "parse", lambda self, texts: [Sentence(["good"])])
    with pytest.raises(ValueError, match="no dependencies"):
        explain(predictor, TEXT)


@pytest.mark.slow
def test_command(make_predictor, tmp_path):
    make_predictor("tree_gru")
    done = structnn(tmp_path, "explain", ".", "A good dog [1] barks.", "-o", "why")
    assert "prediction:" in done.stdout
    assert "integrated gradients add up" in done.stdout
    assert "dog (unknown)" in done.stdout
    assert "deleting the top words" in done.stdout
    assert "3 pictures and explanation.json in why" in " ".join(done.stderr.split())
    assert (tmp_path / "why/integrated-gradients.png").read_bytes().startswith(b"\x89PNG")


def test_a_model_on_a_gpu_is_explained_on_the_cpu_and_goes_back():
    class OnGpu(nn.Module):
        def parameters(self):
            yield SimpleNamespace(device="cuda")

        def to(self, device):
            moves.append(device)

    moves: list[str] = []
    with pytest.raises(KeyError), _on_the_cpu(OnGpu()):
        raise KeyError
    assert moves == ["cpu", "cuda"]
