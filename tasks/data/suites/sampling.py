"""Data sets drawn at random: no example twice, and as many of each label."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tasks.data.examples import DataError, Dataset, Example
from tasks.data.questions import Question
from tasks.data.suites.phrases import Phrase, sentence_of

__all__ = [
    "Bounds",
    "Draw",
    "Drawn",
    "assemble",
    "assemble_by_bounds",
    "divide_words",
    "shares",
]

PATIENCE = 20_000
"""So many draws in a row that give nothing new mean that there is nothing more to be had."""


@dataclass(frozen=True)
class Drawn:
    """What becomes an example.

    Args:
        phrase: The words and how they hang together.
        label: The answer: a label, or another text.
        columns: What else is known of it.
        second: The second text, where the question is about pairs.
    """

    phrase: Phrase
    label: str
    columns: Mapping[str, str] = field(default_factory=dict)
    second: Phrase | None = None

    @property
    def tokens(self) -> tuple[str, ...]:
        """The words of both texts; ``||`` stands between them."""
        behind = () if self.second is None else ("||", *self.second.tokens)
        return (*self.phrase.tokens, *behind)

    def example(self, source: str, columns: Mapping[str, str]) -> Example:
        """The example, with gold trees and these columns."""
        return Example(
            self.phrase.tokens,
            self.label,
            source,
            sentence_of(self.phrase),
            columns,
            text2=None if self.second is None else self.second.tokens,
            sentence2=None if self.second is None else sentence_of(self.second),
        )


Draw = Callable[[random.Random], Sequence[Drawn]]
"""Draws examples that belong together (one, or a pair with a label each); none if it came to nothing."""


@dataclass(frozen=True)
class Bounds:
    """What the examples of a split are like.

    Args:
        split: The name of the split.
        lengths: The least and the greatest number of tokens.
        depths: The least and the greatest depth.
    """

    split: str
    lengths: tuple[int, int]
    depths: tuple[int, int]

    def hold(self, length: int, depth: int) -> bool:
        """Whether an example of this length and depth belongs to the split."""
        return (
            self.lengths[0] <= length <= self.lengths[1]
            and self.depths[0] <= depth <= self.depths[1]
        )


def assemble_by_bounds(
    name: str,
    draw: Callable[[random.Random, Bounds], Sequence[Drawn]],
    bounds: Sequence[Bounds],
    labels: Sequence[str],
    sizes: Mapping[str, int],
    *,
    seed: int,
    group: int = 1,
    question: Question | None = None,
) -> Dataset:
    """Draw a data set whose splits differ in length and depth; train and dev are like the first.

    Args:
        name: The name of the data set.
        draw: Draws examples within the bounds of a split; see :data:`Draw`.
        bounds: The splits of test.
        labels: All labels.
        sizes: The number of examples of ``train``, ``dev`` and ``test``.
        seed: Decides everything.
        group: How many examples each draw gives; see :func:`assemble`.
        question: What is asked; by default one label, of a sentence or of a pair.

    Raises:
        DataError: See :func:`assemble`.
    """

    def within(one: Bounds) -> Draw:
        return lambda rng: draw(rng, one)

    draws = [(one.split, within(one)) for one in bounds]
    parts = {part: (size, draws if part == "test" else draws[:1]) for part, size in sizes.items()}
    notes = [f"generated with seed {seed}"]
    return assemble(name, parts, labels, seed=seed, notes=notes, group=group, question=question)


def assemble(
    name: str,
    parts: Mapping[str, tuple[int, Sequence[tuple[str, Draw]]]],
    labels: Sequence[str],
    *,
    seed: int,
    notes: Sequence[str],
    group: int = 1,
    question: Question | None = None,
) -> Dataset:
    """Draw a data set.

    Args:
        name: The name of the data set.
        parts: For each of ``train``, ``dev`` and ``test`` its size, and what it is made of in equal
            shares: the name of a split, for the column ``split``, and what draws its examples.
        labels: All labels; each share has equally many examples of each, to within one. None where
            answers are texts.
        seed: Decides everything: one seed gives one data set.
        notes: What a report must say of the data.
        group: How many examples each draw gives. Those of a larger group than one are told by the
            column ``pair``.
        question: What is asked; by default one label, of a sentence or of a pair.

    Raises:
        DataError: A size that leaves a share without some label or that is no multiple of ``group``,
            or that asks for more examples than were found.
    """
    rng = random.Random(f"{name} {seed}")
    seen: set[tuple[str, ...]] = set()
    made: dict[str, tuple[Example, ...]] = {}
    for part, (size, draws) in parts.items():
        least = len(draws) * max(2, len(labels))
        if size < least or size % group:
            multiple = f" and a multiple of {group}" if group > 1 else ""
            raise DataError(
                f"{name}: the number of {part} examples must be at least {least}{multiple}, "
                f"but is {size}"
            )
    for part, (size, draws) in parts.items():
        examples: list[Example] = []
        for (split, draw), groups in zip(draws, shares(size // group, len(draws)), strict=True):
            found = _draw(draw, groups * group, labels, seen, rng)
            if len(found) < groups * group:
                raise DataError(
                    f"{name}: only {len(found)} of {groups * group} {part} examples ({split}) could be "
                    "found that are not there already; ask for fewer"
                )
            for drawn in found:
                columns = {"split": split, **drawn.columns}
                if group > 1:
                    columns["pair"] = f"{part}-{len(examples) // group}"
                examples.append(drawn.example(f"{name}/{part}:{len(examples)}", columns))
        made[part] = tuple(examples)
    return Dataset(
        name,
        made["train"],
        made["dev"],
        made["test"],
        labels=tuple(labels),
        notes=tuple(notes),
        question=question or Question(),
    )


def shares(total: int, parts: int) -> list[int]:
    """``total`` in ``parts`` that are equal to within one, the larger first."""
    least, rest = divmod(total, parts)
    return [least + (place < rest) for place in range(parts)]


def _draw(
    draw: Draw, count: int, labels: Sequence[str], seen: set[tuple[str, ...]], rng: random.Random
) -> list[Drawn]:
    """So many new examples, or fewer where no more are found; their tokens are added to ``seen``."""
    wanted: Counter[str] | None = None
    if labels:
        # The labels that get one more are drawn, so that they are not the same ones in every split.
        quota = zip(rng.sample(labels, len(labels)), shares(count, len(labels)), strict=True)
        wanted = Counter(dict(quota))
    found: list[Drawn] = []
    failures = 0
    while len(found) < count and failures < PATIENCE:
        drawn = draw(rng)
        texts = {one.tokens for one in drawn}
        own = Counter(one.label for one in drawn)
        if drawn and (wanted is None or own <= wanted) and not texts & seen:
            if wanted is not None:
                wanted.subtract(own)
            seen |= texts
            found += drawn
            failures = 0
        else:
            failures += 1
    return found


def divide_words(
    words: Mapping[str, Sequence[str]], rng: random.Random
) -> dict[str, dict[str, list[str]]]:
    """The words of each split: two thirds for train, a sixth for each of dev and test.

    Args:
        words: The words of each part of speech.
        rng: Decides which go where.
    """
    divided: dict[str, dict[str, list[str]]] = {"train": {}, "dev": {}, "test": {}}
    for slot, known in words.items():
        shuffled = rng.sample(known, len(known))
        cut = len(known) // 6
        divided["dev"][slot] = shuffled[:cut]
        divided["test"][slot] = shuffled[cut : 2 * cut]
        divided["train"][slot] = shuffled[2 * cut :]
    return divided
