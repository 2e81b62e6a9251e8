"""Many runs, side by side: same data, same embeddings, same budget."""

from __future__ import annotations

import os
import statistics
import traceback
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tasks.models import ModelOptions
from tasks.parsing import ParsedDataset
from tasks.plugins import load_plugins
from tasks.runs import GivenVectors, Run, RunResult, execute, finished, given_vectors
from tasks.statistics import Comparison, compare_pairs
from tasks.storage import read_json_lines, write_json, write_text
from tasks.training import TrainingOptions

__all__ = ["HEADER", "Failure", "Row", "Summary", "cells", "compare", "plan", "summarise"]


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


@dataclass(frozen=True)
class Row:
    """One encoder over all its seeds; accuracies from 0 to 1, spreads are standard deviations.

    Attributes:
        encoder: Its name.
        seeds: How many runs there are.
        parameters: Trained parameters of the encoder alone.
        dev: Mean dev accuracy.
        dev_sd: Its spread over seeds; None for one seed.
        test: Mean test accuracy; None where there is no test set.
        test_sd: Its spread over seeds.
        train_speed: Median of training sentences a second.
        inference_speed: Median of sentences a second in inference.
    """

    encoder: str
    seeds: int
    parameters: int
    dev: float
    dev_sd: float | None
    test: float | None
    test_sd: float | None
    train_speed: float
    inference_speed: float


@dataclass(frozen=True)
class Summary:
    """The outcome of all runs.

    Attributes:
        rows: One for each encoder that has a result, in the order asked for.
        results: Every finished run.
        failures: Every run that ended in an error.
        pairs: Every two encoders, compared on the test examples by :mod:`tasks.statistics`; none where
            there is no test set.
        notes: What must be said of the data and of how they were parsed.
    """

    rows: tuple[Row, ...]
    results: tuple[RunResult, ...]
    failures: tuple[Failure, ...]
    pairs: tuple[Comparison, ...]
    notes: tuple[str, ...]

    def to_markdown(self) -> str:
        """The table, as Markdown."""
        lines = ["| " + " | ".join(HEADER) + " |", "|" + " --- |" * len(HEADER)]
        lines += ["| " + " | ".join(cells(row)) + " |" for row in self.rows]
        lines += ["", *(f"- {comparison}" for comparison in self.pairs)]
        lines += [f"- {note}" for note in self.notes]
        return "\n".join(lines).rstrip() + "\n"

    def against_best(self) -> list[str]:
        """In words, how the encoder with the best mean test accuracy compares with each other one."""
        if not self.pairs:
            return []
        best = max(self.rows, key=lambda row: row.test or 0).encoder
        return [str(pair) for pair in self.pairs if best in (pair.first, pair.second)]

    def to_csv(self) -> str:
        """Every run, as comma-separated values."""
        lines = [
            "encoder,seed,parameters,dev_accuracy,test_accuracy,epochs,train_speed,inference_speed"
        ]
        for result in self.results:
            test = "" if result.test_accuracy is None else f"{result.test_accuracy:.6f}"
            lines.append(
                f"{result.run.model.encoder},{result.run.seed},{result.parameters['encoder']},"
                f"{result.dev_accuracy:.6f},{test},{result.epochs},"
                f"{result.train_speed:.1f},{result.inference_speed:.1f}"
            )
        return "\n".join(lines) + "\n"


HEADER = ("encoder", "params", "dev %", "test %", "train/s", "infer/s")


def cells(row: Row) -> tuple[str, ...]:
    """A row of the table as text."""
    return (
        row.encoder,
        f"{row.parameters:,}",
        _percent(row.dev, row.dev_sd),
        "-" if row.test is None else _percent(row.test, row.test_sd),
        f"{row.train_speed:,.0f}",
        f"{row.inference_speed:,.0f}",
    )


def plan(models: Sequence[ModelOptions], seeds: int, training: TrainingOptions) -> list[Run]:
    """The runs of a comparison: seed by seed, so that a table of all encoders is there early.

    Args:
        models: What to compare, each encoder once.
        seeds: How many seeds, from 0.
        training: How all of them are trained.
    """
    names = [model.encoder for model in models]
    repeated = [name for name in names if names.count(name) > 1]
    if repeated:
        raise ValueError(f"encoder {repeated[0]!r} is listed twice; list each once")
    if not names:
        raise ValueError("there is nothing to compare: list at least one encoder")
    if seeds < 1:
        raise ValueError(f"seeds must be at least 1, but is {seeds}")
    return [Run(model, training, seed) for seed in range(seeds) for model in models]


def compare(
    runs: Sequence[Run],
    data: ParsedDataset,
    out: Path,
    *,
    parser: Mapping[str, Any],
    workers: int | None = None,
    plugins: Sequence[str] = (),
) -> Iterator[RunResult | Failure]:
    """Execute runs in parallel, each in a process with one thread; yields each as it ends.

    Runs that are done are read, not repeated; one that fails is reported and the rest go on.

    Args:
        runs: What to run.
        data: The parsed data, the same for all.
        out: The folder of the experiment.
        parser: How to make the parser again, saved with each model.
        workers: How many processes; by default one for each processor core.
        plugins: Modules that register what the runs use, imported in each process.
    """
    open_runs = []
    for run in runs:
        done = finished(run, data, out)
        if done is None:
            open_runs.append(run)
        else:
            yield done
    if not open_runs:
        return
    from joblib import Parallel, delayed

    workers = min(len(open_runs), workers or available_cores())
    tables = {
        (run.model.embedding, run.model.vectors): given_vectors(run.model, data)
        for run in {(run.model.embedding, run.model.vectors): run for run in open_runs}.values()
    }
    jobs = (
        delayed(_attempt)(
            run, data, out, parser, plugins, tables[run.model.embedding, run.model.vectors]
        )
        for run in open_runs
    )
    with warnings.catch_warnings():
        # A process whose memory has grown is replaced between two runs, which loses nothing.
        warnings.filterwarnings("ignore", message="A worker stopped while some jobs")
        yield from Parallel(n_jobs=workers, return_as="generator_unordered")(jobs)


def summarise(
    runs: Sequence[Run],
    outcomes: Sequence[RunResult | Failure],
    out: Path,
    notes: tuple[str, ...] = (),
) -> Summary:
    """The table of all outcomes, also written to ``table.md``, ``table.json`` and ``runs.csv``."""
    failures = tuple(outcome for outcome in outcomes if isinstance(outcome, Failure))
    by_run = {id_of(o.run): o for o in outcomes if isinstance(o, RunResult)}
    results = tuple(by_run[id_of(run)] for run in runs if id_of(run) in by_run)
    encoders = dict.fromkeys(run.model.encoder for run in runs)
    rows = []
    for name in encoders:
        mine = [result for result in results if result.run.model.encoder == name]
        if mine:
            rows.append(_row(name, mine))
    pairs = _compare_on_test(results, out)
    summary = Summary(tuple(rows), results, failures, pairs, notes)
    write_text(out / "table.md", summary.to_markdown())
    write_text(out / "runs.csv", summary.to_csv())
    write_json(
        out / "table.json",
        {
            "encoders": [vars(row) for row in summary.rows],
            "pairs": [vars(pair) for pair in summary.pairs],
            "notes": summary.notes,
        },
    )
    return summary


def _compare_on_test(results: Sequence[RunResult], out: Path) -> tuple[Comparison, ...]:
    """Every two encoders on the saved predictions: a row of right and wrong for each seed."""
    correct: dict[str, list[list[bool]]] = {}
    for result in results:
        if result.test_accuracy is not None:
            rows = read_json_lines(out / result.run.folder / "test.jsonl")
            right = [row["label"] == row["prediction"] for row in rows]
            correct.setdefault(result.run.model.encoder, []).append(right)
    if len(correct) < 2 or min(len(rows[0]) for rows in correct.values()) < 2:
        return ()
    return tuple(compare_pairs(correct))


def id_of(run: Run) -> str:
    """What tells a run from the others of its comparison."""
    return str(run.folder)


def available_cores() -> int:
    """The processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _attempt(
    run: Run,
    data: ParsedDataset,
    out: Path,
    parser: Mapping[str, Any],
    plugins: Sequence[str],
    given: GivenVectors | None,
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


def _row(encoder: str, results: Sequence[RunResult]) -> Row:
    dev = [result.dev_accuracy for result in results]
    test = [result.test_accuracy for result in results if result.test_accuracy is not None]
    return Row(
        encoder=encoder,
        seeds=len(results),
        parameters=results[0].parameters["encoder"],
        dev=statistics.fmean(dev),
        dev_sd=statistics.stdev(dev) if len(dev) > 1 else None,
        test=statistics.fmean(test) if test else None,
        test_sd=statistics.stdev(test) if len(test) > 1 else None,
        train_speed=statistics.median(result.train_speed for result in results),
        inference_speed=statistics.median(result.inference_speed for result in results),
    )


def _percent(mean: float, deviation: float | None) -> str:
    spread = "" if deviation is None else f" ± {100 * deviation:.1f}"
    return f"{100 * mean:.1f}{spread}"
