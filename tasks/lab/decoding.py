"""How long a sequence a decoder can write: with attention, and from one vector."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from structnn import SequenceHead
from tasks.data.examples import Dataset
from tasks.data.options import ParserOptions
from tasks.data.parsing import ParsedDataset, parse_dataset
from tasks.data.setting import Setting, view
from tasks.data.suites.transduction import SYMBOLS
from tasks.lab.alignment import measure_alignment
from tasks.lab.curves import Array
from tasks.lab.experiments import Measured
from tasks.lab.words import share
from tasks.metrics import chosen_metric
from tasks.models.model import SavedModel
from tasks.models.options import ModelOptions
from tasks.models.preparation import prepare
from tasks.training.checkpoint import CHECKPOINT
from tasks.training.loop import train
from tasks.training.options import TrainingOptions

__all__ = [
    "DecodingSummary",
    "decoding_in_words",
    "decoding_row",
    "measure_decoding",
    "train_decoder",
    "with_trees",
]

BITS = math.log2(len(SYMBOLS))
"""Of a symbol."""


@dataclass(frozen=True)
class DecodingSummary:
    """What of one run is drawn and said.

    Attributes:
        name: The encoder and the decoder.
        seed: Its seed.
        width: The width of the decoder's states; without attention, of all that it knows of a source.
        attends: Whether it has attention.
        lengths: The lengths of sources, ascending.
        right: At each length the share of sequences that are right throughout.
        within: The share of those that are no longer than in train.
        beyond: The share of longer ones; NaN if there are none.
        reach: The largest length up to which, at every length, half of the sequences or more are right;
            0 if there is none.
    """

    name: str
    seed: int
    width: int
    attends: bool
    lengths: Array
    right: Array
    within: float
    beyond: float
    reach: int

    @property
    def label(self) -> str:
        """What it is called beside others."""
        return f"{self.name}, {self.width} wide"


def with_trees(dataset: Dataset) -> ParsedDataset:
    """A suite with its own trees."""
    return view(parse_dataset(dataset, None), Setting(structure="given"))


def train_decoder(
    options: ModelOptions,
    data: ParsedDataset,
    training: TrainingOptions,
    seed: int,
    on_epoch: Callable[[], None] | None = None,
) -> SavedModel:
    """Train a decoder on a suite; the epoch with the most sequences of dev right is kept.

    Args:
        options: What the model is made of.
        data: See :func:`with_trees`.
        training: How it is trained.
        seed: Decides weights and the order of the examples.
        on_epoch: Called after each epoch.
    """
    question, answers = data.dataset.question, data.dataset.answers
    prepared = prepare(options, data, seed=seed, parser=ParserOptions(), pretrained=None)
    with tempfile.TemporaryDirectory() as folder:
        train(
            prepared.model.classifier,
            {split: prepared.inputs[split] for split in ("train", "dev")},
            {split: answers(split) for split in ("train", "dev")},
            training,
            seed=seed,
            checkpoint=Path(folder) / CHECKPOINT,
            metric=chosen_metric(training.select, question, ()),
            on_epoch=None if on_epoch is None else lambda _: on_epoch(),
        )
    return prepared.model


def measure_decoding(
    model: SavedModel, seed: int, dataset: Dataset
) -> tuple[Measured, DecodingSummary]:
    """Write the targets of a suite's test examples, and count by length what is right.

    Args:
        model: The model.
        seed: Its seed.
        dataset: ``copy`` or ``reversal``; its training examples say how long those of train are.

    Returns:
        A table with a row for each example (``sentence``, ``length``, ``right``); what is made of it.

    Raises:
        ValueError: The run is not answered by a sequence.
    """
    name = f"{model.options.encoder}>{model.options.decoder}"
    table, found = measure_alignment(name, seed, model, dataset.test, dataset.name)
    head = model.classifier.head
    assert isinstance(head, SequenceHead)  # else nothing was measured
    longest = max(len(example.text) for example in dataset.train)
    half = np.flatnonzero(found.right < 0.5)
    reached = found.lengths[: half[0]] if len(half) else found.lengths
    length, right = table.columns["length"], table.columns["right"]
    beyond = right[length > longest]
    summary = DecodingSummary(
        name=name,
        seed=seed,
        width=head.decoder.output_dim,
        attends=head.decoder.has_alignment,
        lengths=found.lengths,
        right=found.right,
        within=float(right[length <= longest].mean()),
        beyond=float(beyond.mean()) if len(beyond) else math.nan,
        reach=int(reached[-1]) if len(reached) else 0,
    )
    rows = {column: table.columns[column] for column in ("sentence", "length", "right")}
    return Measured(summary.label, seed, rows), summary


def decoding_row(summary: DecodingSummary) -> list[str]:
    """The name, the seed, what is right up to the lengths of train and beyond, and the reach."""
    beyond = "" if math.isnan(summary.beyond) else share(summary.beyond)
    return [
        summary.name,
        str(summary.width),
        str(summary.seed),
        share(summary.within),
        beyond,
        str(summary.reach),
    ]


def decoding_in_words(summaries: Sequence[DecodingSummary], longest: int) -> list[str]:
    """What is right with attention, and how much one vector holds.

    Args:
        summaries: The runs.
        longest: The largest length in train.
    """
    lines = []
    for one in summaries:
        line = f"{one.label}, seed {one.seed}: {share(one.within)} are right up to length {longest}"
        if not math.isnan(one.beyond):
            line += f", {share(one.beyond)} beyond"
        up_to = (
            f"at every length up to {one.reach}" if one.reach else "at no length from the least on"
        )
        lines.append(f"{line}; half or more are right {up_to}")
    reach: dict[int, list[int]] = {}
    for one in summaries:
        if not one.attends:
            reach.setdefault(one.width, []).append(one.reach)
    if reach:
        held = ", ".join(
            f"{np.mean(reached):.3g} symbols ({BITS * np.mean(reached):.0f} bits) at {width}"
            for width, reached in sorted(reach.items())
        )
        lines.append(f"without attention all goes through one vector, which is enough for {held}")
    return lines
