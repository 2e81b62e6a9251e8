"""An experiment's folder, written and read back: every cell of its grid, every prediction."""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from tasks.data.examples import Dataset, Example, counted
from tasks.data.parsing import ParsedDataset, given_tree
from tasks.data.questions import in_one_string
from tasks.data.sentences import tokens_of
from tasks.data.setting import Setting, view
from tasks.data.structures import Structure, structure_of
from tasks.folders import folder_name
from tasks.metrics import metrics_for
from tasks.results.condition import Condition
from tasks.results.records import (
    EXPERIMENT_AGAIN,
    DataDescription,
    ExampleDescription,
    ExperimentDescription,
    PlannedRun,
    PredictedExample,
    TreeDescription,
    read_descriptions,
    read_experiment,
    read_history,
    read_predictions,
)
from tasks.results.run import RUN_AGAIN, Run, RunResult, read_result
from tasks.sealing import write_sealed
from tasks.storage import StorageError, write_json_lines
from tasks.training.epoch import Epoch

__all__ = [
    "Cell",
    "FinishedRun",
    "Results",
    "condition_of",
    "examples_file",
    "experiment_of",
    "load_results",
    "save_experiment",
]

EXPERIMENT_FILE = "experiment.json"


@dataclass(frozen=True)
class FinishedRun:
    """A run that has a result.

    Args:
        seed: Its seed.
        fold: The number of its fold, from 1; None without folds.
        folder: Its folder.
        result: Its result.
    """

    seed: int
    fold: int | None
    folder: Path
    result: RunResult

    @cached_property
    def history(self) -> tuple[Epoch, ...]:
        """Its epochs."""
        return read_history(self.folder / "history.json")


@dataclass(frozen=True)
class Cell:
    """One condition, over all seeds (and folds) that are done.

    Args:
        condition: What was varied.
        runs: Its runs, by seed and fold; of each seed all folds.
    """

    condition: Condition
    runs: tuple[FinishedRun, ...]

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds, in order."""
        return tuple(dict.fromkeys(run.seed for run in self.runs))

    def of_seed(self, seed: int) -> tuple[FinishedRun, ...]:
        """The run of a seed, or the runs of all its folds."""
        return tuple(run for run in self.runs if run.seed == seed)

    def predictions(self, split: str = "test") -> tuple[tuple[PredictedExample, ...], ...]:
        """For each seed its predictions on a split; empty where some seed has none.

        Folds follow each other, so that all cells of one data set have the same order of examples.
        """
        found = []
        for seed in self.seeds:
            files = [run.folder / f"{split}.jsonl" for run in self.of_seed(seed)]
            rows = [row for file in files if file.exists() for row in read_predictions(file)]
            if not rows:
                return ()
            found.append(tuple(rows))
        return tuple(found)


@dataclass(frozen=True)
class Results:
    """All that an experiment's folder holds.

    Args:
        folder: The folder.
        experiment: What was asked for, with which versions.
        cells: Each condition with a finished run, in the order planned.
        unfinished: The folders of runs that failed, are damaged or are still to be done.
        examples: For each data set its test examples, in the order of predictions.
        damaged: What is wrong with each damaged run, by its folder.
    """

    folder: Path
    experiment: ExperimentDescription
    cells: tuple[Cell, ...]
    unfinished: tuple[Path, ...]
    examples: Mapping[str, tuple[ExampleDescription, ...]]
    damaged: Mapping[Path, str] = field(default_factory=dict)

    @property
    def data(self) -> Mapping[str, DataDescription]:
        """The data sets, by name."""
        return self.experiment.data

    @property
    def structured(self) -> frozenset[str]:
        """The encoders that read a tree or a graph."""
        return frozenset(
            name for name, encoder in self.experiment.encoders.items() if encoder.structured
        )

    def error(self, run: Path) -> str | None:
        """Why an unfinished run has no result: its damage, or the last line of its traceback.

        None if it did not fail.
        """
        file = run / "error.txt"
        if run in self.damaged or not file.exists():
            return self.damaged.get(run)
        lines = file.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return lines[-1] if lines else "it failed, and its error.txt is empty"


def condition_of(run: Run, data: str) -> Condition:
    """The condition of a run on the data set of this name."""
    setting = run.setting
    return Condition(
        data=data,
        encoder=run.model.encoder,
        structure=setting.structure,
        noise=setting.noise,
        embedding=run.model.vectors_from,
        fraction=setting.fraction,
    )


def save_experiment(
    out: Path,
    runs: Sequence[Run],
    data: Mapping[str, ParsedDataset],
    description: Mapping[str, object],
) -> None:
    """Write ``experiment.json``, and for each data set the test examples with their parses.

    Args:
        out: The folder of the experiment.
        runs: All runs that are planned.
        data: The data sets, by the names in the runs' settings.
        description: The other fields of :class:`tasks.results.records.ExperimentDescription`, as JSON
            has them: ``encoders``, and as far as known ``command``, ``options``, ``versions``,
            ``tuning``.
    """
    planned = [
        PlannedRun(
            folder=run.folder.as_posix(),
            seed=run.seed,
            fold=None if run.setting.fold is None else run.setting.fold[0],
            condition=condition_of(run, data[run.setting.data].dataset.name),
        )
        for run in runs
    ]
    known = {}
    for key, parsed in data.items():
        dataset = parsed.dataset
        known[dataset.name] = DataDescription(
            labels=dataset.labels,
            ordered=dataset.ordered,
            notes=parsed.notes,
            sizes={split: len(part) for split, part in parsed.sentences.items()},
            fingerprint=dataset.fingerprint,
            parser=parsed.parser,
            majority=(majority := _majority(dataset)),
            majority_dev=_value_of_majority(dataset, majority),
            question=dataset.question,
        )
        settings = dict.fromkeys(run.setting for run in runs if run.setting.data == key)
        examples = map(asdict, _examples(parsed, list(settings)))
        write_json_lines(out / examples_file(dataset.name), examples)
    content = {
        **description,
        "data": {name: asdict(entry) for name, entry in known.items()},
        "runs": list(map(asdict, planned)),
    }
    write_sealed(out / EXPERIMENT_FILE, content, map(examples_file, known))


def experiment_of(run: Path) -> Path | None:
    """The description of the experiment that a run's folder is in; None where it is in none."""
    files = (folder / EXPERIMENT_FILE for folder in run.resolve().parents)
    return next((file for file in files if file.is_file()), None)


def load_results(folder: Path) -> Results:
    """Read the folder of an experiment.

    A damaged run is left out, with a warning that names it: one with a file that is not what it was
    when the run ended or can't be read, or whose predictions are not of the test examples in their
    order.

    Raises:
        StorageError: There is no experiment in it, or a file that does not belong to a run is damaged
            or of another version.
    """
    if not (folder / EXPERIMENT_FILE).exists():
        below = sorted(str(found.parent) for found in folder.glob(f"*/{EXPERIMENT_FILE}"))
        hint = f"; there are experiments in {', '.join(below[:8])}" if below else ""
        raise StorageError(
            f"there is no experiment in {folder}: {EXPERIMENT_FILE}, which `structnn compare` writes, "
            f"is missing{hint}"
        )
    experiment = read_experiment(folder / EXPERIMENT_FILE)
    expected = max(1, len({planned.fold for planned in experiment.runs}))
    examples = {name: read_descriptions(folder / examples_file(name)) for name in experiment.data}
    for name, rows in examples.items():
        promised = experiment.data[name].sizes.get("test", 0)
        if expected == 1 and len(rows) != promised:
            raise StorageError(
                f"{folder / examples_file(name)} has {counted(len(rows), 'example')}, and not "
                f"the {promised} of {EXPERIMENT_FILE}; {EXPERIMENT_AGAIN}"
            )
    by_condition: dict[Condition, list[FinishedRun]] = {
        planned.condition: [] for planned in experiment.runs
    }
    parts: dict[Path, _Part] = {}
    unfinished = []
    damaged: dict[Path, str] = {}
    for planned in experiment.runs:
        path = folder / planned.folder
        if not (path / "result.json").exists():
            unfinished.append(path)
            continue
        try:
            result = read_result(folder, Path(planned.folder))
            run = FinishedRun(planned.seed, planned.fold, path, result)
            data = planned.condition.data
            parts[path] = _check(run, examples[data], experiment.data[data])
        except StorageError as fault:
            damaged[path] = str(fault)
            continue
        by_condition[planned.condition].append(run)
    cells = []
    for condition, found in by_condition.items():
        whole = []
        for seed in sorted({run.seed for run in found}):
            of_seed = sorted((r for r in found if r.seed == seed), key=lambda run: run.fold or 0)
            if len(of_seed) == expected:
                gaps = _gaps(of_seed, parts, len(examples[condition.data]))
                damaged |= gaps
                whole += [] if gaps else of_seed
        if whole:
            cells.append(Cell(condition, tuple(whole)))
    for problem in damaged.values():
        warnings.warn(f"a run is left out: {problem}", stacklevel=2)
    return Results(folder, experiment, tuple(cells), (*unfinished, *damaged), examples, damaged)


def _majority(dataset: Dataset) -> str | None:
    """The most frequent label of train, of as frequent ones the first; None if answers are others."""
    question = dataset.question
    if question.answer != "label" or question.reads == "arcs":
        return None
    counts = Counter(
        label for example in dataset.train for label in question.labels_in(example.label)
    )
    return max(dataset.labels, key=lambda label: counts[label])


def _value_of_majority(dataset: Dataset, label: str | None) -> float | None:
    """What the first metric of the question is on dev, if everything gets one label."""
    if not dataset.dev or label is None:
        return None
    gold = dataset.answers("dev")
    metric = metrics_for(dataset.question, dataset.labels)[0]
    return metric(gold, [dataset.question.everywhere(label, answer) for answer in gold])


def examples_file(data: str) -> str:
    """The file of the test examples of a data set, below the folder of the experiment."""
    # Of 255 bytes the suffix takes 6, and 10 are kept for the name of the file until it is whole.
    return f"examples/{folder_name(data, longest=239)}.jsonl"


class _Part(NamedTuple):
    """The test examples that a run has predictions for: the first, and the one behind the last."""

    begin: int
    end: int


def _check(
    run: FinishedRun, examples: Sequence[ExampleDescription], data: DataDescription
) -> _Part:
    """Make sure that the files of a run agree with its result and with the test examples.

    Raises:
        StorageError: They don't; the message names the file.
    """
    assert run.history is not None  # which reads it
    for split, score in (
        ("dev", run.result.dev_score),
        ("test", run.result.test_score),
    ):
        file = run.folder / f"{split}.jsonl"
        if not file.exists():
            continue
        # Read anew where a cell is measured: those of all runs at once would fill the memory.
        rows = read_predictions(file)
        metric = metrics_for(data.question, data.labels)[0]
        value = metric([row.label for row in rows], [row.prediction for row in rows]) if rows else 0
        if score is None or abs(score - value) > 1e-9:
            raise StorageError(
                f"{file} has {counted(len(rows), 'prediction')} with {_an(metric.name)} of "
                f"{value:.6g}, but by result.json it is {score}; {RUN_AGAIN}"
            )
        if split == "test":
            return _place(file, rows, examples)
    if run.result.test_score is not None:
        raise StorageError(f"{run.folder / 'test.jsonl'} is not there; {RUN_AGAIN}")
    return _Part(0, len(examples))


def _an(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"


def _place(
    file: Path, rows: Sequence[PredictedExample], examples: Sequence[ExampleDescription]
) -> _Part:
    """Where the rows of a file are among the test examples, which they follow in their order.

    Raises:
        StorageError: They don't.
    """
    identified = [_identity(example) for example in examples]
    wanted = [_identity(row) for row in rows]
    for begin, first in enumerate(identified):
        if wanted and first == wanted[0] and identified[begin : begin + len(rows)] == wanted:
            return _Part(begin, begin + len(rows))
    pairs = enumerate(zip(wanted, identified, strict=False))
    wrong = next((number for number, (row, example) in pairs if row != example), 0)
    raise StorageError(
        f"{file}:{wrong + 1} has not the predictions for the {len(examples)} test examples in their "
        f"order; {RUN_AGAIN}"
    )


def _identity(example: PredictedExample | ExampleDescription) -> tuple[str, str, str]:
    """What a prediction and an example have in common; the folder of the source may be another."""
    return re.split(r"[/\\]", example.source)[-1], example.text, example.label


def _gaps(
    runs: Sequence[FinishedRun], parts: Mapping[Path, _Part], examples: int
) -> dict[Path, str]:
    """What is wrong with the runs of the folds of a seed, or with its one run, by their folders.

    Args:
        runs: The runs, by fold.
        parts: The test examples of each, by its folder.
        examples: The number of all test examples.
    """
    found = {}
    ends = [0, *(parts[run.folder].end for run in runs)]
    begins = [*(parts[run.folder].begin for run in runs), examples]
    for number, (end, begin) in enumerate(zip(ends, begins, strict=True)):
        if end != begin:
            run = runs[max(0, number - 1)]
            found[run.folder] = (
                f"{run.folder / 'test.jsonl'} lacks predictions: those up to test example {end} are "
                f"followed by those from {begin + 1}; {RUN_AGAIN}"
            )
    return found


def _examples(parsed: ParsedDataset, settings: Sequence[Setting]) -> list[ExampleDescription]:
    """The test examples in the order of predictions, each with its parse."""
    folds = dict.fromkeys(setting.fold for setting in settings)
    structures = [structure_of(name) for name in dict.fromkeys(s.structure for s in settings)]
    examples: list[ExampleDescription] = []
    for fold in folds:
        setting = next(setting for setting in settings if setting.fold == fold)
        # The parser's trees, also where runs read others in their place; or those that are asked about.
        of_nodes = parsed.dataset.question.reads == "nodes"
        structure = parsed.dataset.question.usual_structure if of_nodes else "parse"
        plain = Setting(data=setting.data, fold=fold, structure=structure)
        examples += _described(view(parsed, plain), [s for s in structures if s.is_given])
    return examples


def _described(data: ParsedDataset, structures: Sequence[Structure]) -> list[ExampleDescription]:
    words = {word.lower() for own in tokens_of(data.sentences["train"]) for word in own}
    texts = {example.shown.lower() for example in data.dataset.train}
    asks_of_one = data.dataset.question.spans == 1
    targets = Counter(_target(example) for example in data.dataset.train if asks_of_one)
    described = []
    for example, sentence in zip(data.dataset.test, data.sentences["test"], strict=True):
        tree = sentence.dependencies
        unknown = sum(token.lower() not in words for token in sentence.tokens)
        others = {  # a graph isn't drawn
            one.name: getattr(given_tree(example, one.name), one.field)
            for one in structures
            if not one.is_graph
        }
        described.append(
            ExampleDescription(
                source=example.source,
                text=example.shown,
                label=example.label,
                columns=dict(example.columns),
                tokens=sentence.tokens,
                heads=None if tree is None else [parent + 1 for parent in tree.parents],
                relations=None if tree is None else tree.labels,
                tags=sentence.tags,
                trees={
                    name: TreeDescription(parents=one.parents, tokens=one.tokens, labels=one.labels)
                    for name, one in others.items()
                    if one != tree
                },
                unknown_share=unknown / len(sentence),
                overlap=example.shown.lower() in texts,
                cluster=example.cluster,
                target_count=targets[_target(example)] if asks_of_one else None,
            )
        )
    return described


def _target(example: Example) -> str:
    """The words of the span that an example is about, in lower case."""
    ((begin, end),) = example.spans
    return in_one_string(example.text[begin:end]).lower()
