"""Dependency parsing through a whole experiment: from a treebank to a parser."""

from __future__ import annotations

import io
import json
import random
from dataclasses import replace

import numpy as np
import pytest

from parsers.controls import left_chain, random_tree
from structnn import Sentence, StructureError, Tree
from structnn.arcs import arcs_of, tree_of
from tasks.data.datasets import load_dataset
from tasks.data.examples import DataError, Dataset, Example
from tasks.data.options import DataOptions, ParserOptions
from tasks.data.parsing import SPLITS, parse_dataset
from tasks.data.questions import Question
from tasks.data.setting import Setting, view
from tasks.data.structures import needs_parser
from tasks.experiments.experiment import run_experiment
from tasks.experiments.options import CompareOptions
from tasks.experiments.run import execute, seconds_per_epoch
from tasks.metrics import LAS, UAS, class_f1
from tasks.models.model import load_model
from tasks.models.options import ModelOptions
from tasks.models.parser import RunParser
from tasks.models.prediction import Predictor
from tasks.options import OptionError
from tasks.results.folder import load_results, save_experiment
from tasks.results.measures import measure
from tasks.results.records import read_predictions
from tasks.results.run import Run
from tasks.results.summary import summarise
from tasks.training.evaluation import evaluate
from tasks.training.options import TrainingOptions

ARCS = Question("arcs")
TRAINING = TrainingOptions(epochs=7, patience=7, batch_size=10, learning_rate=0.01)
MODEL = ModelOptions(
    encoder="bilstm",
    hidden_dim=24,
    embedding_dim=16,
    dropout=0.0,
    reader="arcs(arc_dim=24, relation_dim=12)",
)
CHAIN = Setting(structure="left_chain")


def clause(generator: random.Random) -> Sentence:
    """Determiners hang from the noun behind them, and nouns from the one verb."""
    before, behind = generator.randrange(3), generator.randrange(3)
    words, kinds = [], []
    for place in range(before + 1 + behind):
        if place == before:
            words.append(generator.choice(["bark", "see"]))
            kinds.append("root")
            continue
        if generator.random() < 0.6:
            words.append(generator.choice(["the", "a"]))
            kinds.append("det")
        words.append(generator.choice(["dogs", "cats", "birds"]))
        kinds.append("nsubj" if place < before else "obj")
    verb = kinds.index("root")
    parents = [{"root": -1, "det": place + 1}.get(kind, verb) for place, kind in enumerate(kinds)]
    return Sentence(words, dependencies=Tree(parents, labels=kinds))


def dataset(sizes=(120, 30, 40), tree=None) -> Dataset:
    """Clauses; or their words with other trees, from a function of sentence and number."""
    generator = random.Random(3)
    splits = {}
    for split, size in zip(SPLITS, sizes, strict=True):
        examples = []
        for number in range(size):
            sentence = clause(generator)
            if tree is not None:
                sentence = sentence.replace(dependencies=tree(sentence, number))
            arcs = arcs_of(sentence.dependencies)
            examples.append(Example(sentence.tokens, " ".join(arcs), f"{split}:{number}", sentence))
        splits[split] = tuple(examples)
    labels = {label for part in splits.values() for e in part for label in ARCS.labels_in(e.label)}
    return Dataset("toy", **splits, labels=tuple(sorted(labels)), question=ARCS)


class ToyTokenizer:
    fingerprint = "toy"

    def parse(self, texts):
        split = [text.split() if isinstance(text, str) else text for text in texts]
        return [Sentence(tokens, dependencies=left_chain(Sentence(tokens))) for tokens in split]


def test_from_data_to_verdicts_and_back(tmp_path):
    data = parse_dataset(dataset(), None)
    runs = [
        Run(replace(MODEL, encoder=encoder), TRAINING, seed, CHAIN)
        for encoder in ("bilstm", "bag")
        for seed in range(2)
    ]
    results = [execute(run, data, tmp_path, parser=ParserOptions()) for run in runs]
    save_experiment(tmp_path, runs, {"": data}, {"encoders": {}})
    # A bag does not know where its words are.
    assert min(result.test_score for result in results[:2]) > 0.9
    assert max(result.test_score for result in results[2:]) < 0.8

    found = measure(load_results(tmp_path))
    bilstm, bag = found.scored
    assert [metric.key for metric in found.metrics["toy"]] == ["las", "uas"]
    assert list(bilstm.values["las"]) == pytest.approx([r.test_score for r in results[:2]])
    assert bilstm.values["uas"][0] >= bilstm.values["las"][0]
    assert bag.scores.shape == (2, 40)  # sentences are the unit
    assert set(bilstm.class_f1) == {"det", "nsubj", "obj", "root"}
    assert found.majority == {}
    assert summarise(found)

    # Trees stay with their sentences, and each has one root.
    saved = load_model(tmp_path / runs[0].folder)
    lines = (tmp_path / runs[0].folder / "test.jsonl").read_text().splitlines()
    written = [json.loads(line) for line in lines]
    for row, example in zip(written, data.dataset.test, strict=True):
        assert tuple(row["tokens"]) == example.text
        assert tree_of(row["prediction"].split()).parents.count(-1) == 1
    for place in (0, 7, 21):
        (sentence,) = view(data, CHAIN).sentences["test"][place : place + 1]
        assert evaluate(saved.classifier, saved.inputs([sentence])).answers == [
            written[place]["prediction"]
        ]
    assert seconds_per_epoch(runs[0], data) > 0


def test_no_encoder_reads_the_trees_that_it_is_asked_for(tmp_path):
    """Trees drawn at random can't be parsed: who does has seen them."""

    def drawn(sentence, number):
        tree = random_tree(sentence, number)
        return Tree(tree.parents, labels=["root" if head < 0 else "dep" for head in tree.parents])

    data = parse_dataset(dataset((150, 40, 150), drawn), None)
    for sentences in data.sentences.values():
        assert all(sentence.dependencies is None for sentence in sentences)
    run = Run(replace(MODEL, encoder="child_sum_tree_lstm"), TRAINING, 0, CHAIN)
    execute(run, data, tmp_path, parser=ParserOptions())
    rows = read_predictions(tmp_path / run.folder / "test.jsonl")
    gold, found = ([getattr(row, name) for row in rows] for name in ("label", "prediction"))
    # Of n nodes each is as probable as the head of a token: the other tokens, and the root.
    chance = np.average(
        [1 / len(one.split()) for one in gold], weights=[len(one.split()) for one in gold]
    )
    assert UAS(gold, found) < chance + 0.12
    for structure in ("given", "constituency"):
        with pytest.raises(DataError, match=f"--structure {structure} an encoder would read"):
            view(data, Setting(structure=structure))
    with pytest.raises(StructureError):  # there is no tree that could be shuffled
        view(data, Setting(structure="shuffled"))
    # With a parser it is its trees that are read.
    parsed = parse_dataset(data.dataset, ToyTokenizer())
    assert view(parsed, Setting()).sentences["test"][1].dependencies == left_chain(
        parsed.sentences["test"][1]
    )


def test_what_is_parsed_for_a_question_about_trees():
    for structures, needed in (
        (["left_chain", "random"], False),
        (["parse", "left_chain"], True),
        (["shuffled"], True),
    ):
        assert needs_parser(structures, ARCS) == needed


def conllu(sentences) -> str:
    blocks = []
    for number, sentence in enumerate(sentences):
        arcs = [arc.split(":", 1) for arc in arcs_of(sentence.dependencies)]
        lines = [f"# sent_id = {number}", f"# text = {' '.join(sentence.tokens)}"]
        for place, (word, (head, relation)) in enumerate(
            zip(sentence.tokens, arcs, strict=True), start=1
        ):
            lines.append("\t".join([str(place), word, *"____", head, relation, "_", "_"]))
        blocks.append("\n".join(lines) + "\n\n")
    return "".join(blocks)


def treebank(path, sizes=(60, 20, 20)):
    generator = random.Random(5)
    for split, size in zip(SPLITS, sizes, strict=True):
        text = conllu(clause(generator) for _ in range(size))
        (path / f"{split}.conllu").write_text(text, encoding="utf-8")
    return {"dev": path / "dev.conllu", "test": path / "test.conllu"}


def test_a_treebank_is_the_data_of_a_parser(tmp_path, capsys):
    further = treebank(tmp_path)
    options = CompareOptions(
        data=str(tmp_path / "train.conllu"),
        **further,
        reads="arcs",
        encoders="bilstm>gat,child_sum_tree_lstm",
        seeds=1,
        epochs=2,
        hidden_dim=8,
        embedding_dim=8,
        reader="arcs(arc_dim=8, relation_dim=8)",
        workers=1,
    )
    loaded = options.dataset()
    assert loaded.question == ARCS
    first = loaded.train[0]
    assert first.sentence is None
    assert set(first.columns) == {"sent_id"}
    assert tree_of(first.label.split()) == clause(random.Random(5)).dependencies
    summary = run_experiment(options, tmp_path / "out")
    assert summary is not None
    shown = capsys.readouterr()
    assert "arcs (the dependency tree of a sentence), a head for each token" in (
        shown.out + shown.err
    )
    assert (tmp_path / "out/structure=left_chain/bilstm+gat/seed-0/result.json").exists()
    assert "LAS" in (tmp_path / "out/report.html").read_text(encoding="utf-8")
    with pytest.raises(DataError, match=r"--structure given an encoder would read .*left_chain"):
        run_experiment(replace(options, structure="given"), tmp_path / "given")


def test_rows_without_a_tree_are_told(tmp_path):
    def load(*rows, **options):
        path = tmp_path / "a.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return load_dataset(path, DataOptions(reads="arcs", **options))

    good = {"text": ["go", "on"], "heads": [0, 1], "relations": ["root", "advmod"]}
    other = {"tokens": ["so", "it"], "heads": [2, 0], "relations": ["dep", "root"]}
    rows = [{**good, "text": [f"go{number}", "on"]} for number in range(8)]
    made = load(*rows)
    assert made.train[0].label == "0:root 1:advmod"
    made = load(*({**other, "tokens": [f"so{number}", "it"]} for number in range(8)))
    assert made.train[0].label == "2:dep 0:root"
    for wrong, message in (
        ({"text": ["go", "on"]}, "no tree with relations"),
        ({"text": ["go", "on"], "heads": [0, 1]}, "no tree with relations"),
        ({"text": "go on", "heads": [0, 1]}, "`heads` belong to tokens"),
        ({**good, "heads": [0, 0]}, "not well formed"),
        ({**good, "heads": [0, 2]}, "not well formed"),
        ({**good, "relations": ["root", "a b"]}, "white space in it"),
    ):
        with pytest.raises(DataError, match=message):
            load(good, wrong)
    with pytest.raises(DataError, match="leave out label_column"):
        load(good, label_column="relations")
    with pytest.raises(DataError, match="arcs have one label each; leave out --answer score"):
        load(*rows, answer="score")
    with pytest.raises(OptionError, match="sentence, pair, span, spans, tokens, nodes, arcs"):
        DataOptions(reads="trees")


def test_data_of_one_s_own_must_be_trees():
    good = Example(("a", "b"), "0:root 1:dep", "f:1")
    for wrong, message in (
        ("0:root", "f:2: 2 tokens and 1 tag;"),
        ("0:root 0:root", "f:2: "),
        ("0:root 3:dep", "f:2: "),
        ("0:root dep", "f:2: 'dep' is no arc"),
    ):
        bad = Example(("a", "b"), wrong, "f:2")
        with pytest.raises(DataError, match=message):
            Dataset("d", (good, bad), (good,), (), ("root", "dep"), question=ARCS)


class TestAttachmentScores:
    GOLD = ("2:nsubj:pass 0:root 2:punct", "0:root")
    FOUND = ("2:nsubj 0:root 1:punct", "0:dep")

    def test_by_hand(self):
        # Heads: 2 of 3 and 1 of 1; relations, subtypes aside: 2 of those 2, and 0 of 1.
        assert UAS(self.GOLD, self.FOUND) == 3 / 4
        assert LAS(self.GOLD, self.FOUND) == 2 / 4
        assert (UAS.by_example(self.GOLD, self.FOUND), LAS.by_example(self.GOLD, self.FOUND)) == (
            pytest.approx((2 / 3 + 1) / 2),
            pytest.approx((2 / 3 + 0) / 2),
        )

    def test_a_relation_counts_where_the_head_is_right(self):
        found = class_f1(self.GOLD, self.FOUND, ARCS)
        assert found["punct"] == 0
        assert found["root"] == pytest.approx(2 * 1 / (2 + 1))

    def test_as_the_script_of_conll_2018_counts(self):
        from stanza.models.common.utils import ud_scores

        generator = random.Random(0)
        relations = ["nsubj", "nsubj:pass", "obj", "obl:tmod", "punct"]

        def drawn(size, seed):
            tree = random_tree(Sentence([f"w{n}" for n in range(size)]), seed)
            labels = ["root" if p < 0 else generator.choice(relations) for p in tree.parents]
            return Tree(tree.parents, labels=labels)

        sentences, others = [], []
        for number in range(40):
            size = generator.randrange(1, 9)
            tokens = [f"w{place}" for place in range(size)]
            gold = drawn(size, number)
            guess = (
                gold if generator.random() < 0.4 else drawn(size, number + generator.choice([0, 9]))
            )
            sentences.append(Sentence(tokens, dependencies=gold))
            others.append(Sentence(tokens, dependencies=guess))
        official = ud_scores(io.StringIO(conllu(sentences)), io.StringIO(conllu(others)))
        answers = [
            [" ".join(arcs_of(sentence.dependencies)) for sentence in side]
            for side in (sentences, others)
        ]
        for metric, key in ((UAS, "UAS"), (LAS, "LAS")):
            assert 0.2 < metric(*answers) < 0.9
            assert metric(*answers) == pytest.approx(official[key].f1, abs=1e-12)

    def test_an_example_is_a_sentence(self):
        gold = [*self.GOLD, "2:dep 0:root"]
        found = [*self.FOUND, "2:dep 0:root"]
        scores = LAS.scores(gold, found)
        rest = [LAS(gold[:n] + gold[n + 1 :], found[:n] + found[n + 1 :]) for n in range(3)]
        assert scores == pytest.approx([LAS(gold, found) + 2 * (np.mean(rest) - r) for r in rest])


def test_a_relation_that_train_lacks_is_never_right(tmp_path):
    data = dataset((60, 10, 10))
    rare = data.test[0]
    label = rare.label.replace(":root", ":orphan")
    data = replace(
        data,
        test=(replace(rare, label=label), *data.test[1:]),
        labels=(*data.labels, "orphan"),
    )
    run = Run(MODEL, TRAINING, 0, CHAIN)
    execute(run, parse_dataset(data, None), tmp_path, parser=ParserOptions())
    saved = load_model(tmp_path / run.folder)
    assert saved.classifier.labels == ("det", "nsubj", "obj", "root")
    (first, *_) = read_predictions(tmp_path / run.folder / "test.jsonl")
    assert first.label == label
    assert LAS([label], [first.prediction]) < UAS([label], [first.prediction])


def test_new_texts_are_parsed(tmp_path):
    run = Run(MODEL, TRAINING, 0, CHAIN)
    execute(run, parse_dataset(dataset(), None), tmp_path, parser=ParserOptions())
    predictor = Predictor(tmp_path / run.folder, ToyTokenizer())
    one, two = predictor.predict(["the dogs bark", ["bark"]])
    assert one.tokens == ("the", "dogs", "bark")
    assert one.label == "2:det 3:nsubj 0:root"
    assert two.label == "0:root"
    assert one.probabilities == {}
    (sentence,) = RunParser(tmp_path / run.folder, ToyTokenizer()).parse(["a cats see"])
    assert sentence.dependencies == Tree([1, 2, -1], labels=["det", "nsubj", "root"])
