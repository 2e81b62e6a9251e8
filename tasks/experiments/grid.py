"""The grid of an experiment: all its runs."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from structnn import ENCODERS, Encoder
from tasks.data.questions import Question
from tasks.data.setting import Setting
from tasks.models.budgets import outline
from tasks.models.building import decoder_of, reads_sentences
from tasks.models.options import ModelOptions
from tasks.models.preparation import check_reads
from tasks.results.run import Run
from tasks.training.options import TrainingOptions

__all__ = ["encoder_of", "plan"]

_MOST_RUNS = 1_000_000
_MOST_PARAMETERS = 10_000_000_000  # 40 GB of weights, and four times that in training


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
    questions: Mapping[str, Question] | None = None,
) -> list[Run]:
    """All combinations, seed by seed, so that there is a whole table early.

    An encoder that reads neither a tree nor a graph made from one, nor has a readout that does, gives
    the same result with every structure: it runs with the first one only. A readout counts only where
    sentence vectors are asked for, which questions about tokens don't.

    Args:
        models: The classifiers, each encoder once with each embedding and each language model that it
            begins from.
        seeds: Number of random seeds, which are 0, 1, 2, ...
        training: How all of them are trained.
        data: The names of the data sets in the runs' settings; one empty name if there is only one.
        structures: What tree and graph encoders read.
        noises: Fractions of tokens that get a random head in the parse, each in further runs.
        fractions: Fractions of the training set.
        folds: Number of cross-validation folds; 0 for the split of the data.
        questions: What the data sets ask, by their names in ``data``; while that is not known, each may
            ask for sentence vectors.

    Raises:
        ValueError: There is nothing to run, something is listed twice, or values don't go together.
    """
    if not models:
        raise ValueError("there is nothing to compare: list at least one encoder")
    _check_listed_once("encoder", [(m.encoder, m.vectors_from) for m in models], _canonical)
    _check_listed_once("data set", data, os.path.normpath)
    for what, values in (
        ("structure", structures),
        ("parse noise", noises),
        ("fraction", fractions),
    ):
        _check_listed_once(what, values)
    if seeds < 1:
        raise ValueError(f"seeds must be at least 1, but is {seeds}")
    if folds == 1 or folds < 0:
        raise ValueError(f"cross-validation takes at least 2 folds, not {folds}")
    if noises and "parse" not in structures:
        raise ValueError("parse noise is noise in the parse: add parse to the structures")
    for model in models:
        for structure in structures:
            check_reads(encoder_of(model), model.encoder, structure)
    shapes = [(structure, 0.0) for structure in structures]
    shapes += [("parse", noise) for noise in noises if noise]
    cells = len(data) * len(fractions) * len(shapes) * len(models)
    if (count := cells * seeds * max(folds, 1)) > _MOST_RUNS:
        raise ValueError(
            f"up to {count:,} runs are more than {_MOST_RUNS:,}; give fewer seeds, folds or values"
        )
    questions = questions or {}
    structured = {
        (name, place)
        for name in data
        for place, model in enumerate(models)
        if len(shapes) > 1 and encoder_of(model, questions.get(name)).needs_structure
    }
    runs = [
        Run(model, training, seed, Setting(name, structure, noise, fraction, fold))
        for seed in range(seeds)
        for fold in ([(number, folds) for number in range(1, folds + 1)] if folds else [None])
        for name in data
        for fraction in fractions
        for structure, noise in shapes
        for place, model in enumerate(models)
        if (structure, noise) == shapes[0] or (name, place) in structured
    ]
    _check_folders(runs)
    return runs


def encoder_of(model: ModelOptions, question: Question | None = None) -> Encoder:
    """The encoder of a model without weights, to see what it reads and needs.

    Args:
        model: The model.
        question: What it answers: where that asks for no sentence vectors, the encoder has no readout.
            None while that isn't known.

    Raises:
        ValueError: Its name or an option is wrong, or that of a decoder, or it is too large for any
            machine.
    """
    try:
        encoder = outline(
            model.encoder, model.embedding_dim, model.hidden_dim, model.encoder_options
        )
    except (RuntimeError, OverflowError) as error:  # a tensor of more elements than can be counted
        raise ValueError(f"the encoder {model.encoder} can't be built: {error}") from None
    count = sum(parameter.numel() for parameter in encoder.parameters())
    if count > _MOST_PARAMETERS:
        raise ValueError(
            f"the encoder {model.encoder} would have {count:,} parameters, {model.hidden_dim:,} wide: "
            f"that is more than {_MOST_PARAMETERS:,}; give smaller sizes"
        )
    if model.decoder != ModelOptions.decoder or model.pieces != ModelOptions.pieces:
        with torch.device("meta"):
            decoder_of(model, encoder)
    if question is not None and not reads_sentences(model, question):
        encoder.without_readout()
    return encoder


def _check_listed_once(
    what: str, values: Sequence[Any], canonical: Callable[[Any], object] = lambda value: value
) -> None:
    """Make sure that no two values are the same.

    Raises:
        ValueError: Two are; the message has both spellings.
    """
    seen: dict[object, Any] = {}
    for value in values:
        key = canonical(value)
        if key in seen:
            first, name = (v[0] if isinstance(v, tuple) else v for v in (seen[key], value))
            alike = "" if first == name else f", also as {name!r}"
            raise ValueError(f"{what} {first!r} is listed twice{alike}; list each once")
        seen[key] = value


def _canonical(listed: tuple[str, str]) -> tuple[str, str]:
    encoder, embedding = listed
    return ENCODERS.canonical(encoder, ">"), embedding


def _varied(run: Run) -> tuple[object, ...]:
    setting = run.setting
    return setting.data, run.model.encoder, setting.noise, setting.fraction, run


def _check_folders(runs: Sequence[Run]) -> None:
    """Make sure that no run would write over another.

    Raises:
        ValueError: Two runs have one folder; the message names what they are of.
    """
    seen: dict[Path, Run] = {}
    for run in runs:
        other = seen.setdefault(run.folder, run)
        if other != run:
            first, second = next(
                (one, two)
                for one, two in zip(_varied(other), _varied(run), strict=True)
                if one != two
            )
            raise ValueError(
                f"{first!r} and {second!r} would have the same folder, {run.folder}; change one, "
                "or compare them in two commands with a folder each"
            )
