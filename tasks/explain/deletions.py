"""What becomes of a prediction when words are deleted, and of a tree when its nodes are."""

from __future__ import annotations

import itertools
import math
import random
import statistics
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from tasks.explain.attributions import batch_size
from tasks.explain.case import Case, inputs_of, places_of, subtrees_of
from tasks.explain.quantities import Quantity
from tasks.models.model import SavedModel

__all__ = ["DeletionCheck", "Shorter", "Verdict", "check_deletion", "subtree_effects"]

DRAWS = 200  # random deletions to compare with
SHARE = 0.2  # of the words that are deleted at once
CONVINCING = 0.9  # of the random deletions must move the prediction less

Verdict = Literal["yes", "partly", "no", "unmoved"]


@dataclass(frozen=True)
class DeletionCheck:
    """What deleting the words of the highest attribution does, beside deleting any others.

    Attributes:
        deleted: For each method, the tokens that it puts first.
        drops: For each method, by how much the level falls without them: the probability of a label, or
            a score.
        random_drops: By how much it falls without as many tokens drawn at random: for every choice
            of them where there are few, for some two hundred otherwise.
        level: What it is with all words.
        unmoved: A smaller change of it is none.
    """

    deleted: dict[str, tuple[int, ...]]
    drops: dict[str, float]
    random_drops: tuple[float, ...]
    level: float
    unmoved: float = 0.01

    @property
    def random_mean(self) -> float:
        """The mean over random deletions."""
        return statistics.fmean(self.random_drops)

    @property
    def random_deviation(self) -> float:
        """The standard deviation over random deletions."""
        return statistics.pstdev(self.random_drops)

    def verdict(self, method: str) -> Verdict:
        """Whether the words that a method puts first are those that the prediction depends on.

        Returns:
            ``"unmoved"`` if no deletion moves the level; ``"no"`` if random words
            matter as much on average; ``"yes"`` if hardly any choice of words matters as much; else
            ``"partly"``.
        """
        drop = self.drops[method]
        if max(map(abs, (drop, *self.random_drops))) < self.unmoved:
            return "unmoved"
        if drop <= self.random_mean:
            return "no"
        first = drop >= max(self.random_drops)
        return "yes" if first or self.exceeded(method) >= CONVINCING else "partly"

    def exceeded(self, method: str) -> float:
        """The share of random deletions that move the level less than this method's."""
        return statistics.fmean(drop < self.drops[method] for drop in self.random_drops)


class Shorter:
    """What becomes of the number that is explained where some tokens are deleted.

    Args:
        model: The model.
        case: What it is asked.
        quantity: The number.
    """

    def __init__(self, model: SavedModel, case: Case, quantity: Quantity) -> None:
        self.model = model
        self.case = case
        self.quantity = quantity

    @torch.inference_mode()
    def values(self, deletions: Sequence[Collection[int]]) -> Tensor:
        """``(deletions,)``: the number without these tokens."""
        classifier = self.model.classifier
        found = [torch.empty(0)]
        size = batch_size(len(self.case.tokens))
        for begin in range(0, len(deletions), size):
            cases = [
                self.case.without(deleted, self.model)
                for deleted in deletions[begin : begin + size]
            ]
            batch, spans = inputs_of(self.model, cases).batch(np.arange(len(cases)))
            given = classifier(batch, spans)
            found.append(self.quantity(given, batch, places_of(cases)).float())
        return torch.cat(found)


def subtree_effects(shorter: Shorter) -> tuple[tuple[float | None, ...], ...]:
    """For each token of each text by how much the number falls without it and all below it.

    None for the root, and where what is below can't be deleted: see
    :meth:`tasks.explain.case.Case.can_lose`.
    """
    case = shorter.case
    subtrees: list[set[int]] = []
    for sentence, start in zip(case.sentences, case.starts, strict=False):
        tree = sentence.dependencies
        assert tree is not None
        subtrees += [{start + node for node in below} for below in subtrees_of(tree)]
    can = [token for token, below in enumerate(subtrees) if case.can_lose(below)]
    whole, *rest = shorter.values([(), *(subtrees[token] for token in can)]).tolist()
    effects = {token: whole - value for token, value in zip(can, rest, strict=True)}
    return tuple(
        tuple(effects.get(token) for token in range(begin, end))
        for begin, end in pairwise(case.starts)
    )


def check_deletion(
    attributions: dict[str, tuple[float, ...]], shorter: Shorter
) -> DeletionCheck | None:
    """Delete the words that each method puts first, and others; None where none can be.

    Args:
        attributions: For each method a number for each token of all texts.
        shorter: What becomes of the number.
    """
    case, quantity = shorter.case, shorter.quantity
    free = [token for token in range(len(case.tokens)) if case.can_lose((token,))]
    if not free:
        return None
    count = max(1, round(SHARE * len(free)))
    deleted = {
        method: tuple(sorted(_first(case, sorted(free, key=values.__getitem__)[::-1], count)))
        for method, values in attributions.items()
    }
    count = len(deleted[next(iter(deleted))])  # fewer where a text would be too short
    chosen: list[tuple[int, ...]]
    if math.comb(len(free), count) <= DRAWS:
        chosen = list(filter(case.can_lose, itertools.combinations(free, count)))
    else:
        generator = random.Random(repr(case.tokens))  # the same in every process
        draws = iter(lambda: tuple(generator.sample(free, count)), None)
        chosen = list(itertools.islice(filter(case.can_lose, draws), DRAWS))
    values = shorter.values([(), *deleted.values(), *chosen])
    whole, *rest = quantity.levels(values).tolist()
    drops = [whole - level for level in rest]
    return DeletionCheck(
        deleted,
        dict(zip(deleted, drops, strict=False)),
        tuple(drops[len(deleted) :]),
        whole,
        quantity.unmoved,
    )


def _first(case: Case, ranked: Sequence[int], count: int) -> list[int]:
    """The first so many tokens that can be deleted together."""
    chosen: list[int] = []
    for token in ranked:
        if len(chosen) < count and case.can_lose([*chosen, token]):
            chosen.append(token)
    return chosen
