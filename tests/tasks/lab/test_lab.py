"""The lab against finite differences, closed forms, and paths counted by hand."""

from __future__ import annotations

import csv
import json
import random
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from typer.testing import CliRunner

from structnn import (
    ENCODERS,
    UNIVERSAL_RELATIONS,
    Batch,
    Corpus,
    Encoder,
    Sentence,
    Tree,
    Vocabulary,
    build_encoder,
    register_encoder,
)
from structnn.ops.paths import UnknownStepsError
from tasks.command.cli import app
from tasks.data.options import ParserOptions
from tasks.lab import gradients
from tasks.lab.curves import (
    Curve,
    curve_of,
    factor_per_step,
    largest_is_one,
    radius_of,
    vanishes_at,
)
from tasks.lab.experiments import gradient_flow, path_length, receptive_field, within_edges
from tasks.lab.figures import draw_flow
from tasks.lab.gradients import sentence_gradients, state_gradients
from tasks.lab.sentences import TEXTS, spread_out
from tasks.lab.subjects import runs_below, subject_of_run, subject_untrained
from tasks.lab.summaries import FlowSummary, field_summaries, flow_summaries, path_summaries
from tasks.lab.words import flow_in_words, path_row, paths_in_words, share
from tasks.models.building import Task, build_model
from tasks.models.model import SavedModel, save_model
from tasks.models.options import ModelOptions
from tasks.storage import StorageError, write_json
from tests.structnn.examples import random_sentences

INFINITE = float("inf")

# 1 ── 0
#  └── 4 ── 3 ── 2
#       └── 5
PARENTS = [1, -1, 3, 4, 1, 4]
SENTENCE = Sentence(list("abcdef"), dependencies=Tree(PARENTS, labels=["dep"] * 6))


def encoder_of(spec: str, dim: int = 6, hidden: int = 8, seed: int = 0, **options) -> Encoder:
    torch.manual_seed(seed)
    return build_encoder(spec, dim, hidden, **options).double().eval()


def vectors_of(sentence: Sentence, dim: int = 6) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(len(sentence), dim, dtype=torch.float64, generator=generator)


# Gradients


@pytest.mark.parametrize(
    "spec",
    [
        "rnn",
        "bilstm(readout='attention')",
        "transformer",
        "child_sum_tree_lstm",
        "bidirectional_tree_lstm(readout='mean')",
        "gat(readout='mean')",
        "bilstm>gcn(activation='tanh', readout='mean')",
    ],
)
def test_gradients_are_those_of_finite_differences(spec):
    encoder, x = encoder_of(spec), vectors_of(SENTENCE)
    corpus = Corpus([SENTENCE])

    def difference(what, token: int, column: int) -> torch.Tensor:
        step = torch.zeros_like(x)
        step[token, column] = 1e-6
        with torch.no_grad():
            above, below = (
                getattr(encoder(x + sign * step, corpus.batch()), what) for sign in (1, -1)
            )
        return (above - below) / 2e-6

    def norms(what) -> torch.Tensor:
        squares = [
            sum(difference(what, token, column).square().sum(1) for column in range(x.shape[1]))
            for token in range(len(x))
        ]
        return torch.stack(squares, dim=1).sqrt()  # (sentences or tokens, tokens)

    found = sentence_gradients(encoder, corpus, 0, x)
    torch.testing.assert_close(found, norms("sentence")[0], rtol=1e-5, atol=1e-8)
    found = state_gradients(encoder, corpus, 0, x, [0, 4])
    torch.testing.assert_close(found, norms("tokens")[[0, 4]], rtol=1e-5, atol=1e-8)


def test_batches_of_any_size_give_the_same(monkeypatch):
    encoder, x, corpus = encoder_of("child_sum_tree_lstm"), vectors_of(SENTENCE), Corpus([SENTENCE])
    at_once = state_gradients(encoder, corpus, 0, x, [1, 3])
    monkeypatch.setattr(gradients, "_TOKENS", 20)
    torch.testing.assert_close(state_gradients(encoder, corpus, 0, x, [1, 3]), at_once)


def test_a_linear_rnn_loses_its_spectral_radius_with_each_word():
    # With zeros to read and no biases the states are zero, where tanh is the identity.
    encoder = encoder_of("rnn")
    weights = dict(encoder.network.named_parameters())
    rotation, _ = torch.linalg.qr(torch.randn(8, 8, dtype=torch.float64))
    with torch.no_grad():
        weights["bias_ih_l0"].zero_()
        weights["bias_hh_l0"].zero_()
        weights["weight_hh_l0"].copy_(0.7 * rotation)
    sentence = Sentence([str(word) for word in range(30)])
    found = sentence_gradients(
        encoder, Corpus([sentence]), 0, torch.zeros(30, 6, dtype=torch.float64)
    )
    at_the_end = float(weights["weight_ih_l0"].detach().norm())
    expected = [at_the_end * 0.7**distance for distance in reversed(range(30))]
    assert found.tolist() == pytest.approx(expected, rel=1e-10)
    curve = curve_of([found.numpy()], [np.arange(30)[::-1]], [np.zeros(30, int)], least=1)
    assert factor_per_step(curve) == pytest.approx(0.7)
    assert vanishes_at(curve) == 13  # 0.7 ** 13 is 0.0097


def test_a_bag_hears_all_words_alike():
    found = sentence_gradients(encoder_of("bag"), Corpus([SENTENCE]), 0, vectors_of(SENTENCE))
    assert found.tolist() == pytest.approx([float(found[0])] * 6)
    assert found[0] > 0


# Paths


def paths_of(spec: str, sentence: Sentence = SENTENCE, **options) -> list[float]:
    batch = Batch.from_sentences([sentence])
    return encoder_of(spec, **options).sentence_steps(batch).tolist()


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("bag", [1] * 6),
        ("dan", [3] * 6),
        ("rnn", [6, 5, 4, 3, 2, 1]),
        ("lstm(layers=2)", [7, 6, 5, 4, 3, 2]),
        ("lstm(readout='root')", [2, 1] + [INFINITE] * 4),
        ("bilstm", [1, 2, 3, 3, 2, 1]),
        ("bilstm(layers=2,readout='root')", [3, 2, 3, 4, 5, 6]),
        ("bilstm(readout='max')", [1] * 6),
        ("gru(readout='attention')", [1] * 6),
        ("min_gru", [6, 5, 4, 3, 2, 1]),
        ("hyper_lstm", [6, 5, 4, 3, 2, 1]),
        ("fast_weights", [2, 2, 2, 2, 2, 1]),
        ("self_attentive", [1] * 6),
        ("cnn(widths=(3,))", [1] * 6),
        ("cnn(widths=(3,),readout='last')", [INFINITE] * 4 + [1, 1]),
        ("cnn(widths=(3,),layers=2,readout='last')", [INFINITE] * 3 + [2, 2, 2]),
        (
            "cnn(widths=(3,),dilation=2,readout='last')",
            [INFINITE, INFINITE, INFINITE, 1, INFINITE, 1],
        ),
        # Words 4 and 5 share the window centred on 4, of words 3, 4 and 5.
        ("cnn(widths=(3,),stride=2,readout='last')", [INFINITE] * 3 + [1, 1, 1]),
        ("transformer", [2] * 6),
        ("transformer(layers=3,readout='cls')", [3] * 6),
        ("child_sum_tree_lstm", [2, 1, 4, 3, 2, 3]),
        ("tree_gru(readout='max')", [1] * 6),
        ("tree_gru(readout='last')", [INFINITE] * 5 + [1]),
        ("nary_tree_lstm", [2, 1, 4, 3, 2, 3]),
        # From word 2 up to the root and down to word 0: 4 steps up, 2 down.
        ("bidirectional_tree_lstm(readout='last')", [5, 3, 5, 4, 2, 1]),
        ("bidirectional_tree_lstm(readout='root')", [2, 1, 4, 3, 2, 3]),
        ("tree_transformer", [2] * 6),
        (
            "tree_transformer(layers=1,ancestors_only=True,readout='last')",
            [INFINITE, 1, INFINITE, INFINITE, 1, 1],
        ),
        ("gat", [2] * 6),
        ("gat(readout='root')", [2, 2, INFINITE, 2, 2, 2]),
        ("gcn(layers=1,readout='root')", [1, 1, INFINITE, INFINITE, 1, INFINITE]),
        ("gcn(layers=3,jump='max',readout='root')", [1, 1, 3, 2, 1, 2]),
        ("gcn(layers=1,hops=3,readout='root')", [1] * 6),
        ("gcn(layers=1,latent='soft',readout='root')", [1] * 6),
        ("gcn(layers=2,parse=False,neighbours=True,readout='last')", [INFINITE] * 3 + [2, 2, 2]),
        ("lstm>gat(layers=1,readout='root')", [2, 2, 4, 3, 2, INFINITE]),
        ("child_sum_tree_lstm>lstm", [7, 6, 5, 4, 3, 2]),
        ("rnn(readout='last+root')", [2, 1, 4, 3, 2, 1]),
    ],
)  # fmt: skip
def test_paths_counted_by_hand(spec, expected):
    assert paths_of(spec) == expected


def test_paths_through_nodes_without_words():
    # ((a b) c): words at nodes 0, 1 and 3.
    tree = Tree([2, 2, 4, 4, -1], tokens=[0, 1, -1, 2, -1])
    batch = Batch.from_sentences(
        [Sentence(["a", "b", "c"], constituency=tree)], structure="constituency"
    )
    for spec, expected in (
        ("child_sum_tree_lstm", [3, 3, 2]),
        ("gcn(readout='root')", [2, 2, 2]),
        ("gcn(layers=1,readout='root')", [INFINITE, INFINITE, 1]),
        ("bidirectional_tree_lstm(readout='last')", [5, 5, 1]),
        ("tree_transformer", [2, 2, 2]),
        ("lstm>child_sum_tree_lstm", [4, 4, 3]),
    ):
        assert encoder_of(spec).sentence_steps(batch).tolist() == expected, spec


WIDE = {"rntn": 4}
VARIANTS = [
    *ENCODERS.names(),
    "bilstm(layers=2)",
    "min_gru(bidirectional=True)",
    "cnn(widths=(2,3),dilation=2)",
    "cnn(widths=(4,),stride=2,layers=2)",
    "tree_transformer(layers=1,ancestors_only=True)",
    "transformer(positions='rotary')",
    "gat(layers=1)",
    "gcn(layers=3,jump='concat')",
    "sage(layers=1,hops=2)",
    "gcn(directions='up')",
    "gcn(normalisation='symmetric')",
    "gatv2(directions='down',layers=3)",
    "gin(parse=False,neighbours=True)",
    "ggnn(latent='soft')",
    "lstm>gat(layers=1)",
    "child_sum_tree_lstm>cnn(widths=(3,))",
    "bidirectional_tree_lstm>rnn",
]


@pytest.mark.parametrize("spec", VARIANTS)
def test_there_is_a_path_where_there_is_a_gradient(spec):
    """The paths that the rules count against those that backpropagation finds."""
    options = {"arity": 4} if "arity" in _options(spec) else {}
    encoder = encoder_of(spec, hidden=WIDE.get(spec, 32), **options)
    for sentence in random_sentences(0, [1, 4, 11], arity=4):
        corpus = Corpus([sentence])
        x = vectors_of(sentence)
        found = state_gradients(encoder, corpus, 0, x, range(len(sentence))) > 0
        steps = encoder.steps(corpus.batch())
        assert torch.equal(found, torch.isfinite(steps)), spec
        reached = torch.isfinite(encoder.sentence_steps(corpus.batch()))
        moved = sentence_gradients(encoder, corpus, 0, x) > 0
        assert bool((moved <= reached).all())  # a maximum may take nothing of a word


def _options(spec: str) -> dict[str, object]:
    name, _ = ENCODERS.parse(spec, ">")[-1]
    return dict(ENCODERS.options(name))


class Heads(Encoder):
    """Each word sees itself and its head."""

    reads = frozenset({"tree"})

    def __init__(self, input_dim: int, hidden_dim: int, *, readout: str = "mean") -> None:
        super().__init__(input_dim, hidden_dim, readout=readout)
        self.layer = nn.Linear(2 * input_dim, hidden_dim)

    def encode(self, x, batch):
        heads = x[batch.parents] * (batch.parents >= 0).unsqueeze(1)
        return self.layer(torch.cat([x, heads], dim=1)).tanh()


def test_an_encoder_of_ones_own(tmp_path):
    register_encoder("heads", Heads)
    batch = Batch.from_sentences([SENTENCE])
    with pytest.raises(UnknownStepsError, match=r"Heads does not say .* define its method `steps`"):
        encoder_of("heads").sentence_steps(batch)
    sentences = random_sentences(1, [5, 6, 7, 8, 9])
    subject = subject_untrained(
        ModelOptions(encoder="heads", hidden_dim=4, embedding_dim=4), sentences, "parse", 0
    )
    (summary,) = flow_summaries(gradient_flow([subject]))
    assert (summary.path, summary.per_step) == (None, None)
    assert len(flow_in_words([summary])) == 1


# Curves


def test_curves_are_means_over_words_and_then_over_seeds():
    values = [np.array([1.0, 3.0, 1.0, 8.0]), np.array([2.0, 4.0, 3.0, 8.0])]
    distances = [np.array([0, 0, 1, 2])] * 2
    groups = [np.array([0, 1, 0, 0])] * 2
    curve = curve_of(values, distances, groups, least=1)
    assert curve.distances.tolist() == [0, 1, 2]
    assert (curve.means * 8).tolist() == pytest.approx([2.5, 2, 8])
    assert (curve.lowest * 8).tolist() == pytest.approx([2, 1, 8])
    assert (curve.highest * 8).tolist() == pytest.approx([3, 3, 8])
    assert curve.counts.tolist() == [2, 1, 1]
    assert (curve.at(2), curve.at(3)) == (1.0, None)
    assert curve_of(values, distances, groups, least=2).distances.tolist() == [0]
    assert curve_of(values, distances, groups, least=3).means.tolist() == []


def curve(means: list[float], first: int = 0) -> Curve:
    zeros, ones = np.zeros(len(means)), np.ones(len(means), int)
    return Curve(np.arange(first, first + len(means)), np.array(means), zeros, zeros, ones)


def test_where_a_curve_vanishes():
    assert vanishes_at(curve([1, 0.1, 0.01, 0.001])) == 3
    assert vanishes_at(curve([1, 0.001, 0.5, 0.001, 0.009])) == 3  # from there on, for good
    assert vanishes_at(curve([1, 0.5])) is None
    assert vanishes_at(curve([])) is None


def test_factor_of_a_step():
    assert factor_per_step(curve([1, 0.5, 0.25, 0.125])) == pytest.approx(0.5)
    assert factor_per_step(curve([1, 0.5, 0.25, 0])) == pytest.approx(0.5)
    assert factor_per_step(curve([1, 0.5])) is None


def test_radius():
    assert radius_of(curve([6, 2, 1, 1])) == 2
    assert radius_of(curve([1, 0, 8, 0, 1], first=-2)) == 2
    assert radius_of(curve([0.5, 9, 0.5], first=-1)) == 0
    assert radius_of(curve([0, 0])) is None


def test_shares_of_the_largest_of_a_group():
    found = largest_is_one(np.array([1.0, 4.0, 0.0, 3.0]), np.array([0, 0, 2, 1]))
    assert found.tolist() == [0.25, 1, 0, 1]


# Experiments


@pytest.fixture(scope="module")
def sentences():
    return random_sentences(3, [4, 6, 7, 8, 9, 12])


def subjects_of(specs, sentences, seeds=2, structure="parse"):
    return [
        subject_untrained(
            ModelOptions(encoder=spec, hidden_dim=8, embedding_dim=8), sentences, structure, seed
        )
        for spec in specs
        for seed in range(seeds)
    ]


def test_a_seed_gives_the_same_again(sentences):
    (one,), (again,) = (gradient_flow(subjects_of(["gat"], sentences, seeds=1)) for _ in range(2))
    assert np.array_equal(one.columns["gradient"], again.columns["gradient"])
    other = gradient_flow(subjects_of(["gat"], sentences))[1]
    assert not np.array_equal(one.columns["gradient"], other.columns["gradient"])


def test_where_words_are(sentences):
    (measured,) = gradient_flow(subjects_of(["child_sum_tree_lstm"], [SENTENCE], seeds=1))
    assert measured.columns["from_end"].tolist() == [5, 4, 3, 2, 1, 0]
    assert measured.columns["from_root"].tolist() == [1, 0, 1, 2, 3, 4]
    assert measured.columns["depth"].tolist() == [1, 0, 3, 2, 1, 2]
    assert measured.columns["path"].tolist() == [2, 1, 4, 3, 2, 3]
    assert measured.columns["share"].max() == 1
    (measured,) = gradient_flow(
        subjects_of(["child_sum_tree_lstm"], [SENTENCE], seeds=1, structure="left_chain")
    )
    assert measured.columns["depth"].tolist() == [5, 4, 3, 2, 1, 0]


def test_receptive_fields(sentences):
    fields = field_summaries(
        receptive_field(subjects_of(["bag", "lstm", "transformer"], sentences))
    )
    bag, lstm, transformer = fields
    assert bag.words.means.tolist()[:4] == [1, 0, 0, 0]
    assert radius_of(bag.words) == 0
    assert (lstm.apart.means[lstm.apart.distances > 0] == 0).all()
    assert (lstm.apart.means[lstm.apart.distances <= 0] > 0).all()
    assert transformer.reached == 1
    assert bag.reached < lstm.reached < 1


@pytest.mark.parametrize("lengths", [(3, 40), (3, 3, 3, 3, 3, 40)])
def test_the_radius_is_that_of_all_distances(lengths):
    """Also of those that too few sentences have for a mean."""
    measured = receptive_field(subjects_of(["transformer"], random_sentences(0, lengths)))
    (summary,) = field_summaries(measured)
    assert summary.words.distances.max() <= 2
    tables = [table.columns for table in measured]
    for column, found in (("apart", summary.within_words), ("edges", summary.within_edges)):
        distances = np.concatenate([np.abs(table[column]) for table in tables])
        mass = np.cumsum(np.bincount(distances, np.concatenate([t["share"] for t in tables])))
        assert found == np.searchsorted(mass, 0.9 * mass[-1])
        assert found > 2


def test_path_summaries(sentences):
    measured = path_length(subjects_of(["rnn", "gcn(layers=1,readout='root')"], sentences, seeds=1))
    rnn, gcn = path_summaries(measured)
    assert rnn.growth == pytest.approx(0.5)  # (n + 1) / 2 on average
    assert rnn.by_length.tolist() == [(length + 1) / 2 for length in (4, 6, 7, 8, 9, 12)]
    assert (rnn.least, rnn.greatest, rnn.reached) == (1, 12, 1)
    assert (gcn.least, gcn.greatest) == (1, 1)
    assert gcn.reached < 1
    words = paths_in_words([rnn, gcn], within_edges(sentences))
    assert words[0].startswith("rnn: 1 to 12 steps, ")
    assert "0.5 more with each word of the sentence" in words[0]
    assert "the sentence vector does not see" in words[1]
    rows = [path_row(replace(rnn, growth=growth)) for growth in (0.5, -1e-9, -0.01)]
    assert [row[4] for row in rows] == ["+0.50", "+0.00", "-0.01"]


def test_what_layers_of_a_graph_see():
    within = within_edges([SENTENCE], most=4)
    assert within["the root"].tolist() == pytest.approx([3 / 6, 5 / 6, 1, 1])
    # Pairs of words 0, 1, 2, 3 and 4 edges apart, each counted both ways: 6, 10, 10, 8 and 2.
    assert within["a word"].tolist() == pytest.approx([16 / 36, 26 / 36, 34 / 36, 1])


def test_words_that_are_not_seen_have_no_path():
    subjects = subjects_of(["gat(layers=1,readout='root')"], [SENTENCE], seeds=1)
    (summary,) = flow_summaries(gradient_flow(subjects))
    assert summary.path == 1
    assert summary.depth.distances.tolist() == [0, 1, 2, 3]  # though there is but one sentence
    assert (summary.depth.means > 0).tolist() == [True, True, False, False]
    assert "below 1 % of its largest from 2 edges below the root on" in flow_in_words([summary])[0]


def test_words_say_what_the_numbers_do(sentences):
    summaries = flow_summaries(gradient_flow(subjects_of(["rnn", "bag"], sentences)))
    rnn, bag = summaries
    lines = flow_in_words(summaries)
    far = int(rnn.from_end.distances[-1])
    faded = vanishes_at(rnn.from_end)
    if faded is None:
        assert f"still {share(rnn.from_end.at(far))} of its largest at {far} words" in lines[0]
    else:
        assert f"below 1 % of its largest from {faded} words" in lines[0]
    assert "bag: still 100 % of its largest" in lines[1]
    assert f"{far} words from the end there is left, of the largest: bag 100 %, rnn" in lines[2]
    assert "on average: bag 1, rnn" in lines[-1]
    assert rnn.per_step < 1
    assert bag.per_step is None


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "-"), (1.0, "100 %"), (0.0, "0 %"), (0.0123, "1.2 %"), (3e-8, "3e-06 %")],
)
def test_shares_in_percent(value, text):
    assert share(value) == text


def test_sentences_are_spread_out():
    sentences = random_sentences(0, range(1, 8))
    assert [len(sentence) for sentence in spread_out(sentences, 3)] == [1, 4, 7]
    assert spread_out(sentences, 1) == sentences[:1]
    assert spread_out(sentences, 9) == sentences
    lengths = [len(text.split()) for text in TEXTS]
    assert min(lengths) < 6
    assert max(lengths) > 60


# Saved runs, and the command


@pytest.fixture
def run(tmp_path):
    """A saved run whose training did nothing but double the weights."""

    def make(structure="parse", embedding="learned", name="seed-3"):
        torch.manual_seed(3)
        options = ModelOptions(
            encoder="lstm", hidden_dim=6, embedding_dim=5, embedding=embedding,
            vectors="vectors.txt" if embedding == "vectors" else None,
        )  # fmt: skip
        task = Task(labels=("no", "yes"))
        classifier = build_model(options, task, Vocabulary(["w0", "w1", "w2"]))
        for parameter in classifier.parameters():
            parameter.data.mul_(2)
        folder = tmp_path / "runs" / name
        save_model(
            folder,
            SavedModel(classifier, options, UNIVERSAL_RELATIONS, structure, ParserOptions(), task),
        )
        write_json(folder / "run.json", {"seed": 3})
        return folder

    return make


def test_a_run_before_and_after_training(run, sentences):
    folder = run()
    assert runs_below(folder) == runs_below(folder.parent) == [folder]
    before, after = subject_of_run(folder, lambda parser: sentences)
    assert (before.name, after.name) == ("lstm, before training", "lstm, trained")
    assert before.seed == after.seed == 3
    weights = after.model.classifier.state_dict()
    for name, weight in before.model.classifier.state_dict().items():
        if name.startswith("encoder"):
            torch.testing.assert_close(2 * weight, weights[name])
    torch.testing.assert_close(2 * before.vectors(0), after.vectors(0))


def test_given_vectors_are_kept(run, sentences):
    before, after = subject_of_run(run("left_chain", "vectors"), lambda parser: sentences)
    torch.testing.assert_close(before.vectors(0), after.vectors(0))
    assert before.sentences[0].dependencies.parents == (1, 2, 3, -1)
    assert after.name == "lstm, trained"  # which reads no tree


def test_names_say_what_stands_in_place_of_the_parse_where_it_is_read(sentences):
    root = "gru(readout='root')"  # of a tree
    for encoder, name in (
        ("gru", "gru"),
        ("tree_gru", "tree_gru on left_chain"),
        (root, f"{root} on left_chain"),
    ):
        options = ModelOptions(encoder=encoder, hidden_dim=4, embedding_dim=4)
        assert subject_untrained(options, sentences, "left_chain", 0).name == name


def test_runs_that_cannot_be_looked_at(run, tmp_path, sentences):
    with pytest.raises(StorageError, match="no saved run in"):
        runs_below(tmp_path)
    with pytest.raises(StorageError, match="reads constituency trees"):
        subject_of_run(run("constituency"), lambda parser: sentences)
    with pytest.raises(StorageError, match=r"made for spans .rerooted., which the lab's sentences"):
        subject_of_run(run("rerooted"), lambda parser: sentences)


def test_a_run_on_given_trees_reads_those_of_the_parser(run, sentences):
    _, after = subject_of_run(run("given"), lambda parser: sentences)
    assert after.sentences == tuple(sentences)


@pytest.fixture
def conllu(tmp_path):
    from parsers import write_conllu

    generator = random.Random(0)
    made = random_sentences(5, [generator.randrange(3, 12) for _ in range(9)])
    write_conllu(made, tmp_path / "some.conllu")
    return tmp_path / "some.conllu"


def command(*arguments: object, status: int = 0):
    done = CliRunner().invoke(app, ["lab", *map(str, arguments)], env={"COLUMNS": "120"})
    assert done.exit_code == status, done.output
    return done


@pytest.mark.parametrize("name", ["gradient-flow", "path-length", "receptive-field"])
def test_commands(name, conllu, tmp_path):
    out = tmp_path / "out"
    done = command(
        *(name, "--data", conllu, "--encoders", "lstm,cnn(widths=(2,3),readout='mean')"),
        *("--seeds", 2, "--hidden-dim", 4, "--embedding-dim", 4, "--out", out),
    )
    assert "- lstm: " in done.output
    assert "- cnn(widths=(2,3),readout='mean'): " in done.output
    assert (out / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    assert "<svg" in (out / f"{name}.svg").read_text()
    with (out / f"{name}.csv").open() as lines:
        rows = list(csv.DictReader(lines))
    assert {row["encoder"] for row in rows} == {"lstm", "cnn(widths=(2,3),readout='mean')"}
    assert {row["seed"] for row in rows} == ({"0"} if name == "path-length" else {"0", "1"})
    numbers = json.loads((out / f"{name}.json").read_text())
    assert numbers["encoders"][0]["name"] == "lstm"
    assert all(line in done.output for line in numbers["found"])


def test_the_command_looks_at_runs(run, conllu, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "tasks.lab.sentences.read_sentences", lambda *given: random_sentences(3, [5] * 6)
    )
    done = command("gradient-flow", "--run", run(), "--out", tmp_path)
    assert "lstm, before training" in done.output
    assert "lstm, trained" in done.output
    assert "child_sum_tree_lstm" not in done.output
    with pytest.raises(AssertionError, match=r"seed 3, is there 2 times"):
        command("gradient-flow", "--run", run(), "--run", run(name="again"), "--out", tmp_path)


def test_faults_of_a_file_are_told(tmp_path):
    path = tmp_path / "none.conllu"
    path.write_text("1\ta\t_\t_\t_\t_\t_\t_\t_\t_\n\n")
    done = CliRunner().invoke(app, ["lab", "path-length", "--data", str(path)])
    assert "sentence 1 has no heads; parse the text first" in str(done.exception)


@pytest.mark.parametrize("greatest", [1, 19, 25])
def test_words_and_edges_are_whole_numbers_on_axes(greatest):
    ones = np.ones(greatest + 1)
    curve = Curve(np.arange(greatest + 1), ones, ones, ones, ones)
    figure = draw_flow([FlowSummary("gat", 1, curve, curve, curve, None, None)], "")
    for axes in figure.axes:
        figure.draw_without_rendering()
        low, high = axes.get_xlim()
        ticks = [tick for tick in axes.get_xticks() if low <= tick <= high]
        assert ticks
        assert ticks == [round(tick) for tick in ticks]
