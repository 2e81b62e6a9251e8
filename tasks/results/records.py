"""What the files of an experiment's folder hold: dataclasses with the names of their JSON keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields
from pathlib import Path

from structnn import ENCODERS, Tree, UnknownNameError
from tasks.data.questions import ROW_SEPARATOR, SEPARATOR, Question, number_in
from tasks.json_records import Record, as_record
from tasks.results.condition import Condition
from tasks.results.options import VerdictOptions
from tasks.results.run import RUN_AGAIN
from tasks.sealing import read_sealed
from tasks.storage import StorageError, read_json, read_json_lines
from tasks.training.epoch import Epoch

__all__ = [
    "EXPERIMENT_AGAIN",
    "KINDS",
    "DataDescription",
    "EncoderDescription",
    "ExampleDescription",
    "ExperimentDescription",
    "PlannedRun",
    "PredictedExample",
    "TreeDescription",
    "read_descriptions",
    "read_experiment",
    "read_history",
    "read_predictions",
]

EXPERIMENT_AGAIN = (
    "the command that made the experiment, given again, writes this file anew and repeats no run"
)
"""The remedy for a file of an experiment, outside of its runs, that can't be used."""

KINDS = ("words alone", "sequence", "tree", "graph", "combined")
"""The kinds of encoders, by what they read: neither order nor structure, one of three, or several."""


@dataclass(frozen=True, kw_only=True)
class PredictedExample:
    """An example with the label that a run predicts: a line of its ``test.jsonl`` or ``dev.jsonl``.

    Attributes:
        source: Where the example is from, as ``file:line``.
        text: Its text.
        label: Its label.
        prediction: The predicted one.
        probabilities: The probability of each label; empty where answers are numbers, or an example has
            several answers.
        tokens: Its tokens, where each has an answer; else None.
        nodes: The number of nodes of its tree, where each has an answer; else None.
        is_sequence: True where the answer is a text; else None.

    Raises:
        ValueError: There is not an answer for each token or node, or a probability is missing or none.
    """

    source: str
    text: str
    label: str
    prediction: str
    probabilities: Mapping[str, float]
    tokens: Sequence[str] | None = None
    nodes: int | None = None
    is_sequence: bool | None = None

    def __post_init__(self) -> None:
        if self.is_sequence:
            return
        parts = self.nodes if self.tokens is None else len(self.tokens)
        for answer in (self.label, self.prediction):
            if parts is not None:
                if len(found := answer.split(ROW_SEPARATOR)) != parts:
                    what = "nodes" if self.tokens is None else "tokens"
                    raise ValueError(f"{parts} {what} have {len(found)} answers")
                continue
            if not self.probabilities:
                number_in(answer)
            elif answer not in self.probabilities and not self._are_labels(answer):
                raise ValueError(f"the label {answer!r} has no probability")
        for label, share in self.probabilities.items():
            if not 0 <= share <= 1:
                raise ValueError(
                    f"the probability of {label!r} must be from 0 to 1, but is {share}"
                )

    def _are_labels(self, answer: str) -> bool:
        """Whether an answer is several labels, or none, all of which have a probability."""
        labels = filter(None, answer.split(SEPARATOR))
        return SEPARATOR in answer and all(label in self.probabilities for label in labels)


@dataclass(frozen=True, kw_only=True)
class TreeDescription:
    """A tree, as :class:`structnn.Tree` takes it.

    Attributes:
        parents: The parent of each node, -1 for the root.
        tokens: The token of each node, -1 where it has none.
        labels: The label of each node; None where the tree has none.
    """

    parents: Sequence[int]
    tokens: Sequence[int]
    labels: Sequence[str] | None

    @property
    def tree(self) -> Tree:
        """The tree."""
        return Tree(self.parents, self.tokens, self.labels)


@dataclass(frozen=True, kw_only=True)
class ExampleDescription:
    """A test example with its trees, a line of a file in ``examples/``.

    Heads, relations and tags are those of the parse, or of the given tree where nothing was parsed;
    None where there is neither.

    Attributes:
        source: Where it is from, as ``file:line``.
        text: Its text.
        label: Its label.
        columns: What else the data say of it.
        tokens: Its tokens.
        heads: The head of each token, from 1; 0 for the root.
        relations: The relation of each token to its head.
        tags: The part of speech of each token.
        trees: The other trees that came with the data and were read by some encoder, by the name of
            their structure.
        unknown_share: The share of its tokens that train lacks.
        overlap: Whether its text occurs in train.
        cluster: What it belongs to, see :attr:`tasks.data.examples.Example.cluster`; empty in folders
            of earlier versions.
        target_count: How often the words of its span are those of a span in train, in any case of
            letters; None where the question is not about one span, and in folders of earlier versions.

    Raises:
        ValueError: A tree has more tokens than the text, or heads, relations or tags are not as many.
    """

    source: str
    text: str
    label: str
    columns: Mapping[str, str]
    tokens: Sequence[str]
    heads: Sequence[int] | None
    relations: Sequence[str] | None
    tags: Sequence[str] | None
    trees: Mapping[str, TreeDescription] = field(default_factory=dict)
    unknown_share: float
    overlap: bool
    cluster: str = ""
    target_count: int | None = None

    def __post_init__(self) -> None:
        # Trees that can't be are found here, where it is known which line they are from.
        for tree in (self.dependencies, *(given.tree for given in self.trees.values())):
            if tree is not None and max(tree.tokens) >= len(self.tokens):
                raise ValueError(f"a tree has more tokens than the {len(self.tokens)} of the text")
        for name in ("heads", "relations", "tags"):
            values = getattr(self, name)
            if values is not None and len(values) != len(self.tokens):
                raise ValueError(f"{len(self.tokens)} tokens have {len(values)} {name}")

    @property
    def dependencies(self) -> Tree | None:
        """The tree of heads and relations; None where there is none."""
        if not self.heads:
            return None
        return Tree([head - 1 for head in self.heads], labels=self.relations)


@dataclass(frozen=True, kw_only=True)
class DataDescription:
    """A data set, in ``experiment.json``.

    Attributes:
        labels: Its labels.
        ordered: Whether they are a scale.
        notes: What must be said of the data and of how they were parsed.
        sizes: The number of examples in each split.
        fingerprint: Of all examples.
        parser: The fingerprint of the parser; None where nothing was parsed.
        majority: Its most frequent label in train; None in experiments of versions that did not save
            it.
        majority_dev: The first metric of the question on dev, if everything has this label; None
            without dev.
        question: What is asked.
    """

    labels: Sequence[str]
    ordered: bool
    notes: Sequence[str]
    sizes: Mapping[str, int]
    fingerprint: str
    parser: str | None = None
    majority: str | None = None
    majority_dev: float | None = None
    question: Question = field(default_factory=Question)


@dataclass(frozen=True, kw_only=True)
class EncoderDescription:
    """An encoder, in ``experiment.json``.

    Attributes:
        reads: The structures that it and its readout read: any of ``sequence``, ``tree`` and ``graph``.
        width: The width of its states.
        arity: How many children of a node it can read; None for any number.
    """

    reads: frozenset[str]
    width: int | None = None
    arity: int | None = None

    @property
    def structured(self) -> bool:
        """Whether it reads a tree or a graph."""
        return bool(self.reads & {"tree", "graph"})

    @property
    def kind(self) -> str:
        """One of :data:`KINDS`."""
        return KINDS[-1] if len(self.reads) > 1 else next(iter(self.reads), KINDS[0])


@dataclass(frozen=True, kw_only=True)
class PlannedRun:
    """A run, in ``experiment.json``.

    Attributes:
        folder: Its folder, below that of the experiment.
        seed: Its seed.
        fold: The number of its fold, from 1; None without folds.
        condition: What is varied.
    """

    folder: str
    seed: int
    fold: int | None
    condition: Condition


@dataclass(frozen=True, kw_only=True)
class ExperimentDescription:
    """An experiment: what ``experiment.json`` holds.

    Attributes:
        command: The command that made it.
        options: The values of its options, defaults included.
        encoders: Its encoders, by name.
        versions: The version of each package that decides the results.
        tuning: The score on dev of each trial of a search (:attr:`RunResult.dev_score
            <tasks.results.run.RunResult.dev_score>`), by the folder of what they were for.
        data: Its data sets, by name.
        runs: All runs planned.

    Raises:
        ValueError: A run is on data that are not there, or an option can't be.
    """

    command: Sequence[str] = ()
    options: Mapping[str, object] = field(default_factory=dict)
    encoders: Mapping[str, EncoderDescription]
    versions: Mapping[str, str] = field(default_factory=dict)
    tuning: Mapping[str, Sequence[float]] = field(default_factory=dict)
    data: Mapping[str, DataDescription]
    runs: Sequence[PlannedRun]

    @property
    def verdicts(self) -> VerdictOptions:
        """What is said of its differences, by its options."""
        names = [field.name for field in fields(VerdictOptions)]
        return VerdictOptions(**{n: self.options[n] for n in names if n in self.options})  # type: ignore[arg-type]

    def __post_init__(self) -> None:
        assert self.verdicts  # which refuses options that can't be
        for run in self.runs:
            if run.condition.data not in self.data:
                raise ValueError(f"a run is on {run.condition.data!r}, which is not among the data")


def read_predictions(file: Path) -> tuple[PredictedExample, ...]:
    """The predictions of a run on one split.

    Raises:
        StorageError: The file isn't there, or another version wrote it.
    """
    return _lines_of(PredictedExample, file, RUN_AGAIN)


def read_history(file: Path) -> tuple[Epoch, ...]:
    """The epochs of a run.

    Raises:
        StorageError: The file isn't there, or another version wrote it.
    """
    entries = read_json(file, RUN_AGAIN)
    if not isinstance(entries, list):
        raise StorageError(f"{file} is no list of epochs; {RUN_AGAIN}")
    return tuple(
        as_record(Epoch, entry, f"{file}: epoch {number}", RUN_AGAIN)
        for number, entry in enumerate(entries, start=1)
    )


def read_descriptions(file: Path) -> tuple[ExampleDescription, ...]:
    """The test examples of a data set, in the order of predictions.

    Raises:
        StorageError: The file isn't there, or another version wrote it.
    """
    return _lines_of(ExampleDescription, file, EXPERIMENT_AGAIN)


def _lines_of(kind: type[Record], file: Path, remedy: str) -> tuple[Record, ...]:
    return tuple(
        as_record(kind, entry, f"{file}:{line}", remedy)
        for line, entry in enumerate(read_json_lines(file, remedy), start=1)
    )


def read_experiment(file: Path) -> ExperimentDescription:
    """What was asked for in an experiment; the files of examples are checked with it.

    Raises:
        StorageError: The file isn't there, another version wrote it, or a file is not what it was.
    """
    content, seal = read_sealed(file, EXPERIMENT_AGAIN)
    seal.check(*(seal.checksums or ()))
    known = content.get("encoders") if isinstance(content, dict) else None
    for name, entry in known.items() if isinstance(known, dict) else ():
        if isinstance(entry, dict) and "arity" not in entry:
            entry["arity"] = _arity_by_option(name)
    return as_record(ExperimentDescription, content, file, EXPERIMENT_AGAIN)


def _arity_by_option(encoder: str) -> int | None:
    """The arity of an encoder of an older experiment, which did not save it: that of its option."""
    with suppress(UnknownNameError, TypeError):  # a plugin that isn't loaded when results are read
        limits: list[int] = [
            given.get("arity", ENCODERS.options(name)["arity"].default)
            for name, given in ENCODERS.parse(encoder, ">")
            if "arity" in ENCODERS.options(name)
        ]
        return min(limits, default=None)
    return None
