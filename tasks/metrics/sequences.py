"""Metrics of texts that are written: exact match, BLEU, edit distance."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tasks.metrics.labels import EXACT
from tasks.metrics.metric import Floats, Metric, Unit

__all__ = ["BLEU", "EDIT_DISTANCE", "EXACT_SEQUENCE", "bleu", "edit_distance"]

EXACT_SEQUENCE: Metric[str] = replace(
    EXACT, about="the share of sequences that are right throughout"
)


def _ngrams(text: str, size: int) -> Counter[tuple[str, ...]]:
    words = text.split()
    return Counter(tuple(words[at : at + size]) for at in range(len(words) - size + 1))


def _bleu_counts(gold: Sequence[str], predictions: Sequence[str]) -> Floats:
    """``(examples, 4, 3)``: for each n from 1 to 4 the n-grams that match, those predicted, and gold."""
    counts = np.zeros((len(gold), 4, 3))
    for place, (right, found) in enumerate(zip(gold, predictions, strict=True)):
        for size in range(1, 5):
            wanted, said = _ngrams(right, size), _ngrams(found, size)
            counts[place, size - 1] = (wanted & said).total(), said.total(), wanted.total()
    return counts


def _bleu_of(sums: Floats) -> Floats:
    """BLEU from sums of counts, ``(..., 4, 3)`` to ``(...)``."""
    hits, said, wanted = np.moveaxis(sums, -1, 0)  # (..., 4)
    some = (wanted > 0).astype(float)  # sizes that no gold text has are left out
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.where(hits > 0, np.log(hits / said), -np.inf)
        mean = (np.where(some > 0, logs, 0) * some).sum(-1) / some.sum(-1)
        brevity = np.minimum(0, 1 - wanted[..., 0] / said[..., 0])
        values: Floats = np.nan_to_num(np.exp(mean + brevity), nan=0.0)
    return values


def bleu(gold: Sequence[str], predictions: Sequence[str]) -> float:
    r"""BLEU of a set (Papineni et al. 2002), of words between white space, with one reference each.

    .. math:: \min\bigl(1, e^{1 - r / c}\bigr) \prod_{n=1}^4 p_n^{1/4}

    The precision :math:`p_n` is the share of predicted n-grams that the gold text has, over the whole
    set; *c* and *r* are the numbers of predicted and of gold words. Sizes that no gold text of the set
    has are left out, and nothing is smoothed: where no n-gram of a size is right, BLEU is 0.
    """
    return float(_bleu_of(_bleu_counts(gold, predictions).sum(0)))


def _bleu_left_out(gold: Sequence[str], predictions: Sequence[str]) -> Floats:
    counts = _bleu_counts(gold, predictions)
    return _bleu_of(counts.sum(0) - counts)


def edit_distance(gold: str, prediction: str) -> float:
    """How many words have to be inserted, removed or replaced (Levenshtein 1966)."""
    from nltk.metrics import edit_distance as distance

    return 0.0 if gold == prediction else float(distance(gold.split(), prediction.split()))


EDIT_DISTANCE: Metric[str] = Metric(
    "edit distance",
    "edit_distance",
    Unit(1, 2),
    score=edit_distance,
    higher_is_better=False,
    about="how many words have to be inserted, removed or replaced, in the mean",
    extent=(0.0, math.inf),
)


BLEU: Metric[str] = Metric(
    "BLEU",
    "bleu",
    Unit(100, 1, "", "points"),
    over_set=bleu,
    by_example=EDIT_DISTANCE,
    left_out=_bleu_left_out,
    right_or_wrong=(0, 1),
    about="corpus BLEU of words between white space, from 0 to 100, unsmoothed",
    extent=(0.0, 1.0),
)
