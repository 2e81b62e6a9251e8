"""compare_encoders: the outcome of the command, from Python."""

from __future__ import annotations

import gc

import pytest

from structnn import Tree
from tasks import EncoderComparison, compare_encoders
from tasks.data.parsing import SPLITS
from tasks.data.questions import Question
from tasks.estimators import comparison
from tasks.experiments.experiment import ExperimentFailed
from tasks.experiments.options import CompareOptions
from tasks.options import OptionError
from tests.tasks.toys import make_parsed

TEXTS = [f"a {n}" for n in range(40)]
CLASSES = [n % 2 for n in range(40)]
NUMBERS = [n / 8 for n in range(40)]
QUICK = {"epochs": 2, "hidden_dim": 4, "embedding_dim": 6, "workers": 1}


@pytest.fixture(scope="module")
def columns():
    parsed = make_parsed()
    texts = [sentence for split in SPLITS for sentence in parsed.sentences[split]]
    return texts, [label == "yes" for split in SPLITS for label in parsed.dataset.answers(split)]


@pytest.fixture(scope="module")
def result(columns) -> EncoderComparison:
    return compare_encoders(*columns, encoders=["bag", "gat(heads=2)"], seeds=3, **QUICK)


@pytest.mark.slow
def test_its_table_and_verdicts(result, capsys):
    table = result.table
    rows = table if isinstance(table, list) else table.to_dict("records")
    assert [row["encoder"] for row in rows] == ["bag", "gat(heads=2)"]
    for row in rows:
        assert row["test_low"] <= row["test"] <= row["test_high"]
        assert row["seeds"] == 3
    (verdict,) = result.verdicts
    assert "bag and gat(heads=2)" in str(verdict)
    assert str(verdict) in str(result)
    assert "gat(heads=2)</th>" in result._repr_html_()
    assert repr(result) == "EncoderComparison(2 rows, 1 verdicts)"
    assert capsys.readouterr() == ("", "")


@pytest.mark.slow
def test_its_report_stands_alone(result, tmp_path):
    page = result.report(tmp_path / "new" / "report.html").read_text(encoding="utf-8")
    assert "compare_encoders" in page
    assert "gat(heads=2)" in page


@pytest.mark.slow
def test_a_temporary_folder_goes_with_it_and_another_is_resumed(columns, tmp_path):
    texts, labels = columns
    given = {"dev": (texts[60:80], labels[60:80]), "test": (texts[80:], labels[80:])}
    made = compare_encoders(texts[:60], labels[:60], "bag", seeds=1, **given, **QUICK)
    folder = made.folder
    assert (folder / "table.md").exists()
    del made
    gc.collect()
    assert not folder.exists()
    for _ in range(2):
        made = compare_encoders(
            texts[:60], labels[:60], "bag", seeds=1, folder=tmp_path, **given, **QUICK
        )
        written = (tmp_path / "bag" / "seed-0" / "result.json").stat().st_mtime_ns
    assert made.verdicts == ()
    assert (tmp_path / "bag" / "seed-0" / "result.json").stat().st_mtime_ns == written


@pytest.mark.slow
def test_what_failed_is_told(columns):
    with pytest.raises(ExperimentFailed, match=r"bag/seed-0: FloatingPointError: .*learning rate"):
        compare_encoders(*columns, encoders="bag", seeds=1, learning_rate=1e30, **QUICK)


def test_wrong_options_are_told(columns):
    with pytest.raises(
        TypeError, match=r"compare_encoders has no option 'lr'; there are: .*epochs"
    ):
        compare_encoders(*columns, encoders=["bag"], lr=0.1)
    with pytest.raises(OptionError, match="epochs must be at least 1"):
        compare_encoders(*columns, encoders=["bag"], epochs=0)
    with pytest.raises(ValueError, match="unknown encoder 'bagg'"):
        compare_encoders(*columns, encoders=["bagg"])


@pytest.mark.parametrize(
    ("texts", "labels", "options", "question"),
    [
        ([("a b", f"c {n}") for n in range(40)], CLASSES, {}, Question("pair")),
        (TEXTS, CLASSES, {}, Question()),
        (TEXTS, NUMBERS, {}, Question(answer="score")),
        (TEXTS, range(40), {"answer": "scale"}, Question(answer="scale")),
        (TEXTS, [["x"], ["x", "y"]] * 20, {}, Question(answer="labels")),
        ([["a", str(n)] for n in range(40)], [["X", "NUM"]] * 40, {}, Question("tokens")),
        (
            [["a", str(n)] for n in range(40)],
            [["X"], ["Y"]] * 20,
            {"reads": "sentence"},
            Question(answer="labels"),
        ),
        ({"source": TEXTS, "target": TEXTS}, None, {}, Question(answer="sequence")),
        ({"text": TEXTS, "score": NUMBERS}, None, {}, Question(answer="score")),
        (
            [{"text": text, "target": text, "label": "ab"[n % 2]} for n, text in enumerate(TEXTS)],
            None,
            {},
            Question("span"),
        ),
    ],
)
def test_every_question(texts, labels, options, question):
    chosen = CompareOptions(data="texts", encoders="bag", **options)
    data = comparison._parsed(texts, labels, None, None, chosen)
    assert data.dataset.question == question
    assert len(data.sentences["test"]) == len(data.dataset.test)


@pytest.mark.slow
def test_a_comparison_of_pairs_and_numbers(tmp_path):
    pairs = [("a b", f"c {n}") for n in range(40)]
    made = compare_encoders(pairs, NUMBERS, "bag", seeds=1, folder=tmp_path, **QUICK)
    assert "Pearson" in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert len(made.table) == 1


def test_trees_ask_for_a_parser():
    """And not for a class; what encoders read is then the chain of the words, as for the command."""
    words = [["a", str(n)] for n in range(40)]
    trees = (Tree([1, -1] if n % 2 else [-1, 0], labels=["x", "y"]) for n in range(40))
    made = compare_encoders(words, trees, "bilstm", seeds=1, **QUICK)
    (row,) = made.summary.rows
    assert row.metric.name == "LAS"
    assert row.condition.structure == "left_chain"


def test_no_encoder_is_told(columns):
    with pytest.raises(TypeError, match="compare_encoders needs encoders"):
        compare_encoders(*columns)


@pytest.mark.slow
def test_structures_are_compared(columns):
    made = compare_encoders(
        *columns, "child_sum_tree_lstm", structure=["given", "random"], seeds=1, **QUICK
    )
    assert [cell.condition.structure for cell in made.summary.rows] == ["given", "random"]
