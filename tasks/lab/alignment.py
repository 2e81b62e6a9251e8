"""Where a decoder looks while it writes, beside where it should: on copies and reversals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from structnn import SequenceHead
from tasks.data.examples import Example
from tasks.lab.curves import Array
from tasks.lab.experiments import Measured
from tasks.lab.words import share
from tasks.models.model import SavedModel

__all__ = [
    "AlignedExample",
    "AlignmentSummary",
    "alignment_in_words",
    "measure_alignment",
    "true_places",
]

AT_ONCE = 64
SHOWN = 12  # symbols, of the example in the figure


@dataclass(frozen=True)
class AlignedExample:
    """What a decoder wrote, and where it looked.

    Attributes:
        source: The words read.
        written: The words written.
        weights: ``(written words, source words)``.
        places: The true place of each word written; -1 where there is none.
    """

    source: tuple[str, ...]
    written: tuple[str, ...]
    weights: Array
    places: Array


@dataclass(frozen=True)
class AlignmentSummary:
    """What of one run is drawn and said.

    Attributes:
        name: The run.
        seed: Its seed.
        lengths: The lengths of sources, ascending.
        right: At each length the share of sequences that are right throughout.
        on_true: At each length the mean attention on the true place; empty without attention.
        example: One sequence; None without attention.
    """

    name: str
    seed: int
    lengths: Array
    right: Array
    on_true: Array
    example: AlignedExample | None


def true_places(data: str, length: int) -> Array:
    """The place that each word of the target is from.

    Args:
        data: ``"copy"`` or ``"reversal"``.
        length: The number of words.
    """
    places = np.arange(length)
    return places if data == "copy" else places[::-1].copy()


@torch.inference_mode()
def measure_alignment(
    name: str, seed: int, model: SavedModel, examples: Sequence[Example], data: str
) -> tuple[Measured, AlignmentSummary]:
    """Write the target of each example, and compare where the decoder looked with where it should.

    Args:
        name: The name of the run.
        seed: Its seed.
        model: The model.
        examples: Examples with given trees.
        data: ``"copy"`` or ``"reversal"``.

    Returns:
        A table with a row for each example (``sentence``, ``length``, ``right``; with attention
        ``on_true``, the mean of the attention on the true places), and what is made of it.

    Raises:
        ValueError: The run is not answered by a sequence.
    """
    head = model.classifier.head
    if not isinstance(head, SequenceHead):
        raise ValueError(
            f"{name} does not write sequences: give runs that structnn compare --data {data} made"
        )
    sentences = [example.sentence for example in examples if example.sentence is not None]
    inputs = model.inputs(sentences)
    right, on_true = np.zeros(len(examples)), np.full(len(examples), np.nan)
    shown: AlignedExample | None = None
    for begin in range(0, len(examples), AT_ONCE):
        places = np.arange(begin, min(begin + AT_ONCE, len(examples)))
        batch, _ = inputs.batch(places)
        for place, (best, *_) in zip(
            places.tolist(), head.generate(model.classifier(batch)), strict=True
        ):
            source = tuple(sentences[place].tokens)
            right[place] = best.text == examples[place].label
            written = tuple(best.text.split())
            if best.alignment is None or not written:
                continue
            true = true_places(data, len(source))[: len(written)]
            weights = best.alignment[: len(true), : len(source)].double().numpy()
            on_true[place] = weights[np.arange(len(true)), true].mean()
            padded = np.concatenate([true, np.full(len(written) - len(true), -1)])
            found = AlignedExample(
                source, written, best.alignment[: len(written)].double().numpy(), padded
            )
            if shown is None or abs(len(source) - SHOWN) < abs(len(shown.source) - SHOWN):
                shown = found
    lengths = np.array([len(sentence) for sentence in sentences])
    columns = {"sentence": np.arange(len(examples)), "length": lengths, "right": right}
    kinds = np.unique(lengths)
    if head.decoder.has_alignment:
        columns["on_true"] = on_true
    summary = AlignmentSummary(
        name,
        seed,
        kinds,
        np.array([right[lengths == length].mean() for length in kinds]),
        np.array([_mean(on_true[lengths == length]) for length in kinds])
        if head.decoder.has_alignment
        else np.array([]),
        shown,
    )
    return Measured(name, seed, columns), summary


def alignment_in_words(summaries: Sequence[AlignmentSummary], longest: int) -> list[str]:
    """How much is right, within the lengths of train and beyond; and how much attention is in place.

    Args:
        summaries: The runs.
        longest: The largest length in train.
    """
    lines = []
    for summary in summaries:
        within = summary.lengths <= longest
        right = summary.right
        line = f"{summary.name}, seed {summary.seed}: {share(_mean(right[within]))} are right"
        if not within.all():
            line += f" up to length {longest}, {share(_mean(right[~within]))} beyond"
        if len(summary.on_true):
            looked = share(_mean(summary.on_true[within]))
            line += f"; {looked} of the attention is in the true place"
            if not within.all():
                line += f", beyond {share(_mean(summary.on_true[~within]))}"
        else:
            line += "; there is no attention"
        lines.append(line)
    return lines


def _mean(values: Array) -> float:
    """The mean of what is known; NaN if nothing is."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")
