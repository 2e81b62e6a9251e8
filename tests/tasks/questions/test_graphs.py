"""Graphs that need not be trees, through whole experiments: paths, enhanced dependencies, own graphs."""

from __future__ import annotations

import json

import pytest

from structnn import Batch, SentenceGraph
from tasks.command.cli import main
from tasks.data.examples import DataError, Dataset
from tasks.data.files import read_examples
from tasks.data.options import ParserOptions
from tasks.data.parsing import given_tree, parse_dataset
from tasks.data.questions import Question
from tasks.data.setting import Setting, view
from tasks.data.structures import needs_parser
from tasks.experiments.grid import plan
from tasks.experiments.run import execute
from tasks.models.options import ModelOptions
from tasks.models.prediction import Predictor
from tasks.options import OptionError
from tasks.results.run import Run
from tests.tasks.questions.test_questions import MODEL, TRAINING, ToyParser, dataset


def model(encoder, **changes):
    return ModelOptions(**{**vars(MODEL), "encoder": encoder, **changes})


@pytest.mark.parametrize("structure", ["path", "path1", "path_inf"])
def test_paths_between_spans(tmp_path, structure):
    data = dataset(Question("spans"))
    seen = view(data, Setting(structure=structure))
    for sentence, spans in zip(seen.sentences["test"], seen.spans["test"], strict=True):
        assert {token for span in spans for token in range(*span)} <= set(sentence.graph.tokens)
    run = Run(model("gat", hidden_dim=24), TRAINING, 0, Setting(structure=structure))
    execute(run, data, tmp_path, parser=ParserOptions())
    predictor = Predictor(tmp_path / run.folder, ToyParser())
    found = predictor.read_asked(["so [[red]] and [[blue]] so"])
    assert {1, 3} <= set(found.sentences[0].graph.tokens)
    assert predictor.predict(["so [[red]] and [[blue]] so"])[0].label in ("yes", "no")
    found = predictor.read_asked(["so red and blue so"], spans=[[(11, 15), (3, 6)]])
    assert found.spans == [((3, 4), (1, 2))]  # the subject stands behind the object
    assert found.texts == ["so [[red]] and [[blue]] so"]
    for spans, message in {
        ((0, 2),): "text 1 has 1 span, but this run answers questions about 2",
        ((0, 2), (9, 99)): "text 1: a span is from 9 to 99",
    }.items():
        with pytest.raises(ValueError, match=message):
            predictor.predict(["so red and blue so"], spans=[spans])
    with pytest.raises(ValueError, match="given were 1 text, but spans of 0"):
        predictor.predict(["so red"], spans=[])


def test_names_of_structures():
    for name in ("pathx", "path01", "path-1", "Path", "path_infinity"):
        with pytest.raises(OptionError, match=r"must be one of .*path, path1, path2, path_inf"):
            Setting(structure=name)
    assert Setting(structure="path2").folders == ("structure=path2",)
    assert needs_parser(["given", "path"])
    assert not needs_parser(["given", "enhanced", "graph", "random"])


def test_a_path_needs_two_spans():
    for reads, message in {
        "span": "between two spans, but the question is about a span; .*, such as rerooted",
        "sentence": "between two spans, but the question is about a sentence",
    }.items():
        asked = Question(reads, "labels" if reads == "sentence" else "label")
        with pytest.raises(DataError, match=message):
            view(dataset(asked), Setting(structure="path1"))


@pytest.mark.parametrize("structure", ["path1", "enhanced", "graph"])
def test_tree_encoders_are_refused_before_anything_is_done(structure):
    plan([model("gat"), model("bilstm>gcn"), model("bag")], 1, TRAINING, structures=[structure])
    for encoder in ("child_sum_tree_lstm", "bilstm>child_sum_tree_lstm>gat"):
        with pytest.raises(ValueError, match=f"can't read --structure {structure}.*reads trees"):
            plan([model("gat"), model(encoder)], 1, TRAINING, structures=["parse", structure])
    with pytest.raises(ValueError, match=r"the readout reads the root.*another readout"):
        plan([model("gcn(readout='root')")], 1, TRAINING, structures=[structure])
    plan([model("gcn(readout='root')")], 1, TRAINING, structures=["parse"])


def test_tree_encoders_are_refused_by_training(tmp_path):
    run = Run(model("child_sum_tree_lstm"), TRAINING, 0, Setting(structure="path"))
    with pytest.raises(DataError, match=r"can't read --structure path: .*take a graph encoder"):
        execute(run, dataset(Question("spans")), tmp_path, parser=ParserOptions())


ROWS = {
    "yes": "1 I 2:nsubj|2.1:nsubj\n2 like 0:root\n2.1 like 2:conj:and\n3 tea 2.1:obj|2:obj",
    "no": "1 no 2:det\n2 tea 0:root\n3 here 2:advmod|1:dep",
}


def conllu(count):
    """Labelled sentences with enhanced dependencies, and basic trees beside them."""
    heads = ["2", "0", "2"]
    text = ""
    for number in range(count):
        label = ("yes", "no")[number % 2]
        text += f"# label = {label}\n# sent_id = {number}\n"
        for row in ROWS[label].split("\n"):
            ident, form, deps = row.split(" ")
            head = "_" if "." in ident else heads[int(ident) - 1]
            relation = "_" if "." in ident else "dep"
            text += f"{ident}\t{form}\t_\t_\t_\t_\t{head}\t{relation}\t{deps}\t_\n"
        text += "\n"
    return text


def write_conllu_files(folder):
    for name, count in {"train": 24, "dev": 8, "test": 8}.items():
        (folder / f"{name}.conllu").write_text(conllu(count))
    return [
        *("--data", str(folder / "train.conllu"), "--dev", str(folder / "dev.conllu")),
        *("--test", str(folder / "test.conllu"), "--epochs", "2", "--workers", "1"),
        *("--hidden-dim", "8", "--embedding-dim", "8", "--seeds", "1"),
    ]


def test_enhanced_dependencies_on_the_command_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    options = write_conllu_files(tmp_path)
    structures = "given,enhanced,random"
    out = tmp_path / "runs"
    command = ["compare", *options, "--structure", structures, "--out", str(out)]

    def run(encoders):
        monkeypatch.setattr("sys.argv", ["structnn", *command, "--encoders", encoders])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code

    assert run("gat,child_sum_tree_lstm")
    assert "child_sum_tree_lstm can't read --structure enhanced" in " ".join(
        capsys.readouterr().err.split()
    )
    assert not out.exists()
    assert not run("gat,bag")
    assert (out / "structure=enhanced" / "gat" / "seed-0" / "result.json").exists()
    assert (out / "report.html").exists()
    predictor = Predictor(out / "structure=enhanced" / "gat" / "seed-0", ToyParser())
    with pytest.raises(ValueError, match=r"--structure enhanced\), which no parser here makes"):
        predictor.predict(["I like tea"])


def test_sentences_of_files(tmp_path):
    (tmp_path / "a.conllu").write_text(conllu(2))
    first, _ = read_examples(tmp_path / "a.conllu")
    graph = given_tree(first, "enhanced").graph
    assert graph.tokens == (0, 1, 2, -1)
    assert graph.heads(2) == (1, 3)
    assert given_tree(first, "given").dependencies.parents == (1, -1, 1)
    with pytest.raises(
        DataError, match=r"a.conllu:1: this example has no graph.*--structure graph"
    ):
        given_tree(first, "graph")
    (tmp_path / "b.conllu").write_text(conllu(1).replace("2.1:obj|2:obj", "7:obj"))
    (broken,) = read_examples(tmp_path / "b.conllu")
    with pytest.raises(DataError, match=r"b.conllu:1: the DEPS of word 3 .* name the head 7"):
        given_tree(broken, "enhanced")
    (tmp_path / "c.jsonl").write_text(
        json.dumps({"text": ["a", "b"], "label": "x", "heads": [2, 0], "relations": ["d", "root"]})
    )
    (tree,) = read_examples(tmp_path / "c.jsonl")
    with pytest.raises(DataError, match="'a b' has no enhanced dependencies"):
        given_tree(tree, "enhanced")


AMR = {"tokens": [1, -1, 2], "edges": [[1, 0], [1, 2], [2, 0]], "labels": ["ARG0", "ARG1", "ARG0"]}


def test_graphs_of_json(tmp_path):
    """Half of the graphs say by their edges what the label is; no other encoder can know it."""
    rows = []
    for number in range(40):
        graph = {**AMR, "edges": AMR["edges"][: 1 + 2 * (number % 2)]}
        graph["labels"] = AMR["labels"][: len(graph["edges"])]
        row = {"text": ["the", "boy", "goes"], "label": ("few", "many")[number % 2], "graph": graph}
        rows.append(json.dumps(row))
    (tmp_path / "train.jsonl").write_text("\n".join(rows))
    examples = read_examples(tmp_path / "train.jsonl")
    assert examples[1].sentence.graph == SentenceGraph(**AMR)
    assert not examples[1].columns
    data = Dataset("amr", examples[:20], examples[20:30], examples[30:], labels=("few", "many"))
    swapped = Dataset("amr", examples[1:21], examples[20:30], examples[30:], labels=("few", "many"))
    assert data.fingerprint != swapped.fingerprint
    parsed = parse_dataset(data, None)
    run = Run(model("rgcn", reader=""), TRAINING, 0, Setting(structure="graph"))
    result = execute(run, parsed, tmp_path, parser=ParserOptions())
    assert result.test_score == 1
    seen = view(parsed, Setting(structure="graph")).sentences["test"]
    assert Batch.from_sentences(seen, structure="graph").num_nodes == 30
    with pytest.raises(DataError, match="this example has no given dependency tree"):
        view(parsed, Setting(structure="given"))


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        ({"tokens": [0, 5]}, "node 1 of `graph` has the token 5, but 'a b' has 2 tokens"),
        (
            {"tokens": [0], "edges": [[0, 1]]},
            "the graph is not well formed: edge 0 has the target 1",
        ),
        ({"nodes": 3}, "its fields are tokens, edges, labels, names and roots"),
    ],
)
def test_faulty_graphs_of_json(tmp_path, graph, message):
    row = {"text": ["a", "b"], "label": "x", "graph": graph}
    (tmp_path / "a.jsonl").write_text(json.dumps(row))
    with pytest.raises(DataError, match=rf"a.jsonl:1: .*{message}"):
        read_examples(tmp_path / "a.jsonl")


def test_files_have_no_trees_of_second_texts(tmp_path):
    row = {"text": ["a", "b"], "text2": ["c"], "label": "x", "heads": [2, 0]}
    row["graph"] = {"tokens": [0, 1], "edges": [[0, 1]]}
    (tmp_path / "a.jsonl").write_text(json.dumps(row))
    (example,) = read_examples(tmp_path / "a.jsonl")
    for structure, wanted in {"given": "given dependency tree", "graph": "graph"}.items():
        assert given_tree(example, structure)
        message = rf"a.jsonl:1 \(second text\): this example has no {wanted}"
        with pytest.raises(DataError, match=message):
            given_tree(example.second, structure)


def test_a_column_that_happens_to_be_called_graph(tmp_path):
    rows = [
        {"text": "a b", "label": "x", "graph": AMR},
        {"text": ["a"], "label": "x", "graph": "g"},
    ]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    first, second = read_examples(tmp_path / "a.jsonl")
    assert first.sentence is None
    assert json.loads(first.columns["graph"]) == AMR
    assert second.sentence is None
    assert second.columns["graph"] == "g"
