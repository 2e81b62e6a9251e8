"""What is measured of predictions, example by example or over a whole set."""

from tasks.metrics.choice import chosen_metric, metrics_for
from tasks.metrics.labels import (
    ACCURACY,
    EXACT,
    MACRO_F1,
    MCC,
    MICRO_F1,
    calibration_error,
    class_f1,
    f1_without,
    macro_f1,
    matthews,
    mean_absolute_error,
    micro_f1,
)
from tasks.metrics.metric import PERCENT, PLAIN, AnyMetric, Metric, Unit, metric_of_counts, share
from tasks.metrics.numbers import MSE, PEARSON, SPEARMAN, pearson, spearman
from tasks.metrics.parts import LAS, UAS, entity_f1, root_accuracy, tag_accuracy, tag_macro_f1
from tasks.metrics.sequences import BLEU, EDIT_DISTANCE, EXACT_SEQUENCE, bleu, edit_distance

__all__ = [
    "ACCURACY",
    "BLEU",
    "EDIT_DISTANCE",
    "EXACT",
    "EXACT_SEQUENCE",
    "LAS",
    "MACRO_F1",
    "MCC",
    "MICRO_F1",
    "MSE",
    "PEARSON",
    "PERCENT",
    "PLAIN",
    "SPEARMAN",
    "UAS",
    "AnyMetric",
    "Metric",
    "Unit",
    "bleu",
    "calibration_error",
    "chosen_metric",
    "class_f1",
    "edit_distance",
    "entity_f1",
    "f1_without",
    "macro_f1",
    "matthews",
    "mean_absolute_error",
    "metric_of_counts",
    "metrics_for",
    "micro_f1",
    "pearson",
    "share",
    "spearman",
    "root_accuracy",
    "tag_accuracy",
    "tag_macro_f1",
]
