"""What becomes of a prediction when words are deleted, and of a tree when its nodes are."""

from __future__ import annotations

import itertools
import math
import random
import statistics
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from parsers import narrowed
from structnn import Sentence, Tree
from tasks.explain.attributions import batch_size, log_odds_of
from tasks.models.model import SavedModel
from tasks.training.evaluation import predict_scores

__all__ = ["DeletionCheck", "Shorter", "Verdict", "check_deletion", "subtree_effects", "without"]

DRAWS = 200  # random deletions to compare with
SHARE = 0.2  # of the words that are deleted at once
CONVINCING = 0.9  # of the random deletions must move the prediction less
UNMOVED = 0.01  # a smaller change of the probability is none

Verdict = Literal["yes", "partly", "no", "unmoved"]


@dataclass(frozen=True)
class DeletionCheck:
    """What deleting the words of the highest attribution does, beside deleting any others.

    Attributes:
        deleted: For each method, the tokens that it puts first.
        drops: For each method, by how much the probability of the label falls without them.
        random_drops: By how much it falls without as many tokens drawn at random: for every choice
            of them where there are few, for some two hundred otherwise.
    """

    deleted: dict[str, tuple[int, ...]]
    drops: dict[str, float]
    random_drops: tuple[float, ...]

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
            ``"unmoved"`` if no deletion moves the probability by a point; ``"no"`` if random words
            matter as much on average; ``"yes"`` if hardly any choice of words matters as much; else
            ``"partly"``.
        """
        drop = self.drops[method]
        if max(map(abs, (drop, *self.random_drops))) < UNMOVED:
            return "unmoved"
        if drop <= self.random_mean:
            return "no"
        first = drop >= max(self.random_drops)
        return "yes" if first or self.exceeded(method) >= CONVINCING else "partly"

    def exceeded(self, method: str) -> float:
        """The share of random deletions that move the prediction less than this method's."""
        return statistics.fmean(drop < self.drops[method] for drop in self.random_drops)


def without(sentence: Sentence, deleted: Collection[int], arity: int | None = None) -> Sentence:
    """A sentence with some tokens less, whose dependencies are a tree again.

    What hangs on a deleted token is attached to the nearest token above it that is left, and keeps
    its relation. Where none is left above, the first such token takes the place of the root, with its
    relation, and the others are attached to it.

    Args:
        sentence: It has dependencies.
        deleted: The tokens to delete; not all.
        arity: For encoders that take at most so many children: see :func:`parsers.narrowed`.
    """
    tree = sentence.dependencies
    assert tree is not None
    kept = [token for token in range(len(sentence)) if token not in deleted]
    place = {token: index for index, token in enumerate(kept)}

    def head(token: int) -> int:
        above = tree.parents[token]
        while above in deleted:
            above = tree.parents[above]
        return place.get(above, -1)

    parents = [head(token) for token in kept]
    labels = [tree.labels[token] for token in kept] if tree.labels is not None else None
    root, *others = (token for token, parent in enumerate(parents) if parent == -1)
    for token in others:
        parents[token] = root
    if labels is not None and tree.labels is not None:
        labels[root] = tree.labels[tree.root]
    shorter = Tree(parents, labels=labels)
    if arity is not None:
        shorter = narrowed(shorter, arity)

    def rest(values: Sequence[str] | None) -> list[str] | None:
        return None if values is None else [values[token] for token in kept]

    return Sentence(
        [sentence.tokens[token] for token in kept],
        dependencies=shorter,
        tags=rest(sentence.tags),
        lemmas=rest(sentence.lemmas),
    )


class Shorter:
    """What the model makes of a sentence without some of its tokens.

    Args:
        model: The model.
        sentence: The sentence.
        label: The number of the label.
    """

    def __init__(self, model: SavedModel, sentence: Sentence, label: int) -> None:
        self.model = model
        self.sentence = sentence
        self.label = label
        self.arity = model.classifier.encoder.arity

    def log_odds(self, deletions: Sequence[Collection[int]]) -> Tensor:
        """``(deletions,)``: the log-odds of the label without these tokens."""
        found = [torch.empty(0)]
        size = batch_size(len(self.sentence))
        for begin in range(0, len(deletions), size):
            chunk = deletions[begin : begin + size]
            sentences = [without(self.sentence, deleted, self.arity) for deleted in chunk]
            scores = predict_scores(self.model.classifier, self.model.inputs(sentences))
            found.append(log_odds_of(scores, self.label))
        return torch.cat(found)


def subtree_effects(tree: Tree, shorter: Shorter) -> tuple[float | None, ...]:
    """For each node by how much the log-odds fall without it and all below it; None for the root."""
    subtrees: list[set[int]] = [{node} for node in range(len(tree))]
    for node in reversed(tree.top_down[1:]):
        subtrees[tree.parents[node]] |= subtrees[node]
    whole, *rest = shorter.log_odds([(), *(subtrees[node] for node in tree.top_down[1:])]).tolist()
    effects = {
        node: whole - log_odds for node, log_odds in zip(tree.top_down[1:], rest, strict=True)
    }
    return tuple(effects.get(node) for node in range(len(tree)))


def check_deletion(
    sentence: Sentence, attributions: dict[str, tuple[float, ...]], shorter: Shorter
) -> DeletionCheck | None:
    """Delete the words that each method puts first, and others; None where there is but one word."""
    size = len(sentence)
    if size == 1:
        return None
    count = max(1, round(SHARE * size))
    deleted = {
        method: tuple(sorted(sorted(range(size), key=values.__getitem__)[-count:]))
        for method, values in attributions.items()
    }
    chosen: list[tuple[int, ...]]
    if math.comb(size, count) <= DRAWS:
        chosen = list(itertools.combinations(range(size), count))
    else:
        generator = random.Random(repr(sentence.tokens))  # the same in every process
        chosen = [tuple(generator.sample(range(size), count)) for _ in range(DRAWS)]
    whole, *rest = shorter.log_odds([(), *deleted.values(), *chosen]).sigmoid().tolist()
    drops = [whole - probability for probability in rest]
    random_drops = tuple(drops[len(deleted) :])
    return DeletionCheck(deleted, dict(zip(deleted, drops, strict=False)), random_drops)
