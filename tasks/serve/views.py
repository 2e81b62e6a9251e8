"""What the page of the service shows of an answer: the answer, words with colours, the tree."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files

from markupsafe import Markup

from tasks.explain import explain
from tasks.explain.page import in_short
from tasks.explain.words import answer_words
from tasks.models.prediction import Predictor
from tasks.report.shell import style, templates

__all__ = ["Shown", "page", "show"]


LISTED = 12  # labels that the page names


@dataclass(frozen=True)
class Shown:
    """What the page shows.

    Attributes:
        said: The answer in words.
        html: What stands below it, as HTML.
    """

    said: str
    html: str


def page(predictor: Predictor) -> str:
    """The page in which a sentence is edited, for a run.

    Args:
        predictor: The run.
    """
    own, of_explanations = files("tasks.serve") / "template", files("tasks.explain") / "template"
    sheet = (of_explanations / "explanation.css").read_text("utf-8")
    sheet += (own / "page.css").read_text("utf-8")
    return (
        templates("tasks.serve", "tasks.report")
        .get_template("page.html")
        .render(
            encoder=predictor.model.options.encoder,
            run=str(predictor.run),
            asked=_what_it_does(predictor),
            question=predictor.question,
            style=style() + Markup("\n") + Markup(sheet),
            script=Markup((own / "page.js").read_text("utf-8")),
        )
    )


def _what_it_does(predictor: Predictor) -> str:
    """What a run reads and answers, in a sentence."""
    reads = {
        "sentence": "a sentence",
        "pair": "two texts",
        "span": "a sentence in which some words are marked",
        "spans": "a sentence in which two phrases are marked",
        "tokens": "each word of a sentence",
        "nodes": "each node of a tree in brackets",
        "arcs": "a sentence",
    }[predictor.question.reads]
    labels = predictor.model.classifier.labels
    names = ", ".join(labels[:LISTED]) + (", ..." if len(labels) > LISTED else "")
    answers = {
        "label": f"one of {len(labels)} labels: {names}",
        "labels": f"any of {len(labels)} labels: {names}",
        "score": "a number",
        "scale": "a number",
        "sequence": "a text",
    }[predictor.question.answer]
    return f"{predictor.model.options.encoder} reads {reads} and answers with {answers}."


def show(predictor: Predictor, text: str, second: str | None) -> Shown:
    """What the page shows of a text: the answer, and its explanation in short.

    Args:
        predictor: The run.
        text: The text.
        second: The second text, where the question is about pairs.

    Raises:
        ValueError: The texts are not what the run is about.
    """
    template = templates("tasks.serve", "tasks.explain", "tasks.report").get_template("shown.html")
    encoder, question = predictor.model.options.encoder, predictor.question
    explanation = explain(predictor, text, second=second)
    shown = in_short(explanation, encoder, 1)
    said = shown.said
    if explanation.chosen.token is not None:
        said = answer_words(question, encoder, explanation.prediction)
    return Shown(said, template.render(shown=shown))
