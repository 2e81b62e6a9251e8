"""Random search for options: the same number of trials for each encoder, selected on dev alone."""

from __future__ import annotations

import math
import random
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from tasks.models.options import ModelOptions, ModelSettings
from tasks.options import OptionError, Options, value_in
from tasks.results.run import Run
from tasks.training.options import TrainingOptions

__all__ = ["DEFAULT_SPACE", "SEARCHABLE", "Choice", "parse_space", "trials", "tuned"]

DEFAULT_SPACE = ("learning_rate=1e-4..3e-3", "dropout=0.2|0.35|0.5", "weight_decay=1e-4..1e-1")
"""What is searched by default."""

_TRAINING = {field.name for field in fields(TrainingOptions)}
# Not what is decided for all trials alike: their scores must be of one metric.
_TRAINING -= {"supervise", "device", "seconds", "select"}
_MODEL = {field.name for field in fields(ModelSettings)} - {"vectors", "freeze"}

SEARCHABLE: dict[str, type[Options]] = {
    **dict.fromkeys(sorted(_MODEL), ModelSettings),
    **dict.fromkeys(sorted(_TRAINING), TrainingOptions),
}
"""The options that can be searched, beside those of encoders, with the class that declares each."""


@dataclass(frozen=True)
class Choice:
    """The distribution of one option.

    Args:
        option: The option: one of :data:`SEARCHABLE`, or ``encoder.option``.
        values: Values of equal probability; empty for a range.
        low: Lower end of a range with a log-uniform distribution.
        high: Upper end of the range.
        whole: Round to whole numbers.
    """

    option: str
    values: tuple[object, ...] = ()
    low: float = 0.0
    high: float = 0.0
    whole: bool = False

    def draw(self, generator: random.Random) -> object:
        """Draw a value."""
        if self.values:
            return generator.choice(self.values)
        value = math.exp(generator.uniform(math.log(self.low), math.log(self.high)))
        return round(value) if self.whole else value


def parse_space(space: Sequence[str], encoders: Sequence[str]) -> tuple[Choice, ...]:
    """Read a search space.

    Args:
        space: A string for each option, as ``learning_rate=1e-4..3e-3`` or ``gat.heads=2|4|8``.
        encoders: The encoders that are tuned.

    Raises:
        OptionError: A string can't be read, names an option that can't be searched, or a value that
            the option can't have; or two are of one option.
    """
    choices = tuple(_choice(text, encoders) for text in space)
    for option, count in Counter(choice.option for choice in choices).items():
        if count > 1:
            raise OptionError("space", f"has {option} {count} times: give all its values in one")
    return choices


def _choice(text: str, encoders: Sequence[str]) -> Choice:
    option, _, wanted = text.replace(" ", "").partition("=")
    encoder, dot, _ = option.rpartition(".")
    if encoder not in encoders if dot else option not in SEARCHABLE:
        raise OptionError(
            "space",
            f"names {option!r}, which is none of {', '.join(SEARCHABLE)}, nor an option of an encoder "
            f"trained here, as gat.heads; these are {', '.join(encoders)}",
        )
    number = r"\d*\.?\d+(?:e[+-]?\d+)?"
    bounds = re.fullmatch(rf"({number})\.\.({number})", wanted, re.IGNORECASE)
    if bounds:
        whole = all(bound.isdigit() for bound in bounds.groups())
        low, high = map(int if whole else float, bounds.groups())
        if not 0 < low < high:
            raise OptionError(
                "space", f"has {text!r}: a range goes from above 0 to a larger number"
            )
        values: tuple[object, ...] = (low, high)
        choice = Choice(option, low=low, high=high, whole=whole)
    elif wanted:
        values = tuple(map(value_in, wanted.split("|")))
        choice = Choice(option, values)
    else:
        raise OptionError(
            "space",
            f"can't read {text!r}: write a range as learning_rate=1e-4..3e-3, or a choice as "
            "dropout=0.2|0.5",
        )
    if not dot:
        for value in values:
            try:
                SEARCHABLE[option].check(option, value)
            except OptionError as error:
                raise OptionError("space", f"has {text!r}: {error}") from None
    return choice


def trials(
    run: Run, space: Sequence[Choice], count: int, fit: Callable[[ModelOptions], ModelOptions]
) -> list[Run]:
    """The trials of a random search: a run with options drawn at random; the first keeps its own.

    The options of a trial depend on the encoder and the number of the trial alone, so that a search
    that is resumed, or made longer, repeats nothing.

    Args:
        run: The run.
        space: What to draw.
        count: Number of trials.
        fit: Gives a trial's model the width that the budget of parameters asks for.
    """
    variants = [replace(run, seed=0, trial=0)]
    for number in range(1, count):
        generator = random.Random(repr((run.model.encoder, number)))
        variant = replace(run, seed=number, trial=number)
        for choice in space:
            variant = _with_option(variant, choice.option, choice.draw(generator))
        variants.append(replace(variant, model=fit(variant.model)))
    return variants


def tuned(run: Run, trial: Run) -> Run:
    """The run with the options of a trial."""
    return replace(run, model=trial.model, training=trial.training)


def _with_option(run: Run, option: str, value: object) -> Run:
    encoder, _, name = option.rpartition(".")
    if encoder:
        if encoder != run.model.encoder:
            return run
        own = {**run.model.encoder_options, name: value}
        return replace(run, model=replace(run.model, encoder_options=own))
    changes: dict[str, Any] = {option: value}  # of a type that the option has: see parse_space
    if option in _TRAINING:
        return replace(run, training=replace(run.training, **changes))
    return replace(run, model=replace(run.model, **changes))
