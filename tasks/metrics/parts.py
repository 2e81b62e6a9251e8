"""Metrics of answers that have a part for each token or node: tags, labels of nodes, trees."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from structnn.arcs import arc_of
from tasks.data.entities import entities
from tasks.data.questions import NO_LABEL, ROW_SEPARATOR, Question
from tasks.metrics.metric import Floats, Metric, f1_of, mean_f1_of, metric_of_counts, share

__all__ = [
    "LAS",
    "UAS",
    "entity_f1",
    "root_accuracy",
    "tag_accuracy",
    "tag_macro_f1",
    "universal",
]


def tag_accuracy(question: Question) -> Metric[str]:
    """The share of all tags, or labels of nodes, that are right."""

    def counts(gold: str, prediction: str) -> Floats:
        pairs = question.compared(gold, prediction)
        return np.array([sum(one == other for one, other in pairs), len(pairs)], np.float64)

    return metric_of_counts(
        "accuracy", "accuracy", counts, share, about=f"the share of all {_parts(question)} is right"
    )


def root_accuracy(question: Question) -> Metric[str]:
    """The share of trees at whose root the label is right; of a question about nodes in preorder."""

    def counts(gold: str, prediction: str) -> Floats:
        wanted, found = question.parts_of(gold)[0], question.parts_of(prediction)[0]
        return np.array([wanted == found, wanted != NO_LABEL], np.float64)

    return metric_of_counts(
        *("root accuracy", "root_accuracy", counts, share),
        about="the share of trees whose root's label is right",
        by_example=tag_accuracy(question).by_example,
    )


def _parts(question: Question) -> str:
    """What has an answer, up to a verb: ``"tokens whose tag"``."""
    return "nodes whose label" if question.reads == "nodes" else "tokens whose tag"


def tag_macro_f1(question: Question, labels: Sequence[str], by_example: Metric[str]) -> Metric[str]:
    """The unweighted mean over labels of F1 over all tokens, or nodes."""
    number = {label: place for place, label in enumerate(labels)}

    def counts(gold: str, prediction: str) -> Floats:
        found: Floats = np.zeros((len(number), 3))
        for one, other in question.compared(gold, prediction):
            found[number[one], 1] += 1
            found[number[other], 2] += 1
            found[number[one], 0] += one == other
        return found

    return metric_of_counts(
        "macro-F1",
        "macro_f1",
        counts,
        mean_f1_of,
        about=f"the unweighted mean of the {'labels' if question.reads == 'nodes' else 'tags'}' F1 "
        f"over all {question.part}s, in percent",
        by_example=by_example,
    )


def entity_f1(question: Question) -> Metric[str]:
    """F1 of entities, as conlleval counts them: type, beginning and end must be right."""

    def counts(gold: str, prediction: str) -> Floats:
        wanted = entities(question.parts_of(gold))
        found = entities(question.parts_of(prediction))
        return np.array([len(wanted & found), len(wanted), len(found)], np.float64)

    return metric_of_counts(
        "entity F1",
        "entity_f1",
        counts,
        f1_of,
        about="F1 of entities whose type, beginning and end are right, in percent",
        by_example=tag_accuracy(question).by_example,
    )


def _attachments(gold: str, prediction: str, *, relations: bool) -> Floats:
    """The tokens of a sentence whose head, and if wanted whose relation, is right; and all tokens."""
    wanted, found = (
        [arc_of(arc) for arc in answer.split(ROW_SEPARATOR)] for answer in (gold, prediction)
    )
    hits = sum(
        head == other and (not relations or universal(relation) == universal(guess))
        for (head, relation), (other, guess) in zip(wanted, found, strict=True)
    )
    return np.array([hits, len(wanted)], np.float64)


def universal(relation: str) -> str:
    """A relation without its subtype: ``"nsubj"`` of ``"nsubj:pass"``."""
    return relation.partition(":")[0]


LAS = metric_of_counts(
    "LAS",
    "las",
    partial(_attachments, relations=True),
    share,
    about="the share of all words whose head and relation are right, subtypes of relations left out "
    "(as in CoNLL 2018)",
)


UAS = metric_of_counts(
    "UAS",
    "uas",
    partial(_attachments, relations=False),
    share,
    about="the share of all words whose head is right",
)
