"""That the benchmarks run and mean what they say; how fast anything is, no test asks."""

from __future__ import annotations

import json
from itertools import count, islice
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from benchmarks.agreement import Disagreement, check_agreement
from benchmarks.memory import peak_of_process, peak_of_tensors
from benchmarks.set_metrics import QUESTIONS, wrong_share
from benchmarks.timing import Contender, Quartiles, measure
from benchmarks.tree_contenders import (
    Dgl,
    LeanRecursion,
    Lstm,
    Ours,
    PytorchTreeLstm,
    Recursion,
    WithoutOperator,
    installed,
)
from benchmarks.tree_data import corpus_of, draws, synthetic, treebank
from benchmarks.tree_variants import DglNary, Nary, binary_trees
from benchmarks.trees import app
from parsers import write_conllu
from structnn import Sentence, Tree
from structnn.encoders.tree.child_sum import ChildSumTreeLSTM
from structnn.encoders.tree.nary import NaryTreeLSTM

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
SENTENCES = [
    Sentence(["w"] * len(parents), dependencies=Tree(parents, labels=["dep"] * len(parents)))
    for parents in ([1, -1], [1, 2, -1, 2], [-1, 0, 1, 1, 0], [2, 2, -1], [4, 0, 0, 4, -1, 4])
]
needs_dgl = pytest.mark.skipif(not installed("dgl"), reason="needs the extra `bench`")
needs_peer = pytest.mark.skipif(not installed("treelstm"), reason="needs the extra `bench`")


def test_contenders_take_turns_and_see_each_batch_once():
    seen = []
    contenders = [
        Contender(name, run=lambda batch, name=name: seen.append((name, batch))) for name in "abc"
    ]
    measurement = measure(contenders, count(), seconds=0, least=4, warmup=2, settle=0)
    assert measurement.repeats == 4
    assert len(seen) == len(set(seen)) == 3 * 6
    for batch in range(6):
        assert sorted(name for name, number in seen if number == batch) == ["a", "b", "c"]
    assert {name for name, _ in seen[::3]} == {"a", "b", "c"}  # each begins in its turn


def test_contenders_run_on_earlier_batches_before_they_are_timed():
    seen = []
    contenders = [
        Contender(name, run=lambda batch, name=name: seen.append((name, batch))) for name in "ab"
    ]
    measurement = measure(contenders, count(), seconds=0, least=2, warmup=1, settle=1e-9)
    assert measurement.repeats == 2
    first, *turns = [seen[:2], *(seen[at : at + 2] for at in range(2, len(seen), 2))]
    assert sorted(first) == [("a", 0), ("b", 0)]  # there is no earlier batch
    for untimed, timed in turns:
        assert untimed[0] == timed[0]
        assert untimed[1] < timed[1]
    assert sorted(timed for _, timed in turns) == [("a", 1), ("a", 2), ("b", 1), ("b", 2)]


def test_collation_is_timed_by_itself_and_sizes_divide():
    slow = Contender("slow", run=lambda batch: None, collate=lambda batch: sum(range(100_000)))
    halved = Contender("halved", slow.run, slow.collate, size=lambda batch: 1e6)
    measurement = measure([slow, halved], count(), seconds=0)
    assert measurement.seconds("slow").median < measurement.seconds("slow", collation=True).median
    assert measurement.ratio("halved", "slow", collation=True).median < 1e-3


def test_too_few_batches_are_refused():
    with pytest.raises(ValueError, match="7 batches are needed"):
        measure([Contender("a", run=id)], range(6), seconds=0, least=5, warmup=2)


def test_quartiles():
    assert Quartiles.of([4, 1, 3, 2, 5]) == Quartiles(2, 3, 4)


def test_different_results_are_refused():
    one, other = {"states": torch.zeros(3)}, {"states": torch.tensor([0.0, 2e-5, 0.0])}
    assert check_agreement({"ours": one, "theirs": one}) == {"theirs": 0}
    with pytest.raises(Disagreement, match=r"theirs and ours differ by 2e-05 in 'states'"):
        check_agreement({"ours": one, "theirs": other})
    with pytest.raises(Disagreement):
        check_agreement({"ours": one, "theirs": {"states": torch.full((3,), float("nan"))}})


def results_of(contender, batch):
    return contender.results(batch.x, batch.grad, contender.collate(batch.chosen))


def plain(corpus, encoder):
    return WithoutOperator(Ours(corpus, encoder))


@pytest.mark.parametrize(
    "contender", [plain, Recursion, LeanRecursion, pytest.param(PytorchTreeLstm, marks=needs_peer)]
)
def test_peers_compute_the_same(contender):
    corpus, encoder = corpus_of(SENTENCES), ChildSumTreeLSTM(6, 5)
    batch = next(draws(corpus, 4, 6, 5)).mixed
    ours = results_of(Ours(corpus, encoder), batch)
    theirs = results_of(contender(corpus, encoder), batch)
    assert set(theirs) == set(ours)
    check_agreement({"ours": ours, "theirs": theirs})


def test_on_left_chains_lstm_computes_the_same():
    corpus, encoder = corpus_of(synthetic("left_chain", 7, 3)), ChildSumTreeLSTM(6, 5)
    batch = next(draws(corpus, 3, 6, 5)).mixed
    ours = results_of(Ours(corpus, encoder), batch)
    check_agreement({"ours": ours, "theirs": results_of(Lstm(corpus, encoder), batch)})


@needs_dgl
@pytest.mark.filterwarnings("ignore:The input graph for the user-defined edge function")
def test_dgl_computes_the_same_without_words_in_forget_gates():
    corpus, encoder = corpus_of(SENTENCES), ChildSumTreeLSTM(6, 5)
    batch = next(draws(corpus, 4, 6, 5)).mixed
    dgl = results_of(Dgl(corpus, encoder), batch)
    with pytest.raises(Disagreement):
        check_agreement({"ours": results_of(Ours(corpus, encoder), batch), "DGL": dgl})
    encoder.words.weight.data[15:] = 0
    check_agreement({"ours": results_of(Ours(corpus, encoder), batch), "DGL": dgl})


@needs_dgl
@pytest.mark.filterwarnings("ignore:The input graph for the user-defined edge function")
def test_binary_trees_of_dgl_compute_the_same():
    corpus, encoder = corpus_of(binary_trees(9)), NaryTreeLSTM(6, 5)
    batch = next(draws(corpus, 8, 6, 5)).mixed
    ours, theirs = (results_of(one(corpus, encoder), batch) for one in (Nary, DglNary))
    assert set(theirs) == set(ours)
    check_agreement({"ours": ours, "theirs": theirs})


def test_draws_are_new_and_buckets_are_of_about_one_length():
    sentences = [sentence for size in range(2, 22) for sentence in synthetic("flat", size, 5)]
    corpus = corpus_of(sentences)
    drawn = list(islice(draws(corpus, 10, 3, 2), 30))  # three epochs
    assert len({tuple(draw.mixed.chosen) for draw in drawn}) == 30
    for epoch in (drawn[:10], drawn[10:20], drawn[20:]):
        assert sorted(np.concatenate([draw.mixed.chosen for draw in epoch])) == list(range(100))
    for draw in drawn:
        assert np.ptp(corpus.lengths[draw.bucketed.chosen]) <= 2
        assert len(draw.bucketed.x) == corpus.lengths[draw.bucketed.chosen].sum()


def test_peaks_of_memory():
    def step():
        first = torch.ones(1 << 22)  # 16 MB
        second = first + 1  # 32 MB
        del first, second
        torch.ones(1 << 22)

    assert peak_of_tensors(step) == pytest.approx(32 << 20, rel=0.01)
    of_process = peak_of_process(step)
    if of_process is not None:  # on Linux
        assert 30 << 20 < of_process < 100 << 20  # the C library may hold on to more


@pytest.mark.usefixtures("untimed")
def test_command(tmp_path, monkeypatch):
    monkeypatch.setattr("benchmarks.trees.use_one_thread", lambda: None)
    write_conllu(SENTENCES, tmp_path / "trees.conllu")
    command = ["--conllu", tmp_path / "trees.conllu", "--quick", "--hidden", 4, "--batch", 3]
    command += ["--seconds", 0, "--out", tmp_path]
    command += ["--sections", "treebank,variants,depth,memory,growth"]  # synthetic: the same code
    done = CliRunner().invoke(app, list(map(str, command)))
    assert done.exit_code == 0, done.output
    results = json.loads((tmp_path / "trees.json").read_text(encoding="utf-8"))
    assert set(results) == {"machine", "peers", "variants", "depth", "memory", "growth"}
    assert [row["pass"] for row in results["peers"]] == ["forward", "forward + backward"]
    for row in results["peers"]:
        assert {"structnn", "nn.LSTM, packed", "its products alone"} <= set(row["contenders"])
        assert ("DGL" in row["differences"]) == installed("dgl")
        assert row["contenders"]["structnn"]["ratio"]["median"] == 1
    assert (tmp_path / "trees.png").stat().st_size > 1000
    assert (tmp_path / "growth.png").stat().st_size > 1000


def test_a_treebank_without_trees_is_refused(tmp_path):
    write_conllu([Sentence(["one", "two"])], tmp_path / "no_heads.conllu")
    with pytest.raises(ValueError, match=r"no_heads\.conllu has no sentences"):
        treebank(tmp_path / "no_heads.conllu")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--sections", "peers"], "--sections knows treebank"),
        (["--hidden", "many"], "--hidden takes numbers"),
        (["--conllu", "nowhere.conllu"], "does not exist"),
        (["--conllu", str(ROOT / "pyproject.toml")], "pyproject.toml"),
    ],
)
def test_wrong_options_are_named(options, message, tmp_path):
    done = CliRunner().invoke(app, [*options, "--out", str(tmp_path)])
    assert done.exit_code == 2
    assert message in " ".join(done.stderr.replace("│", " ").split())


@pytest.mark.parametrize("name", QUESTIONS)
def test_simulated_experiments_on_a_metric_of_a_set(name):
    metric, draw = QUESTIONS[name]
    drawn = draw(np.random.default_rng(0), 40)
    parts = drawn.lengths.sum()
    assert metric(drawn.gold, drawn.answers(np.zeros(parts))) == pytest.approx(1)
    hard = np.random.default_rng(1).normal(size=parts)
    assert 0 < metric(drawn.gold, drawn.answers(hard)) < 1
    assert wrong_share(name, encoders=2, seeds=3, examples=40, repeats=2) in (0, 0.5, 1)
