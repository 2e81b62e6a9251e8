"""Models, saved and loaded, and the labels that they give new text."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import torch

from parsers import StanzaParser
from structnn import UNIVERSAL_RELATIONS, UnknownNameError, Vocabulary
from tasks.data.options import ParserOptions
from tasks.explain.runs import choose_runs
from tasks.models.building import Task, build_model
from tasks.models.model import SavedModel, load_model, save_model
from tasks.models.options import ModelOptions
from tasks.models.prediction import Predictor
from tasks.options import OptionError
from tasks.sealing import read_sealed, write_sealed
from tasks.storage import StorageError, write_json
from tasks.tensors import read_tensors, write_tensors
from tasks.training.options import TrainingOptions
from tests.tasks.toys import make_sentence


class ToyParser:
    """Parses what has spaces between its words."""

    fingerprint = "toy"

    def parse(self, texts):
        return [make_sentence(tuple(text.split())) for text in texts]


GERMAN = ParserOptions(language="de", model_dir="models")


def save(folder, structure="parse", encoder="gat", parser=GERMAN, **options):
    torch.manual_seed(0)
    made = ModelOptions(encoder=encoder, hidden_dim=4, embedding_dim=4, **options)
    task = Task(labels=("no", "yes"))
    classifier = build_model(made, task, Vocabulary(["a", "b"]))
    model = SavedModel(classifier.eval(), made, UNIVERSAL_RELATIONS, structure, parser, task)
    save_model(folder, model)
    return model


def test_a_saved_model_is_as_it_was(tmp_path):
    model = save(tmp_path, encoder_options={"heads": 2})
    loaded = load_model(tmp_path)
    assert (loaded.options, loaded.parser, loaded.structure) == (
        model.options,
        model.parser,
        model.structure,
    )
    assert repr(loaded) == (
        "SavedModel('gat', 2 labels, structure='parse', ParserOptions(language='de', package=None, "
        "model_dir='models', split_sentences=False, parser=None))"
    )
    weights = loaded.classifier.state_dict()
    for name, value in model.classifier.state_dict().items():
        assert torch.equal(value, weights[name])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": None}, r"model\.json isn't as this version .*missing: labels"),
        ({"options": {"encoder": "gat", "width": 3}}, r"options isn't as .*unknown: width"),
        ({"options": {"encoder": "gat", "dropout": 2}}, "dropout must be at least 0 and below 1"),
        (
            {"options": {"encoder": "gat", "dropout": "a"}},
            r"options\.dropout isn't as .*expected a number",
        ),
        ({"labels": 3}, "labels isn't as .*expected a list, found 3"),
        ({"vocabulary": {"words": ["a"]}}, "vocabulary isn't as .*missing: counts, lowercase"),
        (
            {"vocabulary": {"words": ["a", "b"], "counts": [1], "lowercase": True}},
            r"weights\.safetensors are not the weights of the model",
        ),
        (
            {"options": {"encoder": "lstm"}},
            r"weights\.safetensors are not the weights of the model",
        ),
    ],
)
def test_a_damaged_model_is_told(tmp_path, change, message):
    save(tmp_path)
    file = tmp_path / "model.json"
    content, _ = read_sealed(file, "mend it")
    content |= change
    if content["labels"] is None:
        del content["labels"]
    write_sealed(file, content, ["weights.safetensors"])
    with pytest.raises(StorageError, match=message):
        load_model(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda weights: weights["head.output.weight"].fill_(float("nan")),
            "head.output.weight has values that",
        ),
        (lambda weights: weights.pop("head.output.bias"), "Missing key"),
        (lambda weights: weights.update(novel=torch.ones(1)), "Unexpected key"),
        (lambda weights: weights.update({"head.output.bias": torch.ones(7)}), "size mismatch"),
        (lambda weights: weights.update({"embedding.table.weight": torch.ones(3)}), "range"),
    ],
)
def test_weights_that_can_not_be_those_of_the_model(tmp_path, change, message):
    save(tmp_path)
    file = tmp_path / "weights.safetensors"
    weights, note = read_tensors(file)
    change(weights)
    write_tensors(file, weights, note)
    with pytest.raises(StorageError, match=r"weights\.safetensors is damaged: its SHA-256"):
        load_model(tmp_path)
    content, _ = read_sealed(tmp_path / "model.json", "")
    write_json(tmp_path / "model.json", content)  # as an earlier version wrote it
    with pytest.raises(StorageError, match=f"{message}.*delete the folder of its run"):
        load_model(tmp_path)


def test_a_run_gives_labels_to_texts(tmp_path):
    save(tmp_path / "run")
    predictor = Predictor(tmp_path / "run", ToyParser())
    found = predictor.predict(["a b", "b"])
    assert [prediction.text for prediction in found] == ["a b", "b"]
    for prediction in found:
        assert sum(prediction.probabilities.values()) == pytest.approx(1)
        assert prediction.label == max(prediction.probabilities, key=prediction.probabilities.get)
    assert predictor.predict([]) == []
    assert repr(predictor).startswith(f"Predictor('{tmp_path / 'run'}': SavedModel('gat'")
    with pytest.raises(ValueError, match="text 2 is empty"):
        predictor.predict(["a", " "])


@pytest.mark.parametrize(
    ("encoder", "options", "reads_trees"),
    [
        ("bilstm", {}, False),
        ("gat", {"encoder_options": {"neighbours": True, "parse": False}}, False),
        ("bilstm>gat", {}, True),
        ("bilstm", {"encoder_options": {"readout": "root"}}, True),
    ],
)
def test_texts_are_parsed_only_for_models_that_read_trees(tmp_path, encoder, options, reads_trees):
    save(tmp_path, encoder=encoder, parser=ParserOptions(), **options)
    predictor = Predictor(tmp_path)
    texts = ["a b", "b a ."]
    found = predictor.predict(texts)
    assert ("bulk" in vars(predictor.parser)) == reads_trees == predictor.model.reads_trees
    assert found == Predictor(tmp_path, StanzaParser("en")).predict(texts)
    assert predictor.read(texts)[0].dependencies is not None


def test_what_is_asked_is_a_list_of_texts(tmp_path):
    save(tmp_path / "run")
    predictor = Predictor(tmp_path / "run", ToyParser())
    texts = ["a b", "b"]
    assert predictor.predict(text for text in texts) == predictor.predict(texts)
    assert predictor.read(iter(texts)) == predictor.read(texts)
    for read in (predictor.predict, predictor.read):
        with pytest.raises(ValueError, match="given is one text: give a list"):
            read("a b")
        for wrong in (None, b"a", 3, ["a", 3], float("nan")):
            with pytest.raises(ValueError, match=r"text 2 must be a text or a list of tokens, but"):
                read(["a b", wrong])


def test_a_folder_without_a_model_names_those_below(tmp_path):
    save(tmp_path / "x" / "seed-0")
    with pytest.raises(StorageError, match=r"there are models in .*seed-0"):
        Predictor(tmp_path)
    for seed in range(1, 11):
        save(tmp_path / "x" / f"seed-{seed}")
    with pytest.raises(StorageError, match=r"seed-6 and 3 more folders$"):
        Predictor(tmp_path)


def test_an_encoder_of_a_plugin_that_is_not_loaded_names_the_option(tmp_path):
    save(tmp_path)
    saved, _ = read_sealed(tmp_path / "model.json", "")
    saved["options"]["encoder"] = "mine"
    write_sealed(tmp_path / "model.json", saved, ["weights.safetensors"])
    with pytest.raises(UnknownNameError, match=r"model.json: unknown encoder 'mine'.*--plugin"):
        load_model(tmp_path)


def test_a_folder_that_is_not_there_names_models_beside_it(tmp_path):
    """As where a run on parses is looked for in ``structure=parse``, which no experiment has."""
    save(tmp_path / "runs" / "x" / "gat" / "seed-0")
    right = re.escape(str(Path("x", "gat", "seed-0")))
    for wrong in ("x/structure=parse/gat/seed-0", "x/bag/seed-0", "x/gat/seed-1", "y"):
        with pytest.raises(StorageError, match=rf"no such folder; there are models in .*{right}$"):
            Predictor(tmp_path / "runs" / wrong)
        with pytest.raises(StorageError, match=rf"then the text; there are models in .*{right}$"):
            choose_runs([tmp_path / "runs" / wrong])
    with pytest.raises(StorageError, match=r"model in nowhere: there is no such folder$"):
        Predictor("nowhere")


def test_constituents_can_not_be_had_of_raw_text(tmp_path):
    save(tmp_path, structure="constituency")
    with pytest.raises(ValueError, match="can't be used on raw text"):
        Predictor(tmp_path, ToyParser()).predict(["a b"])


def test_the_file_is_as_before_with_the_version_of_its_format(tmp_path):
    save(tmp_path)
    assert set(json.loads((tmp_path / "model.json").read_text())) == {
        "format", "options", "labels", "structure", "parser", "embedding_dim", "vocabulary", "relations",
        "task", "sha256",
    }  # fmt: skip


@pytest.fixture
def with_gpu(monkeypatch):
    """PyTorch says that there is a GPU, which is the device without values."""
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda: torch.device("meta"))


def devices_of(predictor):
    return {value.device.type for value in predictor.model.classifier.state_dict().values()}


def test_a_loaded_model_computes_where_it_is_told(tmp_path, with_gpu):
    model = save(tmp_path)
    assert devices_of(Predictor(tmp_path, ToyParser())) == {"cpu"}
    assert devices_of(Predictor(tmp_path, ToyParser(), device="cpu")) == {"cpu"}
    assert devices_of(Predictor(tmp_path, ToyParser(), device="auto")) == {"meta"}
    assert devices_of(Predictor(model, ToyParser())) == {"cpu"}
    assert devices_of(Predictor(model, ToyParser(), device="auto")) == {"meta"}
    assert devices_of(Predictor(model, ToyParser())) == {"meta"}  # it stays where it is


def test_without_a_gpu_the_choice_changes_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: False)
    save(tmp_path)
    found = [
        Predictor(tmp_path, ToyParser(), device=device).predict(["a b", "b"])
        for device in (None, "cpu", "auto")
    ]
    assert found[0] == found[1] == found[2]


def test_what_is_read_is_sent_to_the_model(tmp_path, with_gpu, monkeypatch):
    save(tmp_path)
    sent = []

    def scores(batch, spans=None):
        sent.append((batch.device.type, batch.token_ids.device.type))
        return torch.zeros(len(batch), 2)

    predictor = Predictor(tmp_path, ToyParser(), device="auto")
    monkeypatch.setattr(predictor.model.classifier, "forward", scores)
    assert len(predictor.predict(["a b", "b"])) == 2
    assert sent == [("meta", "meta")]


def test_another_device_is_refused_as_in_training(tmp_path):
    refusals = []
    for make in (lambda: Predictor(tmp_path, device="tpu"), lambda: TrainingOptions(device="tpu")):
        with pytest.raises(OptionError, match="device must be 'auto' or 'cpu', but is 'tpu'") as e:
            make()
        refusals.append(e.value.as_flag)
    assert refusals[0] == refusals[1]
