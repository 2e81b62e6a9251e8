"""Explanations of answers to every question, against plain computations of the same numbers."""

from __future__ import annotations

import json
import math
import re
import shutil

import pytest
import torch
from typer.testing import CliRunner

from structnn import UNIVERSAL_RELATIONS, Batch, Vocabulary
from structnn.arcs import arc_of
from tasks.command.cli import app
from tasks.data.options import ParserOptions
from tasks.data.questions import Question
from tasks.explain import INTEGRATED_GRADIENTS, explain, in_words, save, to_html, word_rows
from tasks.explain.case import Case
from tasks.explain.figures import LIKELY, arc_shares, found_tree
from tasks.explain.page import compared
from tasks.explain.report import numbers
from tasks.models.building import Task, build_model
from tasks.models.model import SavedModel, load_model, save_model
from tasks.models.options import ModelOptions
from tasks.models.prediction import Predictor
from tests.tasks.explain.test_explain import WORDS, ToyParser
from tests.tasks.explain.test_page import Page
from tests.tasks.toys import make_sentence

IG = INTEGRATED_GRADIENTS
TEXT, SECOND = "good a ugly b", "bad c d"
READS = {
    "sentence": {"text": TEXT},
    "pair": {"text": TEXT, "second": SECOND},
    "span": {"text": "good [[a ugly]] b c d"},
    "spans": {"text": "good [[a]] ugly [[b]] c d"},
    "tokens": {"text": TEXT},
    "arcs": {"text": TEXT},
}
QUESTIONS = [
    *(Question("sentence", answer) for answer in ("labels", "score", "scale")),
    *(Question("pair", answer) for answer in ("label", "score")),
    *(Question(reads) for reads in ("span", "spans", "tokens", "arcs")),
]


@pytest.fixture
def ask(tmp_path):
    """A predictor of an untrained run for a question."""

    def made(question: Question, encoder="child_sum_tree_lstm", structure="parse", **options):
        torch.manual_seed(2)
        model = ModelOptions(encoder=encoder, hidden_dim=8, embedding_dim=6, **options)
        labels = [] if question.is_number else ["no", "yes", "maybe"]
        task = Task(question, labels, mean=3.0, deviation=2.0, least=1, most=5)
        classifier = build_model(model, task, Vocabulary(WORDS.split()))
        classifier.embedding.table.weight.data.mul_(8)
        for name, weight in classifier.head.named_parameters():
            if name.endswith(("arcs", "head_prior")):  # which begin as zeros
                torch.nn.init.normal_(weight, std=0.2)
        save_model(
            tmp_path,
            SavedModel(classifier, model, UNIVERSAL_RELATIONS, structure, ParserOptions(), task),
        )
        return Predictor(tmp_path, ToyParser())

    return made


def arcs_reader(question: Question) -> dict[str, str]:
    return {"reader": "arcs(arc_dim=8, relation_dim=4)"} if question.reads == "arcs" else {}


def plain_number(predictor: Predictor, sentences, spans, explanation, token=None, head=None):
    """The number that is explained, the plain way: from the answers' probabilities, or the score."""
    model = predictor.model.classifier
    batch = Batch.from_sentences(
        sentences, vocabulary=model.embedding.vocabulary, relations=UNIVERSAL_RELATIONS
    )
    with torch.no_grad():
        given = model(batch, torch.tensor([spans]) if spans else None)
    question, answer = predictor.question, explanation.chosen.answer
    if question.is_number:
        return float(model.head.answer.values(given)[0])
    if question.reads == "arcs":
        shares = given.arcs[token].double().softmax(0)[0 if head is None else head + 1]
    elif question.answer == "labels":
        shares = given[0].double().sigmoid()[model.labels.index(answer)]
    else:
        row = given[token if token is not None else 0]
        shares = row.double().softmax(0)[model.labels.index(answer)]
    return math.log(float(shares) / (1 - float(shares)))


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda one: f"{one.reads}-{one.answer}")
def test_every_question(ask, question, tmp_path):
    predictor = ask(question, **arcs_reader(question))
    given = READS[question.reads]
    explanation = explain(predictor, **given)
    text, second = given["text"], given.get("second")
    (expected,) = predictor.predict([text], [second] if second else [])
    assert explanation.prediction == expected

    # The attributions add up to what the number is, less what it is of vectors of zeros.
    case = explanation.chosen.case
    place = explanation.chosen.token
    head = case.places[1] if len(case.places) == 2 else None
    whole = plain_number(predictor, case.sentences, case.spans, explanation, place, head)
    nothing = load_model(tmp_path)
    nothing.classifier.embedding.table.weight.data.zero_()
    zero = Predictor(nothing, ToyParser())
    without = plain_number(zero, case.sentences, case.spans, explanation, place, head)
    total = sum(sum(one.attributions[IG]) for one in explanation.texts)
    assert explanation.completeness.error <= 0.01
    assert total == pytest.approx(whole - without, rel=0.02, abs=0.01)

    # What is asked about is not deleted, and each deletion gives what a shorter text gives.
    check = explanation.deletion
    asked = case.asked
    assert len(asked) == {"span": 2, "spans": 2, "tokens": 1, "arcs": 1 + (head is not None)}.get(
        question.reads, 0
    )
    for deleted in check.deleted.values():
        assert asked.isdisjoint(deleted)
    (deleted,) = {check.deleted[IG]}
    shorter = case.without(deleted, predictor.model)
    after = plain_number(
        predictor, shorter.sentences, shorter.spans, explanation, *shorter.places[:2]
    )
    sigmoid = (lambda x: x) if question.is_number else (lambda x: 1 / (1 + math.exp(-x)))
    assert check.drops[IG] == pytest.approx(sigmoid(whole) - sigmoid(after), abs=1e-4)
    kept = [word for n, word in enumerate(case.tokens) if n not in deleted]
    assert list(shorter.tokens) == kept
    assert [kept[n] for n in sorted(shorter.asked)] == [case.tokens[n] for n in sorted(asked)]

    # Page, pictures and numbers.
    page = Page(html := explanation.to_html())
    assert page.headings[0] == explanation.prediction.text.replace(" || ", "")
    assert f"What each word adds to {explanation.quantity.of}" in page.headings
    assert len(set(page.ids)) == len(page.ids)
    assert {link.removeprefix("#") for link in page.links} <= set(page.ids)
    assert len(re.findall(r'<li class="\w+ asked"', html)) == len(asked)
    assert ("Second text" in html) == (question.reads == "pair")
    assert len(word_rows(explanation)) == len(case.tokens)
    assert explanation.quantity.name in in_words(explanation)[1]
    assert compared([explanation]).rows[0][0].text == "child_sum_tree_lstm"


def test_numbers_of_both_texts_are_written(ask, tmp_path):
    explanation = explain(ask(Question("pair"), "bag"), **READS["pair"])
    paths = save(explanation, tmp_path / "why")
    assert "second-text-integrated-gradients" in {path.stem for path in paths}
    written = json.loads((tmp_path / "why" / "explanation.json").read_text())
    assert written["explained"]["name"] == explanation.quantity.name
    assert written["tokens"] == TEXT.split()
    assert written["second"]["tokens"] == SECOND.split()
    own = explanation.texts[1].attributions[IG]
    assert written["second"]["attributions"][IG] == pytest.approx(own)


def test_numbers_of_tokens_are_written(ask):
    explanation = explain(ask(Question("tokens"), "bag"), TEXT, token=2)
    written = numbers(explanation)
    assert (written["explained"]["token"], written["asked"]) == (1, [1])
    assert [part["answer"] for part in written["parts"]] == explanation.prediction.label.split()


def test_a_label_is_chosen(ask):
    predictor = ask(Question(answer="labels"))
    shares = predictor.predict([TEXT])[0].probabilities
    assert explain(predictor, TEXT).chosen.answer == max(shares, key=shares.get)
    lowest = min(shares, key=shares.get)
    explanation = explain(predictor, TEXT, label=lowest)
    assert explanation.quantity.name == f"log-odds of {lowest}"
    assert f"Explained is {lowest}" in explanation.to_html()
    # Of one label: what speaks for another speaks against it.
    predictor = ask(Question())
    with pytest.raises(ValueError, match="'so' is no label of this run; its labels are no, yes"):
        explain(predictor, TEXT, label="so")
    with pytest.raises(ValueError, match=r"a token is chosen .*: leave it out"):
        explain(predictor, TEXT, token=1)
    with pytest.raises(ValueError, match="answers with a number: leave it out"):
        explain(ask(Question(answer="score")), TEXT, label="yes")


def test_a_token_is_chosen(ask):
    predictor = ask(Question("tokens"))
    explanation = explain(predictor, TEXT)
    parts = explanation.chosen.parts
    assert [part.answer for part in parts] == explanation.prediction.label.split()
    assert parts[explanation.chosen.token].share == min(part.share for part in parts)
    for chosen in (3, "3", "ugly"):
        found = explain(predictor, TEXT, token=chosen, label="maybe")
        assert (found.chosen.token, found.sentence.tokens[2]) == (2, "ugly")
        assert found.quantity.of == "maybe for “ugly”"
    with pytest.raises(ValueError, match="'good' is there 2 times: give 1 or 3"):
        explain(predictor, "good a good", token="good")
    for chosen, place in (("2", 1), (2, 1), ("3", 0), ("4", 3)):
        assert explain(predictor, "3 2 a 2", token=chosen).chosen.token == place
    with pytest.raises(ValueError, match="no token '5'; give one of these: 1 good, 2 a, 3 ugly"):
        explain(predictor, TEXT, token="5")
    gold = "no yes maybe no"
    right = explain(predictor, TEXT, gold, token=2)
    assert (right.right, right.is_right) == ("yes", right.chosen.parts[1].answer == "yes")
    with pytest.raises(ValueError, match="has 2 parts, but the text has 4 tokens"):
        explain(predictor, TEXT, "no yes")


@pytest.mark.parametrize("text", [TEXT, "4 3 2 1"])
def test_several_runs_explain_the_same_token(ask, tmp_path, monkeypatch, text):
    """That of which the first is the least certain, whatever number is a word of the text."""
    monkeypatch.setattr("tasks.models.prediction.make_parser", lambda *_, **given: ToyParser())
    monkeypatch.setattr("tasks.explain.report.draw", lambda *_, **__: None)
    least = []
    for name, encoder in (("a", "bag"), ("b", "bilstm")):
        least.append(explain(ask(Question("tokens"), encoder), text).chosen.token)
        shutil.copytree(tmp_path, tmp_path.parent / f"{tmp_path.name}-{name}")
    assert least[0] != least[1] or text != TEXT
    runs = [str(tmp_path.parent / f"{tmp_path.name}-{name}") for name in "ab"]
    done = CliRunner().invoke(app, ["explain", *runs, text, "-o", str(tmp_path / "why")])
    assert done.exit_code == 0, done.output
    for encoder in ("bag", "bilstm"):
        written = json.loads((tmp_path / "why" / encoder / "explanation.json").read_text())
        assert written["explained"]["token"] == least[0]


def test_arcs(ask, tmp_path, monkeypatch):
    question = Question("arcs")
    predictor = ask(question, "bilstm", **arcs_reader(question))
    text = "good a ugly b a"
    explanation = explain(predictor, text, token=1)
    parts = explanation.chosen.parts
    names = ["root", "good", "a (2)", "ugly", "b", "a (5)"]
    for place, (part, arc) in enumerate(
        zip(parts, explanation.prediction.label.split(), strict=True)
    ):
        head, relation = arc_of(arc)
        assert (part.answer, part.head, part.relation) == (names[head], head - 1, relation)
        assert list(part.shares) == [name for n, name in enumerate(names) if n != place + 1]
        assert sum(part.shares.values()) == pytest.approx(1)
    drawn = arc_shares(parts)
    for (head, token), share in drawn.items():
        assert share == parts[token].shares[names[head + 1]]
        assert share >= LIKELY or parts[token].head == head
    assert {(part.head, n) for n, part in enumerate(parts) if part.head >= 0} <= set(drawn)
    # Both ends of the arc stay, wherever words are deleted.
    root = next(n for n, part in enumerate(parts) if part.head == -1)
    found = explain(predictor, text, token=root + 1)
    assert found.quantity.of == f"{names[root + 1]} as the root"
    assert found.chosen.case.asked == {root}
    page = Page(explanation.to_html())
    rows = page.table("token", "head", "relation")
    assert [row[:3] for row in rows][1:] == [
        [word, part.answer, part.relation]
        for word, part in list(zip(text.split(), parts, strict=True))[1:]
    ]
    with pytest.raises(ValueError, match="the head of a token is explained, which no label"):
        explain(predictor, text, label="no")
    with pytest.raises(ValueError, match="only token can be the root alone"):
        explain(predictor, "good")
    monkeypatch.setattr("tasks.explain.report.draw", lambda *_, **__: None)
    assert "tree-that-was-found" in {path.stem for path in save(explanation, tmp_path / "why")}
    sentence, options = found_tree(explanation)
    assert sentence.dependencies.parents == tuple(part.head for part in parts)
    assert options["edge_values"] == drawn
    gold = "0:no 1:no 1:no 1:no 1:no"
    assert explain(predictor, text, gold, token=1).is_right == (parts[0].head == -1)
    assert '<span class="gold">right</span>' in to_html([explain(predictor, text, gold, token=4)])


def test_structures_made_for_spans_follow_the_shorter_sentence(ask):
    text = "good [[a]] ugly [[b]] c d bad"
    for structure, encoder in (("rerooted", "child_sum_tree_lstm"), ("path", "gat")):
        predictor = ask(Question("spans"), encoder, structure)
        explanation = explain(predictor, text)
        case = explanation.chosen.case
        deleted = explanation.deletion.deleted[IG]
        shorter = case.without(deleted, predictor.model)
        assert [shorter.tokens[begin] for begin, _ in shorter.spans] == ["a", "b"]
        inputs = predictor.model.inputs([shorter.sentences[0]], spans=[shorter.spans])
        batch, spans = inputs.batch(torch.zeros(1, dtype=torch.long).numpy())
        with torch.no_grad():
            shares = predictor.model.classifier(batch, spans).softmax(1)[0]
        label = predictor.model.classifier.labels.index(explanation.chosen.answer)
        drop = explanation.deletion.level - float(shares[label])
        assert explanation.deletion.drops[IG] == pytest.approx(drop, abs=1e-5)
        if structure == "path":  # words that are not on the path have no attention
            assert batch.num_nodes < batch.num_tokens or batch.num_nodes == len(shorter.tokens)
            on_path = {n for n in case.sentences[0].graph.tokens if n >= 0}
            weights = explanation.attention[0].weights
            off = [n for n in range(len(case.tokens)) if n not in on_path]
            assert off
            assert float(weights[:, off].sum() + weights[:, :, off].sum()) == 0
            assert all(explanation.attributions[IG][n] == 0 for n in off)


def test_attention_of_spans_is_shown(ask):
    predictor = ask(Question("spans"), reader="spans(span='attention')")
    explanation = explain(predictor, READS["spans"]["text"])
    readouts = explanation.texts[0].readouts
    assert list(readouts) == ["attention of the first span", "attention of the second span"]
    assert all(sum(shares) == pytest.approx(1, abs=1e-5) for shares in readouts.values())
    page = Page(explanation.to_html())
    assert "The attention of the second span" in page.headings


def test_a_text_is_never_emptied():
    one, two = make_sentence(("a",)), make_sentence(("b", "c", "d"))
    case = Case((one, two))
    assert [case.can_lose({n}) for n in range(4)] == [False, True, True, True]
    assert not case.can_lose({1, 2, 3})
    assert case.can_lose({1, 3})
    assert case.can_lose(())
    assert not Case((two,), ((1, 2),)).can_lose({1})
    assert not Case((two,), least=2).can_lose({1, 2})


def test_short_texts(ask):
    found = explain(ask(Question("pair")), "good", second="bad")
    assert found.deletion is None
    assert "no word can be left out" in found.to_html()
    assert "all are asked about" in in_words(found)[-1]
    found = explain(ask(Question("span")), "[[good a]]")
    assert found.deletion is None
    assert found.subtree_effects == (None, None)


def test_what_is_missing_is_told(ask):
    pair = ask(Question("pair"))
    with pytest.raises(ValueError, match="1 text and 0 second texts; give each text a second"):
        explain(pair, TEXT)
    with pytest.raises(ValueError, match="has 257 tokens, and 256 at most"):
        explain(pair, TEXT, second="a " * 257)
    with pytest.raises(ValueError, match="mark them as in"):
        explain(ask(Question("span")), TEXT)
    with pytest.raises(ValueError, match=r"'so' is no label of .*; its labels are no, yes, maybe"):
        explain(ask(Question(answer="labels")), TEXT, "no|so")
    with pytest.raises(ValueError, match="could not convert string to float: 'many'"):
        explain(ask(Question(answer="score")), TEXT, "many")


def test_a_score_in_words(ask):
    predictor = ask(Question("pair", "score"))
    page = explain(predictor, TEXT, "2.5", second=SECOND).to_html()
    assert re.search(r"child_sum_tree_lstm says \S+. The right score is 2.5.", page)
    assert "Numbers are shares of the score." in page
    assert "the score falls" in page
    assert "log-odds" not in page
    assert "<h3>What each word adds to the score" in re.sub(r' id="[^"]*"', "", page)
