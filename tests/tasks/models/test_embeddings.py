"""Embeddings from options: their parts, contextual models in runs, and states that are kept."""

from __future__ import annotations

import sqlite3

import numpy as np
import pytest
import torch

from structnn import ContextualEmbedding
from tasks import StructuredClassifier
from tasks.data.examples import DataError
from tasks.data.options import ParserOptions
from tasks.experiments.experiment import input_width
from tasks.experiments.options import ExperimentOptions
from tasks.experiments.run import execute
from tasks.models.model import load_model
from tasks.models.options import EmbeddingParts, ModelOptions, with_vectors
from tasks.models.states import StoredStates
from tasks.options import OptionError
from tasks.results.run import Run
from tasks.training.checkpoint import load_checkpoint, save_checkpoint
from tasks.training.epoch import Epoch
from tasks.training.options import TrainingOptions
from tasks.training.step import TrainingStep
from tests.structnn.embeddings.tiny import make_model, save_tiny

pytest.importorskip("transformers")

SMALL = {"hidden_dim": 8, "epochs": 2}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return save_tiny(tmp_path_factory.mktemp("tiny+hf"))


@pytest.fixture
def train(parsed):
    return list(parsed.sentences["train"]), parsed.dataset.answers("train")


@pytest.mark.parametrize(
    ("embedding", "words", "contextual"),
    [
        ("learned", "learned", ()),
        ("hf:bert-base-uncased", None, ("bert-base-uncased",)),
        ("learned+hf:org/model", "learned", ("org/model",)),
        ("hf:a+b+hf:/c+hf", None, ("a+b", "/c+hf")),
        ("hf:x+wordllama", "wordllama", ("x",)),
    ],
)
def test_parts(embedding, words, contextual):
    assert EmbeddingParts.of(embedding) == (words, contextual)


@pytest.mark.parametrize(
    ("embedding", "message"),
    [
        ("glove", "must be one of learned, vectors, wordllama, or hf:.*but is 'glove'"),
        ("hf:", "must be one of"),
        ("learned+wordllama", "has two parts of a kind"),
        ("hf:x+hf:x", "has two parts of a kind"),
        ("", "must be one of"),
    ],
)
def test_wrong_parts_are_told(embedding, message):
    with pytest.raises(OptionError, match=message):
        ModelOptions(encoder="bag", embedding=embedding)


def test_a_file_of_vectors_may_be_a_part():
    assert with_vectors(None, None) == ("learned", None)
    assert with_vectors(None, "a.txt") == ("vectors", "a.txt")
    assert with_vectors("vectors:a+b.txt+hf:x", None) == ("vectors+hf:x", "a+b.txt")
    with pytest.raises(OptionError, match=r"names the file a\.txt, but vectors names b\.txt"):
        with_vectors("vectors:a.txt", "b.txt")
    options = ExperimentOptions(data="trec", embedding="vectors:a.txt")
    assert options.model("bag").vectors == "a.txt"
    both = ExperimentOptions(data="trec", embedding="learned,vectors", vectors="a.txt")
    assert both.model("bag", "learned").vectors is None
    assert both.model("bag", "vectors").vectors == "a.txt"


@pytest.mark.parametrize("layer", ["last", "1", "mix"])
def test_a_frozen_model_in_a_run(parsed, tiny, tmp_path, monkeypatch, layer):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    options = ModelOptions(
        encoder="bag", hidden_dim=8, embedding=f"hf:{tiny}", contextual_layer=layer
    )
    assert input_width(options) == 8
    run = Run(options, TrainingOptions(epochs=2), seed=0)
    execute(run, parsed, tmp_path, parser=ParserOptions())
    (file,) = (tmp_path / "cache" / "structnn" / "states").iterdir()
    assert file.name.endswith(f"-{layer}.sqlite")
    saved = load_model(tmp_path / run.folder)
    weights = (tmp_path / run.folder / "weights.safetensors").read_bytes()
    assert b"word_embeddings" not in weights
    # From the states that are kept, and without them.
    called = []
    monkeypatch.setattr(ContextualEmbedding, "_states", lambda *given: called.append(given))
    again = Run(options, TrainingOptions(epochs=2), seed=0)
    execute(again, parsed, tmp_path / "again", parser=ParserOptions())
    assert called == []
    monkeypatch.undo()
    inputs = saved.inputs(parsed.sentences["test"])
    scores = saved.classifier(inputs.corpus.batch())
    other = load_model(tmp_path / "again" / run.folder)
    torch.testing.assert_close(other.classifier(inputs.corpus.batch()), scores)


def test_a_tuned_model_beside_words(train, tiny, tmp_path):
    texts, labels = train
    made = StructuredClassifier(
        "bag", embedding=f"learned+hf:{tiny}", embedding_dim=5, tune_embedding=True, **SMALL
    ).fit(texts, labels)
    words, context = made.model_.classifier.embedding.parts
    assert (words.dim, context.dim) == (5, 8)
    before = make_model().state_dict()
    after = context.model.state_dict()
    assert any(not torch.equal(before[name], after[name]) for name in before)
    again = StructuredClassifier.load(made.save(tmp_path))
    np.testing.assert_allclose(again.predict_proba(texts), made.predict_proba(texts), atol=1e-6)


def test_a_tuned_model_has_a_learning_rate_of_its_own(train, tiny):
    made = StructuredClassifier("bag", embedding=f"hf:{tiny}", tune_embedding=True, **SMALL)
    model = made.fit(*train).model_.classifier
    step = TrainingStep(model, TrainingOptions(embedding_learning_rate=1e-6), None)
    first, second = step.optimizers[0].param_groups
    assert (first["lr"], second["lr"]) == (5e-4, 1e-6)
    assert len(second["params"]) == len(list(model.embedding.model.parameters()))


def test_a_tuned_model_has_a_weight_decay_and_a_warm_up_of_its_own(train, tiny, tmp_path):
    made = StructuredClassifier("bag", embedding=f"hf:{tiny}", tune_embedding=True, **SMALL)
    model = made.fit(*train).model_.classifier
    options = TrainingOptions(
        embedding_learning_rate=1e-3, embedding_weight_decay=0.5, embedding_warm_up=4
    )
    rates = []

    def updates(step, count):
        for _ in range(count):
            step.update(None, lambda: sum(p.sum() for p in model.parameters()))
            rates.append(step.optimizers[0].param_groups[1]["lr"])

    step = TrainingStep(model, options, None)
    words, contextual = step.optimizers[0].param_groups
    assert (words["weight_decay"], contextual["weight_decay"]) == (1e-2, 0.5)
    updates(step, 3)
    file = tmp_path / "checkpoint"
    epochs = [Epoch(1, 1.0, 1.0, 0.5, 1.0, 3)]
    best = {name: value.clone() for name, value in model.state_dict().items()}
    save_checkpoint(file, model, step.optimizers, epochs, best)
    # Resumed, it goes on where it was.
    step = TrainingStep(model, options, None)
    load_checkpoint(file, model, step.optimizers)
    updates(step, 2)
    assert rates == pytest.approx([0.25e-3, 0.5e-3, 0.75e-3, 1e-3, 1e-3])
    assert step.optimizers[0].param_groups[0]["lr"] == 5e-4


def test_another_model_in_its_place_is_told(train, tmp_path):
    folder = save_tiny(tmp_path / "model")
    made = StructuredClassifier("bag", embedding=f"hf:{folder}", **SMALL).fit(*train)
    made.save(tmp_path / "saved")
    save_tiny(folder, seed=1)
    with pytest.raises(DataError, match=r"is not the one that .* was trained with"):
        StructuredClassifier.load(tmp_path / "saved")


def test_a_model_that_is_not_there_is_told(train, monkeypatch):
    for name in ("no/such-model", "./nowhere"):
        made = StructuredClassifier("bag", embedding=f"hf:{name}", **SMALL)
        with pytest.raises(DataError, match=rf"'hf:{name}' can't be loaded.*Give the folder"):
            made.fit(*train)


def test_states_in_a_file(tmp_path):
    store = StoredStates(tmp_path / "a" / "states.sqlite", 3)
    states = {("a", "b"): torch.rand(2, 2, 3), ("a b",): torch.rand(1, 1, 3)}
    store.save(states)
    found = StoredStates(store.path, 3).load([("a", "b"), ("a b",), ("c",)])
    assert set(found) == set(states)
    for tokens, expected in states.items():
        assert torch.equal(found[tokens], expected)


def test_a_file_of_states_that_is_damaged_is_told_once(tmp_path):
    (tmp_path / "states.sqlite").write_bytes(b"nothing of the kind" * 100)
    store = StoredStates(tmp_path / "states.sqlite", 3)
    with pytest.warns(UserWarning, match="can't be used.*delete the file") as told:
        assert store.load([("a",)]) == {}
    store.save({("a",): torch.rand(1, 1, 3)})  # in silence, as a warning would be an error
    assert len(told) == 1
    file = tmp_path / "short.sqlite"
    short = StoredStates(file, 3)
    short.save({("a", "b"): torch.rand(1, 2, 3)})
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE states SET states = ?", (b"1234",))
    connection.close()
    assert short.load([("a", "b")]) == {}
