"""An experiment, from its options to its summary."""

from __future__ import annotations

import dataclasses
import random
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rich.markup import escape

from parsers.formats.atomic import alone
from tasks.console import results, status
from tasks.data.examples import DataError, Dataset, counted
from tasks.data.parsing import ParsedDataset
from tasks.data.questions import Question
from tasks.data.splits import check_fraction, folds
from tasks.experiments.backends import check_backend
from tasks.experiments.display import (
    execute_and_show,
    parse_and_show,
    parsed,
    show_power,
    show_sizes,
    show_summary,
)
from tasks.experiments.execution import Failure, already_done, available_cores
from tasks.experiments.grid import encoder_of, plan
from tasks.experiments.options import CompareOptions, ExecutionOptions, ExperimentOptions
from tasks.experiments.run import TIMED_BATCHES, seconds_per_epoch
from tasks.experiments.search import DEFAULT_SPACE, parse_space, trials, tuned
from tasks.experiments.tracking import check_tracker
from tasks.models.budgets import match_width
from tasks.models.building import reads_sentences
from tasks.models.embeddings import input_width
from tasks.models.options import ModelOptions
from tasks.options import OptionError, names_in
from tasks.report import write_report
from tasks.results.folder import load_results, save_experiment
from tasks.results.measures import measure, metrics_of
from tasks.results.run import Run, RunResult, versions
from tasks.results.summary import Summary, summarise
from tasks.training.options import TrainingOptions

__all__ = ["ExperimentFailed", "run_experiment", "run_on", "run_plan"]


class ExperimentFailed(ValueError):
    """Some runs ended in an error; the others have results."""


def run_experiment(options: CompareOptions, out: Path, *, dry_run: bool = False) -> Summary | None:
    """Plan the runs, search options if wanted, execute what has no result yet, and show the summary.

    Args:
        options: The experiment.
        out: Its folder.
        dry_run: Say what would be done, and do nothing; then there is no summary.

    Raises:
        ValueError: An option is wrong, or a folder holds a run with other options or on other data.
        ExperimentFailed: Some runs ended in an error.
    """
    names = names_in(options.data)
    keys = names if len(names) > 1 else [""]
    planned = _planned(options, keys)  # refuses what can't be before any data are read
    planned.check_embeddings(out)
    datasets = {key: _dataset(options, name) for key, name in zip(keys, names, strict=True)}
    for dataset in datasets.values():
        metrics_of(dataset, options.metric)  # refuses one that doesn't fit
        _check_parts(dataset, options)
    # Which widths match, and who reads structures, depends on what is asked.
    questions = {key: dataset.question for key, dataset in datasets.items()}
    planned = _planned(options, keys, questions)
    if dry_run:
        there = planned.there(out)
        for dataset in datasets.values():
            show_sizes(dataset, options.folds)
            show_power(dataset, options)
        samples = {key: _sample(dataset, options) for key, dataset in datasets.items()}
        _show_plan(planned.all_runs, there, samples, datasets, options.workers)
        return None
    data = {
        key: parse_and_show(dataset, options, options.folds) for key, dataset in datasets.items()
    }
    return _execute(planned, data, options, out)


def run_on(
    data: ParsedDataset, options: CompareOptions, out: Path, *, command: Sequence[str]
) -> Summary:
    """The same on data that are parsed already, whatever the options say of data.

    Args:
        data: The data set.
        options: The experiment.
        out: Its folder.
        command: What the report says it was made by.

    Raises:
        ValueError: As :func:`run_experiment`.
        ExperimentFailed: Some runs ended in an error.
    """
    planned = _planned(options, [""], {"": data.dataset.question})
    planned.check_embeddings(out)
    metrics_of(data.dataset, options.metric)
    _check_parts(data.dataset, options)
    return _execute(planned, {"": data}, options, out, command)


@dataclass(frozen=True)
class _Planned:
    """What an experiment executes.

    Attributes:
        runs: The runs; where options are searched, their options are those before it.
        searches: The trials of each search: see :func:`_searches`.
    """

    runs: list[Run]
    searches: dict[Path, list[Run]]

    @property
    def trials(self) -> list[Run]:
        """The trials of all searches."""
        return [trial for found in self.searches.values() for trial in found]

    @property
    def all_runs(self) -> list[Run]:
        """Trials and runs."""
        return [*self.trials, *self.runs]

    def there(self, out: Path) -> list[Path]:
        """The folders of trials and runs that have a result."""
        return [run.folder for run in self.all_runs if (out / run.folder / "result.json").exists()]

    def check_embeddings(self, out: Path) -> None:
        """Make sure, once for all runs that have no result, that files of vectors and models are there.

        Raises:
            DataError: One is not, or can't be read.
        """
        there = set(self.there(out))
        left = [run.model for run in self.all_runs if run.folder not in there]
        for model in {(model.embedding, model.vectors): model for model in left}.values():
            input_width(model)


def _planned(
    options: CompareOptions, keys: Sequence[str], questions: Mapping[str, Question] | None = None
) -> _Planned:
    """All that is to be executed on data sets with these names.

    Args:
        options: The experiment.
        keys: The names.
        questions: What the data sets ask; while that isn't known, widths are those of the options, and
            readouts are used.
    """
    encoders = names_in(options.encoders)
    options.check_encoders(encoders)
    check_backend(options.backend, options.address)
    check_tracker(options.track)
    fit = _fit(options, tuple((questions or {}).values()))
    embeddings: list[str | None] = [*names_in(options.embedding or "")]
    inits: list[str | None] = [*names_in(options.init or "")]
    models = [
        fit(options.model(encoder, embedding, init))
        for embedding in embeddings or [None]
        for init in inits or [None]
        for encoder in encoders
    ]
    runs = plan(
        models,
        options.seeds,
        _training(options),
        data=keys,
        structures=names_in(options.read_structure),
        noises=options.noises,
        fractions=options.train_fractions,
        folds=options.folds,
        questions=questions,
    )
    return _Planned(runs, _searches(options, encoders, runs, fit))


def _execute(
    planned: _Planned,
    data: Mapping[str, ParsedDataset],
    options: CompareOptions,
    out: Path,
    command: Sequence[str] | None = None,
) -> Summary:
    """Search options if wanted, execute what has no result yet, and show the summary."""
    runs, searches, there = planned.runs, planned.searches, planned.there(out)
    # With a search the options of the runs are known only after the trials.
    done = already_done(planned.trials or runs, data, out)
    if not status.quiet:  # what is printed takes time to estimate
        datasets = {key: parsed.dataset for key, parsed in data.items()}
        _show_plan(planned.all_runs, {*done, *there}, data, datasets, options.workers)
    scores: dict[str, list[float]] = {}
    failed: list[Path] = []
    if searches:
        outcomes = execute_and_show(
            planned.trials, data, options, out, done=done, execution=options.execution
        )
        best, scores = _best_trials(searches, outcomes, out)
        failed = [outcome.folder for outcome in outcomes if isinstance(outcome, Failure)]
        runs = [tuned(run, best[_searched(run).folder]) for run in runs]
        done = already_done(runs, data, out)
    summary = run_plan(
        runs,
        data,
        options,
        out,
        done=done,
        execution=options.execution,
        search=scores,
        command=command,
    )
    if failed:
        results.print(
            f"- without {len(failed)} of {counted(len(planned.trials), 'trial')}, which failed (see "
            f"error.txt there): {escape(', '.join(map(str, failed)))}"
        )
    return summary


def run_plan(
    runs: Sequence[Run],
    data: Mapping[str, ParsedDataset],
    options: ExperimentOptions,
    out: Path,
    *,
    done: Mapping[Path, RunResult] | None = None,
    execution: ExecutionOptions | None = None,
    search: Mapping[str, Sequence[float]] | None = None,
    command: Sequence[str] | None = None,
) -> Summary:
    """Execute what has no result yet, and show the summary of all runs.

    Args:
        runs: The runs.
        data: The parsed data, by the names in the runs' settings.
        options: The options that the runs were made from.
        out: The folder of the experiment.
        done: What :func:`tasks.experiments.execution.already_done` gave, if it was called already.
        execution: Where runs are executed, and whether a report is written; by default in a process
            for each CPU core, and it is.
        search: The dev scores of the trials of each search, by a folder.
        command: What the report says it was made by; by default the command line.

    Raises:
        ExperimentFailed: Some runs ended in an error.
    """
    if done is None:  # before anything is written, since it refuses a folder with other runs
        done = already_done(runs, data, out)
    description = {
        "command": command or _command_line(),
        "options": {
            name: str(value) if isinstance(value, Path) else value
            for name, value in dataclasses.asdict(options).items()
            if value not in (None, "", False)
        },
        "encoders": _encoders(runs, data),
        "versions": versions(),
        "tuning": search or {},
    }
    with alone(out):
        save_experiment(out, runs, data, description)
    outcomes = execute_and_show(runs, data, options, out, done=done, execution=execution)
    with alone(out):
        # Again, since another command with this folder may have put its own in the place meanwhile.
        save_experiment(out, runs, data, description)
        found = measure(load_results(out))
        summary = summarise(found)
        show_summary(summary)
        saved = "table.md (with all pairs), runs.csv, every prediction of every run"
        reported = found.scored and not found.uncompared  # a report is of comparisons
        if reported and (execution is None or execution.report):
            write_report(found, out)
            saved = f"report.html, {saved}"
        else:
            (out / "report.html").unlink(missing_ok=True)  # an earlier one lacks these runs
    results.print(f"- saved in {escape(str(out))}: {saved}")
    failures = [outcome for outcome in outcomes if isinstance(outcome, Failure)]
    if failures:
        raise ExperimentFailed(
            f"{len(failures)} of {counted(len(runs), 'run')} failed; the same command tries them again"
        )
    if damaged := found.results.damaged:  # of an earlier version, which is noticed here alone
        raise ExperimentFailed(f"left out, since damaged: {', '.join(map(str, damaged))}")
    return summary


def _encoders(
    runs: Sequence[Run], data: Mapping[str, ParsedDataset]
) -> dict[str, dict[str, object]]:
    """What is known of each encoder: what it reads, for any of the questions that it answers."""
    reads: dict[str, set[str]] = {}
    found: dict[str, dict[str, object]] = {}
    for run in runs:
        encoder = encoder_of(run.model, data[run.setting.data].dataset.question)
        own = reads.setdefault(run.model.encoder, set())
        own |= encoder.needs
        found[run.model.encoder] = {
            "reads": sorted(own),
            "width": run.model.hidden_dim,
            "arity": encoder.arity,
        }
    return found


def _searches(
    options: CompareOptions,
    encoders: Sequence[str],
    runs: Sequence[Run],
    fit: Callable[[ModelOptions], ModelOptions],
) -> dict[Path, list[Run]]:
    """The trials of each search, by the folder of the run that it is for; none without ``--tune``."""
    space = parse_space(options.space or DEFAULT_SPACE, encoders)
    if options.space and not options.tune:
        raise ValueError("--space says what to search: give the number of trials too, as --tune 20")
    if options.match_params and any(choice.option == "hidden_dim" for choice in space):
        raise ValueError("--match-params decides hidden_dim: take it out of --space")
    if not options.tune:
        return {}
    searched = {run.folder: run for run in map(_searched, runs)}
    found = {folder: trials(run, space, options.tune, fit) for folder, run in searched.items()}
    _check_trials([trial for own in found.values() for trial in own])
    return found


def _check_trials(runs: Sequence[Run]) -> None:
    """Make sure that the encoder of each trial can be built, before the first of them is trained.

    Raises:
        OptionError: One can't.
    """
    for run in {repr(run.model): run for run in runs}.values():
        try:
            encoder_of(run.model)
        except ValueError as fault:
            raise OptionError(
                "space", f"has values with which {run.model.encoder} can't be built: {fault}"
            ) from None


def _best_trials(
    searches: Mapping[Path, Sequence[Run]], outcomes: Sequence[RunResult | Failure], out: Path
) -> tuple[dict[Path, Run], dict[str, list[float]]]:
    """For each search the trial with the best score on dev, and the scores of all."""
    dev = {o.folder: o.dev_score for o in outcomes if isinstance(o, RunResult)}
    best, scores = {}, {}
    for folder, found in searches.items():
        ended = [trial for trial in found if trial.folder in dev]
        if not ended:
            raise ExperimentFailed(
                f"all trials for {folder} failed: see {out / found[0].folder / 'error.txt'}"
            )
        best[folder] = max(ended, key=lambda trial: dev[trial.folder])
        scores[folder.parent.as_posix()] = [dev[trial.folder] for trial in ended]
    return best, scores


def _dataset(options: CompareOptions, name: str) -> Dataset:
    dataset = options.dataset(name)
    if not options.folds:
        return dataset
    examples = len(dataset.train) + len(dataset.dev) + len(dataset.test)
    note = (
        f"{options.folds} folds of all {examples} examples, whatever their split: stratified, repeated "
        "texts kept together"
    )
    return replace(dataset, notes=(note,))


def _check_parts(dataset: Dataset, options: CompareOptions) -> None:
    """Make sure that the folds and the parts of train that runs see can be made.

    Raises:
        DataError: The examples are too few for the folds.
        OptionError: They are too few for a fraction.
    """
    stratify = dataset.question.is_one_label
    for seen in folds(dataset, options.folds) if options.folds else [dataset]:
        for fraction in options.train_fractions:
            try:
                check_fraction(seen.train, fraction, stratify=stratify)
            except DataError as fault:
                raise OptionError("fractions", f"don't fit {seen.name}: {fault}") from None


def _sample(dataset: Dataset, options: CompareOptions) -> ParsedDataset:
    """A few examples of train, parsed: enough to see how long training takes."""
    size = min(len(dataset.train), TIMED_BATCHES * options.batch_size)
    places = sorted(random.Random(0).sample(range(len(dataset.train)), size))
    few = tuple(dataset.train[place] for place in places)
    return parsed(replace(dataset, train=few, dev=few[:1], test=()), options)


def _training(options: CompareOptions) -> TrainingOptions:
    training = options.training
    if options.match_time is None:
        return training
    # Then only time ends a run.
    return replace(training, seconds=options.match_time, epochs=10**6, patience=10**6)


def _fit(
    options: CompareOptions, questions: Sequence[Question]
) -> Callable[[ModelOptions], ModelOptions]:
    """A function that gives a model the width at which its encoder has ``--match-params``."""
    parameters = options.parameters
    if parameters is None or not questions:
        return lambda model: model

    def fit(model: ModelOptions) -> ModelOptions:
        width = match_width(
            *(model.encoder, input_width(model), parameters, model.encoder_options),
            readout=any(reads_sentences(model, question) for question in questions),
        )
        return replace(model, hidden_dim=width)

    return fit


def _searched(run: Run) -> Run:
    """The run whose search a run uses: that on all of train and the parse without noise."""
    return replace(run, seed=0, setting=replace(run.setting, noise=0.0, fraction=1.0))


def _show_plan(
    runs: Sequence[Run],
    done: Collection[Path],
    data: Mapping[str, ParsedDataset],
    datasets: Mapping[str, Dataset],
    workers: int | None,
) -> None:
    """Print how many runs there are, and an estimate of their training, from a few batches of each kind.

    Args:
        runs: All runs.
        done: The folders of those that have a result.
        data: Parsed data, or a parsed part of train.
        datasets: All of the data.
        workers: The number of processes.
    """
    left = [run for run in runs if run.folder not in done]
    timed: dict[tuple[str, str, int], float] = {}
    seconds = 0.0
    for run in left:
        training = run.training
        if training.seconds is not None:
            seconds += training.seconds
            continue
        kind = (run.setting.data, run.model.encoder, run.model.hidden_dim)
        if kind not in timed:
            whole = replace(run, setting=replace(run.setting, fold=None, fraction=1.0))
            timed[kind] = seconds_per_epoch(whole, data[run.setting.data])
        name = run.setting.data
        share = len(data[name].dataset.train) / len(datasets[name].train)
        seconds += timed[kind] / share * training.epochs * run.setting.fraction
    processes = max(1, min(len(left), workers or available_cores()))
    before = f", {len(runs) - len(left)} of them done already" if len(left) < len(runs) else ""
    encoders = len({run.model.encoder for run in runs})
    status.print(
        f"{counted(len(runs), 'run')} of {counted(encoders, 'encoder')}{before}; {processes} at a "
        f"time: at most about {_duration(seconds / processes)} of training (less where runs stop early)"
    )


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _command_line() -> list[str]:
    """The command line, as it can be given again."""
    program = Path(sys.argv[0])
    if program.name == "__main__.py":
        return ["python", "-m", program.parent.name, *sys.argv[1:]]
    return [program.name, *sys.argv[1:]]
