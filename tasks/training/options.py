"""Options of training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from tasks.options import Options, Range, cli_option

__all__ = ["METRICS", "OptimisationOptions", "TrainingOptions"]

METRICS = (
    "By default the first of the question. Labels: accuracy, macro_f1, mcc (Matthews' correlation), "
    "mean_absolute_error (labels that are a scale). Several labels: micro_f1, macro_f1, exact_match. "
    "Numbers: pearson, spearman, mse. Tags: entity_f1 (where they mark entities), accuracy, macro_f1. "
    "Nodes: accuracy, root_accuracy, macro_f1. Arcs: las, uas. Sequences: exact_match, bleu, "
    "edit_distance. Also macro_f1(without=Other) and micro_f1(without=no_relation); "
    "macro_f1(without=Other, directions=folded) is that of SemEval-2010 Task 8."
)
"""The metrics of each question, as in :func:`tasks.metrics.metrics_for`: for the help of options."""


@dataclass(frozen=True, kw_only=True)
class OptimisationOptions(Options):
    """How weights are found, whatever is learned.

    Attributes:
        seconds: Stop after this many seconds of training (evaluation not counted), within an epoch if
            need be; None for no limit. The result then depends on the speed of the machine.
    """

    epochs: Annotated[int, Range(least=1), cli_option("Training", "Maximum number of epochs.")] = 30
    patience: Annotated[
        int,
        Range(least=1),
        cli_option("Training", "Early stopping: epochs that are no better on dev (--select)."),
    ] = 5
    batch_size: Annotated[
        int, Range(least=1), cli_option("Training", "Batch size: examples per batch.")
    ] = 50
    learning_rate: Annotated[
        float, Range(above=0), cli_option("Training", "AdamW learning rate.")
    ] = 5e-4
    weight_decay: Annotated[
        float, Range(least=0), cli_option("Training", "AdamW weight decay.")
    ] = 1e-2
    gradient_clip: Annotated[
        float, Range(above=0), cli_option("Training", "Maximum norm of the gradient.")
    ] = 5.0
    device: Annotated[
        Literal["auto", "cpu"],
        cli_option("Training", "auto (a GPU if there is one) or cpu."),
    ] = "auto"
    mixed_precision: Annotated[
        Literal["no", "bf16", "fp16"],
        cli_option("Training", "Mixed precision: no, bf16 or fp16."),
    ] = "no"
    seconds: Annotated[float | None, Range(above=0)] = None


@dataclass(frozen=True, kw_only=True)
class TrainingOptions(OptimisationOptions):
    """How a classifier is trained.

    Raises:
        OptionError: An option is out of its range, or doesn't go with the others.
    """

    embedding_learning_rate: Annotated[
        float,
        Range(above=0),
        cli_option(
            "Training",
            "AdamW learning rate of contextual models that are trained (--tune-embedding).",
        ),
    ] = 2e-5
    embedding_weight_decay: Annotated[
        float,
        Range(least=0),
        cli_option("Training", "AdamW weight decay of contextual models that are trained."),
    ] = 1e-2
    embedding_warm_up: Annotated[
        int,
        Range(least=0),
        cli_option(
            "Training",
            "Updates over which the learning rate of contextual models rises from 0; 0 for none.",
        ),
    ] = 0
    supervise: Annotated[
        Literal["sentence", "nodes"],
        cli_option(
            "Training",
            "Labels to train on: sentence, the label of each sentence; nodes, the label of each node of "
            "its tree (SST). Accuracy is that of sentences either way; --reads nodes asks about nodes.",
        ),
    ] = "sentence"
    select: Annotated[
        str | None,
        cli_option(
            "Training",
            f"Metric of dev that selects the epoch (and stops early). {METRICS}",
        ),
    ] = None
    class_weights: Annotated[
        Literal["equal", "balanced"],
        cli_option(
            "Training",
            "Weight of each class in the loss: equal, or balanced (in inverse proportion to its "
            "frequency in train).",
        ),
    ] = "equal"
    focus: Annotated[
        float,
        Range(least=0),
        cli_option(
            "Training",
            "Focal loss: the exponent that weighs down examples that are right already; 0 is "
            "cross-entropy.",
        ),
    ] = 0.0
    label_smoothing: Annotated[
        float,
        Range(least=0, most=1),
        cli_option(
            "Training", "Sequences: the probability that is moved from the right word to all."
        ),
    ] = 0.0
    scheduled_sampling: Annotated[
        float,
        Range(least=0, most=1),
        cli_option(
            "Training",
            "Sequences: the probability that a step of training is given the word that the model "
            "predicts, not the right one.",
        ),
    ] = 0.0
