"""Examples, and data sets of training, development and test examples."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from structnn.errors import InputError
from structnn.sentence import Sentence

__all__ = ["DataError", "Dataset", "Example"]


class DataError(InputError):
    """Data that can't be used; the message says where the error is and how to correct it."""


@dataclass(frozen=True)
class Example:
    """One text and its label.

    Args:
        text: The text as written, or its tokens where the source is tokenised: a parser keeps such
            tokens one for one.
        label: The label, always a string.
        source: Where the example is from, as ``file:line``.
        sentence: The sentence with a given structure, such as a tree of the Stanford Sentiment
            Treebank; its tokens are ``text``.
        columns: Further columns of the source.

    Raises:
        DataError: No text, or no label.
    """

    text: str | tuple[str, ...]
    label: str
    source: str
    sentence: Sentence | None = None
    columns: Mapping[str, str] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        tokens = (self.text,) if isinstance(self.text, str) else self.text
        if not any(map(is_visible, tokens)):
            raise DataError(
                f"{self.source}: the text is empty; give the example a text, or remove it "
                "(no example is dropped unasked)"
            )
        if not all(map(is_visible, tokens)):
            raise DataError(
                f"{self.source}: token {list(map(is_visible, tokens)).index(False)} is empty"
            )
        if not self.label:
            raise DataError(f"{self.source}: the label is empty; give one or remove the example")

    @property
    def plain_text(self) -> str:
        """The text in one string; tokens are joined by spaces."""
        return self.text if isinstance(self.text, str) else " ".join(self.text)


@dataclass(frozen=True)
class Dataset:
    """Training, development and test examples, and the labels they have.

    Models are trained on ``train`` and selected on ``dev``; ``test`` is for the final measurement alone.
    Code that is given :meth:`without_test` can't use it for anything else.

    Args:
        name: What to call the data in a table.
        train: Training examples.
        dev: Examples for early stopping and for selecting options.
        test: Examples for the final measurement; may be empty.
        labels: Every label of the data: sorted, or from least to most where ``ordered``.
        ordered: The labels are a scale (ordinal).
        notes: What a report must say of the data, such as how they were split.
        node_labels: If trees have a label at each node, the class that each such label stands for; a
            node whose label is not in it has no class.

    Raises:
        DataError: Nothing to train on or to select on, fewer than two labels in train, or a dev or
            test example whose label train lacks.
    """

    name: str
    train: tuple[Example, ...]
    dev: tuple[Example, ...]
    test: tuple[Example, ...]
    labels: tuple[str, ...]
    ordered: bool = False
    notes: tuple[str, ...] = ()
    node_labels: Mapping[str, str] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        for split in ("train", "dev"):
            if not getattr(self, split):
                raise DataError(f"{self.name}: there are no {split} examples")
        trained = {example.label for example in self.train}
        if len(trained) < 2:
            raise DataError(
                f"{self.name}: all {len(self.train)} training examples have the label "
                f"{next(iter(trained))!r}; classification needs at least two labels"
            )
        for example in (*self.train, *self.dev, *self.test):
            if example.label not in trained:
                raise DataError(
                    f"{example.source}: the label {example.label!r} doesn't occur in train, which "
                    f"has {quote(sorted(trained))}; mend the label, or add training examples of it"
                )
            if example.label not in self.labels:
                raise DataError(
                    f"{example.source}: the label {example.label!r} isn't one of the labels given: "
                    f"{quote(self.labels)}"
                )

    def __repr__(self) -> str:
        sizes = ", ".join(
            f"{len(getattr(self, split))} {split}" for split in ("train", "dev", "test")
        )
        return f"Dataset({self.name!r}: {sizes}; {len(self.labels)} labels)"

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over names of splits, texts, labels, given trees and other columns, in order."""
        digest = hashlib.sha256(json.dumps(self.labels).encode())
        for split, example in self._examples():
            tree = example.sentence and example.sentence.constituency
            shape = tree and (tree.parents, tree.tokens, tree.labels)
            row = (split, example.text, example.label, shape, sorted(example.columns.items()))
            digest.update(json.dumps(row).encode())
            if given := example.sentence and example.sentence.dependencies:
                digest.update(json.dumps((given.parents, given.labels)).encode())
        return digest.hexdigest()

    def without_test(self) -> Dataset:
        """The same data without test examples: all that training and selection may see."""
        return replace(self, test=())

    def _examples(self) -> Iterator[tuple[str, Example]]:
        for split in ("train", "dev", "test"):
            for example in getattr(self, split):
                yield split, example


def is_visible(text: str) -> bool:
    """Whether ``text`` has anything to see: neither white space nor zero-width characters alone."""
    return any(character.isprintable() and not character.isspace() for character in text)


def quote(names: Iterable[str], limit: int = 12) -> str:
    """Names in quotation marks, for a message; those beyond ``limit`` are counted, not named."""
    quoted = [repr(name) for name in names]
    rest = f" and {len(quoted) - limit} more" if len(quoted) > limit else ""
    return ", ".join(quoted[:limit]) + rest
