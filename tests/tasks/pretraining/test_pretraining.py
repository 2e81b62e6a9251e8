"""Language models trained on text: what is read and measured; interruptions change nothing."""

from __future__ import annotations

import json
import math
import random

import numpy as np
import pytest
import torch

from parsers import to_brackets, write_conllu
from structnn import UNIVERSAL_RELATIONS, LanguageModel, Sentence, SentenceGraph, Tree
from structnn.heads.answers import NO_ANSWER
from tasks.data.examples import DataError
from tasks.data.structure_test import generate
from tasks.models.building import Task, build_model
from tasks.models.model import load_model
from tasks.models.prediction import Predictor
from tasks.models.preparation import with_number_of_labels
from tasks.options import OptionError
from tasks.pretraining import text as text_module
from tasks.pretraining.loop import Reading, measure
from tasks.pretraining.options import PretrainOptions
from tasks.pretraining.run import pretrain
from tasks.pretraining.store import stored
from tasks.storage import StorageError
from tasks.training import step

WORDS = "dogs cats birds people like see chase know big small old red the a".split()
FEW = {"epochs": 4, "batch_size": 6, "learning_rate": 2e-2, "hidden_dim": 6, "embedding_dim": 5}


def sentences(count, seed=0):
    generator = random.Random(seed)
    made = []
    for _ in range(count):
        size = generator.randrange(1, 8)
        parents = [-1, *(place // 2 for place in range(size - 1))]
        tree = Tree(parents, labels=["root"] + ["obj"] * (size - 1))
        made.append(Sentence(generator.choices(WORDS, k=size), dependencies=tree))
    return made


def with_structures(sentence):
    """With constituents that pair words from the left, and a graph with a node without a word."""
    size = len(sentence)
    # Node 2k is inner, its children the word k and the next inner node.
    parents, tokens, labels = [-1], [-1], ["S"]
    for word in range(size - 1):
        parents += [2 * word, 2 * word]
        tokens += [word, -1]
        labels += ["X", f"P{word % 3}"]
    tokens[-1] = size - 1
    edges = [(word, (word + 2) % (size + 1)) for word in range(size)]
    return sentence.replace(
        constituency=Tree(parents, tokens, labels),
        graph=SentenceGraph([*range(size), -1], edges, [f"E{word % 4}" for word in range(size)]),
    )


@pytest.fixture
def plain(tmp_path):
    file = tmp_path / "text.txt"
    lines = [" ".join(sentence.tokens) for sentence in sentences(50)]
    file.write_text("\n".join([*lines[:20], "", "  ", *lines[20:]]) + "\nrare words here\n")
    return file


@pytest.fixture
def treebank(tmp_path):
    file = tmp_path / "trees.conllu"
    write_conllu(sentences(40), file)
    return file


def options_of(**chosen):
    given = {"encoder": "lstm", "pretokenized": True, **FEW, **chosen}
    return PretrainOptions(**given)


def stored_in(folder, texts, objective="causal", **chosen):
    given = {
        "key": {},
        "min_count": 2,
        "lowercase": True,
        "structure": None,
        "dev_fraction": 0.2,
        "seed": 0,
        **chosen,
    }
    return stored(folder, {"train": lambda: texts}, objective, **given)


def test_text_becomes_numbers_and_back(tmp_path, monkeypatch):
    """In parts smaller than the text: frequent words first, rare ones unknown, the end before each."""
    monkeypatch.setattr("tasks.pretraining.store.AT_ONCE", 3)
    monkeypatch.setattr("tasks.pretraining.store.REMAPPED", 5)
    texts = [*sentences(30), Sentence(["Once", "the"])]
    vocabulary, found = stored_in(tmp_path, texts)
    read = []
    for split in ("train", "dev"):
        text = found[split]
        assert isinstance(text.words, np.memmap)
        for place in range(len(text)):
            first, *words = text.numbers(place).tolist()
            assert vocabulary.words[first] == "<end>"
            read.append(tuple(vocabulary.words[word] for word in words))
    expected = [
        tuple(word.lower() if word.lower() in vocabulary else "<unknown>" for word in one.tokens)
        for one in texts
    ]
    assert sorted(read) == sorted(expected)
    assert 1 <= len(found["dev"]) <= 12
    assert "once" not in vocabulary
    counts = vocabulary.counts[2:]
    assert sorted(counts, reverse=True) == list(counts)
    assert min(counts) >= 2
    characters = sum(len(" ".join(one.tokens)) + 1 for one in texts)
    assert found["train"].characters + found["dev"].characters == characters
    assert 0 < max(text.unknown_share for text in found.values()) < 0.1
    again, _ = stored_in(tmp_path, [])  # what is there is read
    assert again.words == vocabulary.words


FIELDS = {"parse": "dependencies", "constituency": "constituency", "graph": "graph"}


@pytest.mark.parametrize("structure", FIELDS)
def test_structures_are_kept(structure, tmp_path):
    texts = [with_structures(sentence) for sentence in sentences(20)]
    chosen = {"structure": structure, "dev_fraction": 0.5}
    _, found = stored_in(tmp_path, texts, "masked", **chosen)
    field, parts = FIELDS[structure], [found["train"], found["dev"]]
    kept = [getattr(part.sentence(place), field) for part in parts for place in range(len(part))]
    given = [getattr(sentence, field) for sentence in texts]
    assert sorted(map(repr, kept)) == sorted(map(repr, given))
    again = stored_in(tmp_path, [], "masked", **chosen)[1]["train"]  # what is there is read
    assert getattr(again.sentence(0), field) == kept[0]
    assert again.relations.words == parts[0].relations.words
    of_train = {label for tree in kept[: len(parts[0])] for label in tree.labels or ()}
    expected = set(UNIVERSAL_RELATIONS.words) if structure == "parse" else of_train
    assert set(again.relations.words) - {"<unknown>"} == expected - {"<unknown>"}
    with pytest.raises(ValueError, match=r"'a' has no .*--structure parse parses it"):
        stored_in(tmp_path / "none", [Sentence(["a"])] * 9, "masked", structure=structure)


@pytest.mark.parametrize(
    ("encoder", "structure"),
    [
        ("bidirectional_tree_lstm", "constituency"),
        ("nary_tree_lstm", "constituency"),
        ("syntactic_gcn", "constituency"),
        ("gat(heads=2)", "graph"),
        ("syntactic_gcn", "graph"),
    ],
)
def test_no_gradient_comes_from_hidden_words(encoder, structure, tmp_path):
    """From the files that training reads: nodes without words, labels and other edges included."""
    texts = [
        with_structures(Sentence([f"{number}.{place}" for place in range(6)]))
        for number in range(9)
    ]
    vocabulary, found = stored_in(
        tmp_path, texts, "masked", structure=structure, dev_fraction=0.3, min_count=1
    )
    text = found["train"]
    options = with_number_of_labels(options_of(encoder=encoder).model, text.relations)
    torch.manual_seed(0)
    model = build_model(options, Task(objective="masked", tied=False), vocabulary).double().eval()
    asked = Reading(0.4).of_sentences(text, model, np.arange(len(text)), (0, 1, 0))
    hidden = asked.gold[asked.gold != NO_ANSWER]
    model.loss(asked.batch, asked.gold).backward()
    gradient = model.embedding.table.weight.grad.abs().sum(1)
    others = asked.batch.token_ids[asked.gold == NO_ANSWER]
    assert not gradient[hidden].any()
    # Words are leaves of constituents: who reads up alone sees no other word at them.
    assert gradient[others].any() == (encoder != "nary_tree_lstm")
    assert len(hidden) + len(others) == 6 * len(text)


@torch.no_grad()
def by_hand(model, text):
    """The mean loss over words and ends, from one prefix at a time."""
    losses = []
    for place in range(len(text)):
        ids = text.numbers(place).tolist()
        for length, following in enumerate([*ids[1:], 1], start=1):
            batch = model.batch([Sentence(["a"] * length)])
            prefix = batch.with_token_ids(torch.tensor([*ids[:length], 0]))
            losses.append(-float(model.log_probabilities(prefix)[length - 1, following]))
    return sum(losses), len(losses)


def test_perplexity_and_bits_per_character(plain, tmp_path):
    found = pretrain(str(plain), options_of(epochs=1), tmp_path / "lm")
    model = load_model(tmp_path / "lm").classifier
    assert isinstance(model, LanguageModel)
    texts = [Sentence(line.split()) for line in plain.read_text().splitlines() if line.strip()]
    vocabulary, stored_texts = stored_in(tmp_path / "again", texts, dev_fraction=0.1)
    assert vocabulary.words == model.vocabulary.words
    total, words = by_hand(model.double(), stored_texts["dev"])
    measured = found.measured["dev"]
    assert measured.words == words
    assert measured.perplexity == pytest.approx(math.exp(total / words), rel=1e-5)
    characters = (
        sum(len(" ".join(one.tokens)) + 1 for one in texts) - stored_texts["train"].characters
    )
    assert measured.bits_per_character == pytest.approx(total / math.log(2) / characters, rel=1e-5)


@pytest.mark.parametrize(
    "encoder", ["lstm(layers=2)", "min_gru", "rnn", "transformer(causal=True)"]
)
def test_a_running_text_in_parts(encoder, plain, tmp_path):
    """Who carries states predicts the same whatever the parts; who doesn't, other things."""
    chosen = {"encoder": encoder, "bptt": 4, "epochs": 1, "hidden_dim": 8}
    found = pretrain(str(plain), options_of(**chosen), tmp_path / "lm")
    model = load_model(tmp_path / "lm").classifier
    texts = [Sentence(line.split()) for line in plain.read_text().splitlines() if line.strip()]
    _, stored_texts = stored_in(tmp_path / "again", texts, dev_fraction=0.1)
    text = stored_texts["train"]
    whole = measure(model, text, Reading(bptt=10**6), 1)
    assert whole.words == len(text.words)
    small = measure(model, text, Reading(bptt=3), 1)
    assert (small.loss == pytest.approx(whole.loss, abs=1e-6)) == model.encoder.carries
    assert any("began anew" in note for note in found.notes) != model.encoder.carries
    for rows in (3, 7, 1000):  # beside each other, each begins anew
        assert measure(model, text, Reading(bptt=5), rows).words == whole.words


INTERRUPTED = [
    {"encoder": "lstm(layers=2,dropout=0.3)"},
    {"encoder": "gru", "bptt": 5, "epoch_batches": 3, "epochs": 6},
    {"encoder": "min_gru", "tied": False, "epoch_batches": 3, "epochs": 6},
    {"encoder": "bidirectional_tree_lstm", "objective": "masked", "tied": False},
    {"encoder": "gat(heads=2)", "objective": "masked", "epoch_batches": 2, "epochs": 6},
    {"encoder": "child_sum_tree_lstm", "objective": "prefixes", "epochs": 4},
]


@pytest.mark.parametrize("chosen", INTERRUPTED, ids=lambda chosen: chosen["encoder"])
def test_interrupted_and_resumed_is_uninterrupted(chosen, treebank, tmp_path, monkeypatch):
    monkeypatch.setattr(step, "SMALL_TABLE", 3)  # with an optimiser of its own for words
    options = options_of(**chosen)
    whole = pretrain(str(treebank), options, tmp_path / "whole", seed=3)

    def stop(epoch):
        if epoch.number in (1, 3):
            raise KeyboardInterrupt

    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            pretrain(str(treebank), options, tmp_path / "parts", seed=3, on_epoch=stop)
        torch.rand(7)  # what happens between is of no matter
    parts = pretrain(str(treebank), options, tmp_path / "parts", seed=3)
    assert parts == whole
    one, other = (
        load_model(tmp_path / name).classifier.state_dict() for name in ("whole", "parts")
    )
    assert all(torch.equal(one[name], other[name]) for name in one)
    histories = [
        [
            {**epoch, "seconds": 0}
            for epoch in json.loads((tmp_path / n / "history.json").read_text())
        ]
        for n in ("whole", "parts")
    ]
    assert histories[0] == histories[1]
    assert not (tmp_path / "parts" / "text").exists()
    again = pretrain(str(treebank), options, tmp_path / "parts", seed=3, on_epoch=stop)
    assert (again.epochs, again.best_epoch) == (whole.epochs, whole.best_epoch)


def test_prefixes_are_measured_as_causal_models_are(treebank, tmp_path):
    """The same words, ends and characters; a nary encoder reads what it has places for."""
    measured = []
    for encoder, objective in [("lstm", "causal"), ("nary_tree_lstm", "prefixes")]:
        options = options_of(encoder=encoder, objective=objective, epochs=1)
        found = pretrain(str(treebank), options, tmp_path / objective)
        measured.append(found.measured["dev"])
    assert measured[0].words == measured[1].words
    assert measured[0].characters == measured[1].characters
    assert measured[0].unknown_share == measured[1].unknown_share


def test_epochs_of_some_batches_go_through_the_whole_text(plain, tmp_path, monkeypatch):
    """Each sentence once before any is read again."""
    seen = []
    original = Reading.of_sentences

    def noted(self, text, model, indices, seed):
        seen.append((seed, indices.tolist()))
        return original(self, text, model, indices, seed)

    monkeypatch.setattr(Reading, "of_sentences", noted)
    pretrain(str(plain), options_of(epoch_batches=2, epochs=9), tmp_path / "lm")
    trained = [(seed, indices) for seed, indices in seen if len(seed) == 3]
    first = [index for (_, number, _), indices in trained for index in indices if number == 1]
    assert sorted(first) == list(range(len(first)))
    assert len({number for (_, number, _), _ in trained}) > 1


def test_text_is_read_in_parts(tmp_path, monkeypatch):
    """What is written before the end of the source is read."""
    monkeypatch.setattr("tasks.pretraining.store.AT_ONCE", 10)
    at_once = 0

    def source():
        nonlocal at_once
        for number, sentence in enumerate(sentences(200)):
            written = (tmp_path / "train" / "words").stat().st_size
            at_once = max(at_once, number - 1 if not written else 0)
            yield sentence

    stored(
        tmp_path, {"train": source, "dev": source}, "causal", key={}, min_count=1, lowercase=True,
        structure=None, dev_fraction=0.1, seed=0,
    )  # fmt: skip
    assert at_once < 200


def test_an_interruption_while_text_is_read_leaves_nothing_half(tmp_path):
    def broken():
        yield from sentences(30)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stored_in(tmp_path, broken(), dev_fraction=0.5)
    vocabulary, found = stored_in(tmp_path, sentences(20, seed=1), dev_fraction=0.5)
    expected, whole = stored_in(tmp_path / "other", sentences(20, seed=1), dev_fraction=0.5)
    assert vocabulary.words == expected.words
    assert found["train"].words.tolist() == whole["train"].words.tolist()


def test_files_and_data_sets(plain, treebank, tmp_path, monkeypatch):
    """Labels of a table are not read; trees of a treebank are; a data set has its own dev and test."""
    table = tmp_path / "table.csv"
    table.write_text("text,label\n" + "".join(f"the {w} see a {w},x\n" for w in WORDS) * 3)
    assert pretrain(str(table), options_of(epochs=1), tmp_path / "1").words > 10
    chosen = {"encoder": "child_sum_tree_lstm", "objective": "masked", "epochs": 1}
    with_dev = options_of(**chosen, dev=treebank, test=treebank)
    found = pretrain(str(treebank), with_dev, tmp_path / "2")
    assert set(found.measured) == {"dev", "test"}
    assert found.measured["dev"] == found.measured["test"]
    small = generate(train=64, dev=48, test=120)
    monkeypatch.setattr(text_module, "load_dataset", lambda *_: small)
    given = options_of(**{**chosen, "structure": "given"})
    found = pretrain("structure-test", given, tmp_path / "3")
    assert set(found.measured) == {"dev", "test"}
    with pytest.raises(OptionError, match="has no trees"):
        pretrain(str(plain), given, tmp_path / "4")
    controls = options_of(**{**chosen, "structure": "balanced"})
    assert pretrain(str(plain), controls, tmp_path / "5").words


def test_constituents_and_graphs_of_files(tmp_path):
    """As train and compare read them: brackets, the column tree, graphs, enhanced dependencies."""
    made = [with_structures(sentence) for sentence in sentences(30)]
    brackets = tmp_path / "trees.mrg"
    brackets.write_text("".join(f"{to_brackets(one)}\n" for one in made))
    rows = [
        {
            "tokens": one.tokens,
            "tree": to_brackets(one),
            "graph": {name: getattr(one.graph, name) for name in ("tokens", "edges", "labels")},
        }
        for one in made
    ]
    table = tmp_path / "rows.jsonl"
    table.write_text("\n".join([*map(json.dumps, rows), json.dumps({"tokens": []})]))
    chosen = {"objective": "masked", "epochs": 1, "min_count": 1, "dev_fraction": 0.3}
    plain = options_of(encoder="child_sum_tree_lstm", **chosen)
    found = [
        pretrain(str(brackets), plain, tmp_path / "brackets"),
        pretrain(
            str(table),
            options_of(encoder="child_sum_tree_lstm", structure="constituency", **chosen),
            tmp_path / "column",
        ),
    ]
    assert found[0].measured == found[1].measured
    model = load_model(tmp_path / "brackets")
    assert model.structure == "constituency"
    assert set(model.relations.words[1:]) <= {"S", "X", "P0", "P1", "P2"}

    graph = options_of(encoder="syntactic_gcn", structure="graph", **chosen)
    assert pretrain(str(table), graph, tmp_path / "graph").words
    assert len(load_model(tmp_path / "graph").relations) == 5
    with pytest.raises(DataError, match=r"trees.mrg, sentence 1: .* has no graph"):
        pretrain(str(brackets), graph, tmp_path / "none-1")
    enhanced = options_of(encoder="gat(heads=2)", structure="enhanced", **chosen)
    with pytest.raises(DataError, match=r"rows.jsonl:1: "):
        pretrain(str(table), enhanced, tmp_path / "none-2")
    tree = options_of(encoder="child_sum_tree_lstm", structure="graph", **chosen)
    with pytest.raises(DataError, match=r"can't read --structure graph: .* reads trees"):
        pretrain(str(table), tree, tmp_path / "none-3")
    prefixes = {"encoder": "gat(heads=2)", "objective": "prefixes"}
    with pytest.raises(OptionError, match="a prefix has the dependencies between its words"):
        pretrain(str(brackets), options_of(**prefixes), tmp_path / "none-4")
    with pytest.raises(OptionError, match="a prefix has the dependencies between its words"):
        options_of(structure="graph", **prefixes)
    # Of the same words as a sequence, and with a control in the trees' place.
    sequence = options_of(encoder="bilstm", **chosen)
    assert pretrain(str(brackets), sequence, tmp_path / "sequence").words == found[0].words
    control = options_of(encoder="child_sum_tree_lstm", structure="balanced", **chosen)
    assert pretrain(str(brackets), control, tmp_path / "control").words == found[0].words


def test_masked_models_prefer_what_fits(tmp_path):
    """A word that its neighbour decides is found."""
    file = tmp_path / "pairs.txt"
    file.write_text("dogs bark\ncats meow\nbirds sing\ncows moo\n" * 15)
    given = {"encoder": "bilstm", "objective": "masked", "dropout": 0.0, "word_dropout": 0.0}
    options = options_of(**given, epochs=15, learning_rate=5e-2, hidden_dim=16)
    found = pretrain(str(file), options, tmp_path / "lm")
    assert found.measured["dev"].perplexity < 2


def test_what_is_wrong_is_told(plain, tmp_path, monkeypatch):
    out = tmp_path / "lm"
    pretrain(str(plain), options_of(epochs=1), out)
    with pytest.raises(OptionError, match=r"epochs was 1 and is now 2.*another folder"):
        pretrain(str(plain), options_of(epochs=2), out)
    with pytest.raises(ValueError, match="language model, which answers no question"):
        Predictor(out)
    moved = plain.rename(tmp_path / "moved.txt")
    assert pretrain(str(moved), options_of(epochs=1), out).epochs == 1  # the same text: it is done
    plain = moved
    with plain.open("a") as file:
        file.write("one more line\n")
    with pytest.raises(OptionError, match="train was"):
        pretrain(str(plain), options_of(epochs=1), out)
    with pytest.raises(OptionError, match="later words too"):
        pretrain(str(plain), options_of(encoder="bilstm"), tmp_path / "other")
    with pytest.raises(OptionError, match="bptt"):
        options_of(objective="masked", bptt=3)
    with pytest.raises(OptionError, match="structure must be one of parse, constituency, given"):
        options_of(structure="rerooted")
    with pytest.raises(ValueError, match="Give a file of text, or one of trec"):
        pretrain("nothing.txt", options_of(), tmp_path / "other")
    (tmp_path / "latin.txt").write_bytes("caf\xe9\n".encode("latin-1") * 9)
    with pytest.raises(ValueError, match="another --encoding"):
        pretrain(str(tmp_path / "latin.txt"), options_of(), tmp_path / "other2")
    (tmp_path / "empty.txt").write_text("\n\n")
    with pytest.raises(ValueError, match=r"empty.txt: there is no sentence in it; give a file"):
        pretrain(str(tmp_path / "empty.txt"), options_of(), tmp_path / "other3")
    weights = out / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    with pytest.raises(StorageError, match="damaged"):
        load_model(out)


@pytest.mark.parametrize("split", ["dev", "test"])
@pytest.mark.parametrize("interrupted", [False, True])
def test_the_result_with_a_text_is_not_that_without(split, interrupted, plain, tmp_path):
    """Without its own dev a model is trained on less; without test there is nothing to say of it."""
    other = tmp_path / "other.txt"
    other.write_text("dogs see cats\n")

    def stop(epoch):
        if interrupted:
            raise KeyboardInterrupt

    try:
        pretrain(str(plain), options_of(epochs=2, **{split: other}), tmp_path / "lm", on_epoch=stop)
    except KeyboardInterrupt:
        assert interrupted
    with pytest.raises(OptionError, match=rf"{split} was '\w+' and is now None"):
        pretrain(str(plain), options_of(epochs=2), tmp_path / "lm")


def test_what_could_not_begin_is_no_model_of_other_options(plain, tmp_path):
    """A fault in a text, which is mended: the same folder is taken."""
    dev = tmp_path / "dev.txt"
    dev.write_text("\n")
    options = options_of(epochs=1, dev=dev)
    with pytest.raises(DataError, match="there is no sentence"):
        pretrain(str(plain), options, tmp_path / "lm")
    dev.write_text("dogs see cats\n")
    found = pretrain(str(plain), options, tmp_path / "lm")
    assert found.measured["dev"].words == 4


def test_plain_text_is_divided_by_the_parser(tmp_path, monkeypatch):
    """Unless its tokens are given."""
    (tmp_path / "text.txt").write_text("Dogs bark.\nCats sleep.\n" * 10)
    parsed = []

    class Fake:
        def parse(self, texts):
            parsed.extend(texts)
            return [Sentence([t[:4], t[4:]], dependencies=Tree([-1, 0])) for t in texts]

    monkeypatch.setattr(text_module, "cached_parser", lambda options: Fake())
    options = options_of(
        pretokenized=False,
        epochs=1,
        encoder="child_sum_tree_lstm",
        objective="masked",
        dev_fraction=0.3,
    )
    pretrain(str(tmp_path / "text.txt"), options, tmp_path / "lm")
    assert len(parsed) == 20
    assert "dogs" in load_model(tmp_path / "lm").classifier.vocabulary
