"""Where decoders look: measured on a run whose attention is known."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from typer.testing import CliRunner

from structnn import Batch, Sentence, TargetVocabulary, Tree
from tasks.command.cli import app
from tasks.data.examples import DataError
from tasks.data.options import ParserOptions
from tasks.data.parsing import SPLITS, ParsedDataset
from tasks.data.realisation import shuffled_rows
from tasks.data.setting import Setting
from tasks.data.suites.reversal import generate
from tasks.experiments.run import execute
from tasks.lab.alignment import (
    _states_of_words,
    _words_of_pieces,
    aligned_examples,
    alignment_in_words,
    measure_alignment,
    true_alignment,
    true_places,
)
from tasks.models.model import load_model
from tasks.models.options import ModelOptions
from tasks.options import OptionError
from tasks.results.run import Run
from tasks.storage import write_json_lines
from tasks.training.options import TrainingOptions
from tests.structnn.decoders.common import tiny_tokenizer

TRAINING = TrainingOptions(epochs=1, patience=1, batch_size=20)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Runs of one epoch, with attention and without."""
    out = tmp_path_factory.mktemp("runs")
    data = generate(40, 8, 20)
    sentences = {split: tuple(e.sentence for e in getattr(data, split)) for split in SPLITS}
    folders = []
    for decoder in ("gru", "gru(attention='none')"):
        model = ModelOptions(encoder="bigru", decoder=decoder, hidden_dim=8, embedding_dim=4)
        run = Run(model, TRAINING, 0, Setting(structure="given"))
        execute(
            run, ParsedDataset(data, sentences), out / str(len(folders)), parser=ParserOptions()
        )
        folders.append(out / str(len(folders)) / run.folder)
    return folders


def test_true_places():
    assert true_places("copy", 3).tolist() == [0, 1, 2]
    assert true_places("reversal", 3).tolist() == [2, 1, 0]


def test_true_alignment():
    assert true_alignment("reversal", ["a", "b"], ["b", "a", "a"]).tolist() == [
        [False, True],
        [True, False],
        [False, False],
    ]
    assert true_alignment("file", ["a", "b", "a"], ["a", "c"]).tolist() == [
        [True, False, True],
        [False, False, False],
    ]


def test_states_of_words_where_other_nodes_have_none():
    """The root of the second tree comes first, so that its words are the states 1 and 2."""
    sentences = [
        Sentence(["a"], constituency=Tree([-1], [0])),
        Sentence(["a", "b"], constituency=Tree([-1, 0, 0], [-1, 0, 1])),
    ]
    batch = Batch.from_sentences(sentences, structure="constituency")
    assert _states_of_words(batch, 1, 3).tolist() == [1, 2]
    assert _states_of_words(batch, 1, 2).tolist() == [0, 1]  # of a sequence encoder


def test_attention_of_words_of_several_pieces():
    """Of characters the spaces between words are left out; a word that is copied is one, as it is."""
    characters = TargetVocabulary.from_texts(["ab c"], unit="characters")
    written, shares = _words_of_pieces(characters, [" ", "a", "b", " ", "<unknown>", " "])
    assert written == ("ab", "<unknown>")
    assert shares.tolist() == [[0, 0.5, 0.5, 0, 0, 0], [0, 0, 0, 0, 1, 0]]
    words = TargetVocabulary.from_texts(["ab c"])
    written, shares = _words_of_pieces(words, ["c", "10 000"])
    assert written == ("c", "10 000")
    assert shares.tolist() == [[1, 0], [0, 1]]


def test_attention_of_words_of_a_tokenizer():
    """Each piece that writes letters is of the word whose letters they are."""
    texts = ["the dogs bark", "the lower dog"]
    target = TargetVocabulary.from_texts(
        texts, unit="tokenizer", tokenizer=tiny_tokenizer(["the dogs bark loudly"])
    )
    pieces = target.decode_pieces(target.encode(texts[0])[:-1])
    written, shares = _words_of_pieces(target, pieces)
    assert written == ("the", "dogs", "bark")
    assert len(pieces) > 3
    for word, row in zip(written, shares, strict=True):
        own = [piece for piece, part in zip(pieces, row, strict=True) if part]
        assert "".join(own).strip("▁") == word
        assert row.sum() == pytest.approx(1)


def test_realisation(trained, tmp_path):
    """Attention to a word that occurs twice is summed over both."""
    sentence = Sentence(["a", "b", "a", "c"], dependencies=Tree([1, -1, 1, 1], labels=["dep"] * 4))
    file = tmp_path / "shuffled.jsonl"
    write_json_lines(file, shuffled_rows([sentence, Sentence(["b"], dependencies=Tree([-1]))]))
    examples, longest = aligned_examples(str(file), 0)
    assert (len(examples), longest) == (2, 4)
    model = load_model(trained[0])
    table, _ = measure_alignment("gru", 0, model, examples, str(file))
    source = examples[0].text
    batch, _ = model.inputs([examples[0].sentence]).batch(np.array([0]))
    ((best,),) = model.classifier.head.generate(model.classifier(batch))
    looked = [
        sum(best.alignment[step, place].item() for place in range(4) if source[place] == word)
        for step, word in enumerate(best.text.split())
        if word in source
    ]
    wanted = np.mean(looked) if looked else np.nan
    assert table.columns["on_true"][0] == pytest.approx(wanted, abs=1e-5, nan_ok=True)
    run = CliRunner().invoke(
        app,
        ["lab", "alignment", "--run", str(trained[0]), "--data", str(file), "--out", str(tmp_path)],
    )
    assert run.exit_code == 0, run.output
    assert (tmp_path / "alignment.svg").exists()


def test_other_data_is_refused(tmp_path):
    with pytest.raises(
        OptionError, match="data must be copy, reversal or a file that structnn shuf"
    ):
        aligned_examples("reversed", 0)
    file = tmp_path / "plain.jsonl"
    file.write_text('{"source": "a b", "target": "b a"}')
    with pytest.raises(
        DataError, match=r"plain.jsonl: needs the columns source and target, and the t"
    ):
        aligned_examples(str(file), 0)


def test_attention_is_summed_where_it_should_be(trained):
    examples = generate(40, 8, 20).test
    model = load_model(trained[0])
    table, summary = measure_alignment("gru", 0, model, examples, "reversal")
    head = model.classifier.head
    for place in (0, 13):
        batch, _ = model.inputs([examples[place].sentence]).batch(np.array([0]))
        ((best,),) = head.generate(model.classifier(batch))
        size = len(examples[place].text)
        weights = [
            best.alignment[step, size - 1 - step].item()
            for step in range(min(size, len(best.text.split())))
        ]
        assert table.columns["on_true"][place] == pytest.approx(np.mean(weights), abs=1e-5)
        assert table.columns["right"][place] == (best.text == examples[place].label)
    assert summary.example.weights.shape == (
        len(summary.example.written),
        len(summary.example.source),
    )
    (line,) = alignment_in_words([summary], 20)
    assert line.startswith("gru, seed 0: 0 % are right up to length 20, 0 % beyond; ")


def test_the_command(trained, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "tasks.data.suites.generate", lambda name, seed: generate(40, 8, 20, seed=seed)
    )
    runs = [part for folder in trained for part in ("--run", str(folder))]
    done = CliRunner().invoke(app, ["lab", "alignment", *runs, "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert "there is no attention" in done.output
    assert (tmp_path / "alignment.png").read_bytes().startswith(b"\x89PNG")
    rows = list(csv.DictReader((tmp_path / "alignment.csv").read_text().splitlines()))
    assert len(rows) == 40
    assert {row["on_true"] == "" for row in rows[20:]} == {True}
    numbers = json.loads((tmp_path / "alignment.json").read_text())
    assert [one["name"] for one in numbers["encoders"]] == [
        "bigru>gru",
        "bigru>gru(attention='none')",
    ]


def test_runs_of_other_questions_are_refused(tmp_path):
    from tests.tasks.questions.test_tokens import MODEL, dataset

    run = Run(MODEL, TRAINING, 0, Setting())
    execute(run, dataset((20, 4, 4)), tmp_path, parser=ParserOptions())
    done = CliRunner().invoke(app, ["lab", "alignment", "--run", str(tmp_path)])
    assert f"the run of {MODEL.encoder} does not write sequences" in str(done.exception)
