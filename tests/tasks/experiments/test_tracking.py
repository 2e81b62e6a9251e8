"""Runs that are logged to trackers: losses, dev scores, options, test scores."""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec

import accelerate.tracking
import pytest

from tasks.data.options import ParserOptions
from tasks.experiments import tracking
from tasks.experiments.options import CompareOptions
from tasks.experiments.run import execute
from tasks.experiments.tracking import TRACKERS, check_tracker
from tasks.models.options import ModelOptions
from tasks.options import OptionError
from tasks.results.run import Run
from tasks.training.options import TrainingOptions

RUN = Run(ModelOptions(encoder="bag", hidden_dim=4), TrainingOptions(epochs=2), seed=0)


class Tracker:
    """What Accelerate's trackers have in common."""

    made: list[Tracker]

    def __init__(self, *names, **options):
        self.names, self.options, self.logged, self.state = names, options, [], []
        self.made.append(self)

    def start(self):
        self.state.append("started")

    def store_init_configuration(self, values):
        self.configuration = values

    def log(self, values, step=None):
        self.logged.append((step, values))

    def finish(self):
        self.state.append("finished")


@pytest.fixture
def made(monkeypatch):
    Tracker.made = []
    for name in TRACKERS:
        monkeypatch.setitem(accelerate.tracking.LOGGER_TYPE_TO_CLASS, name, Tracker)
    return Tracker.made


@pytest.mark.parametrize("name", TRACKERS)
def test_what_is_logged(parsed, tmp_path, made, name):
    result = execute(RUN, parsed, tmp_path, parser=ParserOptions(), track=name)
    (tracker,) = made
    assert tracker.state == ["started", "finished"]
    assert [step for step, _ in tracker.logged] == [1, 2, None]
    assert set(tracker.logged[0][1]) == {"train_loss", "dev_loss", "dev_accuracy"}
    scores = tracker.logged[-1][1]
    assert scores["test_accuracy"] == result.test_score
    assert {"test_macro_f1", "test_mcc"} <= set(scores)
    options = tracker.configuration
    assert (options["model.encoder"], options["training.epochs"], options["seed"]) == ("bag", 2, 0)
    assert all(isinstance(value, bool | int | float | str) for value in options.values())
    named = (*tracker.names, *tracker.options.values())
    assert "bag/seed-0" in named


def test_nothing_is_logged_unless_asked(parsed, tmp_path, made):
    execute(RUN, parsed, tmp_path, parser=ParserOptions())
    assert made == []


def test_the_log_of_a_run_that_fails_is_closed(parsed, tmp_path, made):
    def fail(epoch):
        raise RuntimeError("out of luck")

    with pytest.raises(RuntimeError, match="out of luck"):
        execute(RUN, parsed, tmp_path, parser=ParserOptions(), on_epoch=fail, track="wandb")
    assert made[0].state == ["started", "finished"]


def test_a_missing_package_is_told_before_any_work(monkeypatch):
    monkeypatch.setattr(tracking, "find_spec", lambda name: None)
    with pytest.raises(
        OptionError,
        match=r"track wandb needs an extra package: pip install 'structnn\[wandb\]'",
    ):
        check_tracker("wandb")
    with pytest.raises(OptionError, match="track must be one of tensorboard, wandb, mlflow"):
        check_tracker("aim")
    monkeypatch.setattr(tracking, "find_spec", lambda name: ModuleSpec(name, None))
    check_tracker("mlflow")
    assert CompareOptions(data="trec", encoders="bag").track is None


@pytest.mark.slow
def test_tensorboard(parsed, tmp_path):
    pytest.importorskip("tensorboard", reason="tensorboard is an extra")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    execute(RUN, parsed, tmp_path, parser=ParserOptions(), track="tensorboard")
    assert "torch.utils.tensorboard" in sys.modules
    events = EventAccumulator(str(tmp_path / "tensorboard" / "bag" / "seed-0")).Reload()
    assert [event.step for event in events.Scalars("dev_accuracy")] == [1, 2]
    assert len(events.Scalars("test_accuracy")) == 1
