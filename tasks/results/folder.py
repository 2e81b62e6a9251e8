"""What an experiment's folder holds, read back: every cell of its grid, every prediction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from statistics import fmean
from typing import Any

from tasks.data.parsing import ParsedDataset, brought_along, tree_field
from tasks.data.settings import BROUGHT_ALONG, view
from tasks.results.condition import Condition
from tasks.results.families import Family, families_of
from tasks.results.run import Run
from tasks.storage import StorageError, read_json, read_json_lines, write_json, write_json_lines

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
        folder: Where everything about it is.
        result: What ``result.json`` says: the fields of :class:`tasks.results.run.RunResult`.
    """

    seed: int
    fold: int | None
    folder: Path
    result: Mapping[str, Any]

    @cached_property
    def history(self) -> list[dict[str, float]]:
        """Each epoch: ``number``, ``train_loss``, ``dev_loss``, ``dev_accuracy``, ``seconds``."""
        epochs: list[dict[str, float]] = read_json(self.folder / "history.json")
        return epochs


@dataclass(frozen=True)
class Cell:
    """One condition, over all seeds (and folds) that are done.

    Args:
        condition: What it is.
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

    @cached_property
    def dev(self) -> tuple[float, ...]:
        """For each seed the dev accuracy, from 0 to 1 (with folds their mean)."""
        return tuple(
            fmean(run.result["dev_accuracy"] for run in self.of_seed(seed)) for seed in self.seeds
        )

    @cached_property
    def test(self) -> tuple[float, ...]:
        """For each seed the accuracy on all test examples; empty where there are none."""
        return tuple(fmean(right) for right in self.correct)

    @cached_property
    def correct(self) -> list[list[bool]]:
        """For each seed whether each test example was right; empty where there are none."""
        return [
            [row["label"] == row["prediction"] for row in rows] for rows in self.predictions("test")
        ]

    def predictions(self, split: str = "test") -> list[list[dict[str, Any]]]:
        """For each seed the rows ``source``, ``text``, ``label``, ``prediction``, ``probabilities``.

        Folds follow each other, so that all cells of one data set have the same order of examples.
        """
        rows = []
        for seed in self.seeds:
            files = [run.folder / f"{split}.jsonl" for run in self.of_seed(seed)]
            rows.append([row for file in files if file.exists() for row in read_json_lines(file)])
        return rows if all(rows) else []


@dataclass(frozen=True)
class Results:
    """All that is known of an experiment.

    Args:
        folder: Its folder.
        experiment: What was asked, with which versions: see :func:`save_experiment`.
        cells: Each condition with a finished run, in the order planned.
        unfinished: The folders of runs that failed or are still to be done.
        examples: For each data set its test examples, in the order of predictions: ``source``,
            ``text``, ``label``, ``columns``, ``tokens``, ``heads`` (from 1, 0 for the root),
            ``relations``, ``tags``, ``trees``, ``unknown_share`` (of tokens that train lacks) and
            ``overlap`` (whether train has the text). Heads, relations and tags are those of the parse,
            or of the given tree where nothing was parsed; null where there is neither. Trees are the
            other ones that some encoder read and that came with the data: by the name of their
            structure ``parents``, ``tokens`` and ``labels`` as of a :class:`structnn.Tree`.
    """

    folder: Path
    experiment: Mapping[str, Any]
    cells: tuple[Cell, ...]
    unfinished: tuple[Path, ...]

    @property
    def data(self) -> Mapping[str, Mapping[str, Any]]:
        """For each data set ``labels``, ``ordered``, ``notes``, ``sizes`` and ``fingerprint``."""
        known: Mapping[str, Mapping[str, Any]] = self.experiment["data"]
        return known

    @cached_property
    def examples(self) -> dict[str, list[dict[str, Any]]]:
        """For each data set its test examples; see the class."""
        return {
            name: list(read_json_lines(_examples_file(self.folder, name))) for name in self.data
        }

    @cached_property
    def families(self) -> tuple[Family, ...]:
        """All that is compared, and what can be said of it; nothing where there is no test set."""
        correct = {cell.condition: cell.correct for cell in self.cells if cell.correct}
        if any(len(rows[0]) < 2 for rows in correct.values()):
            return ()
        return families_of(correct, self.structured)

    @property
    def structured(self) -> frozenset[str]:
        """The encoders that read a tree or a graph."""
        return frozenset(
            encoder
            for encoder in self.experiment["encoders"]
            if self.reads(encoder) & {"tree", "graph"}
        )

    def reads(self, encoder: str) -> frozenset[str]:
        """Which structures an encoder reads: any of ``sequence``, ``tree`` and ``graph``."""
        return frozenset(self.experiment["encoders"][encoder]["reads"])

    def of_data(self, name: str) -> tuple[Cell, ...]:
        """The cells of one data set."""
        return tuple(cell for cell in self.cells if cell.condition.data == name)

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
    description: Mapping[str, Any],
) -> None:
    """Write ``experiment.json``, and for each data set the test examples with their parses.

    Args:
        out: The folder of the experiment.
        runs: All runs that are planned.
        data: The data sets, by the names in the runs' settings.
        description: What else is to be kept: ``command``, ``options``, ``encoders`` (of each what it
            ``reads``), ``versions``, ``tuning``.
    """
    planned = [
        {
            "folder": run.folder.as_posix(),
            "seed": run.seed,
            "fold": None if run.setting.fold is None else run.setting.fold[0],
            "condition": asdict(condition_of(run, data[run.setting.data].dataset.name)),
        }
        for run in runs
    ]
    known = {}
    for key, parsed in data.items():
        dataset = parsed.dataset
        known[dataset.name] = {
            "labels": dataset.labels,
            "ordered": dataset.ordered,
            "notes": parsed.notes,
            "sizes": {split: len(part) for split, part in parsed.sentences.items()},
            "fingerprint": dataset.fingerprint,
            "parser": parsed.parser,
        }
        settings = dict.fromkeys(run.setting for run in runs if run.setting.data == key)
        write_json_lines(_examples_file(out, dataset.name), _examples(parsed, list(settings)))
    write_json(out / EXPERIMENT_FILE, {**description, "data": known, "runs": planned})


def load_results(folder: Path) -> Results:
    """Read the folder of an experiment.

    Raises:
        StorageError: There is no experiment in it, or a file is damaged.
    """
    if not (folder / EXPERIMENT_FILE).exists():
        below = sorted(str(found.parent) for found in folder.glob(f"*/{EXPERIMENT_FILE}"))
        hint = f"; there are experiments in {', '.join(below[:8])}" if below else ""
        raise StorageError(
            f"there is no experiment in {folder}: {EXPERIMENT_FILE}, which `structnn compare` writes, "
            f"is missing{hint}"
        )
    experiment = read_json(folder / EXPERIMENT_FILE)
    by_condition: dict[Condition, list[FinishedRun]] = {}
    unfinished = []
    expected = max(1, len({entry["fold"] for entry in experiment["runs"]}))
    for entry in experiment["runs"]:
        path = folder / entry["folder"]
        if not (path / "result.json").exists():
            unfinished.append(path)
            continue
        run = FinishedRun(entry["seed"], entry["fold"], path, read_json(path / "result.json"))
        by_condition.setdefault(Condition(**entry["condition"]), []).append(run)
    cells = []
    for condition, found in by_condition.items():
        seeds = [run.seed for run in found]
        whole = [run for run in found if seeds.count(run.seed) == expected]
        if whole:
            ordered = sorted(whole, key=lambda run: (run.seed, run.fold or 0))
            cells.append(Cell(condition, tuple(ordered)))
    return Results(folder, experiment, tuple(cells), tuple(unfinished))


def _examples_file(folder: Path, data: str) -> Path:
    return folder / "examples" / f"{data.replace('/', '_')}.jsonl"


def _examples(parsed: ParsedDataset, settings: Sequence[Any]) -> list[dict[str, Any]]:
    """The test examples in the order of predictions, each with its parse."""
    folds = dict.fromkeys(setting.fold for setting in settings)
    structures = dict.fromkeys(setting.structure for setting in settings)
    rows: list[dict[str, Any]] = []
    for fold in folds:
        setting = next(setting for setting in settings if setting.fold == fold)
        # The parser's trees, whatever stands in their place in some runs.
        plain = type(setting)(data=setting.data, fold=fold)
        rows += _test_rows(view(parsed, plain), [s for s in structures if s in BROUGHT_ALONG])
    return rows


def _test_rows(data: ParsedDataset, structures: Sequence[str]) -> list[dict[str, Any]]:
    words = {word.lower() for sentence in data.sentences["train"] for word in sentence.tokens}
    texts = {example.plain_text.lower() for example in data.dataset.train}
    rows = []
    for example, sentence in zip(data.dataset.test, data.sentences["test"], strict=True):
        tree = sentence.dependencies
        unknown = sum(token.lower() not in words for token in sentence.tokens)
        others = {
            name: getattr(brought_along(example, name), tree_field(name)) for name in structures
        }
        rows.append(
            {
                "source": example.source,
                "text": example.plain_text,
                "label": example.label,
                "columns": dict(example.columns),
                "tokens": sentence.tokens,
                "heads": None if tree is None else [parent + 1 for parent in tree.parents],
                "relations": None if tree is None else tree.labels,
                "tags": sentence.tags,
                "trees": {
                    name: {"parents": one.parents, "tokens": one.tokens, "labels": one.labels}
                    for name, one in others.items()
                    if one != tree
                },
                "unknown_share": unknown / len(sentence),
                "overlap": example.plain_text.lower() in texts,
            }
        )
    return rows
