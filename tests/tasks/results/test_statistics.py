"""Statistics against brute force, scipy and published worked examples."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from tasks.results.metrics import Metric
from tasks.results.statistics import (
    accuracy_interval,
    almost_stochastic_order,
    cohens_h,
    compare_pairs,
    expected_best,
    holm,
    is_binary,
    mcnemar,
    mean_interval,
    minimum_detectable_difference,
    over_seeds,
    paired_bootstrap,
    permutation_test,
    two_way_test,
)


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


class TestTwoWay:
    def test_one_seed_is_the_paired_t_test(self):
        rng = np.random.default_rng(0)
        a, b = rng.random((2, 40)) < [[0.8], [0.6]]
        expected = stats.ttest_rel(a.astype(float), b.astype(float))
        assert two_way_test(a, b).p == pytest.approx(expected.pvalue)

    def test_examples_that_all_agree_leave_welchs_t_test(self):
        a = np.repeat([[0.9], [0.92], [0.95]], 10, axis=1)
        b = np.repeat([[0.9], [0.88], [0.85], [0.91]], 10, axis=1)
        expected = stats.ttest_ind(a[:, 0], b[:, 0], equal_var=False)
        assert two_way_test(a, b).p == pytest.approx(expected.pvalue)
        assert two_way_test(a, b).value == pytest.approx(a.mean() - b.mean())

    def test_both_terms_by_hand(self):
        a, b = np.array([[1, 1, 1, 0], [1, 1, 0, 0]]), np.array([[1, 0, 0, 0], [0, 0, 0, 0]])
        # Runs: 3/4, 1/2 and 1/4, 0, each with variance 1/32. Examples: 1/2, 1, 1/2, 0, with 1/6.
        test = two_way_test(a, b)
        assert test.value == 0.5
        assert test.standard_error == pytest.approx(math.sqrt(1 / 64 + 1 / 64 + 1 / 24))

    @pytest.mark.parametrize(("a", "p"), [([[1, 1]] * 3, 0.0), ([[0, 0]] * 3, 1.0)])
    def test_nothing_varies(self, a, p):
        assert two_way_test(a, [[0, 0]] * 3).p == p

    def test_false_alarms_are_few_even_where_seeds_matter_most(self):
        rng = np.random.default_rng(0)
        two_way = by_example = 0
        for _ in range(200):
            ease = rng.normal(2.5, 2.5, 2000)
            a, b = runs(rng, ease, seeds=3), runs(rng, ease, seeds=3)
            two_way += two_way_test(a, b).p < 0.05
            by_example += permutation_test(a, b) < 0.05
        assert two_way <= 0.08 * 200
        # Why the verdict isn't left to a test that looks at examples alone.
        assert by_example > 0.3 * 200


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


class TestBootstrap:
    def test_one_seed_against_all_resamples(self):
        a, b = np.array([1, 1, 1, 0, 1]), np.array([1, 0, 0, 0, 1])
        everything = np.array(
            [(a - b)[list(drawn)].mean() for drawn in itertools.product(range(5), repeat=5)]
        )
        low, high, p = paired_bootstrap(a, b, confidence=0.8)
        assert (low, high) == pytest.approx(tuple(np.quantile(everything, [0.1, 0.9])))
        assert p == pytest.approx(2 * (everything <= 0).mean(), abs=0.02)

    def test_several_seeds_against_all_resamples(self):
        a, b = np.array([[1, 1, 0], [1, 0, 1]]), np.array([[0, 1, 0], [0, 0, 0]])
        everything = np.array(
            [
                a[np.ix_(s, drawn)].mean() - b[np.ix_(t, drawn)].mean()
                for drawn in itertools.product(range(3), repeat=3)
                for s in itertools.product(range(2), repeat=2)
                for t in itertools.product(range(2), repeat=2)
            ]
        )
        low, high, p = paired_bootstrap(a, b, confidence=0.9, samples=20_000)
        assert (low, high) == pytest.approx(tuple(np.quantile(everything, [0.05, 0.95])))
        assert p == pytest.approx(2 * (everything <= 1e-9).mean(), abs=0.02)

    def test_parts_cover_all_samples(self):
        a = np.ones((1, 3000))
        assert paired_bootstrap(a, np.zeros((1, 3000)), samples=1500)[:2] == (1, 1)

    def test_copies(self):
        a = np.array([[1, 0, 1], [1, 1, 0]])
        low, high, p = paired_bootstrap(a, a)
        assert low <= 0 <= high
        assert p > 0.9


def test_holm():
    # R: p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm")
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


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


def test_minimum_detectable_difference_has_its_power():
    # With a standard error of 1 and this true difference, 80 % of z-values exceed 1.96.
    true = minimum_detectable_difference(1.0)
    assert true == pytest.approx(2.8016, abs=1e-4)
    assert stats.norm.sf(1.959964 - true) == pytest.approx(0.8)


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
    found = compare_pairs(correct, samples=1000)
    return {(comparison.first, comparison.second): comparison for comparison in found}


class TestComparePairs:
    def test_a_copy_cannot_be_told_apart(self, compared):
        comparison = compared["bilstm", "copy"]
        assert not comparison.significant
        assert comparison.p == comparison.p_corrected == comparison.p_permutation == 1
        assert str(comparison) == (
            "bilstm and copy can't be told apart on this data (p = 1.00, n = 500 x 5 seeds)"
        )

    def test_nor_can_other_seeds_of_the_same(self, compared):
        assert not compared["bilstm", "again"].significant
        assert not compared["copy", "again"].significant

    def test_shuffled_labels_are_worse(self, compared):
        for name in ("bilstm", "copy", "again"):
            comparison = compared[name, "shuffled"]
            assert comparison.significant
            assert comparison.difference > 0.3
            assert comparison.low < comparison.difference < comparison.high
            assert comparison.order == 0
            assert comparison.effect > 0.8
            assert str(comparison).startswith(f"{name} is better than shuffled on this data by ")
            assert str(comparison).endswith("p < 0.001, n = 500 x 5 seeds)")

    def test_the_worse_may_come_first(self):
        rng = np.random.default_rng(0)
        bad, good = rng.random((2, 1, 200)) < [[[0.3]], [[0.9]]]
        (comparison,) = compare_pairs({"bad": bad, "good": good}, samples=500)
        text = str(comparison)
        assert text.startswith("good is better than bad on this data by ")
        assert "interval -" not in text
        assert text.endswith("n = 200 x 1 seed)")

    def test_correction_counts_all_pairs(self, compared):
        assert len(compared) == 6
        p = [comparison.p for comparison in compared.values()]
        assert [comparison.p_corrected for comparison in compared.values()] == holm(p)
        assert {comparison.pairs for comparison in compared.values()} == {6}

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
        (pair,) = compare_pairs(scores, metric=self.error, samples=500)
        assert pair.difference < 0
        assert pair.verdict == 1
        assert pair.reversed().verdict == -1
        assert pair.order < 0.2
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
        (lower,) = compare_pairs(scores, metric=self.error, samples=500)
        negative = {name: -values for name, values in scores.items()}
        higher = Metric("gain", "gain", score=lambda a, b: -abs(a - b))
        (upper,) = compare_pairs(negative, metric=higher, samples=500)
        for name in ("p", "p_bootstrap", "p_permutation", "order", "detectable", "verdict"):
            assert getattr(lower, name) == pytest.approx(getattr(upper, name)), name

    def test_false_alarms_are_few(self):
        rng = np.random.default_rng(0)
        found = 0
        for _ in range(200):
            ease = rng.gamma(2, 1, 300)
            a, b = (
                ease * rng.gamma(4, 0.25, (3, 300)) + rng.normal(0, 0.1, (3, 1)) for _ in range(2)
            )
            found += two_way_test(a, b).p < 0.05
        assert found <= 0.08 * 200


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


def test_chosen_pairs_are_corrected_by_themselves():
    rng = np.random.default_rng(0)
    correct = {
        name: rng.random((3, 60)) < share
        for name, share in zip("abc", (0.9, 0.6, 0.5), strict=True)
    }
    chosen = compare_pairs(correct, pairs=[("a", "b"), ("a", "c")], samples=200)
    assert [(pair.first, pair.second) for pair in chosen] == [("a", "b"), ("a", "c")]
    assert [pair.p_corrected for pair in chosen] == holm([pair.p for pair in chosen])
    assert {pair.pairs for pair in chosen} == {2}
