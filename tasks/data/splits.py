"""Dividing examples: a part held out, and folds for cross-validation.

Both are stratified by label, where an example has one label. Both keep together what belongs together
(:func:`tasks.data.examples.grouped`): examples of one cluster, such as a pair, and those with the same
words, whatever their order and case.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace

from tasks.data.examples import DataError, Dataset, Example, counted, grouped, kept_together_by

__all__ = ["check_fraction", "folds", "hold_out", "kept_together", "subsample"]

Group = list[Example]


def hold_out(
    examples: Sequence[Example], count: int, seed: int = 0, *, stratify: bool = True
) -> tuple[tuple[Example, ...], tuple[Example, ...]]:
    """Hold out about ``count`` examples, stratified by label.

    Every label keeps at least one text in the rest, so that a label with a single example is never
    held out.

    Args:
        examples: The examples to divide.
        count: Number of examples to hold out; it may be a few less, since groups stay together, or
            up to twice as many where the smallest group is that large.
        seed: Random seed of the split, which isn't that of training.
        stratify: Whether labels are looked at; not so where answers are numbers or sets of labels.

    Returns:
        The rest and the part held out, both in the order of ``examples``.

    Raises:
        DataError: ``examples`` are too few to hold any out.
    """
    kept_labels: set[str] = set()
    candidates: list[Group] = []
    for group in _groups(examples, seed, stratify):
        labels = {example.label for example in group} if stratify else set()
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
    if not held and candidates:  # groups are large: the smallest will do, if it isn't far too large
        smallest = min(candidates, key=len)
        held.update(map(id, smallest) if len(smallest) <= 2 * count else ())
    if not held:
        raise DataError(_too_few(examples, count, stratify))
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
    stratify = dataset.question.is_one_label
    groups = _groups(examples, seed, stratify)
    column = dataset.kept_together_by
    if not 2 <= k <= len(groups):
        what = (
            "different texts" if column is None else f"groups of rows with one {column!r} or text"
        )
        raise DataError(
            f"{dataset.name}: {k} folds of {len(groups)} {what} can't be made; give 2 to {len(groups)}"
        )
    labels_in = dataset.question.labels_in
    for label in dataset.labels:
        if sum(any(label in labels_in(example.label) for example in group) for group in groups) < 2:
            raise DataError(
                f"{dataset.name}: the label {label!r} has only one text"
                + ("" if column is None else f" or group of rows with one {column!r}")
                + ", which can't be in train and in test; add examples of it, or leave it out"
            )
    # Labels stand one after another, so dealing in turn is stratified to within one group.
    fold_of = {id(example): i % k for i, group in enumerate(groups) for example in group}
    for fold in range(k):
        test = tuple(example for example in examples if fold_of[id(example)] == fold)
        rest = [example for example in examples if fold_of[id(example)] != fold]
        count = max(1, round(dev_fraction * len(examples)))
        train, dev = hold_out(rest, count, seed, stratify=stratify)
        how = "stratified, " if stratify else ""
        note = f"fold {fold + 1} of {k}: {how}{kept_together(column)}, seed {seed}"
        yield replace(
            dataset,
            name=f"{dataset.name}/{fold + 1}",
            train=train,
            dev=dev,
            test=test,
            notes=(*dataset.notes, note),
        )


def kept_together(column: str | None) -> str:
    """What a split keeps together, in words.

    Args:
        column: The column that keeps examples together; None where their words alone do.
    """
    rows = "" if column is None else f" and rows with one {column!r}"
    return f"repeated texts{rows} kept together"


def subsample(
    examples: Sequence[Example], fraction: float, seed: int = 0, *, stratify: bool = True
) -> list[int]:
    """Choose a fraction of the examples, stratified by label, with at least one of each label.

    For one seed, a smaller fraction is contained in every larger one.

    Args:
        examples: The examples to choose from.
        fraction: Fraction of the examples to choose.
        seed: Random seed of the choice.
        stratify: Whether labels are looked at; see :func:`hold_out`.

    Returns:
        The places of the chosen examples, in order.

    Raises:
        DataError: They would be fewer than the labels.
    """
    check_fraction(examples, fraction, stratify=stratify)
    by_label: dict[str, list[int]] = {}
    for place, example in enumerate(examples):
        by_label.setdefault(example.label if stratify else "", []).append(place)
    generator = random.Random(seed)
    ranked: list[tuple[float, int]] = []
    for label in sorted(by_label):
        places = by_label[label]
        generator.shuffle(places)
        # Ordered by the share of their label that stands before them, any beginning is stratified.
        ranked += [(rank / len(places), place) for rank, place in enumerate(places)]
    count = round(fraction * len(examples))
    return sorted(place for _, place in sorted(ranked)[:count])


def check_fraction(examples: Sequence[Example], fraction: float, *, stratify: bool = True) -> None:
    """Make sure that a fraction of the examples can be chosen; see :func:`subsample`.

    Args:
        examples: The examples to choose from.
        fraction: Fraction of the examples to choose.
        stratify: Whether labels are looked at; if not, there has to be one example.

    Raises:
        DataError: They would be fewer than the labels.
    """
    labels = len({example.label for example in examples}) if stratify else 1
    count = round(fraction * len(examples))
    if count < labels:
        least = math.ceil(10_000 * labels / len(examples)) / 10_000
        what = f"the {labels} labels" if stratify else "one"
        raise DataError(
            f"a fraction of {fraction:g} of {len(examples)} training examples is {count}, fewer than "
            f"{what}; use a larger fraction, such as {least:g}"
        )


def _too_few(examples: Sequence[Example], count: int, stratify: bool) -> str:
    """Why so many examples can't be held out."""
    groups = grouped(examples)
    labels = len({example.label for example in examples})
    one = len(examples) == 1
    several = counted(len(examples), "example")
    if stratify:
        several += f" of {counted(labels, 'label')}"
    column = kept_together_by(examples)
    if len(groups) == len(examples):
        why = f"{several} {'is' if one else 'are'} too few to hold {count} out"
    elif column is None:
        why = (
            f"{several} are only {counted(len(groups), 'different text')}, too few to "
            f"hold {count} out: a text that is repeated stays on one side"
        )
    else:
        why = (
            f"{several} are only {counted(len(groups), 'group')} of rows with one "
            f"{column!r} or text, the largest of {max(map(len, groups))}: too few or too large to hold "
            f"{count} out, since a group stays on one side. Choose another column with --cluster, or "
            "a larger fraction"
        )
    return f"{why}; give more examples, or a file of its own for each of dev and test"


def _groups(examples: Sequence[Example], seed: int, stratify: bool) -> list[Group]:
    """Groups of examples that belong together: sorted by label, in random order for each label."""
    shuffled = grouped(examples)
    random.Random(seed).shuffle(shuffled)
    if not stratify:
        return shuffled
    return sorted(shuffled, key=lambda group: sorted({example.label for example in group}))
