"""Many runs, planned and executed side by side: same data, same embeddings, same budget."""

from __future__ import annotations

import os
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tasks.data.parsing import ParsedDataset
from tasks.data.settings import Setting
from tasks.experiments.backends import in_parallel
from tasks.experiments.plugins import load_plugins
from tasks.experiments.run import execute, given_vectors
from tasks.models.budgets import outline
from tasks.models.model import ModelOptions
from tasks.models.vectors import WordVectors
from tasks.results.run import Run, RunResult, finished
from tasks.storage import write_text
from tasks.training.loop import TrainingOptions

__all__ = ["Failure", "already_done", "available_cores", "compare", "plan", "reads"]


@dataclass(frozen=True)
class Failure:
    """A run that ended in an error.

    Attributes:
        run: The run.
        error: Its last line.
        details: The whole traceback, also written to ``error.txt`` in the run's folder.
    """

    run: Run
    error: str
    details: str

    @property
    def folder(self) -> Path:
        """The run's folder, below that of the experiment."""
        return self.run.folder


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
    """The runs of an experiment: seed by seed, so that a table of everything is there early.

    An encoder that reads no tree, directly or as a graph, is the same whatever the structure: it runs
    with the first one alone.

    Args:
        models: What to compare, each encoder once with each embedding.
        seeds: How many seeds, from 0.
        training: How all of them are trained.
        data: The names of the data sets in the runs' settings; one empty name where there is one.
        structures: What tree and graph encoders read.
        noises: Shares of tokens to attach wrongly in the parse, in further settings.
        fractions: Shares of train.
        folds: How many folds of cross-validation; 0 for the split of the data.
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


def reads(model: ModelOptions) -> frozenset[str]:
    """Which structures the encoder of a model reads."""
    encoder = outline(model.encoder, model.embedding_dim, model.hidden_dim, model.encoder_options)
    return encoder.reads


def _reads_structure(model: ModelOptions) -> bool:
    return bool(reads(model) & {"tree", "graph"})


def already_done(
    runs: Iterable[Run], data: Mapping[str, ParsedDataset], out: Path
) -> dict[Path, RunResult]:
    """The results that are there, by the folders of their runs.

    Raises:
        ValueError: A folder holds a run with other options or on other data.
    """
    found = {run.folder: finished(run, data[run.setting.data], out) for run in runs}
    return {folder: result for folder, result in found.items() if result is not None}


def compare(
    runs: Sequence[Run],
    data: Mapping[str, ParsedDataset],
    out: Path,
    *,
    parser: Mapping[str, Any],
    done: Mapping[Path, RunResult] | None = None,
    workers: int | None = None,
    plugins: Sequence[str] = (),
    backend: str = "local",
    address: str | None = None,
) -> Iterator[RunResult | Failure]:
    """Execute runs in parallel, each in a process with one thread; yields each as it ends.

    Runs that are done are read, not repeated; one that fails is reported and the rest go on. Where a
    cluster loses a machine, its runs are executed by the others, from their last epoch.

    Args:
        runs: What to run.
        data: The parsed data, by the names in the runs' settings.
        out: The folder of the experiment.
        parser: How to make the parser again, saved with each model.
        done: What :func:`already_done` gave, if it was called already.
        workers: How many processes; by default one for each processor core.
        plugins: Modules that register what the runs use, imported in each process.
        backend: Where: see :func:`tasks.experiments.backends.in_parallel`.
        address: Of a cluster.
    """
    out = out.resolve()  # processes of a cluster have folders of their own
    if done is None:
        done = already_done(runs, data, out)
    yield from (done[run.folder] for run in runs if run.folder in done)
    open_runs = [run for run in runs if run.folder not in done]
    if not open_runs:
        return
    tables = {
        key: given_vectors(run.model, data[run.setting.data])
        for key, run in {_table(run): run for run in open_runs}.items()
    }
    calls = [
        (run, data[run.setting.data], out, parser, plugins, tables[_table(run)])
        for run in open_runs
    ]
    yield from in_parallel(
        _attempt, calls, workers=workers or available_cores(), backend=backend, address=address
    )


def _table(run: Run) -> tuple[str, str, str | None]:
    """What tells the table of vectors that a run is given from others."""
    return run.setting.data, run.model.embedding, run.model.vectors


def available_cores() -> int:
    """The processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _attempt(
    run: Run,
    data: ParsedDataset,
    out: Path,
    parser: Mapping[str, Any],
    plugins: Sequence[str],
    given: WordVectors | None,
) -> RunResult | Failure:
    import torch

    torch.set_num_threads(1)  # one run a core: faster than many threads on small matrices
    try:
        load_plugins(plugins)
        return execute(run, data, out, parser=parser, given=given)
    except Exception as error:
        details = traceback.format_exc()
        write_text(out / run.folder / "error.txt", details)
        return Failure(run, f"{type(error).__name__}: {error}", details)
