"""An experiment's folder, written and read back: every cell of its grid, every prediction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from statistics import fmean

from tasks.data.examples import Dataset
from tasks.data.parsing import ParsedDataset, given_tree, tree_field
from tasks.data.setting import GIVEN_STRUCTURES, Setting, view
from tasks.folders import folder_name
from tasks.results.condition import Condition
from tasks.results.records import (
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
from tasks.results.run import Run, RunResult, read_result
from tasks.storage import StorageError, write_json, write_json_lines
from tasks.training.epoch import Epoch

__all__ = [
    "Cell",
    "FinishedRun",
    "Results",
    "condition_of",
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
        unfinished: The folders of runs that failed or are still to be done.
    """

    folder: Path
    experiment: ExperimentDescription
    cells: tuple[Cell, ...]
    unfinished: tuple[Path, ...]

    @property
    def data(self) -> Mapping[str, DataDescription]:
        """The data sets, by name."""
        return self.experiment.data

    @cached_property
    def examples(self) -> dict[str, tuple[ExampleDescription, ...]]:
        """For each data set its test examples, in the order of predictions."""
        return {name: read_descriptions(_examples_file(self.folder, name)) for name in self.data}

    @property
    def structured(self) -> frozenset[str]:
        """The encoders that read a tree or a graph."""
        return frozenset(
            name for name, encoder in self.experiment.encoders.items() if encoder.structured
        )

    def error(self, run: Path) -> str | None:
        """Why an unfinished run failed: the last line of its traceback; None if it did not."""
        file = run / "error.txt"
        return file.read_text(encoding="utf-8").strip().splitlines()[-1] if file.exists() else None


def condition_of(run: Run, data: str) -> Condition:
    """The condition of a run on the data set of this name."""
    setting = run.setting
    return Condition(
        data=data,
        encoder=run.model.encoder,
        structure=setting.structure,
        noise=setting.noise,
        embedding=run.model.embedding,
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
            majority_dev=fmean(example.label == majority for example in dataset.dev)
            if dataset.dev
            else None,
        )
        settings = dict.fromkeys(run.setting for run in runs if run.setting.data == key)
        examples = map(asdict, _examples(parsed, list(settings)))
        write_json_lines(_examples_file(out, dataset.name), examples)
    content = {
        **description,
        "data": {name: asdict(entry) for name, entry in known.items()},
        "runs": list(map(asdict, planned)),
    }
    write_json(out / EXPERIMENT_FILE, content)


def load_results(folder: Path) -> Results:
    """Read the folder of an experiment.

    Raises:
        StorageError: There is no experiment in it, or a file is damaged or of another version.
    """
    if not (folder / EXPERIMENT_FILE).exists():
        below = sorted(str(found.parent) for found in folder.glob(f"*/{EXPERIMENT_FILE}"))
        hint = f"; there are experiments in {', '.join(below[:8])}" if below else ""
        raise StorageError(
            f"there is no experiment in {folder}: {EXPERIMENT_FILE}, which `structnn compare` writes, "
            f"is missing{hint}"
        )
    experiment = read_experiment(folder / EXPERIMENT_FILE)
    by_condition: dict[Condition, list[FinishedRun]] = {}
    unfinished = []
    expected = max(1, len({planned.fold for planned in experiment.runs}))
    for planned in experiment.runs:
        path = folder / planned.folder
        if not (path / "result.json").exists():
            unfinished.append(path)
            continue
        result = read_result(folder, Path(planned.folder))
        run = FinishedRun(planned.seed, planned.fold, path, result)
        by_condition.setdefault(planned.condition, []).append(run)
    cells = []
    for condition, found in by_condition.items():
        seeds = [run.seed for run in found]
        whole = [run for run in found if seeds.count(run.seed) == expected]
        if whole:
            ordered = sorted(whole, key=lambda run: (run.seed, run.fold or 0))
            cells.append(Cell(condition, tuple(ordered)))
    return Results(folder, experiment, tuple(cells), tuple(unfinished))


def _majority(dataset: Dataset) -> str:
    """The most frequent label of train; of as frequent ones the first."""
    counts = Counter(example.label for example in dataset.train)
    return max(dataset.labels, key=lambda label: counts[label])


def _examples_file(folder: Path, data: str) -> Path:
    # Of 255 bytes the suffix takes 6, and 10 what is written before the file has its name.
    return folder / "examples" / f"{folder_name(data, longest=239)}.jsonl"


def _examples(parsed: ParsedDataset, settings: Sequence[Setting]) -> list[ExampleDescription]:
    """The test examples in the order of predictions, each with its parse."""
    folds = dict.fromkeys(setting.fold for setting in settings)
    structures = dict.fromkeys(setting.structure for setting in settings)
    examples: list[ExampleDescription] = []
    for fold in folds:
        setting = next(setting for setting in settings if setting.fold == fold)
        # The parser's trees, also where runs read others in their place.
        plain = Setting(data=setting.data, fold=fold)
        examples += _described(
            view(parsed, plain), [s for s in structures if s in GIVEN_STRUCTURES]
        )
    return examples


def _described(data: ParsedDataset, structures: Sequence[str]) -> list[ExampleDescription]:
    words = {word.lower() for sentence in data.sentences["train"] for word in sentence.tokens}
    texts = {example.plain_text.lower() for example in data.dataset.train}
    described = []
    for example, sentence in zip(data.dataset.test, data.sentences["test"], strict=True):
        tree = sentence.dependencies
        unknown = sum(token.lower() not in words for token in sentence.tokens)
        others = {name: getattr(given_tree(example, name), tree_field(name)) for name in structures}
        described.append(
            ExampleDescription(
                source=example.source,
                text=example.plain_text,
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
                overlap=example.plain_text.lower() in texts,
                cluster=example.cluster,
            )
        )
    return described
