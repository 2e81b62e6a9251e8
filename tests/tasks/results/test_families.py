"""Which comparisons are made, and that each has one verdict wherever it is told of."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from tasks.report import tables, words
from tasks.report.groups import groups_of
from tasks.results.condition import Condition
from tasks.results.families import comparisons_in, families_of, label, usual
from tasks.results.folder import load_results
from tasks.results.measures import measure
from tasks.results.options import VerdictOptions
from tasks.results.statistics import compare_pairs
from tasks.results.summary import summarise
from tests.tasks.made_up import make_grid

ENCODERS = ("bilstm", "gat", "child_sum_tree_lstm")
KINDS = {"bilstm": "sequence", "gat": "graph", "child_sum_tree_lstm": "tree", "gcn": "graph"}


def made_up(grid: list[Condition], seeds: int = 2, examples: int = 80):
    random = np.random.default_rng(0)
    return {c: random.random((seeds, examples)) < 0.6 + 0.3 * random.random() for c in grid}


@pytest.fixture(scope="module")
def families():
    grid = make_grid(
        encoders=ENCODERS,
        structures=("parse", "random", "flat"),
        noises=(0.1, 0.3),
        embeddings=("learned", "wordllama"),
        fractions=(0.1, 1.0),
    )
    return families_of(made_up(grid), KINDS)


def test_each_question_is_a_family(families):
    assert {family.question: len(family.pairs) for family in families} == {
        "encoders": 3,
        "structures": 4,
        "amounts of parse noise": 4,
        "encoders on 10% of train": 3,
        "encoders with wordllama vectors": 3,
        "structures with wordllama vectors": 4,
        "amounts of parse noise with wordllama vectors": 4,
        "encoders with wordllama vectors on 10% of train": 3,
        "embeddings": 3,
        "embeddings on 10% of train": 3,
    }


def test_two_conditions_are_compared_once(families):
    pairs = [frozenset(pair) for family in families for pair in family.pairs]
    assert len(pairs) == len(set(pairs)) == len(comparisons_in(families))


def test_the_pairs_of_a_family_are_decided_together(families):
    for family in families:
        assert {pair.pairs for pair in family.pairs.values()} == {len(family.pairs)}


def test_sequence_tree_and_graph_encoders_are_compared_by_their_means():
    grid = make_grid(encoders=(*ENCODERS, "gcn"), structures=("parse", "random"))
    scores = made_up(grid, seeds=4)
    families = {family.question: family for family in families_of(scores, KINDS)}
    pairs = list(families["kinds of encoders"].pairs.values())
    assert len(pairs) == 3
    names = {name for pair in pairs for name in (pair.first, pair.second)}
    tree, graph = "the mean of 1 tree encoder", "the mean of 2 graph encoders"
    assert names == {"the mean of 1 sequence encoder", tree, graph}
    (found,) = (pair for pair in pairs if {pair.first, pair.second} == {tree, graph})
    graphs = np.mean([scores[Condition("toys", name)].mean() for name in ("gat", "gcn")])
    trees = scores[Condition("toys", "child_sum_tree_lstm")].mean()
    sign = 1 if found.first == graph else -1
    assert found.difference == pytest.approx(sign * (graphs - trees))


def test_with_a_reference_nothing_else_is_compared():
    grid = make_grid(encoders=(*ENCODERS, "gcn"), fractions=(0.5, 1.0))
    options = VerdictOptions(reference="gat")
    families = {
        family.question: family.pairs.values()
        for family in families_of(made_up(grid), KINDS, options=options)
    }
    for question in ("encoders", "encoders on 50% of train"):
        assert len(families[question]) == 3
        assert all(pair.second.startswith("gat") for pair in families[question])


def test_the_margin_and_clusters_reach_every_comparison():
    grid = make_grid(encoders=ENCODERS)
    clusters = {"toys": [str(place // 2) for place in range(80)]}
    found = families_of(made_up(grid), KINDS, options=VerdictOptions(rope=7), clusters=clusters)
    for pair in comparisons_in(found).values():
        assert (pair.margin, pair.examples, pair.clusters) == (0.07, 80, 40)


def test_one_thing_differs_in_each_pair(families):
    for family in families:
        for one, other in family.pairs:
            names = [name for name in vars(one) if getattr(one, name) != getattr(other, name)]
            assert len(names) == 1
            assert names[0] in family.question.replace("parse noise", "noise")


def test_the_parse_is_what_is_usual_wherever_it_is_listed():
    grid = make_grid(encoders=ENCODERS, structures=("random", "parse", "constituency"))
    assert usual(grid).structure == "parse"
    families = {f.question: list(f.pairs.values()) for f in families_of(made_up(grid), KINDS)}
    # The sequence encoder ran with what is listed first, which is nothing to it.
    assert [(pair.first, pair.second) for pair in families["encoders"]] == [
        ("bilstm", "gat"),
        ("bilstm", "child_sum_tree_lstm"),
        ("gat", "child_sum_tree_lstm"),
    ]
    assert [(pair.first, pair.second) for pair in families["structures"]][:2] == [
        ("gat on parse", "gat on random"),
        ("gat on parse", "gat on constituency"),
    ]
    assert usual(make_grid(structures=("flat", "random"), encoders=["gat"])).structure == "flat"
    assert usual(make_grid(structures=("flat", "given"), encoders=["gat"])).structure == "given"


def test_an_encoder_that_failed_on_the_parse_is_not_compared_on_another_structure():
    grid = make_grid(encoders=ENCODERS, structures=("parse", "random"))
    grid.remove(Condition("toys", "gat"))
    families = families_of(made_up(grid), KINDS)
    assert "gat" not in {c.encoder for family in families for pair in family.pairs for c in pair}


def test_names_of_conditions():
    plain = Condition("toy", "gat")
    assert label(plain, plain) == "gat"
    other = Condition("toy", "gat", structure="random", fraction=0.25, embedding="wordllama")
    assert label(other, plain) == "gat on random with wordllama vectors on 25% of train"
    small, smaller = (Condition("toy", "gat", fraction=f, noise=f) for f in (0.002, 0.001))
    assert label(small, plain) != label(smaller, plain)


def test_reversed():
    correct = dict(enumerate(made_up(make_grid(encoders=["gat", "cnn"])).values()))
    (there,) = compare_pairs({str(name): rows for name, rows in correct.items()})
    (back,) = compare_pairs({"1": correct[1], "0": correct[0]})
    found = there.reversed()
    assert found.reversed() == there
    for name, value in vars(back).items():
        assert getattr(found, name) == pytest.approx(value, abs=0.01), name


def test_a_comparison_has_one_verdict_everywhere(report_of_everything):
    results = load_results(report_of_everything)
    measures = measure(results)
    summary = summarise(measures)
    saved = json.loads((results.folder / "table.json").read_text(encoding="utf-8"))
    everywhere = {
        (pair["first"], pair["second"]): (pair["p"], pair["verdict"])
        for family in saved["families"]
        for pair in family["pairs"]
    }
    assert len(everywhere) == sum(len(family.pairs) for family in summary.families)
    told = (results.folder / "table.md").read_text(encoding="utf-8")
    page = (results.folder / "report.html").read_text(encoding="utf-8")
    text = re.sub(r"<[^>]+>", "", page)
    group, other = groups_of(measures)
    for first, second, pair in (*group.pairs, *other.pairs):
        assert f"- {pair}\n" in told
        assert (pair.p, pair.verdict) == everywhere[pair.first, pair.second]
        row = next(
            row
            for row in tables.pair_table(group if pair.first == first.encoder else other).rows
            if row[0].text == f"{first.encoder} - {second.encoder}"
        )
        assert row[3].text == f"{pair.p:.4f}"
    for finding in words.structure_findings(group):
        for structure, pair in finding.comparisons.items():
            first, second = (f"{finding.encoder} on {name}" for name in ("parse", structure))
            assert (pair.p, pair.verdict) == everywhere[first, second]
    (noisy, _) = words.noisy_parses(group)
    pair = everywhere["child_sum_tree_lstm", "child_sum_tree_lstm with 30% wrong heads"]
    assert noisy.endswith("), no verdict, for lack of seeds.")
    assert pair[1] == "none"
    assert noisy.split(" %")[0] in text
    structured, sequence = group.best_of(structured=True), group.best_of(structured=False)
    part, whole = words.enough_train(group)
    for line, where in ((part, " on 25% of train"), (whole, "")):
        names = structured.encoder + where, sequence.encoder + where
        assert names in everywhere or names[::-1] in everywhere
        assert line.endswith("), no verdict, for lack of seeds.")
