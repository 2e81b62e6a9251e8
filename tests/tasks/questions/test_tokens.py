"""Tags of tokens through a whole experiment."""

from __future__ import annotations

import json
import random
from dataclasses import replace

import pytest
import torch

from tasks.data.examples import DataError, Dataset, Example
from tasks.data.options import ParserOptions
from tasks.data.parsing import SPLITS, ParsedDataset, parse_dataset
from tasks.data.questions import Question
from tasks.data.setting import Setting
from tasks.experiments.run import execute, seconds_per_epoch
from tasks.metrics import tag_accuracy
from tasks.models.model import load_model
from tasks.models.options import ModelOptions
from tasks.models.prediction import Predictor
from tasks.results.folder import load_results, save_experiment
from tasks.results.measures import measure
from tasks.results.records import read_predictions
from tasks.results.run import Run
from tasks.results.summary import summarise
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
    assert min(result.test_accuracy for result in results[:2]) > 0.95
    assert max(result.test_accuracy for result in results[2:]) < 0.9

    found = measure(load_results(tmp_path))
    bilstm, bag = found.scored
    assert [metric.key for metric in found.metrics["toy"]] == ["entity_f1", "accuracy", "macro_f1"]
    assert list(bilstm.values["entity_f1"]) == pytest.approx([r.test_accuracy for r in results[:2]])
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
    from tasks.models.preparation import prepare

    model = prepare(MODEL, data, seed=0, parser=ParserOptions(), pretrained=None).model.classifier
    gold = Gold.of(answers, model.head)
    assert gold.rows.tolist() == [2, 0, 2, 1, 1, 2]
    assert gold.ptr.tolist() == [0, 1, 3, 6]
    assert gold.of_examples(torch.tensor([2, 0]).numpy()).tolist() == [1, 1, 2, 2]


def test_loss_and_scores_are_of_the_examples_in_their_order():
    from tasks.models.preparation import prepare

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
    assert (resumed.dev_accuracy, resumed.test_accuracy) == (
        whole.dev_accuracy,
        whole.test_accuracy,
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
        (Example(("a", "b"), "X", "f:2"), "f:2: there are 2 tokens and 1 tags"),
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
