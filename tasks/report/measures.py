"""What is measured of every cell of an experiment's grid, and which cells stand side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations
from statistics import fmean, median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.results.condition import Condition
from tasks.results.families import Pair, comparisons_in, on_equal_terms, usual
from tasks.results.folder import Cell, Results
from tasks.results.statistics import (
    Comparison,
    Spread,
    accuracy_interval,
    calibration_error,
    class_f1,
    mean_absolute_error,
    over_seeds,
)

__all__ = ["FAMILIES", "Group", "Measured", "groups_of"]

FAMILIES = ("words alone", "sequence", "tree", "graph", "combined")
"""What an encoder reads: neither order nor structure, one of three kinds, or more than one."""


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
        usual: What the members have in common.
        members: The cells compared, one for each encoder.
        varied: All cells of this data set and embedding, whatever structure, noise and fraction.
        comparisons: What was compared: see :mod:`tasks.results.families`.
        labels: The labels, in order.
        gold: The label of each test example.
        ordered: Whether labels are a scale.
    """

    data: str
    embedding: str
    name: str
    usual: Condition
    members: tuple[Measured, ...]
    varied: tuple[Measured, ...]
    comparisons: Mapping[Pair, Comparison]
    labels: tuple[str, ...]
    gold: tuple[str, ...]
    ordered: bool

    @property
    def pairs(self) -> list[tuple[Measured, Measured, Comparison]]:
        """Every two encoders, compared; none where there is only one."""
        return [(*pair, self.between(*pair)) for pair in combinations(self.members, 2)]

    def between(self, one: Measured, other: Measured) -> Comparison:
        """The comparison of two cells, the one less the other."""
        pair = one.condition, other.condition
        if pair in self.comparisons:
            return self.comparisons[pair]
        return self.comparisons[pair[::-1]].the_other_way_round()

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
        """For each encoder that was run on several structures, its cells, the usual one first."""
        return self._series(
            "structure", lambda cell: cell.condition.structure != self.usual.structure
        )

    def with_noise(self) -> dict[str, list[Measured]]:
        """For each encoder that was run on noisy parses, its cells by noise, none first."""
        return self._series("noise", lambda cell: cell.condition.noise, structure="parse")

    def with_fractions(self) -> dict[str, list[Measured]]:
        """For each encoder that was run on parts of train, its cells by the size of the part."""
        return self._series("fraction", lambda cell: cell.condition.fraction)

    def _series(
        self, varied: str, rank: Callable[[Measured], float], **usually: Any
    ) -> dict[str, list[Measured]]:
        """For each encoder its cells that are as usual but for what was varied."""
        structured = {cell.encoder for cell in self.varied if cell.structured}
        plain = replace(self.usual, **usually)
        series: dict[str, list[Measured]] = {}
        for cell in self.varied:
            if on_equal_terms(cell.condition, plain, structured, varied):
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
    embeddings = Counter(data for data, _ in found)
    groups: list[Group] = []
    for (data, embedding), cells in found.items():
        _check_one_test_set(results, data, cells)
        whole = [cell.condition for key in found if key[0] == data for cell in found[key]]
        plain = replace(usual(whole), embedding=embedding)
        members = [c for c in cells if on_equal_terms(c.condition, plain, results.structured)]
        known = results.data[data]
        if members:
            group = Group(
                data=data,
                embedding=embedding,
                name=f"{data}, {embedding}" if embeddings[data] > 1 else data,
                usual=plain,
                members=tuple(members),
                varied=tuple(cells),
                comparisons=comparisons_in(results.families),
                labels=tuple(known["labels"]),
                gold=tuple(row["label"] for row in results.examples[data]),
                ordered=bool(known["ordered"]),
            )
            groups.append(group)
    if not groups:
        raise ValueError(
            f"no run in {results.folder} has predictions on a test set, so there is nothing to report"
        )
    return tuple(groups)


def _check_one_test_set(results: Results, data: str, cells: list[Measured]) -> None:
    sizes = {cell.correct.shape[1] for cell in cells} | {len(results.examples[data])}
    if len(sizes) > 1:
        raise ValueError(
            f"the runs on {data} have predictions for {', '.join(map(str, sorted(sizes)))} examples; "
            "they are not of one test set. Delete the folders of the older ones and compare again"
        )
    if sizes == {1}:
        raise ValueError(f"the test set of {data} has one example, which allows no comparison")


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
