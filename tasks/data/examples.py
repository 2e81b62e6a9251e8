"""Examples, and data sets of training, development and test examples."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property

from structnn.arcs import tree_of
from structnn.errors import InputError
from structnn.sentence import Sentence
from tasks.data.questions import Question, Span, in_one_string, number_in, with_marks, without_marks

__all__ = [
    "PAIR",
    "DataError",
    "Dataset",
    "Example",
    "check_spans",
    "counted",
    "grouped",
    "kept_together_by",
    "marked_spans",
]

PAIR = "pair"
"""The column that says which examples belong together, where no other is chosen."""

_MOST_STEPS = 10_000  # of a scale: each has a score
_GREATEST = 1e150  # of numbers: their squares are summed


class DataError(InputError):
    """Data that can't be used; the message says where the error is and how to correct it."""


def check_spans(spans: Sequence[Span], text: str | Sequence[str], where: str) -> None:
    """Check that spans lie in their text.

    Args:
        spans: The spans.
        text: The text, or its tokens.
        where: What has them, such as its file and line, for the message.

    Raises:
        DataError: One does not.
    """
    for begin, end in spans:
        if not 0 <= begin < end <= len(text):
            unit = "characters" if isinstance(text, str) else "tokens"
            raise DataError(
                f"{where}: a span is from {begin} to {end}, but the text has "
                f"{len(text)} {unit}; a span begins at 0 or later and ends behind its last one"
            )


def marked_spans(
    text: str | Sequence[str], question: Question, where: str
) -> tuple[str, tuple[Span, ...]]:
    """A text without marks, and the marked spans, which must be as many as a question is about.

    Args:
        text: The text.
        question: The question.
        where: What to call the text in messages, such as its file and line.

    Raises:
        DataError: There are others, or the text is tokens.
    """
    if not isinstance(text, str):
        raise DataError(
            f"{where} is tokens, in which no spans can be marked; give it as one string"
        )
    plain, spans = without_marks(text)
    if len(spans) != question.spans:
        raise DataError(
            f"{where} has {counted(len(spans), 'span')} between [[ and ]], but this run answers "
            f"questions about {question.spans}: mark them as in 'The [[food]] was good'"
        )
    return plain, spans


@dataclass(frozen=True)
class Example:
    """One text and its label, or what else a question is about and its answer.

    Args:
        text: The text as written, or its tokens where the source is tokenised: a parser keeps such
            tokens one for one.
        label: The label, always a string: several labels with ``|`` between them, a number, a tag for
            each token with a space between them, or another text, where the question has such answers.
        source: Where the example is from, as ``file:line``.
        sentence: The sentence with a given structure, such as a tree of the Stanford Sentiment
            Treebank; its tokens are ``text``.
        columns: Further columns of the source.
        cluster_column: The column whose values say which examples belong together; by default
            :data:`PAIR`, if there is one.
        text2: The second text, where the question is about a pair.
        spans: The spans that the question is about.
        sentence2: The second text's sentence with a given structure; its tokens are ``text2``.

    Raises:
        DataError: No text, or no label; or a span that is not in the text.
    """

    text: str | tuple[str, ...]
    label: str
    source: str
    sentence: Sentence | None = None
    columns: Mapping[str, str] = field(default_factory=dict, hash=False)
    cluster_column: str | None = None
    text2: str | tuple[str, ...] | None = None
    spans: tuple[Span, ...] = ()
    sentence2: Sentence | None = None

    def __post_init__(self) -> None:
        self._check_text("text", self.text)
        if self.text2 is not None:
            self._check_text("second text", self.text2)
        if not is_visible(self.label):
            raise DataError(f"{self.source}: the label is empty; give one or remove the example")
        check_spans(self.spans, self.text, self.source)

    def _check_text(self, what: str, text: str | tuple[str, ...]) -> None:
        tokens = (text,) if isinstance(text, str) else text
        if not any(map(is_visible, tokens)):
            raise DataError(
                f"{self.source}: the {what} is empty; give the example a text, or remove it "
                "(no example is dropped unasked)"
            )
        if not all(map(is_visible, tokens)):
            raise DataError(
                f"{self.source}: token {list(map(is_visible, tokens)).index(False)} is empty"
            )

    @property
    def second(self) -> Example:
        """An example of the second text alone, with its given structure."""
        assert self.text2 is not None
        return Example(
            self.text2, self.label, f"{self.source} (second text)", sentence=self.sentence2
        )

    @property
    def plain_text(self) -> str:
        """The text in one string; tokens are joined by spaces."""
        return in_one_string(self.text)

    @property
    def shown(self) -> str:
        """All that the question is about: ``[[`` and ``]]`` round a span, ``||`` between two texts."""
        texts = [with_marks(self.text, self.spans) if self.spans else self.plain_text]
        if self.text2 is not None:
            texts.append(in_one_string(self.text2))
        return " || ".join(texts)

    @property
    def words(self) -> str:
        """Its words, sorted and in lower case: the same for texts that are the same bag of words."""
        return " || ".join(
            " ".join(sorted(in_one_string(text).lower().split()))
            for text in (self.text, self.text2)
            if text is not None
        )

    @property
    def clustered_by(self) -> str | None:
        """The column that says what it belongs to; None where its words alone do."""
        column = self.cluster_column or PAIR
        return column if self.columns.get(column, "").strip() else None

    @property
    def cluster(self) -> str:
        """What it belongs to, equal for examples that belong together: ``column=value`` or its words.

        The words decide where the example has no value in the column.
        """
        column = self.clustered_by
        if column is None:
            return f"words={self.words}"
        return f"{column}={self.columns[column].strip()}"


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
        question: What is asked; ``labels`` is empty where the answer is a number or a text.

    Raises:
        DataError: Nothing to train on or to select on, fewer than two labels (or numbers) in train, a
            dev or test example whose label train lacks (tags may), or one that the question doesn't
            suit.
    """

    name: str
    train: tuple[Example, ...]
    dev: tuple[Example, ...]
    test: tuple[Example, ...]
    labels: tuple[str, ...]
    ordered: bool = False
    notes: tuple[str, ...] = ()
    node_labels: Mapping[str, str] = field(default_factory=dict, hash=False)
    question: Question = field(default_factory=Question)

    def __post_init__(self) -> None:
        for split in ("train", "dev"):
            if not getattr(self, split):
                raise DataError(f"{self.name}: there are no {split} examples")
        for _, example in self._examples():
            self._check_reading(example)
        if self.question.is_number:
            self._check_numbers()
        elif not self.question.is_sequence:
            self._check_labels()

    def _check_reading(self, example: Example) -> None:
        question = self.question
        if (example.text2 is None) == (question.reads == "pair"):
            a = "no" if example.text2 is None else "a"
            raise DataError(
                f"{example.source}: there is {a} second text, but the question is about "
                f"a {question.reads}"
            )
        if len(example.spans) != question.spans:
            raise DataError(
                f"{example.source} has {counted(len(example.spans), 'span')}, but the question is about "
                f"{question.spans}"
            )
        if question.reads == "arcs":
            try:
                tree_of(question.parts_of(example.label))
            except ValueError as fault:
                raise DataError(f"{example.source}: {fault}") from None
        if question.is_sequence and question.reads != "sentence":
            raise DataError(
                f"{self.name}: a sequence answers questions about a sentence, but this one is about a "
                f"{question.reads}; leave out --answer sequence"
            )
        if question.has_parts:
            if question.answer != "label":
                raise DataError(
                    f"{self.name}: {question.reads} have one label each; leave out --answer "
                    f"{question.answer}"
                )
            if isinstance(example.text, str):
                raise DataError(
                    f"{example.source}: the question is about {question.reads}, but the text is one "
                    "string; give a list of its tokens"
                )
            parts = question.parts_of(example.label)
            if question.reads == "nodes":
                self._check_nodes(example)
            elif len(parts) != len(example.text):
                raise DataError(
                    f"{example.source}: {counted(len(example.text), 'token')} and "
                    f"{counted(len(parts), 'tag')}; give one tag for each token"
                )

    def _check_nodes(self, example: Example) -> None:
        tree = None if example.sentence is None else example.sentence.constituency
        parts = self.question.parts_of(example.label)
        if tree is None or tree.root != 0 or len(tree) != len(parts):
            found = "no tree" if tree is None else f"a tree of {counted(len(tree), 'node')}"
            raise DataError(
                f"{example.source}: {counted(len(parts), 'answer')} and {found}; give a constituency "
                "tree, its nodes in preorder, and an answer for each"
            )
        if not self.question.labels_in(example.label):
            raise DataError(
                f"{example.source}: no node has a class; give one of them a label, or remove the tree"
            )

    def _check_labels(self) -> None:
        in_train = [label for one in self.train for label in self.question.labels_in(one.label)]
        trained = set(in_train)
        if len(trained) < 2:
            raise DataError(
                f"{self.name}: all {len(self.train)} training examples have the label "
                f"{next(iter(trained), self.train[0].label)!r}; classification needs at least two labels"
            )
        for _, example in self._examples():
            for label in self.question.labels_in(example.label):
                # Of hundreds of tags rare ones are in test alone: they count as errors.
                if label not in trained and not self.question.has_parts:
                    raise DataError(
                        f"{example.source}: the label {label!r} doesn't occur in train, which "
                        f"has {quote(sorted(trained))}; mend the label, or add training examples of it"
                    )
                if label not in self.labels:
                    raise DataError(
                        f"{example.source}: the label {label!r} isn't one of the labels given: "
                        f"{quote(self.labels)}"
                    )

    def _check_numbers(self) -> None:
        for _, example in self._examples():
            try:
                number_in(example.label)
            except ValueError:
                raise DataError(
                    f"{example.source}: the answer must be a number, but is {example.label!r}; mend it, "
                    "or ask for a label (--answer label)"
                ) from None
        numbers = {number_in(example.label) for example in self.train}
        if len(numbers) < 2:
            raise DataError(
                f"{self.name}: all {len(self.train)} training examples have the number "
                f"{self.train[0].label}; there is nothing to learn"
            )
        if (largest := max(map(abs, numbers))) > _GREATEST:
            raise DataError(
                f"{self.name}: {largest:g} in train is beyond {_GREATEST:g}, too large to be squared; "
                "divide all numbers by one"
            )
        if self.question.answer != "scale":
            return
        least, most = math.floor(min(numbers)), math.ceil(max(numbers))
        if most - least >= _MOST_STEPS:
            raise DataError(
                f"{self.name}: the scale from {least} to {most} has {most - least + 1:,} steps, each of "
                f"which has a score: at most {_MOST_STEPS:,} can be; predict a free number "
                "(--answer score)"
            )
        for _, example in self._examples():
            if not least <= number_in(example.label) <= most:
                raise DataError(
                    f"{example.source}: {example.label} is not on the scale of train, from {least} to "
                    f"{most}; predict a free number (--answer score)"
                )

    def __repr__(self) -> str:
        sizes = ", ".join(
            f"{len(getattr(self, split))} {split}" for split in ("train", "dev", "test")
        )
        return f"Dataset({self.name!r}: {sizes}; {self.question.in_short(self.labels)})"

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over names of splits, texts, labels, given trees and other columns, in order."""
        digest = hashlib.sha256(json.dumps(self.labels).encode())
        if self.question != Question():
            digest.update(json.dumps(asdict(self.question)).encode())
        for split, example in self._examples():
            tree = example.sentence and example.sentence.constituency
            shape = tree and (tree.parents, tree.tokens, tree.labels)
            row = (split, example.text, example.label, shape, sorted(example.columns.items()))
            digest.update(json.dumps(row).encode())
            if example.text2 is not None or example.spans:
                digest.update(json.dumps((example.text2, example.spans)).encode())
            if given := example.sentence and example.sentence.dependencies:
                digest.update(json.dumps((given.parents, given.labels)).encode())
            # Beside tags there was no column DEPS until version 0.14.1, whose folders are resumed.
            columns = (
                example.sentence and self.question.reads != "tokens" and example.sentence.columns
            )
            if example.sentence and (example.sentence.graph or columns):
                graph, deps = example.sentence.graph, example.sentence.columns.get("deps")
                digest.update(json.dumps((graph and asdict(graph), deps)).encode())
            if second := example.sentence2:
                trees = (second.dependencies, second.constituency)
                shapes: list[object] = [
                    tree and (tree.parents, tree.tokens, tree.labels) for tree in trees
                ]
                if second.graph:
                    shapes.append(asdict(second.graph))
                digest.update(json.dumps(shapes).encode())
        return digest.hexdigest()

    @cached_property
    def kept_together_by(self) -> str | None:
        """The column that keeps examples together which their words would not; None if none does."""
        return kept_together_by([example for _, example in self._examples()])

    def answers(self, split: str) -> list[str]:
        """The answer of each example of a split."""
        return [example.label for example in getattr(self, split)]

    def without_test(self) -> Dataset:
        """The same data without test examples: all that training and selection may see."""
        return replace(self, test=())

    def _examples(self) -> Iterator[tuple[str, Example]]:
        for split in ("train", "dev", "test"):
            for example in getattr(self, split):
                yield split, example


def grouped(examples: Sequence[Example]) -> list[list[Example]]:
    """Groups of examples that belong together: they share their cluster or their words.

    Two examples are in one group also where others connect them, as when a text is in two pairs.

    Args:
        examples: The examples.

    Returns:
        The groups, each in the order of ``examples``, as are their first examples.
    """
    clusters = [example.cluster for example in examples]
    if any(example.clustered_by for example in examples):
        from networkx.utils import UnionFind  # networkx takes long to import

        together = UnionFind()
        for example, cluster in zip(examples, clusters, strict=True):
            together.union(cluster, f"words={example.words}")
        clusters = [together[cluster] for cluster in clusters]
    groups: dict[str, list[Example]] = {}
    for example, cluster in zip(examples, clusters, strict=True):
        groups.setdefault(cluster, []).append(example)
    return list(groups.values())


def kept_together_by(examples: Sequence[Example]) -> str | None:
    """The column that keeps examples together which their words would not; None if none does."""
    column = next(filter(None, (example.clustered_by for example in examples)), None)
    if column is None or len(grouped(examples)) == len({example.words for example in examples}):
        return None
    return column


def is_visible(text: str) -> bool:
    """Whether ``text`` has anything to see: neither white space nor zero-width characters alone."""
    return any(character.isprintable() and not character.isspace() for character in text)


def counted(number: int, noun: str) -> str:
    """``1 span``, ``2 spans``."""
    return f"{number} {noun}{'s' * (number != 1)}"


def quote(names: Iterable[str], limit: int = 12) -> str:
    """Names in quotation marks, for a message; those beyond ``limit`` are counted, not named."""
    quoted = [repr(name) for name in names]
    rest = f" and {len(quoted) - limit} more" if len(quoted) > limit else ""
    return ", ".join(quoted[:limit]) + rest
