"""Runs that begin from a language model."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch

from structnn import UNIVERSAL_RELATIONS, Tree, Vocabulary, language_vocabulary
from tasks import StructuredClassifier
from tasks.data.options import ParserOptions
from tasks.experiments.grid import plan
from tasks.experiments.run import execute
from tasks.models.building import Task, build_model
from tasks.models.model import SavedModel, load_model, save_model
from tasks.models.options import ModelOptions
from tasks.models.preparation import prepare, with_number_of_labels
from tasks.models.start import find_start
from tasks.options import OptionError
from tasks.results.folder import condition_of, load_results, save_experiment
from tasks.results.measures import measure
from tasks.results.run import finished
from tasks.results.summary import summarise
from tasks.training.options import TrainingOptions

WIDTHS = {"hidden_dim": 8, "embedding_dim": 6}
WORDS = ["a", "b", "good", "elsewhere"]  # the toys also have c, d and bad


def options_of(encoder="lstm", **chosen):
    return ModelOptions(**{**WIDTHS, "encoder": encoder, **chosen})


def language_model_in(folder, encoder="lstm", objective="causal", **chosen):
    """An untrained one, as ``structnn pretrain`` saves it."""
    torch.manual_seed(5)
    options, task = options_of(encoder, **chosen), Task(objective=objective)
    vocabulary = language_vocabulary(WORDS, objective, lowercase=options.lowercase)
    model = build_model(options, task, vocabulary)
    save_model(
        folder,
        SavedModel(model, options, UNIVERSAL_RELATIONS, "parse", ParserOptions(), task),
    )
    return model


def prepared(options, parsed):
    return prepare(options, parsed, seed=1, parser=ParserOptions(), pretrained=None)


CASES = [
    ("lstm", "lstm(readout='max')", "causal"),
    ("transformer(causal=True,heads=2)", "transformer(heads=2)", "causal"),
    ("gat(heads=2)", "gat(heads=2,readout='attention')", "masked"),
    ("bilstm>child_sum_tree_lstm", "bilstm>child_sum_tree_lstm", "masked"),
    ("bag", "bag", "masked"),
    ("transformer(heads=2)", "transformer(heads=2,readout='cls')", "masked"),
]


@pytest.mark.parametrize(("pretrained", "encoder", "objective"), CASES)
def test_words_and_encoder_begin_as_the_language_model_ended(
    pretrained, encoder, objective, parsed, tmp_path
):
    """New words, and what makes sentence vectors, as they are drawn; the unknown word is known."""
    model = language_model_in(tmp_path / "lm", pretrained, objective)
    options = options_of(encoder, init=str(tmp_path / "lm"))
    made = prepared(options, parsed)
    classifier = made.model.classifier
    vocabulary = classifier.embedding.vocabulary
    assert set(vocabulary.words[1:]) == {*WORDS, "c", "d", "bad"}
    old, new = model.embedding.table.weight, classifier.embedding.table.weight
    for word in WORDS:
        assert torch.equal(new[vocabulary[word]], old[model.vocabulary[word]])
    assert torch.equal(new[0], old[0])
    drawn = [vocabulary[word] for word in ("c", "d", "bad")]
    assert not any((new[place] == row).all() for place in drawn for row in old)
    assert vocabulary.counts[vocabulary["a"]] > 1
    assert made.words_with_vectors == pytest.approx(3 / 6)
    weights, own = model.encoder.state_dict(), classifier.encoder.state_dict()
    assert weights.keys() - {"cls"} <= own.keys()
    assert all(torch.equal(own[name], value) for name, value in weights.items())
    fresh = prepared(replace(options, init=None), parsed).model.classifier.encoder.state_dict()
    assert fresh.keys() == own.keys()
    assert any(not torch.equal(own[name], fresh[name]) for name in weights) or not weights


REFUSED = [
    ({"encoder": "gru"}, "lstm, which differs from gru in its kind"),
    ({"encoder": "bilstm"}, r"bidirectional \(False, here True\)"),
    ({"encoder": "lstm(layers=2)"}, r"layers \(1, here 2\)"),
    ({"hidden_dim": 9}, "has hidden_dim 8, but here it is 9: give --hidden-dim 8"),
    ({"embedding_dim": 9}, "give --embedding-dim 6"),
    ({"lowercase": False}, "give --lowercase"),
]


@pytest.mark.parametrize(("chosen", "problem"), REFUSED)
def test_another_encoder_or_other_widths_are_told(chosen, problem, tmp_path):
    language_model_in(tmp_path / "lm")
    with pytest.raises(OptionError, match=problem):
        find_start(options_of(**{"encoder": "lstm", **chosen}, init=str(tmp_path / "lm")))


def test_labels_of_constituents_are_those_of_the_language_model(parsed, tmp_path):
    """Each with its weights; those of dependencies are other labels."""
    folder = tmp_path / "lm"
    relations = Vocabulary(["VP", "X", "NP", "S"])
    options = with_number_of_labels(options_of("syntactic_gcn"), relations)
    task = Task(objective="masked")
    torch.manual_seed(5)
    model = build_model(options, task, language_vocabulary(WORDS, "masked"))
    saved = SavedModel(model, options, relations, "constituency", ParserOptions(), task)
    save_model(folder, saved)

    def flat(sentence):
        size = len(sentence)
        tree = Tree([-1, *[0] * size], [-1, *range(size)], ["S", *["X"] * size])
        return sentence.replace(constituency=tree)

    sentences = {split: tuple(map(flat, own)) for split, own in parsed.sentences.items()}
    data = replace(parsed, sentences=sentences, structure="constituency")
    begun = options_of("syntactic_gcn", init=str(folder))
    made = prepared(begun, data).model
    assert made.relations.words == relations.words
    own = made.classifier.encoder.state_dict()
    assert all(torch.equal(own[name], w) for name, w in model.encoder.state_dict().items())
    with pytest.raises(
        OptionError, match="labels of --structure constituency, and this model reads"
    ):
        prepared(begun, parsed)
    with pytest.raises(OptionError, match=r"relations \(5, here 9\)"):
        find_start(options_of("syntactic_gcn(relations=9)", init=str(folder)))
    without = options_of("syntactic_gcn(relations=0)")
    assert len(prepared(without, data).model.relations) == 3  # <unknown>, S and X


def test_a_folder_has_one_for_each_encoder(tmp_path, parsed):
    language_model_in(tmp_path / "all" / "lstm")
    language_model_in(tmp_path / "all" / "gat", "gat(heads=2)", "masked")
    init = str(tmp_path / "all")
    assert find_start(options_of(init=init)).folder.name == "lstm"
    assert find_start(options_of("gat(heads=2)", init=init)).folder.name == "gat"
    with pytest.raises(
        OptionError, match=r"no language model for gru.*differs from gru in its kind"
    ):
        find_start(options_of("gru", init=init))
    language_model_in(tmp_path / "all" / "again")
    with pytest.raises(OptionError, match="several language models for lstm"):
        find_start(options_of(init=init))
    with pytest.raises(OptionError, match="structnn pretrain makes one"):
        find_start(options_of(init=str(tmp_path / "nothing")))
    with pytest.raises(OptionError, match="gives word vectors too"):
        options_of(init=init, embedding="wordllama")
    made = prepared(options_of("bag"), parsed)
    save_model(tmp_path / "run", made.model)
    with pytest.raises(OptionError, match="no language model, but a run"):
        find_start(options_of("bag", init=str(tmp_path / "run")))


def test_with_and_without_are_compared_on_each_part_of_train(parsed, tmp_path):
    """Each in a folder of its own, which records the language model; and in tables and verdicts."""
    lm = tmp_path / "lm"
    language_model_in(lm)
    models = [options_of(), options_of(init=str(lm))]
    training = TrainingOptions(epochs=1, device="cpu")
    runs = plan(models, 1, training, fractions=[0.25, 1.0])
    assert len({run.folder for run in runs}) == 4
    out = tmp_path / "runs"
    for run in runs:
        execute(run, parsed, out, parser=ParserOptions())
    begun = next(run for run in runs if run.model.init)
    described = json.loads((out / begun.folder / "run.json").read_text())
    assert len(described["model"]["init_fingerprint"]) == 64
    assert load_model(out / begun.folder).options.init == str(lm)
    assert condition_of(begun, "toy").embedding == f"init:{lm}"
    encoders = {"lstm": {"reads": ["sequence"], "width": 8, "arity": None}}
    save_experiment(out, runs, {"": parsed}, {"encoders": encoders})
    found = measure(load_results(out))
    questions = {family.question: list(family.pairs.values()) for family in found.families}
    assert set(questions) == {"embeddings", "embeddings on 25% of train"}
    (pair,) = questions["embeddings"]
    assert (pair.first, pair.second) == ("lstm", f"lstm from {lm}")
    (notes,) = summarise(found).notes.values()
    (note,) = (note for note in notes if "pretraining" in note)
    assert note.startswith(f"lstm from {lm}: 50.0% of the data's words are among those")

    language_model_in(lm, word_dropout=0.5)  # another language model in the same place
    with pytest.raises(ValueError, match="init_fingerprint was"):
        finished(begun, parsed, out)


def test_an_estimator_begins_from_one(tmp_path):
    language_model_in(tmp_path / "lm")
    texts = [[word, str(number)] for number in range(8) for word in ("good", "bad")]
    classifier = StructuredClassifier("lstm", init=str(tmp_path / "lm"), epochs=1, **WIDTHS)
    classifier.fit(texts, ["yes", "no"] * 8)
    assert "elsewhere" in classifier.model_.classifier.embedding.vocabulary
