"""F1 without one label, against scikit-learn and against counts by hand."""

from __future__ import annotations

import random

import numpy as np
import pytest
from sklearn.metrics import f1_score

from tasks.data.questions import Question
from tasks.metrics import chosen_metric
from tasks.options import OptionError

RELATIONS = ["Cause(e1,e2)", "Cause(e2,e1)", "Part(e1,e2)", "Part(e2,e1)", "Same", "Other"]


SPANS = Question("spans")


def metric(spec, labels=RELATIONS, question=SPANS):
    return chosen_metric(spec, question, labels)


@pytest.mark.parametrize("average", ["macro", "micro"])
@pytest.mark.parametrize("seed", range(5))
def test_scikit_learn(average, seed):
    generator = random.Random(seed)
    size = generator.randrange(1, 40)
    gold, found = (generator.choices(RELATIONS, k=size) for _ in range(2))
    labels = sorted({*gold, *found} - {"Other"})
    expected = (
        f1_score(gold, found, labels=labels, average=average, zero_division=0) if labels else 0
    )
    of_set = metric(f"{average}_f1(without=Other)")
    assert of_set(gold, found) == pytest.approx(expected)
    # The jackknife leaves out one example at a time.
    left = [of_set(gold[:i] + gold[i + 1 :], found[:i] + found[i + 1 :]) for i in range(size)]
    scores = of_set(gold, found) + (size - 1) * (np.mean(left) - np.array(left))
    assert of_set.scores(gold, found) == pytest.approx(scores)


def test_the_measure_of_semeval_by_hand():
    """Its scorer counts a relation with the wrong direction as proposed and as missed."""
    rows = [  # gold, proposed
        ("Cause(e1,e2)", "Cause(e1,e2)"),
        ("Cause(e2,e1)", "Cause(e2,e1)"),
        ("Cause(e1,e2)", "Cause(e2,e1)"),
        ("Cause(e2,e1)", "Other"),
        ("Part(e1,e2)", "Cause(e1,e2)"),
        ("Part(e2,e1)", "Part(e2,e1)"),
        ("Other", "Part(e1,e2)"),
        ("Other", "Other"),
    ]
    gold, found = zip(*rows, strict=True)
    # Cause: 2 right of 4 proposed and of 4 in the key. Part: 1 right of 2 proposed and of 2.
    folded = metric("macro_f1(without=Other, directions=folded)")
    assert folded(gold, found) == pytest.approx((2 * 2 / (4 + 4) + 2 * 1 / (2 + 2)) / 2)
    assert folded.key == "macro_f1(without=Other, directions=folded)"
    assert folded.name == "macro-F1 without Other"
    # Unfolded: Cause 1-2 has 1 of 2 and 2, Cause 2-1 1 of 2 and 2, Part 1-2 none, Part 2-1 1 of 1.
    assert metric("macro_f1( without = 'Other' )")(gold, found) == pytest.approx(
        (1 / 2 + 1 / 2 + 0 + 1) / 4
    )
    assert metric("micro_f1(without=Other,directions=folded)")(gold, found) == pytest.approx(
        2 * 3 / (6 + 6)
    )


def test_sets_without_a_relation():
    of_set = metric("macro_f1(without=Other)")
    assert of_set(["Other"], ["Other"]) == 0
    assert of_set([], []) == 0


def test_impossible_metrics_are_told():
    with pytest.raises(OptionError, match=r"leaves out 'other', but the labels are .*'Other'"):
        metric("macro_f1(without=other)")
    with pytest.raises(OptionError, match=r"no label ends in \(e1,e2\)"):
        metric("macro_f1(without=a, directions=folded)", ["a", "b"])
    for spec in ("mcc(without=Other)", "macro_f1(with=Other)", "macro_f1(without=Other"):
        with pytest.raises(OptionError, match=r"can't be .*there are accuracy, macro_f1, mcc"):
            metric(spec)
    with pytest.raises(OptionError, match="there are pearson"):
        metric("macro_f1(without=Other)", (), Question("spans", "score"))
