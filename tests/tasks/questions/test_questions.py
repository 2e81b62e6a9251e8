"""Pairs, spans, several labels and numbers through a whole experiment."""

from __future__ import annotations

import json
import math
import random
from dataclasses import replace
from statistics import fmean

import pytest
import torch

from tasks.command.cli import main
from tasks.data.examples import DataError, Dataset, Example
from tasks.data.parsing import SPLITS, ParsedDataset
from tasks.data.questions import Question
from tasks.data.setting import Setting, view
from tasks.data.structures import needs_parser
from tasks.experiments.run import execute
from tasks.models.model import load_model
from tasks.models.options import ModelOptions
from tasks.models.prediction import Predictor
from tasks.options import OptionError
from tasks.report.groups import groups_of
from tasks.report.tables import class_table
from tasks.results.folder import load_results, save_experiment
from tasks.results.measures import measure
from tasks.results.options import VerdictOptions
from tasks.results.run import Run
from tasks.results.summary import summarise
from tasks.training.evaluation import predict_scores
from tasks.training.options import TrainingOptions
from tests.tasks.toys import make_sentence

from tasks.data.options import ParserOptions  # isort: skip

NAMES = ["red", "blue", "green"]


def dataset(question: Question, sizes=(120, 40, 40)) -> ParsedDataset:
    """Each question has a rule that a bag of words can't follow, where it's about spans or pairs."""
    generator = random.Random(3)
    splits, second = {}, {}
    for split, size in zip(SPLITS, sizes, strict=True):
        examples = []
        for number in range(size):
            words = generator.choices([*NAMES, "and", "so", "on"], k=generator.randrange(3, 7))
            where = f"{split}:{number + 1}"
            given: dict = {}
            if question.reads == "pair":
                given["text2"] = tuple(generator.choices([*NAMES, "so"], k=3))
                both = set(words) & set(given["text2"]) & set(NAMES)
                label, amount = "yes" if both else "no", len(both)
            else:
                words[1], words[2] = generator.choices(NAMES, k=2)
                given["spans"] = ((1, 2), (2, 3))[: question.spans]
                asked = [words[begin] for begin, _ in given["spans"]]
                label = asked[0] if question.reads == "span" else "yes" if "red" in words else "no"
                if question.reads == "spans":
                    label = "yes" if asked[0] == asked[1] else "no"
                amount = words.count("red")
            if question.answer == "labels":
                label = "|".join(sorted(set(words) & set(NAMES))) or "|"
            elif question.is_number:
                label = str(amount)
            examples.append(Example(tuple(words), label, where, **given))
        splits[split] = tuple(examples)
    labels = () if question.is_number else NAMES if "labels" in question.answer else None
    if labels is None:
        labels = sorted({example.label for example in splits["train"]})
    made = Dataset("toy", **splits, labels=tuple(labels), question=question)
    sentences = {
        split: tuple(make_sentence(example.text) for example in examples)
        for split, examples in splits.items()
    }
    if question.reads == "pair":
        second = {
            split: tuple(make_sentence(example.text2) for example in examples)
            for split, examples in splits.items()
        }
    spans = {split: tuple(example.spans for example in splits[split]) for split in SPLITS}
    return ParsedDataset(
        made,
        sentences,
        parser="toy parser",
        second=second,
        spans=spans if question.spans else {},
    )


QUESTIONS = [
    Question("pair", "label"),
    Question("pair", "score"),
    Question("pair", "scale"),
    Question("span", "label"),
    Question("spans", "label"),
    Question("sentence", "labels"),
    Question("sentence", "score"),
]
TRAINING = TrainingOptions(epochs=12, patience=12, batch_size=10, learning_rate=0.02)
MODEL = ModelOptions(encoder="bag", hidden_dim=24, embedding_dim=16, dropout=0.0, head_dim=24)


def executed(tmp_path, data, **changes):
    runs = [
        Run(
            ModelOptions(**{**vars(MODEL), "encoder": encoder, **changes}),
            TRAINING,
            seed,
            Setting(),
        )
        for encoder in ("bag", "child_sum_tree_lstm")
        for seed in range(2)
    ]
    results = [execute(run, data, tmp_path, parser=ParserOptions()) for run in runs]
    save_experiment(tmp_path, runs, {"": data}, {"encoders": {}})
    return runs, results


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda one: f"{one.reads}-{one.answer}")
def test_from_data_to_verdicts_and_back(tmp_path, question):
    data = dataset(question)
    runs, results = executed(tmp_path, data)
    # What is learned is far from what a constant has.
    best = max(result.test_score for result in results)
    assert best > 0.7, [result.test_score for result in results]

    # The files say what the models say.
    found = measure(load_results(tmp_path))
    assert len(found.scored) == 2
    for cell in found.scored:
        assert cell.test.mean == pytest.approx(fmean(cell.values[cell.metric.key]), abs=1e-9)
        (first, second) = (r for r in results if r.folder.parts[-2] == cell.encoder)
        own = [first.test_score, second.test_score]
        assert list(cell.values[cell.metric.key]) == pytest.approx(own)
    assert "toy" in found.metrics
    assert summarise(found)

    # A saved model gives the same answers again.
    saved = load_model(tmp_path / runs[0].folder)
    assert saved.task.question == question
    inputs = saved.inputs(
        data.sentences["test"], data.second.get("test", ()), data.spans.get("test", ())
    )
    answers = saved.classifier.head.answer.decode(predict_scores(saved.classifier, inputs))
    lines = (tmp_path / runs[0].folder / "test.jsonl").read_text().splitlines()
    written = [json.loads(line)["prediction"] for line in lines]
    if question.is_number:
        assert list(map(float, written)) == pytest.approx(list(map(float, answers)), abs=1e-4)
    else:
        assert written == answers


def test_a_correlation_of_constant_predictions_has_no_interval_of_an_accuracy(tmp_path):
    executed(tmp_path, dataset(Question("sentence", "score"), (60, 20, 20)))
    for path in tmp_path.rglob("test.jsonl"):
        rows = [json.loads(line) | {"prediction": "1"} for line in path.read_text().splitlines()]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        result = json.loads(path.with_name("result.json").read_text()) | {"test_score": 0.0}
        del result["sha256"]  # of the predictions that are replaced
        path.with_name("result.json").write_text(json.dumps(result))
    for cell in measure(load_results(tmp_path)).scored:
        assert cell.metric.key == "pearson"
        assert cell.whole == (0, 0, 0)


@pytest.mark.parametrize("select", ["pearson", "spearman"])
def test_a_correlation_with_answers_that_are_all_the_same_has_no_interval(tmp_path, select):
    data = dataset(Question("sentence", "score"), (60, 20, 20))
    same = tuple(replace(example, label="1") for example in data.dataset.test)
    data = replace(data, dataset=replace(data.dataset, test=same))
    executed(tmp_path, data)
    found = measure(load_results(tmp_path), VerdictOptions(metric=select))
    for cell in found.scored:
        assert cell.metric.key == select
        assert cell.test.mean == 0
        assert math.isnan(cell.low)
        assert math.isnan(cell.high)
    assert found.families == ()
    summary = summarise(found)
    (line,) = summary.words("toy")
    why = (
        f"{found.scored[0].metric.name} is not defined where all right answers are the same (0 stands "
        "for it, without an interval)"
    )
    assert line.startswith(f"no verdict: {why}, which")
    assert summary.to_markdown().count("is not defined") == 1
    assert json.loads(json.dumps(summary.to_json(), allow_nan=False))["uncompared"] == {"toy": why}
    # One row has no verdict to miss: there it is a remark.
    (alone, _) = found.cells
    one = summarise(replace(found, cells=(alone,)))
    assert one.words("toy") == []
    assert one.notes["toy"].count(why) == 1
    with pytest.raises(ValueError, match="is not defined where all right answers are the same"):
        groups_of(found)
    # What is defined keeps its interval.
    for cell in measure(load_results(tmp_path), VerdictOptions(metric="mse")).scored:
        assert cell.low < cell.test.mean < cell.high


def test_a_correlation_of_two_examples_is_no_verdict(tmp_path):
    """It is 1 or -1 whatever the numbers are, and so are all values that leave an example out."""
    executed(tmp_path, dataset(Question("sentence", "score"), (60, 20, 2)))
    found = measure(load_results(tmp_path))
    assert found.families == ()
    (line,) = summarise(found).words("toy")
    assert line.startswith(
        "no verdict: Pearson's r of two test examples is 1, -1 or 0, and has no int"
    )


def test_second_texts_that_are_another_s_are_at_chance(tmp_path):
    """The second texts are shuffled among examples, and there is nothing to find."""
    data = dataset(Question("pair"), (300, 100, 200))
    generator = random.Random(5)
    second = {split: generator.sample(part, len(part)) for split, part in data.second.items()}
    rigged = ParsedDataset(data.dataset, data.sentences, parser="toy", second=second)
    run = Run(MODEL, TRAINING, 0, Setting())
    honest = execute(run, data, tmp_path / "a", parser=ParserOptions())
    false = execute(run, rigged, tmp_path / "b", parser=ParserOptions())
    labels = data.dataset.answers("test")
    majority = max(labels.count(label) for label in set(labels)) / len(labels)
    assert honest.test_score > majority + 0.1
    assert false.test_score < majority + 0.08


class ToyParser:
    fingerprint = "toy"

    def parse(self, texts):
        return [
            make_sentence(tuple(text.split()) if isinstance(text, str) else text) for text in texts
        ]


def test_new_pairs_and_spans_are_answered(tmp_path):
    for question in (Question("pair"), Question("span"), Question("pair", "score")):
        data = dataset(question)
        run = Run(MODEL, TRAINING, 0, Setting())
        out = tmp_path / f"{question.reads}-{question.answer}"
        execute(run, data, out, parser=ParserOptions())
        predictor = Predictor(out / run.folder, ToyParser())
        if question.reads == "pair":
            found = predictor.predict(["red and so", "on and so"], ["red so so", "blue so so"])
            assert found[0].text == "red and so || red so so"
            if question.is_number:
                assert float(found[0].label) > float(found[1].label)
                assert found[0].probabilities == {}
            with pytest.raises(ValueError, match="1 text and 0 second texts; give each"):
                predictor.predict(["red"])
        else:
            found = predictor.predict(["so [[red]] blue", "so red [[blue]]"])
            assert [prediction.label for prediction in found] == ["red", "blue"]
            with pytest.raises(ValueError, match=r"has 0 spans .* mark them as in 'The \[\[food"):
                predictor.predict(["so red blue"])
            with pytest.raises(ValueError, match="1 text and 1 second text; give none"):
                predictor.predict(["so [[red]]"], ["blue"])
        assert predictor.predict([]) == []


@pytest.mark.parametrize(
    ("structures", "parser"),
    [
        (["parse"], True),
        (["random"], True),
        (["given"], False),
        (["given", "random", "left_chain", "shuffled"], False),
        (["constituency", "random"], False),
        (["constituency", "shuffled"], True),
        (["given", "parse"], True),
        (["given", "rerooted"], True),
    ],
)
def test_what_needs_a_parser(structures, parser):
    assert needs_parser(structures) == parser


def test_structures_are_swapped_in_both_texts():
    data = dataset(Question("pair"))
    chained = view(data, Setting(structure="left_chain"))
    for side in (chained.sentences, chained.second):
        for sentence in side["dev"]:
            assert sentence.dependencies.parents == (*range(1, len(sentence)), -1)
    part = view(data, Setting(fraction=0.5), seed=1)
    assert len(part.sentences["train"]) == len(part.second["train"]) == 60
    for example, first, second in zip(
        part.dataset.train, part.sentences["train"], part.second["train"], strict=True
    ):
        assert (first.tokens, second.tokens) == (example.text, example.text2)
    fold = view(data, Setting(fold=(1, 4)))
    for example, second in zip(fold.dataset.test, fold.second["test"], strict=True):
        assert second.tokens == example.text2


def test_trees_hang_from_the_span_that_is_asked_about(tmp_path):
    data = dataset(Question("span"))
    seen = view(data, Setting(structure="rerooted"))
    assert all(sentence.dependencies.root == 1 for sentence in seen.sentences["test"])
    with pytest.raises(DataError, match=r"hang from a span .* the question is about a pair"):
        view(dataset(Question("pair")), Setting(structure="rerooted"))
    model = ModelOptions(**{**vars(MODEL), "encoder": "child_sum_tree_lstm"})
    run = Run(model, TRAINING, 0, Setting(structure="rerooted"))
    result = execute(run, data, tmp_path, parser=ParserOptions())
    assert result.test_score > 0.8
    predictor = Predictor(tmp_path / run.folder, ToyParser())
    found = predictor.predict(["so [[red]] blue", "so red [[blue]]"])
    assert [prediction.label for prediction in found] == ["red", "blue"]


def test_spans_are_read_without_their_sentence(tmp_path):
    data = dataset(Question("span"))
    runs, results = executed(tmp_path, data, reader="span(sentence=False)")
    assert all(result.test_score > 0.9 for result in results)
    assert results[0].parameters["encoder"] == 0  # the words of a bag are all that is read
    assert load_model(tmp_path / runs[2].folder)


def test_labels_are_counted_in_answers_of_several(tmp_path):
    data = dataset(Question("sentence", "labels"))
    executed(tmp_path, data)
    (group,) = groups_of(measure(load_results(tmp_path)))
    rows = {str(row[0]): str(row[1]) for row in class_table(group).rows}
    answers = data.dataset.answers("test")
    assert rows == {name: str(sum(name in answer for answer in answers)) for name in NAMES}


def test_options_of_labels_are_for_labels(tmp_path):
    run = Run(MODEL, TrainingOptions(class_weights="balanced", epochs=1), 0, Setting())
    with pytest.raises(OptionError, match=r"class_weights goes with questions .* one label"):
        execute(run, dataset(Question("pair", "score")), tmp_path, parser=ParserOptions())
    run = Run(MODEL, TrainingOptions(select="macro_f1", epochs=1), 0, Setting())
    with pytest.raises(OptionError, match=r"select can't be macro_f1 of pair .*pearson"):
        execute(run, dataset(Question("pair", "score")), tmp_path / "a", parser=ParserOptions())
    wrong = ModelOptions(**{**vars(MODEL), "reader": "span"})
    with pytest.raises(OptionError, match="reader reads a span, but the question is about a pair"):
        execute(
            Run(wrong, TRAINING, 0),
            dataset(Question("pair")),
            tmp_path / "b",
            parser=ParserOptions(),
        )


def test_weights_of_classes_and_focus_change_what_is_learned(tmp_path):
    data = dataset(Question("spans"))
    found = []
    for number, training in enumerate(
        (
            TrainingOptions(epochs=1),
            TrainingOptions(epochs=1, class_weights="balanced"),
            TrainingOptions(epochs=1, focus=2.0),
            TrainingOptions(epochs=1, select="macro_f1"),
        )
    ):
        out = tmp_path / str(number)
        run = Run(MODEL, training, 0, Setting())
        execute(run, data, out, parser=ParserOptions())
        found.append(load_model(out / run.folder).classifier.state_dict())
    plain, balanced, focused, selected = (weights["head.output.weight"] for weights in found)
    assert not torch.equal(plain, balanced)
    assert not torch.equal(plain, focused)
    assert torch.equal(plain, selected)  # of one epoch there is nothing to select


def test_the_command_answers_pairs_and_spans(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("tasks.models.prediction.make_parser", lambda *_, **given: ToyParser())
    for question, rows in (
        (Question("pair"), [{"text": "red so", "text2": "red"}, {"text": "", "text2": "red"}]),
        (Question("span"), [{"text": "so red blue", "target": "red"}]),
        (Question("span"), [{"text": "so red blue", "start": 3, "end": 6}]),
        (Question("span"), [{"text": "so [[red]] blue"}]),
    ):
        out = tmp_path / question.reads
        run = Run(MODEL, TRAINING, 0, Setting())
        execute(run, dataset(question), out, parser=ParserOptions())
        file = tmp_path / "new.jsonl"
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))
        monkeypatch.setattr(
            "sys.argv",
            ["structnn", "predict", str(out / run.folder), "--file", str(file), "--json"],
        )
        with pytest.raises(SystemExit) as ended:
            main()
        assert not ended.value.code
        found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert len(found) == len(rows)
        if question.reads == "span":
            assert (found[0]["text"], found[0]["label"]) == ("so [[red]] blue", "red")
        else:
            assert (found[0]["label"], found[1]["label"]) == ("yes", None)
