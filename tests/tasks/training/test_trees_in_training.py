"""Labels at every node, and trees with more children than an encoder has places for."""

from __future__ import annotations

import random

import pytest
import torch

from parsers import read_brackets
from structnn import Sentence, Tree
from tasks.data.examples import Dataset, Example
from tasks.data.parsing import SPLITS, ParsedDataset, given_tree
from tasks.experiments.execution import Failure
from tasks.experiments.grid import plan
from tasks.models.model import load_model
from tasks.models.options import ModelOptions
from tasks.results.folder import load_results, save_experiment
from tasks.results.measures import measure
from tasks.results.summary import summarise
from tasks.storage import read_json_lines
from tasks.training.options import TrainingOptions
from tests.tasks.toys import execute_here


def run_all(encoders, data, out, **training):
    models = [ModelOptions(encoder=name, hidden_dim=8, embedding_dim=8) for name in encoders]
    training = TrainingOptions(batch_size=8, learning_rate=0.03, **training)
    runs = plan(models, 1, training, structures=[data.structure])
    outcomes = list(execute_here(runs, {"": data}, out))
    assert not any(isinstance(outcome, Failure) for outcome in outcomes), outcomes
    save_experiment(out, runs, {"": data}, {"encoders": {name: {"reads": []} for name in encoders}})
    return runs, outcomes, summarise(measure(load_results(out)))


def make_treebank(sizes=(40, 12, 12)) -> ParsedDataset:
    """Binary trees whose nodes are positive where there is a "good" below and nothing "bad"."""
    generator = random.Random(0)

    def brackets(words):
        label = 1 + ("good" in words) - ("bad" in words)
        if len(words) == 1:
            return f"({label} {words[0]})"
        cut = generator.randrange(1, len(words))
        return f"({label} {brackets(words[:cut])} {brackets(words[cut:])})"

    parts = {}
    for split, size in zip(SPLITS, sizes, strict=True):
        examples = []
        for number in range(size):
            words = generator.choices("abcd", k=generator.randrange(1, 5))
            words.insert(generator.randrange(len(words) + 1), ("good", "bad")[number % 2])
            (sentence,) = read_brackets([brackets(words)])
            label = ("yes", "no")[number % 2]
            examples.append(Example(tuple(words), label, f"{split}:{number + 1}", sentence))
        parts[split] = tuple(examples)
    labels = {"2": "yes", "0": "no"}  # 1 has no class, as the neutral nodes of SST-2
    dataset = Dataset("treebank", **parts, labels=("no", "yes"), node_labels=labels)
    sentences = {split: tuple(map(given_tree, examples)) for split, examples in parts.items()}
    return ParsedDataset(dataset, sentences, structure="constituency")


@pytest.mark.parametrize("encoder", ["nary_tree_lstm", "gcn(readout='root')"])
def test_all_labels_teach_and_both_scores_are_told(encoder, tmp_path):
    data = make_treebank()
    (run,), (result,), summary = run_all([encoder], data, tmp_path, epochs=4, supervise="nodes")
    model = load_model(tmp_path / run.folder)
    right = labelled = roots_right = 0
    for example, sentence in zip(data.dataset.test, data.sentences["test"], strict=True):
        with torch.inference_mode():
            scores = model.classifier(model.corpus([sentence]).batch(), nodes=True)
        guesses = [model.classifier.labels[index] for index in scores.argmax(1).tolist()]
        tree = sentence.constituency
        for guess, label in zip(guesses, tree.labels, strict=True):
            wanted = data.dataset.node_labels.get(label)
            labelled += wanted is not None
            right += guess == wanted
        roots_right += guesses[tree.root] == example.label
    assert result.node_accuracy == pytest.approx(right / labelled)
    assert result.test_score == pytest.approx(roots_right / len(data.dataset.test))
    assert result.node_accuracy > 0.6
    (told,) = (note for note in summary.notes["treebank"] if "labelled nodes" in note)
    assert told.startswith(f"{encoder}: {100 * result.node_accuracy:.1f} %")
    rows = load_results(tmp_path).examples["treebank"]
    trees = [row.trees["constituency"].tree for row in rows]
    assert trees == [sentence.constituency for sentence in data.sentences["test"]]


def test_labels_of_nodes_need_nodes(tmp_path):
    data = make_treebank((8, 4, 4))
    models = [ModelOptions(encoder="bilstm", hidden_dim=4, embedding_dim=4)]
    training = TrainingOptions(epochs=1, supervise="nodes")
    runs = plan(models, 1, training, structures=["constituency"])
    (failure,) = execute_here(runs, {"": data}, tmp_path)
    assert "--supervise nodes needs an encoder with a state for each node" in failure.error


@pytest.mark.parametrize("encoder", ["relational_tree_lstm", "rgcn", "lstm>syntactic_gcn"])
def test_an_encoder_that_would_read_the_answer_is_refused(encoder, tmp_path):
    """The label of the root is that of the sentence."""
    (run,) = plan(
        [ModelOptions(encoder=encoder, hidden_dim=4, embedding_dim=4)],
        1,
        TrainingOptions(epochs=1),
        structures=["constituency"],
    )
    (failure,) = execute_here([run], {"": make_treebank((8, 4, 4))}, tmp_path)
    assert isinstance(failure, Failure)
    assert "it would be given the answer" in failure.error


@pytest.mark.parametrize(
    ("structure", "tree", "parents", "told"),
    [
        ("parse", Tree([-1, 0, 0, 0, 0, 0]), [-1, 0, 0, 2, 3, 4], "a node has more children"),
        (
            "constituency",
            Tree([-1] + [0] * 6, [-1, *range(6)], [""] * 7),
            [-1, 0, 0, 2, 2, 4, 4, 6, 6, 8, 8],
            "a constituent has more children",
        ),
    ],
)
def test_surplus_children_find_a_place(tmp_path, structure, tree, parents, told):
    """Every encoder runs on any tree by default; what was done to the trees is told."""
    generator = random.Random(0)
    field = "constituency" if structure == "constituency" else "dependencies"
    parts, sentences = {}, {}
    for split, size in zip(SPLITS, (24, 8, 8), strict=True):
        examples = []
        for number in range(size):
            words = ("good" if number % 2 else "bad", *generator.choices("abcd", k=5))
            sentence = Sentence(words, **{field: tree})  # many children at one node
            examples.append(Example(words, str(number % 2), f"{split}:{number}", sentence))
        parts[split] = tuple(examples)
        sentences[split] = tuple(example.sentence for example in examples)
    dataset = Dataset("wide", **parts, labels=("0", "1"))
    data = ParsedDataset(dataset, sentences, parser="toy", structure=structure)
    encoders = ["nary_tree_lstm", "recursive_nn", "rntn", "lstm>nary_tree_lstm", "gcn"]
    runs, _, summary = run_all(encoders, data, tmp_path, epochs=1)
    (note,) = (note for note in summary.notes["wide"] if "places" in note)
    assert note.startswith(f"nary_tree_lstm, recursive_nn, rntn, lstm>nary_tree_lstm: where {told}")
    model = load_model(tmp_path / runs[0].folder)
    batch = model.corpus(sentences["test"]).batch()
    assert batch.parents[: len(parents)].tolist() == parents
    rows = list(read_json_lines(tmp_path / runs[0].folder / "test.jsonl"))
    with torch.inference_mode():
        guesses = model.classifier(batch).argmax(1).tolist()
    assert [row["prediction"] for row in rows] == [model.classifier.labels[i] for i in guesses]
