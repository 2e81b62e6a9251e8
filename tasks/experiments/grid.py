"""The grid of an experiment: all its runs."""

from __future__ import annotations

from collections.abc import Sequence

from structnn import Encoder
from tasks.data.setting import Setting
from tasks.models.budgets import outline
from tasks.models.options import ModelOptions
from tasks.results.run import Run
from tasks.training.options import TrainingOptions

__all__ = ["encoder_of", "plan"]


def plan(
    models: Sequence[ModelOptions],
    seeds: int,
    training: TrainingOptions,
    *,
    data: Sequence[str] = ("",),
    structures: Sequence[str] = ("parse",),
    noises: Sequence[float] = (),
    fractions: Sequence[float] = (1.0,),
    folds: int = 0,
) -> list[Run]:
    """All combinations, seed by seed, so that there is a whole table early.

    An encoder that reads neither a tree nor a graph made from one gives the same result with every
    structure: it runs with the first one only.

    Args:
        models: The classifiers, each encoder once with each embedding.
        seeds: Number of random seeds, which are 0, 1, 2, ...
        training: How all of them are trained.
        data: The names of the data sets in the runs' settings; one empty name if there is only one.
        structures: What tree and graph encoders read.
        noises: Fractions of tokens that get a random head in the parse, each in further runs.
        fractions: Fractions of the training set.
        folds: Number of cross-validation folds; 0 for the split of the data.

    Raises:
        ValueError: There is nothing to run, something is listed twice, or values don't go together.
    """
    if not models:
        raise ValueError("there is nothing to compare: list at least one encoder")
    for what, values in (
        ("encoder", [(model.encoder, model.embedding) for model in models]),
        ("data set", data),
        ("structure", structures),
        ("parse noise", noises),
        ("fraction", fractions),
    ):
        for value in values:
            if list(values).count(value) > 1:
                name = value[0] if isinstance(value, tuple) else value
                raise ValueError(f"{what} {name!r} is listed twice; list each once")
    if seeds < 1:
        raise ValueError(f"seeds must be at least 1, but is {seeds}")
    if folds == 1 or folds < 0:
        raise ValueError(f"cross-validation takes at least 2 folds, not {folds}")
    if noises and "parse" not in structures:
        raise ValueError("parse noise is noise in the parse: add parse to the structures")
    shapes = [(structure, 0.0) for structure in structures]
    shapes += [("parse", noise) for noise in noises if noise]
    return [
        Run(model, training, seed, Setting(name, structure, noise, fraction, fold))
        for seed in range(seeds)
        for fold in ([(number, folds) for number in range(1, folds + 1)] if folds else [None])
        for name in data
        for fraction in fractions
        for structure, noise in shapes
        for model in models
        if (structure, noise) == shapes[0] or _reads_structure(model)
    ]


def encoder_of(model: ModelOptions) -> Encoder:
    """The encoder of a model without weights, to see what it reads and needs."""
    return outline(model.encoder, model.embedding_dim, model.hidden_dim, model.encoder_options)


def _reads_structure(model: ModelOptions) -> bool:
    return bool(encoder_of(model).reads & {"tree", "graph"})
