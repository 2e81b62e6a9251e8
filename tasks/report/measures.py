"""What is measured of every cell of an experiment's grid, and which cells stand side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean, median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.results import Cell, Condition, Results
from tasks.statistics import (
    Comparison,
    Spread,
    accuracy_interval,
    calibration_error,
    class_f1,
    compare_pairs,
    mean_absolute_error,
    over_seeds,
)

__all__ = ["FAMILIES", "REAL_STRUCTURES", "Group", "Measured", "groups_of"]

FAMILIES = ("words alone", "sequence", "tree", "graph", "combined")
"""What an encoder reads: neither order nor structure, one of three kinds, or more than one."""

REAL_STRUCTURES = ("parse", "constituency")
"""Structures that say something of grammar; any other is a control."""


@dataclass(frozen=True)
class Measured:
    """One cell of the grid in numbers; shares and accuracies are from 0 to 1.

    Attributes:
        condition: What it is.
        family: One of ``FAMILIES``.
        structured: Whether the encoder reads a tree or a graph.
        correct: ``(seeds, examples)``, whether each prediction is right.
        guesses: For each seed its predictions.
        seeds: The seeds.
        parameters: Trained parameters of the encoder alone.
        dev: Accuracy on dev over seeds.
        test: Accuracy on test over seeds.
        low: Lower end of the interval of the test accuracy over seeds and examples.
        high: Upper end.
        macro_f1: For each seed.
        calibration_error: For each seed.
        mean_absolute_error: For each seed; None where labels are no scale.
        class_f1: For each label, the mean over seeds.
        train_speed: Median of training sentences a second.
        inference_speed: Median of sentences a second in inference.
        cell: Where it is from.
    """

    condition: Condition
    family: str
    structured: bool
    correct: NDArray[np.bool_]
    guesses: tuple[tuple[str, ...], ...]
    seeds: tuple[int, ...]
    parameters: int
    dev: Spread
    test: Spread
    low: float
    high: float
    macro_f1: tuple[float, ...]
    calibration_error: tuple[float, ...]
    mean_absolute_error: tuple[float, ...] | None
    class_f1: dict[str, float]
    train_speed: float
    inference_speed: float
    cell: Cell

    @property
    def encoder(self) -> str:
        """The encoder's name."""
        return self.condition.encoder


@dataclass(frozen=True)
class Group:
    """The encoders on equal terms: one data set, one embedding, the structure as it is, all of train.

    Attributes:
        data: The data set.
        embedding: Where word vectors are from.
        name: What to call the group: the data set, with the embedding where there are several.
        members: The cells compared, one for each encoder.
        varied: All cells of this data set and embedding, whatever structure, noise and fraction.
        labels: The labels, in order.
        gold: The label of each test example.
        ordered: Whether labels are a scale.
    """

    data: str
    embedding: str
    name: str
    members: tuple[Measured, ...]
    varied: tuple[Measured, ...]
    labels: tuple[str, ...]
    gold: tuple[str, ...]
    ordered: bool

    @cached_property
    def pairs(self) -> list[Comparison]:
        """Every two encoders compared, corrected together; none where there is only one."""
        return compare_pairs({member.encoder: member.correct for member in self.members})

    @cached_property
    def best(self) -> Measured:
        """The member with the best mean test accuracy."""
        return max(self.members, key=lambda member: member.test.mean)

    @property
    def examples(self) -> int:
        """How many test examples there are."""
        return len(self.gold)

    def best_of(self, structured: bool) -> Measured | None:
        """The best member that reads trees or graphs, or that reads sequences; None without one."""
        found = [
            member
            for member in self.members
            if member.structured == structured and member.family != FAMILIES[0]
        ]
        return max(found, key=lambda member: member.test.mean) if found else None

    def with_structures(self) -> dict[str, list[Measured]]:
        """For each encoder that was run on several structures, its cells, real structures first."""
        return self._series(
            lambda cell: cell.condition.noise == 0 and cell.condition.fraction == self._fraction,
            lambda cell: cell.condition.structure not in REAL_STRUCTURES,
        )

    def with_noise(self) -> dict[str, list[Measured]]:
        """For each encoder that was run on noisy parses, its cells by noise, none first."""
        return self._series(
            lambda cell: (
                cell.condition.structure == "parse" and cell.condition.fraction == self._fraction
            ),
            lambda cell: cell.condition.noise,
        )

    def with_fractions(self) -> dict[str, list[Measured]]:
        """For each encoder that was run on parts of train, its cells by the size of the part."""
        main = {member.encoder: member.condition for member in self.members}
        return self._series(
            lambda cell: (
                cell.condition.noise == main[cell.encoder].noise
                and cell.condition.structure == main[cell.encoder].structure
            ),
            lambda cell: cell.condition.fraction,
        )

    @property
    def _fraction(self) -> float:
        return max(member.condition.fraction for member in self.members)

    def _series(
        self, wanted: Callable[[Measured], bool], rank: Callable[[Measured], float]
    ) -> dict[str, list[Measured]]:
        series: dict[str, list[Measured]] = {}
        for cell in self.varied:
            if wanted(cell):
                series.setdefault(cell.encoder, []).append(cell)
        return {
            encoder: sorted(cells, key=rank) for encoder, cells in series.items() if len(cells) > 1
        }


def groups_of(results: Results) -> tuple[Group, ...]:
    """Measure every cell, and put side by side what can be compared.

    Raises:
        ValueError: No run has predictions on a test set.
    """
    found: dict[tuple[str, str], list[Measured]] = {}
    for cell in results.cells:
        rows = cell.predictions("test")
        if rows:
            key = (cell.condition.data, cell.condition.embedding)
            found.setdefault(key, []).append(_measure(results, cell, rows))
    if not found:
        raise ValueError(
            f"no run in {results.folder} has predictions on a test set, so there is nothing to report"
        )
    embeddings = Counter(data for data, _ in found)
    return tuple(
        _group(results, data, embedding, cells, named=embeddings[data] > 1)
        for (data, embedding), cells in found.items()
    )


def _group(
    results: Results, data: str, embedding: str, cells: list[Measured], named: bool
) -> Group:
    sizes = {cell.correct.shape[1] for cell in cells} | {len(results.examples[data])}
    if len(sizes) > 1:
        raise ValueError(
            f"the runs on {data} have predictions for {', '.join(map(str, sorted(sizes)))} examples; "
            "they are not of one test set. Delete the folders of the older ones and compare again"
        )
    members: dict[str, Measured] = {}
    for cell in sorted(cells, key=_strangeness):
        members.setdefault(cell.encoder, cell)
    known = results.data[data]
    return Group(
        data=data,
        embedding=embedding,
        name=f"{data}, {embedding}" if named else data,
        members=tuple(members[encoder] for encoder in dict.fromkeys(c.encoder for c in cells)),
        varied=tuple(cells),
        labels=tuple(known["labels"]),
        gold=tuple(row["label"] for row in results.examples[data]),
        ordered=bool(known["ordered"]),
    )


def _strangeness(cell: Measured) -> tuple[float, float, int]:
    """Least for a cell on all of train, with the structure as it is."""
    condition = cell.condition
    real = condition.structure in REAL_STRUCTURES
    rank = REAL_STRUCTURES.index(condition.structure) if real else len(REAL_STRUCTURES)
    return -condition.fraction, condition.noise, rank


def _measure(results: Results, cell: Cell, rows: list[list[dict[str, Any]]]) -> Measured:
    gold = [row["label"] for row in rows[0]]
    guesses = tuple(tuple(row["prediction"] for row in of_seed) for of_seed in rows)
    correct = np.array([[g == h for g, h in zip(gold, some, strict=True)] for some in guesses])
    confidence = [[max(row["probabilities"].values()) for row in of_seed] for of_seed in rows]
    reads = results.reads(cell.condition.encoder)
    low, high = accuracy_interval(correct)
    known = results.data[cell.condition.data]
    by_class = [class_f1(gold, some) for some in guesses]
    labels = [label for label in known["labels"] if any(label in scores for scores in by_class)]
    return Measured(
        condition=cell.condition,
        family=_family(reads),
        structured=bool(reads & {"tree", "graph"}),
        correct=correct,
        guesses=guesses,
        seeds=cell.seeds,
        parameters=int(cell.runs[0].result["parameters"]["encoder"]),
        dev=over_seeds(cell.dev),
        test=over_seeds([float(share) for share in correct.mean(1)]),
        low=low,
        high=high,
        macro_f1=tuple(fmean(scores.values()) for scores in by_class),
        calibration_error=tuple(map(calibration_error, correct, confidence)),
        mean_absolute_error=tuple(
            mean_absolute_error(gold, some, known["labels"]) for some in guesses
        )
        if known["ordered"]
        else None,
        class_f1={label: fmean(scores.get(label, 0.0) for scores in by_class) for label in labels},
        train_speed=median(run.result["train_speed"] for run in cell.runs),
        inference_speed=median(run.result["inference_speed"] for run in cell.runs),
        cell=cell,
    )


def _family(reads: frozenset[str]) -> str:
    if len(reads) > 1:
        return FAMILIES[-1]
    return next(iter(reads), FAMILIES[0])
