"""Which saved runs explain a text: those that are named, and one of each cell of an experiment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tasks.data.structures import structure_of
from tasks.models.hub import fetched
from tasks.models.model import MODEL, models_near
from tasks.results.folder import EXPERIMENT_FILE, examples_file, experiment_of
from tasks.results.records import read_descriptions, read_experiment
from tasks.storage import StorageError

__all__ = ["ChosenRuns", "choose_runs", "known_label"]


@dataclass(frozen=True)
class ChosenRuns:
    """Runs to explain a text with.

    Attributes:
        folders: The folder of each run.
        notes: What was left out, each in a sentence.
    """

    folders: tuple[Path, ...]
    notes: tuple[str, ...]


def choose_runs(folders: Sequence[Path]) -> ChosenRuns:
    """The runs in folders, each of a run or of an experiment.

    Of an experiment these are, for each encoder on each structure (and what else it varies), the first
    run that has a saved model.

    Args:
        folders: The folders, or models of the hub: see :func:`tasks.models.hub.fetched`.

    Raises:
        StorageError: A model can't be had from the hub, a folder is missing, an experiment has no saved
            model, or its description is damaged.
    """
    chosen: list[Path] = []
    notes: list[str] = []
    for folder in map(fetched, folders):
        if not folder.is_dir():
            raise StorageError(
                f"there is no folder {folder}: give folders of runs or of an experiment, then the text"
                f"{models_near(folder)}"
            )
        if (folder / MODEL).exists() or not (folder / EXPERIMENT_FILE).exists():
            chosen.append(folder)  # where there is no model either, reading it says what is there
            continue
        found = _of_experiment(folder)
        chosen += found.folders
        notes += found.notes
    return ChosenRuns(tuple(dict.fromkeys(chosen)), tuple(notes))


def _of_experiment(folder: Path) -> ChosenRuns:
    chosen: dict[object, Path] = {}
    without: dict[object, str] = {}
    unreadable = 0
    for planned in read_experiment(folder / EXPERIMENT_FILE).runs:
        condition, run = planned.condition, folder / planned.folder
        if not structure_of(condition.structure).of_new_text:
            unreadable += 1
        elif (run / MODEL).exists():
            chosen.setdefault(condition, run)
        else:
            without.setdefault(condition, f"{condition.encoder} on {condition.structure}")
    missing = [name for condition, name in without.items() if condition not in chosen]
    notes = []
    if missing:
        notes.append(f"Left out, as there is no saved model yet: {', '.join(missing)}.")
    if unreadable:
        notes.append(
            "Left out, as no parser makes such structures of new text: the runs on constituency trees, "
            "enhanced dependencies or graphs of the data."
        )
    if not chosen:
        why = " ".join(notes) or "It has no runs."
        raise StorageError(f"no run of the experiment in {folder} can explain a text. {why}")
    return ChosenRuns(tuple(chosen.values()), tuple(notes))


def known_label(run: Path, text: str) -> str | None:
    """The label of a text that is a test example of a run's experiment; None for any other text.

    Args:
        run: The folder of the run.
        text: The text.
    """
    file = experiment_of(run)
    if file is None:
        return None
    try:
        for planned in read_experiment(file).runs:
            if (file.parent / planned.folder).resolve() == run.resolve():
                rows = read_descriptions(file.parent / examples_file(planned.condition.data))
                labels = {row.label for row in rows if row.text == text}
                return labels.pop() if len(labels) == 1 else None
    except StorageError:
        pass  # an explanation needs the model alone
    return None
