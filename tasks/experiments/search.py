"""Random search for options, the same number of trials for each encoder, judged on dev alone."""

from __future__ import annotations

import json
import math
import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from tasks.models.options import ModelOptions, ModelSettings
from tasks.results.run import Run
from tasks.training.options import TrainingOptions

__all__ = ["DEFAULT_SPACE", "Choice", "parse_space", "trials", "tuned"]

DEFAULT_SPACE = ("learning_rate=1e-4..3e-3", "dropout=0.2|0.35|0.5", "weight_decay=1e-4..1e-1")
"""What is searched unless the user says otherwise."""

_TRAINING = {field.name for field in fields(TrainingOptions)} - {"supervise", "device", "seconds"}
_MODEL = {field.name for field in fields(ModelSettings)} - {"vectors", "freeze"}


@dataclass(frozen=True)
class Choice:
    """One option to search.

    Args:
        option: Its name: of training, of the model, or ``encoder.option``.
        values: What to draw from, evenly; empty for a range.
        low: The least of a range, drawn from evenly on a logarithmic scale.
        high: The most.
        whole: Whether a range is one of whole numbers.
    """

    option: str
    values: tuple[Any, ...] = ()
    low: float = 0.0
    high: float = 0.0
    whole: bool = False

    def draw(self, generator: random.Random) -> Any:
        """A value."""
        if self.values:
            return generator.choice(self.values)
        value = math.exp(generator.uniform(math.log(self.low), math.log(self.high)))
        return round(value) if self.whole else value


def parse_space(space: Sequence[str], encoders: Sequence[str]) -> tuple[Choice, ...]:
    """Read what to search, as ``learning_rate=1e-4..3e-3`` or ``gat.heads=2|4|8``.

    Args:
        space: A string for each option.
        encoders: The encoders that are tuned.

    Raises:
        ValueError: A string can't be read, or names an option that can't be searched.
    """
    choices = []
    for text in space:
        option, _, wanted = text.replace(" ", "").partition("=")
        encoder, dot, _ = option.rpartition(".")
        if (dot and encoder not in encoders) or (not dot and option not in _TRAINING | _MODEL):
            raise ValueError(
                f"the search space names {option!r}, which is none of "
                f"{', '.join(sorted(_TRAINING | _MODEL))}, nor an option of an encoder trained here "
                f"as in gat.heads; these are {', '.join(encoders)}"
            )
        number = r"\d*\.?\d+(?:e[+-]?\d+)?"
        bounds = re.fullmatch(rf"({number})\.\.({number})", wanted, re.IGNORECASE)
        if bounds:
            whole = all(bound.isdigit() for bound in bounds.groups())
            low, high = map(float, bounds.groups())
            if not 0 < low < high:
                raise ValueError(f"{text!r}: a range goes from above 0 to a larger number")
            choices.append(Choice(option, low=low, high=high, whole=whole))
        elif wanted:
            choices.append(Choice(option, values=tuple(map(_value, wanted.split("|")))))
        else:
            raise ValueError(
                f"can't read {text!r}: write a range as learning_rate=1e-4..3e-3, or a choice as "
                "dropout=0.2|0.5"
            )
    return tuple(choices)


def trials(
    run: Run, space: Sequence[Choice], count: int, fit: Callable[[ModelOptions], ModelOptions]
) -> list[Run]:
    """Variants of a run with options drawn at random; the first keeps those it has.

    What is drawn depends on the encoder and the number of the trial alone, so that a search that is
    taken up again, or made longer, repeats nothing.

    Args:
        run: What to vary.
        space: What to draw.
        count: How many variants.
        fit: Gives a variant's model the width that its budget asks for.
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
    """A run with the options of a trial."""
    return replace(run, model=trial.model, training=trial.training)


def _with_option(run: Run, option: str, value: Any) -> Run:
    encoder, _, name = option.rpartition(".")
    if encoder and encoder != run.model.encoder:
        return run
    if encoder:
        own: Mapping[str, Any] = {**run.model.encoder_options, name: value}
        return replace(run, model=replace(run.model, encoder_options=own))
    changes = {option: value}
    if option in _TRAINING:
        return replace(run, training=replace(run.training, **changes))
    model: ModelOptions = replace(run.model, **changes)
    return replace(run, model=model)


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
