"""Models that travel: model cards, and a hub that is a folder of this machine."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import huggingface_hub
import pytest
from typer.testing import CliRunner

import tasks
from tasks import StructuredClassifier, StructuredRegressor
from tasks.command.cli import app
from tasks.data.options import ParserOptions
from tasks.data.questions import Question
from tasks.experiments.run import execute
from tasks.explain import choose_runs
from tasks.models.hub import FILES, fetched
from tasks.models.model import load_model
from tasks.models.options import ModelOptions
from tasks.results.card import estimator_for, write_card
from tasks.results.run import Run
from tasks.sealing import read_sealed, write_sealed
from tasks.storage import StorageError
from tasks.training.options import TrainingOptions

SMALL = {"hidden_dim": 4, "embedding_dim": 6, "epochs": 2}


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """A folder in place of the hub of Hugging Face."""
    root = tmp_path / "hub"

    class Api:
        def create_repo(self, repository, *, private=None, exist_ok=False):
            (root / repository).mkdir(parents=True, exist_ok=exist_ok)
            (root / repository / "private").write_text(str(private))
            return f"https://hub/{repository}"

        def upload_folder(self, *, repo_id, folder_path, allow_patterns, commit_message):
            for name in allow_patterns:
                if (Path(folder_path) / name).exists():
                    shutil.copy(Path(folder_path) / name, root / repo_id / name)

    def download(repository, *, revision=None, allow_patterns):
        if not (root / repository).exists():
            raise FileNotFoundError(f"404\nno {repository}")
        return str(root / repository / (revision or ""))

    monkeypatch.setattr(huggingface_hub, "HfApi", Api)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    return root


@pytest.fixture
def train(parsed):
    return list(parsed.sentences["train"]), parsed.dataset.answers("train")


@pytest.fixture
def run(parsed, tmp_path):
    run = Run(ModelOptions(encoder="gat(heads=2)", hidden_dim=4), TrainingOptions(epochs=1), 0)
    execute(run, parsed, tmp_path / "runs", parser=ParserOptions())
    return tmp_path / "runs" / run.folder


def test_an_estimator_there_and_back(train, hub):
    texts, labels = train
    made = StructuredClassifier("bag", **SMALL).fit(texts, labels)
    assert made.push_to_hub("somebody/toys", private=True) == "https://hub/somebody/toys"
    assert (hub / "somebody/toys/private").read_text() == "True"
    for name in ("somebody/toys", "hf:somebody/toys", hub / "somebody" / "toys"):
        again = StructuredClassifier.from_pretrained(name)
        assert (again.predict_proba(texts) == made.predict_proba(texts)).all()
    assert (
        StructuredClassifier.load("hf:somebody/toys").predict(texts) == made.predict(texts)
    ).all()
    card = (hub / "somebody/toys/README.md").read_text(encoding="utf-8")
    assert card.startswith("---\nlibrary_name: structnn\ntags:\n- structnn\n- bag\n---\n")
    best = made.training_.best
    assert f"| dev accuracy | {best.dev_score:.4g} |" in card
    assert "| training examples | 54 |" in card
    assert 'StructuredClassifier.from_pretrained("somebody/toys")' in card
    assert "'no', 'yes'" in card
    again.push_to_hub("somebody/again")  # the figures went along
    assert "| training examples | 54 |" in (hub / "somebody/again/README.md").read_text()
    (hub / "somebody/toys/old").mkdir()
    for name in ("model.json", "weights.safetensors", "estimator.json"):
        shutil.copy(hub / "somebody" / "toys" / name, hub / "somebody" / "toys" / "old" / name)
    assert StructuredClassifier.from_pretrained("somebody/toys", revision="old").hidden_dim == 4


def test_a_run_there_and_back(run, hub):
    done = CliRunner().invoke(app, ["push", str(run), "somebody/runs"])
    assert done.exit_code == 0, done.output
    assert "https://hub/somebody/runs" in done.output
    there = {file.name for file in (hub / "somebody/runs").iterdir()}
    assert there == {
        *("README.md", "model.json", "weights.safetensors", "private"),
        *("run.json", "result.json", "history.json"),
    }  # and no text of its data
    assert load_model(fetched("hf:somebody/runs")).options.hidden_dim == 4
    assert StructuredClassifier.from_pretrained("somebody/runs").classes_.tolist() == ["no", "yes"]
    card = (run / "README.md").read_text(encoding="utf-8")
    result = json.loads((run / "result.json").read_text(encoding="utf-8"))
    assert f"| test accuracy | {result['test_score']:.4f} |" in card
    assert "# gat(heads=2) on toy" in card
    assert "What it is asked: sentence (a text), label (2 classes): 'no', 'yes'." in card
    assert "| name | toy |" in card
    assert "| structnn | " in card
    assert "| learning_rate | " in card


def test_labels_are_text_in_a_card(tmp_path):
    labels = ["<b>", "a|b", "*"]
    texts = [f"a {number}" for number in range(60)]
    StructuredClassifier("bag", **SMALL).fit(texts, labels * 20).save(tmp_path)
    card = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert r"label (3 classes): '\*', '\<b>', 'a\|b'." in card


def test_a_card_says_that_new_texts_have_no_given_trees(run):
    assert "and read as 'parse'." in write_card(run).read_text(encoding="utf-8")
    saved, _ = read_sealed(run / "model.json", "")
    write_sealed(run / "model.json", {**saved, "structure": "given"}, ["weights.safetensors"])
    card = write_card(run).read_text(encoding="utf-8")
    assert "in place of the given trees of the training data." in card


def test_a_card_alone(run, capsys):
    done = CliRunner().invoke(app, ["push", str(run), "somebody/runs", "--card-only"])
    assert done.exit_code == 0, done.output
    assert (run / "README.md").exists()


@pytest.mark.parametrize(
    ("reads", "answer"),
    [
        ("arcs", "label"),
        ("nodes", "label"),
        ("tokens", "label"),
        ("pair", "score"),
        ("sentence", "labels"),
        ("sentence", "sequence"),
    ],
)
def test_a_card_names_the_estimator_that_loads_the_model(reads, answer):
    question = Question(reads, answer)
    assert getattr(tasks, estimator_for(question))._answered(question)


def test_a_readme_of_another_kind_stays(train, tmp_path):
    (tmp_path / "README.md").write_text("# Mine")
    StructuredClassifier("bag", **SMALL).fit(*train).save(tmp_path)
    assert (tmp_path / "README.md").read_text() == "# Mine"
    write_card(tmp_path)
    assert (tmp_path / "README.md").read_text() == "# Mine"


def test_what_the_hub_lacks_is_told(hub, train):
    with pytest.raises(
        StorageError,
        match=r"hf:somebody/else can't be had from the hub \(FileNotFoundError: 404\); is the name",
    ):
        StructuredRegressor.from_pretrained("somebody/else")


def test_without_a_network_it_is_told(train, monkeypatch, tmp_path):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(StorageError, match=r"hf:somebody/toys can't be had from the hub"):
        fetched("hf:somebody/toys")
    with pytest.raises(StorageError, match=r"hf:somebody/toys can't be had from the hub"):
        choose_runs([Path("hf:somebody/toys")])
    made = StructuredClassifier("bag", **SMALL).fit(*train)
    with pytest.raises(
        StorageError, match=r"^the model can't be uploaded to somebody/toys \(OfflineMode.*login"
    ):
        made.push_to_hub("somebody/toys")


def test_a_later_format_is_told(train, tmp_path):
    StructuredClassifier("bag", **SMALL).fit(*train).save(tmp_path)
    content = json.loads((tmp_path / "model.json").read_text())
    assert content["format"] == 1
    del content["sha256"]
    (tmp_path / "model.json").write_text(json.dumps({**content, "format": 2, "more": 1}))
    with pytest.raises(
        StorageError, match=r"of the format 2, which a later version.*reads up to 1"
    ):
        load_model(tmp_path)


def test_no_predictions_are_uploaded():
    assert not {"dev.jsonl", "test.jsonl", "log.txt"} & set(FILES)
