"""Dividing examples: a part held out, and folds for cross-validation.

Both are stratified by label. Both keep examples with the same words together, whatever their order and
case: neither a repeated text nor two texts that are the same bag of words are on both sides of a split.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace

from tasks.data.examples import DataError, Dataset, Example

__all__ = ["folds", "hold_out", "subsample"]

Group = list[Example]


def hold_out(
    examples: Sequence[Example], count: int, seed: int = 0
) -> tuple[tuple[Example, ...], tuple[Example, ...]]:
    """Hold out about ``count`` examples, stratified by label.

    Every label keeps at least one text in the rest, so that a label with a single example is never
    held out.

    Args:
        examples: The examples to divide.
        count: Number of examples to hold out; it may be a few less, since repeated texts stay together.
        seed: Random seed of the split, which isn't that of training.

    Returns:
        The rest and the part held out, both in the order of ``examples``.

    Raises:
        DataError: ``examples`` are too few to hold any out.
    """
    kept_labels: set[str] = set()
    candidates: list[Group] = []
    for group in _groups(examples, seed):
        labels = {example.label for example in group}
        if labels <= kept_labels:
            candidates.append(group)
        kept_labels |= labels
    # Labels stand one after another, so taking groups at even steps is stratified to within one
    # example, even for labels too rare to give a whole example each.
    total = sum(map(len, candidates))
    seen, held = 0, set[int]()
    for group in candidates:
        seen += len(group)
        if len(held) + len(group) <= count * seen / total:
            held.update(map(id, group))
    if not held:
        raise DataError(
            f"{len(examples)} examples of {len(kept_labels)} labels are too few to hold {count} out; "
            "give more examples, or a file of its own for each of dev and test"
        )
    return (
        tuple(example for example in examples if id(example) not in held),
        tuple(example for example in examples if id(example) in held),
    )


def folds(dataset: Dataset, k: int, seed: int = 0, dev_fraction: float = 0.1) -> Iterator[Dataset]:
    """Data sets for ``k``-fold cross-validation: each example is in the test part of exactly one.

    All of ``dataset`` is pooled, whatever its split was. In each fold a part of what is not test is
    held out as dev.

    Args:
        dataset: The data to divide.
        k: Number of folds, at least 2.
        seed: Random seed of the folds, which isn't that of training.
        dev_fraction: Fraction of all examples to hold out as dev in each fold.

    Yields:
        The folds, named ``name/1`` to ``name/k``.

    Raises:
        DataError: Fewer than two folds or fewer texts than folds, or a label with one text only,
            which can't be both trained and tested.
    """
    examples = (*dataset.train, *dataset.dev, *dataset.test)
    groups = _groups(examples, seed)
    if not 2 <= k <= len(groups):
        raise DataError(f"{dataset.name}: {k} folds of {len(groups)} different texts can't be made")
    for label in dataset.labels:
        if sum(any(example.label == label for example in group) for group in groups) < 2:
            raise DataError(
                f"{dataset.name}: the label {label!r} has only one text, which can't be in train and "
                "in test; add examples of it, or leave it out"
            )
    # Labels stand one after another, so dealing in turn is stratified to within one group.
    fold_of = {id(example): i % k for i, group in enumerate(groups) for example in group}
    for fold in range(k):
        test = tuple(example for example in examples if fold_of[id(example)] == fold)
        rest = [example for example in examples if fold_of[id(example)] != fold]
        train, dev = hold_out(rest, max(1, round(dev_fraction * len(examples))), seed)
        note = f"fold {fold + 1} of {k}: stratified, repeated texts kept together, seed {seed}"
        yield replace(
            dataset,
            name=f"{dataset.name}/{fold + 1}",
            train=train,
            dev=dev,
            test=test,
            notes=(*dataset.notes, note),
        )


def subsample(examples: Sequence[Example], fraction: float, seed: int = 0) -> list[int]:
    """Choose a fraction of the examples, stratified by label, with at least one of each label.

    For one seed, a smaller fraction is contained in every larger one.

    Args:
        examples: The examples to choose from.
        fraction: Fraction of the examples to choose.
        seed: Random seed of the choice.

    Returns:
        The places of the chosen examples, in order.

    Raises:
        DataError: They would be fewer than the labels.
    """
    by_label: dict[str, list[int]] = {}
    for place, example in enumerate(examples):
        by_label.setdefault(example.label, []).append(place)
    generator = random.Random(seed)
    ranked: list[tuple[float, int]] = []
    for label in sorted(by_label):
        places = by_label[label]
        generator.shuffle(places)
        # Ordered by the share of their label that stands before them, any beginning is stratified.
        ranked += [(rank / len(places), place) for rank, place in enumerate(places)]
    count = round(fraction * len(examples))
    if count < len(by_label):
        raise DataError(
            f"a fraction of {fraction:g} of {len(examples)} training examples is {count}, fewer than "
            f"the {len(by_label)} labels; use a larger fraction"
        )
    return sorted(place for _, place in sorted(ranked)[:count])


def _groups(examples: Sequence[Example], seed: int) -> list[Group]:
    """Groups of examples with the same words: sorted by label, in random order for each label."""
    groups: dict[tuple[str, ...], Group] = {}
    for example in examples:
        groups.setdefault(tuple(sorted(example.plain_text.lower().split())), []).append(example)
    shuffled = list(groups.values())
    random.Random(seed).shuffle(shuffled)
    return sorted(shuffled, key=lambda group: sorted({example.label for example in group}))
