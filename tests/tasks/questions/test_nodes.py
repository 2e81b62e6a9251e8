"""Labels of nodes of given trees through a whole experiment."""

from __future__ import annotations

import json
import random
import re

import pytest
import torch

from parsers import read_brackets
from structnn import Tree
from structnn.heads.answers import NO_ANSWER
from tasks.command.cli import main
from tasks.data.corpora import node_labels, read_treebank
from tasks.data.datasets import load_dataset
from tasks.data.examples import DataError, Dataset, Example
from tasks.data.files import read_table
from tasks.data.nodes import answer_of, in_preorder, phrases_of
from tasks.data.options import DataOptions, ParserOptions
from tasks.data.parsing import SPLITS, ParsedDataset, parse_dataset
from tasks.data.questions import Question
from tasks.data.setting import Setting, view
from tasks.experiments.run import execute, seconds_per_epoch
from tasks.metrics import chosen_metric, metrics_for
from tasks.metrics.labels import class_f1
from tasks.models.options import ModelOptions
from tasks.models.prediction import Predictor
from tasks.models.preparation import prepare
from tasks.report import run_report
from tasks.report.groups import groups_of
from tasks.report.tables import class_table
from tasks.results.folder import load_results, save_experiment
from tasks.results.measures import measure
from tasks.results.records import read_predictions
from tasks.results.run import Run
from tasks.training.evaluation import evaluate
from tasks.training.gold import Gold, answered
from tasks.training.options import TrainingOptions
from tests.tasks.questions.test_tokens import packed

NODES = Question("nodes")
SETTING = Setting(structure="constituency")
TRAINING = TrainingOptions(epochs=8, patience=8, batch_size=10, learning_rate=0.03)
MODEL = ModelOptions(
    encoder="child_sum_tree_lstm", hidden_dim=16, embedding_dim=12, dropout=0.0, word_dropout=0.0
)


def signed(generator: random.Random, depth: int) -> tuple[str, str]:
    """A tree in brackets and its sign: "not" turns the sign of what stands beside it."""
    if depth == 0:
        word, sign = generator.choice([("good", "+"), ("bad", "-"), ("it", "_")])
        return f"({sign} {word})", sign
    left, sign = signed(generator, depth - 1)
    if generator.random() < 0.5:
        turned = {"+": "-", "-": "+", "_": "_"}[sign]
        return f"({turned} (_ not) {left})", turned
    right, other = signed(generator, 0)
    whole = sign if sign != "_" else other
    return f"({whole} {left} {right})", whole


def example(brackets: str, source: str) -> Example:
    (sentence,) = read_brackets([brackets])
    return Example(
        tuple(sentence.tokens), answer_of(sentence.constituency), source, sentence=sentence
    )


def dataset(sizes=(80, 30, 30)) -> ParsedDataset:
    generator = random.Random(1)
    splits = {}
    for split, size in zip(SPLITS, sizes, strict=True):
        found = []
        while len(found) < size:
            brackets, sign = signed(generator, generator.randrange(1, 4))
            if sign != "_":
                found.append(example(brackets, f"{split}:{len(found) + 1}"))
        splits[split] = tuple(found)
    return parse_dataset(Dataset("toy", **splits, labels=("+", "-"), question=NODES), None)


@pytest.mark.slow
def test_from_data_to_verdicts_and_back(tmp_path):
    data = dataset()
    runs = [
        Run(ModelOptions(**{**vars(MODEL), "encoder": encoder}), TRAINING, seed, SETTING)
        for encoder in ("child_sum_tree_lstm", "gcn(layers=1)")
        for seed in range(2)
    ]
    results = [execute(run, data, tmp_path, parser=ParserOptions()) for run in runs]
    save_experiment(tmp_path, runs, {"": data}, {"encoders": {}})
    # What "not" stands beside may be deep below: one layer of a graph doesn't see it.
    scores = [result.test_score for result in results]
    assert min(scores[:2]) > max(0.9, *scores[2:]), scores

    measures = measure(load_results(tmp_path))
    tree = measures.scored[0]
    assert (tree.metric.name, tree.scores.shape) == ("accuracy", (2, 30))  # by sentence
    assert list(tree.values) == ["accuracy", "root_accuracy", "macro_f1"]
    gold = data.dataset.answers("test")
    rows = read_predictions(tmp_path / runs[0].folder / "test.jsonl")
    assert [row.nodes for row in rows] == [len(answer.split()) for answer in gold]
    pairs = [
        (one, other)
        for row in rows
        for one, other in zip(row.label.split(), row.prediction.split(), strict=True)
        if one != "_"
    ]
    assert tree.values["accuracy"][0] == pytest.approx(
        sum(one == other for one, other in pairs) / len(pairs)
    )
    roots = [row.label.split()[0] == row.prediction.split()[0] for row in rows]
    assert tree.values["root_accuracy"][0] == pytest.approx(sum(roots) / len(roots))

    (group,) = groups_of(measures)
    assert class_table(group).columns[1].name == "test nodes"
    page = packed(run_report(tmp_path))
    shown = page["data"]["toy"]
    assert shown["tokens"][0][0].split()[0] == rows[0].text.split()[0]
    assert all(
        len(parts) == len(page["groups"][0]["labels"][answer].split())
        for parts, answer in zip(shown["tokens"], page["groups"][0]["gold"], strict=True)
    )
    assert shown["trees"][0].startswith("<svg")
    # Where a node has no class, nothing that is predicted of it is wrong.
    for seed in tree.predictions:
        for one, other in zip(gold, seed, strict=True):
            pairs = zip(one.split(), other.split(), strict=True)
            assert all(said == "_" for wanted, said in pairs if wanted == "_")

    predictor = Predictor(tmp_path / runs[0].folder)
    found = predictor.predict(["(_ (_ not) (_ good))", "(_ good)"])
    assert found[0].tokens == ("not good", "not", "good")
    assert [found[0].label.split()[0], found[1].label] == ["-", "+"]
    for text, message in (
        ("not good", r"text 1: it is no tree in brackets\. .* no parser here makes"),
        ("(_ (_ not) (_ good)", r"text 1: .*bracket"),
        (["not", "good"], "text 1: it is no tree in brackets"),
    ):
        with pytest.raises(ValueError, match=message):
            predictor.predict([text])


def test_a_node_without_a_class_is_not_learned_and_not_counted():
    data = dataset((10, 4, 4))
    prepared = prepare(MODEL, view(data, SETTING), seed=0, parser=ParserOptions(), pretrained=None)
    model = prepared.model.classifier
    answers = data.dataset.answers("dev")
    gold = Gold.of(answers, model.head)
    labelled = sum(label != "_" for answer in answers for label in answer.split())
    assert (
        answered(gold.rows)
        == labelled
        < len(gold.rows)
        == prepared.inputs["dev"].row_ptr("node")[-1]
    )
    found = evaluate(model, prepared.inputs["dev"], gold)
    scores = torch.cat(
        [model(prepared.inputs["dev"].corpus.batch([place])) for place in range(len(answers))]
    )
    rows = gold.rows != NO_ANSWER
    loss = torch.nn.functional.cross_entropy(scores[rows], gold.rows[rows])
    assert found.loss == pytest.approx(loss.item(), abs=1e-5)
    accuracy, root, macro = metrics_for(NODES, ("+", "-"))
    assert accuracy(["+ _ -"], ["+ + +"]) == 0.5
    assert accuracy(["_ -", "+ _ _"], ["+ -", "+ - -"]) == 1
    assert root(["_ -", "+ _ _", "+ +"], ["+ -", "- - -", "+ -"]) == 0.5
    assert macro(["+ _ -"], ["+ - +"]) == pytest.approx(1 / 3)
    assert class_f1(["+ _ -"], ["+ - +"], NODES) == {"+": pytest.approx(2 / 3), "-": 0}
    assert chosen_metric("root_accuracy", NODES, ("+", "-")).name == "root accuracy"


def test_what_nodes_do_not_go_with(tmp_path):
    data = dataset((10, 4, 4))

    def run(encoder, setting=SETTING, **training):
        options = ModelOptions(**{**vars(MODEL), "encoder": encoder})
        once = TrainingOptions(epochs=1, **training)
        return execute(Run(options, once, 0, setting), data, tmp_path, parser=ParserOptions())

    with pytest.raises(DataError, match=r"bilstm has no state for each node .* asks about nodes"):
        run("bilstm")
    with pytest.raises(DataError, match=r"rgcn reads labels: it would be given the answer"):
        run("rgcn")
    with pytest.raises(DataError, match=r"nodes of given trees, which --structure random hasn't"):
        run("gcn", Setting(structure="random"))
    with pytest.raises(ValueError, match=r"--supervise nodes goes with questions about sentences"):
        run("child_sum_tree_lstm", supervise="nodes")
    wide = example("(+ (+ so) (+ very) (+ good))", "wide:1")
    both = Dataset("wide", (wide, *data.dataset.train), (wide,), (), ("+", "-"), question=NODES)
    with pytest.raises(
        DataError, match=r"at most 2 children of a node, but in 'so very good' .* 3"
    ):
        prepare(
            ModelOptions(**{**vars(MODEL), "encoder": "nary_tree_lstm"}),
            view(parse_dataset(both, None), SETTING),
            seed=0,
            parser=ParserOptions(),
            pretrained=None,
        )


def test_an_estimate_of_time():
    run = Run(MODEL, TrainingOptions(epochs=1), 0, SETTING)
    assert seconds_per_epoch(run, dataset((20, 4, 4))) > 0


def test_nodes_in_preorder():
    tree = Tree([2, 2, -1], tokens=[0, 1, -1], labels=["a", "b", "c"])
    ordered = in_preorder(tree)
    assert (ordered.parents, ordered.tokens) == ((-1, 0, 0), (-1, 0, 1))
    assert ordered.labels == ("c", "a", "b")
    assert in_preorder(ordered) is ordered
    assert answer_of(ordered, {"a": "A", "c": "C"}) == "C A _"
    assert phrases_of(ordered, ["so", "good"]) == ("so good", "so", "good")


def write(path, *lines):
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_trees_in_files(tmp_path):
    brackets = "(+ (_ so) (+ good))"
    fields = {"parents": [2, 2, -1], "tokens": [0, 1, -1], "labels": ["", "+", "+"]}
    files = (
        write(tmp_path / "a.ptb", brackets),
        write(tmp_path / "a.mrg", "( (+ (_ so)", "     (+ good)) )"),
        write(tmp_path / "a.jsonl", json.dumps({"tokens": ["so", "good"], "tree": fields})),
        write(tmp_path / "b.jsonl", json.dumps({"tree": brackets, "genre": "film"})),
        write(tmp_path / "a.tsv", "tree\tgenre", f"{brackets}\tfilm"),
    )
    for file in files:
        table = read_table(file, DataOptions(reads="nodes"))
        (found,) = table.examples
        assert (found.text, found.label, table.question) == (("so", "good"), "+ _ +", NODES)
        assert found.sentence.constituency.parents == (-1, 0, 0)
        assert "tree" not in found.columns
    # A question about the sentence reads the same tree.
    row = {"text": ["so", "good"], "tree": fields, "label": "yes"}
    (found,) = read_table(write(tmp_path / "c.jsonl", json.dumps(row)), DataOptions()).examples
    assert (found.label, dict(found.columns)) == ("yes", {})
    assert found.sentence.constituency.labels == ("+", "", "+")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"tokens": ["so"]}, "there is no tree whose nodes are asked about"),
        ({"tree": "(+ (_ so) (+ good)"}, r"tree is not well formed: .*bracket"),
        ({"tokens": ["bad"], "tree": "(+ good)"}, "its words are not the tokens of the text"),
        (
            {"tokens": ["so"], "tree": {"parents": [0]}},
            "tree is not well formed: .* cycle|one root",
        ),
        ({"tokens": ["so"], "tree": {"heads": [0]}}, "tree is not well formed: .*heads"),
        ({"text": "so", "tree": {"parents": [-1]}}, "goes with a list of tokens"),
        ({"tokens": ["so"], "tree": {"parents": [-1]}}, "no node of the tree has a label"),
        ({"tokens": ["so"], "tree": {"parents": [-1], "labels": ["a b"]}}, "has white space in it"),
    ],
)
def test_trees_that_are_not_well_formed(tmp_path, row, message):
    file = write(tmp_path / "a.jsonl", json.dumps(row))
    with pytest.raises(DataError, match=message):
        read_table(file, DataOptions(reads="nodes"))


def test_answers_have_nodes():
    good = example("(+ (_ so) (+ good))", "a:1")
    for wrong, message in (
        (Example(good.text, "+ _", "a:2", good.sentence), "2 answers and a tree of 3 nodes"),
        (Example(good.text, "+ _ +", "a:2"), "3 answers and no tree"),
        (Example(good.text, "_ _ _", "a:2", good.sentence), "no node has a class"),
    ):
        with pytest.raises(DataError, match=message):
            Dataset("toy", (good, wrong), (good,), (), ("+", "-"), question=NODES)


def test_roots_that_are_labels_are_not_read():
    """A graph encoder with the labels of trees would be told that of the sentence."""
    rows = [("(yes (_ so) (_ good))", "yes"), ("(no (_ so) (_ bad))", "no")]
    examples = []
    for number, (brackets, label) in enumerate(rows):
        (sentence,) = read_brackets([brackets])
        examples.append(Example(tuple(sentence.tokens), label, f"a:{number}", sentence))
    data = Dataset("toy", tuple(examples), tuple(examples), (), ("no", "yes"))
    with pytest.raises(DataError, match="what is to be predicted"):
        prepare(
            ModelOptions(**{**vars(MODEL), "encoder": "rgcn"}),
            view(parse_dataset(data, None), SETTING),
            seed=0,
            parser=ParserOptions(),
            pretrained=None,
        )


@pytest.fixture
def treebank(tmp_path):
    trees = {
        "train": ["(4 (2 so) (3 good))", "(0 (2 so) (1 bad))", "(2 (2 a) (2 film))"],
        "dev": ["(4 (3 good) (2 film))"],
        "test": ["(1 (1 bad) (2 film))", "(3 (3 good) (2 film))"],
    }
    for split, lines in trees.items():
        write(tmp_path / f"{split}.txt", *lines)
    return tmp_path


def test_the_treebank(treebank):
    fine = load_dataset("sst5", DataOptions(reads="nodes", data_dir=treebank))
    assert fine.question == NODES
    assert fine.labels == ("very-negative", "negative", "neutral", "positive", "very-positive")
    assert fine.answers("train")[0] == "very-positive neutral positive"
    coarse = load_dataset("sst2", DataOptions(reads="nodes", data_dir=treebank))
    assert coarse.labels == ("negative", "positive")
    assert coarse.answers("train") == ["positive _ positive", "negative _ negative"]
    # The sentences are those that are asked about without nodes.
    plain = load_dataset("sst2", DataOptions(data_dir=treebank))
    assert [one.text for one in plain.train] == [one.text for one in coarse.train]
    assert plain.answers("train") == ["positive", "negative"]
    assert set(node_labels(fine=False).values()) == {"negative", "positive"}
    assert read_treebank(fine=True, data_dir=str(treebank))["train"][0].label == "very positive"
    with pytest.raises(DataError, match="mr has no trees with a label for each node"):
        load_dataset("mr", DataOptions(reads="nodes"))


@pytest.mark.slow
def test_the_command(treebank, tmp_path, monkeypatch, capsys):
    def command(*arguments):
        monkeypatch.setattr("sys.argv", ["structnn", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        told = capsys.readouterr()
        assert not ended.value.code, told.err
        return told.out + told.err

    out = tmp_path / "runs"
    options = "--epochs 1 --hidden-dim 4 --embedding-dim 4 --seeds 1 --workers 1".split()
    told = command(
        *("compare", "--data", "sst5", "--data-dir", str(treebank), "--reads", "nodes"),
        *("--encoders", "child_sum_tree_lstm,tree_gru", "--out", str(out), *options),
    )
    assert "nodes (each node of a given tree), label (5 classes)" in told
    (run,) = out.glob("**/child_sum_tree_lstm/seed-0")
    told = command("predict", str(run), "(_ (_ so) (_ good))")
    assert re.search(r"so good\W+(very-)?(negative|neutral|positive)", told)
