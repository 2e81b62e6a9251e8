"""Metrics against counts by hand, and how their values are written."""

from __future__ import annotations

import math
import re
from typing import get_type_hints

import numpy as np
import pytest

from tasks.data.questions import Question
from tasks.metrics import (
    ACCURACY,
    BLEU,
    LAS,
    MACRO_F1,
    MCC,
    MSE,
    PEARSON,
    PERCENT,
    PLAIN,
    Metric,
    calibration_error,
    class_f1,
    entity_f1,
    matthews,
    mean_absolute_error,
    metrics_for,
    tag_accuracy,
    tag_macro_f1,
)
from tasks.results.options import VerdictOptions
from tasks.training.options import METRICS, TrainingOptions


class TestMetrics:
    gold, guesses = "aaabbc", "aabbcc"

    def test_accuracy(self):
        assert ACCURACY(self.gold, self.guesses) == 4 / 6

    def test_f1_by_hand(self):
        # a: precision 2/2, recall 2/3; b: 1/2 and 1/2; c: 1/2 and 1/1.
        expected = {"a": 4 / 5, "b": 1 / 2, "c": 2 / 3}
        assert class_f1(self.gold, self.guesses) == pytest.approx(expected)
        assert MACRO_F1(self.gold, self.guesses) == pytest.approx(sum(expected.values()) / 3)

    @pytest.mark.parametrize("metric", [MACRO_F1, MCC])
    def test_one_example_has_scores_too(self, metric):
        assert metric.scores(["a"], ["b"]).tolist() == [0.0]
        assert metric.scores(["a"], ["a"]).tolist() == [metric(["a"], ["a"])]

    def test_a_label_never_guessed_counts_as_zero(self):
        assert class_f1("ab", "aa") == pytest.approx({"a": 2 / 3, "b": 0})

    def test_absolute_error_counts_steps(self):
        assert mean_absolute_error("abc")("aabc", "abca") == (0 + 1 + 1 + 2) / 4

    def test_calibration_by_hand(self):
        # Two intervals: (0, 0.5] holds confidences 0.2 and 0.5 with accuracy 1/2,
        # (0.5, 1] holds 0.6, 0.9 and 1.0 with accuracy 2/3.
        correct, confidence = [1, 0, 0, 1, 1], [0.2, 0.5, 0.6, 0.9, 1.0]
        expected = 2 / 5 * abs(0.35 - 1 / 2) + 3 / 5 * abs(2.5 / 3 - 2 / 3)
        assert calibration_error(correct, confidence, bins=2) == pytest.approx(expected)

    def test_confident_and_right_is_calibrated(self):
        assert calibration_error([1, 1], [1.0, 1.0]) == 0

    def test_the_value_is_the_mean_of_the_scores_of_examples(self):
        steps = mean_absolute_error("abc")
        assert steps.scores("aabc", "abca").tolist() == [0, 1, 1, 2]
        assert ACCURACY.scores(self.gold, self.guesses).tolist() == [1, 1, 0, 1, 0, 1]
        assert (ACCURACY.sign, steps.sign) == (1, -1)

    @pytest.mark.parametrize("metric", [MACRO_F1, MCC])
    def test_scores_of_a_metric_of_a_set_are_the_jackknifes(self, metric):
        rng = np.random.default_rng(0)
        gold = rng.choice(list("abc"), 40).tolist()
        guesses = [g if rng.random() < 0.6 else str(rng.choice(list("abc"))) for g in gold]
        scores, whole = metric.scores(gold, guesses), metric(gold, guesses)
        assert scores.mean() == pytest.approx(whole)
        left = [
            metric(gold[:place] + gold[place + 1 :], guesses[:place] + guesses[place + 1 :])
            for place in range(40)
        ]
        pseudo = 40 * whole - 39 * np.array(left)
        assert scores - scores.mean() == pytest.approx(pseudo - pseudo.mean())

    def test_the_jackknife_has_the_variance_of_the_metric(self):
        rng = np.random.default_rng(0)

        def drawn():
            gold = rng.choice(list("abc"), 300, p=[0.5, 0.3, 0.2]).tolist()
            return gold, [g if rng.random() < 0.7 else "a" for g in gold]

        samples = [drawn() for _ in range(300)]
        spread = np.std([MACRO_F1(*sample) for sample in samples])
        found = [MACRO_F1.scores(*sample).std(ddof=1) / np.sqrt(300) for sample in samples[:20]]
        assert np.mean(found) == pytest.approx(spread, rel=0.15)

    def test_matthews_correlation_by_hand(self):
        # 6 true positives, 3 true negatives, 1 false positive, 2 false negatives (Chicco 2020's form).
        gold = ["p"] * 8 + ["n"] * 4
        guesses = ["p"] * 6 + ["n"] * 2 + ["n"] * 3 + ["p"]
        assert matthews(gold, guesses) == pytest.approx((6 * 3 - 1 * 2) / (7 * 8 * 4 * 5) ** 0.5)
        assert matthews(gold, ["p"] * 12) == matthews(["p"] * 3, ["p"] * 3) == 0

    @pytest.mark.parametrize(
        ("metric", "zeros", "ones"),
        [
            (ACCURACY, True, True),
            (MACRO_F1, True, True),
            (LAS, True, True),
            (BLEU, True, True),
            (mean_absolute_error(["low", "high"]), True, True),
            (Metric("own", "own", score=lambda a, b: float(a == b)), True, True),
            (MCC, False, True),  # 0 is that of one label for all, of which some are right
            (PEARSON, False, False),
            (MSE, False, False),
            (Metric("own", "own", over_set=lambda a, b: 0.0), False, False),
        ],
        ids=lambda one: one.key if isinstance(one, Metric) else None,
    )
    def test_the_metric_knows_whether_scores_are_of_right_and_wrong(self, metric, zeros, ones):
        assert metric.is_right_or_wrong(np.zeros((2, 5))) == zeros
        assert metric.is_right_or_wrong(np.ones((2, 5))) == ones
        assert not metric.is_right_or_wrong([[0, 0.5, 1]])

    def test_a_metric_is_of_examples_or_of_a_set(self):
        with pytest.raises(ValueError, match="exactly one of score and over_set"):
            Metric("nothing", "nothing")


def test_intervals_hold_possible_values_alone():
    assert ACCURACY.possible(0.9, 1.02) == (0.9, 1.0)
    assert MACRO_F1.possible(-0.1, 0.2) == (0.0, 0.2)
    assert PEARSON.possible(-1.046, 0.471) == (-1.0, 0.471)
    assert MSE.possible(-0.5, 3.0) == (0.0, 3.0)
    assert BLEU.possible(-0.5, 3.0) == (0.0, 1.0)
    assert mean_absolute_error(["low", "middle", "high"]).possible(-1.0, 3.0) == (0.0, 2.0)
    low, high = PEARSON.possible(math.nan, math.nan)
    assert math.isnan(low)
    assert math.isnan(high)
    assert Metric("size", "size", score=lambda *_: 9.0).possible(-9.0, 9.0) == (-9.0, 9.0)


def test_how_values_are_written():
    assert PERCENT.text(0.8581) == "85.8"
    assert PERCENT.full(0.8581) == "85.8 %"
    assert PERCENT.heading("test") == "test %"
    assert PERCENT.axis("test accuracy") == "test accuracy, %"
    assert PERCENT.signed(-0.0001) == "+0.0"
    assert PERCENT.signed(0.0123) == "+1.2"
    assert PERCENT.distance(-0.0123) == "1.2 points"
    assert PLAIN.full(0.51249) == PLAIN.distance(-0.51249) == "0.512"
    assert (PLAIN.heading("test"), PLAIN.axis("error"), PLAIN.signed(2)) == (
        "test",
        "error",
        "+2.000",
    )


class TestTags:
    question = Question("tokens")
    gold = ("B-P I-P O", "O", "B-L O O B-P")
    guesses = ("B-P I-P B-P", "O", "O O B-L B-P")

    def test_accuracy_is_pooled_over_tokens(self):
        metric = tag_accuracy(self.question)
        assert metric(self.gold, self.guesses) == (2 + 1 + 2) / 8
        assert metric.by_example.scores(self.gold, self.guesses).tolist() == [2 / 3, 1, 1 / 2]
        assert metric(self.gold[1:2], ["O"]) == 1

    def test_macro_f1_is_over_tags(self):
        labels = ("B-L", "B-P", "I-P", "O", "never")
        metric = tag_macro_f1(self.question, labels, tag_accuracy(self.question).by_example)
        # B-L is never right; B-P 2 of 2 gold and 3 predicted; I-P 1, 1, 1; O 2 of 4 gold and 3.
        by_class = {"B-L": 0, "B-P": 4 / 5, "I-P": 1, "O": 4 / 7}
        assert metric(self.gold, self.guesses) == pytest.approx(sum(by_class.values()) / 4)
        assert class_f1(self.gold, self.guesses, self.question) == pytest.approx(by_class)

    def test_entities_are_right_as_a_whole(self):
        metric = entity_f1(self.question)
        # Gold: P 0-2, L 0-1, P 3-4. Predicted: P 0-2, P 2-3; L 2-3, P 3-4. Two are right.
        assert metric(self.gold, self.guesses) == pytest.approx(2 * 2 / (3 + 4))
        assert metric(["O O"], ["O O"]) == 0
        assert metric(["B-P I-P"], ["B-P O"]) == 0

    def test_a_sentence_is_left_out_at_a_time(self):
        for metric in metrics_for(self.question, ("B-L", "B-P", "I-P", "O")):
            fast = metric.scores(self.gold, self.guesses)
            whole = metric(self.gold, self.guesses)
            without = [
                metric(
                    self.gold[:place] + self.gold[place + 1 :],
                    self.guesses[:place] + self.guesses[place + 1 :],
                )
                for place in range(3)
            ]
            mean = sum(without) / 3
            assert fast == pytest.approx([whole + 2 * (mean - one) for one in without])
            assert fast.mean() == pytest.approx(whole)

    def test_entities_are_counted_where_tags_mark_some(self):
        def keys(labels):
            return [metric.key for metric in metrics_for(self.question, labels)]

        assert keys(("B-P", "I-P", "O")) == ["entity_f1", "accuracy", "macro_f1"]
        assert keys(("NOUN", "VERB")) == ["accuracy", "macro_f1"]


@pytest.mark.parametrize(
    ("name", "question"),
    {
        "Labels": Question(),
        "Several labels": Question(answer="labels"),
        "Numbers": Question(answer="score"),
        "Tags": Question(reads="tokens"),
        "Nodes": Question(reads="nodes"),
        "Arcs": Question(reads="arcs"),
        "Sequences": Question(answer="sequence"),
    }.items(),
)
def test_the_help_of_options_has_the_metrics_of_each_question_in_order(name, question):
    said = re.sub(r" \([^()]*\)", "", METRICS).partition(f" {name}: ")[2].partition(". ")[0]
    metrics = metrics_for(question, ("B-P", "O"), ordered=True)
    assert said.split(", ") == [metric.key for metric in metrics]
    for options, option in ((TrainingOptions, "select"), (VerdictOptions, "metric")):
        assert METRICS in get_type_hints(options, include_extras=True)[option].__metadata__[-1].help
