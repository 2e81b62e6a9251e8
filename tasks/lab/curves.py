"""Measurements by distance: means over words, and how they differ from seed to seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = [
    "VANISHED",
    "Array",
    "Curve",
    "curve_of",
    "factor_per_step",
    "largest_is_one",
    "radius_of",
    "vanishes_at",
]

Array = np.ndarray[Any, np.dtype[Any]]

VANISHED = 0.01
"""Below this share of the largest, a gradient counts as vanished."""


@dataclass(frozen=True)
class Curve:
    """Means by distance, of which the largest is 1, except for differences between seeds.

    Attributes:
        distances: Ascending.
        means: At each distance, the mean over seeds of each seed's mean.
        lowest: The least of the seeds.
        highest: The greatest of the seeds.
        counts: How many words each mean is of, in one seed.
    """

    distances: Array
    means: Array
    lowest: Array
    highest: Array
    counts: Array

    def at(self, distance: int) -> float | None:
        """The mean at a distance, None where there is none."""
        (place,) = np.nonzero(self.distances == distance)
        return float(self.means[place[0]]) if len(place) else None


def largest_is_one(values: Array, groups: Array) -> Array:
    """Values as shares of the largest of their group; zeros where all of a group are zero.

    Args:
        values: ``(words,)``, not negative.
        groups: ``(words,)``, the number of each one's group, a sentence say.
    """
    largest = np.zeros(int(groups.max()) + 1)
    np.maximum.at(largest, groups, values)
    largest = largest[groups]
    return np.divide(values, largest, out=np.zeros_like(values), where=largest > 0)


def curve_of(
    values: Sequence[Array], distances: Sequence[Array], groups: Sequence[Array], least: int
) -> Curve:
    """Means by distance over words, then over seeds, as shares of the largest mean.

    Args:
        values: For each seed ``(words,)``.
        distances: For each seed ``(words,)``.
        groups: For each seed ``(words,)``, the number of each word's sentence.
        least: Distances that fewer sentences have are left out: the mean would be of these alone.
    """
    per_seed: list[dict[int, float]] = []
    counts: dict[int, int] = {}
    for value, distance, group in zip(values, distances, groups, strict=True):
        means = {}
        for d in np.unique(distance).tolist():
            at = distance == d
            if len(np.unique(group[at])) >= least:
                means[d] = float(value[at].mean())
                counts[d] = int(at.sum())
        per_seed.append(means)
    shared = sorted(set.intersection(*(set(means) for means in per_seed)))
    table = np.array([[means[d] for d in shared] for means in per_seed])  # (seeds, distances)
    if not shared:
        table = np.zeros((len(per_seed), 0))
    scale = table.mean(0).max(initial=0.0)
    table = table / scale if scale > 0 else table
    return Curve(
        distances=np.array(shared, dtype=np.int64),
        means=table.mean(0),
        lowest=table.min(0),
        highest=table.max(0),
        counts=np.array([counts[d] for d in shared], dtype=np.int64),
    )


def vanishes_at(curve: Curve, share: float = VANISHED) -> int | None:
    """The distance from which on all means are below this share of the largest; None for nowhere.

    Distances on the near side of the largest are not looked at.
    """
    if len(curve.means) == 0:
        return None
    alive = np.flatnonzero(curve.means >= share)
    behind = int(alive[-1]) + 1
    return int(curve.distances[behind]) if behind < len(curve.distances) else None


def factor_per_step(curve: Curve) -> float | None:
    """By what the mean is multiplied with each step of distance: a straight line through its logarithm.

    Fitted by least squares to the means that are not zero; None for fewer than three of them.
    """
    alive = curve.means > 0
    if alive.sum() < 3:
        return None
    slope = np.polyfit(curve.distances[alive], np.log(curve.means[alive]), 1)[0]
    return float(np.exp(slope))


def radius_of(curve: Curve, share: float = 0.9) -> int | None:
    """The least distance within which so large a share of all there is lies; None for nothing.

    Counted with the number of words at each distance.
    """
    mass = np.bincount(np.abs(curve.distances), weights=curve.means * curve.counts)
    within = np.cumsum(mass)
    if len(within) == 0 or within[-1] == 0:
        return None
    return int(np.searchsorted(within, share * within[-1]))
