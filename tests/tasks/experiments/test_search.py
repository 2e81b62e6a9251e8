"""Random search: what is drawn, and what is refused."""

from __future__ import annotations

import random
import re

import pytest

from tasks.experiments.grid import plan
from tasks.experiments.search import parse_space, trials
from tasks.models.options import ModelOptions
from tasks.options import OptionError
from tasks.training.options import TrainingOptions
from tests.tasks.toys import execute_here


def test_a_search_draws_the_same_every_time_and_sees_no_test(parsed, tmp_path):
    model = ModelOptions(encoder="gat", hidden_dim=8, embedding_dim=8)
    training = TrainingOptions(epochs=2, batch_size=8, learning_rate=0.02)
    (run,) = plan([model], 1, training)
    space = parse_space(
        ("learning_rate=1e-4..1e-2", "gat.heads=2|4", "hidden_dim=8..32", "dropout=0.1|0.5"),
        ["gat"],
    )
    found = trials(run, space[:2], 4, lambda model: model)
    assert found[:3] == trials(run, space[:2], 3, lambda model: model)
    assert found[0].training == run.training
    rates = {trial.training.learning_rate for trial in found[1:]}
    assert len(rates) == 3
    assert all(1e-4 <= rate <= 1e-2 for rate in rates)
    assert {trial.model.encoder_options["heads"] for trial in found[1:]} <= {2, 4}
    assert isinstance(space[2].draw(random.Random(0)), int)
    (outcome, *_) = execute_here(found[:1], {"": parsed}, tmp_path)
    assert outcome.test_score is None
    assert not (tmp_path / "tuning/gat/trial-0/test.jsonl").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("learning_rate", "can't read"),
        ("learning_rat=1|2", "names 'learning_rat'"),
        ("gut.heads=1|2", "names 'gut.heads'"),
        ("select=accuracy|macro_f1", "names 'select'"),
        ("learning_rate=3..1", "to a larger number"),
        ("batch_size=0|8", "batch_size=0|8': batch_size must be at least 1, but is 0"),
        ("hidden_dim=8.5..16", "hidden_dim must be a whole number, but is 8.5"),
        ("dropout=a|b", "dropout must be a number, but is 'a'"),
    ],
)
def test_faults_of_a_search_space_are_told(text, message):
    with pytest.raises(OptionError, match=re.escape(message)):
        parse_space([text], ["gat"])


def test_an_option_is_searched_once():
    with pytest.raises(OptionError, match="space has dropout 2 times"):
        parse_space(["dropout=0.1|0.2", "gat.heads=1|2", "dropout = 0.3..0.5"], ["gat"])
