"""What is measured of every cell of an experiment's grid, and how cells compare."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean, median

import numpy as np
from numpy.typing import NDArray

from tasks.data.examples import Dataset
from tasks.metrics import (
    ACCURACY,
    AnyMetric,
    Metric,
    calibration_error,
    chosen_metric,
    class_f1,
    metrics_for,
)
from tasks.metrics.metric import Answer
from tasks.options import OptionError
from tasks.results.condition import Condition
from tasks.results.families import Family, families_of
from tasks.results.folder import Cell, Results
from tasks.results.options import VerdictOptions
from tasks.results.records import (
    DataDescription,
    EncoderDescription,
    PredictedExample,
)
from tasks.results.statistics import OverSeeds, mean_interval, over_seeds

__all__ = [
    "CellMeasures",
    "MajorityClass",
    "Measures",
    "ScoredCell",
    "check_one_test_set",
    "is_undefined",
    "measure",
    "metrics_of",
    "of_examples",
    "why_undefined",
]


@dataclass(frozen=True, kw_only=True)
class CellMeasures:
    """One cell of the grid in numbers; shares are from 0 to 1.

    Attributes:
        cell: The cell.
        description: What is known of its encoder.
        parameters: Trained parameters of the encoder alone.
        dev: The first metric of the question on dev, over seeds.
        dev_metric: That metric: accuracy, where one label is asked for.
        selecting: The metric that selected the epoch on dev: see ``--select``.
        train_speed: Median of training sentences a second.
        inference_speed: Median of sentences a second in inference.
        node_accuracy: Share of labelled nodes that are right, over runs; None unless nodes were
            supervised.
    """

    cell: Cell
    description: EncoderDescription
    parameters: int
    dev: OverSeeds
    dev_metric: AnyMetric
    selecting: AnyMetric
    train_speed: float
    inference_speed: float
    node_accuracy: OverSeeds | None = None

    @property
    def condition(self) -> Condition:
        """What was varied."""
        return self.cell.condition

    @property
    def encoder(self) -> str:
        """The name of the encoder."""
        return self.condition.encoder

    @property
    def kind(self) -> str:
        """The kind of the encoder, one of :data:`tasks.results.records.KINDS`."""
        return self.description.kind

    @property
    def structured(self) -> bool:
        """Whether the encoder reads a tree or a graph."""
        return self.description.structured

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds."""
        return self.cell.seeds


@dataclass(frozen=True, kw_only=True)
class ScoredCell(CellMeasures):
    """A cell with predictions on a test set.

    Attributes:
        metric: The metric that is tested, the mean of scores of examples.
        scores: ``(seeds, examples)``, the score of each test example; see
            :meth:`tasks.metrics.Metric.scores`.
        own_scores: The same, but of :func:`of_examples`: scores that hold in a part of the test set too.
        predictions: For each seed what was predicted of each test example.
        test: The metric on test over seeds.
        low: Lower end of its confidence interval over seeds and examples; NaN where the metric is not
            defined on the test set, as a correlation with answers that are all the same.
        high: Upper end.
        values: All metrics on test, by their keys; a value for each seed.
        calibration_error: :func:`tasks.metrics.calibration_error` for each seed; none unless answers
            are single labels.
        class_f1: F1 of each label, the mean over seeds.
        clusters: What the test examples belong to, where they come in groups.
    """

    metric: AnyMetric = ACCURACY
    scores: NDArray[np.float64]
    own_scores: NDArray[np.float64]
    predictions: tuple[tuple[str, ...], ...]
    test: OverSeeds
    low: float
    high: float
    values: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    calibration_error: tuple[float, ...]
    class_f1: Mapping[str, float] = field(default_factory=dict)
    clusters: tuple[str, ...] | None = None

    @property
    def whole(self) -> tuple[float, float, float]:
        """The mean score on test, and the ends of its interval."""
        return self.test.mean, self.low, self.high

    def part(self, members: Sequence[int]) -> tuple[float, float, float]:
        """The mean of ``own_scores`` of some test examples, and the ends of its interval."""
        scores = self.own_scores[:, list(members)]
        clusters = self.clusters and [self.clusters[member] for member in members]
        interval = _interval(of_examples(self.metric), scores, clusters)
        return float(scores.mean()), *interval

    @property
    def constant(self) -> int:
        """How many seeds predict one label for every test example."""
        return sum(len(set(of_seed)) == 1 for of_seed in self.predictions)


@dataclass(frozen=True)
class MajorityClass:
    """What the most frequent label of train has, predicted for everything.

    Attributes:
        label: The label.
        dev: The first metric of the question on dev; None where that isn't known.
        test: All metrics on test, by their keys; None without a test set.
    """

    label: str
    dev: float | None
    test: Mapping[str, float] | None


@dataclass(frozen=True)
class Measures:
    """An experiment in numbers.

    Attributes:
        results: What its folder holds.
        cells: Each cell, in the order planned.
        families: The comparisons on test; none of a data set without a test set, or in
            :attr:`uncompared`.
        metrics: The metrics of each data set; the first one is tested.
        majority: For each data set its most frequent label; without those of older versions, which
            did not save it.
        options: What was compared.
        uncompared: Why nothing is decided on a data set, for those whose test set allows no comparison.
    """

    results: Results
    cells: tuple[CellMeasures, ...]
    families: tuple[Family, ...]
    metrics: Mapping[str, tuple[Metric[str], ...]]
    majority: Mapping[str, MajorityClass]
    options: VerdictOptions
    uncompared: Mapping[str, str] = field(default_factory=dict)

    @property
    def scored(self) -> tuple[ScoredCell, ...]:
        """The cells with predictions on a test set."""
        return tuple(cell for cell in self.cells if isinstance(cell, ScoredCell))


def metrics_of(
    data: DataDescription | Dataset, first: str | None = None
) -> tuple[Metric[str], ...]:
    """The metrics of predictions on a data set; the first one is tested.

    Args:
        data: The data set.
        first: The key of the one that is tested; None for the first of its question.

    Raises:
        OptionError: There is no such metric of its answers.
    """
    tested = chosen_metric(first, data.question, data.labels, ordered=data.ordered)
    known = metrics_for(data.question, data.labels, ordered=data.ordered)
    return (tested, *(metric for metric in known if metric.key != tested.key))


def of_examples(metric: Metric[Answer]) -> Metric[Answer]:
    """The metric itself where an example has a score by itself, else the one that stands for it."""
    return metric if metric.score is not None else metric.by_example or ACCURACY


def measure(results: Results, options: VerdictOptions | None = None) -> Measures:
    """Measure every cell of an experiment, and compare the cells that have a test set.

    Args:
        results: What the experiment's folder holds.
        options: What is compared; by default what the experiment was made with.

    Raises:
        StorageError: A file of predictions is damaged or of another version.
        ValueError: The runs on some data set were tested on different examples, or options don't fit.
    """
    options = options or results.experiment.verdicts
    if options.reference is not None and options.reference not in results.experiment.encoders:
        raise OptionError(
            "reference",
            f"names {options.reference!r}, which the experiment doesn't have; there are: "
            f"{', '.join(results.experiment.encoders)}",
        )
    metrics = {name: metrics_of(data, options.metric) for name, data in results.data.items()}
    cells = tuple(_measure(results, cell, metrics[cell.condition.data]) for cell in results.cells)
    scored = [cell for cell in cells if isinstance(cell, ScoredCell)]
    uncompared = {}
    for data in results.data:
        sizes = {cell.scores.shape[1] for cell in scored if cell.condition.data == data}
        check_one_test_set(data, sizes)
        why = _too_alike(_clusters(results, data), *sizes) if sizes else ""
        why = why or why_undefined(metrics[data][0], results, data)
        if sizes and why:
            uncompared[data] = why
    families = tuple(
        family
        for name in results.data
        if name not in uncompared
        for family in families_of(
            {cell.condition: cell.scores for cell in scored if cell.condition.data == name},
            {cell.encoder: cell.kind for cell in scored},
            metrics[name][0],
            options,
            {name: _clusters(results, name)},
        )
    )
    majority = {
        name: _majority(results, name, data.majority, data.majority_dev, metrics[name])
        for name, data in results.data.items()
        if data.majority is not None
    }
    return Measures(results, cells, families, metrics, majority, options, uncompared)


def is_undefined(metric: Metric[str], results: Results, data: str) -> bool:
    """Whether a metric is not defined on the test set of some data."""
    return bool(why_undefined(metric, results, data))


def why_undefined(metric: Metric[str], results: Results, data: str) -> str:
    """Why a metric is not defined on the test set of some data; empty if it is, or there is none."""
    gold = [example.label for example in results.examples[data]]
    if not gold or metric.is_defined(gold):
        return ""
    if len(gold) == 2 and gold[0] != gold[1]:
        return f"{metric.name} of two test examples is 1, -1 or 0, and has no interval"
    return (
        f"{metric.name} is not defined where all right answers are the same (0 stands for it, without "
        "an interval)"
    )


def _clusters(results: Results, data: str) -> list[str] | None:
    """What the test examples belong to, where they come in groups."""
    clusters = [example.cluster for example in results.examples[data]]
    return clusters if all(clusters) else None


def _too_alike(clusters: Sequence[str] | None, examples: int) -> str:
    """Why test examples say nothing of others; empty if they do.

    Args:
        clusters: What they belong to, where they come in groups.
        examples: How many they are.
    """
    if examples == 1:
        return "the test set has one example"
    if clusters is not None and len(set(clusters)) == 1:
        return f"all {examples} test examples are of one group (the same text, or one --cluster)"
    return ""


def _majority(
    results: Results, data: str, label: str, dev: float | None, metrics: Sequence[Metric[str]]
) -> MajorityClass:
    gold = [example.label for example in results.examples[data]]
    everywhere = [results.data[data].question.everywhere(label, answer) for answer in gold]
    test = {metric.key: metric(gold, everywhere) for metric in metrics} if gold else None
    return MajorityClass(label, dev, test)


def check_one_test_set(data: str, sizes: Collection[int]) -> None:
    """Check that what belongs to one test set has one number of examples.

    Args:
        data: The data set.
        sizes: The numbers found.

    Raises:
        ValueError: There are several.
    """
    if len(sizes) > 1:
        raise ValueError(
            f"the runs on {data} have predictions for {', '.join(map(str, sorted(sizes)))} examples; "
            "they are not of one test set. Delete the folders of the older ones and compare again"
        )


def _measure(results: Results, cell: Cell, metrics: Sequence[Metric[str]]) -> CellMeasures:
    description = results.experiment.encoders.get(cell.condition.encoder)
    found = [run.result for run in cell.runs]
    nodes = [result.node_accuracy for result in found if result.node_accuracy is not None]
    on_dev = [fmean(run.result.dev_score for run in cell.of_seed(seed)) for seed in cell.seeds]
    data = results.data[cell.condition.data]
    measures = CellMeasures(
        cell=cell,
        dev_metric=metrics_of(data)[0],
        selecting=metrics_of(data, _selecting(results))[0],
        description=description or EncoderDescription(reads=frozenset()),
        parameters=found[0].parameters["encoder"],
        dev=over_seeds(on_dev),
        train_speed=median(result.train_speed for result in found),
        inference_speed=median(result.inference_speed for result in found),
        node_accuracy=over_seeds(nodes) if nodes else None,
    )
    rows = cell.predictions("test")
    if not rows:
        return measures
    return _scored(measures, data, metrics, rows, _clusters(results, cell.condition.data))


def _interval(
    metric: AnyMetric, scores: NDArray[np.float64], clusters: Sequence[str] | None
) -> tuple[float, float]:
    sure = metric.is_right_or_wrong(scores)
    return metric.possible(*mean_interval(scores, clusters=clusters, right_or_wrong=sure))


def _selecting(results: Results) -> str | None:
    """The key of the metric that selected epochs; None for the first of the question."""
    key = results.experiment.options.get("select")
    return key if isinstance(key, str) else None


def _scored(
    measures: CellMeasures,
    data: DataDescription,
    metrics: Sequence[Metric[str]],
    rows: Sequence[Sequence[PredictedExample]],
    clusters: Sequence[str] | None,
) -> ScoredCell:
    check_one_test_set(measures.condition.data, {len(of_seed) for of_seed in rows})
    metric = metrics[0]
    gold = [row.label for row in rows[0]]
    masked = data.question.masked
    predictions = tuple(
        tuple(masked(row.label, row.prediction) for row in of_seed) for of_seed in rows
    )
    scores = np.array([metric.scores(gold, of_seed) for of_seed in predictions])
    own = of_examples(metric)
    low, high = math.nan, math.nan
    if metric.is_defined(gold):
        low, high = _interval(metric, scores, clusters)
    values = {one.key: tuple(one(gold, of_seed) for of_seed in predictions) for one in metrics}
    by_class = [class_f1(gold, of_seed, data.question) for of_seed in predictions]
    labels = [label for label in data.labels if any(label in of_seed for of_seed in by_class)]
    return ScoredCell(
        **vars(measures),
        metric=metric,
        scores=scores,
        own_scores=np.array([own.scores(gold, of_seed) for of_seed in predictions]),
        predictions=predictions,
        # The mean of scores is the same but for the last digit, which may round otherwise.
        test=over_seeds(values[metric.key]),
        low=low,
        high=high,
        values=values,
        calibration_error=_calibration(rows) if data.question.is_one_label else (),
        class_f1={
            label: fmean(of_seed.get(label, 0.0) for of_seed in by_class) for label in labels
        },
        clusters=None if clusters is None else tuple(clusters),
    )


def _calibration(rows: Sequence[Sequence[PredictedExample]]) -> tuple[float, ...]:
    """The calibration error of each seed."""
    correct = [[row.label == row.prediction for row in of_seed] for of_seed in rows]
    confidence = [[max(row.probabilities.values()) for row in of_seed] for of_seed in rows]
    return tuple(map(calibration_error, correct, confidence))
