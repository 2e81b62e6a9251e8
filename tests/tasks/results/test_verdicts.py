from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy import special, stats

from benchmarks.verdicts import World, simulate
from tasks.results.verdicts import Verdict, decide, mean_scores, squeeze_variances


def random_scores(rng, encoders=3, seeds=5, examples=400, deviation=0.3):
    ease = rng.standard_normal(examples)
    runs = deviation * rng.standard_normal((encoders, seeds, 1))
    drawn = 1.5 + 2 * ease + runs + rng.standard_normal((encoders, seeds, examples)) > 0
    return {f"e{number}": of_one.astype(float) for number, of_one in enumerate(drawn)}


def decide_all(scores, **options):
    return decide(mean_scores(scores), list(combinations(scores, 2)), **options)


def test_the_parts_of_the_variance_are_those_of_the_model():
    """Each part against a direct estimate, and their sum against many repetitions."""
    rng = np.random.default_rng(0)
    world = World(2, 4, 150, deviation=0.5)
    found, differences = [], []
    for _ in range(400):
        drawn = world.draw(rng)
        means = mean_scores({"a": drawn[0], "b": drawn[1]})
        assert means.means == pytest.approx(drawn.mean((1, 2)))
        assert means.of_runs == pytest.approx(drawn.mean(2).var(1, ddof=1))
        own = drawn.mean(1).var(1, ddof=1) / 150
        assert np.diag(means.of_examples) == pytest.approx(own)
        one = drawn[0]
        residuals = one - one.mean(1)[:, None] - one.mean(0) + one.mean()
        chance = (residuals**2).sum() / (3 * 149)
        assert means.of_chance[0] == pytest.approx(chance / (4 * 150))
        error, _ = means.errors(np.array([0]), np.array([1]), means.of_runs[None])
        found.append(error[0, 0] ** 2)
        differences.append(means.means[0] - means.means[1])
    # Chance is counted once: the estimate is not above the truth.
    assert np.mean(found) == pytest.approx(np.var(differences), rel=0.15)


def test_clusters_of_one_example_change_nothing():
    scores = random_scores(np.random.default_rng(1))
    alone = mean_scores(scores)
    clustered = mean_scores(scores, clusters=[f"example {k}" for k in range(400)])
    for name in ("means", "of_examples", "of_runs", "of_chance"):
        np.testing.assert_allclose(getattr(alone, name), getattr(clustered, name), rtol=1e-12)


def test_copies_of_examples_add_nothing_when_they_are_clusters():
    """Each example five times, as one cluster: the standard error stays that of the examples."""
    scores = random_scores(np.random.default_rng(2))
    copied = {name: np.repeat(matrix, 5, axis=1) for name, matrix in scores.items()}
    one, other = np.array([0]), np.array([1])
    plain, clustered = mean_scores(scores), mean_scores(copied, clusters=np.repeat(range(400), 5))
    expected, _ = plain.errors(one, other, plain.of_runs[None])
    found, _ = clustered.errors(one, other, clustered.of_runs[None])
    assert found == pytest.approx(expected, rel=1e-6)
    naive = mean_scores(copied)
    smaller, _ = naive.errors(one, other, naive.of_runs[None])
    assert smaller < expected


def test_variances_that_look_alike_become_one():
    same = np.array([[2.0, 2.1, 1.9, 2.05]])
    squeezed, degrees = squeeze_variances(same, np.full(4, 4.0))
    assert squeezed == pytest.approx(np.full((1, 4), same.mean()))
    assert degrees.tolist() == [[16.0] * 4]


def test_variances_that_differ_stay_apart():
    """The moments of Smyth (2004, section 6.2), written out for one repeat."""
    found, own = np.array([[1e-4, 1.0, 40.0, 3.0]]), np.array([4.0, 4.0, 9.0, 9.0])
    squeezed, degrees = squeeze_variances(found, own)
    e = np.log(found[0]) - special.digamma(own / 2) + np.log(own / 2)
    trigamma = np.var(e, ddof=1) - np.mean(special.polygamma(1, own / 2))
    prior = squeezed_prior(trigamma)
    common = np.exp(e.mean() + special.digamma(prior / 2) - np.log(prior / 2))
    assert squeezed[0] == pytest.approx((prior * common + own * found[0]) / (prior + own))
    assert degrees[0] == pytest.approx(np.minimum(prior + own, own.sum()))
    assert np.all(np.abs(np.log(squeezed / found)) < np.log(2) * 10)


def squeezed_prior(trigamma):
    from scipy.optimize import brentq

    return 2 * brentq(lambda half: special.polygamma(1, half) - trigamma, 1e-6, 1e6)


def test_two_encoders_without_chance_are_a_t_test():
    """Scores that depend on the seed alone: Student's test of the runs, with pooled variance."""
    runs = {"a": [1.0, 1.4, 1.1, 1.3], "b": [1.9, 2.2, 1.8, 2.1]}
    scores = {name: np.repeat(np.array(values)[:, None], 50, 1) for name, values in runs.items()}
    (decision,) = decide_all(scores, draws=20_000)
    expected = stats.ttest_ind(runs["a"], runs["b"])
    assert decision.verdict is Verdict.WORSE
    assert decision.p == pytest.approx(expected.pvalue, abs=2e-3)
    interval = expected.confidence_interval(0.95)
    assert (decision.low, decision.high) == pytest.approx(tuple(interval), rel=0.02)


@pytest.mark.parametrize("groups", [5, 12])
def test_few_examples_or_groups_of_them_are_a_paired_t_test(groups):
    """Scores that depend on the example alone: Student's test of the groups' differences."""
    rng = np.random.default_rng(0)
    of_groups = rng.normal([[0.0], [0.8]], 1.0, (2, groups))
    expected = stats.ttest_rel(*of_groups)
    interval = expected.confidence_interval(0.95)
    for size in (1, 20):
        scores = {
            name: np.tile(np.repeat(values, size), (4, 1))
            for name, values in zip("ab", of_groups, strict=True)
        }
        clusters = np.repeat(range(groups), size).tolist()
        (found,) = decide(mean_scores(scores, clusters), [("a", "b")], draws=40_000)
        assert found.p == pytest.approx(expected.pvalue, abs=0.015)
        assert (found.low, found.high) == pytest.approx(tuple(interval), abs=0.03)


def test_variances_of_groups_of_unequal_size_are_right_in_the_mean():
    """Independent examples with variance 1, in groups: of the mean of n it is 1 / n."""
    rng = np.random.default_rng(0)
    clusters = np.repeat(range(21), [20] + [1] * 20).tolist()
    found = [
        mean_scores({"a": rng.standard_normal((3, 1)) + rng.standard_normal(40)}, clusters)
        for _ in range(2000)
    ]
    mean = np.mean([means.of_examples[0, 0] for means in found])
    assert mean == pytest.approx(1 / 40, rel=0.05)
    assert found[0].examples == 21
    assert found[0].degrees_of_examples == pytest.approx(40**2 / (20**2 + 20) - 1)


@pytest.mark.slow
def test_the_level_holds_where_one_group_has_half_of_the_examples():
    rng = np.random.default_rng(0)
    groups = np.repeat(range(101), [100] + [1] * 100)
    wrong = 0
    for _ in range(200):
        ease = 1 + 1.2 * rng.standard_normal(101)[groups] + 1.2 * rng.standard_normal(200)
        scores = {
            name: ease
            + 0.7 * rng.standard_normal(101)[groups]
            + 0.15 * rng.standard_normal((4, 1))
            + 0.6 * rng.standard_normal((4, 200))
            > 0
            for name in "abc"
        }
        decisions = decide(
            mean_scores(scores, groups.tolist()), list(combinations("abc", 2)), draws=500
        )
        wrong += any(d.verdict in (Verdict.BETTER, Verdict.WORSE) for d in decisions)
    assert wrong / 200 < 0.1  # by the number of groups alone 0.3


def test_interval_p_and_verdict_agree():
    rng = np.random.default_rng(3)
    seen = set()
    for _ in range(60):
        scores = random_scores(rng, encoders=4, examples=300, deviation=rng.choice([0.05, 0.8]))
        scores["e0"] = np.where(rng.random(scores["e0"].shape) < 0.2, 0, scores["e0"])
        for decision in decide_all(scores, draws=1000, margin=0.05):
            seen.add(decision.verdict)
            assert decision.low <= decision.difference <= decision.high
            excludes = decision.low > 0 or decision.high < 0
            assert excludes == (decision.p < 0.05)
            assert excludes == (decision.verdict in (Verdict.BETTER, Verdict.WORSE))
            if decision.verdict is Verdict.EQUAL:
                assert decision.low > -0.05
                assert decision.high < 0.05
    assert len(seen) == 4


def test_copies_of_one_encoder_are_equal():
    scores = random_scores(np.random.default_rng(4), encoders=1, deviation=0.02, examples=2000)
    scores["copy"] = scores["e0"]
    (decision,) = decide_all(scores, margin=0.02)
    assert decision.difference == 0
    assert decision.p == 1
    assert decision.verdict is Verdict.EQUAL


@pytest.mark.parametrize("right", [0.0, 1.0])
@pytest.mark.parametrize("examples", [2, 6, 60])
def test_a_few_examples_without_an_error_do_not_make_encoders_equal(right, examples):
    """Six of six may be followed by an error in the next ten: the rule of three, and a bit more."""
    scores = {name: np.full((3, examples), right) for name in "abc"}
    for decision in decide_all(scores):
        assert decision.verdict == Verdict.UNDECIDED
        assert decision.high > 1.4 / examples
        assert decision.detectable > decision.detectable_with_any_seeds > 1 / examples


def test_many_examples_without_an_error_do():
    scores = {name: np.ones((3, 1000)) for name in "abc"}
    assert {decision.verdict for decision in decide_all(scores)} == {Verdict.EQUAL}


def test_the_order_of_a_pair_changes_the_sign_alone():
    scores = random_scores(np.random.default_rng(5))
    means = mean_scores(scores)
    (one,) = decide(means, [("e0", "e1")])
    (other,) = decide(means, [("e1", "e0")])
    found = (one.difference, one.low, one.high, one.p, one.detectable)
    expected = (-other.difference, -other.high, -other.low, other.p, other.detectable)
    assert found == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("seeds", [1, 2])
def test_there_is_no_verdict_of_fewer_than_three_seeds(seeds):
    scores = random_scores(np.random.default_rng(6), seeds=seeds)
    scores["e0"] = np.zeros_like(scores["e0"])
    assert {decision.verdict for decision in decide_all(scores)} == {Verdict.NONE}


def test_any_scores_are_compared_not_right_and_wrong_alone():
    scores = random_scores(np.random.default_rng(7))
    scaled = {name: 10 * matrix - 3 for name, matrix in scores.items()}
    for one, ten in zip(decide_all(scores), decide_all(scaled, margin=0.1), strict=True):
        assert (ten.difference, ten.low, ten.high) == pytest.approx(
            (10 * one.difference, 10 * one.low, 10 * one.high)
        )
        assert (ten.p, ten.verdict) == (one.p, one.verdict)


def test_more_pairs_make_each_harder_to_decide():
    scores = random_scores(np.random.default_rng(8), encoders=6)
    means = mean_scores(scores)
    (alone,) = decide(means, [("e0", "e1")])
    among = decide(means, list(combinations(scores, 2)))[0]
    assert among.high - among.low > alone.high - alone.low
    assert among.detectable > alone.detectable


def test_unfit_scores_are_told():
    with pytest.raises(ValueError, match=r"same examples, at least two, but are of \[3, 4\]"):
        mean_scores({"a": np.ones((2, 3)), "b": np.ones((2, 4))})
    with pytest.raises(ValueError, match="at least two"):
        mean_scores({"a": np.ones((2, 1))})
    with pytest.raises(ValueError, match="all examples are of one cluster"):
        mean_scores({"a": np.ones((2, 3))}, clusters=["x"] * 3)
    with pytest.raises(ValueError, match="2 clusters' names for 3 examples"):
        mean_scores({"a": np.ones((2, 3))}, clusters=["x", "y"])


@pytest.mark.slow
def test_levels_and_power_hold_in_simulation():
    """A small version of the table that ``python -m benchmarks.verdicts`` makes."""
    equal = simulate(World(4, 3, 300), repeats=150, draws=500)
    assert equal.wrong < 10
    assert equal.covered > 95
    better = simulate(World(4, 5, 500, better=4.0), repeats=60, draws=500)
    assert better.found > 65
    assert better.falsely_equal < 5
    assert 3 < better.detectable < 4.5
