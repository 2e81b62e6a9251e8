"""What an experiment will find, beside what simulated ones find."""

from __future__ import annotations

import pytest

from benchmarks.verdicts import World, simulate
from tasks.results.power import expected_decision
from tasks.results.verdicts import Verdict


def test_more_seeds_more_examples_and_fewer_questions_find_less():
    plain = expected_decision(5, 5, 500)
    assert plain.detectable > expected_decision(5, 10, 500).detectable
    assert plain.detectable > expected_decision(5, 5, 1000).detectable
    assert plain.detectable > expected_decision(5, 5, 500, reference=True).detectable
    assert plain.detectable < expected_decision(12, 5, 500).detectable
    assert plain.detectable > plain.detectable_with_any_seeds > 0
    assert plain.verdict is Verdict.UNDECIDED


def test_with_any_number_of_seeds_is_with_very_many():
    few, many = expected_decision(5, 5, 500), expected_decision(5, 10_000, 500)
    assert many.detectable == pytest.approx(few.detectable_with_any_seeds, rel=0.2)
    assert many.detectable == pytest.approx(many.detectable_with_any_seeds, rel=0.01)


@pytest.mark.slow
def test_the_difference_is_found_four_times_in_five():
    size = 100 * expected_decision(5, 5, 500).detectable
    world = World(5, 5, 500, accuracy=0.85, better=size)
    assert 70 < simulate(world, repeats=150, draws=500).found < 90
