"""Which metrics answers to a question have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from tasks.data.entities import mark_entities
from tasks.data.examples import quote
from tasks.data.questions import Question
from tasks.metrics.labels import (
    ACCURACY,
    EXACT,
    MACRO_F1,
    MCC,
    MICRO_F1,
    f1_without,
    macro_f1,
    mean_absolute_error,
    micro_f1,
)
from tasks.metrics.metric import Metric
from tasks.metrics.numbers import MSE, PEARSON, SPEARMAN
from tasks.metrics.parts import (
    LAS,
    UAS,
    entity_f1,
    root_accuracy,
    tag_accuracy,
    tag_macro_f1,
)
from tasks.metrics.sequences import BLEU, EDIT_DISTANCE, EXACT_SEQUENCE
from tasks.options import OptionError

__all__ = ["chosen_metric", "metrics_for"]


def metrics_for(
    question: Question, labels: Sequence[str], *, ordered: bool = False
) -> tuple[Metric[str], ...]:
    """The metrics of answers to a question; unless another is chosen, the first selects and is tested.

    Args:
        question: What is asked.
        labels: The labels; none where answers are numbers or texts.
        ordered: Whether the labels are a scale: then absolute errors can be measured.
    """
    if question.is_number:
        return (PEARSON, SPEARMAN, MSE)
    if question.is_sequence:
        return (EXACT_SEQUENCE, BLEU, EDIT_DISTANCE)
    if question.reads in ("tokens", "nodes"):
        accuracy = tag_accuracy(question)
        assert accuracy.by_example is not None
        of_labels = tag_macro_f1(question, labels, accuracy.by_example)
        if question.reads == "nodes":
            return (accuracy, root_accuracy(question), of_labels)
        of_entities = (entity_f1(question),) if mark_entities(labels) else ()
        return (*of_entities, accuracy, of_labels)
    if question.reads == "arcs":
        return (LAS, UAS)
    if question.answer == "labels":
        return (
            replace(MICRO_F1, over_set=partial(micro_f1, question=question), by_example=EXACT),
            replace(MACRO_F1, over_set=partial(macro_f1, question=question), by_example=EXACT),
            EXACT,
        )
    scale = (mean_absolute_error(labels),) if ordered else ()
    return (ACCURACY, MACRO_F1, MCC, *scale)


def chosen_metric(
    key: str | None,
    question: Question,
    labels: Sequence[str],
    *,
    ordered: bool = False,
    option: str = "metric",
) -> Metric[str]:
    """The metric with this key; by default the first one of the question.

    Of answers that are one label each, F1 may leave one label out: see :func:`f1_without`.

    Raises:
        OptionError: Answers to the question have no such metric; the message lists those they have.
    """
    if key and question.answer == "label" and question.reads not in ("tokens", "nodes"):
        without = f1_without(key, labels, option)
        if without is not None:
            return without
    known = metrics_for(question, labels, ordered=ordered)
    found = next((metric for metric in known if metric.key == (key or known[0].key)), None)
    if found is None:
        why = f" of {question.in_words(labels)}"
        if question.answer == "label" and key == "mean_absolute_error":
            why = f", since the labels ({quote(labels, 6)}) are no scale"
        raise OptionError(
            option,
            f"can't be {key}{why}; there are {', '.join(metric.key for metric in known)}",
        )
    return found
