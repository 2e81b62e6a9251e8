"""Data sets by name or from files, always with a train, a dev and a test part."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace

from tasks.data import corpora
from tasks.data.examples import DataError, Dataset, Example, kept_together_by, quote
from tasks.data.options import DataOptions
from tasks.data.questions import Question
from tasks.data.sources import is_source, read_source
from tasks.data.splits import folds, hold_out, kept_together
from tasks.data.suites import SUITES
from tasks.data.suites import generate as generate_suite

__all__ = ["DATASETS", "DataError", "Dataset", "Example", "folds", "load_dataset"]

DATASETS = {
    "trec": "TREC questions, 6 labels (NLTK's qc)",
    "trec50": "TREC questions, 50 labels (NLTK's qc)",
    "mr": "movie-review sentences, negative or positive (NLTK's sentence_polarity)",
    "subj": "sentences of reviews or of plots (NLTK's subjectivity)",
    "sst5": "Stanford Sentiment Treebank, 5 labels (a folder of trees)",
    "sst2": "Stanford Sentiment Treebank, 2 labels (a folder of trees)",
    "structure-test": "sentences with the same words and opposite labels, with trees (generated)",
    **SUITES,
}
"""The names that :func:`load_dataset` knows, and what they stand for."""

TREEBANKS = ("sst5", "sst2")
"""Those of them whose trees have a label for each node."""

_TRUTH = ("false", "true")


def load_dataset(
    spec: str | os.PathLike[str],
    options: DataOptions | None = None,
    *,
    ordered_labels: Sequence[str] | None = None,
) -> Dataset:
    """Load a data set and divide it where it has no official split.

    If there is no test set, ``test_fraction`` of the examples are held out as one; if there is no dev
    set, ``dev_fraction``: stratified by label, with repeated texts and clusters (the rows of one pair,
    or of one value of the column ``cluster``) kept together, the same for every random seed of training.
    ``trec`` has an official test set and no dev set, ``mr`` and ``subj`` neither, the others all three.
    For cross-validation give the result to :func:`tasks.data.splits.folds`.

    Args:
        spec: One of ``DATASETS``, a file (see :func:`tasks.data.files.read_table`, which says what is
            asked by which columns), two aligned files ``SOURCE+TARGET``, a folder or ``hf:NAME`` (see
            :func:`tasks.data.sources.read_source`).
        options: Further files, how to read them, and how to divide the examples.
        ordered_labels: The labels of a file from least to most, if they are a scale.

    Returns:
        The data set; its ``notes`` say how it was divided and what is odd about it.

    Raises:
        DataError: The data isn't found or has a fault; the message says where, and what to do.
    """
    name = os.fspath(spec)
    options = options or DataOptions()
    if name not in DATASETS and not is_source(name):
        raise DataError(
            f"there is no data set {name!r}; give one of {', '.join(DATASETS)}, the path of a "
            ".csv, .tsv, .jsonl or .parquet file or of a folder, two files of lines as "
            "SOURCE+TARGET, or hf:NAME"
        )
    files = {"train": spec, "dev": options.dev, "test": options.test}
    further = options.dev is not None or options.test is not None or ordered_labels is not None
    if name in DATASETS and further:
        raise DataError(
            f"{name} has its own split and labels; give dev, test and labels with a file"
        )
    if name == "structure-test" or name in SUITES:
        return _generated(name, options)

    if name in DATASETS:
        folder = None if options.data_dir is None else str(options.data_dir)
        nodes = options.reads == "nodes"
        if nodes and name not in TREEBANKS:
            raise DataError(
                f"{name} has no trees with a label for each node; --reads nodes goes with "
                f"{' and '.join(TREEBANKS)}, and with files of trees (.ptb, .mrg, .jsonl)"
            )
        parts = _named(name, folder, options.download, nodes=nodes)
        question = Question("nodes") if nodes else Question()
    else:
        parts, question = _read(files, options)
    classes = (
        corpora.node_labels(fine=name == "sst5", nodes=question.reads == "nodes")
        if name in TREEBANKS
        else {}
    )
    scale = tuple(classes.values()) if name == "sst5" else ordered_labels
    return make_dataset(
        name,
        _clustered(parts, options),
        options,
        question=question,
        labels=scale,
        ordered=scale is not None,
        node_labels=classes,
    )


def make_dataset(
    name: str,
    parts: Mapping[str, tuple[Example, ...]],
    options: DataOptions,
    *,
    question: Question,
    labels: Sequence[str] | None = None,
    ordered: bool = False,
    node_labels: Mapping[str, str] | None = None,
) -> Dataset:
    """A data set of examples; of its training examples those are held out that dev and test lack.

    Args:
        name: What to call it.
        parts: The examples of ``train`` and, where there are such, ``dev`` and ``test``.
        options: What is held out.
        question: What is asked.
        labels: All labels in order; by default those found, sorted.
        ordered: The labels are a scale.
        node_labels: See :class:`~tasks.data.examples.Dataset`.

    Raises:
        DataError: There are too few examples, or one that the question doesn't suit.
    """
    parts = dict(parts)
    stratify = question.is_one_label
    notes = []
    size = len(parts["train"])
    column = kept_together_by([example for part in parts.values() for example in part])
    for split, fraction in (("test", options.test_fraction), ("dev", options.dev_fraction)):
        if split not in parts:
            count = max(1, round(fraction * size))
            parts["train"], parts[split] = hold_out(
                parts["train"], count, options.split_seed, stratify=stratify
            )
            how = f"{'stratified, ' if stratify else ''}{kept_together(column)}"
            notes.append(
                f"no {split} set given: {len(parts[split])} of {size} examples held out, {how}, "
                f"split seed {options.split_seed}"
            )
    if count := _repeated(parts):
        notes.append(
            f"{count} of {len(parts['test'])} test texts also occur in train or dev (left as they are)"
        )
    if column is not None and (count := _divided(parts)):
        notes.append(
            f"{count} of {len(parts['test'])} test rows have a {column!r} that also occurs in train or "
            "dev (left as they are)"
        )
    if question.reads == "nodes":
        notes += _without_class(parts, question)
    found = {
        label
        for part in parts.values()
        for example in part
        for label in question.labels_in(example.label)
    }
    return Dataset(
        name=name,
        train=parts["train"],
        dev=parts["dev"],
        test=parts["test"],
        labels=tuple(sorted(found) if labels is None else labels),
        ordered=ordered,
        notes=tuple(notes),
        node_labels=node_labels or {},
        question=question,
    )


def _without_class(parts: corpora.Splits, question: Question) -> list[str]:
    """How many nodes have no class, in a sentence; none if all have one."""
    answers = [example.label for part in parts.values() for example in part]
    every = sum(len(question.parts_of(answer)) for answer in answers)
    count = every - sum(len(question.labels_in(answer)) for answer in answers)
    return [
        f"{count:,} of {every:,} nodes have no class: nothing is learned of them, and none is counted"
    ][: bool(count)]


def _read(
    files: Mapping[str, str | os.PathLike[str] | None], options: DataOptions
) -> tuple[corpora.Splits, Question]:
    """The examples of each file, and the question that all of them ask."""
    spec = files["train"]
    assert spec is not None
    tables = read_source(spec, options)
    for split, path in files.items():
        if split != "train" and path is not None:
            tables[split] = read_source(path, options)["train"]
    question = tables["train"].question
    for split, table in tables.items():
        if table.question != question:
            labels = {example.label for example in table.examples}
            raise DataError(
                f"{files[split] or split} asks {table.question.in_words(labels)}, but {spec} asks "
                f"{question.in_words(labels)}: give both the same columns, or say what is asked with "
                "reads and answer (--reads, --answer)"
            )
    parts = {split: table.examples for split, table in tables.items()}
    return (_with_truth_of_train(parts) if question.is_one_label else parts), question


def _with_truth_of_train(parts: corpora.Splits) -> corpora.Splits:
    """The same examples with truth values as train spells them.

    ``True`` in a CSV file is ``true`` in JSON Lines and in Parquet, and ``TRUE`` from a spreadsheet.
    """
    known = {example.label for example in parts["train"]}
    spelled = {label.lower(): label for label in known if label.lower() in _TRUTH}
    if len(spelled) < sum(label.lower() in _TRUTH for label in known):
        return parts  # train has several spellings, and so several labels

    def as_in_train(example: Example) -> Example:
        label = spelled.get(example.label.lower(), example.label)
        if example.label in known or label == example.label:
            return example
        return replace(example, label=label)

    return {split: tuple(map(as_in_train, part)) for split, part in parts.items()}


def _generated(name: str, options: DataOptions) -> Dataset:
    if name == "structure-test":
        from tasks.data.structure_test import generate

        made = generate(seed=options.split_seed)
    else:
        made = generate_suite(name, seed=options.split_seed)
    if options.cluster is None:
        return made
    parts = _clustered({"train": made.train, "dev": made.dev, "test": made.test}, options)
    return replace(made, train=parts["train"], dev=parts["dev"], test=parts["test"])


def _clustered(parts: corpora.Splits, options: DataOptions) -> corpora.Splits:
    """The same examples with the column that the options choose for clusters."""
    return {split: _with_column(part, options) for split, part in parts.items()}


def _with_column(examples: tuple[Example, ...], options: DataOptions) -> tuple[Example, ...]:
    column = options.cluster
    if column is None:
        return examples
    for example in examples:
        # Of the text itself no column is kept: examples without one are grouped by their words.
        if column != options.text_column and column not in example.columns:
            there = quote((options.text_column, *example.columns))
            raise DataError(
                f"{example.source}: there is no column {column!r} to say which rows belong together; "
                f"the columns are {there}. Choose one with cluster (--cluster)"
            )
    return tuple(replace(example, cluster_column=column) for example in examples)


def _named(name: str, folder: str | None, download: bool, *, nodes: bool) -> corpora.Splits:
    if name in ("trec", "trec50"):
        return corpora.read_questions(fine=name == "trec50", data_dir=folder, download=download)
    if name == "mr":
        return corpora.read_movie_reviews(data_dir=folder, download=download)
    if name == "subj":
        return corpora.read_subjectivity(data_dir=folder, download=download)
    return corpora.read_treebank(fine=name == "sst5", data_dir=folder, nodes=nodes)


def _repeated(parts: corpora.Splits) -> int:
    """How many test texts occur, case aside, among the other examples."""
    others = {example.shown.lower() for split in ("train", "dev") for example in parts[split]}
    return sum(example.shown.lower() in others for example in parts["test"])


def _divided(parts: corpora.Splits) -> int:
    """How many test examples are of a cluster, other than that of their words, of other examples too."""
    others = {example.cluster for split in ("train", "dev") for example in parts[split]}
    test = parts["test"]
    return sum(example.clustered_by is not None and example.cluster in others for example in test)
