"""Statistics against brute force, scipy and published worked examples."""

from __future__ import annotations

import itertools
import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from benchmarks.verdicts import World, simulate
from tasks.metrics import ACCURACY, MACRO_F1, MCC, PEARSON, Metric, mean_absolute_error
from tasks.results.statistics import (
    accuracy_interval,
    almost_stochastic_order,
    cohens_h,
    compare_pairs,
    expected_best,
    is_binary,
    mcnemar,
    mean_interval,
    over_seeds,
    permutation_test,
)
from tasks.results.verdicts import Verdict, decide, mean_scores


def matrices(seeds: int, examples: int) -> st.SearchStrategy[np.ndarray]:
    row = st.lists(st.integers(0, 1), min_size=examples, max_size=examples)
    return st.lists(row, min_size=seeds, max_size=seeds).map(np.array)


def runs(
    rng: np.random.Generator, ease: np.ndarray, seeds: int = 5, spread: float = 0.2
) -> np.ndarray:
    """Runs that are right with the log odds ``ease`` of each example, some better than others."""
    odds = ease + spread * rng.standard_normal((seeds, 1))
    return rng.random(odds.shape) < 1 / (1 + np.exp(-odds))


class TestOverSeeds:
    @pytest.mark.parametrize("confidence", [0, 1, 1.0, 95, 100, -0.5, math.inf, math.nan])
    def test_a_confidence_is_a_share_of_intervals(self, confidence):
        """At 1 the ends were no numbers, or infinite, or those of a point."""
        told = re.escape(f"confidence must be above 0 and below 1, not {confidence}")
        for values in ([0.1, 0.2], [0.1, 0.1], [0.1]):
            with pytest.raises(ValueError, match=told):
                over_seeds(values, confidence)
        for interval in (mean_interval, accuracy_interval):
            for scores in ([[0, 1, 1]], [[1, 1, 1]], [[0.3, 0.3]]):
                with pytest.raises(ValueError, match=told):
                    interval(scores, confidence)

    def test_percents_are_told_what_they_are_as_a_share(self):
        with pytest.raises(ValueError, match=r"not 95; for 95 % give 0\.95"):
            over_seeds([0.1, 0.2], 95)

    def test_more_confidence_never_narrows_an_interval(self):
        scores = np.random.default_rng(0).random((3, 40))
        for values in (scores, scores < 0.8, np.ones((3, 40))):
            ends = [mean_interval(values, share) for share in (0.5, 0.95, 0.99, 0.999, 0.999999)]
            assert [low for low, _ in ends] == sorted((low for low, _ in ends), reverse=True)
            assert [high for _, high in ends] == sorted(high for _, high in ends)

    @pytest.mark.parametrize("level", [0, 1, 5, math.nan])
    def test_a_level_is_a_share_of_experiments(self, level):
        told = re.escape(f"level must be above 0 and below 1, not {level}")
        scores = {"a": [[0, 1, 1]] * 3, "b": [[1, 1, 0]] * 3}
        with pytest.raises(ValueError, match=told):
            compare_pairs(scores, level=level)
        with pytest.raises(ValueError, match=told):
            decide(mean_scores(scores), [("a", "b")], level=level)
        with pytest.raises(ValueError, match=told):
            almost_stochastic_order([0.1, 0.2], [0.1, 0.3], level=level)
        with pytest.raises(ValueError, match=told.replace("level", "power")):
            decide(mean_scores(scores), [("a", "b")], power=level)

    def test_students_sleep_data(self):
        # Student (1908): the additional hours of sleep of ten patients.
        hours = [1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4]
        spread = over_seeds(hours)
        assert spread.mean == pytest.approx(1.58)
        assert spread.sd == pytest.approx(1.229995, abs=1e-6)
        assert (spread.low, spread.high) == pytest.approx((0.7001142, 2.4598858), abs=1e-6)

    def test_one_seed_has_no_interval(self):
        spread = over_seeds([0.9])
        assert (spread.mean, spread.sd, spread.low, spread.seeds) == (0.9, None, None, 1)


class TestPermutation:
    @settings(max_examples=60, deadline=None)
    @given(matrices(2, 8), matrices(3, 8))
    def test_is_the_share_of_all_exchanges(self, a, b):
        gains = a.mean(0) - b.mean(0)
        signs = np.array(list(itertools.product([1, -1], repeat=8)))
        expected = (np.abs(signs @ gains) >= abs(gains.sum()) - 1e-9).mean()
        assert permutation_test(a, b) == pytest.approx(expected)

    @settings(max_examples=60, deadline=None)
    @given(matrices(1, 30), matrices(1, 30))
    def test_one_seed_is_mcnemar(self, a, b):
        assert permutation_test(a, b) == pytest.approx(mcnemar(a[0], b[0]))

    def test_agrees_with_sampling_by_scipy(self):
        rng = np.random.default_rng(0)
        ease = rng.normal(1, 1, 200)
        a, b = runs(rng, ease + 0.1), runs(rng, ease)
        sampled = stats.permutation_test(
            (a.mean(0) - b.mean(0),), np.mean, permutation_type="samples", vectorized=True
        )
        assert permutation_test(a, b) == pytest.approx(sampled.pvalue, abs=0.03)


class TestMcnemar:
    def test_by_counting(self):
        # 121 examples that the first alone got right, 59 that the second alone did.
        first = np.repeat([1, 1, 0, 0], [101, 121, 59, 33])
        second = np.repeat([1, 0, 1, 0], [101, 121, 59, 33])
        tail = sum(math.comb(180, k) for k in range(60)) / 2**180
        assert mcnemar(first, second) == pytest.approx(2 * tail)
        assert mcnemar(first, second) == pytest.approx(4.434e-06, rel=1e-3)

    def test_no_disagreement(self):
        assert mcnemar([1, 0], [1, 0]) == 1


def test_cohens_h():
    # Cohen (1988), table 6.2.2: phi is 1.875 for .65, 1.471 for .45, and 3.142 for 1.
    assert cohens_h(0.65, 0.45) == pytest.approx(1.875 - 1.471, abs=1e-3)
    assert cohens_h(0, 1) == pytest.approx(-3.142, abs=1e-3)


class TestAlmostStochasticOrder:
    def test_is_certain_where_every_score_is_better(self):
        assert almost_stochastic_order([0.9, 0.91], [0.8, 0.81, 0.82]) == 0
        assert almost_stochastic_order([0.8, 0.81, 0.82], [0.9, 0.91]) == 1

    def test_same_scores_are_neither(self):
        assert almost_stochastic_order([0.9, 0.9], [0.9, 0.9]) == 0.5

    @pytest.mark.parametrize(
        ("a", "b", "expected"),
        # Below the median the first is lower by 1, above it higher by 2: 1 / (1 + 4).
        [([1, 5], [2, 3], 1 / 5), ([1, 4], [2, 3], 1 / 2), ([1, 2, 9], [3], 5 / 41)],
    )
    def test_violation_by_hand(self, a, b, expected):
        # At level 0.5 the bound is the estimate itself.
        assert almost_stochastic_order(a, b, level=0.5) == pytest.approx(expected)

    @settings(max_examples=30, deadline=None)
    @given(
        st.lists(st.integers(0, 9), min_size=1, max_size=5),
        st.lists(st.integers(0, 9), min_size=1, max_size=5),
    )
    def test_violation_by_numerical_integration(self, a, b):
        levels = (np.arange(60_000) + 0.5) / 60_000
        gaps = np.quantile(a, levels, method="inverted_cdf") - np.quantile(
            b, levels, method="inverted_cdf"
        )
        expected = (gaps[gaps < 0] ** 2).sum() / (gaps**2).sum() if gaps.any() else 0.5
        found = almost_stochastic_order(a, b, level=0.5, samples=2)
        assert found == pytest.approx(expected, abs=1e-3)

    def test_the_bound_is_above_the_estimate(self):
        a, b = [0.90, 0.94, 0.93, 0.92], [0.91, 0.90, 0.92, 0.89]
        estimate = almost_stochastic_order(a, b, level=0.5)
        assert estimate < almost_stochastic_order(a, b) < 1


@pytest.fixture(scope="module")
def compared():
    rng = np.random.default_rng(0)
    ease = rng.normal(2.5, 2.5, 500)
    good = runs(rng, ease)
    correct = {
        "bilstm": good,
        "copy": good.copy(),
        "again": runs(rng, ease),
        "shuffled": rng.random((5, 500)) < 1 / 6,
    }
    found = compare_pairs(correct)
    return {(comparison.first, comparison.second): comparison for comparison in found}


class TestComparePairs:
    def test_a_copy_cannot_be_told_apart(self, compared):
        comparison = compared["bilstm", "copy"]
        assert comparison.verdict is Verdict.UNDECIDED
        assert comparison.p == comparison.p_permutation == 1
        assert re.fullmatch(
            r"bilstm and copy: undecided on this data \(difference \+0\.0, 95 % interval -(\d\.\d) to "
            r"\+\1; p = 1\.00, n = 500 x 5 seeds\)",
            str(comparison),
        )

    def test_nor_can_other_seeds_of_the_same(self, compared):
        assert not compared["bilstm", "again"].told_apart
        assert not compared["copy", "again"].told_apart

    def test_shuffled_labels_are_worse(self, compared):
        for name in ("bilstm", "copy", "again"):
            comparison = compared[name, "shuffled"]
            assert comparison.verdict is Verdict.BETTER
            assert comparison.difference > 0.3
            assert comparison.low < comparison.difference < comparison.high
            assert comparison.order == 0
            assert comparison.effect > 0.8
            assert str(comparison).startswith(f"{name} is better than shuffled on this data by ")
            assert str(comparison).endswith("p < 0.001, n = 500 x 5 seeds)")

    def test_the_worse_may_come_first(self):
        rng = np.random.default_rng(0)
        bad, good = rng.random((2, 3, 200)) < [[[0.3]], [[0.9]]]
        (comparison,) = compare_pairs({"bad": bad, "good": good})
        assert comparison.verdict is Verdict.WORSE
        text = str(comparison)
        assert text == str(comparison.reversed())
        assert text.startswith("good is better than bad on this data by ")
        assert "interval -" not in text
        assert text.endswith("n = 200 x 3 seeds)")

    def test_within_a_wide_margin_two_are_equal(self):
        rng = np.random.default_rng(0)
        ease = rng.normal(2.5, 2.5, 2000)
        (comparison,) = compare_pairs({"a": runs(rng, ease), "b": runs(rng, ease)}, margin=0.06)
        assert comparison.verdict is Verdict.EQUAL
        assert str(comparison).startswith(
            "a and b are equal to within 6.0 points on this data (95 %"
        )

    def test_one_and_two_seeds_are_described(self):
        rng = np.random.default_rng(0)
        for seeds, text in ((1, "1 seed"), (2, "2 seeds")):
            bad, good = rng.random((2, seeds, 200)) < [[[0.3]], [[0.9]]]
            (comparison,) = compare_pairs({"bad": bad, "good": good})
            assert comparison.verdict is Verdict.NONE
            assert comparison.order is None
            assert str(comparison).startswith("bad and good differ by ")
            assert str(comparison).endswith(
                f"in these runs; a verdict takes 3 seeds (n = 200 x {text})"
            )

    def test_stochastic_order_takes_five_seeds(self):
        rng = np.random.default_rng(0)
        a, b = rng.random((2, 5, 100)) < [[[0.8]], [[0.6]]]
        (four,) = compare_pairs({"a": a[:4], "b": b})
        (five,) = compare_pairs({"a": a, "b": b})
        assert four.order is None
        assert five.order is not None

    def test_examples_of_one_cluster_count_together(self):
        rng = np.random.default_rng(0)
        ease = rng.normal(2.5, 2.5, 100)
        a, b = runs(rng, ease + 1.2, spread=0), runs(rng, rng.permutation(ease), spread=0)
        (alone,) = compare_pairs({"a": a, "b": b})
        fivefold = {"a": np.repeat(a, 5, axis=1), "b": np.repeat(b, 5, axis=1)}
        clusters = [f"text {place // 5}" for place in range(500)]
        (together,) = compare_pairs(fivefold, clusters=clusters)
        assert (together.examples, together.clusters) == (500, 100)
        assert "n = 500 in 100 groups x 5 seeds)" in str(together)
        assert together.p_mcnemar is None
        for name in ("difference", "low", "high", "p", "p_permutation"):
            assert getattr(together, name) == pytest.approx(getattr(alone, name), abs=2e-3), name
        (naive,) = compare_pairs(fivefold)
        assert naive.high - naive.low < 0.7 * (together.high - together.low)

    def test_more_seeds_find_less(self, compared):
        comparison = compared["bilstm", "shuffled"]
        found = [comparison.detectable_with(seeds) for seeds in (5, 10, 1000)]
        assert found[0] == pytest.approx(comparison.detectable)
        assert found == sorted(found, reverse=True)
        assert found[-1] == pytest.approx(comparison.detectable_with_any_seeds, rel=0.01)

    def test_false_alarms_are_few_even_where_seeds_matter_most(self):
        rng = np.random.default_rng(0)
        told_apart = by_example = 0
        for repeat in range(400):
            ease = rng.normal(2.5, 2.5, 2000)
            a, b = runs(rng, ease, seeds=3), runs(rng, ease, seeds=3)
            means = mean_scores({"a": a, "b": b})
            (decision,) = decide(means, [("a", "b")], draws=500, seed=repeat)
            told_apart += decision.verdict is not Verdict.UNDECIDED
            by_example += repeat < 50 and permutation_test(a, b) < 0.05
        assert told_apart <= 0.08 * 400
        # Why the verdict isn't left to a test that looks at examples alone.
        assert by_example > 0.3 * 50

    def test_matrices_must_fit(self):
        with pytest.raises(ValueError, match="3 and 2 examples"):
            compare_pairs({"a": [[1, 0, 1]], "b": [[1, 0]]})
        with pytest.raises(ValueError, match="at least two examples"):
            compare_pairs({"a": [[1]], "b": [[0]]})


class TestAccuracyInterval:
    def test_one_seed_is_wilsons_by_scipy(self):
        # With the variance of a sample, n - 1 of the n examples count as much as Wilson's n.
        correct = np.repeat([1, 0], [460, 40])
        expected = stats.binomtest(460, 500).proportion_ci(method="wilson")
        low, high = accuracy_interval(correct)
        assert (low, high) == pytest.approx((expected.low, expected.high), abs=2e-4)

    def test_nothing_varies(self):
        expected = stats.binomtest(20, 20).proportion_ci(method="wilson")
        assert accuracy_interval(np.ones((3, 20))) == pytest.approx((expected.low, 1.0))
        assert accuracy_interval([[0]])[0] == 0.0
        assert accuracy_interval([[0]])[1] == pytest.approx(
            stats.binomtest(0, 1).proportion_ci(method="wilson").high
        )

    def test_effective_number_of_examples_by_hand(self):
        correct = np.array([[1, 1, 1, 0], [1, 1, 0, 0]])
        # Examples: 1, 1, 1/2, 0 with variance 11/48; runs: 3/4, 1/2 with 1/32; mean 5/8.
        size = (5 / 8 * 3 / 8) / (11 / 48 / 4 + 1 / 32 / 2)
        z = stats.norm.ppf(0.975)
        # Wilson's interval is where the distance from the mean is z standard errors there.
        for end in accuracy_interval(correct):
            assert abs(end - 5 / 8) == pytest.approx(z * math.sqrt(end * (1 - end) / size))

    @pytest.mark.parametrize(("seeds", "examples"), [(1, 60), (3, 10), (3, 500), (5, 60)])
    def test_covers_the_truth(self, seeds, examples):
        rng = np.random.default_rng(0)
        spread = 0.0 if seeds == 1 else 0.2
        many = rng.normal(2.5, 2, 100_000) + spread * rng.standard_normal(100_000)
        truth = (1 / (1 + np.exp(-many))).mean()
        held = 0
        for _ in range(300):
            ease = rng.normal(2.5, 2, examples)
            low, high = accuracy_interval(runs(rng, ease, seeds, spread))
            held += low <= truth <= high
        assert held >= 0.92 * 300


class TestScoresOfAnyKind:
    """Scores that are not 0 or 1, such as absolute errors."""

    error = Metric("error", "error", score=lambda a, b: abs(a - b), higher_is_better=False)

    def drawn(self, scale: float, seed: int, seeds: int = 4, examples: int = 200) -> np.ndarray:
        rng = np.random.default_rng(seed)
        return rng.gamma(2, scale, (seeds, 1)) / 20 + rng.gamma(2, scale, (seeds, examples))

    def test_what_is_binary(self):
        assert is_binary([[0, 1], [1.0, False]])
        assert not is_binary([[0, 0.5]])

    def test_one_seed_has_students_interval(self):
        scores = self.drawn(1, 0)[0]
        expected = stats.ttest_1samp(scores, 0).confidence_interval()
        assert mean_interval(scores) == pytest.approx((expected.low, expected.high))

    def test_examples_that_all_agree_leave_the_seeds_interval(self):
        scores = np.repeat([[0.3], [0.5], [0.4]], 10, axis=1)
        expected = over_seeds([0.3, 0.5, 0.4])
        assert mean_interval(scores) == pytest.approx((expected.low, expected.high))
        assert mean_interval([[0.3, 0.3]]) == (0.3, 0.3)

    def test_right_and_wrong_have_wilsons_interval(self):
        correct = np.random.default_rng(0).random((3, 50)) < 0.8
        assert mean_interval(correct) == accuracy_interval(correct)

    def test_correlations_of_constant_predictions_are_no_accuracies(self):
        """They are 0 with whatever test set; an accuracy of 0 in 20 examples may be 16 % in others."""
        gold, same = [str(number) for number in range(20)], ["7"] * 20
        scores = np.stack([PEARSON.scores(gold, same)] * 3)
        assert not scores.any()
        assert not PEARSON.is_right_or_wrong(scores)
        assert mean_interval(scores, right_or_wrong=False) == (0, 0)
        # Of numbers alone earlier versions took it that they are of right and wrong.
        assert mean_interval(scores) == accuracy_interval(scores)
        assert accuracy_interval(scores)[1] == pytest.approx(0.161, abs=1e-3)
        (pair,) = compare_pairs({"a": scores, "b": scores}, metric=PEARSON)
        assert pair.p_mcnemar is None is pair.effect
        assert pair.verdict is Verdict.EQUAL
        (pair,) = compare_pairs({"a": scores, "b": scores})
        assert pair.p_mcnemar == 1
        assert pair.effect == 0
        assert pair.verdict is Verdict.UNDECIDED

    def test_all_right_is_no_certainty_whatever_the_metric(self):
        gold = [*"abcab"]
        right = np.stack([ACCURACY.scores(gold, gold)] * 3)
        for metric in (ACCURACY, MACRO_F1, MCC):
            scores = np.stack([metric.scores(gold, gold)] * 3)
            (pair,) = compare_pairs({"a": scores, "b": scores}, metric=metric)
            assert pair.verdict is Verdict.UNDECIDED
            sure = metric.is_right_or_wrong(scores)
            assert mean_interval(scores, right_or_wrong=sure) == accuracy_interval(right)

    @pytest.mark.parametrize(("seeds", "examples"), [(3, 100), (5, 60)])
    def test_the_interval_covers_the_truth(self, seeds, examples):
        rng = np.random.default_rng(0)
        held = 0
        for _ in range(300):
            # Examples and runs vary around a mean of 2.
            example, run = rng.normal(2, 1, examples), rng.normal(0, 0.1, (seeds, 1))
            low, high = mean_interval(example + run + rng.normal(0, 0.5, (seeds, examples)))
            held += low <= 2 <= high
        assert held >= 0.92 * 300

    def test_exchanges_are_sampled_where_scores_are_not_whole(self):
        a, b = self.drawn(1.0, 0, 1, 12), self.drawn(1.6, 1, 1, 12)
        gains = (a - b)[0]
        signs = np.array(list(itertools.product([1, -1], repeat=12)))
        expected = (np.abs(signs @ gains) >= abs(gains.sum()) - 1e-9).mean()
        assert permutation_test(a, b) == pytest.approx(expected, abs=0.02)
        assert permutation_test(a, b) == permutation_test(a, b)

    def test_exchanges_of_whole_numbers_are_exact(self):
        rng = np.random.default_rng(0)
        a, b = rng.integers(4, size=(2, 2, 8))
        gains = a.mean(0) - b.mean(0)
        signs = np.array(list(itertools.product([1, -1], repeat=8)))
        expected = (np.abs(signs @ gains) >= abs(gains.sum()) - 1e-9).mean()
        assert permutation_test(a, b) == pytest.approx(expected)

    def test_mcnemar_is_for_right_and_wrong(self):
        with pytest.raises(ValueError, match="scores must be 0 or 1"):
            mcnemar([0.5, 1], [0, 1])

    def test_lower_may_be_better(self):
        scores = {"good": self.drawn(1, 0), "bad": self.drawn(2, 1)}
        (pair,) = compare_pairs(scores, metric=self.error)
        assert pair.difference < 0
        assert pair.verdict is Verdict.BETTER
        assert pair.reversed().verdict is Verdict.WORSE
        assert pair.order is None
        assert pair.p_mcnemar is None is pair.effect
        text = str(pair)
        low, high = (f"{-end:.3f}" for end in (pair.high, pair.low))
        assert text.startswith(
            f"good is better than bad on this data by {-pair.difference:.3f} "
            f"(95 % interval {low} to {high}; p < 0.001"
        )
        assert str(pair.reversed()) == text

    def test_the_verdict_of_a_score_and_of_its_negative_is_the_same(self):
        scores = {"a": self.drawn(1, 0), "b": self.drawn(1.5, 1)}
        (lower,) = compare_pairs(scores, metric=self.error)
        negative = {name: -values for name, values in scores.items()}
        higher = Metric("gain", "gain", score=lambda a, b: -abs(a - b))
        (upper,) = compare_pairs(negative, metric=higher)
        for name in ("p", "p_permutation", "detectable", "verdict"):
            assert getattr(lower, name) == pytest.approx(getattr(upper, name)), name


class TestExpectedBest:
    def test_is_the_mean_over_all_draws(self):
        scores = [0.3, 0.9, 0.5, 0.5]
        found = expected_best(scores)
        for trials in range(1, 5):
            draws = itertools.product(scores, repeat=trials)
            assert found[trials - 1] == pytest.approx(np.mean([max(draw) for draw in draws]))

    def test_one_trial_is_the_mean_and_more_are_never_worse(self):
        scores = [0.81, 0.84, 0.79, 0.88, 0.86]
        found = expected_best(scores)
        assert found[0] == pytest.approx(np.mean(scores))
        assert found == sorted(found)
        assert found[-1] < max(scores)


def test_chosen_pairs_are_decided_by_themselves():
    rng = np.random.default_rng(0)
    correct = {
        name: rng.random((3, 60)) < share
        for name, share in zip("abc", (0.9, 0.6, 0.5), strict=True)
    }
    chosen = compare_pairs(correct, pairs=[("a", "b"), ("a", "c")])
    assert [(pair.first, pair.second) for pair in chosen] == [("a", "b"), ("a", "c")]
    assert {pair.pairs for pair in chosen} == {2}
    every = compare_pairs(correct)
    widths = [[pair.high - pair.low for pair in found] for found in (chosen, every)]
    assert all(few <= many for few, many in zip(*widths, strict=False))
    assert compare_pairs(correct, pairs=[]) == []


@pytest.mark.parametrize("binary", [True, False])
def test_copies_of_examples_narrow_no_interval_when_they_are_clusters(binary):
    """Each example five times, as one cluster: the interval of the mean stays that of the examples.

    Of right and wrong it is a little wider: that examples of a cluster are alike has to be seen first.
    """
    drawn = np.random.default_rng(0).random((10, 80))
    scores = (drawn < 0.8).astype(float) if binary else drawn
    copied, clusters = np.repeat(scores, 5, axis=1), np.repeat(range(80), 5).tolist()
    found, plain = mean_interval(copied, clusters=clusters), mean_interval(scores)
    wider = (found[1] - found[0]) / (plain[1] - plain[0])
    assert 1 < wider < 1.02 if binary else found == pytest.approx(plain)
    naive = mean_interval(copied)
    assert naive[1] - naive[0] < found[1] - found[0]
    right = np.ones((3, 400))
    assert mean_interval(right, clusters=clusters) == mean_interval(right[:, :80])


def test_an_interval_holds_the_mean_where_clusters_are_of_unequal_size():
    rng = np.random.default_rng(1)
    held = 0
    for _ in range(400):
        clusters = np.repeat(range(100), rng.geometric(0.2, 100))
        ease = stats.norm.ppf(0.8) + 0.95 * rng.standard_normal(100)[clusters]
        scores = ease + 0.31 * rng.standard_normal(len(clusters)) > 0
        low, high = mean_interval(scores, clusters=clusters.tolist())
        held += low <= 0.8 <= high
    assert 0.9 < held / 400 < 0.98  # without clusters 0.57


@pytest.mark.parametrize("groups", [(20,) * 8, (80, *[4] * 20), (100, 50, 25, *[5] * 20)])
def test_an_interval_holds_the_accuracy_where_groups_are_few_or_one_is_large(groups):
    """By a normal quantile the last two held it in three of four cases."""
    world = World(2, 5, sum(groups), accuracy=0.8, groups=groups)
    assert 90 < simulate(world, repeats=400, draws=50).alone < 99


def test_of_one_group_nothing_is_known():
    scores = np.array([[1.0] * 9 + [0.0], [1.0] * 10, [1.0] * 8 + [0.0] * 2])
    low, high = mean_interval(scores, clusters=["text"] * 10)
    assert high - low > 0.7


def test_groups_that_balance_are_no_fewer_examples():
    scores = np.tile([1.0, 0.0], (2, 40))
    clusters = np.repeat(range(40), 2).tolist()
    assert mean_interval(scores, clusters=clusters) == pytest.approx(
        tuple(stats.binomtest(40, 80).proportion_ci(method="wilson"))
    )


def test_large_whole_numbers_are_exchanged_as_others_are():
    """Squared errors of prices: their exact distribution would have a billion places."""
    rng = np.random.default_rng(0)
    a, b = (np.rint(10**9 * rng.gamma(1, scale, (3, 60))) for scale in (1, 1.3))
    assert permutation_test(a, b) == permutation_test(a + 0.25, b + 0.25)


@pytest.mark.parametrize("share", [0.0, 0.8, 1.0])
@pytest.mark.parametrize("changed", [0, 1])
def test_errors_of_one_step_are_decided_as_right_and_wrong_are(share, changed):
    """Of a scale of two labels, the absolute error is one less the accuracy, and so is its interval."""
    right = (np.random.default_rng(0).random((3, 6)) < share).astype(float)
    other = right.copy()
    other[:, :changed] = 1 - other[:, :changed]
    (found,) = compare_pairs({"a": right, "b": other})
    error = mean_absolute_error(["low", "high"])
    (mirrored,) = compare_pairs({"a": 1 - right, "b": 1 - other}, metric=error)
    assert (mirrored.low, mirrored.high) == pytest.approx((-found.high, -found.low))
    for name in ("verdict", "p", "detectable", "detectable_with_any_seeds"):
        assert getattr(mirrored, name) == pytest.approx(getattr(found, name)), name
    assert found.verdict == "undecided"
