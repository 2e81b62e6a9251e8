"""Runs executed in parallel, each in a process of its own."""

from __future__ import annotations

import os
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tasks.console import warnings_in_a_line
from tasks.data.options import ParserOptions
from tasks.data.parsing import ParsedDataset
from tasks.experiments.backends import in_parallel
from tasks.experiments.options import ExecutionOptions
from tasks.experiments.plugins import load_plugins
from tasks.experiments.run import already_finished, execute
from tasks.models.preparation import pretrained_vectors
from tasks.models.vectors import WordVectors
from tasks.results.run import Run, RunResult
from tasks.storage import StorageError, write_text

__all__ = ["Failure", "already_done", "available_cores", "execute_all"]


@dataclass(frozen=True)
class Failure:
    """A run that ended in an error.

    Attributes:
        run: The run.
        error: The last line of the traceback.
        details: The whole traceback, also written to ``error.txt`` in the run's folder.
    """

    run: Run
    error: str
    details: str

    @property
    def folder(self) -> Path:
        """The run's folder, below that of the experiment."""
        return self.run.folder


def already_done(
    runs: Iterable[Run], data: Mapping[str, ParsedDataset], out: Path
) -> dict[Path, RunResult]:
    """The results of the runs that are finished and whole, by the folders of these runs.

    A damaged run is not among them; where it is executed, its damage is told as its failure.

    Raises:
        ValueError: A folder holds a run with other options or on other data.
    """
    found = {}
    for run in runs:
        with suppress(StorageError):
            result = already_finished(run, data[run.setting.data], out)
            if result is not None:
                found[run.folder] = result
    return found


def execute_all(
    runs: Sequence[Run],
    data: Mapping[str, ParsedDataset],
    out: Path,
    *,
    parser: ParserOptions,
    done: Mapping[Path, RunResult] | None = None,
    plugins: Sequence[str] = (),
    execution: ExecutionOptions | None = None,
    track: str | None = None,
) -> Iterator[RunResult | Failure]:
    """Execute runs in parallel, each in a process with one thread; yields each outcome when it is there.

    If a run fails, the others go on. If a cluster loses a machine, its runs are resumed from their last
    epoch on another.

    Args:
        runs: The runs.
        data: The parsed data, by the names in the runs' settings.
        out: The folder of the experiment.
        parser: The parser of the data, saved with each model.
        done: What :func:`already_done` gave: these results are yielded first.
        plugins: Modules that register what the runs use, imported in each process.
        execution: Where runs are executed; by default in a process for each CPU core.
        track: What they are logged to: see :class:`tasks.experiments.tracking.Tracked`.

    Raises:
        ChildProcessError: A process was killed from outside.
    """
    out = out.resolve()  # processes of a cluster have folders of their own
    execution = execution or ExecutionOptions()
    done = done or {}
    yield from (done[run.folder] for run in runs if run.folder in done)
    open_runs = [run for run in runs if run.folder not in done]
    if not open_runs:
        return
    tables = {
        key: pretrained_vectors(run.model, data[run.setting.data])
        for key, run in {_table(run): run for run in open_runs}.items()
    }
    calls = [
        (run, data[run.setting.data], out, parser, plugins, tables[_table(run)], track)
        for run in open_runs
    ]
    workers = execution.workers or available_cores()
    try:
        yield from in_parallel(
            _attempt, calls, workers=workers, backend=execution.backend, address=execution.address
        )
    except BrokenProcessPool:
        local = execution.backend == "local"
        raise ChildProcessError(
            f"one of {f'{workers} processes' if local else 'the processes of the cluster'} was killed "
            "from outside, perhaps for want of memory; the same command goes on from here"
            + (", with --workers 1 in less memory" if local else "")
        ) from None


def _table(run: Run) -> tuple[str, str, str | None]:
    """The key of the word vectors of a run: runs with the same one share them."""
    return run.setting.data, run.model.embedding, run.model.vectors


def available_cores() -> int:
    """The number of CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _attempt(
    run: Run,
    data: ParsedDataset,
    out: Path,
    parser: ParserOptions,
    plugins: Sequence[str],
    pretrained: WordVectors | None,
    track: str | None,
) -> RunResult | Failure:
    import torch

    torch.set_num_threads(1)  # one run per core: faster than many threads on small matrices
    warnings_in_a_line()
    try:
        load_plugins(plugins)
        return execute(run, data, out, parser=parser, pretrained=pretrained, track=track)
    except Exception as error:
        details = traceback.format_exc()
        with suppress(StorageError):  # a full disk, which is then what failed
            write_text(out / run.folder / "error.txt", details)
        return Failure(run, f"{type(error).__name__}: {error}", details)
