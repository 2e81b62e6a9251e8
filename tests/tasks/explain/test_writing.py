"""Explanations of texts that are written: alignments, steps of the search, attributions of a word."""

from __future__ import annotations

import json
import math
import re
from html import unescape

import pytest
import torch

from structnn import UNIVERSAL_RELATIONS, Sentence, Vocabulary
from tasks.data.options import ParserOptions
from tasks.data.questions import Question
from tasks.explain import INTEGRATED_GRADIENTS, explain, in_words
from tasks.explain.report import numbers, save
from tasks.explain.writing import END
from tasks.models.building import Task, build_model
from tasks.models.model import SavedModel, save_model
from tasks.models.options import ModelOptions
from tasks.models.prediction import Predictor
from tests.tasks.explain.test_explain import WORDS, ToyParser
from tests.tasks.explain.test_page import Page

TEXT = "good a ugly b new"
IG = INTEGRATED_GRADIENTS


@pytest.fixture
def writer(tmp_path):
    """A predictor of an untrained run that writes."""

    def made(decoder="gru(copy=True)", encoder="bilstm", beam=1, seed=14, end=2.0):
        torch.manual_seed(seed)
        model = ModelOptions(
            encoder=encoder, decoder=decoder, beam=beam, hidden_dim=8, embedding_dim=6
        )
        task = Task(Question(answer="sequence"), pieces=["good", "a", "x", "y"], longest=2)
        classifier = build_model(model, task, Vocabulary(WORDS.split()))
        classifier.embedding.table.weight.data.mul_(8)
        classifier.head.embedding.weight.data.mul_(3)
        for weight in classifier.head.output.parameters():
            weight.data.mul_(6)
        classifier.head.output.scores.bias.data[classifier.head.target.end] += end
        save_model(
            tmp_path,
            SavedModel(classifier, model, UNIVERSAL_RELATIONS, "parse", ParserOptions(), task),
        )
        return Predictor(tmp_path, ToyParser())

    return made


def log_odds(predictor, sentence: Sentence, pieces, place) -> float:
    """The plain way: of a piece given those before it, from its probability in float64."""
    head, classifier = predictor.model.classifier.head, predictor.model.classifier
    batch = predictor.model.corpus([sentence]).batch()
    text = " ".join(piece for piece in pieces if piece != END)
    gold = head.targets([text], [sentence])
    with torch.no_grad():
        logs, _ = head.log_probabilities(classifier(batch), gold)
    share = float(logs[place, gold[place]].double().exp())
    return math.log(share / (1 - share))


@pytest.mark.parametrize(
    "decoder", ["gru(copy=True)", "lstm", "transformer(layers=1)", "gru(attention='none')"]
)
def test_every_decoder(writer, decoder):
    predictor = writer(decoder)
    explanation = explain(predictor, TEXT)
    (expected,) = predictor.predict([TEXT])
    assert explanation.prediction == expected
    writing, chosen = explanation.chosen.writing, explanation.chosen
    assert " ".join(writing.pieces) == f"{expected.label} {'' if writing.is_cut else END}".strip()
    assert chosen.parts[chosen.token].share == min(part.share for part in chosen.parts)
    if "none" in decoder:
        assert writing.alignment is None
    else:
        assert writing.alignment.shape == (len(writing.pieces), 5)
        torch.testing.assert_close(writing.alignment.sum(1), torch.ones(len(writing.pieces)))

    # Attributions and deletions are of the log-odds of one piece.
    (sentence,) = chosen.case.sentences
    whole = log_odds(predictor, sentence, writing.pieces, chosen.token)
    check = explanation.deletion
    shorter = chosen.case.without(check.deleted[IG], predictor.model).sentences[0]
    after = log_odds(predictor, shorter, writing.pieces, chosen.token)
    share, share_after = (1 / (1 + math.exp(-odds)) for odds in (whole, after))
    assert check.level == pytest.approx(chosen.parts[chosen.token].share, abs=1e-4)
    assert check.drops[IG] == pytest.approx(share - share_after, abs=1e-4)
    assert explanation.completeness.error <= 0.01

    html = explanation.to_html()
    page = Page(html)
    assert len(set(page.ids)) == len(page.ids)
    assert {link.removeprefix("#") for link in page.links} <= set(page.ids)
    assert "The search, step by step" in page.headings
    if "none" in decoder:
        assert "has no attention" in html
    else:
        shown = page.table("wrote")
        assert [row[0] for row in shown] == list(writing.pieces)
        assert [float(cell or 0) for cell in shown[0][1:]] == pytest.approx(
            writing.alignment[0].tolist(), abs=0.0056
        )
    data = json.loads(re.search(r"const written = (.*);", html)[1])
    assert len(data["encoder-1"]) == (0 if "none" in decoder else len(writing.pieces))
    assert f"explained is {explanation.quantity.of} (" in in_words(explanation)[0]


@pytest.mark.parametrize(
    ("decoder", "encoder"), [("gru", "bilstm"), ("gru(attention='none')", "lstm")]
)
def test_pictures_of_the_alignment_and_of_the_search(
    writer, decoder, encoder, tmp_path, monkeypatch
):
    monkeypatch.setattr("tasks.explain.writing_figures.STEPS", 2)
    explanation = explain(writer(decoder, encoder, beam=3), TEXT)
    writing, folder = explanation.chosen.writing, tmp_path / "why"
    names = {path.name for path in save(explanation, folder)}
    attends = decoder == "gru"
    expected = {"alignment.png", "alignment.svg", "where-it-looked.png"}
    assert expected & names == (expected if attends else set())
    assert {"search.png", "search.svg"} <= names
    for name in names:
        start = (folder / name).read_bytes()[:8]
        assert start.startswith(b"\x89PNG" if name.endswith(".png") else b"<svg")
    search = (folder / "search.svg").read_text()
    drawn = [unescape(word) for word in re.findall(r"<text[^>]*>([^<]*)</text>", search)]
    candidates = [one for step in writing.steps[:2] for one in step]
    for piece in {one.piece for one in candidates}:
        assert drawn.count(piece) == sum(one.piece == piece for one in candidates)
    assert {"1", "2"} <= set(drawn)
    if attends:
        words = re.findall(r">([^<>]+)</text>", (folder / "alignment.svg").read_text())
        assert {*TEXT.split(), *writing.pieces} <= set(map(unescape, words))


@pytest.mark.parametrize("beam", [1, 3])
def test_steps_of_the_search(writer, beam):
    explanation = explain(writer(beam=beam), TEXT)
    writing = explanation.chosen.writing
    assert not writing.is_cut
    assert len(writing.steps) >= len(writing.pieces)
    for number, step in enumerate(writing.steps):
        logs = [one.log_probability for one in step]
        assert logs == sorted(logs, reverse=True)
        assert sum(one.fate == "kept" for one in step) <= beam
        for one in step:
            assert len(one.before) == number
            assert 0 < one.share <= 1 + 1e-6
            if one.parent is None:
                assert number == 0
                assert one.log_probability == pytest.approx(math.log(one.share), abs=1e-4)
            else:
                parent = writing.steps[number - 1][one.parent]
                assert parent.fate == "kept"
                assert (*parent.before, parent.piece) == one.before
    path = [[one.piece for one in step if one.is_written] for step in writing.steps]
    assert path[: len(writing.pieces)] == [[piece] for piece in writing.pieces]
    (last,) = (one for one in writing.steps[len(writing.pieces) - 1] if one.is_written)
    assert last.fate == "ended"
    assert numbers(explanation)["writing"]["steps"][0][0]["piece"] == writing.steps[0][0].piece
    assert ("the beam looked at" in explanation.to_html()) == (beam > 1)


def test_a_text_that_was_cut_has_no_end(writer):
    explanation = explain(writer(end=-9.0), TEXT)
    writing = explanation.chosen.writing
    assert writing.is_cut
    assert END not in writing.pieces
    assert len(writing.steps) == len(writing.pieces) == 20
    assert "The text was cut at the largest length." in explanation.to_html()


def test_a_word_is_chosen(writer):
    predictor = writer()
    writing = explain(predictor, TEXT).chosen.writing
    found = explain(predictor, TEXT, token=1)
    assert found.quantity.of == f"“{writing.pieces[0]}”"
    end = explain(predictor, TEXT, token=len(writing.pieces))
    assert end.quantity.of == "the end"
    assert end.chosen.answer == END
    with pytest.raises(ValueError, match="no token 'never'; give one of these: 1 "):
        explain(predictor, TEXT, token="never")
    with pytest.raises(ValueError, match="'x' can't be explained, as this run answers with a text"):
        explain(predictor, TEXT, label="x")
    right = explain(predictor, TEXT, found.prediction.label)
    assert right.is_right
    assert explain(predictor, TEXT, "something else").is_right is False
    assert (
        "The right answer is something else."
        in explain(predictor, TEXT, "something else").to_html()
    )


def test_a_copied_word_stays(writer):
    """Deleted, it could not be written at all."""
    predictor = writer()
    writing = explain(predictor, TEXT).chosen.writing
    place = writing.copied.index(True)
    explanation = explain(predictor, TEXT, token=place + 1)
    asked = explanation.chosen.case.asked
    assert {TEXT.split()[token] for token in asked} == {writing.pieces[place]}
    assert all(asked.isdisjoint(deleted) for deleted in explanation.deletion.deleted.values())
