"""The grid of an experiment: which runs there are."""

from __future__ import annotations

import pytest

from tasks.data.questions import Question
from tasks.experiments.grid import encoder_of, plan
from tasks.models.options import ModelOptions
from tasks.training.options import TrainingOptions

ROOT = "bilstm(readout='root')"
TRAINING = TrainingOptions(epochs=2, batch_size=8, learning_rate=0.02)


def models(*encoders):
    return [ModelOptions(encoder=name, hidden_dim=8, embedding_dim=8) for name in encoders]


def test_a_grid_varies_structure_only_for_who_reads_one():
    runs = plan(
        models("bilstm", "gat", "bilstm>child_sum_tree_lstm", "gcn(parse=False)", ROOT),
        2,
        TRAINING,
        data=("a", "b"),
        structures=("parse", "random"),
        noises=(0.2,),
        fractions=(0.5, 1.0),
    )
    seen = {}
    for run in runs:
        key = run.model.encoder
        seen.setdefault(key, set()).add((run.setting.structure, run.setting.noise))
    assert seen["bilstm"] == seen["gcn(parse=False)"] == {("parse", 0.0)}
    assert seen["gat"] == {("parse", 0.0), ("random", 0.0), ("parse", 0.2)}
    assert seen["bilstm>child_sum_tree_lstm"] == seen["gat"]
    assert seen[ROOT] == seen["gat"]  # whose readout reads the tree
    assert len(runs) == 2 * 2 * 2 * (1 + 3 + 3 + 1 + 3)
    assert len({run.folder for run in runs}) == len(runs)
    folders = {run.folder.as_posix() for run in runs}
    assert "a/bilstm/seed-0" in folders
    assert "b/structure=random/fraction=0.5/gat/seed-1" in folders


@pytest.mark.parametrize(
    ("question", "options", "used"),
    [
        (Question(), {}, True),
        (Question("pair"), {}, True),
        (Question("span"), {}, True),
        (Question("span"), {"reader": "span(sentence=False)"}, False),
        (Question("tokens"), {}, False),
        (Question("arcs"), {}, False),
        (Question(answer="sequence"), {"decoder": "transformer"}, False),
        (Question(answer="sequence"), {"decoder": "gru"}, True),
    ],
)
def test_a_readout_counts_where_sentence_vectors_are_read(question, options, used):
    model = ModelOptions(encoder=ROOT, hidden_dim=8, embedding_dim=8, **options)
    tree = ModelOptions(encoder="gat", hidden_dim=8, embedding_dim=8, **options)
    shapes = {"structures": ("balanced", "random")}
    runs = plan([model, tree], 1, TRAINING, **shapes, questions={"": question})
    seen = [run.setting.structure for run in runs if run.model is model]
    assert seen == (["balanced", "random"] if used else ["balanced"])
    assert len(runs) == len(seen) + 2
    assert encoder_of(model, question).needs_structure == used


def test_of_several_data_sets_each_asks_its_own_question():
    questions = {"a": Question("tokens"), "b": Question()}
    shapes = {"structures": ("balanced", "random")}
    runs = plan(models(ROOT), 1, TRAINING, data=("a", "b"), **shapes, questions=questions)
    assert [(run.setting.data, run.setting.structure) for run in runs] == [
        ("a", "balanced"),
        ("b", "balanced"),
        ("b", "random"),
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"structures": ("spiral",)}, "structure must be one of parse, left_chain"),
        ({"structures": ("parse", "parse")}, "'parse' is listed twice"),
        ({"structures": ("random",), "noises": (0.1,)}, "add parse"),
        ({"noises": (1.5,)}, "below 1"),
        ({"fractions": (0.0,)}, "above 0"),
        ({"folds": 1}, "at least 2 folds"),
        ({"noises": (0.1, 0.1000001)}, "0.1 and 0.1000001 would have the same folder"),
        ({"folds": 10**9}, "1,000,000,000 runs are more than 1,000,000"),
        ({"data": ("a.csv", "./a.csv")}, "data set 'a.csv' is listed twice, also as './a.csv'"),
        (
            {"data": ("d/a.jsonl", "d_a.jsonl")},
            "'d/a.jsonl' and 'd_a.jsonl' would have the same folder, d_a.jsonl/gat/seed-0",
        ),
    ],
)
def test_impossible_grids_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        plan(models("gat"), 1, TRAINING, **options)


def test_spellings_of_one_encoder_are_one():
    for spelling in ("gat( heads = 4)", "gat(heads=0x4)", "gat(heads=4,)"):
        with pytest.raises(ValueError, match=r"encoder 'gat\(heads=4\)' is listed twice, also as"):
            plan(models("gat(heads=4)", spelling), 1, TRAINING)


def test_sizes_have_bounds():
    for name, width in (("bilstm", 10**6), ("nary_tree_lstm(arity=1000000)", 10**6)):
        model = ModelOptions(encoder=name, hidden_dim=width, embedding_dim=8)
        with pytest.raises(ValueError, match=r"would have [\d,]+ parameters|can't be built"):
            encoder_of(model)
