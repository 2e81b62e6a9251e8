"""A run and its result, and what its folder says of both."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import cast

import structnn
from structnn import ENCODERS, UnknownNameError
from tasks.data.parsing import ParsedDataset
from tasks.data.setting import Setting, parser_of
from tasks.folders import encoder_folder, folder_name
from tasks.json_records import as_record, earlier
from tasks.models.options import ModelOptions
from tasks.models.start import fingerprint_of_start
from tasks.sealing import read_sealed, write_sealed
from tasks.storage import StorageError
from tasks.training.options import TrainingOptions

__all__ = [
    "RUN_AGAIN",
    "Run",
    "RunResult",
    "describe",
    "finished",
    "read_result",
    "seed_of",
    "versions",
    "write_result",
]

RUN_AGAIN = "delete that folder, and this run is made again"
"""The remedy for a file in a run's folder that can't be used."""

READ_AGAIN = ("run.json", "history.json", "dev.jsonl", "test.jsonl")
"""The files of a finished run that are read beside its result when results are."""

SEALED = (*READ_AGAIN, "model.json", "weights.safetensors")
"""The files whose checksums are in ``result.json``."""


@dataclass(frozen=True)
class Run:
    """What is trained, and how; two equal runs on the same data give the same result.

    Args:
        model: What the classifier is made of.
        training: How it is trained.
        seed: Decides weights, dropout and the order of the examples.
        setting: What it sees of the data.
        trial: Its number, where it is a trial of a search for options: then it sees no test example.
    """

    model: ModelOptions
    training: TrainingOptions
    seed: int
    setting: Setting = field(default_factory=Setting)
    trial: int | None = None

    @property
    def folder(self) -> Path:
        """Where its result goes, below the folder of the experiment."""
        names = ["tuning"] if self.trial is not None else []
        names += self.setting.folders
        if self.model.embedding != "learned":
            names.append(folder_name(f"embedding={self.model.embedding}"))
        if self.model.init is not None:
            names.append(folder_name(f"init={self.model.init}"))
        names.append(encoder_folder(self.model.encoder))
        names.append(f"seed-{self.seed}" if self.trial is None else f"trial-{self.trial}")
        return Path(*names)


@dataclass(frozen=True)
class RunResult:
    """The result of a run, as in its ``result.json``.

    Attributes:
        folder: The run's folder, below that of the experiment; not in the file.
        parameters: Trained parameters of the embedding, the encoder and the head.
        dev_score: The first metric of the question (:func:`tasks.metrics.metrics_for`; accuracy for
            one label) on dev, after the epoch that was kept. Version 0.5 and before wrote it as
            ``dev_accuracy``, and the next as ``test_accuracy``.
        test_score: The same on test; None where there is no test set.
        best_epoch: The epoch that was kept.
        epochs: How many there were.
        train_speed: Training sentences a second, evaluation left out.
        inference_speed: Sentences a second, in large batches, collation included.
        node_accuracy: The share of labelled nodes of test (or dev) trees that is right; None unless
            nodes were supervised.
        words_with_vectors: Share of the data's words that a given table knows, or the language model
            from which the run began; None if learned.

    Raises:
        ValueError: The encoder has no number of parameters, or a score is out of range.
    """

    folder: Path
    parameters: Mapping[str, int]
    dev_score: float = field(metadata=earlier("dev_accuracy"))
    test_score: float | None = field(metadata=earlier("test_accuracy"))
    best_epoch: int
    epochs: int
    train_speed: float
    inference_speed: float
    node_accuracy: float | None
    words_with_vectors: float | None

    def __post_init__(self) -> None:
        if "encoder" not in self.parameters:
            raise ValueError("parameters has no number for the encoder")
        for name in ("dev_score", "test_score"):
            share = getattr(self, name)
            if share is not None and not -1 <= share <= 1:  # below 0 are correlations alone
                raise ValueError(f"{name} must be from 0 to 1, but is {share}")


def finished(run: Run, data: ParsedDataset, out: Path) -> RunResult | None:
    """The result of this run if it is in the folder already, else None; see :func:`execute`.

    Raises:
        ValueError: The folder holds a run with other options or on other data.
        StorageError: A file in it can't be read.
    """
    folder = out / run.folder
    if not (folder / "run.json").exists():
        if (folder / "result.json").exists():
            raise StorageError(f"{folder / 'run.json'} is not there; {RUN_AGAIN}")
        return None
    found, _ = read_sealed(folder / "run.json", RUN_AGAIN)
    _check_same(found, describe(run, data), folder)
    if not (folder / "result.json").exists():
        return None
    return read_result(out, run.folder)


def read_result(out: Path, folder: Path) -> RunResult:
    """Read the result of a run, and check the files that its tables, figures and tests are made of.

    The weights are checked by who reads them: see :func:`tasks.models.model.load_model`.

    Args:
        out: The folder of the experiment.
        folder: That of the run, below it.

    Raises:
        StorageError: There is no ``result.json``, another version of structnn wrote it, or a file is
            not what it was when the run ended.
    """
    file = out / folder / "result.json"
    content, seal = read_sealed(file, RUN_AGAIN)
    result = as_record(RunResult, content, file, RUN_AGAIN, folder=folder)
    seal.check(*READ_AGAIN)
    return result


def write_result(out: Path, result: RunResult) -> None:
    """Write ``result.json`` into the run's folder, with the checksums of the other files."""
    content = {name: value for name, value in vars(result).items() if name != "folder"}
    write_sealed(out / result.folder / "result.json", content, SEALED)


def seed_of(folder: Path) -> int:
    """The seed in the ``run.json`` of a run's folder.

    Raises:
        StorageError: It can't be read, or has no seed.
    """
    file = folder / "run.json"
    content, _ = read_sealed(file, RUN_AGAIN)
    seed = content.get("seed") if isinstance(content, dict) else None
    if type(seed) is not int:
        raise StorageError(f"{file} names no seed; {RUN_AGAIN}")
    return seed


def describe(run: Run, data: ParsedDataset) -> dict[str, object]:
    """What ``run.json`` says: all that decides the result."""
    description: dict[str, object] = {
        "model": asdict(run.model),
        "training": asdict(run.training),
        "seed": run.seed,
        "data": {
            "name": data.dataset.name,
            "fingerprint": data.dataset.fingerprint,
            "parser": parser_of(data, run.setting),
            "cluster": None if run.setting.fold is None else data.dataset.kept_together_by,
            **{name: value for name, value in asdict(run.setting).items() if name != "data"},
        },
        "versions": versions(),
    }
    if run.model.init is not None:
        model = {**asdict(run.model), "init_fingerprint": fingerprint_of_start(run.model)}
        description["model"] = model
    # As it will be read back: JSON has no tuples.
    return cast(dict[str, object], json.loads(json.dumps(description)))


def versions() -> dict[str, str]:
    """The versions of Python and of the packages that decide a result."""
    # structnn's own as it is imported: what is installed may be another.
    found = {"python": platform.python_version(), "structnn": structnn.__version__}
    for package in ("torch", "torch-geometric", "stanza"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:  # used from a checkout
            found[package] = "not installed"
    return found


def _check_same(found: object, wanted: Mapping[str, object], folder: Path) -> None:
    _match_spelling(found, wanted)
    differences = [
        f"{section}.{name} {_change(name, was, value)}"
        for section in ("model", "training", "data")
        for name, value in _part(wanted, section).items()
        if (was := _part(found, section).get(name, _DEFAULTS[section].get(name))) != value
    ]
    if differences:
        raise ValueError(
            f"{folder} holds a run with other options: {'; '.join(differences)}. "
            "Give another --out, or delete that folder"
        )


def _change(name: str, was: object, value: object) -> str:
    """How an option of a run changed; what a fingerprint is of, since its digits say nothing."""
    what = _FINGERPRINTS.get(name)
    if what is None or not (isinstance(was, str) and isinstance(value, str)):
        return f"was {was!r} and is now {value!r}"
    return f"was {was[:12]}... and is now {value[:12]}..., so {what}"


_FINGERPRINTS = {
    "fingerprint": "the examples are not the same, or are split otherwise",
    "init_fingerprint": "the language model in that folder is not the same",
}


_DEFAULTS: Mapping[str, Mapping[str, object]] = {
    "model": {field.name: field.default for field in fields(ModelOptions)},
    "training": {field.name: field.default for field in fields(TrainingOptions)},
    "data": {},
}
"""What a run of an earlier version, which lacked an option, was made with."""


def _match_spelling(found: object, wanted: Mapping[str, object]) -> None:
    """Where two descriptions spell one encoder in two ways, as ``gat( heads=4)``, make it one."""
    there, here = _part(found, "model"), _part(wanted, "model")
    with suppress(UnknownNameError):  # what an earlier version accepted
        one, other = (ENCODERS.canonical(str(part.get("encoder")), ">") for part in (there, here))
        if one == other:
            there["encoder"] = here["encoder"]


def _part(description: object, section: str) -> dict[str, object]:
    """A section of what :func:`describe` gave, or of a file; empty if it has none."""
    found = description.get(section) if isinstance(description, Mapping) else None
    return found if isinstance(found, dict) else {}
