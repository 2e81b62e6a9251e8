"""What goes along with a text, and how the texts of a run are read."""

from __future__ import annotations

import json

import pytest

from parsers import read_conllu
from structnn import Sentence
from tasks.command.texts import (
    PredictOptions,
    check_kept,
    prediction_rows,
    reading_of,
    with_origin,
)
from tasks.data.examples import DataError
from tasks.data.questions import Question
from tasks.data.texts import Text, empty_note
from tasks.models.prediction import Prediction
from tests.tasks.command.test_cli import QUICK, here, questions

__all__ = ["here", "questions"]  # fixtures


class Echo:
    """A predictor that gives each text its length as label."""

    question = Question()

    def predict(self, texts, second=(), *, search=None):
        return [
            Prediction(
                text if isinstance(text, str) else " ".join(text), str(len(text)), {"1": 1.0}
            )
            for text in texts
        ]


def test_each_record_has_a_row():
    records = [Text("abc", 1, {"id": "7"}), Text("", 2, {"id": "8"}), Text(("a", "b"), 4, {})]
    rows = prediction_rows(Echo(), ["given"], records)
    assert [row["label"] for row in rows] == ["5", "3", None, "2"]
    assert [row.get("line") for row in rows] == [None, 1, 2, 4]
    assert [row.get("id") for row in rows] == [None, "7", "8", None]
    assert rows[2] == {"line": 2, "id": "8", "text": "", "label": None, "probabilities": {}}
    assert empty_note(records, "so") == "1 of 3 texts are empty (line 2): so"
    assert empty_note(records[:1], "so") is None
    assert prediction_rows(Echo(), [], [Text("", 1)])[0]["label"] is None


class Listener(Echo):
    """One that keeps what it was asked."""

    def __init__(self, reads):
        self.question, self.asked = Question(reads), []

    def predict(self, texts, second=(), *, spans=None, search=None):
        self.asked.append((list(texts), list(second), spans))
        return super().predict(texts)


def test_an_empty_second_text_has_no_answer():
    predictor = Listener("pair")
    records = [Text("a", 2, second="b"), Text("c", 3, second=""), Text("", 4, second="d")]
    rows = prediction_rows(predictor, ["e"], records, ["f"])
    assert predictor.asked == [(["e"], ["f"], None), (["a"], ["b"], None)]
    assert [(row["text"], row["label"]) for row in rows] == [
        ("e", "1"),
        ("a", "1"),
        ("c", None),
        ("", None),
    ]
    assert empty_note(records, "so") == "2 of 3 texts are empty (lines 3, 4): so"


def test_spans_of_a_file_keep_their_order():
    predictor = Listener("spans")
    prediction_rows(predictor, [], [Text("", 1), Text("a b", 2, spans=((2, 3), (0, 1)))])
    assert predictor.asked == [(["a b"], [], [((2, 3), (0, 1))])]


def test_a_name_of_their_own():
    with pytest.raises(DataError, match="'label' can't go along: predictions have a 'label'"):
        check_kept(
            [Text("a", 1, {"id": "1"}), Text("a", 1, {"label": "x"})], ["label"], "predictions"
        )


def test_a_sentence_says_where_it_is_from():
    sentence = Sentence(["a"], metadata={"joined_sentences": "2"})
    found = with_origin(sentence, Text("a", 3, {"id": "x"})).metadata
    assert found == {"line": "3", "id": "x", "joined_sentences": "2"}


def test_a_run_says_how_its_texts_are_read(tmp_path):
    run = tmp_path / "many" / "bag" / "seed-0"
    run.mkdir(parents=True)
    assert reading_of(run, PredictOptions()).text_column == "text"
    options = {"text_column": "review", "encoding": "cp1252"}
    description = {"encoders": {}, "data": {}, "runs": [], "options": options}
    (tmp_path / "many" / "experiment.json").write_text(json.dumps(description))
    reading = reading_of(run, PredictOptions())
    assert (reading.text_column, reading.encoding) == ("review", "cp1252")
    reading = reading_of(run, PredictOptions(encoding="utf-8"))
    assert (reading.text_column, reading.encoding) == ("review", "utf-8")


def test_no_record_vanishes_on_the_command_line(tmp_path, questions, here):
    (tmp_path / "new.csv").write_text(
        'id,text,who\nx1,The fog comes again.,me\nx2,,you\nx3,"A cat",me\n'
    )
    said = here("parse", "new.csv", "-o", "new.conllu", "--keep", "who")
    assert "1 of 3 texts are empty (line 3): there is no sentence for them" in said.err
    found = [dict(sentence.metadata) for sentence in read_conllu(tmp_path / "new.conllu")]
    assert found == [
        {"line": "2", "id": "x1", "who": "me"},
        {"line": "4", "id": "x3", "who": "me"},
    ]
    here("parse", "new.csv", "-o", "no.conllu", "--keep", "text", status=1)
    assert not (tmp_path / "no.conllu").exists()

    renamed = tmp_path / "renamed.jsonl"
    renamed.write_text(questions.read_text().replace('"text"', '"what"'))
    given = ("--data", renamed, "--text-column", "what", "--encoder", "bag", *QUICK)
    here("train", *given, "--out", "one")
    here("predict", "one/bag/seed-0", "--file", renamed)
    said = here("predict", "one/bag/seed-0", "--file", "new.csv", status=1)
    assert "there is no column 'what'; the columns are 'id', 'text', 'who'" in said.err
    (tmp_path / "new.csv").write_text((tmp_path / "new.csv").read_text().replace("text", "what"))
    command = ("predict", "one/bag/seed-0", "--file", "new.csv", "--keep", "who")
    said = here(*command, "--json")
    rows = list(map(json.loads, said.out.splitlines()))
    assert [(row["line"], row["id"], row["who"], row["label"]) for row in rows] == [
        (2, "x1", "me", "weather"),
        (3, "x2", "you", None),
        (4, "x3", "me", rows[2]["label"]),
    ]
    assert "1 of 3 texts are empty (line 3): they have no label" in said.err
    table = here(*command, "The fog").out
    assert all(word in table for word in ("x1", "x2", "x3", "line", "The fog"))
    here("predict", "one/bag/seed-0", "a", "--keep", "who", status=2)
    said = here("predict", "one/bag/seed-0", "--file", "new.csv", "--text-column", "no", status=1)
    assert "--text-column" in said.err


@pytest.mark.parametrize(
    "command", [["parse", "\udcff.txt", "-o", "x"], ["predict", "x", "a\udcff"]]
)
def test_arguments_are_text(here, command):
    said = here(*command, status=1)
    assert "holds bytes that are not UTF-8" in said.err
