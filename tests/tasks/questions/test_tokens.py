"""Tags of tokens through a whole experiment."""

from __future__ import annotations

import base64
import gzip
import json
import random
import re
from dataclasses import replace

import pytest
import torch

from parsers import write_conllu
from tasks.command.cli import main
from tasks.data.examples import DataError, Dataset, Example
from tasks.data.options import ParserOptions
from tasks.data.parsing import SPLITS, ParsedDataset, parse_dataset
from tasks.data.questions import Question
from tasks.data.setting import Setting, view
from tasks.experiments.run import execute, seconds_per_epoch
from tasks.lab.experiments import receptive_field
from tasks.lab.subjects import subject_of_run
from tasks.metrics import tag_accuracy
from tasks.models.model import load_model
from tasks.models.options import ModelOptions
from tasks.models.prediction import Predictor
from tasks.models.preparation import prepare
from tasks.report.figures import trade_off
from tasks.report.groups import groups_of
from tasks.results.folder import load_results, save_experiment
from tasks.results.measures import measure
from tasks.results.records import read_predictions
from tasks.results.run import Run
from tasks.results.summary import summarise
from tasks.storage import StorageError
from tasks.training.evaluation import evaluate, predict_scores
from tasks.training.gold import Gold
from tasks.training.options import TrainingOptions
from tests.tasks.toys import make_sentence

TOKENS = Question("tokens")
TRAINING = TrainingOptions(epochs=6, patience=6, batch_size=10, learning_rate=0.02)
MODEL = ModelOptions(encoder="bilstm", hidden_dim=16, embedding_dim=12, dropout=0.0)


def tagged(generator: random.Random, length: int) -> tuple[tuple[str, ...], str]:
    """A name is a person, or behind "in" a place; everything else is outside."""
    words = generator.choices(["in", "so", "Paris", "Jordan", "Sofia"], k=length)
    names = ["Paris", "Jordan", "Sofia"]
    tags = [
        "O" if word not in names else "B-LOC" if before == "in" else "B-PER"
        for before, word in zip(["", *words], words, strict=False)
    ]
    return tuple(words), " ".join(tags)


def dataset(sizes=(120, 40, 40), shuffle=False) -> ParsedDataset:
    generator = random.Random(3)
    splits = {}
    for split, size in zip(SPLITS, sizes, strict=True):
        examples = []
        for number in range(size):
            words, answer = tagged(generator, generator.randrange(1, 8))
            examples.append(Example(words, answer, f"{split}:{number + 1}"))
        if shuffle:
            every = " ".join(example.label for example in examples).split()
            tags = iter(generator.sample(every, len(every)))
            examples = [
                replace(example, label=" ".join(next(tags) for _ in example.text))
                for example in examples
            ]
        splits[split] = tuple(examples)
    made = Dataset("toy", **splits, labels=("B-LOC", "B-PER", "O"), question=TOKENS)
    sentences = {
        split: tuple(make_sentence(example.text) for example in examples)
        for split, examples in splits.items()
    }
    return ParsedDataset(made, sentences, parser="toy parser")


class ToyParser:
    fingerprint = "toy"

    def parse(self, texts):
        return [
            make_sentence(tuple(text.split()) if isinstance(text, str) else text) for text in texts
        ]


def test_from_data_to_verdicts_and_back(tmp_path):
    data = dataset()
    runs = [
        Run(ModelOptions(**{**vars(MODEL), "encoder": encoder}), TRAINING, seed, Setting())
        for encoder in ("bilstm", "bag")
        for seed in range(2)
    ]
    results = [execute(run, data, tmp_path, parser=ParserOptions()) for run in runs]
    save_experiment(tmp_path, runs, {"": data}, {"encoders": {}})
    # A word alone does not say whether it is behind "in".
    assert min(result.test_score for result in results[:2]) > 0.95
    assert max(result.test_score for result in results[2:]) < 0.9

    found = measure(load_results(tmp_path))
    bilstm, bag = found.scored
    assert [metric.key for metric in found.metrics["toy"]] == ["entity_f1", "accuracy", "macro_f1"]
    assert list(bilstm.values["entity_f1"]) == pytest.approx([r.test_score for r in results[:2]])
    assert bilstm.values["accuracy"][0] > bag.values["accuracy"][0] > 0.6
    assert set(bag.class_f1) == {"B-LOC", "B-PER", "O"}
    assert bag.scores.shape == (2, 40)  # sentences are the unit
    assert bag.calibration_error == ()
    majority = found.majority["toy"]
    gold = " ".join(data.dataset.answers("test")).split()
    assert majority.label == "B-PER"
    assert majority.test["accuracy"] == pytest.approx(gold.count("B-PER") / len(gold))
    assert 0 < majority.dev < 1
    assert summarise(found)
    (group,) = groups_of(found)
    size = trade_off(group, "parameters")
    assert size.text.endswith("Without any, at the left: bag.")

    # Tags stay with their tokens: one by one, in another order, and from the files.
    saved = load_model(tmp_path / runs[0].folder)
    lines = (tmp_path / runs[0].folder / "test.jsonl").read_text().splitlines()
    written = [json.loads(line) for line in lines]
    for place in (0, 7, 21):
        (answer,) = evaluate(
            saved.classifier, saved.inputs([data.sentences["test"][place]])
        ).answers
        assert answer == written[place]["prediction"]
        assert tuple(written[place]["tokens"]) == data.dataset.test[place].text


def test_tags_that_are_another_token_s_are_at_chance(tmp_path):
    data = dataset((200, 60, 100), shuffle=True)
    run = Run(MODEL, TRAINING, 0, Setting())
    execute(run, data, tmp_path, parser=ParserOptions())
    rows = read_predictions(tmp_path / run.folder / "test.jsonl")
    accuracy = tag_accuracy(TOKENS)([row.label for row in rows], [row.prediction for row in rows])
    every = " ".join(data.dataset.answers("test")).split()
    assert accuracy < every.count("B-PER") / len(every) + 0.08


def test_gold_answers_are_flat_with_the_rows_of_each_example():
    data = dataset((4, 2, 2))
    answers = ["O", "B-LOC O", "B-PER B-PER O"]
    model = prepare(MODEL, data, seed=0, parser=ParserOptions(), pretrained=None).model.classifier
    gold = Gold.of(answers, model.head)
    assert gold.rows.tolist() == [2, 0, 2, 1, 1, 2]
    assert gold.ptr.tolist() == [0, 1, 3, 6]
    assert gold.of_examples(torch.tensor([2, 0]).numpy()).tolist() == [1, 1, 2, 2]


def test_loss_and_scores_are_of_the_examples_in_their_order():
    data = dataset((30, 10, 10))
    prepared = prepare(MODEL, data, seed=0, parser=ParserOptions(), pretrained=None)
    model, inputs = prepared.model.classifier, prepared.inputs["train"]
    gold = Gold.of(data.dataset.answers("train"), model.head)
    whole = predict_scores(model, inputs)
    alone = [
        predict_scores(model, prepared.model.inputs([sentence]))
        for sentence in data.sentences["train"]
    ]
    torch.testing.assert_close(whole, torch.cat(alone))
    expected = torch.nn.functional.cross_entropy(torch.cat(alone), gold.rows)
    assert evaluate(model, inputs, gold).loss == pytest.approx(expected.item(), rel=1e-5)


def test_words_of_a_treebank_are_tagged_from_the_command(tmp_path, monkeypatch, capsys):
    """Given trees, no parser; then the report, and new text, of which one is empty."""
    monkeypatch.setattr("tasks.models.prediction.make_parser", lambda *_, **given: ToyParser())
    generator = random.Random(1)
    for split, size in (("train", 60), ("dev", 12), ("test", 12)):
        sentences = []
        for number in range(size):
            words, answer = tagged(generator, 1 + number % 5)
            made = make_sentence(words).replace(tags=answer.split())
            sentences.append(made)
        write_conllu(sentences, tmp_path / f"{split}.conllu")
    data = [f"--{s}={tmp_path / f'{s}.conllu'}" for s in ("dev", "test")]
    out = tmp_path / "run"
    told = command(
        monkeypatch,
        capsys,
        *("compare", f"--data={tmp_path / 'train.conllu'}", *data, "--label-column=UPOS"),
        *("--structure=given", "--encoders=bilstm,child_sum_tree_lstm", "--seeds=2", "--epochs=8"),
        *(
            "--hidden-dim=8",
            "--embedding-dim=8",
            "--learning-rate=0.05",
            "--workers=1",
            "--batch-size=10",
        ),
        f"--out={out}",
    )
    assert "tokens (each token of a sentence), label (3 classes)" in told.err
    assert "(B-PER)" in told.out
    content = packed(out / "report.html")
    (group,), (examples,) = content["groups"], content["data"].values()
    assert group["tags"] == ["B-LOC", "B-PER", "O"]
    for gold, tokens, text in zip(
        group["gold"], examples["tokens"], examples["texts"], strict=True
    ):
        assert len(group["labels"][gold].split()) == len(tokens)
        assert " ".join(tokens) == text
    rows = (out / "results.csv").read_text().splitlines()
    assert "entity_f1" in rows[0]
    assert len(rows) == 1 + 4
    assert "test tokens" in (out / "report.html").read_text()

    run = str(out / "structure=given" / "bilstm" / "seed-0")
    file = tmp_path / "new.jsonl"
    file.write_text('{"tokens": ["so", "Paris"], "id": 7}\n{"tokens": [], "id": 8}\n')
    told = command(monkeypatch, capsys, "predict", run, "in Paris", f"--file={file}", "--json")
    first, second, third = map(json.loads, told.out.splitlines())
    assert (first["tokens"], first["label"].split()[0]) == (["in", "Paris"], "O")
    assert (second["tokens"], second["line"], second["id"]) == (["so", "Paris"], 1, "7")
    assert (third["label"], third["text"]) == (None, "")
    told = command(monkeypatch, capsys, "predict", run, "in Paris", f"--file={file}")
    table = [line.split() for line in told.out.splitlines() if line.strip()]
    assert table[0] == ["text", "line", "id", "token", "tag"]
    assert table[2][:3] == ["1", "in", "O"]
    why = ("explain", run, "in Paris", "-o", str(out / "x"))
    told = command(monkeypatch, capsys, *why, "--token", "Paris")
    assert "for “Paris”" in told.out
    told = command(monkeypatch, capsys, *why, "--token", "so", code=2)
    assert "there is no token 'so'; give one of these: 1 in, 2 Paris" in " ".join(told.err.split())


def command(monkeypatch, capsys, *arguments, code=0):
    monkeypatch.setattr("sys.argv", ["structnn", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    told = capsys.readouterr()
    assert bool(ended.value.code) == bool(code), told.err
    return told


def packed(report):
    """What the page's script unpacks."""
    text = re.search(r'const packed = "([^"]+)"', report.read_text(encoding="utf-8"))[1]
    return json.loads(gzip.decompress(base64.b64decode(text)))


def test_relations_are_not_predicted_from_relations(tmp_path):
    generator = random.Random(2)
    splits, sentences = {}, {}
    for split in SPLITS:
        sentences[split] = tuple(make_sentence(tagged(generator, k)[0]) for k in (1, 2, 3, 4))
        splits[split] = tuple(
            Example(s.tokens, " ".join(s.dependencies.labels), f"{split}:{place}", s)
            for place, s in enumerate(sentences[split])
        )
    made = Dataset("toy", **splits, labels=("dep", "root"), question=TOKENS)
    data = ParsedDataset(made, sentences)
    given = view(data, Setting(structure="given"))
    assert not [s.tags for s in given.sentences["train"] if s.tags]
    once = TrainingOptions(epochs=1)
    relational = ModelOptions(**{**vars(MODEL), "encoder": "rgcn"})
    with pytest.raises(DataError, match=r"tags of toy are the relations of its trees .* answer"):
        execute(
            Run(relational, once, 0, Setting(structure="given")),
            data,
            tmp_path,
            parser=ParserOptions(),
        )
    # The shape alone doesn't say them.
    plain = ModelOptions(**{**vars(MODEL), "encoder": "child_sum_tree_lstm"})
    run = Run(plain, once, 0, Setting(structure="given"))
    assert execute(run, data, tmp_path, parser=ParserOptions()).test_score is not None


@pytest.mark.parametrize("encoder", ["bilstm", "rgcn", "child_sum_tree_lstm", "bilstm>gat"])
def test_parts_of_speech_of_the_parser_are_no_input(encoder):
    data = dataset((8, 4, 4))
    options = ModelOptions(**{**vars(MODEL), "encoder": encoder})
    prepared = prepare(options, data, seed=0, parser=ParserOptions(), pretrained=None)
    plain = data.sentences["train"]
    rich = [
        sentence.replace(
            tags=[f"T{k}" for k in range(len(sentence))],
            lemmas=[f"L{k}" for k in range(len(sentence))],
            columns={"xpos": [f"X{k}" for k in range(len(sentence))]},
        )
        for sentence in plain
    ]
    scores = [
        predict_scores(prepared.model.classifier, prepared.model.inputs(sentences))
        for sentences in (plain, rich)
    ]
    assert torch.equal(*scores)


def test_what_needs_sentence_vectors_refuses(tmp_path):
    run = Run(MODEL, TrainingOptions(epochs=1), 0, Setting())
    execute(run, dataset((12, 4, 4)), tmp_path, parser=ParserOptions())
    sentences = [make_sentence(("a", "in", "Paris")), make_sentence(("so", "in"))]
    with pytest.raises(
        StorageError,
        match=r"no sentence vectors, .* it answers tokens .* structnn lab receptive-field",
    ):
        subject_of_run(tmp_path / run.folder, lambda options: sentences)
    subjects = subject_of_run(tmp_path / run.folder, lambda options: sentences, of_sentences=False)
    for found in receptive_field(subjects):
        assert found.columns["gradient"].shape == (9 + 4,)
        assert (found.columns["gradient"] > 0).all()  # a bidirectional LSTM sees all words
    supervised = Run(MODEL, TrainingOptions(epochs=1, supervise="nodes"), 1, Setting())
    with pytest.raises(ValueError, match="--supervise nodes needs data whose trees have a label"):
        execute(supervised, dataset((12, 4, 4)), tmp_path, parser=ParserOptions())


def test_weights_folds_and_parts_of_train(tmp_path):
    data = dataset()
    plain, balanced = (
        execute(
            Run(MODEL, TrainingOptions(epochs=2, class_weights=weights), 0, Setting()),
            data,
            tmp_path / weights,
            parser=ParserOptions(),
        )
        for weights in ("equal", "balanced")
    )
    assert plain.best_epoch
    weights = [
        load_model(tmp_path / name / plain.folder).classifier.head.output.bias
        for name in ("equal", "balanced")
    ]
    assert not torch.equal(*weights)
    assert balanced.folder == plain.folder
    assert len(view(data, Setting(fraction=0.5)).dataset.train) == 60
    fold = view(data, Setting(fold=(1, 4)))
    for example, sentence in zip(fold.dataset.test, fold.sentences["test"], strict=True):
        assert example.text == sentence.tokens


def test_an_interrupted_run_has_the_same_result(tmp_path):
    data = dataset()
    run = Run(MODEL, TRAINING, 0, Setting())
    whole = execute(run, data, tmp_path / "a", parser=ParserOptions())

    def interrupt(epoch):
        if epoch.number == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        execute(run, data, tmp_path / "b", parser=ParserOptions(), on_epoch=interrupt)
    resumed = execute(run, data, tmp_path / "b", parser=ParserOptions())
    assert (resumed.dev_score, resumed.test_score) == (
        whole.dev_score,
        whole.test_score,
    )
    for name in ("test.jsonl", "weights.safetensors"):
        assert (tmp_path / "a" / run.folder / name).read_bytes() == (
            tmp_path / "b" / run.folder / name
        ).read_bytes()
    assert seconds_per_epoch(run, data) > 0


def test_new_texts_are_tagged_and_tokens_kept(tmp_path):
    run = Run(MODEL, TRAINING, 0, Setting())
    execute(run, dataset(), tmp_path, parser=ParserOptions())
    predictor = Predictor(tmp_path / run.folder, ToyParser())
    one, two, three = predictor.predict(["so in Paris", "Paris", ["Jordan", "in", "New Paris"]])
    assert (one.tokens, one.label) == (("so", "in", "Paris"), "O O B-LOC")
    assert (two.tokens, two.label) == (("Paris",), "B-PER")
    assert three.tokens == ("Jordan", "in", "New Paris")
    assert three.label.split()[0] == "B-PER"
    assert one.probabilities == {}


def test_there_is_a_tag_for_each_token():
    good = Example(("a", "b"), "X Y", "f:1")
    for bad, message in (
        (Example(("a", "b"), "X", "f:2"), "f:2: 2 tokens and 1 tag;"),
        (Example("a b", "X Y", "f:2"), "f:2: the question is about tokens, but the text is one"),
    ):
        with pytest.raises(DataError, match=message):
            Dataset("d", (good, bad), (good,), (), ("X", "Y"), question=TOKENS)
    with pytest.raises(DataError, match="one label each; leave out --answer score"):
        Dataset("d", (good,), (good,), (), (), question=Question("tokens", "score"))
    with pytest.raises(DataError, match="all 1 training examples have the label 'X'"):
        Dataset("d", (Example(("a",), "X", "f:1"),), (good,), (), ("X",), question=TOKENS)
    # A tag that train lacks is an error of the model, not of the data.
    rare = Example(("a",), "Z", "f:3")
    kept = Dataset("d", (good,), (good,), (rare,), ("X", "Y", "Z"), question=TOKENS)
    assert kept.test == (rare,)


def test_a_parser_that_does_not_keep_tokens_is_told_of():
    class Splitting(ToyParser):
        def parse(self, texts):
            return super().parse([[*text, "more"] for text in texts])

    with pytest.raises(DataError, match=r"train:1: the parser made \d tokens of the \d that have"):
        parse_dataset(dataset((4, 2, 2)).dataset, Splitting())
